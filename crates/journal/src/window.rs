//! Reading a segment through a window of bounded size.

use crate::error::{JournalError, disk};
use crate::folder::Folder;
use crate::limits::CHUNK_BYTES;
use std::io;

/// A segment of which a stretch is in memory.
pub(crate) struct Window<'a, F: Folder> {
    folder: &'a F,
    name: String,
    size: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a, F: Folder> Window<'a, F> {
    pub(crate) fn new(folder: &'a F, name: String, size: u64) -> Self {
        Self { folder, name, size, start: 0, bytes: Vec::new() }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// `len` bytes from `offset`; `None` if the segment ends before. Allocates no more than the segment holds.
    pub(crate) fn at(&mut self, offset: u64, len: usize) -> Result<Option<&[u8]>, JournalError> {
        if offset.checked_add(len as u64).is_none_or(|end| end > self.size) {
            return Ok(None);
        }
        let inside = offset.checked_sub(self.start).and_then(|skip| usize::try_from(skip).ok());
        let skip = match inside.filter(|skip| skip.saturating_add(len) <= self.bytes.len()) {
            Some(skip) => skip,
            None => {
                self.bytes = Vec::new();
                self.bytes = self
                    .folder
                    .read(&self.name, offset, len.max(CHUNK_BYTES))
                    .map_err(disk("reading", &self.name))?;
                self.start = offset;
                0
            }
        };
        match self.bytes.get(skip..skip.saturating_add(len)) {
            Some(bytes) => Ok(Some(bytes)),
            None => Err(disk("reading", &self.name)(io::ErrorKind::UnexpectedEof.into())),
        }
    }

    /// As many bytes from `offset` as there are, `len` at the most.
    pub(crate) fn up_to(&mut self, offset: u64, len: usize) -> Result<&[u8], JournalError> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        Ok(self.at(offset, left.min(len))?.unwrap_or_default())
    }

    /// The first offset from `from` on, before `end`, where `begins` says yes to the bytes there (at least one, and as
    /// many as `look` unless the segment ends).
    pub(crate) fn find(
        &mut self,
        from: u64,
        end: u64,
        look: usize,
        begins: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<u64>, JournalError> {
        let mut at = from;
        while at < end.min(self.size) {
            let size = self.size;
            let chunk = self.up_to(at, CHUNK_BYTES)?;
            let last = at + chunk.len() as u64 == size;
            // Positions too close to the end of the chunk are looked at with the next one.
            let positions =
                if last { chunk.len() } else { chunk.len().saturating_sub(look.saturating_sub(1)) };
            let found = (0..positions).find(|i| begins(chunk.get(*i..).unwrap_or_default()));
            if let Some(found) = found {
                return Ok(Some(at + found as u64).filter(|found| *found < end));
            }
            if last {
                break;
            }
            at += positions.max(1) as u64;
        }
        Ok(None)
    }
}
