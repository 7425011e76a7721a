//! The thread that owns the database.

use super::QueueError;
use super::changes::Change;
use super::engine::Engine;
use super::key::Space;
use crate::error::disk;
use crate::limits::QUEUE_REQUESTS_MAX;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

/// Where an answer goes.
pub(crate) type Reply<T> = SyncSender<T>;
/// Entries of an index: keys and values.
pub(crate) type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// What the thread is asked to do, in order.
pub(crate) enum Request {
    Write(Vec<Change>),
    Get { space: Space, key: Vec<u8>, reply: Reply<Option<Vec<u8>>> },
    GetMany { space: Space, keys: Vec<Vec<u8>>, reply: Reply<Vec<Option<Vec<u8>>>> },
    List { space: Space, prefix: Vec<u8>, after: Option<Vec<u8>>, limit: usize, reply: Reply<Rows> },
    Count { space: Space, prefix: Vec<u8>, reply: Reply<u64> },
    Sync { reply: Reply<()> },
    Close { mark: Vec<u8>, reply: Reply<()> },
}

/// The other end of the thread.
pub(crate) struct Worker {
    requests: Mutex<Option<SyncSender<Request>>>,
    failure: Arc<OnceLock<String>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub(crate) fn spawn(engine: Engine) -> Result<Self, QueueError> {
        let (requests, receiver) = sync_channel(QUEUE_REQUESTS_MAX);
        let failure = Arc::new(OnceLock::new());
        let told = failure.clone();
        let thread = std::thread::Builder::new()
            .name("queue".into())
            .spawn(move || work(engine, &receiver, &told))
            .map_err(disk("starting the thread of", Path::new("the queue")))?;
        Ok(Self { requests: Mutex::new(Some(requests)), failure, thread: Some(thread) })
    }

    /// An error once the database has failed.
    pub(crate) fn check(&self) -> Result<(), QueueError> {
        self.failure.get().map_or(Ok(()), |why| Err(QueueError::Failed { why: why.clone() }))
    }

    /// Hands a request over; waits only while the channel is full.
    pub(crate) fn send(&self, request: Request) -> Result<(), QueueError> {
        self.check()?;
        // A clone, so that a writer who waits for room does not keep others from waiting as well.
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let requests = requests.ok_or(QueueError::Closed)?;
        requests.send(request).map_err(|_| self.ended())
    }

    /// Hands a request over and waits for the answer.
    pub(crate) fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, QueueError> {
        let (reply, answer) = sync_channel(1);
        self.send(request(reply))?;
        answer.recv().map_err(|_| self.ended())
    }

    /// Closes the database with a mark; the thread ends.
    pub(crate) fn close(&self, mark: Vec<u8>) -> Result<(), QueueError> {
        let (reply, answer) = sync_channel(1);
        self.send(Request::Close { mark, reply })?;
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).take();
        answer.recv().map_err(|_| self.ended())
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
            && thread.join().is_err()
        {
            tracing::error!("the queue's thread panicked");
        }
    }
}

fn work(mut engine: Engine, requests: &Receiver<Request>, failure: &OnceLock<String>) {
    let outcome = loop {
        match requests.recv() {
            Ok(Request::Close { mark, reply }) => {
                break engine.close(&mark).map(|()| answer(&reply, ()));
            }
            Ok(request) => {
                if let Err(why) = perform(&mut engine, request, failure) {
                    // The engine is leaked here: dropping a database whose disk fails aborts the process.
                    break Err(why);
                }
            }
            Err(_) => break engine.let_go(),
        }
    };
    if let Err(why) = outcome {
        tracing::error!(why, "the queue failed; it is rebuilt at the next start");
        failure.get_or_init(|| why);
    }
}

/// Does one thing. A failure is noted before the one who asked is let go, so that he learns why.
fn perform(engine: &mut Engine, request: Request, failure: &OnceLock<String>) -> Result<(), String> {
    let noted = |why: String| {
        failure.get_or_init(|| why.clone());
        why
    };
    match request {
        Request::Write(changes) => engine.apply(&changes).map_err(noted)?,
        Request::Get { space, key, reply } => answer(&reply, engine.get(space, &key).map_err(noted)?),
        Request::GetMany { space, keys, reply } => {
            let values = keys.iter().map(|key| engine.get(space, key)).collect::<Result<_, _>>();
            answer(&reply, values.map_err(noted)?);
        }
        Request::List { space, prefix, after, limit, reply } => {
            answer(&reply, engine.list(space, &prefix, after.as_deref(), limit).map_err(noted)?);
        }
        Request::Count { space, prefix, reply } => {
            answer(&reply, engine.count(space, &prefix).map_err(noted)?)
        }
        Request::Sync { reply } => answer(&reply, engine.sync().map_err(noted)?),
        // Taken out by the loop, which gives the engine away.
        Request::Close { .. } => {}
    }
    Ok(())
}

/// Whoever has stopped waiting needs no answer.
fn answer<T>(reply: &Reply<T>, value: T) {
    if reply.try_send(value).is_err() {
        tracing::debug!("nobody waits for an answer of the queue");
    }
}
