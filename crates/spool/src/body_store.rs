//! Large encrypted bodies, one file each, named by the digest of the envelope's header.

use crate::closing::Closing;
use crate::error::{DiskError, disk};
use crate::files::{create_folder, names_in, sync_folder};
use crate::incoming::Incoming;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use yizhan_document::Digest;
use yizhan_planted::{Bug, on};

/// Why a body cannot be had or kept.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The disk failed, or is full ([`DiskError::is_full`]): then only this body is refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// It could not be made durable: the system may have thrown away what it had not written, and would say yes the next
    /// time. Nothing more may be promised before a restart, whatever the reason.
    #[error("{0}; what was written may be lost")]
    NotDurable(#[source] DiskError),
    /// There is no such body: what the journal says is lost. Say so to the origin (`RelayFailure`).
    #[error(
        "the body of envelope {digest} is not in the body store; it has to come again from the previous node"
    )]
    Missing {
        /// The digest of the envelope's header.
        digest: Digest,
    },
    /// The body is not as long as it should be: the disk lost a part, or grew one.
    #[error(
        "the body of envelope {digest} has {have} bytes instead of {want}; it has to come again from the previous node"
    )]
    Length {
        /// The digest of the envelope's header.
        digest: Digest,
        /// How long it is, in bytes.
        have: u64,
        /// How long it should be, in bytes.
        want: u64,
    },
    /// It is already coming in, from another neighbour. Try again later.
    #[error("the body of envelope {digest} is already coming in from another neighbour")]
    Busy {
        /// The digest of the envelope's header.
        digest: Digest,
    },
    /// It is already there as a whole.
    #[error("the body of envelope {digest} is already there")]
    AlreadyThere {
        /// The digest of the envelope's header.
        digest: Digest,
    },
    /// A piece does not fit where it was to go. The caller is to blame.
    #[error("a piece of {got} bytes does not fit at byte {at} of the body of envelope {digest}")]
    Piece {
        /// The digest of the envelope's header.
        digest: Digest,
        /// How much is there.
        at: u64,
        /// How long the piece is, in bytes.
        got: u64,
    },
    /// No body may be as long.
    #[error("a body of {size} bytes is beyond the limit of {}", crate::limits::BODY_BYTES_MAX)]
    TooLarge {
        /// How long it would be, in bytes.
        size: u64,
    },
}

/// How the name of a body ends that nobody needs any more.
const RETIRED: &str = ".gone";

/// The folder `bodies/`.
#[derive(Clone, Debug)]
pub struct BodyStore {
    path: PathBuf,
}

impl BodyStore {
    /// Opens the folder, or makes it. What was being closed when the node stopped is removed, since nothing ever named it, and
    /// what was retired; what was coming in stays, to be resumed.
    pub fn open(path: &Path) -> Result<Self, BodyError> {
        create_folder(path)?;
        for name in names_in(path)? {
            if (name.starts_with("closing-") && name.ends_with(".part")) || name.ends_with(RETIRED) {
                let left = path.join(name);
                std::fs::remove_file(&left).map_err(disk("removing", &left))?;
            }
        }
        sync_folder(path)?;
        Ok(Self { path: path.to_owned() })
    }

    /// Begins, or resumes, a body of `size` bytes that comes from a neighbour in pieces.
    pub fn incoming(&self, digest: Digest, size: u64) -> Result<Incoming, BodyError> {
        Incoming::open(&self.path, digest, size)
    }

    /// Begins a body that is closed here; its name becomes known at the end.
    pub fn closing(&self) -> Result<Closing, BodyError> {
        Closing::create(&self.path)
    }

    /// Opens a whole body, which must be `size` bytes long. Its content is not checked: who sends or opens it does that.
    pub fn open_body(&self, digest: Digest, size: u64) -> Result<File, BodyError> {
        let path = self.path_of(digest);
        let file = File::open(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => BodyError::Missing { digest },
            _ => disk("opening", &path)(error).into(),
        })?;
        let have = file.metadata().map_err(disk("measuring", &path))?.len();
        if have == size { Ok(file) } else { Err(BodyError::Length { digest, have, want: size }) }
    }

    /// Whether the whole body is there.
    pub fn contains(&self, digest: Digest) -> bool {
        self.path_of(digest).is_file()
    }

    /// Removes a body and what came in of it, if there is any. After a power cut it may be there again: whoever starts
    /// compares [`BodyStore::list`] with the journal.
    pub fn remove(&self, digest: Digest) -> Result<(), BodyError> {
        for path in [self.path_of(digest), part_of(&self.path, digest)] {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(disk("removing", &path)(error).into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes a whole body out of the store and tells where the file is, to be removed by whoever has the time; `None` if there
    /// is no such body. After a power cut it may be there again.
    pub fn retire(&self, digest: Digest) -> Result<Option<PathBuf>, BodyError> {
        let (whole, retired) = (self.path_of(digest), self.path.join(format!("{digest}{RETIRED}")));
        match std::fs::rename(&whole, &retired) {
            Ok(()) => Ok(Some(retired)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(disk("renaming", &whole)(error).into()),
        }
    }

    /// Everything in the store: digest, and whether it is whole. Other files are passed over.
    pub fn list(&self) -> Result<Vec<(Digest, bool)>, BodyError> {
        let read = |name: String| match name.strip_suffix(".part") {
            Some(digest) => digest.parse().ok().map(|digest| (digest, false)),
            None => name.parse().ok().map(|digest| (digest, true)),
        };
        Ok(names_in(&self.path)?.into_iter().filter_map(read).collect())
    }

    /// Where a whole body is, to move it to quarantine.
    pub fn path_of(&self, digest: Digest) -> PathBuf {
        whole_of(&self.path, digest)
    }
}

pub(crate) fn whole_of(folder: &Path, digest: Digest) -> PathBuf {
    folder.join(digest.to_string())
}

pub(crate) fn part_of(folder: &Path, digest: Digest) -> PathBuf {
    folder.join(format!("{digest}.part"))
}

/// Makes a file durable under its final name.
pub(crate) fn settle(file: &File, from: &Path, to: &Path, folder: &Path) -> Result<(), BodyError> {
    if !on(Bug::BodyNotSynced) {
        file.sync_data().map_err(disk("syncing", from)).map_err(BodyError::NotDurable)?;
    }
    std::fs::rename(from, to).map_err(disk("renaming", from)).map_err(BodyError::NotDurable)?;
    if on(Bug::FolderNotSyncedAfterRename) {
        Ok(())
    } else {
        sync_folder(folder).map_err(BodyError::NotDurable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_missing_a_short_and_a_grown_body_are_named() {
        let temp = tempfile::tempdir().unwrap();
        let store = BodyStore::open(temp.path()).unwrap();
        let digest = Digest::of(b"header");
        assert!(matches!(store.open_body(digest, 4), Err(BodyError::Missing { digest: d }) if d == digest));
        std::fs::write(store.path_of(digest), b"body").unwrap();
        let mut text = String::new();
        store.open_body(digest, 4).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "body");
        for want in [3, 5] {
            assert!(matches!(store.open_body(digest, want), Err(BodyError::Length { have: 4, .. })));
        }
        let retired = store.retire(digest).unwrap().unwrap();
        assert!(!store.contains(digest) && retired.is_file());
        assert_eq!(store.retire(digest).unwrap(), None);
        store.remove(digest).unwrap();
    }

    #[test]
    fn a_start_removes_what_was_being_closed_and_keeps_everything_else() {
        let temp = tempfile::tempdir().unwrap();
        let (whole, part) = (Digest::of(b"1"), Digest::of(b"2"));
        let retired = format!("{}{RETIRED}", Digest::of(b"3"));
        for name in
            [whole.to_string(), format!("{part}.part"), "closing-7.part".into(), "README".into(), retired]
        {
            std::fs::write(temp.path().join(name), b"x").unwrap();
        }
        let store = BodyStore::open(temp.path()).unwrap();
        let mut expected = vec![(whole, true), (part, false)];
        expected.sort_by_key(|(digest, _)| digest.to_string());
        assert_eq!(store.list().unwrap(), expected);
        assert!(temp.path().join("README").exists());
        assert!(!temp.path().join("closing-7.part").exists());
    }
}
