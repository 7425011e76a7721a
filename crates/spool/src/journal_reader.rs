//! Reading records of the journal from any thread, while the committer writes.

use crate::real_folder::RealFolder;
use yizhan_journal::{JournalError, Location, RecordReader};

/// Reads records; clones share descriptors.
#[derive(Clone, Debug)]
pub struct JournalReader {
    folder: RealFolder,
    reader: RecordReader,
}

impl JournalReader {
    /// `folder` is that of the journal, `reader` what [`yizhan_journal::Journal::reader`] gave.
    pub fn new(folder: RealFolder, reader: RecordReader) -> Self {
        Self { folder, reader }
    }

    /// The kind and payload of the record at `at`, checked. Blocks on the disk unless the page cache has it.
    pub fn read(&self, at: Location) -> Result<(u8, Vec<u8>), JournalError> {
        self.reader.read(&self.folder, at)
    }
}
