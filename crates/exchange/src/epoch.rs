//! New epochs: a node that lost its disk goes on under its name with a new ledger, whose first entry says so. The statement spreads
//! to every node, and each origin tries again what may have been lost with the old one.
//!
//! Nothing of the old ledger is undone: its receipts stay what they were, and its last head known anywhere is named in the new one.

use crate::effect::Effect;
use crate::event::HeardEntry;
use crate::fact::Fact;
use crate::limits::EPOCH_PATIENCE_MS;
use crate::links::ToldEpoch;
use crate::node::Node;
use crate::state::State;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use yizhan_document::{Digest, EPOCH_MAX, EnvelopeId, LedgerId, NodeId};
use yizhan_ledger::{Event as LedgerEvent, Target};
use yizhan_planted::{Bug, on};

/// A node's word that it began a new epoch: the first entry of its ledger, with everything that proves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochStatement {
    /// The ledger that began.
    pub ledger: LedgerId,
    /// A signed checkpoint of it (a signed note).
    #[serde(with = "serde_bytes")]
    pub checkpoint: Vec<u8>,
    /// The entry, verbatim.
    #[serde(with = "serde_bytes")]
    pub entry: Vec<u8>,
    /// Its path to the checkpoint's root.
    pub path: Vec<Digest>,
}

/// Whether the entries, of `ledger` and proven, are the statement that it began after another one of its node (MUST-50).
pub fn proves_epoch(network: &str, ledger: LedgerId, entries: &[HeardEntry]) -> bool {
    let [opened] = entries else { return false };
    let begins = match &opened.event {
        LedgerEvent::EpochOpened { network: of, ledger: begun, previous, .. } => {
            let before = previous.iter().all(|head| head.ledger.node == ledger.node && head.ledger < ledger);
            of == network && *begun == ledger && before
        }
        _ => false,
    };
    begins && opened.at.index == 0 && opened.at.ledger == ledger && (1..=EPOCH_MAX).contains(&ledger.epoch)
}

impl State {
    /// The newest epoch of each node that began one, other than this node.
    pub fn epochs(&self) -> &BTreeMap<NodeId, EpochStatement> {
        &self.epochs
    }

    /// The ledger that a node keeps now, as far as this one knows.
    pub fn ledger_of(&self, node: NodeId) -> LedgerId {
        let known = self.epochs.get(&node).map(|opened| opened.ledger);
        known.unwrap_or(if node == self.me { self.ledger } else { LedgerId { node, epoch: 0 } })
    }

    pub(crate) fn epoch_opened(&mut self, opened: &EpochStatement) {
        self.epochs.insert(opened.ledger.node, opened.clone());
    }
}

impl Node {
    /// The first entry of the ledger. In a new epoch it names what is remembered of the one before; nothing is promised before it is
    /// durable.
    pub(crate) fn open_epoch(&mut self) {
        let (network, ledger) = (self.profile.network.clone(), self.profile.ledger);
        let reason = String::from(if ledger.epoch == 0 { "created" } else { "restored" });
        let previous = if on(Bug::EpochNamesNothing) { Vec::new() } else { self.profile.previous.clone() };
        self.enter(LedgerEvent::EpochOpened { network, ledger, reason, previous }, None);
    }

    /// Whether a ledger is the one that its node keeps now.
    pub(crate) fn is_current(&self, ledger: LedgerId) -> bool {
        self.state.ledger_of(ledger.node) == ledger
    }

    /// Whether the node of a ledger has begun a later one.
    pub(crate) fn is_over(&self, ledger: LedgerId) -> bool {
        self.state.ledger_of(ledger.node) > ledger
    }

    /// On every connection all epochs are told of that are known, the own one first: whoever was away hears of them then (MUST-52).
    pub(crate) fn tell_epochs(&mut self, neighbour: NodeId) {
        if let Some(link) = self.state.links.get_mut(&neighbour) {
            link.epochs.clear();
        }
        for ledger in self.epochs_known() {
            self.tell_epoch(neighbour, ledger);
        }
    }

    /// Tells again what neighbours were told and have not said that they know: a statement may be lost as any other word.
    pub(crate) fn tell_epochs_again(&mut self) {
        let now = self.now().uptime;
        let silent = |(node, link): (&NodeId, &crate::links::Link)| {
            let told =
                link.epochs.values().filter(|told| !told.heard && told.told_at + EPOCH_PATIENCE_MS <= now);
            let node = *node;
            told.map(move |told| (node, told.ledger)).collect::<Vec<_>>()
        };
        let up = self.state.links.iter().filter(|(_, link)| link.up);
        for (neighbour, ledger) in up.flat_map(silent).collect::<Vec<_>>() {
            self.tell_epoch(neighbour, ledger);
        }
    }

    /// The uptime at which somebody is told again.
    pub(crate) fn next_telling(&self) -> Option<u64> {
        let up = self.state.links.values().filter(|link| link.up);
        let told = up.flat_map(|link| link.epochs.values()).filter(|told| !told.heard);
        told.map(|told| told.told_at + EPOCH_PATIENCE_MS).min()
    }

    /// A node began a new epoch: kept, told on once that is durable, and whatever of this origin may have been lost with the old one
    /// is tried again. Who tells of it knows of it, and is told in turn that this node does.
    pub(crate) fn hear_of_epoch(&mut self, neighbour: NodeId, opened: EpochStatement) {
        let (ledger, now) = (opened.ledger, self.now().uptime);
        let known = self.state.ledger_of(ledger.node);
        let new = ledger.node != self.me() && ledger > known;
        if new {
            self.epochs_kept_by.insert(ledger.node, self.next_ticket());
            self.fact(Fact::EpochOpened(Box::new(opened)));
        }
        let told = self.state.links.get_mut(&neighbour).and_then(|link| link.epochs.get_mut(&ledger.node));
        if let Some(told) = told {
            told.heard |= told.ledger == ledger;
            // Answers to answers would never end.
            if !new && told.told_at + EPOCH_PATIENCE_MS / 2 > now {
                return;
            }
        }
        if !new {
            if known.epoch > 0 {
                self.tell_epoch(neighbour, known);
            }
            return;
        }
        let up = self.state.links.iter().filter(|(_, link)| link.up && !on(Bug::EpochUntold));
        for other in up.map(|(node, _)| *node).collect::<Vec<_>>() {
            self.tell_epoch(other, ledger);
        }
        let lost = if on(Bug::LostNotTried) { Vec::new() } else { self.perhaps_lost_at(ledger.node) };
        for (id, unit) in lost {
            // However many attempts there were: each of these took an operator who gave a disk up.
            self.fact(Fact::AttemptFailed { id, node: unit.node, attempt: unit.attempt });
            self.try_later(id, unit);
        }
        if let Some(told) =
            self.state.links.get_mut(&neighbour).and_then(|link| link.epochs.get_mut(&ledger.node))
        {
            told.heard = true;
        }
    }

    /// The own epoch, unless it is the first, and those of others.
    fn epochs_known(&self) -> Vec<LedgerId> {
        let own = Some(self.profile.ledger).filter(|ledger| ledger.epoch > 0);
        own.into_iter().chain(self.state.epochs.values().map(|opened| opened.ledger)).collect()
    }

    fn tell_epoch(&mut self, neighbour: NodeId, ledger: LedgerId) {
        let now = self.now().uptime;
        let Some(link) = self.state.links.get_mut(&neighbour) else { return };
        let heard = link.epochs.get(&ledger.node).is_some_and(|told| told.heard && told.ledger == ledger);
        link.epochs.insert(ledger.node, ToldEpoch { ledger, told_at: now, heard });
        let tell = Effect::TellEpoch { neighbour, ledger };
        let known = self.is_durable(0) && !self.is_being_kept(ledger);
        if known || on(Bug::EpochToldEarly) { self.effect(tell) } else { self.word(tell) }
    }

    /// Whether the statement is not durable yet (MUST-52).
    fn is_being_kept(&self, ledger: LedgerId) -> bool {
        self.epochs_kept_by.get(&ledger.node).is_some_and(|ticket| *ticket > self.durable_ticket())
    }

    /// Units of this origin that may be in custody of others, have no end, and may have come to `node` on their way (MUST-53). What was
    /// offered to another neighbour without an answer may be there too: its answer may have been lost, long ago. What was offered to
    /// the node itself is not: it is offered again.
    fn perhaps_lost_at(&self, node: NodeId) -> Vec<(EnvelopeId, Target)> {
        let me = self.me();
        let mut roads: BTreeMap<NodeId, bool> = BTreeMap::new();
        let perhaps_taken: BTreeSet<(u64, Target)> = (self.state.links.iter())
            .filter(|(hop, _)| **hop != node)
            .flat_map(|(_, link)| link.outbound.values().filter(|out| out.perhaps_offered))
            .filter(|_| !on(Bug::UnansweredForgotten))
            .flat_map(|out| out.units.iter().map(|unit| (out.holding, *unit)))
            .collect();
        let mut lost = Vec::new();
        for (id, outgoing) in &self.state.outgoing {
            let held = self.state.holdings.get(&outgoing.holding);
            for (to, attempt) in &outgoing.targets {
                let unit = Target { node: *to, attempt: *attempt };
                let here = held.is_some_and(|held| held.open.contains(&unit))
                    && !perhaps_taken.contains(&(outgoing.holding, unit));
                let failed = outgoing.failed.get(to) == Some(attempt);
                if here || failed || *to == me || *attempt == u16::MAX {
                    continue;
                }
                if *roads.entry(*to).or_insert_with(|| self.directory.may_pass(me, *to, node)) {
                    lost.push((*id, unit));
                }
            }
        }
        lost
    }
}

#[cfg(test)]
#[path = "epoch_tests.rs"]
mod tests;
