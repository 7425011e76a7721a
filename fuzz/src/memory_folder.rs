//! A journal folder in memory.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use yizhan_journal::Folder;

/// Files by name; clones share them.
#[derive(Clone, Default)]
pub(crate) struct MemoryFolder(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl MemoryFolder {
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn file<T>(&self, name: &str, act: impl FnOnce(&mut Vec<u8>) -> T) -> io::Result<T> {
        self.with(|files| files.get_mut(name).map(act).ok_or_else(|| io::ErrorKind::NotFound.into()))
    }
}

impl Folder for MemoryFolder {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.with(|files| files.keys().cloned().collect()))
    }

    fn len(&self, name: &str) -> io::Result<u64> {
        self.file(name, |bytes| bytes.len() as u64)
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        self.with(|files| match files.contains_key(name) {
            true => Err(io::ErrorKind::AlreadyExists.into()),
            false => {
                files.insert(name.to_owned(), Vec::new());
                Ok(())
            }
        })
    }

    fn append(&mut self, name: &str, pieces: &[&[u8]]) -> io::Result<()> {
        self.file(name, |bytes| pieces.iter().for_each(|piece| bytes.extend_from_slice(piece)))
    }

    fn shorten(&mut self, name: &str, len: u64) -> io::Result<()> {
        self.file(name, |bytes| bytes.truncate(usize::try_from(len).unwrap_or(usize::MAX)))
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.file(name, |_| ())
    }

    fn read(&self, name: &str, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        self.file(name, |bytes| {
            let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
            bytes[start..start.saturating_add(len).min(bytes.len())].to_vec()
        })
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.with(|files| {
            let bytes = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
            files.insert(to.to_owned(), bytes);
            Ok(())
        })
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.with(|files| files.remove(name).map(|_| ()).ok_or_else(|| io::ErrorKind::NotFound.into()))
    }
}
