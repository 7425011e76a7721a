//! 65,536 numbers in a row of a set: as intervals where there are few, with a bit for each number where there are many.

use std::iter::from_fn;

/// How many numbers a chunk is of, in bits.
pub(crate) const CHUNK_BITS: u32 = 16;
/// How many words of 64 bits hold a bit for each.
pub(crate) const WORDS: usize = (1 << CHUNK_BITS) / 64;
/// Intervals take 4 bytes each; above so many, bits take less.
const SPANS_MAX: usize = WORDS * 8 / 4;
/// Below so many, intervals are gone back to; half, so that no number more or less changes the form each time.
const SPANS_AGAIN: usize = SPANS_MAX / 2;

/// Members among 65,536 numbers, which are counted from 0 here.
#[derive(Clone, Debug)]
pub(crate) enum Chunk {
    /// Disjoint, non-adjacent intervals, ascending, each with its first and last member.
    Spans(Vec<(u16, u16)>),
    /// A bit for each number.
    Bits(Box<Bits>),
}

#[derive(Clone, Debug)]
pub(crate) struct Bits {
    words: [u64; WORDS],
    /// How many intervals they are.
    spans: usize,
}

impl Chunk {
    pub(crate) fn new() -> Self {
        Self::Spans(Vec::new())
    }

    pub(crate) fn contains(&self, number: u16) -> bool {
        match self {
            Self::Spans(spans) => {
                let behind = spans.partition_point(|(first, _)| *first <= number);
                behind.checked_sub(1).and_then(|at| spans.get(at)).is_some_and(|(_, last)| number <= *last)
            }
            Self::Bits(bits) => bits.has(u32::from(number)),
        }
    }

    /// Adds a number; false if it was a member already.
    pub(crate) fn insert(&mut self, number: u16) -> bool {
        if self.contains(number) {
            return false;
        }
        match self {
            Self::Spans(_) => self.insert_span(number, number),
            Self::Bits(bits) => {
                bits.put(number, true);
                self.settle();
            }
        }
        true
    }

    /// Adds every number from `first` to `last`, which is not below it.
    pub(crate) fn insert_span(&mut self, first: u16, last: u16) {
        match self {
            Self::Spans(spans) => {
                let from = spans.partition_point(|(_, end)| u32::from(*end) + 1 < u32::from(first));
                let to = spans.partition_point(|(begin, _)| u32::from(*begin) <= u32::from(last) + 1);
                let joined = spans.get(from..to).unwrap_or_default();
                let begin = joined.first().map_or(first, |(begin, _)| first.min(*begin));
                let end = joined.last().map_or(last, |(_, end)| last.max(*end));
                spans.splice(from..to, [(begin, end)]);
            }
            Self::Bits(bits) => (first..=last).for_each(|number| bits.put(number, true)),
        }
        self.settle();
    }

    /// Removes a number; false if it was no member.
    pub(crate) fn remove(&mut self, number: u16) -> bool {
        if !self.contains(number) {
            return false;
        }
        match self {
            Self::Spans(spans) => {
                let at = spans.partition_point(|(_, last)| *last < number);
                let (first, last) = spans.get(at).copied().unwrap_or((number, number));
                let before = (first < number).then(|| (first, number.saturating_sub(1)));
                let after = (number < last).then(|| (number.saturating_add(1), last));
                spans.splice(at..=at, before.into_iter().chain(after));
            }
            Self::Bits(bits) => bits.put(number, false),
        }
        self.settle();
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.next_span(0).is_none()
    }

    pub(crate) fn is_full(&self) -> bool {
        matches!(self, Self::Spans(spans) if spans.as_slice() == [(0, u16::MAX)])
    }

    /// The intervals, ascending.
    pub(crate) fn spans(&self) -> impl Iterator<Item = (u16, u16)> + '_ {
        let mut from = 0;
        from_fn(move || {
            let (first, last) = self.next_span(from)?;
            from = u32::from(last) + 1;
            Some((first, last))
        })
    }

    /// The words, if there is a bit for each number.
    pub(crate) fn words(&self) -> Option<&[u64; WORDS]> {
        match self {
            Self::Spans(_) => None,
            Self::Bits(bits) => Some(&bits.words),
        }
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Spans(spans) => spans.capacity() * size_of::<(u16, u16)>(),
            Self::Bits(_) => size_of::<Bits>(),
        }
    }

    /// The first interval that ends at `from` or behind it, but for what of it lies before.
    fn next_span(&self, from: u32) -> Option<(u16, u16)> {
        match self {
            Self::Spans(spans) => {
                let at = spans.partition_point(|(_, last)| u32::from(*last) < from);
                let (first, last) = spans.get(at).copied()?;
                Some((first.max(u16::try_from(from).ok()?), last))
            }
            Self::Bits(bits) => {
                let first = bits.next(from, true)?;
                let behind = bits.next(first + 1, false).unwrap_or(1 << CHUNK_BITS);
                Some((u16::try_from(first).ok()?, u16::try_from(behind - 1).ok()?))
            }
        }
    }

    /// Takes the form that is the smaller one.
    fn settle(&mut self) {
        match self {
            Self::Spans(spans) if spans.len() > SPANS_MAX => {
                let mut bits = Box::new(Bits { words: [0; WORDS], spans: 0 });
                spans.iter().flat_map(|(first, last)| *first..=*last).for_each(|n| bits.put(n, true));
                *self = Self::Bits(bits);
            }
            Self::Bits(bits) if bits.spans < SPANS_AGAIN => {
                let spans: Vec<(u16, u16)> = self.spans().collect();
                *self = Self::Spans(spans);
            }
            Self::Spans(_) | Self::Bits(_) => {}
        }
    }
}

impl Bits {
    /// Whether a number is a member; none behind the last is.
    fn has(&self, number: u32) -> bool {
        let word = self.words.get((number / 64) as usize);
        word.is_some_and(|word| word & (1 << (number % 64)) != 0)
    }

    fn put(&mut self, number: u16, member: bool) {
        let at = u32::from(number);
        if self.has(at) == member {
            return;
        }
        let before = at.checked_sub(1).is_some_and(|before| self.has(before));
        let joined = usize::from(before) + usize::from(self.has(at + 1));
        if let Some(word) = self.words.get_mut(usize::from(number) / 64) {
            *word ^= 1 << (at % 64);
        }
        // Alone it is an interval more, beside one it lengthens that, between two it joins them; to remove it is the reverse.
        self.spans = if member { self.spans + 1 - joined } else { self.spans + joined - 1 };
    }

    /// The first number from `from` on that is a member, or that is none.
    fn next(&self, from: u32, member: bool) -> Option<u32> {
        let mut at = (from / 64) as usize;
        let mut hidden = from % 64;
        loop {
            let word = *self.words.get(at)?;
            let word = if member { word } else { !word } & (u64::MAX << hidden);
            if word != 0 {
                return Some(u32::try_from(at).ok()? * 64 + word.trailing_zeros());
            }
            (at, hidden) = (at + 1, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn spans_of(plain: &BTreeSet<u16>) -> Vec<(u16, u16)> {
        let mut spans: Vec<(u16, u16)> = Vec::new();
        for n in plain {
            match spans.last_mut() {
                Some((_, last)) if u32::from(*last) + 1 == u32::from(*n) => *last = *n,
                _ => spans.push((*n, *n)),
            }
        }
        spans
    }

    #[test]
    fn many_gaps_are_bits_and_few_are_intervals_again() {
        let mut chunk = Chunk::new();
        (0..=u16::MAX).step_by(2).for_each(|n| assert!(chunk.insert(n)));
        assert!(chunk.words().is_some());
        assert_eq!(chunk.heap_bytes(), size_of::<Bits>());
        assert_eq!(chunk.spans().count(), 1 << 15);
        (1..u16::MAX).step_by(2).for_each(|n| assert!(chunk.insert(n) && !chunk.insert(n)));
        assert!(!chunk.is_full() && chunk.words().is_none());
        assert_eq!(chunk.spans().collect::<Vec<_>>(), [(0, u16::MAX - 1)]);
        assert!(chunk.insert(u16::MAX) && chunk.is_full());
    }

    proptest! {
        // Around both ends and the middle, where intervals join; steps of two make bits of it.
        #[test]
        fn it_behaves_like_a_plain_set_in_both_forms(
            bits in any::<bool>(),
            acts in proptest::collection::vec((0u8..3, prop_oneof![0u16..70, 8_000u16..8_070, 65_466u16..=u16::MAX], 0u16..9), 0..150),
        ) {
            let (mut chunk, mut plain) = (Chunk::new(), BTreeSet::new());
            if bits {
                (10_000..20_000).step_by(2).for_each(|n| { chunk.insert(n); plain.insert(n); });
                prop_assert!(chunk.words().is_some());
            }
            for (act, n, more) in acts {
                let last = n.saturating_add(more);
                match act {
                    0 => prop_assert_eq!(chunk.insert(n), plain.insert(n)),
                    1 => prop_assert_eq!(chunk.remove(n), plain.remove(&n)),
                    _ => { chunk.insert_span(n, last); plain.extend(n..=last); }
                }
            }
            prop_assert_eq!(chunk.words().is_some(), bits);
            prop_assert_eq!(chunk.spans().collect::<Vec<_>>(), spans_of(&plain));
            prop_assert_eq!(chunk.is_empty(), plain.is_empty());
            prop_assert!((0..=u16::MAX).all(|n| chunk.contains(n) == plain.contains(&n)));
        }
    }
}
