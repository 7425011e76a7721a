//! A set of numbers kept as intervals: ten years of ids in a few bytes where they came without gaps, in a few bits each where they
//! did not.

use crate::interval_chunk::{CHUNK_BITS, Chunk, WORDS};
use std::collections::BTreeMap;
use std::fmt;
use std::iter::from_fn;

/// The numbers of a chunk.
const CHUNK_MASK: u64 = (1 << CHUNK_BITS) - 1;

/// A set of `u64`. Its size follows the number of gaps, not of members; where there are many gaps, each member takes fewer bits the
/// more there are: 65,536 numbers take 8 KiB at the most.
#[derive(Clone, Default)]
pub struct IntervalSet {
    /// Chunks of which every number is a member: the first and the last of each run.
    full: BTreeMap<u64, u64>,
    /// Chunks of which some are.
    some: BTreeMap<u64, Chunk>,
}

/// Every bit of 65,536 numbers in a row: the words of one chunk.
pub type ChunkWords = [u64; WORDS];

impl IntervalSet {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether `number` is a member.
    pub fn contains(&self, number: u64) -> bool {
        let (chunk, within) = split(number);
        match self.some.get(&chunk) {
            Some(some) => some.contains(within),
            None => self.run_over(chunk).is_some(),
        }
    }

    /// Adds `number`; false if it was a member already.
    pub fn insert(&mut self, number: u64) -> bool {
        let (chunk, within) = split(number);
        if self.run_over(chunk).is_some() {
            return false;
        }
        let some = self.some.entry(chunk).or_insert_with(Chunk::new);
        let new = some.insert(within);
        if some.is_full() {
            self.fill(chunk, chunk);
        }
        new
    }

    /// Adds every number from `first` to `last`; nothing if `last` is below `first`.
    pub fn insert_span(&mut self, first: u64, last: u64) {
        if last < first {
            return;
        }
        let ((from, begin), (to, end)) = (split(first), split(last));
        if from == to {
            return self.insert_within(from, begin, end);
        }
        self.insert_within(from, begin, u16::MAX);
        self.insert_within(to, 0, end);
        // All of them between.
        if from + 1 < to {
            self.fill(from + 1, to - 1);
        }
    }

    /// Removes `number`; false if it was no member.
    pub fn remove(&mut self, number: u64) -> bool {
        let (chunk, within) = split(number);
        if let Some((first, last)) = self.run_over(chunk) {
            self.full.remove(&first);
            if first < chunk {
                self.full.insert(first, chunk - 1);
            }
            if chunk < last {
                self.full.insert(chunk + 1, last);
            }
            let mut some = Chunk::new();
            some.insert_span(0, u16::MAX);
            self.some.insert(chunk, some);
        }
        let Some(some) = self.some.get_mut(&chunk) else { return false };
        let removed = some.remove(within);
        if some.is_empty() {
            self.some.remove(&chunk);
        }
        removed
    }

    /// The smallest number that is no member.
    pub fn first_absent(&self) -> u64 {
        match self.spans().next() {
            Some((0, last)) => last.saturating_add(1),
            _ => 0,
        }
    }

    /// How many numbers are members; `u64::MAX` if all are.
    pub fn len(&self) -> u64 {
        self.spans().fold(0, |len: u64, (first, last)| len.saturating_add(last - first).saturating_add(1))
    }

    /// Whether nothing is a member.
    pub fn is_empty(&self) -> bool {
        self.full.is_empty() && self.some.is_empty()
    }

    /// The intervals, ascending, each with its first and last member.
    pub fn spans(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        joined(self.full_spans(), self.some.iter().flat_map(|(chunk, some)| spans_of(*chunk, some)))
    }

    /// The intervals outside of the chunks that [`Self::dense`] names.
    pub fn sparse_spans(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let sparse = self.some.iter().filter(|(_, some)| some.words().is_none());
        joined(self.full_spans(), sparse.flat_map(|(chunk, some)| spans_of(*chunk, some)))
    }

    /// The chunks with so many gaps that they take a bit for each number: the number of the chunk, which is its first number divided by
    /// 65,536, and its words, the lowest bit first.
    pub fn dense(&self) -> impl Iterator<Item = (u64, &ChunkWords)> + '_ {
        self.some.iter().filter_map(|(chunk, some)| Some((*chunk, some.words()?)))
    }

    /// Adds the members of a chunk as [`Self::dense`] gives it. Bits that are missing or too many count for nothing.
    pub fn insert_dense(&mut self, chunk: u64, words: &[u64]) {
        let Some(first) = chunk.checked_mul(1 << CHUNK_BITS) else { return };
        for (word, from) in words.iter().take(WORDS).zip((first..).step_by(64)) {
            let bits = (0..64).filter(|bit| word & (1 << bit) != 0);
            bits.for_each(|bit| {
                self.insert(from + bit);
            });
        }
    }

    /// What it takes of memory, in bytes, roughly.
    #[cfg(test)]
    fn memory_bytes(&self) -> usize {
        let places = self.full.len() * 2 * size_of::<u64>() + self.some.len() * size_of::<(u64, Chunk)>();
        places + self.some.values().map(Chunk::heap_bytes).sum::<usize>()
    }

    /// The run of full chunks that `chunk` is of.
    fn run_over(&self, chunk: u64) -> Option<(u64, u64)> {
        let (first, last) = self.full.range(..=chunk).next_back()?;
        (chunk <= *last).then_some((*first, *last))
    }

    fn insert_within(&mut self, chunk: u64, first: u16, last: u16) {
        if self.run_over(chunk).is_some() {
            return;
        }
        let some = self.some.entry(chunk).or_insert_with(Chunk::new);
        some.insert_span(first, last);
        if some.is_full() {
            self.fill(chunk, chunk);
        }
    }

    /// All numbers of these chunks are members.
    fn fill(&mut self, first: u64, last: u64) {
        let within: Vec<u64> = self.some.range(first..=last).map(|(chunk, _)| *chunk).collect();
        within.iter().for_each(|chunk| drop(self.some.remove(chunk)));
        let (mut from, mut to) = (first, last);
        // The run that begins before and reaches in or borders, then all that begin inside or border behind.
        let before = self.full.range(..first).next_back().map(|(first, last)| (*first, *last));
        if let Some((begin, end)) = before.filter(|(_, end)| end.saturating_add(1) >= first) {
            (from, to) = (begin, to.max(end));
        }
        while let Some((begin, end)) =
            self.full.range(first..=to.saturating_add(1)).next().map(|(first, last)| (*first, *last))
        {
            self.full.remove(&begin);
            to = to.max(end);
        }
        self.full.insert(from, to);
    }

    fn full_spans(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.full.iter().map(|(first, last)| (first << CHUNK_BITS, (last << CHUNK_BITS) | CHUNK_MASK))
    }
}

/// Two sets are one if they have the same members, in whatever form.
impl PartialEq for IntervalSet {
    fn eq(&self, other: &Self) -> bool {
        self.spans().eq(other.spans())
    }
}

impl Eq for IntervalSet {}

impl fmt::Debug for IntervalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.spans()).finish()
    }
}

/// The chunk of a number, and which one of that it is.
fn split(number: u64) -> (u64, u16) {
    // No more than 16 bits are left of it.
    (number >> CHUNK_BITS, u16::try_from(number & CHUNK_MASK).unwrap_or(u16::MAX))
}

fn spans_of(chunk: u64, some: &Chunk) -> impl Iterator<Item = (u64, u64)> + '_ {
    let first = chunk << CHUNK_BITS;
    some.spans().map(move |(from, to)| (first | u64::from(from), first | u64::from(to)))
}

/// Disjoint intervals of two ascending lists as one; those that touch are joined.
fn joined(
    one: impl Iterator<Item = (u64, u64)>,
    other: impl Iterator<Item = (u64, u64)>,
) -> impl Iterator<Item = (u64, u64)> {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    let mut next = move || match (one.peek(), other.peek()) {
        (Some(first), Some(second)) if second < first => other.next(),
        (None, _) => other.next(),
        _ => one.next(),
    };
    let mut waiting = next();
    from_fn(move || {
        let (first, mut last) = waiting?;
        loop {
            waiting = next();
            match waiting {
                Some((from, to)) if last.checked_add(1) == Some(from) => last = to,
                _ => return Some((first, last)),
            }
        }
    })
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

    #[test]
    fn sets_that_reach_over_chunks_are_what_was_put_in() {
        let mut set = IntervalSet::new();
        set.insert_span(65_000, 300_000);
        assert_eq!(set.spans().collect::<Vec<_>>(), [(65_000, 300_000)]);
        assert!(set.remove(200_000) && !set.remove(200_000) && !set.contains(200_000));
        assert_eq!(set.spans().collect::<Vec<_>>(), [(65_000, 199_999), (200_001, 300_000)]);
        assert!(set.insert(200_000));
        set.insert_span(0, 64_999);
        assert_eq!((set.first_absent(), set.len()), (300_001, 300_001));
        assert!(set.memory_bytes() < 200, "{}", set.memory_bytes());
    }

    #[test]
    fn ids_with_gaps_everywhere_take_two_bits_and_a_million_of_them_less_than_a_megabyte() {
        let mut set = IntervalSet::new();
        // One of two, as if by lot: nothing that comes in long rows.
        let members = (0u64..2_000_000).filter(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 63) == 1);
        let count = members.filter(|n| set.insert(*n)).count();
        assert!(count > 900_000 && set.memory_bytes() < 300_000, "{count} in {}", set.memory_bytes());
        let mut again = IntervalSet::new();
        set.sparse_spans().for_each(|(first, last)| again.insert_span(first, last));
        set.dense().for_each(|(chunk, words)| again.insert_dense(chunk, words));
        assert_eq!(again, set);
        assert!(set.dense().count() > 20);
    }

    #[test]
    fn words_that_make_no_chunk_do_no_harm() {
        let mut set = IntervalSet::new();
        set.insert_dense(u64::MAX, &[1]);
        set.insert_dense(0, &[u64::MAX; 3 * WORDS]);
        set.insert_dense(7, &[]);
        assert_eq!(set.spans().collect::<Vec<_>>(), [(0, CHUNK_MASK)]);
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
