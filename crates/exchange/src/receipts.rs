//! Receipts on their way home: made here and owed, passed on for others, or arriving at their origin.
//!
//! Whoever enters a receipt owes it to the origin until the origin says that it is durable there. Relays only pass
//! frames on; what is lost on the way is sent again by its maker (docs/decisions says why not asked for by the origin).

use crate::effect::{Effect, Kept, Stored};
use crate::event::{HeardEntry, Staged};
use crate::fact::Fact;
use crate::limits::{HOPS_MAX, OWED_WAIT_MS, OWED_WAIT_MS_MAX, RECEIPTS_PER_BUNDLE_MAX};
use crate::node::Node;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use yizhan_document::{LedgerId, NodeId};
use yizhan_planted::{Bug, on};

/// A bundle of receipts that came by.
#[derive(Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) neighbour: NodeId,
    pub(crate) origin: NodeId,
    pub(crate) hops_left: u8,
    pub(crate) ledger: LedgerId,
    pub(crate) witnessed: bool,
}

impl Node {
    /// Receipts at their origin, which confirms them once they are durable, and again if they come again (MUST-20), if they are
    /// evidence (MUST-67); or on their way there, as far as their hops reach (MUST-21).
    pub(crate) fn receipts_arrived(&mut self, arrival: Arrival, entries: &[HeardEntry], staged: Staged) {
        let Arrival { neighbour, origin, hops_left, ledger, witnessed } = arrival;
        if origin != self.me() {
            match self.next_hop(origin) {
                Some(hop) if hop != neighbour && hops_left > 0 => {
                    self.effect(Effect::ForwardReceipts { hop, staged })
                }
                _ => self.effect(Effect::Discard { staged }),
            }
            return;
        }
        if !self.is_evidence(ledger, entries) {
            self.effect(Effect::Discard { staged });
            return;
        }
        let known = self.state.heard.get(&ledger);
        let unheard = |entry: &&HeardEntry| known.is_none_or(|known| !known.contains(entry.at.index));
        let fresh: Vec<&HeardEntry> = entries.iter().filter(unheard).collect();
        let indexes: Vec<u64> = entries.iter().map(|entry| entry.at.index).collect();
        // What was heard under a checkpoint that nobody had cosigned is stored once more when somebody has.
        let known = self.state.renewed.get(&ledger);
        let renewed = |index: &u64| witnessed && known.is_none_or(|known| !known.contains(*index));
        let renewed: Vec<u64> = indexes.iter().copied().filter(renewed).collect();
        if fresh.is_empty() && renewed.is_empty() {
            self.effect(Effect::Discard { staged });
        } else {
            self.store(Stored::Receipts { staged });
            let new: Vec<u64> = fresh.iter().map(|entry| entry.at.index).collect();
            if !new.is_empty() {
                self.fact(Fact::Heard { ledger, indexes: new });
            }
            if !renewed.is_empty() {
                self.fact(Fact::Renewed { ledger, indexes: renewed });
            }
            for entry in fresh {
                self.heard_at_origin(ledger, &entry.event);
            }
        }
        if let Some(hop) = self.next_hop(ledger.node) {
            let kept = Kept { maker: ledger.node, origin, hops_left: HOPS_MAX, ledger, indexes };
            let confirmation = Effect::SendKept { hop, kept };
            if on(Bug::KeptBeforeDurable) { self.effect(confirmation) } else { self.word(confirmation) }
        }
    }

    /// The neighbour towards a node, if that is up.
    pub fn way_to(&self, node: NodeId) -> Option<NodeId> {
        self.next_hop(node).filter(|hop| self.state.links.get(hop).is_some_and(|link| link.up))
    }

    /// A confirmation for this node, or on its way to another, as far as its hops reach (MUST-21).
    pub(crate) fn kept_arrived(&mut self, neighbour: NodeId, kept: Kept) {
        // Nobody signs this word: it is believed only from the side on which the origin lies, so that a bystander cannot
        // stop another's receipts, nor have a word passed on in this node's own name.
        let towards = self.directory.next_hop(self.me(), kept.origin, &|node| node == neighbour);
        if towards.is_ok_and(|hop| hop.node != neighbour) {
            return;
        }
        if kept.maker == self.me() {
            let owed = |index: &u64| self.state.owed.contains_key(&(kept.origin, *index));
            let indexes: Vec<u64> = kept.indexes.iter().copied().filter(owed).collect();
            if kept.ledger == self.profile.ledger && !indexes.is_empty() {
                self.lazy_fact(Fact::Kept { origin: kept.origin, indexes });
            }
        } else if let Some(hop) = self.next_hop(kept.maker)
            && hop != neighbour
            && kept.hops_left > 0
        {
            let kept = Kept { hops_left: kept.hops_left - 1, ..kept };
            self.effect(Effect::SendKept { hop, kept });
        }
    }

    /// Sends home what is due, durable and has a way, and sets when it is due again (MUST-19).
    pub(crate) fn send_owed(&mut self) {
        let now = self.now().uptime;
        let mut home: BTreeMap<NodeId, Vec<u64>> = BTreeMap::new();
        let mut later = Vec::new();
        while let Some((index, origin)) = self.state.owed_soon.front().copied() {
            if !self.is_durable(index) {
                break;
            }
            self.state.owed_soon.pop_front();
            if let Some(owed) = self.state.owed.get(&(origin, index)) {
                self.state.due.insert((owed.due, origin, index));
            }
        }
        while let Some((due, origin, index)) = self.state.due.first().copied() {
            if due > now {
                break;
            }
            self.state.due.pop_first();
            if self.is_durable(index) {
                home.entry(origin).or_default().push(index);
            } else {
                later.push((due, origin, index));
            }
        }
        self.state.due.extend(later);
        for (origin, indexes) in home {
            let hop = self.next_hop(origin);
            let up = hop.and_then(|hop| self.state.links.get(&hop)).is_some_and(|link| link.up);
            for index in &indexes {
                if let Some(owed) = self.state.owed.get_mut(&(origin, *index)) {
                    owed.due =
                        now + OWED_WAIT_MS.saturating_mul(1 << owed.tries.min(10)).min(OWED_WAIT_MS_MAX);
                    owed.tries += u32::from(up);
                    if !on(Bug::OwedOnlyOnce) {
                        self.state.due.insert((owed.due, origin, *index));
                    }
                }
            }
            if let (Some(hop), true) = (hop, up) {
                for chunk in indexes.chunks(RECEIPTS_PER_BUNDLE_MAX) {
                    self.effect(Effect::SendReceipts { hop, origin, indexes: chunk.to_vec() });
                }
            }
        }
    }

    /// A link came up: everything owed may have a way now.
    pub(crate) fn owed_are_due_now(&mut self) {
        let now = self.now().uptime;
        self.state.due.clear();
        if on(Bug::OwedOnlyOnce) {
            return;
        }
        for ((origin, index), owed) in &mut self.state.owed {
            owed.due = owed.due.min(now);
            self.state.due.insert((owed.due, *origin, *index));
        }
    }
}
