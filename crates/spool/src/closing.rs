//! A body that is closed on this node: written in one pass, named at the end.

use crate::body_store::{BodyError, settle, whole_of};
use crate::error::disk;
use crate::write_behind::WriteBehind;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use yizhan_document::Digest;

/// A body being written. Dropped before [`Closing::finish_as`], it is gone.
#[derive(Debug)]
pub struct Closing {
    folder: PathBuf,
    part: PathBuf,
    file: File,
    behind: WriteBehind,
    written: u64,
    finished: bool,
}

impl Closing {
    pub(crate) fn create(folder: &Path) -> Result<Self, BodyError> {
        let mut number = 0u64;
        loop {
            let part = folder.join(format!("closing-{number}.part"));
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part) {
                Ok(file) => {
                    let (folder, behind) = (folder.to_owned(), WriteBehind::default());
                    return Ok(Self { folder, part, file, behind, written: 0, finished: false });
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => number = number.saturating_add(1),
                Err(error) => return Err(disk("creating", &part)(error).into()),
            }
        }
    }

    /// How much was written, in bytes.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Makes the body durable under the digest of its envelope's header; returns its length, in bytes.
    pub fn finish_as(mut self, digest: Digest) -> Result<u64, BodyError> {
        self.behind.wait().map_err(disk("syncing", &self.part)).map_err(BodyError::NotDurable)?;
        settle(&self.file, &self.part, &whole_of(&self.folder, digest), &self.folder)?;
        self.finished = true;
        Ok(self.written)
    }
}

impl Write for Closing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.written = self.written.saturating_add(written as u64);
        self.behind.wrote(&self.file, self.written)?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        if !self.finished
            && let Err(error) = std::fs::remove_file(&self.part)
        {
            // The next start removes it.
            tracing::warn!(%error, path = %self.part.display(), "an unfinished body could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BodyStore;

    #[test]
    fn bodies_closed_at_the_same_time_do_not_meet_and_unfinished_ones_vanish() {
        let temp = tempfile::tempdir().unwrap();
        let store = BodyStore::open(temp.path()).unwrap();
        let mut one = store.closing().unwrap();
        let mut other = store.closing().unwrap();
        let dropped = store.closing().unwrap();
        one.write_all(b"one").unwrap();
        other.write_all(b"another").unwrap();
        drop(dropped);
        assert_eq!(one.finish_as(Digest::of(b"1")).unwrap(), 3);
        assert_eq!(other.finish_as(Digest::of(b"2")).unwrap(), 7);
        assert_eq!(std::fs::read(store.path_of(Digest::of(b"1"))).unwrap(), b"one");
        assert_eq!(std::fs::read(store.path_of(Digest::of(b"2"))).unwrap(), b"another");
        assert_eq!(store.list().unwrap().len(), 2);
        assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 2);
    }
}
