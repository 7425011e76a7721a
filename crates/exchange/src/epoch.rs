//! New epochs: a node that lost its disk goes on under its name with a new ledger, whose first entry says so. The statement spreads
//! to every node, and each origin tries again what may have been lost with the old one.
//!
//! Nothing of the old ledger is undone: its receipts stay what they were, and its last head known anywhere is named in the new one.

use crate::effect::Effect;
use crate::event::HeardEntry;
use crate::fact::Fact;
use crate::node::Node;
use crate::state::State;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use yizhan_document::{Digest, EPOCH_MAX, EnvelopeId, LedgerId, NodeId};
use yizhan_ledger::{Event as LedgerEvent, Target};

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
        let previous = self.profile.previous.clone();
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
        let own = Some(self.profile.ledger).filter(|ledger| ledger.epoch > 0);
        let others = self.state.epochs.values().map(|opened| opened.ledger);
        let all: Vec<LedgerId> = own.into_iter().chain(others).collect();
        for ledger in all {
            let tell = Effect::TellEpoch { neighbour, ledger };
            if self.is_durable(0) { self.effect(tell) } else { self.word(tell) }
        }
    }

    /// A node began a new epoch: kept, told on once that is durable, and whatever of this origin may have been lost with the old one
    /// is tried again.
    pub(crate) fn hear_of_epoch(&mut self, neighbour: NodeId, opened: EpochStatement) {
        let ledger = opened.ledger;
        if ledger.node == self.me() || ledger <= self.state.ledger_of(ledger.node) {
            return;
        }
        self.fact(Fact::EpochOpened(Box::new(opened)));
        let up = self.state.links.iter().filter(|(node, link)| link.up && **node != neighbour);
        let others: Vec<NodeId> = up.map(|(node, _)| *node).filter(|node| *node != ledger.node).collect();
        for neighbour in others {
            self.word(Effect::TellEpoch { neighbour, ledger });
        }
        for (id, unit) in self.perhaps_lost_at(ledger.node) {
            // However many attempts there were: each of these took an operator who gave a disk up.
            self.fact(Fact::AttemptFailed { id, node: unit.node, attempt: unit.attempt });
            self.try_later(id, unit);
        }
    }

    /// Units of this origin that are in custody of others, have no end, and may have come to `node` on their way (MUST-53).
    fn perhaps_lost_at(&self, node: NodeId) -> Vec<(EnvelopeId, Target)> {
        let me = self.me();
        let mut roads: BTreeMap<NodeId, bool> = BTreeMap::new();
        let mut lost = Vec::new();
        for (id, outgoing) in &self.state.outgoing {
            let held = self.state.holdings.get(&outgoing.holding);
            for (to, attempt) in &outgoing.targets {
                let unit = Target { node: *to, attempt: *attempt };
                let here = held.is_some_and(|held| held.open.contains(&unit));
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
