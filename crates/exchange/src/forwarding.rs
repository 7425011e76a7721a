//! Forwarding: offers to neighbours, their answers, and what becomes of units that cannot go on.

use crate::clocks::SaidClock;
use crate::effect::Effect;
use crate::event::{HeardEntry, Staged};
use crate::fact::Fact;
use crate::limits::{PASSED_OVER_MAX, REJECTED_WAIT_MS, REJECTED_WAIT_MS_MAX, UNITS_PER_OFFER_MAX};
use crate::links::Outbound;
use crate::node::Node;
use alloc::vec::Vec;
use yizhan_document::{Digest, NodeId, WallTime};
use yizhan_ledger::{Event as LedgerEvent, Head, Passed, Target};
use yizhan_planted::{Bug, on};

impl Node {
    pub(crate) fn link_up(&mut self, neighbour: NodeId, clock_ms: u64) {
        let uptime = self.now().uptime;
        let link = self.state.links.entry(neighbour).or_default();
        link.up = true;
        link.said_clock = Some(SaidClock { wall: WallTime::from_ms(clock_ms), uptime });
        self.reroute_due = true;
        link.bytes_in_flight = 0;
        let (unanswered, refused) =
            (core::mem::take(&mut link.in_flight), core::mem::take(&mut link.refused));
        unanswered.into_iter().for_each(|number| link.wait(number));
        refused.into_iter().for_each(|(_, number)| link.wait(number));
        self.tell_epochs(neighbour);
        self.pump_due = true;
        self.owed_are_due_now();
        let now = self.now().uptime;
        self.state.recalls.ask_all_at(now);
    }

    pub(crate) fn link_down(&mut self, neighbour: NodeId) {
        let now = self.now().uptime;
        if let Some(link) = self.state.links.get_mut(&neighbour) {
            link.up = false;
            link.down_since = now;
            link.detours_looked_for = false;
        }
        // Offers whose body was under way must be offered again; nothing was promised for them.
        let lost: Vec<(NodeId, u64)> = self
            .incoming
            .iter()
            .filter(|(from, _, incoming)| *from == neighbour && !self.opening.contains_key(&incoming.staged))
            .map(|(from, link, _)| (from, link))
            .collect();
        for (from, link) in lost {
            if let Some(incoming) = self.incoming.remove(from, link) {
                self.effect(Effect::Discard { staged: incoming.staged });
            }
        }
    }

    /// Offers what waits for links that are up, within their windows.
    pub(crate) fn pump(&mut self) {
        let (now, durable) = (self.now().uptime, self.durable_ticket());
        let mut offers = Vec::new();
        for (neighbour, link) in self.state.links.iter_mut().filter(|(_, link)| link.up) {
            while let Some((_, number)) = link.refused.first().copied().filter(|(due, _)| *due <= now) {
                link.refused.pop_first();
                link.wait(number);
            }
            let mut passed_over = Vec::new();
            while passed_over.len() < PASSED_OVER_MAX {
                let under_way = link.under_way();
                let goes = |number| link.outbound.get(&number).is_some_and(|out| out.ticket <= durable);
                let Some(number) = link.waiting.take_next(under_way, goes) else { break };
                let Some(out) = link.outbound.get_mut(&number) else { continue };
                if out.ticket > durable {
                    passed_over.push(number);
                    continue;
                }
                out.sent_at = now;
                out.perhaps_offered = true;
                link.in_flight.insert(number);
                link.bytes_in_flight += out.bytes;
                let (holding, units) = (out.holding, out.units.clone());
                offers.push(Effect::Offer { neighbour: *neighbour, link: number, holding, units });
            }
            passed_over.into_iter().for_each(|number| link.wait(number));
        }
        offers.into_iter().for_each(|offer| self.effect(offer));
    }

    pub(crate) fn custody_taken(
        &mut self,
        neighbour: NodeId,
        head: Head,
        acknowledged: Vec<(u64, HeardEntry)>,
        staged: Staged,
    ) {
        let me = self.me();
        self.pump_due = true;
        // What another epoch took is not there any more, or not known to be (MUST-51).
        let counts = self.is_current(head.ledger) || on(Bug::OldEpochCounts);
        let acknowledged = if counts { acknowledged } else { Vec::new() };
        let mut passed = Vec::new();
        let mut heard = Vec::new();
        let mut claims = Vec::new();
        for (link, entry) in acknowledged {
            let Some(out) = self.state.links.get(&neighbour).and_then(|to| to.outbound.get(&link)) else {
                continue;
            };
            let Some(held) = self.state.holdings.get(&out.holding) else { continue };
            if !acknowledges(&entry.event, me, link, held.acceptance.header, &out.units) {
                continue;
            }
            passed.push(Passed { link, index: entry.at.index });
            let id = held.acceptance.id;
            if id.origin == me {
                heard.push(entry.at.index);
                claims.push((id, self.claims_of(id, neighbour, &out.units)));
            }
        }
        let fresh = self.advances(head);
        if passed.is_empty() && !fresh {
            self.effect(Effect::Discard { staged });
            return;
        }
        if !passed.is_empty() {
            let event = LedgerEvent::CustodyPassed {
                to: head.ledger,
                size: head.size,
                root: head.root,
                passed: passed.clone(),
            };
            self.enter(event, None);
            for Passed { link, .. } in passed {
                self.fact(Fact::Passed { hop: neighbour, link });
            }
            claims.into_iter().for_each(|(id, claims)| self.count(id, claims));
        }
        if heard.is_empty() {
            self.effect(Effect::Discard { staged });
        } else {
            self.store(crate::effect::Stored::Receipts { staged });
            self.fact(Fact::Heard { ledger: head.ledger, indexes: heard });
        }
        if fresh {
            self.witness(neighbour, head);
        }
    }

    pub(crate) fn witnessed(&mut self, neighbour: NodeId, head: Head) {
        if self.advances(head) {
            self.witness(neighbour, head);
        }
    }

    pub(crate) fn rejected(
        &mut self,
        neighbour: NodeId,
        link: u64,
        envelope: Digest,
        reason: &str,
        retry: bool,
    ) {
        let now = self.now().uptime;
        let Some(to) = self.state.links.get_mut(&neighbour) else { return };
        let Some(out) = to.outbound.get_mut(&link) else { return };
        let header = self.state.holdings.get(&out.holding).map(|held| held.acceptance.header);
        if header != Some(envelope) {
            return;
        }
        if retry {
            to.refused.remove(&(out.not_before, link));
            to.waiting.remove(link);
            out.not_before = now + rejected_wait(out.rejections);
            out.rejections += 1;
            if to.in_flight.remove(&link) {
                to.bytes_in_flight = to.bytes_in_flight.saturating_sub(out.bytes);
            }
            to.refused.insert((out.not_before, link));
            let units = out.units.clone();
            let elsewhere = |unit: &Target| self.next_hop(unit.node).is_some_and(|hop| hop != neighbour);
            self.reroute_due |= units.iter().any(elsewhere);
            return;
        }
        // Refused for good: custody ends here, and the origin tries again (MUST-25).
        let Outbound { holding, units, .. } = out.clone();
        self.fact(Fact::Withdrawn { hop: neighbour, link });
        self.fail(holding, &units, reason);
    }

    /// Stored content cannot be read: whatever of it was not passed on is lost here, and said to be (MUST-18).
    pub(crate) fn damaged(&mut self, holding: u64) {
        let Some(held) = self.state.holdings.get(&holding) else { return };
        let units: Vec<Target> = held.open.iter().copied().collect();
        let assigned: Vec<(NodeId, u64)> = self
            .state
            .links
            .iter()
            .flat_map(|(node, link)| {
                link.outbound.iter().map(move |(number, out)| (*node, *number, out.holding))
            })
            .filter(|(_, _, of)| *of == holding)
            .map(|(node, number, _)| (node, number))
            .collect();
        for (hop, link) in assigned {
            self.fact(Fact::Withdrawn { hop, link });
        }
        self.fail(holding, &units, "damaged");
    }

    /// Custody ends in failure: entered, told to the origin, and at the origin itself answered with a new attempt.
    pub(crate) fn fail(&mut self, holding: u64, units: &[Target], reason: &str) {
        let Some(held) = self.state.holdings.get(&holding) else { return };
        let (id, envelope) = (held.acceptance.id, held.acceptance.header);
        let origin = (id.origin != self.me()).then_some(id.origin);
        let units: Vec<Target> = units.iter().copied().filter(|target| held.open.contains(target)).collect();
        if units.is_empty() {
            return;
        }
        // The origin's own circular may have more units than one entry holds.
        for units in units.chunks(UNITS_PER_OFFER_MAX) {
            let (units, reason) = (units.to_vec(), reason.into());
            self.enter(LedgerEvent::RelayFailure { id, envelope, units, reason }, origin);
        }
        if origin.is_none() {
            // The origin's own copy is the last one: what is damaged there cannot be tried again (MUST-18).
            let again = reason != "damaged";
            for target in &units {
                self.destination_failed(id, *target, again);
            }
        }
        self.fact(Fact::Discharged { holding, units });
    }

    fn advances(&self, head: Head) -> bool {
        if !self.is_current(head.ledger) {
            return false;
        }
        let known = self.state.witnessed.get(&head.ledger);
        known.is_none_or(|known| head.size > known.size || on(Bug::WitnessedBackwards))
    }

    /// Cosigns a head that continues the known one, once it is durable here (MUST-23).
    fn witness(&mut self, neighbour: NodeId, head: Head) {
        self.fact(Fact::Witnessed(head));
        self.word(Effect::Cosign { neighbour, head });
    }
}

/// Whether an entry accepts exactly what was offered under this number (MUST-13).
fn acknowledges(event: &LedgerEvent, me: NodeId, number: u64, header: Digest, offered: &[Target]) -> bool {
    match event {
        LedgerEvent::RelayAcceptance { envelope, units, from, link, .. } => {
            let same = *envelope == header && units == offered;
            (same || on(Bug::CustodyOfOtherUnits)) && *from == me && *link == number
        }
        _ => false,
    }
}

/// The wait after the given number of rejections, in milliseconds.
fn rejected_wait(rejections: u32) -> u64 {
    REJECTED_WAIT_MS.saturating_mul(1 << rejections.min(10)).min(REJECTED_WAIT_MS_MAX)
}
