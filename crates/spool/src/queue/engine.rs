//! sled 0.34.7 behind guards, each for a known defect (`docs/decisions` on sled has the measurements):
//!
//! * a left-over `snap.*.generating` makes `open` fail for ever: removed before;
//! * `open` may panic on damaged files: caught, and so are all other calls;
//! * the configuration, the folders and the blob folder are never synced by sled: synced after opening;
//! * `flush` is no commit, and a failed `fsync` in it goes unnoticed: an own descriptor on the log, kept open, is synced
//!   after each `flush`, and both happen before more is written than was measured to be safe;
//! * values that reach the blob path are lost: limited where changes are made, and an alarm if the folder is not empty;
//! * dropping a database whose disk fails aborts the process: a failed one is leaked instead.

use super::key::Space;
use super::packed::{self, Row};
use super::worker::Rows;
use crate::error::disk;
use crate::files::{names_in, parent, sync_folder};
use crate::limits::{QUEUE_BARRIER_BYTES, QUEUE_CACHE_BYTES, QUEUE_FLUSH_MS};
use std::collections::VecDeque;
use std::fs::File;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

const MARK_TREE: &str = "mark";
const MARK_KEY: &str = "position";
/// What sled adds to each entry in its log, roughly, in bytes.
const ENTRY_OVERHEAD_BYTES: usize = 64;

/// An open database.
pub(crate) struct Engine {
    database: ManuallyDrop<Database>,
    /// Kept open, so that the kernel reports failed write-backs to it.
    log: File,
    unsynced_bytes: usize,
}

struct Database {
    db: sled::Db,
    mark: sled::Tree,
    spaces: Vec<(Space, sled::Tree)>,
}

impl Engine {
    /// Opens the database in a folder, or begins one. The text of an error is for people; the folder may be damaged.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        remove_unfinished_snapshots(path)?;
        let database = guarded(|| Database::open(path))?;
        let synced = sync_what_sled_does_not(path);
        match synced {
            Ok(log) => Ok(Self { database: ManuallyDrop::new(database), log, unsynced_bytes: 0 }),
            Err(error) => {
                std::mem::forget(database);
                Err(error)
            }
        }
    }

    /// The mark that [`Engine::close`] left; it tells a database that lost everything from one that is complete.
    pub(crate) fn mark(&self) -> Result<Option<Vec<u8>>, String> {
        guarded(|| Ok(self.database.mark.get(MARK_KEY)?.map(|mark| mark.to_vec())))
    }

    /// Writes rows, in their order.
    pub(crate) fn apply(&mut self, rows: Vec<Row>) -> Result<(), String> {
        let mut rows = VecDeque::from(rows);
        while let Some((space, key, value)) = rows.pop_front() {
            let before = guarded(|| {
                let tree = self.database.tree(space)?;
                match &value {
                    Some(value) => tree.insert(key.as_slice(), value.as_slice()),
                    None => tree.remove(key.as_slice()),
                }
            })?;
            if let (Space::Receipts, Some(new), Some(old)) = (space, &value, before) {
                let displaced = packed::displaced(&key, new, &old);
                rows.extend(displaced.ok_or("a row of receipts does not read")?);
            }
            self.unsynced_bytes += key.len() + value.as_ref().map_or(0, Vec::len) + ENTRY_OVERHEAD_BYTES;
            if self.unsynced_bytes >= QUEUE_BARRIER_BYTES {
                self.sync()?;
            }
        }
        Ok(())
    }

    pub(crate) fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
        guarded(|| Ok(self.database.tree(space)?.get(key)?.map(|value| value.to_vec())))
    }

    /// Entries whose keys begin with `prefix`, in order, behind `after`.
    pub(crate) fn list(
        &self,
        space: Space,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Rows, String> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        guarded(|| {
            let tree = self.database.tree(space)?;
            // A key before the prefix would begin the listing elsewhere.
            let from = match after {
                Some(after) if after >= prefix => Excluded(after),
                _ => Included(prefix),
            };
            let mut rows = Vec::new();
            for row in tree.range::<&[u8], _>((from, Unbounded)).take(limit) {
                let (key, value) = row?;
                if !key.starts_with(prefix) {
                    break;
                }
                rows.push((key.to_vec(), value.to_vec()));
            }
            Ok(rows)
        })
    }

    pub(crate) fn count(&self, space: Space, prefix: &[u8]) -> Result<u64, String> {
        guarded(|| {
            let mut count = 0;
            for key in self.database.tree(space)?.scan_prefix(prefix).keys() {
                key?;
                count += 1;
            }
            Ok(count)
        })
    }

    /// The barrier: sled writes, then the kernel syncs. Never tried again after an error.
    pub(crate) fn sync(&mut self) -> Result<(), String> {
        guarded(|| self.database.db.flush().map(|_| ()))?;
        self.log.sync_data().map_err(|error| format!("syncing sled's log: {error}"))?;
        self.unsynced_bytes = 0;
        Ok(())
    }

    /// Notes `mark` as the last thing, makes everything durable and lets the database go.
    pub(crate) fn close(mut self, mark: &[u8]) -> Result<(), String> {
        self.sync()?;
        guarded(|| self.database.mark.insert(MARK_KEY, mark).map(|_| ()))?;
        self.sync()?;
        self.let_go()
    }

    /// Lets a sound database go.
    pub(crate) fn let_go(self) -> Result<(), String> {
        let Self { database, log, .. } = self;
        guarded(|| {
            drop(ManuallyDrop::into_inner(database));
            Ok(())
        })?;
        // Dropping wrote once more.
        log.sync_all().map_err(|error| format!("syncing sled's log: {error}"))
    }
}

impl Database {
    fn open(path: &Path) -> Result<Self, sled::Error> {
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(QUEUE_CACHE_BYTES)
            .flush_every_ms(Some(QUEUE_FLUSH_MS))
            .use_compression(false);
        let db = config.open()?;
        let mark = db.open_tree(MARK_TREE)?;
        let spaces = Space::ALL
            .into_iter()
            .map(|space| Ok((space, db.open_tree(space.name())?)))
            .collect::<Result<Vec<_>, sled::Error>>()?;
        Ok(Self { db, mark, spaces })
    }

    fn tree(&self, space: Space) -> Result<&sled::Tree, sled::Error> {
        let found = self.spaces.iter().find(|(known, _)| *known == space);
        found.map(|(_, tree)| tree).ok_or_else(|| sled::Error::Unsupported(space.name().into()))
    }
}

/// Runs something of sled's; a panic becomes an error. What it touched is not used again after an error.
fn guarded<T>(run: impl FnOnce() -> Result<T, sled::Error>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            Err(format!("sled panicked: {text}"))
        }
    }
}

fn remove_unfinished_snapshots(path: &Path) -> Result<(), String> {
    if !path.is_dir() {
        return Ok(());
    }
    for name in names_in(path).map_err(|error| error.to_string())? {
        if name.starts_with("snap.") && name.ends_with(".generating") {
            let left = path.join(name);
            std::fs::remove_file(&left).map_err(|error| disk("removing", &left)(error).to_string())?;
            tracing::info!(path = %left.display(), "removed an unfinished snapshot of the queue");
        }
    }
    Ok(())
}

/// Returns the descriptor of the log that is to be kept.
fn sync_what_sled_does_not(path: &Path) -> Result<File, String> {
    let sync = || {
        for name in ["conf", "blobs"] {
            let at = path.join(name);
            if at.exists() {
                // Opening and syncing is the same for a file and a folder.
                sync_folder(&at)?;
            }
        }
        sync_folder(path)?;
        sync_folder(parent(path))?;
        let log = path.join("db");
        File::open(&log).map_err(disk("opening", &log))
    };
    let blobs = path.join("blobs");
    if names_in(&blobs).is_ok_and(|names| !names.is_empty()) {
        tracing::error!(path = %blobs.display(), "the queue holds values too large for it; they may not survive a power cut");
    }
    sync().map_err(|error| error.to_string())
}
