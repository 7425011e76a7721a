//! What a node wants done.

use crate::event::{Request, Staged};
use crate::fact::Fact;
use alloc::string::String;
use alloc::vec::Vec;
use yizhan_document::{Digest, EnvelopeId, LedgerId, NodeId};
use yizhan_ledger::{Entry, Head, Target};

/// Names a batch of facts on its way to disk; tickets are durable in order.
pub type Ticket = u64;

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Make these facts durable together with the staged content, then say [`crate::Event::Persisted`].
    Persist {
        /// The batch.
        ticket: Ticket,
        /// The facts, in order.
        facts: Vec<Fact>,
        /// What is stored beside them.
        stored: Vec<Stored>,
        /// The entries among the facts, each with its index, so that nobody has to read their bytes again.
        entries: Vec<(u64, Entry)>,
    },
    /// Answer a question of the desk.
    Answer {
        /// Which.
        request: Request,
        /// The answer.
        answer: Answer,
    },
    /// Offer custody of a holding's units.
    Offer {
        /// To whom.
        neighbour: NodeId,
        /// The number on the link.
        link: u64,
        /// What.
        holding: u64,
        /// Which units.
        units: Vec<Target>,
    },
    /// Ask for the large body of an offer, write it and say [`crate::Event::BodyArrived`].
    WantBody {
        /// From whom.
        neighbour: NodeId,
        /// The offer.
        link: u64,
        /// What came with the offer.
        staged: Staged,
    },
    /// Open the slip for this node, read the body, check the signature and say [`crate::Event::Opened`].
    Open {
        /// What came with the offer or the submission.
        staged: Staged,
        /// The envelope.
        id: EnvelopeId,
    },
    /// Forget what came with an offer.
    Discard {
        /// It.
        staged: Staged,
    },
    /// Look for acceptances of an envelope in the own ledger and say [`crate::Event::Recollected`].
    Recollect {
        /// Whose offer asks.
        neighbour: NodeId,
        /// The offer.
        link: u64,
        /// The envelope.
        id: EnvelopeId,
    },
    /// Tell a neighbour that its offers were accepted, with proof.
    Custody {
        /// Whom.
        neighbour: NodeId,
        /// Link number and index of the acceptance.
        acknowledged: Vec<(u64, u64)>,
    },
    /// Tell a neighbour that its offer is refused.
    Reject {
        /// Whom.
        neighbour: NodeId,
        /// The offer.
        link: u64,
        /// Digest of the refused header.
        envelope: Digest,
        /// Why.
        reason: String,
        /// Whether it may be offered again.
        retry: bool,
        /// The `RelayRejection`, where one was entered.
        entry: Option<u64>,
    },
    /// Send own entries home.
    SendReceipts {
        /// The next hop.
        hop: NodeId,
        /// The origin they are for.
        origin: NodeId,
        /// The entries.
        indexes: Vec<u64>,
    },
    /// Pass receipts on.
    ForwardReceipts {
        /// The next hop.
        hop: NodeId,
        /// The frame that came.
        staged: Staged,
    },
    /// Send or pass on a confirmation.
    SendKept {
        /// The next hop.
        hop: NodeId,
        /// It.
        kept: Kept,
    },
    /// Send a recall on its way, with the reason closed to the destination.
    SendRecall {
        /// The next hop.
        hop: NodeId,
        /// The destination.
        destination: NodeId,
        /// The `SubmissionAcceptance`.
        acceptance: u64,
        /// The `RecallRequested`, whose attachment is the reason.
        request: u64,
    },
    /// Tell a neighbour that a node began a new epoch of its ledger.
    TellEpoch {
        /// Whom.
        neighbour: NodeId,
        /// The ledger: the one kept here, whose first entry is the statement, or one in [`State::epochs`](crate::State::epochs).
        ledger: LedgerId,
    },
    /// Pass a recall on.
    ForwardRecall {
        /// The next hop.
        hop: NodeId,
        /// The frame that came.
        staged: Staged,
    },
    /// Cosign a neighbour's checkpoint and send the cosignature.
    Cosign {
        /// Whose.
        neighbour: NodeId,
        /// The checkpoint.
        head: Head,
    },
    /// The content of a holding is no longer needed.
    Release {
        /// The holding.
        holding: u64,
        /// The envelope and the digest of its header, where its body may be a file. Other holdings may still need that file:
        /// see [`State::needs_content`](crate::State::needs_content).
        body: Option<(EnvelopeId, Digest)>,
    },
}

/// What is stored beside facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// The envelope of a new holding.
    Envelope {
        /// The holding: the index of its acceptance.
        holding: u64,
        /// The content.
        staged: Staged,
    },
    /// Receipts of another ledger.
    Receipts {
        /// The frame that brought them.
        staged: Staged,
    },
    /// What goes home beside an entry.
    Attachment {
        /// The entry.
        index: u64,
        /// The bytes.
        staged: Staged,
    },
}

/// An answer to the desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The id and the numbers for an envelope about to be closed.
    Reserved {
        /// The envelope id.
        id: EnvelopeId,
        /// The number for each destination, in the order asked.
        numbers: Vec<u64>,
    },
    /// Accepted: the entry is durable.
    Submitted {
        /// The envelope.
        id: EnvelopeId,
        /// The `SubmissionAcceptance`.
        index: u64,
    },
    /// The document may be handed over; its entry is durable.
    Handed {
        /// Where the content is.
        holding: u64,
        /// The `ContentHandover`.
        index: u64,
    },
    /// The act is entered.
    Acted {
        /// The entry.
        index: u64,
    },
    /// The recall is entered, and every destination is asked.
    Recalling {
        /// The `RecallRequested`.
        index: u64,
    },
    /// Refused, with a stable code.
    Refused {
        /// Such as `no-route`, `classification`, `unknown`, `signed-for`, `recalled`.
        reason: &'static str,
    },
}

/// An origin's confirmation that it holds receipts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The node whose ledger made them.
    pub maker: NodeId,
    /// The origin.
    pub origin: NodeId,
    /// How many hops this may still go.
    pub hops_left: u8,
    /// The ledger.
    pub ledger: LedgerId,
    /// The entries.
    pub indexes: Vec<u64>,
}
