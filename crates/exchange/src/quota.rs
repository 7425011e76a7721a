//! What one neighbour may make a node hold and enter: custody, offers that are looked at, entries that only answer it.
//!
//! The disk and the memory of a node are everybody's; a neighbour that floods takes its own share and no more. Shares are counted
//! for each destination: what waits for a node that is gone, here or behind the next hop, must not hold up what goes elsewhere.
//! Everything here is refused for now, so that an honest neighbour with much to hand over does so later, and loses nothing.

use crate::limits::{ANSWERS_ENTERED_AT_ONCE_MAX, ANSWERS_ENTERED_REST_MS};
use alloc::collections::BTreeMap;
use yizhan_document::NodeId;

/// Over all destinations it is so many times the quota for one.
const DESTINATIONS: usize = 16;

/// What a node holds for one neighbour, at the most, of what is for one destination; sixteen times that over all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Envelopes that it handed over and that have not gone on.
    pub documents: usize,
    /// Bytes of their bodies. One body is taken whatever its size where nothing else is held.
    pub bytes: u64,
}

impl Default for Quota {
    fn default() -> Self {
        Self { documents: 16_000, bytes: 16 * 1024 * 1024 * 1024 }
    }
}

/// Envelopes and the bytes of their bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// How many.
    pub documents: usize,
    /// Bytes.
    pub bytes: u64,
}

impl Quota {
    /// The same over all destinations.
    pub(crate) fn over_all_destinations(&self) -> Self {
        let bytes = self.bytes.saturating_mul(DESTINATIONS as u64);
        Self { documents: self.documents.saturating_mul(DESTINATIONS), bytes }
    }

    /// Whether a load is within it to which the last envelope brought `last` bytes.
    pub(crate) fn allows(&self, load: Load, last: u64) -> bool {
        load.documents <= self.documents.max(1) && (load.bytes <= self.bytes || load.bytes == last)
    }
}

impl core::ops::Add for Load {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            documents: self.documents.saturating_add(other.documents),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}

/// Loads by whose they are.
#[derive(Clone, Debug)]
pub(crate) struct Loads<K>(BTreeMap<K, Load>);

impl<K> Default for Loads<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Copy> Loads<K> {
    pub(crate) fn of(&self, whose: K) -> Load {
        self.0.get(&whose).copied().unwrap_or_default()
    }

    pub(crate) fn add(&mut self, whose: K, bytes: u64) {
        let load = self.0.entry(whose).or_default();
        *load = *load + Load { documents: 1, bytes };
    }

    pub(crate) fn take(&mut self, whose: K, bytes: u64) {
        let Some(load) = self.0.get_mut(&whose) else { return };
        load.documents = load.documents.saturating_sub(1);
        load.bytes = load.bytes.saturating_sub(bytes);
        if load.documents == 0 {
            self.0.remove(&whose);
        }
    }
}

/// Entries made for a neighbour that only answer it, refusals and second acknowledgements: so many at once, then one now and
/// then. An honest neighbour gets each of them once.
#[derive(Debug, Default)]
pub(crate) struct AnswersEntered(BTreeMap<NodeId, (u64, u64)>);

impl AnswersEntered {
    /// Whether another may be entered at this uptime, which counts as one if so.
    pub(crate) fn may_enter(&mut self, neighbour: NodeId, now: u64) -> bool {
        let (spent, at) = self.0.entry(neighbour).or_insert((0, now));
        let rested = now.saturating_sub(*at) / ANSWERS_ENTERED_REST_MS;
        *at = at.saturating_add(rested * ANSWERS_ENTERED_REST_MS);
        *spent = spent.saturating_sub(rested);
        let may = *spent < ANSWERS_ENTERED_AT_ONCE_MAX;
        *spent += u64::from(may);
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_larger_than_the_quota_goes_alone() {
        let quota = Quota { documents: 2, bytes: 100 };
        let load = |documents, bytes| Load { documents, bytes };
        assert!(quota.allows(load(1, 500), 500));
        assert!(!quota.allows(load(2, 501), 500));
        assert!(quota.allows(load(2, 100), 50));
        assert!(!quota.allows(load(3, 3), 1));
    }

    #[test]
    fn loads_come_and_go_by_neighbour() {
        let [one, other]: [NodeId; 2] = ["65", "6523"].map(|name| name.parse().unwrap());
        let mut loads = Loads::default();
        loads.add(one, 10);
        loads.add(one, 5);
        loads.take(other, 5);
        loads.take(one, 10);
        assert_eq!((loads.of(one), loads.of(other)), (Load { documents: 1, bytes: 5 }, Load::default()));
        loads.take(one, 5);
        assert!(loads.0.is_empty());
    }

    #[test]
    fn answers_are_entered_at_once_up_to_a_number_and_then_one_by_one() {
        let (one, other) = ("65".parse().unwrap(), "6523".parse().unwrap());
        let mut entered = AnswersEntered::default();
        assert!((0..ANSWERS_ENTERED_AT_ONCE_MAX).all(|_| entered.may_enter(one, 7)));
        assert!(!entered.may_enter(one, 7 + ANSWERS_ENTERED_REST_MS - 1));
        assert!(entered.may_enter(other, 8), "another neighbour has its own");
        assert!(entered.may_enter(one, 7 + ANSWERS_ENTERED_REST_MS));
        assert!(!entered.may_enter(one, 7 + ANSWERS_ENTERED_REST_MS));
        assert!(entered.may_enter(one, u64::MAX));
    }
}
