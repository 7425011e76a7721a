//! The kinds of frames: their numbers on the wire and the byte limit of each.

use crate::frame::Frame;
use crate::limits;

/// The number a body head bears; far from the frames of the control stream, so that neither is taken for the other.
const BODY_HEAD: u8 = 0x80;

/// What a frame is, known from its head before the payload is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// [`Frame::Hello`].
    Hello,
    /// [`Frame::Offer`].
    Offer,
    /// [`Frame::Wanted`].
    Wanted,
    /// [`Frame::Custody`].
    Custody,
    /// [`Frame::Rejection`].
    Rejection,
    /// [`Frame::ReceiptsHome`].
    ReceiptsHome,
    /// [`Frame::Kept`].
    Kept,
    /// [`Frame::Cosign`].
    Cosign,
    /// [`Frame::Recall`].
    Recall,
    /// [`Frame::DirectoryHeld`].
    DirectoryHeld,
    /// [`Frame::DirectoryWanted`].
    DirectoryWanted,
    /// [`Frame::DirectoryPart`].
    DirectoryPart,
    /// [`Frame::EpochOpened`].
    EpochOpened,
    /// [`crate::BodyHead`]; on body streams only.
    BodyHead,
}

impl FrameKind {
    /// The kind of a frame.
    pub fn of(frame: &Frame) -> Self {
        match frame {
            Frame::Hello(_) => Self::Hello,
            Frame::Offer(_) => Self::Offer,
            Frame::Wanted(_) => Self::Wanted,
            Frame::Custody(_) => Self::Custody,
            Frame::Rejection(_) => Self::Rejection,
            Frame::ReceiptsHome(_) => Self::ReceiptsHome,
            Frame::Kept(_) => Self::Kept,
            Frame::Cosign(_) => Self::Cosign,
            Frame::Recall(_) => Self::Recall,
            Frame::DirectoryHeld(_) => Self::DirectoryHeld,
            Frame::DirectoryWanted(_) => Self::DirectoryWanted,
            Frame::DirectoryPart(_) => Self::DirectoryPart,
            Frame::EpochOpened(_) => Self::EpochOpened,
        }
    }

    /// The kind with this number in a frame head.
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Hello,
            1 => Self::Offer,
            2 => Self::Wanted,
            3 => Self::Custody,
            4 => Self::Rejection,
            5 => Self::ReceiptsHome,
            6 => Self::Kept,
            7 => Self::Cosign,
            8 => Self::Recall,
            9 => Self::DirectoryHeld,
            10 => Self::DirectoryWanted,
            11 => Self::DirectoryPart,
            12 => Self::EpochOpened,
            BODY_HEAD => Self::BodyHead,
            _ => return None,
        })
    }

    /// Its number in a frame head; for the frames of the control stream the index of the variant in [`Frame`].
    pub fn number(self) -> u8 {
        match self {
            Self::Hello => 0,
            Self::Offer => 1,
            Self::Wanted => 2,
            Self::Custody => 3,
            Self::Rejection => 4,
            Self::ReceiptsHome => 5,
            Self::Kept => 6,
            Self::Cosign => 7,
            Self::Recall => 8,
            Self::DirectoryHeld => 9,
            Self::DirectoryWanted => 10,
            Self::DirectoryPart => 11,
            Self::EpochOpened => 12,
            Self::BodyHead => BODY_HEAD,
        }
    }

    /// The longest payload of this kind, in bytes.
    pub fn payload_bytes_max(self) -> u32 {
        match self {
            Self::Hello => limits::HELLO_BYTES_MAX,
            Self::Offer => limits::OFFER_BYTES_MAX,
            Self::Wanted => limits::WANTED_BYTES_MAX,
            Self::Custody => limits::CUSTODY_BYTES_MAX,
            Self::Rejection => limits::REJECTION_BYTES_MAX,
            Self::ReceiptsHome => limits::RECEIPTS_HOME_BYTES_MAX,
            Self::Kept => limits::KEPT_BYTES_MAX,
            Self::Cosign => limits::COSIGN_BYTES_MAX,
            Self::Recall => limits::RECALL_BYTES_MAX,
            Self::DirectoryHeld => limits::DIRECTORY_HELD_BYTES_MAX,
            Self::DirectoryWanted => limits::DIRECTORY_WANTED_BYTES_MAX,
            Self::DirectoryPart => limits::DIRECTORY_PART_BYTES_MAX,
            Self::EpochOpened => limits::EPOCH_OPENED_BYTES_MAX,
            Self::BodyHead => limits::BODY_HEAD_BYTES_MAX,
        }
    }
}
