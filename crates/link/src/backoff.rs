//! How long to wait before dialling again: doubling, with jitter, so that a hub that returns is not stormed.

use ring::rand::{SecureRandom, SystemRandom};
use std::time::Duration;

/// The waits of one dialler.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    max: Duration,
    step: Duration,
}

impl Backoff {
    /// Waits from `first`, doubling up to `max`.
    pub(crate) fn new(first: Duration, max: Duration) -> Self {
        Self { first, max, step: first }
    }

    /// The next attempt has succeeded: begin anew.
    pub(crate) fn reset(&mut self) {
        self.step = self.first;
    }

    /// The next wait, with jitter from the system's random source.
    pub(crate) fn next(&mut self) -> Duration {
        let mut random = [0; 4];
        // Without random numbers the waits are merely in step with each other.
        if SystemRandom::new().fill(&mut random).is_err() {
            random = [0xff; 4];
        }
        self.next_with(u32::from_be_bytes(random))
    }

    /// Between half the step and the whole of it, as `random` says.
    fn next_with(&mut self, random: u32) -> Duration {
        let half = self.step / 2;
        let wait = half + half.mul_f64(f64::from(random) / f64::from(u32::MAX));
        self.step = self.step.saturating_mul(2).min(self.max);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn waits_double_within_bounds_and_begin_anew_after_success(
            first in 1..1000u64, times in 1..100u64, random in prop::collection::vec(any::<u32>(), 1..40),
        ) {
            let (first, max) = (Duration::from_millis(first), Duration::from_millis(first * times));
            let mut backoff = Backoff::new(first, max);
            let mut step = first;
            for random in random {
                let wait = backoff.next_with(random);
                prop_assert!(wait >= step / 2 && wait <= step && wait <= max);
                step = (step * 2).min(max);
            }
            backoff.reset();
            prop_assert!(backoff.next_with(u32::MAX) <= first);
        }
    }

    #[test]
    fn two_diallers_do_not_wait_in_step() {
        let mut a = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
        let mut b = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
        assert!((0..6).any(|_| a.next() != b.next()));
    }
}
