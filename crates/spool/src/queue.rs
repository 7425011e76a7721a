//! The queue: indexes over the journal. The sole holder of nothing: rebuilt from the journal when not believed.
//!
//! The node writes where envelopes, receipts and attachments lie, and which idempotency keys were used. What waits and what
//! lies in inboxes is state of the rules; the trees `waiting`, `inbox` and `content` are not written by this release.
//!
//! sled 0.34.7 on a thread of its own, behind the guards of [`engine`]. Changes wait in memory for a second of quiet, where reads
//! see them and where most are taken back before they are written (a document that is passed on at once leaves no trace); only
//! where too many wait does the writer wait, until the thread has caught up. It is believed only after a clean stop at the same
//! position of the journal.

mod changes;
mod engine;
mod key;
mod mark;
mod opening;
mod overlay;
mod packed;
mod worker;

#[cfg(test)]
mod guard_tests;
#[cfg(test)]
mod queue_tests;

pub use changes::Changes;
pub use key::{ReceiptKey, WaitingKey};
pub use opening::{RebuildReason, Trust};

use crate::error::DiskError;
use crate::folder_lock::{FolderLock, LockError};
use crate::limits::{QUEUE_CHANGES_MAX, QUEUE_LIST_MAX, QUEUE_VALUE_BYTES_MAX};
use crate::quarantine::Quarantine;
use key::Space;
use std::path::Path;
use worker::{Request, Rows, Worker};
use yizhan_document::{Digest, EnvelopeId, NodeId, OfficeName, Unit};
use yizhan_journal::{Location, Position};

/// Why the queue did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The disk failed while the queue was opened or closed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Another process has it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// sled failed. Nothing is lost: restart the node, which rebuilds the queue.
    #[error(
        "the queue failed ({why}); nothing is lost: restart the node, which rebuilds the queue from the journal"
    )]
    Failed {
        /// What it said.
        why: String,
    },
    /// It was closed.
    #[error("the queue was closed")]
    Closed,
    /// An entry does not read. Nothing is lost: restart the node after removing the queue's folder.
    #[error(
        "an entry of the queue ({space}) does not read; remove the queue's folder and restart: it is rebuilt"
    )]
    Unreadable {
        /// Which index.
        space: &'static str,
    },
    /// A value is too large. The caller is to blame: content goes to the journal or the body store.
    #[error("a value of {bytes} bytes is beyond the queue's limit of {QUEUE_VALUE_BYTES_MAX}")]
    ValueTooLarge {
        /// How large it is.
        bytes: usize,
    },
    /// Too many changes at once. The caller is to blame.
    #[error("more than {QUEUE_CHANGES_MAX} changes at once; hand them over in parts")]
    TooManyChanges,
}

/// An entry of an office's inbox: its sequence number and its bytes.
pub type InboxItem = (u64, Vec<u8>);

/// The queue of a node; shared by reference between threads.
pub struct Queue {
    worker: Worker,
    path: std::path::PathBuf,
    mark: std::path::PathBuf,
    _lock: FolderLock,
}

impl Queue {
    /// Opens the queue in the folder `path`, or begins a new one. `position` is how far the journal has come. Unless the
    /// answer is [`Trust::Believed`], the queue is empty and everything has to be put into it again.
    pub fn open(
        path: &Path,
        position: Position,
        quarantine: &Quarantine,
    ) -> Result<(Self, Trust), QueueError> {
        let opening::Opened { engine, trust, lock, mark } = opening::open(path, position, quarantine)?;
        Ok((Self { worker: Worker::spawn(engine)?, path: path.to_owned(), mark, _lock: lock }, trust))
    }

    /// Hands changes over. They are seen by every later read, and durable some time later, which nobody waits for. All of
    /// them are applied in order, but not as one: a crash makes the queue be rebuilt anyway.
    pub fn write(&self, changes: Changes) -> Result<(), QueueError> {
        if changes.is_empty() { Ok(()) } else { self.worker.write(changes.into_list()) }
    }

    /// An error once the database has failed: writes are not waited for, so nobody else may have heard of it. From then on it
    /// answers nothing; only a restart, which rebuilds it, helps.
    pub fn check(&self) -> Result<(), QueueError> {
        self.worker.check()
    }

    /// Where the content of an envelope lies.
    pub fn content(&self, envelope: &EnvelopeId) -> Result<Option<Location>, QueueError> {
        self.located(Space::Content, key::content(envelope))
    }

    /// Where the content of a holding lies.
    pub fn holding(&self, holding: u64) -> Result<Option<Location>, QueueError> {
        self.located(Space::Holdings, holding.to_be_bytes().to_vec())
    }

    /// Where that lies which goes home beside an own entry.
    pub fn attachment(&self, index: u64) -> Result<Option<Location>, QueueError> {
        self.located(Space::Attachments, index.to_be_bytes().to_vec())
    }

    /// The acceptance that a submission with this idempotency key got, and which submission that was.
    pub fn key(&self, idempotency: Digest) -> Result<Option<(u64, Digest)>, QueueError> {
        Ok(self.keys(&[idempotency])?.into_iter().flatten().next())
    }

    /// [`Self::key`] for many at once, in their order.
    pub fn keys(&self, idempotency: &[Digest]) -> Result<Vec<Option<(u64, Digest)>>, QueueError> {
        if idempotency.is_empty() {
            return Ok(Vec::new());
        }
        let places = idempotency.iter().map(|key| (Space::Keys, key.as_bytes().to_vec())).collect();
        let values = self.worker.get_many(places)?;
        let read = |value: Vec<u8>| {
            let (index, submission) = value.split_at_checked(8)?;
            Some((key::read_sequence(index)?, Digest(submission.try_into().ok()?)))
        };
        let found = |value: Option<Vec<u8>>| {
            value.map(|value| read(value).ok_or(unreadable(Space::Keys))).transpose()
        };
        values.into_iter().map(found).collect()
    }

    /// All receipts for an envelope, in the order of destination, ledger and index.
    pub fn receipts(&self, envelope: &EnvelopeId) -> Result<Vec<(ReceiptKey, Location)>, QueueError> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let rows = self.list(Space::Receipts, key::group(envelope), after, QUEUE_LIST_MAX)?;
            after = rows.last().map(|(key, _)| key.clone());
            let mut is_past = after.is_none();
            for packed in read_rows(rows, Space::Receipts, packed::unpack)? {
                // A row begins with the smallest of its keys.
                is_past = packed.first().is_none_or(|(first, _)| first.envelope > *envelope);
                found.extend(packed.into_iter().filter(|(key, _)| key.envelope == *envelope));
            }
            if is_past {
                return Ok(packed::last_places(found));
            }
        }
    }

    /// One entry of an office's inbox.
    pub fn inbox_entry(&self, office: &OfficeName, sequence: u64) -> Result<Option<Vec<u8>>, QueueError> {
        self.worker.get((Space::Inbox, key::inbox(office, sequence)))
    }

    /// The inbox of an office in order, behind `after`; [`QUEUE_LIST_MAX`] at the most.
    pub fn inbox(
        &self,
        office: &OfficeName,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<InboxItem>, QueueError> {
        let after = after.map(|after| key::inbox(office, after));
        let rows = self.list(Space::Inbox, key::inbox_prefix(office), after, limit)?;
        read_rows(rows, Space::Inbox, |key, value| Some((key::read_sequence(key)?, value.to_vec())))
    }

    /// What waits for a neighbour, the most urgent and then the oldest first, behind `after`; [`QUEUE_LIST_MAX`] at the most.
    pub fn waiting(
        &self,
        neighbour: &NodeId,
        after: Option<&WaitingKey>,
        limit: usize,
    ) -> Result<Vec<(WaitingKey, Unit)>, QueueError> {
        let rows =
            self.list(Space::Waiting, key::node(neighbour).to_vec(), after.map(WaitingKey::encode), limit)?;
        read_rows(rows, Space::Waiting, |key, value| {
            Some((WaitingKey::decode(key)?, std::str::from_utf8(value).ok()?.parse().ok()?))
        })
    }

    /// How many entries an office's inbox has. Walks them: for people, not for every document.
    pub fn inbox_count(&self, office: &OfficeName) -> Result<u64, QueueError> {
        let prefix = key::inbox_prefix(office);
        self.worker.ask(|reply| Request::Count { space: Space::Inbox, prefix, reply })
    }

    /// How many units wait for a neighbour. Walks them: for people, not for every document.
    pub fn waiting_count(&self, neighbour: &NodeId) -> Result<u64, QueueError> {
        let prefix = key::node(neighbour).to_vec();
        self.worker.ask(|reply| Request::Count { space: Space::Waiting, prefix, reply })
    }

    /// Waits until everything written before is durable.
    pub fn sync(&self) -> Result<(), QueueError> {
        self.worker.ask(|reply| Request::Sync { reply })
    }

    /// Makes everything durable, closes the database, and notes that this was a clean stop at `position` of the journal,
    /// which must have been closed before. Later calls get [`QueueError::Closed`]. Without this the next start rebuilds.
    pub fn close(&self, position: Position) -> Result<(), QueueError> {
        self.worker.close(mark::encode(position, None))?;
        let files = mark::digest_of_files(&self.path).map_err(crate::error::disk("reading", &self.path))?;
        Ok(crate::files::write_atomically(&self.mark, &mark::encode(position, Some(files)))?)
    }

    fn located(&self, space: Space, key: Vec<u8>) -> Result<Option<Location>, QueueError> {
        let value = self.worker.get((space, key))?;
        value.map(|value| key::read_location(&value).ok_or(unreadable(space))).transpose()
    }

    fn list(
        &self,
        space: Space,
        prefix: Vec<u8>,
        after: Option<Vec<u8>>,
        limit: usize,
    ) -> Result<Rows, QueueError> {
        let limit = limit.min(QUEUE_LIST_MAX);
        self.worker.ask(|reply| Request::List { space, prefix, after, limit, reply })
    }
}

fn read_rows<T>(
    rows: Rows,
    space: Space,
    read: impl Fn(&[u8], &[u8]) -> Option<T>,
) -> Result<Vec<T>, QueueError> {
    rows.iter().map(|(key, value)| read(key, value).ok_or(unreadable(space))).collect()
}

fn unreadable(space: Space) -> QueueError {
    QueueError::Unreadable { space: space.name() }
}
