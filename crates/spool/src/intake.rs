//! The bounded queue of batches before the committer.

use crate::limits::{GROUP_BATCHES_MAX, GROUP_BYTES_MAX, INTAKE_BATCHES_MAX, INTAKE_BYTES_MAX};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use yizhan_journal::limits::BATCH_RECORDS_MAX;
use yizhan_journal::{Condensation, Copied, JournalError, RawRecord, check_batch};

/// Why a batch was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// Too much is waiting for the disk: try again when something was committed.
    #[error("the disk is behind; try again when something was committed")]
    Busy {
        /// The batch, given back.
        batch: Vec<RawRecord>,
    },
    /// The batch is beyond a limit of the journal. The caller is to blame.
    #[error(transparent)]
    Limit(JournalError),
    /// The committer has stopped, on request or because the disk failed. Restart the node.
    #[error("the journal takes nothing more: it was closed, or the disk failed; restart the node")]
    Stopped,
}

/// A batch and the ticket that waits for it.
#[derive(Debug)]
pub(crate) struct Submitted {
    pub(crate) ticket: u64,
    pub(crate) batch: Vec<RawRecord>,
    bytes: usize,
}

/// What has its place among the batches.
#[derive(Debug)]
enum Waiting {
    Batch(Submitted),
    Condense(Box<Condensation>),
    Reclaim(Copied),
}

/// What the committer does next.
pub(crate) enum Next {
    /// Commit these.
    Group(Vec<Submitted>),
    /// Condense the journal.
    Condense(Box<Condensation>),
    /// Let the segments go that this copy does not need.
    Reclaim(Copied),
    /// All is committed: stop, noting a clean stop or not.
    Stop {
        /// Whether to note it.
        clean: bool,
    },
}

/// Whether and how the end was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    Closing { clean: bool },
    Stopped,
}

struct State {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    phase: Phase,
    /// The committer waits for room on the disk.
    full: bool,
}

/// Many submit, one takes.
pub(crate) struct Intake {
    state: Mutex<State>,
    filled: Condvar,
    drained: Condvar,
}

impl Intake {
    pub(crate) fn new() -> Self {
        let state = State { waiting: VecDeque::new(), bytes: 0, phase: Phase::Open, full: false };
        Self { state: Mutex::new(state), filled: Condvar::new(), drained: Condvar::new() }
    }

    /// Takes a batch in; if there is no room, waits or gives it back. While the disk is full nobody is kept waiting: whoever waits
    /// here could not hear of it, nor of a stop. Having heard, it submits little.
    pub(crate) fn submit(&self, batch: Vec<RawRecord>, ticket: u64, wait: bool) -> Result<(), SubmitError> {
        let bytes = check_batch(&batch).map_err(SubmitError::Limit)?;
        let mut state = self.lock();
        loop {
            if state.phase != Phase::Open {
                return Err(SubmitError::Stopped);
            }
            let room = state.waiting.len() < INTAKE_BATCHES_MAX
                && state.bytes.saturating_add(bytes) <= INTAKE_BYTES_MAX;
            if room || state.waiting.is_empty() || (wait && state.full) {
                break;
            }
            if !wait {
                return Err(SubmitError::Busy { batch });
            }
            state = self.drained.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.bytes = state.bytes.saturating_add(bytes);
        state.waiting.push_back(Waiting::Batch(Submitted { ticket, batch, bytes }));
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Takes in, behind everything submitted before, what the journal is to be condensed to.
    pub(crate) fn condense(&self, what: Box<Condensation>) -> Result<(), SubmitError> {
        self.queue(Waiting::Condense(what))
    }

    /// Takes in, behind everything submitted before, which copy makes the rest of the journal unneeded.
    pub(crate) fn reclaim(&self, copied: Copied) -> Result<(), SubmitError> {
        self.queue(Waiting::Reclaim(copied))
    }

    fn queue(&self, work: Waiting) -> Result<(), SubmitError> {
        let mut state = self.lock();
        if state.phase != Phase::Open {
            return Err(SubmitError::Stopped);
        }
        state.waiting.push_back(work);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for something to do. Everything submitted before the end was asked for comes before the end.
    pub(crate) fn next(&self) -> Next {
        let mut state = self.lock();
        while state.waiting.is_empty() {
            match state.phase {
                Phase::Open => state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner),
                Phase::Closing { clean } => return Next::Stop { clean },
                Phase::Stopped => return Next::Stop { clean: false },
            }
        }
        match state.waiting.pop_front() {
            Some(Waiting::Condense(what)) => return Next::Condense(what),
            Some(Waiting::Reclaim(copied)) => return Next::Reclaim(copied),
            Some(batch) => state.waiting.push_front(batch),
            None => {}
        }
        let mut group: Vec<Submitted> = Vec::new();
        let (mut bytes, mut records) = (0usize, 0usize);
        while let Some(Waiting::Batch(first)) = state.waiting.front() {
            let more_bytes = bytes.saturating_add(first.bytes);
            let more_records = records.saturating_add(first.batch.len());
            let fits = more_bytes <= GROUP_BYTES_MAX
                && more_records <= BATCH_RECORDS_MAX
                && group.len() < GROUP_BATCHES_MAX;
            if !fits && !group.is_empty() {
                break;
            }
            (bytes, records) = (more_bytes, more_records);
            if let Some(Waiting::Batch(batch)) = state.waiting.pop_front() {
                group.push(batch);
            }
        }
        state.bytes = state.bytes.saturating_sub(bytes);
        drop(state);
        self.drained.notify_all();
        Next::Group(group)
    }

    /// Asks for the end; nothing more is taken in.
    pub(crate) fn close(&self, clean: bool) {
        let mut state = self.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Closing { clean };
        }
        drop(state);
        self.filled.notify_all();
        self.drained.notify_all();
    }

    /// The disk is full, and the committer waits for room; or there is some again.
    pub(crate) fn disk_is_full(&self, full: bool) {
        self.lock().full = full;
        self.drained.notify_all();
    }

    /// Waits for so long, or until the end is asked for; says whether it was.
    pub(crate) fn ends_within(&self, pause: Duration) -> bool {
        let state = self.lock();
        let open = |state: &mut State| state.phase == Phase::Open;
        let waited = self.filled.wait_timeout_while(state, pause, open);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.phase != Phase::Open
    }

    /// Ends at once; returns the tickets of what was still waiting.
    pub(crate) fn stop(&self) -> Vec<u64> {
        let mut state = self.lock();
        state.phase = Phase::Stopped;
        state.bytes = 0;
        let ticket = |waiting| match waiting {
            Waiting::Batch(submitted) => Some(submitted.ticket),
            Waiting::Condense(_) | Waiting::Reclaim(_) => None,
        };
        let tickets = state.waiting.drain(..).filter_map(ticket).collect();
        drop(state);
        self.filled.notify_all();
        self.drained.notify_all();
        tickets
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(bytes: usize) -> Vec<RawRecord> {
        vec![RawRecord { kind: 1, payload: vec![0; bytes] }]
    }

    fn tickets(next: Next) -> Vec<u64> {
        match next {
            Next::Group(group) => group.iter().map(|submitted| submitted.ticket).collect(),
            Next::Condense(_) | Next::Reclaim(_) | Next::Stop { .. } => panic!("not yet"),
        }
    }

    #[test]
    fn condensing_keeps_its_place_among_the_batches() {
        let intake = Intake::new();
        intake.submit(batch(1), 1, true).unwrap();
        intake.condense(Box::default()).unwrap();
        intake.submit(batch(1), 2, true).unwrap();
        let copied = Copied { segment: 7, end: 8, kept: Vec::new() };
        intake.reclaim(copied.clone()).unwrap();
        intake.close(true);
        assert_eq!(tickets(intake.next()), [1]);
        assert!(matches!(intake.next(), Next::Condense(_)));
        assert_eq!(tickets(intake.next()), [2]);
        assert!(matches!(intake.next(), Next::Reclaim(next) if next == copied));
        assert!(matches!(intake.next(), Next::Stop { clean: true }));
        assert!(matches!(intake.reclaim(copied), Err(SubmitError::Stopped)));
    }

    #[test]
    fn groups_keep_their_limits_and_the_order() {
        let intake = Intake::new();
        intake.submit(batch(GROUP_BYTES_MAX + 1), 0, true).unwrap();
        (1..=300).for_each(|ticket| intake.submit(batch(1), ticket, true).unwrap());
        assert_eq!(tickets(intake.next()), [0]);
        assert_eq!(tickets(intake.next()), (1..=256).collect::<Vec<_>>());
        intake.close(true);
        assert!(matches!(intake.submit(batch(1), 9, true), Err(SubmitError::Stopped)));
        assert_eq!(tickets(intake.next()), (257..=300).collect::<Vec<_>>());
        assert!(matches!(intake.next(), Next::Stop { clean: true }));
    }

    #[test]
    fn a_group_has_no_more_records_than_one_batch_may_have() {
        let intake = Intake::new();
        let many = vec![RawRecord { kind: 1, payload: Vec::new() }; BATCH_RECORDS_MAX / 2];
        (0..3).for_each(|ticket| intake.submit(many.clone(), ticket, true).unwrap());
        assert_eq!(tickets(intake.next()), [0, 1]);
        assert_eq!(tickets(intake.next()), [2]);
    }

    #[test]
    fn while_the_disk_is_full_nobody_waits_and_afterwards_what_waits_is_bounded_again() {
        let intake = Intake::new();
        let large = 8 * 1024 * 1024;
        intake.disk_is_full(true);
        (0..20).for_each(|ticket| intake.submit(batch(large), ticket, true).unwrap());
        assert!(matches!(intake.submit(batch(1), 20, false), Err(SubmitError::Busy { .. })));
        intake.disk_is_full(false);
        assert!(!intake.lock().full);
    }

    #[test]
    fn what_waits_is_bounded_and_a_batch_without_room_is_given_back() {
        let intake = Intake::new();
        let large = 8 * 1024 * 1024;
        let taken = (0..100).take_while(|ticket| intake.submit(batch(large), *ticket, false).is_ok()).count();
        assert_eq!(taken, 7);
        let Err(SubmitError::Busy { batch: back }) = intake.submit(batch(large), 9, false) else {
            panic!("no room")
        };
        assert_eq!(back[0].payload.len(), large);
        intake.submit(batch(1), 10, false).unwrap();
        intake.next();
        intake.submit(back, 9, false).unwrap();
        assert_eq!(intake.stop().len(), 8);
    }
}
