//! A disk for journals that loses what was not synced, in every way a power cut can, and fails a sync when told to.

use crate::random::Random;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use yizhan_exchange::Room;
use yizhan_journal::Folder;

/// What an ordered fault of the disk says.
pub(crate) const DISK_FAULT: &str = "the disk failed, as ordered";

/// What the journal says when only space is missing.
pub(crate) const DISK_FULL: &str = "no space for the journal";

/// What a disk writes at once.
const SECTOR_BYTES: usize = 512;

/// How a sync fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncFault {
    /// Nothing became durable.
    NotDone,
    /// All became durable, yet an error comes back.
    Done,
}

/// A folder in memory. Clones share the files, as a process and the machine it runs on do.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultyFolder(Arc<Mutex<Disk>>);

#[derive(Debug, Default)]
struct Disk {
    files: BTreeMap<String, File>,
    /// Segments that were removed: nobody but the checks looks at them.
    attic: BTreeMap<String, File>,
    fault: Option<SyncFault>,
    room: Room,
    /// It says that it has synced, and has not.
    lies: bool,
}

/// A copy of all files of a folder, and of its attic.
#[derive(Clone, Debug)]
pub(crate) struct Backup(BTreeMap<String, File>, BTreeMap<String, File>);

#[derive(Clone, Debug, Default)]
struct File {
    bytes: Vec<u8>,
    /// So many of them survive anything.
    synced: usize,
}

impl FaultyFolder {
    /// The next sync fails.
    pub(crate) fn fail_next_sync(&self, how: SyncFault) {
        self.disk().fault = Some(how);
    }

    /// A fault that was ordered and has not struck is called off.
    pub(crate) fn fail_no_sync(&self) {
        self.disk().fault = None;
    }

    /// From now on the disk has so much room; with none, nothing can be added to it.
    pub(crate) fn set_room(&self, room: Room) {
        self.disk().room = room;
    }

    /// How much room the disk has.
    pub(crate) fn room(&self) -> Room {
        self.disk().room
    }

    /// Changes the last byte that was written, as a failing disk would, synced or not.
    #[cfg(test)]
    pub(crate) fn damage_last_byte(&self) {
        let mut disk = self.disk();
        let last = disk.files.values_mut().next_back().and_then(|file| file.bytes.last_mut());
        last.into_iter().for_each(|byte| *byte ^= 1);
    }

    /// From now on the disk says that it has synced, and has not, or it is honest again.
    pub(crate) fn lie(&self, lies: bool) {
        self.disk().lies = lies;
    }

    /// A copy of all files as they are, to be restored later.
    pub(crate) fn back_up(&self) -> Backup {
        let disk = self.disk();
        Backup(disk.files.clone(), disk.attic.clone())
    }

    /// A folder of its own with everything in it that ever was in this one, but for what a power cut took.
    pub(crate) fn with_attic(&self) -> Self {
        let disk = self.disk();
        let files = disk.attic.iter().chain(&disk.files).map(|(name, file)| (name.clone(), file.clone()));
        Self(Arc::new(Mutex::new(Disk { files: files.collect(), ..Disk::default() })))
    }

    /// The files of a copy take the place of those that are there.
    pub(crate) fn restore(&self, Backup(files, attic): Backup) {
        let mut disk = self.disk();
        disk.files = files;
        disk.attic = attic;
    }

    /// The power goes: of each file what was not synced is lost, kept, cut anywhere, or kept with a hole of zeros.
    pub(crate) fn power_cut(&self, random: &mut Random) {
        for file in self.disk().files.values_mut() {
            let loose = file.bytes.len() - file.synced;
            let mut within = || file.synced + usize::try_from(random.below(loose as u64 + 1)).unwrap_or(0);
            let (one, other) = (within(), within());
            match random.below(4) {
                0 => file.bytes.truncate(file.synced),
                1 => file.bytes.truncate(one),
                2 => {
                    // A sector is written as a whole or not at all.
                    let start = (one.min(other) / SECTOR_BYTES * SECTOR_BYTES).max(file.synced);
                    let end = one.max(other).next_multiple_of(SECTOR_BYTES).min(file.bytes.len());
                    let hole = file.bytes.get_mut(start..end);
                    hole.into_iter().for_each(|hole| hole.fill(0));
                }
                _ => {}
            }
            file.synced = file.bytes.len();
        }
    }

    /// How many bytes of a file are durable, or were when it was removed.
    pub(crate) fn synced(&self, name: &str) -> u64 {
        let disk = self.disk();
        disk.files.get(name).or(disk.attic.get(name)).map_or(0, |file| file.synced as u64)
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        // One thread at a time uses a world; a panic in it ends the test.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file<T>(&self, name: &str, act: impl FnOnce(&mut File) -> T) -> io::Result<T> {
        self.disk().files.get_mut(name).map(act).ok_or_else(missing)
    }
}

impl Folder for FaultyFolder {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.disk().files.keys().cloned().collect())
    }

    fn len(&self, name: &str) -> io::Result<u64> {
        self.file(name, |file| file.bytes.len() as u64)
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        let mut disk = self.disk();
        if disk.room == Room::Nothing {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if disk.files.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        disk.files.insert(name.to_owned(), File::default());
        Ok(())
    }

    fn append(&mut self, name: &str, pieces: &[&[u8]]) -> io::Result<()> {
        if self.room() == Room::Nothing {
            // What fits is written all the same.
            let some = pieces.first().map(|piece| piece.get(..piece.len() / 2).unwrap_or_default());
            self.file(name, |file| file.bytes.extend_from_slice(some.unwrap_or_default()))?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file(name, |file| pieces.iter().for_each(|piece| file.bytes.extend_from_slice(piece)))
    }

    fn shorten(&mut self, name: &str, len: u64) -> io::Result<()> {
        self.file(name, |file| {
            file.bytes.truncate(usize::try_from(len).unwrap_or(usize::MAX).max(file.synced));
        })
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        if self.disk().lies {
            return self.file(name, |_| ());
        }
        let fault = self.disk().fault.take();
        if fault != Some(SyncFault::NotDone) {
            self.file(name, |file| file.synced = file.bytes.len())?;
        }
        if fault.is_some() { Err(io::Error::other(DISK_FAULT)) } else { Ok(()) }
    }

    fn read(&self, name: &str, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        self.file(name, |file| {
            let start = usize::try_from(offset).unwrap_or(usize::MAX).min(file.bytes.len());
            let end = start.saturating_add(len).min(file.bytes.len());
            file.bytes.get(start..end).unwrap_or_default().to_vec()
        })
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk();
        let file = disk.files.remove(from).ok_or_else(missing)?;
        disk.files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut disk = self.disk();
        let file = disk.files.remove(name).ok_or_else(missing)?;
        if name.ends_with(".seg") {
            disk.attic.insert(name.to_owned(), file);
        }
        Ok(())
    }
}

fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_cut_never_touches_what_was_synced_and_sometimes_takes_the_rest() {
        let mut outcomes = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let mut folder = FaultyFolder::default();
            folder.create("a").unwrap();
            folder.append("a", &[b"synced"]).unwrap();
            folder.sync("a").unwrap();
            folder.append("a", &[b"loose"]).unwrap();
            folder.power_cut(&mut Random::new(seed));
            let bytes = folder.read("a", 0, 100).unwrap();
            assert!(bytes.starts_with(b"synced"));
            assert_eq!(folder.synced("a"), bytes.len() as u64);
            outcomes.insert(bytes);
        }
        for outcome in [b"synced".as_slice(), b"syncedloose", b"syncedlo", b"synced\0\0\0\0\0"] {
            assert!(outcomes.contains(outcome), "{outcome:?} never happened");
        }
    }

    #[test]
    fn an_ordered_sync_fault_strikes_once_and_leaves_what_it_says() {
        for (fault, durable) in [(SyncFault::NotDone, 0), (SyncFault::Done, 1)] {
            let mut folder = FaultyFolder::default();
            folder.create("a").unwrap();
            folder.append("a", &[b"x"]).unwrap();
            folder.fail_next_sync(fault);
            assert!(folder.sync("a").is_err());
            assert_eq!(folder.synced("a"), durable);
            folder.sync("a").unwrap();
            assert_eq!(folder.synced("a"), 1);
        }
    }
}
