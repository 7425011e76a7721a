//! What only an origin does: it learns the end of each destination, and opens new attempts.

use crate::fact::{End, Fact};
use crate::limits::{ATTEMPTS_MAX, REJECTED_WAIT_MS};
use crate::node::Node;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use yizhan_document::{Attempt, Digest, EnvelopeId, LedgerId, NodeId};
use yizhan_ledger::{Event as LedgerEvent, Target};
use yizhan_planted::{Bug, on};

impl Node {
    /// Takes in an entry of another ledger about an envelope of this origin.
    pub(crate) fn heard_at_origin(&mut self, ledger: LedgerId, event: &LedgerEvent) {
        let maker = ledger.node;
        let Some(id) = event.envelope_id() else { return };
        self.recall_answered(id, ledger, event);
        let Some(outgoing) = self.state.outgoing.get(&id) else { return };
        if event.header_digest() != Some(outgoing.header) {
            return;
        }
        match event {
            // Any attempt that arrived is the end: there is one document.
            // The inboxes of an epoch that is over were lost with it: the attempt opened for that goes on (MUST-53).
            LedgerEvent::ContentConsignment { .. } if self.is_over(ledger) && !on(Bug::OldInboxCounts) => {}
            LedgerEvent::ContentConsignment { .. } => self.end(id, maker, End::Consigned),
            LedgerEvent::ContentConsignmentFailure { .. } => self.end(id, maker, End::Failed),
            LedgerEvent::Recalled(_) if self.state.recalls.is_requested(id) => {
                self.end(id, maker, End::Recalled);
            }
            LedgerEvent::RelayFailure { units, .. } => self.custody_ended(id, maker, units, false),
            LedgerEvent::AcceptanceRejectionExpiry { units, .. } => {
                self.custody_ended(id, maker, units, true)
            }
            LedgerEvent::RelayAcceptance { units, .. } if on(Bug::AcceptanceTakenForEnd) => {
                units.iter().for_each(|target| self.end(id, target.node, End::Consigned));
            }
            LedgerEvent::RelayAcceptance { units, .. } => self.custody_heard(id, maker, units),
            _ => {}
        }
    }

    /// The attempt under way failed: another is opened after a wait, or the destination ends as failed (MUST-25). What waits
    /// is known in memory only.
    pub(crate) fn destination_failed(&mut self, id: EnvelopeId, failed: Target, again: bool) {
        let known = self.state.outgoing.get(&id).and_then(|outgoing| outgoing.failed.get(&failed.node));
        let over = self.under_way(id, failed.node) != Some(failed.attempt) || known == Some(&failed.attempt);
        if over && !on(Bug::AttemptWithoutFailure) {
            return;
        }
        let next = failed.attempt + 1;
        if !again || next >= ATTEMPTS_MAX {
            self.end(id, failed.node, End::Failed);
            return;
        }
        self.fact(Fact::AttemptFailed { id, node: failed.node, attempt: failed.attempt });
        self.try_later(id, failed);
    }

    pub(crate) fn try_later(&mut self, id: EnvelopeId, failed: Target) {
        let wait = REJECTED_WAIT_MS << failed.attempt.min(8);
        self.retries.insert((self.now().uptime + wait, id, failed.node), failed.attempt + 1);
    }

    /// Opens the attempts whose time has come; nobody but the origin opens any (MUST-16).
    pub(crate) fn open_attempts(&mut self) {
        let now = self.now().uptime;
        while let Some(((due, id, node), attempt)) = self.retries.first_key_value().map(|(k, v)| (*k, *v)) {
            if due > now {
                break;
            }
            self.retries.pop_first();
            if self.state.recalls.waits_for(id, node) {
                // Nobody is to see it any more: the answer to the recall ends the destination (MUST-30). Where it was denied the document
                // stands, and what was lost of it is tried again.
                continue;
            }
            let before = self.under_way(id, node);
            if before.is_none_or(|before| before >= attempt && !on(Bug::AttemptWithoutFailure)) {
                continue;
            }
            let Some(holding) = self.state.outgoing.get(&id).map(|outgoing| outgoing.holding) else {
                continue;
            };
            self.fact(Fact::Attempted { id, node, attempt });
            self.assign(holding, &[Target { node, attempt }]);
        }
    }

    /// After a start: units that are in custody here and were assigned to no link are assigned now, and attempts that waited
    /// for their time before the stop wait for it again.
    pub(crate) fn resume_origin(&mut self) {
        let me = self.me();
        let outbound = self.state.links.values().flat_map(|link| link.outbound.values());
        let assigned: BTreeSet<(u64, Target)> =
            outbound.flat_map(|out| out.units.iter().map(|target| (out.holding, *target))).collect();
        let mut stranded: Vec<(EnvelopeId, NodeId, Attempt)> = Vec::new();
        for (id, outgoing) in &self.state.outgoing {
            let Some(held) = self.state.holdings.get(&outgoing.holding) else { continue };
            for (node, attempt) in &outgoing.targets {
                let target = Target { node: *node, attempt: *attempt };
                let under_way = assigned.contains(&(outgoing.holding, target));
                if *node != me && held.open.contains(&target) && !under_way {
                    stranded.push((*id, *node, *attempt));
                }
            }
        }
        let failed = self.state.outgoing.iter().flat_map(|(id, outgoing)| {
            outgoing
                .failed
                .iter()
                .map(move |(node, attempt)| (*id, Target { node: *node, attempt: *attempt }))
        });
        for (id, target) in failed.collect::<Vec<_>>() {
            self.try_later(id, target);
        }
        for (id, node, attempt) in stranded {
            let holding = self.state.outgoing.get(&id).map(|outgoing| outgoing.holding);
            if let Some(holding) = holding {
                self.assign(holding, &[Target { node, attempt }]);
            }
        }
    }

    /// Digest of the header of an envelope that is still under way from here.
    pub fn header_under_way(&self, id: EnvelopeId) -> Option<Digest> {
        self.state.outgoing.get(&id).map(|outgoing| outgoing.header)
    }

    pub(crate) fn under_way(&self, id: EnvelopeId, node: NodeId) -> Option<Attempt> {
        self.state.outgoing.get(&id).and_then(|outgoing| outgoing.targets.get(&node)).copied()
    }

    pub(crate) fn end(&mut self, id: EnvelopeId, node: NodeId, end: End) {
        if let Some(attempt) = self.under_way(id, node) {
            self.withdraw(id, Target { node, attempt });
            self.fact(Fact::Ended { id, node, end });
        }
    }

    /// The end of a destination is known while its unit is still open here. What was never offered is taken back; what may
    /// have been offered stays until the neighbour acknowledges it, for its receipt can be overtaken by the end receipt.
    fn withdraw(&mut self, id: EnvelopeId, target: Target) {
        let Some(holding) = self.state.outgoing.get(&id).map(|outgoing| outgoing.holding) else { return };
        let open = self.state.holdings.get(&holding).is_some_and(|held| held.open.contains(&target));
        if !open {
            return;
        }
        let assigned = self.state.links.iter().find_map(|(hop, link)| {
            let mut outbound = link.outbound.iter();
            let found = outbound.find(|(_, out)| out.holding == holding && out.units.contains(&target));
            found.map(|(number, out)| (*hop, *number, out.perhaps_offered || out.units.len() > 1))
        });
        match assigned {
            Some((_, _, true)) => return,
            Some((hop, link, false)) => self.fact(Fact::Withdrawn { hop, link }),
            None => {}
        }
        self.fact(Fact::Discharged { holding, units: alloc::vec![target] });
    }
}
