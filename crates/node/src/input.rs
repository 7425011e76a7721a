//! What reaches the event loop: from neighbours, workers, the disk and the desk.

use crate::offers::{CheckedOffer, OfferError};
use crate::opening::{DeliveryError, OpenedDocument};
use crate::proofs::ProofError;
use std::sync::Arc;
use tokio::sync::oneshot;
use yizhan_document::{Act, Classification, Digest, EnvelopeId, NodeId, OfficeName};
use yizhan_exchange::{Answer, Closed, EpochStatement, HeardEntry, HeardRecall, RecallOrder, Staged};
use yizhan_hierarchy::Directory;
use yizhan_journal::StoredEnvelope;
use yizhan_ledger::{LogError, Settlement};
use yizhan_protocol::{Cosign, Custody, Hello, Kept, Recall, ReceiptsHome, Rejection, Wanted};
use yizhan_spool::BodyError;

/// Something for the event loop.
pub(crate) enum Input {
    /// Several, in this order.
    Many(Vec<Input>),
    /// A neighbour said hello.
    Up {
        /// The neighbour.
        neighbour: NodeId,
        /// Its hello.
        hello: Hello,
    },
    /// Another version of the directory is gone by.
    DirectoryChanged(Arc<Directory>),
    /// Full tiles of the ledger were made durable and read back, or cannot be.
    Settled(Result<Settlement, LogError>),
    /// A neighbour is gone.
    Down {
        /// The neighbour.
        neighbour: NodeId,
    },
    /// An offer was checked.
    Offer {
        /// The neighbour.
        neighbour: NodeId,
        /// Its number.
        link: u64,
        /// Digest of its header.
        envelope: Digest,
        /// The outcome.
        checked: Result<Box<CheckedOffer>, OfferError>,
    },
    /// A neighbour asks for a body.
    Wanted {
        /// The neighbour.
        neighbour: NodeId,
        /// What it asks for.
        wanted: Wanted,
    },
    /// The body of an offer is complete and durable, or cannot be had.
    Body {
        /// The neighbour.
        neighbour: NodeId,
        /// The offer.
        link: u64,
        /// The leaf hashes of its pieces; none if what came is not what the header commits to.
        pieces: Option<Vec<Digest>>,
    },
    /// Acceptances of a neighbour, with their proofs checked.
    Custody {
        /// The neighbour.
        neighbour: NodeId,
        /// The frame.
        custody: Box<Custody>,
        /// Its entries.
        entries: Result<Vec<HeardEntry>, ProofError>,
    },
    /// A neighbour's refusal.
    Rejected {
        /// The neighbour.
        neighbour: NodeId,
        /// The frame.
        rejection: Box<Rejection>,
    },
    /// Receipts that came by; the entries are read only where this node is their origin.
    Receipts {
        /// The neighbour.
        neighbour: NodeId,
        /// The frame.
        frame: Box<ReceiptsHome>,
        /// The entries.
        entries: Vec<HeardEntry>,
        /// Whether a neighbour of their maker cosigned the checkpoint.
        witnessed: bool,
    },
    /// A recall that came by; it is read and proven only where this node is the destination, and comes with its reason then.
    Recall {
        /// The neighbour.
        neighbour: NodeId,
        /// The frame.
        frame: Box<Recall>,
        /// What it says, and the reason, closed to this node.
        heard: Option<(HeardRecall, Vec<u8>)>,
    },
    /// A confirmation that came by.
    Kept {
        /// The neighbour.
        neighbour: NodeId,
        /// The frame.
        kept: Kept,
    },
    /// A cosignature for this node's ledger.
    Cosigned {
        /// The neighbour.
        neighbour: NodeId,
        /// The frame.
        cosign: Cosign,
    },
    /// A node began a new epoch of its ledger; the statement is proven.
    EpochOpened {
        /// Who tells.
        neighbour: NodeId,
        /// The statement.
        opened: EpochStatement,
    },
    /// A document was opened.
    Opened {
        /// What was opened.
        staged: Staged,
        /// The outcome.
        result: Result<OpenedDocument, DeliveryError>,
    },
    /// A body file was found not to be what it should be.
    Damaged {
        /// The holding.
        holding: u64,
    },
    /// A body could not be made durable: the node ends.
    DiskFailed(BodyError),
    /// The desk asks.
    Ask(Ask),
}

/// What the desk asks of the rules.
pub(crate) enum Ask {
    /// An id for a submission whose content has come in.
    Reserve {
        /// The submission, named so that it can be given back.
        request: u64,
        /// Where to.
        to: Vec<NodeId>,
        /// The classification.
        classification: Classification,
        /// The answer.
        reply: oneshot::Sender<Answer>,
    },
    /// A closed submission.
    Submit {
        /// The submission.
        request: u64,
        /// What the rules need to know.
        closed: Box<Closed>,
        /// Its content.
        stored: Box<StoredEnvelope>,
        /// The answer.
        reply: oneshot::Sender<Answer>,
    },
    /// The closed notice of a submission; comes right before it. What becomes of it is what becomes of the submission.
    Notice {
        /// The notice.
        request: u64,
        /// The submission that it tells of.
        of: u64,
        /// What the rules need to know.
        closed: Box<Closed>,
        /// Its content.
        stored: Box<StoredEnvelope>,
    },
    /// Several at once, in this order.
    Many(Vec<Ask>),
    /// A submission broke off.
    Abandon {
        /// The submission.
        request: u64,
    },
    /// An office takes a document over.
    Take {
        /// The office.
        office: OfficeName,
        /// The envelope.
        id: EnvelopeId,
        /// The answer.
        reply: oneshot::Sender<Answer>,
    },
    /// An office acts.
    Act {
        /// The office.
        office: OfficeName,
        /// The envelope.
        id: EnvelopeId,
        /// The act.
        act: Act,
        /// Digest over statement and signature.
        statement: Digest,
        /// Both, closed to the origin.
        attachment: Vec<u8>,
        /// The answer.
        reply: oneshot::Sender<Answer>,
    },
    /// The office that handed a document in recalls it.
    Recall {
        /// The document.
        order: RecallOrder,
        /// The reason, closed to this node.
        attachment: Vec<u8>,
        /// The answer.
        reply: oneshot::Sender<Answer>,
    },
    /// A look at what the rules know.
    Look(Box<dyn FnOnce(&yizhan_exchange::Node) + Send>),
}
