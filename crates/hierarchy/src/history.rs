//! The versions of the directory that a node keeps: `<edition>.tar` each, the newest being the one it goes by.
//!
//! A version is written beside, synced, and renamed into place: the name is the moment that counts. What is read back is
//! verified anew. Where a part is held, files that were fetched since the version was kept lie beside the archives, in `fetched/`.

use crate::durable;
use crate::edition::Edition;
use crate::fetched::Fetched;
use crate::kept_files::KeptFiles;
use crate::limits;
use crate::parcel::{Parcel, ParcelError};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The kept versions of one node.
#[derive(Clone, Debug)]
pub struct History {
    folder: PathBuf,
    fetched: Fetched,
}

impl History {
    /// The history in a folder, which need not be there yet.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self { fetched: Fetched::in_folder(folder.join("fetched")), folder }
    }

    /// The versions that are kept, ascending.
    pub fn versions(&self) -> Result<Vec<Edition>, HistoryError> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(disk(&self.folder))?,
        };
        let mut versions = Vec::new();
        for entry in entries {
            let name = entry.map_err(disk(&self.folder))?.file_name();
            versions.extend(name.to_str().and_then(version_of));
        }
        versions.sort_unstable();
        Ok(versions)
    }

    /// A kept version, unverified.
    pub fn read(&self, version: Edition) -> Result<Parcel, HistoryError> {
        let path = self.path(version);
        match durable::read_at_most(&path, limits::DIRECTORY_BYTES_MAX) {
            Ok(Some(bytes)) => {
                let damaged = |reason| HistoryError::Damaged { path, reason };
                let mut parcel = Parcel::from_kept_tar(&bytes).map_err(damaged)?;
                self.fetched.complete(&mut parcel);
                Ok(parcel)
            }
            Ok(None) => {
                let reason = ParcelError::TooLarge { what: "archive", most: limits::DIRECTORY_BYTES_MAX };
                Err(HistoryError::Damaged { path, reason })
            }
            Err(source) => Err(HistoryError::Disk { path, source }),
        }
    }

    /// A kept version, unverified, to be read file by file.
    pub fn files(&self, version: Edition) -> Result<KeptFiles, HistoryError> {
        KeptFiles::open(&self.path(version))
    }

    /// Keeps a version; it is durable when this returns. The oldest go once there are more than
    /// [`VERSIONS_KEPT_MAX`](limits::VERSIONS_KEPT_MAX), or more than [`HISTORY_BYTES_MAX`](limits::HISTORY_BYTES_MAX) in all;
    /// this one and the one before it stay. What was fetched since the version before is in this one, or listed no more.
    pub fn keep(&self, version: Edition, parcel: &Parcel) -> Result<(), HistoryError> {
        let new = !self.folder.exists();
        fs::create_dir_all(&self.folder).map_err(disk(&self.folder))?;
        if let Some(above) = self.folder.parent().filter(|_| new) {
            durable::sync_folder(above).map_err(disk(above))?;
        }
        let (path, beside) = (self.path(version), self.folder.join("next"));
        let bytes = parcel.to_tar().map_err(disk(&path))?;
        durable::write_beside(&beside, &bytes).map_err(disk(&beside))?;
        durable::put_in_place(&beside, &path).map_err(disk(&path))?;
        durable::sync_folder(&self.folder).map_err(disk(&self.folder))?;
        self.fetched.clear()?;
        self.let_go(limits::HISTORY_BYTES_MAX)
    }

    /// The files that were fetched since the newest version was kept.
    pub fn fetched(&self) -> &Fetched {
        &self.fetched
    }

    fn let_go(&self, bytes_max: u64) -> Result<(), HistoryError> {
        let mut bytes = 0;
        for (newer, version) in self.versions()?.into_iter().rev().enumerate() {
            let path = self.path(version);
            bytes += fs::metadata(&path).map_err(disk(&path))?.len();
            if newer >= limits::VERSIONS_KEPT_MAX || (newer >= 2 && bytes > bytes_max) {
                fs::remove_file(&path).map_err(disk(&path))?;
            }
        }
        Ok(())
    }

    fn path(&self, version: Edition) -> PathBuf {
        self.folder.join(format!("{version}.tar"))
    }
}

/// The version in a file's name, written in the one way it is written.
fn version_of(name: &str) -> Option<Edition> {
    name.strip_suffix(".tar")?.parse().ok()
}

pub(crate) fn disk(path: &Path) -> impl FnOnce(io::Error) -> HistoryError {
    let path = path.to_owned();
    move |source| HistoryError::Disk { path, source }
}

/// Why a version was not kept, or cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The disk.
    #[error("{path} cannot be read or written: {source}; see to the disk")]
    Disk {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file that was harmed.
    #[error("{path} is damaged: {reason}; move it away, the version is fetched again from a neighbour")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        reason: ParcelError,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::Draft;
    use crate::sample::{authority, demo_draft};

    fn edition(version: u64) -> Edition {
        Edition { version, delegated: 0 }
    }

    fn parcel(version: u64) -> Parcel {
        Draft { version, ..demo_draft() }.render().unwrap().signed(&[authority()])
    }

    #[test]
    fn what_is_kept_is_read_back_and_the_oldest_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::in_folder(folder.path().join("directory"));
        assert_eq!(history.versions().unwrap(), Vec::<Edition>::new());
        let most = limits::VERSIONS_KEPT_MAX as u64;
        for version in 1..=most + 2 {
            history.keep(edition(version), &parcel(version)).unwrap();
        }
        assert_eq!(history.versions().unwrap(), (3..=most + 2).map(edition).collect::<Vec<_>>());
        assert_eq!(history.read(edition(9)).unwrap().claimed().unwrap().version, 9);
        assert!(matches!(history.read(edition(1)), Err(HistoryError::Disk { .. })));
        // Large versions are fewer, but never less than two.
        let bytes = fs::metadata(folder.path().join("directory/18.tar")).unwrap().len();
        history.let_go(3 * bytes).unwrap();
        assert_eq!(history.versions().unwrap(), (most..=most + 2).map(edition).collect::<Vec<_>>());
        history.let_go(0).unwrap();
        assert_eq!(history.versions().unwrap(), [edition(most + 1), edition(most + 2)]);
    }

    #[test]
    fn a_torn_version_that_never_got_its_name_is_no_version_and_a_harmed_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::in_folder(folder.path());
        history.keep(edition(7), &parcel(7)).unwrap();
        fs::write(folder.path().join("next"), b"torn").unwrap();
        fs::write(folder.path().join("08.tar"), b"").unwrap();
        assert_eq!(history.versions().unwrap(), [edition(7)]);
        fs::write(folder.path().join("7.tar"), b"harmed").unwrap();
        assert!(matches!(history.read(edition(7)), Err(HistoryError::Damaged { .. })));
        history.keep(edition(8), &parcel(8)).unwrap();
        assert_eq!(history.versions().unwrap(), [edition(7), edition(8)]);
    }
}
