//! Numbers that were given out and are not used yet: each series stays free of gaps, whatever is given back.

use alloc::collections::BTreeSet;
use yizhan_document::IntervalSet;

/// The reserved numbers of one series.
#[derive(Debug, Default)]
pub(crate) struct Reserved {
    numbers: BTreeSet<u64>,
    /// All below it are used or reserved: where the search for a free one begins.
    from: u64,
}

impl Reserved {
    /// Reserves the smallest number that is neither used nor reserved.
    pub(crate) fn take(&mut self, used: &IntervalSet) -> u64 {
        let mut candidate = self.from.max(used.first_absent());
        while used.contains(candidate) || self.numbers.contains(&candidate) {
            candidate += 1;
        }
        self.numbers.insert(candidate);
        self.from = candidate.saturating_add(1);
        candidate
    }

    /// A number is used from now on: the set of the used ones has it before anything else is reserved.
    pub(crate) fn used(&mut self, number: u64) {
        self.numbers.remove(&number);
    }

    /// A number is free again.
    pub(crate) fn give_back(&mut self, number: u64) {
        self.numbers.remove(&number);
        self.from = self.from.min(number);
    }

    /// Whether nothing is reserved.
    pub(crate) fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// The smallest number that is neither used nor reserved, found the slow way.
    fn first_free(used: &IntervalSet, reserved: &[u64]) -> u64 {
        (0..).find(|number| !used.contains(*number) && !reserved.contains(number)).unwrap()
    }

    proptest! {
        #[test]
        fn it_is_always_the_smallest_free_number(steps in proptest::collection::vec((0..3u8, any::<usize>()), 0..120)) {
            let (mut used, mut reserved, mut given) = (IntervalSet::new(), Reserved::default(), Vec::new());
            for (what, which) in steps {
                match (what, given.len()) {
                    (0, _) | (_, 0) => {
                        let expected = first_free(&used, &given);
                        let number = reserved.take(&used);
                        prop_assert_eq!(number, expected);
                        given.push(number);
                    }
                    (1, len) => {
                        let number = given.swap_remove(which % len);
                        used.insert(number);
                        reserved.used(number);
                    }
                    (_, len) => reserved.give_back(given.swap_remove(which % len)),
                }
                prop_assert_eq!(reserved.is_empty(), given.is_empty());
            }
        }
    }
}
