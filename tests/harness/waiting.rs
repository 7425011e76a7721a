//! Waiting for what is bound to happen: looking again and again, never for a time that was guessed.

use std::time::Duration;

/// Between two looks: long enough to leave the nodes the processor.
const PAUSE: Duration = Duration::from_millis(10);
/// How often to look at the most. With a process for each look that is some minutes; nothing that is tested takes as long.
const LOOKS_MAX: usize = 6_000;

/// Looks until there is something.
pub(crate) fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    until_at_most(LOOKS_MAX, what, look)
}

/// The same for what takes longer.
pub(crate) fn until_at_most<T>(looks: usize, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..looks {
        if let Some(found) = look() {
            return found;
        }
        pause();
    }
    panic!("waited in vain until {what}");
}

/// Lets others work for a moment.
pub(crate) fn pause() {
    std::thread::sleep(PAUSE);
}
