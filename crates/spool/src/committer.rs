//! Group commit: one thread owns the journal, takes what is waiting, writes it as one batch and syncs once.

use crate::intake::{Intake, Next, SubmitError, Submitted};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use yizhan_journal::{
    Carried, Condensation, CondenseError, Copied, Folder, Journal, JournalError, Location, Position,
    RawRecord,
};
use yizhan_planted::{Bug, on};

/// How long a full disk is left alone before the next try.
const FULL_PAUSE: Duration = Duration::from_millis(250);

/// A group that is durable.
#[derive(Debug)]
pub struct Committed {
    /// The tickets in the order of submitting, each with the locations of its records.
    pub tickets: Vec<(u64, Vec<Location>)>,
    /// The batches, in the same order.
    pub batches: Vec<Vec<RawRecord>>,
    /// The journal's batch number, for whoever signs a checkpoint over it.
    pub sequence: u64,
    /// How long the journal is, in bytes.
    pub journal_bytes: u64,
}

/// What became of a group.
#[derive(Debug)]
pub enum Commit {
    /// It is durable: promises may be made.
    Durable(Committed),
    /// There is no space: nothing of the next group is written, and nothing may be promised for it. It is tried again until
    /// there is room or the committer is closed; told once for each time the disk fills up.
    Full {
        /// Why.
        error: JournalError,
    },
    /// Records were written anew, durably: from now on they are to be looked for here.
    Carried(Carried),
    /// Everything needed was written anew, or stays where it is. Once all that was carried has been heeded, this may be given to
    /// [`Committer::reclaim`].
    Condensed(Copied),
    /// The journal was not condensed; nothing is lost or changed by that.
    NotCondensed {
        /// Why.
        error: CondenseError,
        /// How long the journal is now, in bytes.
        bytes: u64,
    },
    /// Old segments are gone.
    Reclaimed {
        /// How long the journal was, in bytes.
        before: u64,
        /// How long it is.
        after: u64,
        /// How much of that the next copy may leave as it is.
        kept: u64,
    },
    /// The disk failed. These tickets are in doubt, everything later is refused, and this is the last call: exit with
    /// [`crate::EXIT_DISK_FAULT`].
    Failed {
        /// The tickets of the group and of everything that was waiting.
        tickets: Vec<u64>,
        /// Why.
        error: JournalError,
    },
}

/// The thread that commits. Dropping it commits what is waiting, but notes no clean stop.
pub struct Committer {
    intake: Arc<Intake>,
    thread: Option<JoinHandle<Result<Position, JournalError>>>,
}

impl Committer {
    /// Starts the thread. `told` is called on it for each group, in order; while it works, the next group gathers.
    pub fn spawn<F, C>(journal: Journal<F>, told: C) -> io::Result<Self>
    where
        F: Folder + 'static,
        C: FnMut(Commit) + Send + 'static,
    {
        let intake = Arc::new(Intake::new());
        let ended = StopsIntake(intake.clone());
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || commit_until_stopped(journal, &ended.0.clone(), told, ended))?;
        Ok(Self { intake, thread: Some(thread) })
    }

    /// Hands a batch in, and waits while too much is waiting for the disk, but not for room on it: of that [`Commit::Full`] tells.
    pub fn submit(&self, batch: Vec<RawRecord>, ticket: u64) -> Result<(), SubmitError> {
        self.intake.submit(batch, ticket, true)
    }

    /// Hands a batch in, or gives it back if too much is waiting.
    pub fn try_submit(&self, batch: Vec<RawRecord>, ticket: u64) -> Result<(), SubmitError> {
        self.intake.submit(batch, ticket, false)
    }

    /// Condenses the journal after everything submitted before; told as [`Commit::Carried`] and [`Commit::Condensed`], or
    /// [`Commit::NotCondensed`]. What is submitted meanwhile waits.
    pub fn condense(&self, what: Condensation) -> Result<(), SubmitError> {
        self.intake.condense(Box::new(what))
    }

    /// Lets everything go that a copy does not need, which [`Commit::Condensed`] named; told as [`Commit::Reclaimed`].
    pub fn reclaim(&self, copied: Copied) -> Result<(), SubmitError> {
        self.intake.reclaim(copied)
    }

    /// Commits what is waiting, notes a clean stop, and returns how far the journal has come: what
    /// [`crate::Queue::close`] wants to know.
    pub fn close(mut self) -> Result<Position, JournalError> {
        self.intake.close(true);
        self.join().unwrap_or(Err(JournalError::Poisoned))
    }

    fn join(&mut self) -> Option<Result<Position, JournalError>> {
        let thread = self.thread.take()?;
        // A panic of the callback has stopped the journal without a clean stop.
        Some(thread.join().unwrap_or(Err(JournalError::Poisoned)))
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.intake.close(false);
        if let Some(Err(error)) = self.join() {
            tracing::error!(%error, "the journal did not stop cleanly");
        }
    }
}

/// Whatever ends the thread, nobody waits for it any more.
struct StopsIntake(Arc<Intake>);

impl Drop for StopsIntake {
    fn drop(&mut self) {
        self.0.stop();
    }
}

fn commit_until_stopped<F: Folder, C: FnMut(Commit)>(
    mut journal: Journal<F>,
    intake: &Intake,
    mut told: C,
    _ended: StopsIntake,
) -> Result<Position, JournalError> {
    loop {
        match intake.next() {
            Next::Group(group) => {
                let (tickets, batches): (Vec<_>, Vec<_>) =
                    group.into_iter().map(|Submitted { ticket, batch, .. }| (ticket, batch)).unzip();
                match commit_when_there_is_room(&mut journal, &batches, intake, &mut told) {
                    Ok(locations) => {
                        let sequence = journal.position().sequence;
                        let tickets = tickets.into_iter().zip(locations).collect();
                        let journal_bytes = journal.bytes();
                        told(Commit::Durable(Committed { tickets, batches, sequence, journal_bytes }));
                    }
                    Err(error) => return fail(tickets, error, intake, &mut told),
                }
            }
            Next::Condense(what) => {
                let outcome = journal.condense(&what, &mut |carried| told(Commit::Carried(carried)));
                match outcome {
                    Ok(copied) => told(Commit::Condensed(copied)),
                    Err(CondenseError::Journal(error)) if journal.is_poisoned() => {
                        return fail(Vec::new(), error, intake, &mut told);
                    }
                    Err(error) => told(Commit::NotCondensed { error, bytes: journal.bytes() }),
                }
            }
            Next::Reclaim(copied) => {
                let before = journal.bytes();
                match journal.reclaim(&copied) {
                    Ok(missing) => {
                        for kept in missing {
                            tracing::error!(
                                segment = kept.number,
                                bytes = kept.bytes,
                                "ALARM: a kept segment of the journal is not whole"
                            );
                        }
                        told(Commit::Reclaimed {
                            before,
                            after: journal.bytes(),
                            kept: journal.kept_bytes(),
                        });
                    }
                    Err(error) if journal.is_poisoned() => {
                        return fail(Vec::new(), error, intake, &mut told);
                    }
                    Err(error) => told(Commit::NotCondensed { error: error.into(), bytes: journal.bytes() }),
                }
            }
            Next::Stop { clean: true } => return journal.close(),
            Next::Stop { clean: false } => return Ok(journal.position()),
        }
    }
}

/// The disk failed: nothing more is promised.
fn fail(
    tickets: Vec<u64>,
    error: JournalError,
    intake: &Intake,
    told: &mut impl FnMut(Commit),
) -> Result<Position, JournalError> {
    tracing::error!(%error, "the journal makes no more promises");
    let tickets = tickets.into_iter().chain(intake.stop()).collect();
    told(Commit::Failed { tickets, error });
    Err(JournalError::Poisoned)
}

/// Commits a group. What was decided cannot be taken back, so a full disk is waited for: nobody is promised anything
/// meanwhile, and whoever asked for a stop is not kept waiting.
fn commit_when_there_is_room<F: Folder>(
    journal: &mut Journal<F>,
    batches: &[Vec<RawRecord>],
    intake: &Intake,
    told: &mut impl FnMut(Commit),
) -> Result<Vec<Vec<Location>>, JournalError> {
    let mut is_told = false;
    loop {
        match commit(journal, batches) {
            Err(error) if error.is_full() => {
                intake.disk_is_full(true);
                if intake.ends_within(FULL_PAUSE) {
                    return Err(error);
                }
                if !std::mem::replace(&mut is_told, true) {
                    told(Commit::Full { error });
                }
            }
            done => {
                intake.disk_is_full(false);
                return done;
            }
        }
    }
}

fn commit<F: Folder>(
    journal: &mut Journal<F>,
    batches: &[Vec<RawRecord>],
) -> Result<Vec<Vec<Location>>, JournalError> {
    let locations = journal.append_group(batches)?;
    if !on(Bug::ToldBeforeSync) {
        journal.sync()?;
    }
    Ok(locations)
}
