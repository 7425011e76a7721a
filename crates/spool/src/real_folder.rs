//! The journal's folder on the real file system.

use crate::files::{names_in, sync_folder};
use crate::limits::OPEN_SEGMENTS_MAX;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IoSlice, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use yizhan_journal::Folder;
use yizhan_planted::{Bug, on};

/// A folder of append-only files. Clones share it and read concurrently; only the journal writes.
///
/// A file that is being written keeps its descriptor, since the kernel reports a failed write-back to descriptors that were
/// open when it happened.
#[derive(Clone, Debug)]
pub struct RealFolder {
    path: PathBuf,
    open: Arc<Mutex<BTreeMap<String, Open>>>,
}

#[derive(Clone, Debug)]
struct Open {
    file: Arc<File>,
    unsynced: bool,
}

impl RealFolder {
    /// A folder that is there already.
    pub fn open(path: &Path) -> io::Result<Self> {
        if !path.is_dir() {
            return Err(io::Error::new(ErrorKind::NotADirectory, format!("{} is no folder", path.display())));
        }
        Ok(Self { path: path.to_owned(), open: Arc::default() })
    }

    fn descriptors(&self) -> MutexGuard<'_, BTreeMap<String, Open>> {
        // Nothing panics while it holds the lock, and the map is sound after each step.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, name: &str) -> io::Result<Arc<File>> {
        if let Some(open) = self.descriptors().get(name) {
            return Ok(open.file.clone());
        }
        let file = Arc::new(OpenOptions::new().read(true).append(true).open(self.path_of(name)?)?);
        Ok(self.keep(name, file))
    }

    /// Keeps a descriptor; one for each file, and not too many.
    fn keep(&self, name: &str, file: Arc<File>) -> Arc<File> {
        let mut open = self.descriptors();
        make_room(&mut open);
        open.entry(name.to_owned()).or_insert(Open { file, unsynced: false }).file.clone()
    }

    /// Keeps a descriptor that is about to be written to until it was synced, though readers may have displaced it meanwhile:
    /// another one, opened for the sync, need not hear of a write-back that failed before.
    fn keep_unsynced(&self, name: &str, file: Arc<File>) -> Arc<File> {
        let mut open = self.descriptors();
        if !open.contains_key(name) {
            make_room(&mut open);
        }
        let kept = open.entry(name.to_owned()).or_insert(Open { file, unsynced: true });
        kept.unsynced = true;
        Arc::clone(&kept.file)
    }

    fn path_of(&self, name: &str) -> io::Result<PathBuf> {
        if name.is_empty() || name.starts_with('.') || name.contains('/') {
            return Err(io::Error::new(ErrorKind::InvalidInput, "not a plain file name"));
        }
        Ok(self.path.join(name))
    }

    fn sync_entries(&self) -> io::Result<()> {
        sync_folder(&self.path).map_err(|error| error.source)
    }
}

/// Lets a descriptor go where there are too many. Which one hardly matters: reading is rare, and the files being written stay.
fn make_room(open: &mut BTreeMap<String, Open>) {
    if open.len() >= OPEN_SEGMENTS_MAX {
        let idle = open.iter().find(|(_, open)| !open.unsynced).map(|(name, _)| name.clone());
        idle.map(|name| open.remove(&name));
    }
}

impl Folder for RealFolder {
    fn list(&self) -> io::Result<Vec<String>> {
        names_in(&self.path).map_err(|error| error.source)
    }

    fn len(&self, name: &str) -> io::Result<u64> {
        Ok(self.file(name)?.metadata()?.len())
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create_new(true).mode(0o600);
        let file = options.open(self.path_of(name)?)?;
        self.keep(name, Arc::new(file));
        if on(Bug::FolderNotSyncedAfterCreate) { Ok(()) } else { self.sync_entries() }
    }

    fn append(&mut self, name: &str, pieces: &[&[u8]]) -> io::Result<()> {
        let file = self.keep_unsynced(name, self.file(name)?);
        let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let mut left = slices.as_mut_slice();
        // Empty pieces at the front would make a write of nothing look like a full disk.
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            match (&*file).write_vectored(left) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut left, written),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn shorten(&mut self, name: &str, len: u64) -> io::Result<()> {
        self.file(name)?.set_len(len)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.file(name)?.sync_data()?;
        if let Some(open) = self.descriptors().get_mut(name) {
            open.unsynced = false;
        }
        Ok(())
    }

    fn read(&self, name: &str, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let file = self.file(name)?;
        let left = file.metadata()?.len().saturating_sub(offset);
        let mut bytes = vec![0; usize::try_from(left).unwrap_or(usize::MAX).min(len)];
        let mut filled = 0;
        while let Some(room) = bytes.get_mut(filled..).filter(|room| !room.is_empty()) {
            match file.read_at(room, offset.saturating_add(filled as u64)) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path_of(from)?, self.path_of(to)?)?;
        let mut open = self.descriptors();
        if let Some(file) = open.remove(from) {
            open.insert(to.to_owned(), file);
        }
        drop(open);
        if on(Bug::FolderNotSyncedAfterRename) { Ok(()) } else { self.sync_entries() }
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path_of(name)?)?;
        self.descriptors().remove(name);
        self.sync_entries()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use yizhan_journal::{Journal, JournalOptions, RawRecord};

    #[test]
    fn files_do_what_the_journal_asks_of_them() {
        let temp = tempfile::tempdir().unwrap();
        let mut folder = RealFolder::open(temp.path()).unwrap();
        folder.create("a").unwrap();
        assert_eq!(folder.create("a").unwrap_err().kind(), ErrorKind::AlreadyExists);
        folder.append("a", &[b"", b"one", b"", b"two", b""]).unwrap();
        folder.append("a", &[b""]).unwrap();
        let many: Vec<&[u8]> = vec![b"x"; 5000];
        folder.append("a", &many).unwrap();
        folder.append("a", &[b"cut off again"]).unwrap();
        folder.shorten("a", 5006).unwrap();
        folder.sync("a").unwrap();
        assert_eq!(folder.len("a").unwrap(), 5006);
        assert_eq!(folder.read("a", 1, 4).unwrap(), b"netw");
        assert_eq!(folder.read("a", 5005, usize::MAX).unwrap(), b"x");
        assert_eq!(folder.read("a", u64::MAX, 4).unwrap(), b"");
        folder.rename("a", "b").unwrap();
        assert_eq!(folder.len("a").unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(folder.list().unwrap(), ["b"]);
        folder.remove("b").unwrap();
        assert_eq!(folder.read("b", 0, 1).unwrap_err().kind(), ErrorKind::NotFound);
        for name in ["", "..", "a/b", "/etc/passwd"] {
            assert_eq!(folder.read(name, 0, 1).unwrap_err().kind(), ErrorKind::InvalidInput, "{name}");
        }
    }

    #[test]
    fn descriptors_stay_few_and_the_one_being_written_is_kept() {
        let temp = tempfile::tempdir().unwrap();
        let mut folder = RealFolder::open(temp.path()).unwrap();
        folder.create("0").unwrap();
        folder.append("0", &[b"unsynced"]).unwrap();
        for i in 1..=OPEN_SEGMENTS_MAX * 2 {
            folder.create(&i.to_string()).unwrap();
        }
        assert_eq!(folder.descriptors().len(), OPEN_SEGMENTS_MAX);
        assert!(folder.descriptors()["0"].unsynced);
        assert_eq!(folder.read("1", 0, 9).unwrap(), b"");
    }

    #[test]
    fn a_descriptor_that_readers_displaced_meanwhile_is_the_one_that_is_synced() {
        let temp = tempfile::tempdir().unwrap();
        let mut folder = RealFolder::open(temp.path()).unwrap();
        (0..=OPEN_SEGMENTS_MAX).for_each(|i| folder.create(&i.to_string()).unwrap());
        let readers = folder.clone();
        let file = folder.file("0").unwrap();
        // Between looking the descriptor up and writing to it.
        (1..=OPEN_SEGMENTS_MAX).for_each(|i| assert_eq!(readers.len(&i.to_string()).unwrap(), 0));
        assert!(!folder.descriptors().contains_key("0"));
        let file = folder.keep_unsynced("0", file);
        (1..=OPEN_SEGMENTS_MAX).for_each(|i| assert_eq!(readers.len(&i.to_string()).unwrap(), 0));
        let kept = folder.descriptors()["0"].clone();
        assert!(kept.unsynced && Arc::ptr_eq(&kept.file, &file));
        assert_eq!(folder.descriptors().len(), OPEN_SEGMENTS_MAX);
    }

    #[test]
    fn a_journal_on_real_files_survives_a_stop_of_either_kind() {
        let temp = tempfile::tempdir().unwrap();
        let open = || {
            let mut seen = Vec::new();
            let folder = RealFolder::open(temp.path()).unwrap();
            let options = JournalOptions { segment_bytes: 300, ..JournalOptions::new(7) };
            let (journal, report) = Journal::open(folder, options, &mut |at, kind, payload| {
                seen.push((at, kind, payload.to_vec()));
                Ok(())
            })
            .unwrap();
            assert_eq!((report.damaged, report.torn_tail), (vec![], None));
            (journal, seen)
        };
        for round in 0..6u8 {
            let (mut journal, seen) = open();
            assert_eq!(seen.len(), usize::from(round) * 2);
            for (at, kind, payload) in seen {
                assert_eq!(journal.read(at).unwrap(), (kind, payload));
            }
            let record = |kind| RawRecord { kind, payload: vec![round; 100] };
            journal.append(&[record(1), record(2)]).unwrap();
            journal.sync().unwrap();
            if round % 2 == 0 {
                journal.close().unwrap();
            }
        }
    }
}
