//! Pseudo-random numbers from a seed, so that a failing run can be made again.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

/// How much of a file is made at once, in bytes.
const STEP_BYTES: usize = 1 << 20;

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Another source, which goes its own way from here on.
    pub fn branch(&mut self) -> Self {
        Self(self.next())
    }

    /// The next number.
    #[expect(clippy::should_implement_trait, reason = "it never ends, and no caller iterates over it")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap_or(u64::MAX)).unwrap_or(0)
    }

    /// One of several, if there are any.
    pub fn among<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        choices.get(self.below(choices.len()))
    }

    /// Puts things into a random order.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            things.swap(last, self.below(last + 1));
        }
    }

    /// A time below `longest`, to the microsecond.
    pub fn pause(&mut self, longest: Duration) -> Duration {
        let micros = usize::try_from(longest.as_micros()).unwrap_or(usize::MAX);
        Duration::from_micros(self.below(micros) as u64)
    }

    /// So many random bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count.saturating_add(8));
        while bytes.len() < count {
            bytes.extend(self.next().to_le_bytes());
        }
        bytes.truncate(count);
        bytes
    }

    /// A file of so many random bytes, made in steps.
    pub fn file(&mut self, path: &Path, count: u64) -> io::Result<()> {
        let mut file = io::BufWriter::new(std::fs::File::create(path)?);
        let mut left = count;
        while left > 0 {
            let step = usize::try_from(left).unwrap_or(STEP_BYTES).min(STEP_BYTES);
            file.write_all(&self.bytes(step))?;
            left -= step as u64;
        }
        file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_row_of_numbers_and_another_seed_another() {
        let row = |seed| {
            let mut random = Random::new(seed);
            (0..8).map(|_| random.next()).collect::<Vec<_>>()
        };
        assert_eq!(row(7), row(7));
        assert_ne!(row(7), row(8));
    }

    #[test]
    fn a_random_order_keeps_everything() {
        let mut things: Vec<u32> = (0..100).collect();
        Random::new(3).shuffle(&mut things);
        assert!(!things.is_sorted());
        things.sort_unstable();
        assert!(things.iter().copied().eq(0..100));
    }

    #[test]
    fn a_file_has_the_size_that_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        for size in [0, 1, STEP_BYTES as u64 + 3] {
            let path = folder.path().join(size.to_string());
            Random::new(size).file(&path, size).unwrap();
            assert_eq!(path.metadata().unwrap().len(), size);
        }
    }
}
