//! Whether a database that is there may be believed, and what is done with one that may not.

use super::engine::Engine;
use super::{QueueError, mark};
use crate::error::disk;
use crate::files::{parent, remove_file, sync_folder, with_suffix};
use crate::folder_lock::FolderLock;
use crate::limits::QUEUE_MARK_BYTES_MAX;
use crate::quarantine::{Note, Quarantine};
use std::io::Read;
use std::path::{Path, PathBuf};
use yizhan_document::Digest;
use yizhan_journal::Position;
use yizhan_planted::{Bug, on};

/// Whether the queue may be used as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It belongs to the journal as it is.
    Believed,
    /// It is empty: put everything into it again, from journal and ledger.
    Rebuild {
        /// Why.
        why: RebuildReason,
    },
}

/// Why a queue is rebuilt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RebuildReason {
    /// There was none.
    Missing,
    /// The last stop was no clean one, so older entries may be gone although newer ones are there.
    UncleanStop,
    /// It belongs to another position of the journal.
    OtherPosition,
    /// It opened well, but what the clean stop had noted in it is gone: it has lost entries.
    LostEntries,
    /// It did not open, or its folder holds something else; it was moved to quarantine.
    Damaged {
        /// Where it is now.
        kept_at: PathBuf,
    },
}

/// What opening came to.
pub(crate) struct Opened {
    pub(crate) engine: Engine,
    pub(crate) trust: Trust,
    pub(crate) lock: FolderLock,
    /// Where the next clean stop is to be noted.
    pub(crate) mark: PathBuf,
}

pub(crate) fn open(path: &Path, position: Position, quarantine: &Quarantine) -> Result<Opened, QueueError> {
    // Beside the folder, which may have to be moved away.
    let lock = FolderLock::acquire_by(&with_suffix(path, ".lock"), path)?;
    let mark = with_suffix(path, ".mark");
    let noted = read_mark(&mark);
    // From here on until the next clean stop, nobody believes it.
    remove_file(&mark)?;
    let (engine, trust) = match open_noted(path, noted, position, quarantine)? {
        Ok(engine) => (engine, Trust::Believed),
        Err(why) => {
            tracing::warn!(?why, "the queue is rebuilt");
            (begin(path)?, Trust::Rebuild { why })
        }
    };
    Ok(Opened { engine, trust, lock, mark })
}

/// Opens the database if it may be believed; otherwise there is no database any more.
fn open_noted(
    path: &Path,
    noted: Option<(Position, Option<Digest>)>,
    position: Position,
    quarantine: &Quarantine,
) -> Result<Result<Engine, RebuildReason>, QueueError> {
    if !path.exists() {
        return Ok(Err(RebuildReason::Missing));
    }
    // Whatever is no database is not ours to remove.
    if !path.join("db").is_file() {
        return put_away(path, "there is no database in it", quarantine).map(Err);
    }
    match noted {
        None if on(Bug::QueueBelievedAfterCrash) => {
            Engine::open(path).map(Ok).map_err(|why| QueueError::Failed { why })
        }
        None => discard(path, RebuildReason::UncleanStop).map(Err),
        Some((noted, _)) if noted != position => discard(path, RebuildReason::OtherPosition).map(Err),
        Some((_, files)) if files.is_none() || mark::digest_of_files(path).ok() != files => {
            put_away(path, "its files are not what they were at the last clean stop", quarantine).map(Err)
        }
        Some(_) => {
            let opened = Engine::open(path).and_then(|engine| {
                let complete = engine.mark()?.as_deref().and_then(mark::decode) == Some((position, None));
                Ok((engine, complete))
            });
            match opened {
                Ok((engine, true)) => Ok(Ok(engine)),
                Ok((engine, false)) => match engine.let_go() {
                    Ok(()) => discard(path, RebuildReason::LostEntries).map(Err),
                    Err(error) => put_away(path, &error, quarantine).map(Err),
                },
                Err(error) => put_away(path, &error, quarantine).map(Err),
            }
        }
    }
}

fn begin(path: &Path) -> Result<Engine, QueueError> {
    Engine::open(path).map_err(|why| QueueError::Failed { why })
}

/// Removes a database that holds nothing that is not in the journal.
fn discard(path: &Path, why: RebuildReason) -> Result<RebuildReason, QueueError> {
    std::fs::remove_dir_all(path).map_err(disk("removing", path))?;
    sync_folder(parent(path))?;
    Ok(why)
}

fn put_away(path: &Path, error: &str, quarantine: &Quarantine) -> Result<RebuildReason, QueueError> {
    let found_at = path.display().to_string();
    let note = Note { what: "queue database".into(), found_at, why: error.to_owned() };
    Ok(RebuildReason::Damaged { kept_at: quarantine.move_in(path, &note)? })
}

/// Anything that cannot be read is no mark.
fn read_mark(path: &Path) -> Option<(Position, Option<Digest>)> {
    let mut bytes = Vec::new();
    std::fs::File::open(path).ok()?.take(QUEUE_MARK_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    mark::decode(&bytes)
}
