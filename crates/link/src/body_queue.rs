//! Bodies that wait for one neighbour: the most urgent next (MUST-43), none waiting for ever (MUST-44), bounded in number (MUST-04) with
//! room kept for the more urgent.

use crate::limits::{
    BODIES_AT_ONCE_MAX, BODIES_WAITING_KEPT, BODIES_WAITING_MAX, PRIORITY_MAX, TURNS_BY_PRIORITY,
};
use bytes::Bytes;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::io::AsyncRead;
use tokio::sync::Notify;

/// A body to send.
pub(crate) struct BodyJob {
    /// The offer it belongs to.
    pub(crate) link: u64,
    /// Its head, encoded.
    pub(crate) head: Bytes,
    /// Its bytes.
    pub(crate) body: Box<dyn AsyncRead + Send + Unpin>,
    /// Greater goes first; each up to `PRIORITY_MAX` has a place of its own.
    pub(crate) priority: i32,
}

/// The queue, filled without waiting.
#[derive(Default)]
pub(crate) struct BodyQueue {
    waiting: Mutex<Waiting>,
    filled: Notify,
}

/// Why a job was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// So many of this priority wait already.
    Full,
    /// The connection has ended.
    Closed,
}

impl BodyQueue {
    /// Takes a job in, if there is room for one of its priority.
    pub(crate) fn push(&self, job: BodyJob) -> Result<(), NotTaken> {
        self.lock().push(job)?;
        self.filled.notify_one();
        Ok(())
    }

    /// The next job, if there is one and, beside so many that are under way, a place for it.
    pub(crate) fn next(&self, running: usize) -> Option<BodyJob> {
        self.lock().next(running)
    }

    /// Waits until something has come in since the last look.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Takes nothing any more; gives what still waits.
    pub(crate) fn close(&self) -> Vec<BodyJob> {
        let mut waiting = self.lock();
        waiting.closed = true;
        std::mem::take(&mut waiting.jobs).into_values().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics while it is held.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The jobs that wait: the more urgent first, then the earlier; at every eighth turn the earliest of all.
#[derive(Default)]
struct Waiting {
    jobs: BTreeMap<(Reverse<i32>, u64), BodyJob>,
    count: u64,
    by_priority_since: u64,
    closed: bool,
}

impl Waiting {
    fn push(&mut self, job: BodyJob) -> Result<(), NotTaken> {
        if self.closed {
            return Err(NotTaken::Closed);
        }
        if self.jobs.len() + above(job.priority) * BODIES_WAITING_KEPT >= BODIES_WAITING_MAX {
            return Err(NotTaken::Full);
        }
        self.jobs.insert((Reverse(job.priority), self.count), job);
        self.count += 1;
        Ok(())
    }

    /// The next job, if there is a place for it: each priority finds one that those below it cannot take, and the
    /// earliest, at its turn, takes any.
    fn next(&mut self, running: usize) -> Option<BodyJob> {
        let earliest = self.jobs.keys().min_by_key(|(_, number)| *number).copied()?;
        let is_its_turn = self.by_priority_since >= TURNS_BY_PRIORITY && running < BODIES_AT_ONCE_MAX;
        let first = self.jobs.first_key_value().map(|(key, _)| *key);
        let first = first.filter(|(Reverse(priority), _)| running < places(*priority));
        let key = if is_its_turn { earliest } else { first? };
        self.by_priority_since = if key == earliest { 0 } else { self.by_priority_since + 1 };
        self.jobs.remove(&key)
    }
}

/// How many bodies may be under way so that one of this priority may join.
fn places(priority: i32) -> usize {
    BODIES_AT_ONCE_MAX - above(priority)
}

/// How many priorities above this one have places of their own.
fn above(priority: i32) -> usize {
    usize::try_from(PRIORITY_MAX - priority.clamp(0, PRIORITY_MAX)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(priorities: &[i32]) -> Waiting {
        let mut waiting = Waiting::default();
        for (link, priority) in (0..).zip(priorities) {
            let body = Box::new(tokio::io::empty());
            waiting.push(BodyJob { link, head: Bytes::new(), body, priority: *priority }).unwrap();
        }
        waiting
    }

    fn order(waiting: &mut Waiting) -> Vec<u64> {
        std::iter::from_fn(|| waiting.next(0)).map(|job| job.link).collect()
    }

    #[test]
    fn the_most_urgent_goes_first_and_among_equals_the_earliest() {
        assert_eq!(order(&mut queue(&[0, 4, 0, 4, -1])), [1, 3, 0, 2, 4]);
    }

    #[test]
    fn the_earliest_begins_after_seven_that_overtook_it() {
        assert_eq!(order(&mut queue(&[0, 1, 1, 1, 1, 1, 1, 1, 1, 1])), [1, 2, 3, 4, 5, 6, 7, 0, 8, 9]);
    }

    #[test]
    fn each_priority_finds_a_place_that_those_below_it_cannot_take() {
        for priority in 0..=PRIORITY_MAX {
            let places = places(priority);
            assert!(queue(&[priority]).next(places - 1).is_some());
            assert!(queue(&[priority]).next(places).is_none());
            assert!(queue(&[priority, priority + 1]).next(places).is_some() == (priority < PRIORITY_MAX));
        }
        assert_eq!(places(i32::MAX), BODIES_AT_ONCE_MAX);
        assert_eq!(places(i32::MIN), places(0));
    }

    #[test]
    fn the_earliest_takes_any_free_place_at_its_turn() {
        let mut waiting = queue(&[0, 1, 1, 1, 1, 1, 1, 1, 1]);
        (0..TURNS_BY_PRIORITY).for_each(|_| drop(waiting.next(0)));
        assert!(waiting.next(BODIES_AT_ONCE_MAX).is_none());
        assert_eq!(waiting.next(BODIES_AT_ONCE_MAX - 1).map(|job| job.link), Some(0));
    }

    fn job(priority: i32) -> BodyJob {
        BodyJob { link: 0, head: Bytes::new(), body: Box::new(tokio::io::empty()), priority }
    }

    #[test]
    fn where_ordinary_ones_find_no_room_to_wait_more_urgent_ones_do_and_none_once_it_is_closed() {
        let queue = BodyQueue::default();
        let taken = |priority| std::iter::from_fn(|| queue.push(job(priority)).ok()).count();
        let first = BODIES_WAITING_MAX - PRIORITY_MAX as usize * BODIES_WAITING_KEPT;
        let more = (1..=PRIORITY_MAX).map(|_| BODIES_WAITING_KEPT);
        let expected: Vec<usize> = std::iter::once(first).chain(more).collect();
        assert_eq!((0..=PRIORITY_MAX).map(taken).collect::<Vec<_>>(), expected);
        assert_eq!(queue.push(job(i32::MAX)), Err(NotTaken::Full));
        assert_eq!(queue.close().len(), BODIES_WAITING_MAX);
        assert_eq!(queue.push(job(0)), Err(NotTaken::Closed));
    }
}
