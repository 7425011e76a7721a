//! Custody in the state: how a holding begins, loses units and ends.

use crate::fact::{Acceptance, Source};
use crate::quota::Load;
use crate::state::{Holding, Outgoing, State};
use alloc::collections::BTreeMap;
use yizhan_document::{NodeId, Unit};
use yizhan_ledger::Target;
use yizhan_planted::{Bug, on};

impl State {
    /// What a neighbour handed over that is still held here: inboxes do not count.
    pub fn custody_of(&self, neighbour: NodeId) -> Load {
        self.custody.of(neighbour)
    }

    pub(crate) fn accepted(&mut self, acceptance: &Acceptance) {
        let holding = acceptance.at.index;
        self.seen.entry(acceptance.id.ledger()).or_default().insert(acceptance.id.counter);
        let unit = |target: &Target| Unit {
            envelope: acceptance.id,
            destination: target.node,
            attempt: target.attempt,
        };
        self.units.extend(acceptance.units.iter().map(|target| (unit(target), holding)));
        match acceptance.source {
            Source::Office => {
                self.counters.insert(acceptance.id.counter);
                self.count_units(acceptance.units.len());
                for (target, number) in acceptance.units.iter().zip(&acceptance.numbers) {
                    self.numbers.entry(target.node).or_default().insert(*number);
                }
                let targets = acceptance.units.iter().map(|target| (target.node, target.attempt)).collect();
                let (header, failed) = (acceptance.header, BTreeMap::new());
                let outgoing = Outgoing { holding, header, targets, failed, custodians: None };
                self.outgoing.insert(acceptance.id, outgoing);
            }
            Source::Neighbour { node, link } => {
                self.offers.insert((node, link), holding);
            }
        }
        let open = acceptance.units.iter().copied().collect();
        self.hold(Holding { acceptance: acceptance.clone(), open, consigned: false });
    }

    /// Keeps a holding; one that recovery reads twice counts once.
    pub(crate) fn hold(&mut self, held: Holding) {
        let Acceptance { at, source, size, .. } = held.acceptance;
        if let Source::Neighbour { node, .. } = source
            && !self.holdings.contains_key(&at.index)
        {
            self.custody.add(node, size);
            let onward = held.open.iter().filter(|target| target.node != self.me);
            onward.for_each(|target| self.custody_for.add((node, target.node), size));
        }
        self.holdings.insert(at.index, held);
    }

    pub(crate) fn discharge(&mut self, holding: u64, units: &[Target]) {
        if let Some(held) = self.holdings.get_mut(&holding) {
            let Acceptance { source, size, .. } = held.acceptance;
            for target in units {
                if held.open.remove(target)
                    && target.node != self.me
                    && let Source::Neighbour { node, .. } = source
                {
                    self.custody_for.take((node, target.node), size);
                }
                let unit =
                    Unit { envelope: held.acceptance.id, destination: target.node, attempt: target.attempt };
                self.units.remove(&unit);
            }
        }
        self.settle(holding);
    }

    /// Forgets a holding that has no open unit, unless its origin still waits for an end (MUST-16); content in an inbox stays.
    pub(crate) fn settle(&mut self, holding: u64) {
        let Some(held) = self.holdings.get(&holding) else { return };
        let waited_for = self.outgoing.get(&held.acceptance.id).is_some_and(|out| out.holding == holding);
        if !held.open.is_empty() || (waited_for && !on(Bug::ReleasedEarly)) {
            return;
        }
        if let Source::Neighbour { node, link } = held.acceptance.source {
            self.offers.remove(&(node, link));
            self.custody.take(node, held.acceptance.size);
        }
        if !held.consigned {
            let Acceptance { id, header, inline, .. } = held.acceptance;
            self.released.push((holding, (!inline).then_some((id, header))));
        }
        self.holdings.remove(&holding);
    }
}
