//! How bodies under way share a connection: the more urgent goes first, but every ninth MiB is for all alike, so that nothing stands
//! still for ever (MUST-44; decision 0015).
//!
//! QUIC (quinn-proto 0.11) looks at a stream's priority when it has sent something of it. So who goes first can step back, and who
//! stands behind cannot step forward.

use crate::limits::{BYTES_BY_PRIORITY, BYTES_FOR_ALL};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use yizhan_planted::{Bug, on};

/// The bodies under way on one connection.
#[derive(Default)]
pub(crate) struct Turns(Mutex<Shared>);

#[derive(Default)]
struct Shared {
    /// The priorities, and how many bodies have each.
    running: BTreeMap<i32, usize>,
    /// What all of them have written so far, in bytes.
    written: u64,
}

/// The part of one body; it ends when dropped.
pub(crate) struct Turn {
    turns: Arc<Turns>,
    priority: i32,
}

impl Turns {
    /// A body begins.
    pub(crate) fn begin(self: &Arc<Self>, priority: i32) -> Turn {
        *self.lock().running.entry(priority).or_default() += 1;
        Turn { turns: Arc::clone(self), priority }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// So many bytes of it were taken. Gives the priority with which it goes on: its own, or that of the least urgent.
    pub(crate) fn wrote(&self, bytes: u64) -> i32 {
        let mut shared = self.turns.lock();
        shared.written = shared.written.wrapping_add(bytes);
        let is_for_all = shared.written % (BYTES_BY_PRIORITY + BYTES_FOR_ALL) >= BYTES_BY_PRIORITY;
        let least = shared.running.first_key_value().map(|(priority, _)| *priority);
        least.filter(|_| is_for_all && !on(Bug::NothingForAll)).unwrap_or(self.priority)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut shared = self.turns.lock();
        if let Some(count) = shared.running.get_mut(&self.priority) {
            *count -= 1;
            if *count == 0 {
                shared.running.remove(&self.priority);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ninth_mib_the_urgent_step_back_to_the_least_urgent_and_then_go_first_again() {
        let turns = Arc::new(Turns::default());
        let (ordinary, flash) = (turns.begin(0), turns.begin(4));
        assert_eq!(flash.wrote(BYTES_BY_PRIORITY - 1), 4);
        assert_eq!(flash.wrote(1), 0);
        assert_eq!(ordinary.wrote(BYTES_FOR_ALL - 1), 0);
        assert_eq!(flash.wrote(1), 4);
        assert_eq!(ordinary.wrote(BYTES_BY_PRIORITY), 0);
        drop(ordinary);
        assert_eq!(flash.wrote(0), 4, "nobody is left for whom to step back");
    }

    #[test]
    fn among_many_the_least_urgent_that_is_under_way_counts() {
        let turns = Arc::new(Turns::default());
        let (one, other, urgent) = (turns.begin(1), turns.begin(1), turns.begin(3));
        assert_eq!(urgent.wrote(BYTES_BY_PRIORITY), 1);
        drop(one);
        assert_eq!(urgent.wrote(0), 1);
        drop(other);
        assert_eq!(urgent.wrote(0), 3);
    }
}
