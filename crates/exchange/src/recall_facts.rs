//! What must survive about recalls: facts, the state they make, and the facts that make that state anew.

use crate::limits::{RECALL_WAIT_MS, RECALL_WAIT_MS_MAX};
use crate::state::State;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use yizhan_document::{Digest, EnvelopeId, NodeId, OfficeName};

/// Something about the recall of a document. Variants are only ever appended: their order is the journal's format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecallFact {
    /// At the origin: an office recalled its document.
    Requested {
        /// The envelope.
        id: EnvelopeId,
        /// The `SubmissionAcceptance`.
        acceptance: u64,
        /// The `RecallRequested`.
        request: u64,
        /// The destinations that are asked.
        asked: Vec<NodeId>,
    },
    /// At the origin: a destination answered, or had answered before by signing for the document.
    Answered {
        /// The envelope.
        id: EnvelopeId,
        /// The destination.
        node: NodeId,
    },
    /// At a destination: the recall overtook its document, which is shown to nobody when it comes.
    Tombstone {
        /// The envelope.
        id: EnvelopeId,
        /// The `Recalled`.
        index: u64,
    },
    /// At a destination: the document left the inboxes.
    Recalled {
        /// The envelope.
        id: EnvelopeId,
        /// The `Recalled`.
        index: u64,
        /// The offices in whose inboxes it was.
        offices: Vec<OfficeName>,
    },
    /// At a destination: the document had been signed for.
    Denied {
        /// The envelope.
        id: EnvelopeId,
        /// The `RecallDenied`.
        index: u64,
    },
}

/// What a destination decided on a recall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecallOutcome {
    /// The document had not come: it is shown to nobody when it does.
    Tombstone,
    /// The document left the inboxes.
    Recalled,
    /// The document had been signed for, and stays.
    Denied,
}

/// Everything a node knows about recalls.
#[derive(Clone, Debug, Default)]
pub struct Recalls {
    requested: BTreeMap<EnvelopeId, Requested>,
    decided: BTreeMap<EnvelopeId, (RecallOutcome, u64)>,
    /// When destinations are asked (again), by uptime; known since the start only.
    due: BTreeSet<(u64, EnvelopeId, NodeId)>,
}

/// A recall at its origin.
#[derive(Clone, Debug)]
struct Requested {
    acceptance: u64,
    request: u64,
    /// Who has not answered, with the time of the next question and the count of those before.
    asked: BTreeMap<NodeId, (u64, u32)>,
}

/// A question that is due.
pub(crate) struct Due {
    pub(crate) id: EnvelopeId,
    pub(crate) node: NodeId,
    pub(crate) acceptance: u64,
    pub(crate) request: u64,
}

impl Recalls {
    /// At the origin: whether the document was recalled.
    pub fn is_requested(&self, id: EnvelopeId) -> bool {
        self.requested.contains_key(&id)
    }

    /// At the origin: the `RecallRequested` of a document.
    pub fn request(&self, id: EnvelopeId) -> Option<u64> {
        self.requested.get(&id).map(|requested| requested.request)
    }

    /// At a destination: what was decided, and the entry that says so.
    pub fn decision(&self, id: EnvelopeId) -> Option<(RecallOutcome, u64)> {
        self.decided.get(&id).copied()
    }

    /// At a destination: whether a document is shown to nobody.
    pub fn hides(&self, id: EnvelopeId) -> bool {
        matches!(self.decision(id), Some((RecallOutcome::Tombstone | RecallOutcome::Recalled, _)))
    }

    /// How many destinations have not answered yet.
    pub fn unanswered(&self) -> usize {
        self.due.len()
    }

    /// Facts that make all of this anew in a state whose inboxes no longer hold what was recalled.
    pub fn facts(&self) -> impl Iterator<Item = RecallFact> + '_ {
        let requested = self.requested.iter().map(|(id, requested)| RecallFact::Requested {
            id: *id,
            acceptance: requested.acceptance,
            request: requested.request,
            asked: requested.asked.keys().copied().collect(),
        });
        let decided = self.decided.iter().map(|(id, (outcome, index))| match outcome {
            RecallOutcome::Tombstone => RecallFact::Tombstone { id: *id, index: *index },
            RecallOutcome::Recalled => RecallFact::Recalled { id: *id, index: *index, offices: Vec::new() },
            RecallOutcome::Denied => RecallFact::Denied { id: *id, index: *index },
        });
        requested.chain(decided)
    }

    /// Whether this destination is still to answer.
    pub(crate) fn waits_for(&self, id: EnvelopeId, node: NodeId) -> bool {
        self.requested.get(&id).is_some_and(|requested| requested.asked.contains_key(&node))
    }

    /// All questions that are due, in order.
    pub(crate) fn due(&self, now: u64) -> impl Iterator<Item = Due> + '_ {
        self.questions().take_while(move |(at, _)| *at <= now).map(|(_, due)| due)
    }

    /// All questions that are to be asked, each with its time.
    pub(crate) fn questions(&self) -> impl Iterator<Item = (u64, Due)> + '_ {
        self.due.iter().filter_map(|(at, id, node)| {
            let Requested { acceptance, request, .. } = self.requested.get(id)?;
            Some((*at, Due { id: *id, node: *node, acceptance: *acceptance, request: *request }))
        })
    }

    /// A destination is asked again after a while, longer each time that a question left.
    pub(crate) fn ask_later(&mut self, now: u64, id: EnvelopeId, node: NodeId, left: bool) {
        let Some(requested) = self.requested.get_mut(&id) else { return };
        let Some((due, tries)) = requested.asked.get_mut(&node) else { return };
        self.due.remove(&(*due, id, node));
        *due = now + RECALL_WAIT_MS.saturating_mul(1 << (*tries).min(10)).min(RECALL_WAIT_MS_MAX);
        *tries += u32::from(left);
        self.due.insert((*due, id, node));
    }

    /// A link came up: every question may have a way now.
    pub(crate) fn ask_all_at(&mut self, now: u64) {
        self.due.clear();
        for (id, requested) in &mut self.requested {
            for (node, (due, _)) in &mut requested.asked {
                *due = now.min(*due);
                self.due.insert((*due, *id, *node));
            }
        }
    }

    fn answered(&mut self, id: EnvelopeId, node: NodeId) {
        let Some(requested) = self.requested.get_mut(&id) else { return };
        if let Some((due, _)) = requested.asked.remove(&node) {
            self.due.remove(&(due, id, node));
        }
    }
}

impl State {
    /// Takes a fact about a recall in.
    pub(crate) fn recall(&mut self, fact: &RecallFact) {
        match fact {
            RecallFact::Requested { id, acceptance, request, asked } => {
                self.recalls.due.extend(asked.iter().map(|node| (0, *id, *node)));
                let asked = asked.iter().map(|node| (*node, (0, 0))).collect();
                let requested = Requested { acceptance: *acceptance, request: *request, asked };
                self.recalls.requested.insert(*id, requested);
            }
            RecallFact::Answered { id, node } => self.recalls.answered(*id, *node),
            RecallFact::Tombstone { id, index } => self.decided(*id, RecallOutcome::Tombstone, *index),
            RecallFact::Denied { id, index } => self.decided(*id, RecallOutcome::Denied, *index),
            RecallFact::Recalled { id, index, offices } => {
                self.decided(*id, RecallOutcome::Recalled, *index);
                self.clear_inboxes(*id, offices);
            }
        }
    }

    fn decided(&mut self, id: EnvelopeId, outcome: RecallOutcome, index: u64) {
        self.recalls.decided.insert(id, (outcome, index));
    }

    /// A document leaves the inboxes, and its content is no longer needed for them; for neighbours it may still be.
    fn clear_inboxes(&mut self, id: EnvelopeId, offices: &[OfficeName]) {
        let taken = offices.iter().filter_map(|office| self.inboxes.remove(office, id));
        let holdings: BTreeMap<u64, Digest> = taken.map(|entry| (entry.holding, entry.header)).collect();
        for (holding, header) in holdings {
            match self.holdings.get_mut(&holding) {
                Some(held) => held.consigned = false,
                None => self.released.push((holding, Some((id, header)))),
            }
        }
    }
}
