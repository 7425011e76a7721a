//! What happens to a node. Signatures, proofs and digests in an event have been checked by whoever made it.

use crate::fact::SubmissionKey;
use crate::room::Room;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use yizhan_document::{
    Act, Classification, Digest, EnvelopeId, LedgerId, NodeId, OfficeName, Urgency, WallTime,
};
use yizhan_hierarchy::Directory;
use yizhan_ledger::{EntryRef, Event as Entered, Head, Target};

/// Names a question of the desk that waits for an answer.
pub type Request = u64;
/// Names something that the shell holds in memory or in a part file until the core says what to do with it.
pub type Staged = u64;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Time passed.
    Tick,
    /// Everything up to this ticket is durable, and a checkpoint over it is signed.
    Persisted {
        /// The last durable ticket.
        ticket: u64,
    },
    /// A neighbour said hello.
    LinkUp {
        /// The neighbour.
        neighbour: NodeId,
        /// Its wall clock, in milliseconds.
        clock_ms: u64,
    },
    /// A neighbour is gone.
    LinkDown {
        /// The neighbour.
        neighbour: NodeId,
    },
    /// Another version of the directory is gone by from now on.
    DirectoryChanged {
        /// The version.
        directory: Arc<Directory>,
    },
    /// An office begins to hand in a document.
    Submitting {
        /// Who asks.
        request: Request,
        /// The destination nodes, ascending, each once.
        to: Vec<NodeId>,
        /// The classification on the label.
        classification: Classification,
    },
    /// The envelope of a submission is closed.
    Submitted {
        /// Who asks.
        request: Request,
        /// The envelope.
        closed: Closed,
        /// Its content.
        staged: Staged,
    },
    /// The envelope of a notice is closed, which is accepted with the submission that it tells of or not at all (MUST-47). Comes
    /// before the submission's own [`Event::Submitted`].
    NoticeClosed {
        /// Under which its id was reserved.
        request: Request,
        /// The submission that it tells of.
        of: Request,
        /// The envelope.
        closed: Closed,
        /// Its content.
        staged: Staged,
    },
    /// The submission broke off before its envelope was closed.
    SubmissionAbandoned {
        /// Who asked.
        request: Request,
    },
    /// A neighbour offers custody of an envelope; header, slips and proofs are good.
    Offered {
        /// The neighbour.
        neighbour: NodeId,
        /// The envelope.
        offered: OfferedEnvelope,
        /// What came with it.
        staged: Staged,
    },
    /// The large body of an offer is here, durable and verified; or it cannot be had.
    BodyArrived {
        /// The neighbour.
        neighbour: NodeId,
        /// The offer.
        link: u64,
        /// Whether it is here.
        good: bool,
    },
    /// What the ledger holds about an envelope that was settled long ago.
    Recollected {
        /// The neighbour whose offer asked.
        neighbour: NodeId,
        /// The offer.
        link: u64,
        /// The acceptances entered for the envelope.
        past: Vec<Past>,
    },
    /// The slip for this node was opened, the body read and the office's signature checked.
    Opened {
        /// What was opened.
        staged: Staged,
        /// The offices of this node that the manifest names; or a code that says why it cannot be delivered.
        result: Result<Vec<Office>, String>,
    },
    /// What was to be opened could not be, by a fault of this node: nothing is said of the document.
    NotOpened {
        /// What was to be opened.
        staged: Staged,
    },
    /// A neighbour proved that it took custody.
    CustodyTaken {
        /// The neighbour.
        neighbour: NodeId,
        /// Its checkpoint.
        head: Head,
        /// The acknowledged offers, each with the acceptance.
        acknowledged: Vec<(u64, HeardEntry)>,
        /// The frame, to be stored where this node is the origin.
        staged: Staged,
    },
    /// A neighbour refused custody.
    Rejected {
        /// The neighbour.
        neighbour: NodeId,
        /// The offer.
        link: u64,
        /// Digest of the refused header.
        envelope: Digest,
        /// The neighbour's reason.
        reason: String,
        /// Whether it is to be offered again.
        retry: bool,
    },
    /// Receipts came by, on their way to an origin.
    ReceiptsArrived {
        /// The neighbour.
        neighbour: NodeId,
        /// Whom they are for.
        origin: NodeId,
        /// How many hops they may still go.
        hops_left: u8,
        /// The ledger that made them.
        ledger: LedgerId,
        /// The entries; read and proven only where this node is the origin, else empty.
        entries: Vec<HeardEntry>,
        /// Whether a neighbour of their maker cosigned the checkpoint that they are proven under.
        witnessed: bool,
        /// The frame.
        staged: Staged,
    },
    /// An origin's confirmation came by.
    KeptArrived {
        /// The neighbour.
        neighbour: NodeId,
        /// The confirmation.
        kept: crate::Kept,
    },
    /// Stored content of a holding cannot be read.
    Damaged {
        /// The holding.
        holding: u64,
    },
    /// An office takes a document over.
    Taken {
        /// Who asks.
        request: Request,
        /// The office.
        office: OfficeName,
        /// The envelope.
        id: EnvelopeId,
    },
    /// An office signs for, refuses or returns a document; its signature is good.
    Acted {
        /// Who asks.
        request: Request,
        /// The office.
        office: OfficeName,
        /// The envelope.
        id: EnvelopeId,
        /// The act.
        act: Act,
        /// Digest over the statement and its signature.
        statement: Digest,
        /// Both, closed to the origin.
        staged: Staged,
    },
    /// The office that handed a document in recalls it.
    Recalling {
        /// Who asks.
        request: Request,
        /// The document, and what is said of the reason.
        order: RecallOrder,
        /// The reason, closed to this node.
        staged: Staged,
    },
    /// A recall came by, on its way to a destination.
    RecallArrived {
        /// The neighbour.
        neighbour: NodeId,
        /// Whom it is for.
        destination: NodeId,
        /// How many hops it may still go.
        hops_left: u8,
        /// What it says; read and proven only where this node is the destination, else absent.
        recall: Option<crate::HeardRecall>,
        /// The reason, closed to this node; where this node is not the destination, the frame.
        staged: Staged,
    },
    /// A neighbour's checkpoint was found to be consistent with what was known.
    Witnessed {
        /// The neighbour.
        neighbour: NodeId,
        /// The checkpoint.
        head: Head,
    },
    /// The disk has more room, or less.
    Room(Room),
    /// A neighbour tells that a node began a new epoch of its ledger; [`crate::proves_epoch`] says so too.
    EpochOpened {
        /// The neighbour.
        neighbour: NodeId,
        /// What the node stated.
        opened: crate::EpochStatement,
    },
}

impl Event {
    /// What came with it and is staged.
    pub fn staged(&self) -> Option<Staged> {
        match self {
            Self::Submitted { staged, .. }
            | Self::NoticeClosed { staged, .. }
            | Self::Offered { staged, .. }
            | Self::Opened { staged, .. }
            | Self::NotOpened { staged }
            | Self::CustodyTaken { staged, .. }
            | Self::ReceiptsArrived { staged, .. }
            | Self::Acted { staged, .. }
            | Self::Recalling { staged, .. }
            | Self::RecallArrived { staged, .. } => Some(*staged),
            _ => None,
        }
    }
}

/// A closed envelope, as its origin knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The reserved id.
    pub id: EnvelopeId,
    /// Digest of the header.
    pub header: Digest,
    /// Digest of the manifest.
    pub manifest: Digest,
    /// Urgency.
    pub urgency: Urgency,
    /// Deadline.
    pub deadline: WallTime,
    /// Size of the body, in bytes.
    pub size: u64,
    /// Whether the body is small enough to ride with offers.
    pub inline: bool,
    /// The directory version.
    pub directory: u64,
    /// The idempotency key, if the office gave one.
    pub key: Option<SubmissionKey>,
}

/// A document that its office recalls: what the origin's ledger shows of it, and what is entered of the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecallOrder {
    /// The envelope.
    pub id: EnvelopeId,
    /// Digest of the header.
    pub envelope: Digest,
    /// The `SubmissionAcceptance`.
    pub acceptance: EntryRef,
    /// The destinations in it.
    pub to: Vec<NodeId>,
    /// The salted digest of the reason.
    pub reason: Digest,
}

/// An envelope as offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedEnvelope {
    /// The number of the offer on the link.
    pub link: u64,
    /// The envelope.
    pub id: EnvelopeId,
    /// Digest of the header.
    pub header: Digest,
    /// The units.
    pub units: Vec<Target>,
    /// Urgency.
    pub urgency: Urgency,
    /// Classification.
    pub classification: Classification,
    /// Deadline.
    pub deadline: WallTime,
    /// Size of the body, in bytes.
    pub size: u64,
    /// Whether the body came with the offer.
    pub inline: bool,
    /// The offerer's acceptance.
    pub rests_on: EntryRef,
    /// Who had custody so far, the offerer last.
    pub path: Vec<NodeId>,
}

/// An entry of another node's ledger, proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeardEntry {
    /// Where it stands.
    pub at: EntryRef,
    /// When its maker entered it, by its own clock.
    pub time: WallTime,
    /// What it says.
    pub event: Entered,
}

/// An acceptance found in the own ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// Its index.
    pub index: u64,
    /// The neighbour it was given to.
    pub from: NodeId,
    /// The offer it answered.
    pub link: u64,
    /// The units.
    pub units: Vec<Target>,
}

/// An office that a manifest names, with its salted commitment.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Office {
    /// The office.
    pub name: OfficeName,
    /// What receipts call it.
    pub commitment: Digest,
}
