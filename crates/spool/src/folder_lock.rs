//! One daemon per data folder.

use crate::error::{DiskError, disk};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Holds a folder for this process alone, until it is dropped or the process ends.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

/// Why a folder cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error(
        "{} is in use by another daemon ({holder}); stop that one first, or give this one a data folder of its own",
        folder.display()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// What the other one says of itself, such as `process 123`.
        holder: String,
    },
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl FolderLock {
    /// Takes a folder, which must be there, by its file `lock`.
    pub fn acquire(folder: &Path) -> Result<Self, LockError> {
        Self::acquire_by(&folder.join("lock"), folder)
    }

    /// Takes a folder by a lock file elsewhere, for a folder that may be moved away.
    pub(crate) fn acquire_by(path: &Path, folder: &Path) -> Result<Self, LockError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(path).map_err(disk("opening", path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Only for the message: whatever cannot be read stays unsaid.
                if file.take(100).read_to_string(&mut holder).is_err() || holder.trim().is_empty() {
                    holder = "which did not say who it is".into();
                }
                return Err(LockError::InUse { folder: folder.to_owned(), holder: holder.trim().to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(disk("locking", path)(error).into()),
        }
        file.set_len(0).map_err(disk("writing", path))?;
        writeln!(file, "process {}", std::process::id()).map_err(disk("writing", path))?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_daemon_is_told_which_folder_and_who_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::acquire(folder.path()).unwrap();
        let error = FolderLock::acquire(folder.path()).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, LockError::InUse { .. }));
        assert!(text.contains(&folder.path().display().to_string()), "{text}");
        assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
        drop(first);
        FolderLock::acquire(folder.path()).unwrap();
    }
}
