//! Disk: the real storage under the journal, the queue (sled), body store, quarantine.
//!
//! Everything here blocks; what waits for a disk runs on a thread of its own. Order of promises: body file finished, then
//! journal record, then one `fdatasync` for the group ([`Committer`]), then whatever the callback tells the world. The
//! [`Queue`] is the sole holder of nothing and is rebuilt whenever it is not believed. An error of the disk ends all
//! promises: the daemon exits with [`EXIT_DISK_FAULT`] and re-reads the disk when it starts. Missing space refuses one
//! thing and goes on.

mod body_store;
mod closing;
mod committer;
#[cfg(test)]
mod committer_tests;
mod error;
mod files;
mod folder_lock;
mod free_space;
mod incoming;
mod intake;
mod journal_reader;
pub mod limits;
mod quarantine;
mod queue;
mod real_folder;
mod write_behind;

pub use body_store::{BodyError, BodyStore};
pub use closing::Closing;
pub use committer::{Commit, Committed, Committer};
pub use error::{DiskError, EXIT_DISK_FAULT};
pub use files::{create_folder, sync_folder, write_atomically};
pub use folder_lock::{FolderLock, LockError};
pub use free_space::{capacity_bytes, free_bytes};
pub use incoming::Incoming;
pub use intake::SubmitError;
pub use journal_reader::JournalReader;
pub use quarantine::{Note, Quarantine};
pub use queue::{Changes, InboxItem, Queue, QueueError, RebuildReason, ReceiptKey, Trust, WaitingKey};
pub use real_folder::RealFolder;
