//! Frames as bytes: a head of eight bytes, then serde + bincode in one fixed configuration.
//!
//! ```text
//! 0        1      2          4                8
//! version  kind   reserved   payload length   payload (bincode, `length` bytes)
//! u8 = 1   u8     u16 = 0    u32, big-endian
//! ```
//!
//! Integers are fixed-width and big-endian, so that every value has one form; what decodes to a frame is, byte for byte,
//! what encoding that frame gives. A head is judged before a byte is allocated for its payload. Nothing here is ever
//! signed: what is signed travels inside as the bytes that were signed.
//!
//! This is the only place in this crate that knows bincode (1.3.3: see `docs/decisions`).

use crate::check::{Breach, check, check_body_head};
use crate::frame::{BodyHead, Frame};
use crate::kind::FrameKind;
use bincode::Options;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;

/// The length of the head of every frame, in bytes.
pub const FRAME_HEAD_BYTES: usize = 8;
/// The version of the wire form that this codec reads and writes.
pub const WIRE_VERSION: u8 = 1;

/// The head of a frame, already judged: the kind is known and the length within the limit of that kind (MUST-05).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    kind: FrameKind,
    length: u32,
}

impl FrameHead {
    /// Reads the head of a frame on a control stream.
    ///
    /// # Errors
    /// [`CodecError`] if version, kind, reserved bytes or length are wrong; the neighbour is to blame.
    pub fn parse(bytes: &[u8; FRAME_HEAD_BYTES]) -> Result<Self, CodecError> {
        let head = Self::parse_any(bytes)?;
        if head.kind == FrameKind::BodyHead { Err(CodecError::Kind(head.kind.number())) } else { Ok(head) }
    }

    /// Reads the head of a [`BodyHead`] at the beginning of a body stream.
    ///
    /// # Errors
    /// As [`FrameHead::parse`]; also if it is the head of any other frame.
    pub fn parse_body(bytes: &[u8; FRAME_HEAD_BYTES]) -> Result<Self, CodecError> {
        let head = Self::parse_any(bytes)?;
        if head.kind == FrameKind::BodyHead { Ok(head) } else { Err(CodecError::Kind(head.kind.number())) }
    }

    /// What the payload is.
    pub fn kind(&self) -> FrameKind {
        self.kind
    }

    /// The length of the payload in bytes, never above [`FrameKind::payload_bytes_max`].
    pub fn payload_bytes(&self) -> usize {
        self.length as usize
    }

    fn parse_any(bytes: &[u8; FRAME_HEAD_BYTES]) -> Result<Self, CodecError> {
        let [version, kind, reserved @ .., l0, l1, l2, l3] = *bytes;
        if version != WIRE_VERSION {
            return Err(CodecError::Version(version));
        }
        let kind = FrameKind::from_number(kind).ok_or(CodecError::Kind(kind))?;
        if reserved != [0; 2] {
            return Err(CodecError::Reserved);
        }
        let length = u32::from_be_bytes([l0, l1, l2, l3]);
        let limit = kind.payload_bytes_max();
        if length > limit {
            Err(CodecError::TooLong { kind, length, limit })
        } else {
            Ok(Self { kind, length })
        }
    }

    fn to_bytes(self) -> [u8; FRAME_HEAD_BYTES] {
        let [l0, l1, l2, l3] = self.length.to_be_bytes();
        [WIRE_VERSION, self.kind.number(), 0, 0, l0, l1, l2, l3]
    }
}

/// Why bytes are no frame, or a frame cannot be sent. Nothing gets better by trying the same again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// This node is to blame: it made a frame that no neighbour would take. Split the batch.
    #[error("this node made a {kind:?} frame that no neighbour takes ({breach}); split the batch")]
    Outgoing {
        /// What it was to be.
        kind: FrameKind,
        /// The limit it breaks.
        breach: Breach,
    },
    /// A wire version that nobody here speaks.
    #[error(
        "the neighbour sent a frame of wire version {0}, this node speaks 1; one of both must be updated"
    )]
    Version(u8),
    /// An unknown kind, or one that may not stand on this stream.
    #[error("the neighbour sent a frame of kind {0}, which may not stand here")]
    Kind(u8),
    /// The reserved bytes are in use.
    #[error("the neighbour uses reserved bytes of the frame head")]
    Reserved,
    /// The announced length is above the limit of its kind.
    #[error("the neighbour announces a {kind:?} frame of {length} bytes, at the most {limit} are taken")]
    TooLong {
        /// What it was to be.
        kind: FrameKind,
        /// The length announced, in bytes.
        length: u32,
        /// The limit, in bytes.
        limit: u32,
    },
    /// The payload is not as long as its head says.
    #[error("the {kind:?} frame of the neighbour has {found} bytes, its head says {announced}")]
    Length {
        /// What it was to be.
        kind: FrameKind,
        /// The length in the head, in bytes.
        announced: usize,
        /// The length of the payload, in bytes.
        found: usize,
    },
    /// The payload does not decode, has bytes to spare, or is another kind than its head says.
    #[error("the neighbour sent a malformed {kind:?} frame: {reason}")]
    Malformed {
        /// What it was to be.
        kind: FrameKind,
        /// What is wrong, in words of this crate, never of the frame.
        reason: &'static str,
    },
    /// The frame holds too much of something.
    #[error("the neighbour sent a {kind:?} frame over a limit ({breach})")]
    Limit {
        /// What it is.
        kind: FrameKind,
        /// The limit it breaks.
        breach: Breach,
    },
}

impl CodecError {
    /// Whether the neighbour is to blame; otherwise this node is.
    pub fn neighbour_is_to_blame(&self) -> bool {
        !matches!(self, Self::Outgoing { .. })
    }
}

/// A frame as bytes, head first.
///
/// # Errors
/// [`CodecError::Outgoing`] if a neighbour would refuse it; nothing was allocated for it then.
pub fn encode(frame: &Frame) -> Result<Vec<u8>, CodecError> {
    let kind = FrameKind::of(frame);
    check(frame).map_err(|breach| CodecError::Outgoing { kind, breach })?;
    write(kind, frame)
}

/// The head of a body stream as bytes, frame head first; the body follows it.
///
/// # Errors
/// [`CodecError::Outgoing`] if a neighbour would refuse it.
pub fn encode_body_head(head: &BodyHead) -> Result<Vec<u8>, CodecError> {
    let kind = FrameKind::BodyHead;
    check_body_head(head).map_err(|breach| CodecError::Outgoing { kind, breach })?;
    write(kind, head)
}

/// How long the payload of a frame would be, in bytes, whatever the limits say; to split batches by.
pub fn encoded_bytes(frame: &Frame) -> u64 {
    // Counting fails for no type of this crate; the fallback makes such a frame unsendable instead of unbounded.
    wire().serialized_size(frame).unwrap_or(u64::MAX)
}

/// The frame that follows `head`.
///
/// # Errors
/// [`CodecError`] if `payload` is not exactly one canonical frame of the kind and length of its head, within all limits.
pub fn decode(head: &FrameHead, payload: &[u8]) -> Result<Frame, CodecError> {
    let kind = head.kind;
    let tag = payload.first_chunk::<4>().map(|tag| u32::from_be_bytes(*tag));
    if kind == FrameKind::BodyHead || tag.is_some_and(|tag| tag != u32::from(kind.number())) {
        return Err(CodecError::Malformed { kind, reason: "the payload is another kind than its head says" });
    }
    let frame = read(head, payload)?;
    check(&frame).map_err(|breach| CodecError::Limit { kind, breach })?;
    Ok(frame)
}

/// The body head that follows `head`.
///
/// # Errors
/// As [`decode`].
pub fn decode_body_head(head: &FrameHead, payload: &[u8]) -> Result<BodyHead, CodecError> {
    let kind = head.kind;
    if kind != FrameKind::BodyHead {
        return Err(CodecError::Kind(kind.number()));
    }
    let body = read(head, payload)?;
    check_body_head(&body).map_err(|breach| CodecError::Limit { kind, breach })?;
    Ok(body)
}

/// The one configuration of the wire.
fn wire() -> impl Options {
    bincode::DefaultOptions::new().with_fixint_encoding().with_big_endian().reject_trailing_bytes()
}

/// Head and payload, without the checks of what is inside.
pub(crate) fn write<T: Serialize>(kind: FrameKind, value: &T) -> Result<Vec<u8>, CodecError> {
    let limit = kind.payload_bytes_max();
    let found = wire().serialized_size(value).unwrap_or(u64::MAX);
    let too_long = CodecError::Outgoing {
        kind,
        breach: Breach { what: "bytes of the payload", found, limit: u64::from(limit) },
    };
    let Some(length) = u32::try_from(found).ok().filter(|length| *length <= limit) else {
        return Err(too_long);
    };
    let mut bytes = Vec::with_capacity(FRAME_HEAD_BYTES + length as usize);
    bytes.extend_from_slice(&FrameHead { kind, length }.to_bytes());
    // Writing to memory fails only where counting above failed.
    wire().serialize_into(&mut bytes, value).map_err(|_| too_long)?;
    Ok(bytes)
}

/// The value of a payload, if it is all of it and in the one form that encoding the value gives again (MUST-06).
fn read<T: Serialize + DeserializeOwned>(head: &FrameHead, payload: &[u8]) -> Result<T, CodecError> {
    let kind = head.kind;
    if payload.len() != head.payload_bytes() {
        return Err(CodecError::Length { kind, announced: head.payload_bytes(), found: payload.len() });
    }
    let limited = wire().with_limit(u64::from(head.length));
    let value: T = limited
        .deserialize(payload)
        .map_err(|error| CodecError::Malformed { kind, reason: in_own_words(&error) })?;
    let mut rest = Comparison(payload);
    if wire().serialize_into(&mut rest, &value).is_err() || !rest.0.is_empty() {
        return Err(CodecError::Malformed { kind, reason: "it is not in canonical form" });
    }
    Ok(value)
}

/// What bincode says, without any text that came from the neighbour.
fn in_own_words(error: &bincode::ErrorKind) -> &'static str {
    use bincode::ErrorKind;
    match error {
        ErrorKind::Io(_) | ErrorKind::SizeLimit => "it ends too early",
        ErrorKind::InvalidUtf8Encoding(_) => "a text is not UTF-8",
        ErrorKind::InvalidBoolEncoding(_) => "a truth value is neither 0 nor 1",
        ErrorKind::InvalidTagEncoding(_) => "a tag has no meaning",
        _ => "a value breaks the rules of its type, or bytes are left over",
    }
}

/// Takes what is written only as long as it equals what is left of the bytes that came; allocates nothing.
struct Comparison<'a>(&'a [u8]);

impl io::Write for Comparison<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.strip_prefix(bytes).ok_or(io::ErrorKind::InvalidData)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
