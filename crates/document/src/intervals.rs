//! A set of numbers kept as intervals: ten years of ids in a few bytes where they came without gaps.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A set of `u64` as disjoint, non-adjacent intervals. Its size follows the number of gaps, not of members.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntervalSet {
    /// First member -> last member of each interval.
    spans: BTreeMap<u64, u64>,
}

impl IntervalSet {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether `number` is a member.
    pub fn contains(&self, number: u64) -> bool {
        self.spans.range(..=number).next_back().is_some_and(|(_, last)| number <= *last)
    }

    /// Adds `number`; false if it was a member already.
    pub fn insert(&mut self, number: u64) -> bool {
        if self.contains(number) {
            return false;
        }
        let before = self.spans.range(..number).next_back().map(|(first, last)| (*first, *last));
        let first = match before {
            Some((first, last)) if last + 1 == number => first,
            _ => number,
        };
        let after = number.checked_add(1).and_then(|next| self.spans.remove(&next));
        self.spans.insert(first, after.unwrap_or(number));
        true
    }

    /// Adds every number from `first` to `last`; nothing if `last` is below `first`.
    pub fn insert_span(&mut self, first: u64, last: u64) {
        if last < first {
            return;
        }
        let (mut from, mut to) = (first, last);
        // The one that begins before and reaches in or borders, then all that begin inside or border behind.
        let before = self.spans.range(..first).next_back().map(|(first, last)| (*first, *last));
        if let Some((begin, end)) = before.filter(|(_, end)| end.saturating_add(1) >= first) {
            (from, to) = (begin, to.max(end));
        }
        while let Some((begin, end)) =
            self.spans.range(first..=to.saturating_add(1)).next().map(|(first, last)| (*first, *last))
        {
            self.spans.remove(&begin);
            to = to.max(end);
        }
        self.spans.insert(from, to);
    }

    /// Removes `number`; false if it was no member.
    pub fn remove(&mut self, number: u64) -> bool {
        let Some((first, last)) = self.spans.range(..=number).next_back().map(|(f, l)| (*f, *l)) else {
            return false;
        };
        if number > last {
            return false;
        }
        self.spans.remove(&first);
        if first < number {
            self.spans.insert(first, number - 1);
        }
        if number < last {
            self.spans.insert(number + 1, last);
        }
        true
    }

    /// The smallest number that is no member.
    pub fn first_absent(&self) -> u64 {
        match self.spans.first_key_value() {
            Some((0, last)) => last.saturating_add(1),
            _ => 0,
        }
    }

    /// How many numbers are members.
    pub fn len(&self) -> u64 {
        self.spans.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// Whether nothing is a member.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The intervals, ascending, each with its first and last member.
    pub fn spans(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.spans.iter().map(|(first, last)| (*first, *last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_that_come_in_any_order_without_gaps_are_one_interval() {
        let mut set = IntervalSet::new();
        [3, 0, 1, 4, 2].into_iter().for_each(|n| assert!(set.insert(n)));
        assert_eq!(set.spans().collect::<Vec<_>>(), [(0, 4)]);
        assert_eq!(set.first_absent(), 5);
        assert!(set.insert(u64::MAX));
        assert!(!set.insert(u64::MAX));
    }

    #[test]
    fn spans_up_to_the_last_number_join() {
        let mut set = IntervalSet::new();
        set.insert_span(u64::MAX - 1, u64::MAX);
        set.insert_span(3, 2);
        set.insert_span(0, u64::MAX - 2);
        assert_eq!(set.spans().collect::<Vec<_>>(), [(0, u64::MAX)]);
    }

    proptest! {
        #[test]
        fn a_span_is_all_its_numbers(spans in proptest::collection::vec((0u64..40, 0u64..8), 0..12)) {
            let (mut set, mut one_by_one) = (IntervalSet::new(), IntervalSet::new());
            for (first, more) in spans {
                set.insert_span(first, first + more);
                (first..=first + more).for_each(|n| { one_by_one.insert(n); });
            }
            prop_assert_eq!(set, one_by_one);
        }

        #[test]
        fn it_behaves_like_a_plain_set(acts in proptest::collection::vec((any::<bool>(), 0u64..40), 0..200)) {
            let mut set = IntervalSet::new();
            let mut plain = BTreeSet::new();
            for (add, n) in acts {
                if add {
                    prop_assert_eq!(set.insert(n), plain.insert(n));
                } else {
                    prop_assert_eq!(set.remove(n), plain.remove(&n));
                }
            }
            prop_assert_eq!(set.len(), plain.len() as u64);
            prop_assert!((0..40).all(|n| set.contains(n) == plain.contains(&n)));
            prop_assert_eq!(set.first_absent(), (0..).find(|n| !plain.contains(n)).unwrap());
            let spans: Vec<_> = set.spans().collect();
            prop_assert!(spans.windows(2).all(|w| w[0].1 + 1 < w[1].0));
        }
    }
}
