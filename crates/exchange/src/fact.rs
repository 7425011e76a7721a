//! What must survive: facts, from which the whole state is made anew at every start.

use crate::condensed::Condensed;
use crate::epoch::EpochStatement;
use crate::event::Office;
use crate::recall_facts::RecallFact;
use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use yizhan_document::{Act, Attempt, Digest, EnvelopeId, LedgerId, NodeId, OfficeName, Urgency, WallTime};
use yizhan_ledger::{EntryRef, Head, Target};

/// Something that was decided. Variants are only ever appended: their order is the journal's format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// An entry of the own ledger.
    Entered(Entered),
    /// Custody of units was accepted: there is a holding.
    Accepted(Box<Acceptance>),
    /// Units of a holding wait for a neighbour under a number of its link.
    Assigned {
        /// The holding.
        holding: u64,
        /// The neighbour.
        hop: NodeId,
        /// The number.
        link: u64,
        /// The units.
        units: Vec<Target>,
    },
    /// The neighbour took custody of what was assigned under this number.
    Passed {
        /// The neighbour.
        hop: NodeId,
        /// The number.
        link: u64,
    },
    /// What was assigned under this number is not offered any more (refused for good, expired, damaged).
    Withdrawn {
        /// The neighbour.
        hop: NodeId,
        /// The number.
        link: u64,
    },
    /// A document reached the inboxes of this node, or cannot.
    Consigned(Consigned),
    /// An origin's destination came to an end.
    Ended {
        /// The envelope.
        id: EnvelopeId,
        /// The destination.
        node: NodeId,
        /// How.
        end: End,
    },
    /// The origin opened a new attempt for a destination.
    Attempted {
        /// The envelope.
        id: EnvelopeId,
        /// The destination.
        node: NodeId,
        /// The attempt, from 1.
        attempt: Attempt,
    },
    /// Receipts of another ledger are stored here.
    Heard {
        /// The ledger.
        ledger: LedgerId,
        /// The entries.
        indexes: Vec<u64>,
    },
    /// The origin confirmed that it holds these entries of ours.
    Kept {
        /// The origin.
        origin: NodeId,
        /// The entries.
        indexes: Vec<u64>,
    },
    /// These entries are owed to the origin once more.
    Owed {
        /// The origin.
        origin: NodeId,
        /// The entries.
        indexes: Vec<u64>,
    },
    /// Custody of units ended here without being passed on: delivered, failed or expired, as an entry says.
    Discharged {
        /// The holding.
        holding: u64,
        /// The units.
        units: Vec<Target>,
    },
    /// This node cosigned a neighbour's checkpoint.
    Witnessed(Head),
    /// An office took a document over.
    Handed {
        /// The office.
        office: OfficeName,
        /// The envelope.
        id: EnvelopeId,
        /// The `ContentHandover`.
        index: u64,
    },
    /// An office acted on a document.
    Acted {
        /// The office.
        office: OfficeName,
        /// The envelope.
        id: EnvelopeId,
        /// The act.
        act: Act,
        /// The entry.
        index: u64,
    },
    /// The origin knows that an attempt failed; it opens another.
    AttemptFailed {
        /// The envelope.
        id: EnvelopeId,
        /// The destination.
        node: NodeId,
        /// The attempt.
        attempt: Attempt,
    },
    /// Receipts of another ledger are stored here under a checkpoint that somebody cosigned.
    Renewed {
        /// The ledger.
        ledger: LedgerId,
        /// The entries.
        indexes: Vec<u64>,
    },
    /// Something about the recall of a document.
    Recall(RecallFact),
    /// A part of the whole state, said once more so that the history before it can go.
    Condensed(Condensed),
    /// A node began a new epoch of its ledger.
    EpochOpened(Box<EpochStatement>),
    /// The origin heard that a node had custody of units of its envelope.
    Custodian {
        /// The envelope.
        id: EnvelopeId,
        /// The node.
        node: NodeId,
        /// The units.
        units: Vec<Target>,
    },
    /// The origin heard of an end of units from a node of whose custody it has not heard.
    Claimed {
        /// The envelope.
        id: EnvelopeId,
        /// The node.
        node: NodeId,
        /// The units.
        units: Vec<Target>,
        /// Whether they expired; else they failed.
        expired: bool,
    },
}

/// An entry of the own ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entered {
    /// Its index; gap-free.
    pub index: u64,
    /// Its bytes.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
    /// The origin to which it is owed as a receipt, if it is owed.
    pub home: Option<NodeId>,
}

/// An acceptance of custody, by which a holding is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// The entry; its index names the holding.
    pub at: EntryRef,
    /// The envelope.
    pub id: EnvelopeId,
    /// Digest of the header.
    pub header: Digest,
    /// From whom.
    pub source: Source,
    /// The units.
    pub units: Vec<Target>,
    /// At the origin: the number given for each unit, in the same order.
    pub numbers: Vec<u64>,
    /// Urgency.
    pub urgency: Urgency,
    /// Deadline.
    pub deadline: WallTime,
    /// Size of the body, in bytes.
    pub size: u64,
    /// Whether the body rides with offers.
    pub inline: bool,
    /// Who had custody before, origin first.
    pub path: Vec<NodeId>,
    /// At the origin: the idempotency key of the submission, if it gave one.
    pub key: Option<SubmissionKey>,
}

/// An idempotency key, and what was handed in under it: another document under the same key is a mistake of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmissionKey {
    /// Digest over the submitting office and the key.
    pub key: Digest,
    /// Digest over the submission.
    pub submission: Digest,
}

/// Who handed an envelope over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// An office of this node: this node is the origin.
    Office,
    /// A neighbour, by the offer with this number.
    Neighbour {
        /// The neighbour.
        node: NodeId,
        /// The number.
        link: u64,
    },
}

/// The arrival of a document at its destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consigned {
    /// The holding with the content.
    pub holding: u64,
    /// The attempt that arrived.
    pub attempt: Attempt,
    /// The `ContentConsignment` or its failure; absent for an attempt whose document had been consigned before.
    pub at: Option<EntryRef>,
    /// The offices; none where it failed.
    pub offices: Vec<Office>,
}

/// How a destination ended for its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// It lies in the inbox.
    Consigned,
    /// It arrived and could not be delivered, or could not be brought there.
    Failed,
    /// The deadline passed.
    Expired,
    /// The office recalled it before it was signed for.
    Recalled,
}
