//! Virtual time: what happens when, in one order for one seed.

use std::collections::BTreeMap;

/// What is going to happen, by time in virtual milliseconds; what falls on the same millisecond keeps its order.
#[derive(Debug)]
pub(crate) struct Agenda<T> {
    items: BTreeMap<(u64, u64), T>,
    next: u64,
}

impl<T> Agenda<T> {
    pub(crate) fn new() -> Self {
        Self { items: BTreeMap::new(), next: 0 }
    }

    pub(crate) fn at(&mut self, time: u64, item: T) {
        self.items.insert((time, self.next), item);
        self.next += 1;
    }

    /// When the next thing happens.
    pub(crate) fn next_time(&self) -> Option<u64> {
        self.items.first_key_value().map(|((time, _), _)| *time)
    }

    pub(crate) fn pop(&mut self) -> Option<(u64, T)> {
        self.items.pop_first().map(|((time, _), item)| (time, item))
    }

    /// How many things were ever put on it.
    pub(crate) fn count(&self) -> u64 {
        self.next
    }
}
