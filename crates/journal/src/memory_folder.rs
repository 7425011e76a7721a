//! A folder in memory for tests: counts calls, fails one of them, and loses what was not synced.

use crate::Folder;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

/// How the call fails that is meant to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failing {
    /// Nothing happens.
    NotDone,
    /// It happens, but an error is returned.
    Done,
    /// Half of what is appended is written, then space is missing, from this call on.
    Full,
    /// The same, and what was written cannot be cut off again either.
    FullUncut,
}

/// What a power cut does to what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsynced {
    Lost,
    Kept,
    /// Cut after so many thousandths.
    Cut(u16),
    /// Kept, but for a stretch of zeros that begins and ends after so many thousandths.
    Hole(u16, u16),
}

#[derive(Clone, Default)]
struct Bytes {
    bytes: Vec<u8>,
    synced: usize,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, Bytes>,
    calls: usize,
    fail: Option<(usize, Failing)>,
    /// All files together have no more bytes than this.
    room: Option<usize>,
}

impl State {
    fn bytes(&self) -> usize {
        self.files.values().map(|file| file.bytes.len()).sum()
    }
}

/// Clones share the files.
#[derive(Clone, Default)]
pub(crate) struct MemoryFolder(Arc<Mutex<State>>);

impl MemoryFolder {
    /// Lets the call after `calls` further ones fail, and all after it too (a dead process does nothing), unless only
    /// space is missing.
    pub(crate) fn fail_after(&self, calls: usize, how: Failing) {
        let mut state = self.0.lock().unwrap();
        state.fail = Some((state.calls + calls, how));
    }

    pub(crate) fn heal(&self) {
        self.0.lock().unwrap().fail = None;
    }

    /// From now on there is room for so many more bytes, or for any number.
    pub(crate) fn leave_room(&self, more: Option<usize>) {
        let mut state = self.0.lock().unwrap();
        state.room = more.map(|more| state.bytes() + more);
    }

    /// The disk after a power cut, for a new process.
    pub(crate) fn after_power_cut(&self, unsynced: Unsynced) -> Self {
        let mut files = self.0.lock().unwrap().files.clone();
        for file in files.values_mut() {
            let loose = file.bytes.len() - file.synced;
            let at = |thousandths: u16| file.synced + loose * usize::from(thousandths) / 1000;
            match unsynced {
                Unsynced::Lost => file.bytes.truncate(file.synced),
                Unsynced::Kept => {}
                Unsynced::Cut(end) => file.bytes.truncate(at(end)),
                Unsynced::Hole(one, other) => {
                    let (start, end) = (at(one.min(other)), at(one.max(other)));
                    file.bytes[start..end].fill(0);
                }
            }
            file.synced = file.bytes.len();
        }
        Self(Arc::new(Mutex::new(State { files, ..State::default() })))
    }

    pub(crate) fn edit(&self, name: &str, edit: impl FnOnce(&mut Vec<u8>)) {
        edit(&mut self.0.lock().unwrap().files.get_mut(name).unwrap().bytes);
    }

    pub(crate) fn drop_file(&self, name: &str) {
        self.0.lock().unwrap().files.remove(name).unwrap();
    }

    pub(crate) fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        self.0.lock().unwrap().files.iter().map(|(name, file)| (name.clone(), file.bytes.clone())).collect()
    }

    /// Does a change, or fails as ordered; `on_full` does what a full disk still does, and says whether the call needs space.
    fn change<T>(
        &self,
        on_full: impl FnOnce(&mut BTreeMap<String, Bytes>) -> bool,
        change: impl FnOnce(&mut BTreeMap<String, Bytes>) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.0.lock().unwrap();
        let call = state.calls;
        state.calls += 1;
        match state.fail {
            Some((at, how)) if call >= at => match how {
                Failing::Done if call == at => {
                    change(&mut state.files)?;
                    Err(io::Error::other("failed, but done"))
                }
                Failing::Full | Failing::FullUncut => match on_full(&mut state.files) {
                    true => Err(io::ErrorKind::StorageFull.into()),
                    false => change(&mut state.files),
                },
                _ => Err(io::Error::other("failed")),
            },
            _ => change(&mut state.files),
        }
    }
}

fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Folder for MemoryFolder {
    fn list(&self) -> io::Result<Vec<String>> {
        self.change(|_| false, |files| Ok(files.keys().cloned().collect()))
    }

    fn len(&self, name: &str) -> io::Result<u64> {
        self.change(
            |_| false,
            |files| files.get(name).map(|file| file.bytes.len() as u64).ok_or_else(missing),
        )
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        self.change(
            |_| true,
            |files| match files.insert(name.to_owned(), Bytes::default()) {
                None => Ok(()),
                Some(_) => panic!("{name} was created twice"),
            },
        )
    }

    fn append(&mut self, name: &str, pieces: &[&[u8]]) -> io::Result<()> {
        let bytes = pieces.concat();
        {
            let mut state = self.0.lock().unwrap();
            let left = state.room.map_or(usize::MAX, |room| room.saturating_sub(state.bytes()));
            if bytes.len() > left {
                let file = state.files.get_mut(name).ok_or_else(missing)?;
                file.bytes.extend_from_slice(&bytes[..left]);
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        self.change(
            |files| {
                files.get_mut(name).unwrap().bytes.extend_from_slice(&bytes[..bytes.len() / 2]);
                true
            },
            |files| {
                files.get_mut(name).ok_or_else(missing)?.bytes.extend_from_slice(&bytes);
                Ok(())
            },
        )
    }

    fn shorten(&mut self, name: &str, len: u64) -> io::Result<()> {
        let uncut = matches!(self.0.lock().unwrap().fail, Some((_, Failing::FullUncut)));
        self.change(
            |_| uncut,
            |files| {
                files.get_mut(name).ok_or_else(missing)?.bytes.truncate(len as usize);
                Ok(())
            },
        )
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.change(
            |_| false,
            |files| {
                let file = files.get_mut(name).ok_or_else(missing)?;
                file.synced = file.bytes.len();
                Ok(())
            },
        )
    }

    fn read(&self, name: &str, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        self.change(
            |_| false,
            |files| {
                let bytes = &files.get(name).ok_or_else(missing)?.bytes;
                let start = (offset as usize).min(bytes.len());
                Ok(bytes[start..start.saturating_add(len).min(bytes.len())].to_vec())
            },
        )
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.change(
            |_| false,
            |files| {
                let file = files.remove(from).ok_or_else(missing)?;
                files.insert(to.to_owned(), file);
                Ok(())
            },
        )
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.change(|_| false, |files| files.remove(name).map(|_| ()).ok_or_else(missing))
    }
}
