//! Pseudo-random numbers from a seed that is printed, so that a failing run can be made again.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::ops::{Deref, DerefMut};
use std::path::Path;

/// Names the seed of a run.
const SEED_VARIABLE: &str = "YIZHAN_SEED";

/// The numbers that campaigns use; here whatever fails, fails the test.
#[derive(Clone, Debug)]
pub(crate) struct Random(yizhan_campaign::random::Random);

impl Deref for Random {
    type Target = yizhan_campaign::random::Random;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Random {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl Random {
    /// From `$YIZHAN_SEED`, else another one each time. Says which.
    pub(crate) fn of_this_run() -> Self {
        let seed = match std::env::var(SEED_VARIABLE) {
            Ok(text) => text.parse().unwrap_or_else(|_| panic!("{SEED_VARIABLE} is a number, not `{text}`")),
            Err(_) => RandomState::new().build_hasher().finish() >> 16,
        };
        eprintln!("to have the same random numbers again: {SEED_VARIABLE}={seed}");
        Self::new(seed)
    }

    /// From a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(yizhan_campaign::random::Random::new(seed))
    }

    /// One of several.
    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        *self.among(choices).unwrap_or_else(|| panic!("nothing to choose from"))
    }

    /// A file of so many random bytes.
    pub(crate) fn file(&mut self, path: &Path, count: u64) {
        self.0.file(path, count).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
}
