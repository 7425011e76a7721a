//! Pseudo-random numbers from a seed that is printed, so that a failing run can be made again.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::Write;
use std::path::Path;

/// Names the seed of a run.
const SEED_VARIABLE: &str = "YIZHAN_SEED";
/// How much of a file is made at once, in bytes.
const STEP_BYTES: usize = 1 << 20;

/// SplitMix64.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// From `$YIZHAN_SEED`, else another one each time. Says which.
    pub(crate) fn of_this_run() -> Self {
        let seed = match std::env::var(SEED_VARIABLE) {
            Ok(text) => text.parse().unwrap_or_else(|_| panic!("{SEED_VARIABLE} is a number, not `{text}`")),
            Err(_) => RandomState::new().build_hasher().finish() >> 16,
        };
        eprintln!("to have the same random numbers again: {SEED_VARIABLE}={seed}");
        Self(seed)
    }

    /// From a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap_or(u64::MAX)).unwrap_or(0)
    }

    /// One of several.
    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        let at = self.below(choices.len());
        *choices.get(at).unwrap_or_else(|| panic!("nothing to choose from"))
    }

    /// So many random bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count + 8);
        while bytes.len() < count {
            bytes.extend(self.next().to_le_bytes());
        }
        bytes.truncate(count);
        bytes
    }

    /// A file of so many random bytes, made in steps.
    pub(crate) fn file(&mut self, path: &Path, count: u64) {
        let file = std::fs::File::create(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut file = std::io::BufWriter::new(file);
        let mut left = count;
        while left > 0 {
            let step = usize::try_from(left).unwrap_or(STEP_BYTES).min(STEP_BYTES);
            file.write_all(&self.bytes(step)).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            left -= step as u64;
        }
        file.flush().unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
}
