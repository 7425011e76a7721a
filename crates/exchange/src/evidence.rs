//! Which receipts an origin takes (MUST-67): about envelopes that it gave out, of kinds that go home, and of one maker no more than
//! can rightly be.
//!
//! What is not taken is not confirmed, so its maker would send it for ever; that must never happen to what is right. An honest node
//! enters something about an envelope only if the origin's ledger shows its acceptance, and sends home nothing else.

use crate::event::HeardEntry;
use crate::limits::{
    RECEIPTS_AT_A_DESTINATION_MAX, RECEIPTS_AT_LEAST, RECEIPTS_OF_AN_EARLIER_EPOCH_MAX,
    RECEIPTS_ON_THE_WAY_MAX,
};
use crate::node::Node;
use crate::state::State;
use alloc::collections::BTreeMap;
use yizhan_document::{EnvelopeId, IntervalSet, LedgerId, NodeId};
use yizhan_ledger::Event as LedgerEvent;
use yizhan_planted::{Bug, on};

/// What the bounds are made of, counted as it comes: to count the sets themselves takes longer the more gaps they have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// Destinations of all own envelopes: each has a number of its own.
    units: u64,
    /// Receipts that were heard, by their maker, over all its ledgers.
    heard: BTreeMap<NodeId, u64>,
}

impl State {
    /// Counts everything anew, once all facts are recalled.
    pub(crate) fn recount(&mut self) {
        self.counts =
            Counts { units: self.numbers.values().map(IntervalSet::len).sum(), heard: BTreeMap::new() };
        for (ledger, heard) in &self.heard {
            *self.counts.heard.entry(ledger.node).or_default() += heard.len();
        }
    }

    /// Receipts of a ledger are stored here.
    pub(crate) fn hear(&mut self, ledger: LedgerId, indexes: &[u64]) {
        let heard = self.heard.entry(ledger).or_default();
        let new = indexes.iter().filter(|index| heard.insert(**index)).count();
        *self.counts.heard.entry(ledger.node).or_default() += new as u64;
    }

    /// An envelope of this origin was given out.
    pub(crate) fn count_units(&mut self, units: usize) {
        self.counts.units += units as u64;
    }
}

impl Node {
    /// Whether receipts of a ledger, all of one bundle, are evidence for this origin. A bundle is stored as it came, so one entry that is
    /// none condemns it: no honest maker puts such a one beside others.
    pub(crate) fn is_evidence(&self, ledger: LedgerId, entries: &[HeardEntry]) -> bool {
        let about = |entry: &HeardEntry| {
            goes_home(&entry.event) && entry.event.envelope_id().is_some_and(|id| self.was_given(id))
        };
        let right = ledger.node != self.me() && entries.iter().all(about) || on(Bug::AnythingKept);
        right && (self.has_room_for(ledger.node, self.unheard(ledger, entries)) || on(Bug::ReceiptsUncounted))
    }

    /// Whether an id is one of this origin's own. Which ones it gave in its earlier epochs went with the disk.
    fn was_given(&self, id: EnvelopeId) -> bool {
        let own = self.profile.ledger;
        id.ledger() < own && id.origin == own.node
            || id.ledger() == own && self.state.counters.contains(id.counter)
    }

    fn unheard(&self, ledger: LedgerId, entries: &[HeardEntry]) -> u64 {
        let known = self.state.heard.get(&ledger);
        let unheard =
            entries.iter().filter(|entry| known.is_none_or(|known| !known.contains(entry.at.index)));
        unheard.count() as u64
    }

    /// Whether a maker has entered no more, with so many new ones, than it can have had to. Its ledgers count together: it begins new ones
    /// as it likes.
    fn has_room_for(&self, maker: NodeId, new: u64) -> bool {
        let heard = self.state.counts.heard.get(&maker).copied().unwrap_or_default().saturating_add(new);
        heard <= RECEIPTS_AT_LEAST || heard <= self.rightful_receipts(maker)
    }

    /// How many receipts of one maker there can be about all that this origin gave out.
    fn rightful_receipts(&self, maker: NodeId) -> u64 {
        let for_it = self.state.numbers.get(&maker).map_or(0, IntervalSet::len);
        let on_the_way = self.state.counts.units.saturating_mul(RECEIPTS_ON_THE_WAY_MAX);
        let in_an_epoch = on_the_way
            .saturating_add(for_it.saturating_mul(RECEIPTS_AT_A_DESTINATION_MAX))
            .saturating_add(RECEIPTS_AT_LEAST);
        // What a disk took with it comes once more, and enters what it enters once more.
        let epochs = u64::from(self.state.ledger_of(maker).epoch) + 1;
        let before = u64::from(self.profile.ledger.epoch).saturating_mul(RECEIPTS_OF_AN_EARLIER_EPOCH_MAX);
        in_an_epoch.saturating_mul(epochs).saturating_add(before)
    }

    /// Takes in a submission that only the ledger shows any more, since the record beside it is damaged: its id and numbers are not given
    /// again, and receipts about it are evidence. Numbers have no gaps, so these are the next ones.
    pub fn recall_submission(&mut self, id: EnvelopeId, to: &[NodeId]) {
        if id.ledger() == self.profile.ledger && self.state.counters.insert(id.counter) {
            for node in to {
                let numbers = self.state.numbers.entry(*node).or_default();
                numbers.insert(numbers.first_absent());
            }
            self.state.count_units(to.len());
        }
    }
}

/// Whether an entry of this kind is ever sent to an origin by its maker (MUST-19).
fn goes_home(event: &LedgerEvent) -> bool {
    match event {
        LedgerEvent::RelayAcceptance { .. }
        | LedgerEvent::RelayFailure { .. }
        | LedgerEvent::ContentConsignment { .. }
        | LedgerEvent::ContentConsignmentFailure { .. }
        | LedgerEvent::ContentHandover(_)
        | LedgerEvent::AcceptanceRejectionExpiry { .. }
        | LedgerEvent::SignedFor(_)
        | LedgerEvent::Refused(_)
        | LedgerEvent::Returned(_)
        | LedgerEvent::Recalled(_)
        | LedgerEvent::RecallDenied(_) => true,
        LedgerEvent::EpochOpened { .. }
        | LedgerEvent::SubmissionAcceptance { .. }
        | LedgerEvent::RelayRejection { .. }
        | LedgerEvent::CustodyPassed { .. }
        | LedgerEvent::RecallRequested(_) => false,
    }
}
