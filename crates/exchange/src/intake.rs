//! Intake: a neighbour offers custody.

use crate::effect::{Answer, Effect, Stored};
use crate::event::{OfferedEnvelope, Office, Past, Staged};
use crate::fact::{Acceptance, Fact, Source};
use crate::incoming::Incoming;
use crate::limits::{ACCEPTANCES_OF_AN_ATTEMPT, OFFER_SILENCE_MS, UNITS_PER_OFFER_MAX};
use crate::node::{Node, Opening};
use crate::quota::Load;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use yizhan_document::{EnvelopeId, NodeId, Unit, WallTime};
use yizhan_ledger::{Event as LedgerEvent, Target};
use yizhan_planted::{Bug, on};

impl Node {
    pub(crate) fn offered(&mut self, neighbour: NodeId, offered: OfferedEnvelope, staged: Staged) {
        let link = offered.link;
        let before = self.state.offers.get(&(neighbour, link)).filter(|_| !on(Bug::DuplicateAccepted));
        if let Some(holding) = before.copied() {
            // Offered again: the stored receipt again (MUST-07), unless the first is not durable yet, which then answers both
            // (MUST-08).
            self.effect(Effect::Discard { staged });
            if self.is_durable(holding) {
                self.effect(Effect::Custody { neighbour, acknowledged: alloc::vec![(link, holding)] });
            }
            return;
        }
        if self.incoming.get(neighbour, link).is_some() {
            self.effect(Effect::Discard { staged });
            self.ask_for_body_again(neighbour, link);
            return;
        }
        if let Some(reason) = self.never(&offered) {
            self.refuse(neighbour, &offered, staged, reason, false);
            return;
        }
        if !self.is_current(offered.rests_on.ledger) && !on(Bug::OldEpochOffers) {
            self.refuse(neighbour, &offered, staged, "epoch", true);
            return;
        }
        if self.incoming.is_flooded(neighbour) && !on(Bug::QuotaIgnored) {
            self.refuse(neighbour, &offered, staged, "busy", true);
            return;
        }
        let id = offered.id;
        let seen = self.state.seen.get(&id.ledger()).is_some_and(|seen| seen.contains(id.counter));
        let heard_at = self.now().uptime;
        self.incoming.insert(neighbour, Incoming { offered, staged, heard_at, met_since: false });
        if seen && !on(Bug::DuplicateAccepted) {
            self.effect(Effect::Recollect { neighbour, link, id });
        } else {
            self.fetch_unless_objected(neighbour, link);
        }
    }

    /// What was accepted once stays accepted, whatever would stand against it now: so this comes after the look at the past.
    fn fetch_unless_objected(&mut self, neighbour: NodeId, link: u64) {
        let Some(incoming) = self.incoming.get(neighbour, link) else { return };
        let Some((reason, retry)) = self.objection(neighbour, &incoming.offered) else {
            return self.fetch(neighbour, link);
        };
        if let Some(Incoming { offered, staged, .. }) = self.incoming.remove(neighbour, link) {
            self.refuse(neighbour, &offered, staged, reason, retry);
        }
    }

    /// The envelope was met before: `past` is what the ledger shows of it, to which belongs what is on its way there.
    pub(crate) fn recollected(&mut self, neighbour: NodeId, link: u64, mut past: Vec<Past>) {
        let Some(incoming) = self.incoming.get(neighbour, link) else { return };
        let staged = incoming.staged;
        let of_it = self.undurable.values().filter(|(id, _)| *id == incoming.offered.id);
        past.extend(of_it.map(|(_, past)| past.clone()));
        if let Some(known) = past.iter().find(|past| past.from == neighbour && past.link == link) {
            let index = known.index;
            self.incoming.remove(neighbour, link);
            self.effect(Effect::Discard { staged });
            // Not durable yet: the first answer is on its way and serves both (MUST-08).
            if self.is_durable(index) {
                self.effect(Effect::Custody { neighbour, acknowledged: alloc::vec![(link, index)] });
            }
            return;
        }
        let offered = &incoming.offered;
        let (id, units) = (offered.id, offered.units.clone());
        let met_before = |target: &&Target| past.iter().any(|past| past.units.contains(target));
        let here = |target: &Target| {
            let unit = Unit { envelope: id, destination: target.node, attempt: target.attempt };
            self.state.units.contains_key(&unit)
        };
        let known: Vec<&Target> = units.iter().filter(met_before).collect();
        if known.is_empty() {
            self.fetch_unless_objected(neighbour, link);
        } else if known.len() == units.len() && units.iter().all(here) {
            // Another offer of what is still held here: a receipt of its own, no second custody (MUST-11); but not more of them
            // than the origin takes (MUST-67).
            let entered =
                |target: &Target| past.iter().filter(|past| past.units.contains(target)).count() as u64;
            let may_enter_one = units.iter().all(|target| entered(target) < ACCEPTANCES_OF_AN_ATTEMPT);
            if may_enter_one && self.may_enter_an_answer(neighbour) {
                self.acknowledge_again(neighbour, link);
            } else if let Some(Incoming { offered, staged, .. }) = self.incoming.remove(neighbour, link) {
                self.refuse(neighbour, &offered, staged, "quota", true);
            }
        } else if let Some(Incoming { offered, staged, .. }) = self.incoming.remove(neighbour, link) {
            self.refuse(neighbour, &offered, staged, "loop", false);
        }
    }

    pub(crate) fn body_arrived(&mut self, neighbour: NodeId, link: u64, good: bool) {
        if self.incoming.get(neighbour, link).is_none() {
            return;
        }
        if good {
            self.examine(neighbour, link);
        } else if let Some(incoming) = self.incoming.remove(neighbour, link) {
            self.refuse(neighbour, &incoming.offered, incoming.staged, "body", true);
        }
    }

    pub(crate) fn opened(&mut self, staged: Staged, result: Result<Vec<Office>, String>) {
        match self.opening.remove(&staged) {
            Some(Opening::Offer(neighbour, link)) => self.take_custody(neighbour, link, Some(result)),
            Some(Opening::Submission(request)) => self.admit(request, Some(result)),
            None => {}
        }
    }

    /// This node failed to open a document: the offerer keeps custody, or the clerk the document, and tries again.
    pub(crate) fn not_opened(&mut self, staged: Staged) {
        match self.opening.remove(&staged) {
            Some(Opening::Offer(neighbour, link)) => {
                if let Some(Incoming { offered, staged, .. }) = self.incoming.remove(neighbour, link) {
                    self.refuse(neighbour, &offered, staged, "node", true);
                }
            }
            Some(Opening::Submission(request)) => {
                self.give_up(request);
                self.effect(Effect::Discard { staged });
                self.effect(Effect::Answer { request, answer: Answer::Refused { reason: "busy" } });
            }
            None => {}
        }
    }

    /// Why an offer can never have been good; a loop by its path (MUST-11) among it.
    fn never(&self, offered: &OfferedEnvelope) -> Option<&'static str> {
        if offered.units.is_empty() || offered.units.len() > UNITS_PER_OFFER_MAX {
            return Some("units");
        }
        (offered.path.contains(&self.me()) && !on(Bug::LoopAccepted)).then_some("loop")
    }

    /// What stands against taking custody now, and whether that may change.
    fn objection(&self, neighbour: NodeId, offered: &OfferedEnvelope) -> Option<(&'static str, bool)> {
        let me = self.me();
        if offered.classification > self.profile.max_classification && !on(Bug::ClassificationIgnored) {
            return Some(("classification", false));
        }
        let destinations = offered.units.iter().map(|target| target.node);
        let (origin, level, now) = (offered.id.origin, offered.classification, self.now().wall);
        if !self.directory.may_carry(me, origin, destinations.clone(), level, now) {
            // By the time alone: a clock that neighbours do not bear out ends nothing for good.
            let by_time = self.directory.may_carry(me, origin, destinations, level, WallTime::EPOCH);
            let in_doubt = by_time && !self.clock_is_borne_out() && !on(Bug::EndedInDoubt);
            return Some(("crossing", in_doubt));
        }
        if !self.has_room_for_offers_of(neighbour) && !on(Bug::FullDiskIgnored) {
            return Some(("full", true));
        }
        let onward = |target: &Target| {
            target.node == me || self.next_hop(target.node).is_some_and(|hop| hop != neighbour)
        };
        if !offered.units.iter().all(onward) {
            return Some(("no-route", true));
        }
        (self.is_beyond_quota(neighbour, offered) && !on(Bug::QuotaIgnored)).then_some(("quota", true))
    }

    /// Whether the neighbour has its share of this node already (MUST-56). The offer is among those being looked at.
    fn is_beyond_quota(&self, neighbour: NodeId, offered: &OfferedEnvelope) -> bool {
        let all = self.state.custody.of(neighbour) + self.incoming.load(neighbour);
        let this = Load { documents: 1, bytes: offered.size };
        let at_a_destination = |target: &Target| {
            let load = self.state.custody_for.of((neighbour, target.node));
            !self.quota.allows(load + this, offered.size)
        };
        // One destination of a circular that takes nothing must not hold up the others.
        !self.quota.over_all_destinations().allows(all, offered.size)
            || offered.units.iter().all(at_a_destination)
    }

    fn fetch(&mut self, neighbour: NodeId, link: u64) {
        let Some(incoming) = self.incoming.get(neighbour, link) else { return };
        let (inline, staged) = (incoming.offered.inline, incoming.staged);
        if inline {
            self.examine(neighbour, link);
        } else {
            self.effect(Effect::WantBody { neighbour, link, staged });
        }
    }

    /// The offer came again while its body is under way: the stream may have broken with the old connection.
    fn ask_for_body_again(&mut self, neighbour: NodeId, link: u64) {
        let now = self.now().uptime;
        let Some(incoming) = self.incoming.get_mut(neighbour, link) else { return };
        incoming.heard_at = now;
        let staged = incoming.staged;
        if !incoming.offered.inline && !self.opening.contains_key(&staged) {
            self.effect(Effect::WantBody { neighbour, link, staged });
        }
    }

    /// An offer that nobody repeats is not made any more: its body was lost at the offerer. What came with it is let go.
    pub(crate) fn forget_silent_offers(&mut self) {
        let now = self.now().uptime;
        let silent: Vec<(NodeId, u64)> = self
            .incoming
            .iter()
            .filter(|(_, _, incoming)| {
                incoming.heard_at + OFFER_SILENCE_MS < now && !self.opening.contains_key(&incoming.staged)
            })
            .map(|(neighbour, link, _)| (neighbour, link))
            .collect();
        for (neighbour, link) in silent {
            if let Some(incoming) = self.incoming.remove(neighbour, link) {
                self.effect(Effect::Discard { staged: incoming.staged });
            }
        }
    }

    /// The body is here: a unit for this node is opened before custody is taken, so that acceptance and consignment are
    /// durable together (MUST-14).
    fn examine(&mut self, neighbour: NodeId, link: u64) {
        let me = self.me();
        let Some(incoming) = self.incoming.get(neighbour, link) else { return };
        let (id, staged) = (incoming.offered.id, incoming.staged);
        if self.opening.contains_key(&staged) {
            return;
        }
        if incoming.offered.units.iter().any(|target| target.node == me) {
            self.opening.insert(staged, Opening::Offer(neighbour, link));
            self.effect(Effect::Open { staged, id });
        } else {
            self.take_custody(neighbour, link, None);
        }
    }

    fn take_custody(&mut self, neighbour: NodeId, link: u64, local: Option<Result<Vec<Office>, String>>) {
        let Some(looked_at) = self.incoming.get_mut(neighbour, link) else { return };
        if core::mem::take(&mut looked_at.met_since) && !on(Bug::MetSinceIgnored) {
            // Another offer of it was quicker while this one's body was on its way, or was opened (MUST-11).
            let id = looked_at.offered.id;
            self.effect(Effect::Recollect { neighbour, link, id });
            return;
        }
        let Some(Incoming { offered, staged, .. }) = self.incoming.remove(neighbour, link) else { return };
        self.incoming.met(&offered);
        let (me, origin) = (self.me(), offered.id.origin);
        let event = LedgerEvent::RelayAcceptance {
            id: offered.id,
            envelope: offered.header,
            units: offered.units.clone(),
            from: neighbour,
            link,
            rests_on: offered.rests_on,
        };
        // The origin gets this receipt as its own acknowledgement when it is the offerer itself.
        let at = self.enter(event, (origin != neighbour).then_some(origin));
        self.fact(Fact::Accepted(Box::new(Acceptance {
            at,
            id: offered.id,
            header: offered.header,
            source: Source::Neighbour { node: neighbour, link },
            units: offered.units.clone(),
            numbers: Vec::new(),
            urgency: offered.urgency,
            deadline: offered.deadline,
            size: offered.size,
            inline: offered.inline,
            path: offered.path,
            key: None,
        })));
        self.store(Stored::Envelope { holding: at.index, staged });
        if let Some(result) = local {
            let attempts =
                offered.units.iter().filter(|target| target.node == me).map(|target| target.attempt);
            for attempt in attempts.collect::<Vec<_>>() {
                self.consign(at, offered.id, offered.header, attempt, result.clone());
            }
        }
        self.on_its_way(at.index, offered.id, neighbour, link, &offered.units);
        self.assign(at.index, &offered.units);
        self.word(Effect::Custody { neighbour, acknowledged: alloc::vec![(link, at.index)] });
    }

    fn acknowledge_again(&mut self, neighbour: NodeId, link: u64) {
        let Some(Incoming { offered, staged, .. }) = self.incoming.remove(neighbour, link) else { return };
        let event = LedgerEvent::RelayAcceptance {
            id: offered.id,
            envelope: offered.header,
            units: offered.units.clone(),
            from: neighbour,
            link,
            rests_on: offered.rests_on,
        };
        let at = self.enter(event, Some(offered.id.origin));
        self.on_its_way(at.index, offered.id, neighbour, link, &offered.units);
        self.effect(Effect::Discard { staged });
        self.word(Effect::Custody { neighbour, acknowledged: alloc::vec![(link, at.index)] });
    }

    /// Remembers an acceptance until the ledger shows it.
    fn on_its_way(&mut self, index: u64, id: EnvelopeId, from: NodeId, link: u64, units: &[Target]) {
        self.undurable.insert(index, (id, Past { index, from, link, units: units.to_vec() }));
    }

    /// Refuses an offer. What may change is not entered; what will not is, and again if the offer comes again.
    fn refuse(
        &mut self,
        neighbour: NodeId,
        offered: &OfferedEnvelope,
        staged: Staged,
        reason: &str,
        retry: bool,
    ) {
        self.effect(Effect::Discard { staged });
        // A neighbour that is refused for good again and again may not fill the ledger with it.
        let (reason, retry) =
            if retry || self.may_enter_an_answer(neighbour) { (reason, retry) } else { ("quota", true) };
        let entry = (!retry).then(|| {
            let event = LedgerEvent::RelayRejection {
                id: offered.id,
                rejected: offered.header,
                units: offered.units.clone(),
                from: neighbour,
                link: offered.link,
                reason: reason.into(),
            };
            self.enter(event, None).index
        });
        let reason = reason.into();
        let (link, envelope) = (offered.link, offered.header);
        self.word(Effect::Reject { neighbour, link, envelope, reason, retry, entry });
    }

    fn may_enter_an_answer(&mut self, neighbour: NodeId) -> bool {
        let now = self.now().uptime;
        self.answers_entered.may_enter(neighbour, now) || on(Bug::QuotaIgnored)
    }

    /// Assigns the units that are not for this node to the links they leave by: one offer per link, so that the body
    /// travels once on each.
    pub(crate) fn assign(&mut self, holding: u64, units: &[Target]) {
        let me = self.me();
        let mut by_hop: BTreeMap<NodeId, Vec<Target>> = BTreeMap::new();
        for target in units.iter().filter(|target| target.node != me) {
            if let Some(hop) = self.next_hop(target.node) {
                by_hop.entry(hop).or_default().push(*target);
            }
        }
        for (hop, units) in by_hop {
            for units in units.chunks(UNITS_PER_OFFER_MAX) {
                let link = self.state.links.get(&hop).map_or(0, |link| link.next);
                let first = if on(Bug::EpochNumbersReused) { 0 } else { self.profile.ledger.first_offer() };
                let link = link.max(first);
                self.fact(Fact::Assigned { holding, hop, link, units: units.to_vec() });
            }
        }
    }

    /// The neighbour towards a node, by the directory and the links that are up now.
    pub(crate) fn next_hop(&self, destination: NodeId) -> Option<NodeId> {
        let up = |node: NodeId| self.state.links.get(&node).is_some_and(|link| link.up);
        self.directory.next_hop(self.me(), destination, &up).ok().map(|hop| hop.node)
    }
}
