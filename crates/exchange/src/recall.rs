//! Recall (撤回): an origin asks the destinations of a document not to show it, and each decides once.
//!
//! The question is the origin's to repeat, as a receipt is its maker's; relays only pass it on. The destination alone orders
//! a recall against `SignedFor`: whatever it entered first stands. A recall that overtakes its document stays as a tombstone.

use crate::effect::{Answer, Effect, Stored};
use crate::event::{HeardEntry, RecallOrder, Request, Staged};
use crate::fact::{End, Fact};
use crate::limits::{RECALLS_AT_ONCE_MAX, UNITS_PER_OFFER_MAX};
use crate::node::Node;
use crate::recall_facts::{Due, RecallFact};
use alloc::vec::Vec;
use yizhan_document::{Act, Digest, EnvelopeId, LedgerId, NodeId, OfficeName};
use yizhan_ledger::{EntryRef, Event as LedgerEvent, RecallAnswer, RecallRequest, Target};

/// A recall as it reached a destination, proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeardRecall {
    /// The envelope.
    pub id: EnvelopeId,
    /// Digest of the header.
    pub envelope: Digest,
    /// The `RecallRequested`.
    pub at: EntryRef,
    /// The salted digest of the reason.
    pub reason: Digest,
}

/// What the entries, of `ledger`, ask of `destination`: that the origin accepted the envelope for it and recalled it. None if
/// they do not show both (MUST-31).
pub fn proves_recall(destination: NodeId, ledger: LedgerId, entries: &[HeardEntry]) -> Option<HeardRecall> {
    let (at, request) = entries.iter().find_map(|entry| match &entry.event {
        LedgerEvent::RecallRequested(request) => Some((entry.at, request)),
        _ => None,
    })?;
    let accepted = entries.iter().any(|entry| match &entry.event {
        LedgerEvent::SubmissionAcceptance { id, envelope, to, .. } => {
            entry.at == request.rests_on
                && *id == request.id
                && *envelope == request.envelope
                && to.contains(&destination)
        }
        _ => false,
    });
    let RecallRequest { id, envelope, reason, .. } = *request;
    (accepted && ledger == id.ledger()).then_some(HeardRecall { id, envelope, at, reason })
}

impl Node {
    /// At the origin: enters the recall once (MUST-29), takes back what was never offered, and asks all other destinations.
    pub(crate) fn recalling(&mut self, request: Request, order: &RecallOrder, staged: Staged) {
        let RecallOrder { id, envelope, acceptance, ref to, reason } = *order;
        if let Some(index) = self.state.recalls.request(id) {
            self.effect(Effect::Discard { staged });
            let durable = self.is_durable(index);
            let answer =
                if durable { Answer::Recalling { index } } else { Answer::Refused { reason: "busy" } };
            self.effect(Effect::Answer { request, answer });
            return;
        }
        let me = self.me();
        if id.origin != me || !self.is_durable(acceptance.index) {
            self.effect(Effect::Discard { staged });
            self.effect(Effect::Answer { request, answer: Answer::Refused { reason: "unknown" } });
            return;
        }
        let event = RecallRequest { id, envelope, reason, rests_on: acceptance };
        let at = self.enter(LedgerEvent::RecallRequested(event), None);
        self.store(Stored::Attachment { index: at.index, staged });
        let home = self.never_offered(id);
        let taken_back =
            |node: &NodeId| home.iter().any(|(_, _, units)| units.iter().any(|u| u.node == *node));
        let asked = to.iter().copied().filter(|node| *node != me && !taken_back(node)).collect();
        let (acceptance, index) = (acceptance.index, at.index);
        self.fact(Fact::Recall(RecallFact::Requested { id, acceptance, request: index, asked }));
        for (hop, link, units) in home {
            self.take_back(id, envelope, at, (hop, link), units);
        }
        if to.contains(&me) {
            self.decide_recall(HeardRecall { id, envelope, at, reason }, None);
        }
        self.word(Effect::Answer { request, answer: Answer::Recalling { index } });
    }

    /// Offers of an envelope that certainly never left this origin (MUST-33), with their links and numbers: first attempts only, for
    /// what was tried before may be anywhere.
    fn never_offered(&self, id: EnvelopeId) -> Vec<(NodeId, u64, Vec<Target>)> {
        let Some(outgoing) = self.state.outgoing.get(&id) else { return Vec::new() };
        let all = self
            .state
            .links
            .iter()
            .flat_map(|(hop, link)| link.outbound.iter().map(move |(number, out)| (*hop, *number, out)));
        all.filter(|(_, _, out)| out.holding == outgoing.holding && !out.perhaps_offered)
            .filter(|(_, _, out)| {
                let first = |unit: &Target| unit.attempt == 0 && outgoing.targets.get(&unit.node) == Some(&0);
                out.units.iter().all(first)
            })
            .map(|(hop, number, out)| (hop, number, out.units.clone()))
            .collect()
    }

    fn take_back(
        &mut self,
        id: EnvelopeId,
        envelope: Digest,
        rests_on: EntryRef,
        (hop, link): (NodeId, u64),
        units: Vec<Target>,
    ) {
        let Some(holding) = self.state.outgoing.get(&id).map(|outgoing| outgoing.holding) else { return };
        let to = units.iter().map(|unit| unit.node).collect();
        self.enter(LedgerEvent::Recalled(RecallAnswer { id, envelope, to, rests_on }), None);
        self.fact(Fact::Withdrawn { hop, link });
        for unit in &units {
            self.fact(Fact::Ended { id, node: unit.node, end: End::Recalled });
        }
        self.fact(Fact::Discharged { holding, units });
    }

    /// At the origin: asks the destinations whose time has come, again and again until they answer (MUST-30).
    pub(crate) fn ask_recalls(&mut self) {
        let now = self.now().uptime;
        let due = self.state.recalls.due(now).filter(|due| self.is_durable(due.request));
        let due: Vec<Due> = due.take(RECALLS_AT_ONCE_MAX).collect();
        for Due { id, node, acceptance, request } in due {
            let hop = self.way_to(node);
            self.state.recalls.ask_later(now, id, node, hop.is_some());
            if let Some(hop) = hop {
                self.effect(Effect::SendRecall { hop, destination: node, acceptance, request });
            }
        }
    }

    /// When the next destination is to be asked; what is not durable yet is looked at when it is.
    pub(crate) fn next_recall(&self) -> Option<u64> {
        let mut questions = self.state.recalls.questions();
        questions.find(|(_, due)| self.is_durable(due.request)).map(|(at, _)| at)
    }

    /// At the origin: a destination answered, in one of the ways that end its being asked.
    pub(crate) fn recall_answered(&mut self, id: EnvelopeId, ledger: LedgerId, event: &LedgerEvent) {
        let node = ledger.node;
        let denies = matches!(event, LedgerEvent::RecallDenied(_) | LedgerEvent::SignedFor(_));
        // Signed for in an inbox that was lost before its origin knew of the arrival: the new epoch has nothing of it, and is asked.
        let lost = denies && self.is_over(ledger) && self.under_way(id, node).is_some();
        let answers = denies || matches!(event, LedgerEvent::Recalled(_));
        if answers && !lost && self.state.recalls.waits_for(id, node) {
            self.fact(Fact::Recall(RecallFact::Answered { id, node }));
        }
    }

    /// A recall on its way to another node, as far as its hops reach (MUST-21).
    pub(crate) fn pass_recall_on(
        &mut self,
        neighbour: NodeId,
        destination: NodeId,
        hops_left: u8,
        staged: Staged,
    ) {
        match self.next_hop(destination) {
            Some(hop) if destination != self.me() && hop != neighbour && hops_left > 0 => {
                self.effect(Effect::ForwardRecall { hop, staged });
            }
            _ => self.effect(Effect::Discard { staged }),
        }
    }

    /// At a destination: decides on a recall, or sends the stored answer again (MUST-31).
    pub(crate) fn recalled_by_origin(&mut self, recall: HeardRecall, staged: Staged) {
        let origin = recall.id.origin;
        let Some((_, index)) = self.state.recalls.decision(recall.id) else {
            let index = self.decide_recall(recall, Some(origin));
            self.store(Stored::Attachment { index, staged });
            return;
        };
        self.effect(Effect::Discard { staged });
        // While it is owed it goes home by itself.
        if !self.state.owed.contains_key(&(origin, index)) {
            self.fact(Fact::Owed { origin, indexes: alloc::vec![index] });
        }
    }

    /// The decision of a destination, the only one on this document; tells the entry.
    fn decide_recall(&mut self, recall: HeardRecall, home: Option<NodeId>) -> u64 {
        let HeardRecall { id, envelope, at, .. } = recall;
        let inboxes = self.state.inboxes.of(id);
        let signed = |acts: &[(Act, u64)]| acts.iter().any(|(act, _)| *act == Act::SignedFor);
        let denied = inboxes.clone().any(|(_, entry)| signed(&entry.acts));
        let offices: Vec<OfficeName> = inboxes.map(|(office, _)| office.clone()).collect();
        let answer = RecallAnswer { id, envelope, to: alloc::vec![self.me()], rests_on: at };
        if denied {
            let index = self.enter(LedgerEvent::RecallDenied(answer), home).index;
            self.fact(Fact::Recall(RecallFact::Denied { id, index }));
            return index;
        }
        let index = self.enter(LedgerEvent::Recalled(answer), home).index;
        let fact = if offices.is_empty() {
            RecallFact::Tombstone { id, index }
        } else {
            RecallFact::Recalled { id, index, offices }
        };
        self.fact(Fact::Recall(fact));
        index
    }
}

const _: () = assert!(UNITS_PER_OFFER_MAX <= yizhan_ledger::UNITS_PER_ENTRY_MAX);

#[cfg(test)]
mod tests {
    use super::*;
    use yizhan_document::{Urgency, WallTime};

    const ORIGIN: &str = "652301.0";

    fn id() -> EnvelopeId {
        "652301.0.7".parse().unwrap()
    }

    fn at(index: u64) -> EntryRef {
        EntryRef { ledger: ORIGIN.parse().unwrap(), index, leaf: Digest::of(&index.to_be_bytes()) }
    }

    fn accepted(envelope: &[u8], to: &[&str]) -> HeardEntry {
        let event = LedgerEvent::SubmissionAcceptance {
            id: id(),
            envelope: Digest::of(envelope),
            manifest: Digest::of(b"manifest"),
            to: to.iter().map(|node| node.parse().unwrap()).collect(),
            urgency: Urgency::Normal,
            deadline: WallTime::EPOCH,
            size: 1,
            directory: 1,
        };
        HeardEntry { at: at(1), time: WallTime::EPOCH, event }
    }

    fn requested(rests_on: EntryRef) -> HeardEntry {
        let (envelope, reason) = (Digest::of(b"header"), Digest::of(b"reason"));
        let event = LedgerEvent::RecallRequested(RecallRequest { id: id(), envelope, reason, rests_on });
        HeardEntry { at: at(5), time: WallTime::EPOCH, event }
    }

    fn proven(ledger: &str, entries: &[HeardEntry]) -> bool {
        proves_recall("653101".parse().unwrap(), ledger.parse().unwrap(), entries).is_some()
    }

    #[test]
    fn a_recall_counts_only_with_what_its_origin_accepted_and_recalled_for_this_destination() {
        let good = [accepted(b"header", &["6531", "653101"]), requested(at(1))];
        assert!(proven(ORIGIN, &good));
        assert!(!proven("6523.0", &good), "the ledger of another node");
        assert!(!proven("652301.1", &good), "another epoch than the id names");
        assert!(!proven(ORIGIN, &[requested(at(1))]), "nothing shows that it was accepted");
        assert!(!proven(ORIGIN, &[accepted(b"header", &["653101"])]), "nobody recalled it");
        assert!(!proven(ORIGIN, &[accepted(b"other", &["653101"]), requested(at(1))]), "another header");
        assert!(!proven(ORIGIN, &[accepted(b"header", &["6531"]), requested(at(1))]), "another destination");
        assert!(!proven(ORIGIN, &[accepted(b"header", &["653101"]), requested(at(2))]), "another entry");
    }
}
