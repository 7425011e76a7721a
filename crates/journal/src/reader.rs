//! Reading single records, from any thread.

use crate::error::{JournalError, disk};
use crate::folder::{FileKind, Folder, file_name};
use crate::frame::{Marker, RECORD_HEADER_LEN, RecordHeader};
use crate::limits::RECORD_BYTES_MAX;
use crate::location::Location;
use crate::report::DamageReason;
use std::io::ErrorKind;

/// Reads and checks records of one journal.
#[derive(Clone, Copy, Debug)]
pub struct RecordReader {
    marker: Marker,
}

impl RecordReader {
    pub(crate) fn new(marker: Marker) -> Self {
        Self { marker }
    }

    /// The kind and payload of the record at `at`. Damage is found by its checksum and named.
    pub fn read<F: Folder>(&self, folder: &F, at: Location) -> Result<(u8, Vec<u8>), JournalError> {
        let damaged = |reason| JournalError::Damaged { segment: at.segment, offset: at.offset, reason };
        let len = at.len as usize;
        if len > RECORD_BYTES_MAX {
            return Err(damaged(DamageReason::NoRecord));
        }
        let name = file_name(at.segment, FileKind::Segment);
        let mut bytes = folder.read(&name, at.offset, RECORD_HEADER_LEN + len).map_err(|source| {
            if source.kind() == ErrorKind::NotFound {
                damaged(DamageReason::NoRecord)
            } else {
                disk("reading", &name)(source)
            }
        })?;
        let record = RecordHeader::decode(&bytes, &self.marker).filter(|record| record.len == at.len);
        let record = record.ok_or_else(|| damaged(DamageReason::NoRecord))?;
        bytes.drain(..RECORD_HEADER_LEN);
        if record.fits(&bytes, &self.marker) {
            Ok((record.kind, bytes))
        } else {
            Err(damaged(DamageReason::Record))
        }
    }
}
