//! Who goes next to a neighbour: the most urgent, of these the one whose deadline comes first, then in order of assignment; and at
//! every eighth turn whoever has waited longest, so that nothing waits for ever (MUST-43,
//! MUST-44; decision 0015).

use crate::limits::{
    OFFER_BYTES_IN_FLIGHT_MAX, OFFERS_IN_FLIGHT_MAX, TURNS_BY_RANK, WINDOW_BYTES_KEPT, WINDOW_KEPT,
};
use alloc::collections::{BTreeMap, BTreeSet};
use core::cmp::Reverse;
use yizhan_document::{Urgency, WallTime};
use yizhan_planted::{Bug, on};

/// The less, the sooner. The deadlines are compared with each other and never with a clock.
type Rank = (Reverse<Urgency>, WallTime);

/// What waits for a neighbour, by its number on the link: the smaller, the longer it has waited.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting {
    ranked: BTreeSet<(Rank, u64)>,
    by_age: BTreeMap<u64, Rank>,
    /// How many went by their rank since one went by its age.
    by_rank_since: usize,
}

/// What is under way to a neighbour.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnderWay {
    pub(crate) offers: usize,
    pub(crate) bytes: u64,
}

impl UnderWay {
    /// Whether an offer of this urgency may join: the less urgent leave room for the more urgent.
    fn has_room_for(self, urgency: Urgency) -> bool {
        let above = Urgency::ALL.iter().filter(|other| **other > urgency).count();
        self.offers + above * WINDOW_KEPT < OFFERS_IN_FLIGHT_MAX
            && self.bytes + above as u64 * WINDOW_BYTES_KEPT < OFFER_BYTES_IN_FLIGHT_MAX
    }

    /// Whether anything may join.
    fn has_room(self) -> bool {
        self.has_room_for(Urgency::Flash)
    }
}

impl Waiting {
    pub(crate) fn insert(&mut self, number: u64, urgency: Urgency, deadline: WallTime) {
        let urgency = if on(Bug::UrgencyIgnored) { Urgency::Normal } else { urgency };
        let rank = (Reverse(urgency), deadline);
        self.ranked.insert((rank, number));
        self.by_age.insert(number, rank);
    }

    pub(crate) fn remove(&mut self, number: u64) {
        if let Some(rank) = self.by_age.remove(&number) {
            self.ranked.remove(&(rank, number));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_age.len()
    }

    /// Whether one of them may go.
    pub(crate) fn may_go(&self, under_way: UnderWay) -> bool {
        let by_rank = self.ranked.first().is_some_and(|((rank, _), _)| under_way.has_room_for(rank.0));
        by_rank || (self.is_turn_of_age() && under_way.has_room() && !self.by_age.is_empty())
    }

    /// Takes out the one that goes next, if there is room for it; `counts` says whether it really goes, or stays behind.
    pub(crate) fn take_next(&mut self, under_way: UnderWay, counts: impl FnOnce(u64) -> bool) -> Option<u64> {
        let oldest = self.by_age.first_key_value().map(|(number, _)| *number);
        let by_age = oldest.filter(|_| self.is_turn_of_age() && under_way.has_room());
        let first = self.ranked.first().filter(|((rank, _), _)| under_way.has_room_for(rank.0));
        let number = by_age.or(first.map(|(_, number)| *number))?;
        self.remove(number);
        if counts(number) {
            // Where all are equal the oldest is the first by rank too, and it is all one.
            self.by_rank_since = if oldest == Some(number) { 0 } else { self.by_rank_since + 1 };
        }
        Some(number)
    }

    fn is_turn_of_age(&self) -> bool {
        self.by_rank_since >= TURNS_BY_RANK && !on(Bug::OldestPassedOver)
    }
}

#[cfg(test)]
#[path = "waiting_tests.rs"]
mod tests;
