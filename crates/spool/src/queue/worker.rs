//! The thread that owns the database.

use super::QueueError;
use super::changes::Change;
use super::engine::Engine;
use super::key::Space;
use super::overlay::{Overlay, Place};
use super::packed;
use crate::error::disk;
use crate::limits::{
    QUEUE_ANSWER_S, QUEUE_LATE_MS, QUEUE_REQUESTS_MAX, QUEUE_WAITING_MANY, QUEUE_WAITING_MAX,
};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long is waited before a full channel is tried again.
const FULL_WAIT: Duration = Duration::from_millis(1);

/// Where an answer goes.
pub(crate) type Reply<T> = SyncSender<T>;
/// Entries of an index: keys and values.
pub(crate) type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// What the thread is asked to do, in order.
pub(crate) enum Request {
    /// Changes wait: they are to be written soon.
    Soon,
    /// Many wait: they are to be written now.
    Early,
    /// They are to be written now, before more are taken in.
    Now {
        reply: Reply<()>,
    },
    Get {
        place: Place,
        reply: Reply<Option<Vec<u8>>>,
    },
    GetMany {
        places: Vec<Place>,
        reply: Reply<Vec<Option<Vec<u8>>>>,
    },
    List {
        space: Space,
        prefix: Vec<u8>,
        after: Option<Vec<u8>>,
        limit: usize,
        reply: Reply<Rows>,
    },
    Count {
        space: Space,
        prefix: Vec<u8>,
        reply: Reply<u64>,
    },
    Sync {
        reply: Reply<()>,
    },
    Close {
        mark: Vec<u8>,
        reply: Reply<()>,
    },
}

/// The other end of the thread.
pub(crate) struct Worker {
    overlay: Arc<Overlay>,
    requests: Mutex<Option<SyncSender<Request>>>,
    failure: Arc<OnceLock<String>>,
    /// The thread did not answer in time, and may never end.
    silent: AtomicBool,
    patience: Duration,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub(crate) fn spawn(engine: Engine) -> Result<Self, QueueError> {
        let (requests, receiver) = sync_channel(QUEUE_REQUESTS_MAX);
        let failure = Arc::new(OnceLock::new());
        let told = failure.clone();
        let overlay = Arc::new(Overlay::default());
        let written = Written { engine, overlay: Arc::clone(&overlay) };
        let thread = std::thread::Builder::new()
            .name("queue".into())
            .spawn(move || work(written, &receiver, &told))
            .map_err(disk("starting the thread of", Path::new("the queue")))?;
        let (silent, patience) = (AtomicBool::new(false), Duration::from_secs(QUEUE_ANSWER_S));
        Ok(Self {
            overlay,
            requests: Mutex::new(Some(requests)),
            failure,
            silent,
            patience,
            thread: Some(thread),
        })
    }

    /// An error once the database has failed.
    pub(crate) fn check(&self) -> Result<(), QueueError> {
        self.failure.get().map_or(Ok(()), |why| Err(QueueError::Failed { why: why.clone() }))
    }

    /// Takes changes in. They are seen at once; who writes waits only where too many wait already.
    pub(crate) fn write(&self, changes: Vec<Change>) -> Result<(), QueueError> {
        self.check_open()?;
        match self.overlay.put(changes) {
            (_, waiting) if waiting >= QUEUE_WAITING_MAX => self.ask(|reply| Request::Now { reply }),
            (before, waiting) if before < QUEUE_WAITING_MANY && waiting >= QUEUE_WAITING_MANY => {
                self.send(Request::Early)
            }
            (0, 1..) => self.send(Request::Soon),
            _ => Ok(()),
        }
    }

    /// What lies at a place: as it waits to be written, or as the database has it.
    pub(crate) fn get(&self, place: Place) -> Result<Option<Vec<u8>>, QueueError> {
        self.check_open()?;
        match self.overlay.get(&place) {
            Some(value) => Ok(value),
            None => self.ask(|reply| Request::Get { place, reply }),
        }
    }

    /// [`Self::get`] for many places, in their order.
    pub(crate) fn get_many(&self, places: Vec<Place>) -> Result<Vec<Option<Vec<u8>>>, QueueError> {
        self.check_open()?;
        let waiting: Vec<_> = places.iter().map(|place| self.overlay.get(place)).collect();
        let unknown: Vec<Place> = places
            .into_iter()
            .zip(&waiting)
            .filter(|(_, known)| known.is_none())
            .map(|(place, _)| place)
            .collect();
        let mut found = match unknown.is_empty() {
            true => Vec::new(),
            false => self.ask(|reply| Request::GetMany { places: unknown, reply })?,
        }
        .into_iter();
        Ok(waiting.into_iter().map(|known| known.unwrap_or_else(|| found.next().flatten())).collect())
    }

    /// Hands a request over; waits only while the channel is full, and no longer than for an answer.
    pub(crate) fn send(&self, mut request: Request) -> Result<(), QueueError> {
        self.check()?;
        // A clone, so that a writer who waits for room does not keep others from waiting as well.
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let requests = requests.ok_or(QueueError::Closed)?;
        let mut waited = Duration::ZERO;
        loop {
            request = match requests.try_send(request) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Disconnected(_)) => return Err(self.ended()),
                Err(TrySendError::Full(_)) if waited >= self.patience => return Err(self.fell_silent()),
                Err(TrySendError::Full(request)) => request,
            };
            std::thread::sleep(FULL_WAIT);
            waited += FULL_WAIT;
        }
    }

    /// Hands a request over and waits for the answer.
    pub(crate) fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, QueueError> {
        let (reply, answer) = sync_channel(1);
        self.send(request(reply))?;
        answer.recv_timeout(self.patience).map_err(|error| match error {
            RecvTimeoutError::Timeout => self.fell_silent(),
            RecvTimeoutError::Disconnected => self.ended(),
        })
    }

    /// Closes the database with a mark; the thread ends.
    pub(crate) fn close(&self, mark: Vec<u8>) -> Result<(), QueueError> {
        let (reply, answer) = sync_channel(1);
        self.send(Request::Close { mark, reply })?;
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).take();
        answer.recv().map_err(|_| self.ended())
    }

    fn check_open(&self) -> Result<(), QueueError> {
        self.check()?;
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if requests.is_some() { Ok(()) } else { Err(QueueError::Closed) }
    }

    /// Nobody waits for ever: a database that hangs is one that failed, and the next start makes it anew.
    fn fell_silent(&self) -> QueueError {
        self.silent.store(true, Ordering::Relaxed);
        let why = || format!("its thread has not answered for {} s", self.patience.as_secs());
        let why = self.failure.get_or_init(why).clone();
        tracing::error!(why, "ALARM: the queue hangs; it is rebuilt at the next start");
        QueueError::Failed { why }
    }

    /// Why there is no answer.
    fn ended(&self) -> QueueError {
        match self.failure.get() {
            Some(why) => QueueError::Failed { why: why.clone() },
            None => QueueError::Closed,
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = self.thread.take()
            && !self.silent.load(Ordering::Relaxed)
            && thread.join().is_err()
        {
            tracing::error!("the queue's thread panicked");
        }
    }
}

/// The database, and what waits to be written to it.
struct Written {
    engine: Engine,
    overlay: Arc<Overlay>,
}

impl Written {
    /// Writes everything that waits.
    fn catch_up(&mut self) -> Result<(), String> {
        let leaving = self.overlay.leave();
        let applied = self.engine.apply(packed::rows(&leaving));
        if applied.is_ok() {
            self.overlay.left();
        }
        applied
    }
}

fn work(mut written: Written, requests: &Receiver<Request>, failure: &OnceLock<String>) {
    let late = Duration::from_millis(QUEUE_LATE_MS);
    let mut something_waits = false;
    let outcome = loop {
        let request = match something_waits {
            true => requests.recv_timeout(late),
            false => requests.recv().map_err(RecvTimeoutError::from),
        };
        let done = match request {
            Ok(Request::Close { mark, reply }) => {
                let closed = written.catch_up().and_then(|()| written.engine.close(&mark));
                break closed.map(|()| answer(&reply, ()));
            }
            Ok(Request::Soon) => {
                something_waits = true;
                Ok(())
            }
            Ok(request) => perform(&mut written, request, failure),
            Err(RecvTimeoutError::Timeout) => {
                something_waits = false;
                written.catch_up()
            }
            Err(RecvTimeoutError::Disconnected) => break written.engine.let_go(),
        };
        if let Err(why) = done {
            // The engine is leaked here: dropping a database whose disk fails aborts the process.
            break Err(why);
        }
    };
    if let Err(why) = outcome {
        tracing::error!(why, "the queue failed; it is rebuilt at the next start");
        failure.get_or_init(|| why);
    }
}

/// Does one thing. A failure is noted before the one who asked is let go, so that he learns why.
fn perform(written: &mut Written, request: Request, failure: &OnceLock<String>) -> Result<(), String> {
    let noted = |why: String| {
        failure.get_or_init(|| why.clone());
        why
    };
    let sees_all = !matches!(request, Request::Get { .. } | Request::GetMany { .. });
    if sees_all {
        written.catch_up().map_err(noted)?;
    }
    let engine = &mut written.engine;
    match request {
        // Who asks has looked at what waits.
        Request::Get { place: (space, key), reply } => {
            answer(&reply, engine.get(space, &key).map_err(noted)?)
        }
        Request::GetMany { places, reply } => {
            let values = places.iter().map(|(space, key)| engine.get(*space, key)).collect::<Result<_, _>>();
            answer(&reply, values.map_err(noted)?);
        }
        Request::List { space, prefix, after, limit, reply } => {
            answer(&reply, engine.list(space, &prefix, after.as_deref(), limit).map_err(noted)?);
        }
        Request::Count { space, prefix, reply } => {
            answer(&reply, engine.count(space, &prefix).map_err(noted)?)
        }
        Request::Sync { reply } => answer(&reply, engine.sync().map_err(noted)?),
        Request::Now { reply } => answer(&reply, ()),
        // Taken out by the loop, which gives the engine away and knows that something waits.
        Request::Close { .. } | Request::Soon | Request::Early => {}
    }
    Ok(())
}

/// Whoever has stopped waiting needs no answer.
fn answer<T>(reply: &Reply<T>, value: T) {
    if reply.try_send(value).is_err() {
        tracing::debug!("nobody waits for an answer of the queue");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A thread that takes nothing and answers nothing.
    fn hanging(requests_max: usize) -> (Worker, Receiver<Request>) {
        let (requests, receiver) = sync_channel(requests_max);
        let worker = Worker {
            overlay: Arc::default(),
            requests: Mutex::new(Some(requests)),
            failure: Arc::default(),
            silent: AtomicBool::default(),
            patience: Duration::from_millis(5),
            thread: Some(std::thread::spawn(std::thread::park)),
        };
        (worker, receiver)
    }

    #[test]
    fn a_database_that_hangs_has_failed_and_nobody_waits_for_it_for_ever() {
        let (worker, _receiver) = hanging(1);
        let unanswered = worker.get((Space::Holdings, vec![1]));
        assert!(matches!(unanswered, Err(QueueError::Failed { .. })), "{unanswered:?}");
        assert!(matches!(worker.check(), Err(QueueError::Failed { .. })));
        // And the end of the node waits for its thread no longer: dropped here.
    }

    #[test]
    fn a_channel_that_stays_full_is_a_database_that_hangs() {
        let (worker, _receiver) = hanging(1);
        worker.send(Request::Soon).unwrap();
        let unsent = worker.send(Request::Soon);
        assert!(matches!(unsent, Err(QueueError::Failed { .. })), "{unsent:?}");
    }
}
