//! The journal: append batches, make them durable, read records back, let old segments go.

use crate::error::{JournalError, disk, is_full};
use crate::folder::{FileKind, Folder, NUMBER_MAX, file_name};
use crate::frame::{BatchHeader, EncodedBatch, Marker, RECORD_HEADER_LEN, RawRecord};
use crate::kept::{Contents, Kept};
use crate::limits::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX, RECORD_BYTES_MAX, SEGMENT_BYTES_MAX};
use crate::location::{Location, Position};
use crate::reader::RecordReader;
use crate::recovery::{Recovered, recover};
use crate::report::RecoveryReport;
use crate::scan::Visit;
use crate::segment_header::{SEGMENT_HEADER_LEN, SegmentHeader};
use std::collections::BTreeMap;
use yizhan_planted::{Bug, on};

/// How a journal is opened.
#[derive(Clone, Copy, Debug)]
pub struct JournalOptions {
    /// A segment is closed before it grows beyond this many bytes.
    pub segment_bytes: u64,
    /// A random number, in case the journal is new. Nobody outside may be able to guess it: damage could otherwise make
    /// recovery take forged frames inside a payload for records.
    pub marker_if_new: u64,
    /// The highest batch number that the caller knows to be durable, from a checkpoint that was signed over it; 0 if it
    /// knows none. Nothing up to it is taken for a torn tail.
    pub attested: u64,
}

impl JournalOptions {
    /// The usual limits.
    pub fn new(marker_if_new: u64) -> Self {
        Self { segment_bytes: SEGMENT_BYTES_MAX, marker_if_new, attested: 0 }
    }
}

/// A segment of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its number.
    pub number: u64,
    /// Its length, in bytes.
    pub bytes: u64,
    /// The number of its first batch.
    pub first: u64,
}

/// The truth of a node: numbered batches of records in append-only segments. Only one thread writes it.
///
/// `append` and `append_group` write, `sync` makes durable what was written; between the two nothing may be promised. An
/// error of the disk poisons the journal; only opening it anew, which re-reads the disk, helps.
pub struct Journal<F: Folder> {
    pub(crate) folder: F,
    pub(crate) segment_bytes: u64,
    pub(crate) marker: Marker,
    pub(crate) segments: Vec<Segment>,
    next_segment: u64,
    next_sequence: u64,
    durable: u64,
    pub(crate) floor: u64,
    pub(crate) kept: Kept,
    /// First and last segment of each copy that counts for nothing.
    pub(crate) passed_over: Vec<(u64, u64)>,
    /// The last segment may be appended to.
    pub(crate) open: bool,
    /// The last batch is a clean stop, or nothing was ever written.
    stopped: bool,
    dirty: bool,
    pub(crate) poisoned: bool,
}

impl<F: Folder> Journal<F> {
    /// Opens the journal in a folder, or begins one. Every record goes to `visit` in the order of writing, with the
    /// location at which it will be found. Records of batches that were reclaimed may come again after a crash.
    pub fn open(
        mut folder: F,
        options: JournalOptions,
        visit: &mut Visit<'_>,
    ) -> Result<(Self, RecoveryReport), JournalError> {
        let mut contents: BTreeMap<u64, Contents> = BTreeMap::new();
        let mut noting = |at: Location, kind: u8, payload: &[u8]| {
            contents.entry(at.segment).or_default().add(kind, payload, RECORD_HEADER_LEN + payload.len());
            visit(at, kind, payload)
        };
        let Recovered { marker, segments, next_segment, next_sequence, floor, stopped, report } =
            recover(&mut folder, &options, &mut noting)?;
        let journal = Self {
            folder,
            segment_bytes: options.segment_bytes.min(SEGMENT_BYTES_MAX),
            marker,
            segments,
            next_segment,
            next_sequence,
            durable: next_sequence.saturating_sub(1),
            floor,
            kept: Kept::found(contents),
            passed_over: Vec::new(),
            open: !stopped,
            stopped,
            dirty: false,
            poisoned: false,
        };
        Ok((journal, report))
    }

    /// Writes a batch; it is not durable before [`Journal::sync`]. After a crash all of it is there, or nothing.
    pub fn append(&mut self, batch: &[RawRecord]) -> Result<Vec<Location>, JournalError> {
        self.append_group(&[batch]).map(|mut locations| locations.pop().unwrap_or_default())
    }

    /// Writes several batches as one: after a crash all of them are there, or nothing. Together they keep the limits of
    /// one batch. Several calls before one sync are possible, but a power cut may then keep a later one and lose an
    /// earlier one, which recovery has to report as damage.
    pub fn append_group<B: AsRef<[RawRecord]>>(
        &mut self,
        batches: &[B],
    ) -> Result<Vec<Vec<Location>>, JournalError> {
        if self.poisoned {
            return Err(JournalError::Poisoned);
        }
        let mut bytes = 0usize;
        let mut count = 0usize;
        for batch in batches {
            bytes = bytes.saturating_add(check_batch(batch.as_ref())?);
            count = count.saturating_add(batch.as_ref().len());
        }
        within("a group of batches", bytes, BATCH_BYTES_MAX)?;
        within("the record count of a group", count, BATCH_RECORDS_MAX)?;
        let records: Vec<&RawRecord> = batches.iter().flat_map(AsRef::as_ref).collect();
        if records.is_empty() {
            return Ok(batches.iter().map(|_| Vec::new()).collect());
        }
        let (segment, mut offset) = self.write_batch(&records, bytes, false)?;
        let mut locate = |record: &RawRecord| {
            // `check_batch` keeps payloads far below 4 GiB.
            let location =
                Location { segment, offset, len: u32::try_from(record.payload.len()).unwrap_or(u32::MAX) };
            offset += record.framed_len() as u64;
            location
        };
        Ok(batches.iter().map(|batch| batch.as_ref().iter().map(&mut locate).collect()).collect())
    }

    /// Makes everything written durable, with one `fdatasync`. Any error poisons the journal, since the system may have
    /// thrown the unwritten pages away; trying again would say yes to lost data.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        if self.poisoned {
            return Err(JournalError::Poisoned);
        }
        if let Some(last) = self.segments.last().filter(|_| self.dirty) {
            let name = file_name(last.number, FileKind::Segment);
            let synced = if on(Bug::SyncSkipped) { Ok(()) } else { self.folder.sync(&name) };
            synced.map_err(|source| {
                self.poisoned = !on(Bug::FailedSyncTriedAgain);
                disk("syncing", &name)(source)
            })?;
        }
        self.dirty = false;
        self.durable = self.next_sequence.saturating_sub(1);
        Ok(())
    }

    /// Reads a record and checks it.
    pub fn read(&self, at: Location) -> Result<(u8, Vec<u8>), JournalError> {
        self.reader().read(&self.folder, at)
    }

    /// What other threads need to read records, through a folder of their own.
    pub fn reader(&self) -> RecordReader {
        RecordReader::new(self.marker)
    }

    /// Up to `len` bytes of a segment, unchecked, at most [`BATCH_BYTES_MAX`] at once: to take damaged bytes to quarantine.
    pub fn raw(&self, segment: u64, offset: u64, len: usize) -> Result<Vec<u8>, JournalError> {
        let name = file_name(segment, FileKind::Segment);
        self.folder.read(&name, offset, len.min(BATCH_BYTES_MAX)).map_err(disk("reading", &name))
    }

    /// The segments, the oldest first.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The length, in bytes, of the segments that the next copy may leave as they are.
    pub fn kept_bytes(&self) -> u64 {
        self.kept.segments().map(|kept| kept.bytes).sum()
    }

    /// The length of all segments, in bytes.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// How far the journal has come, durable or not.
    pub fn position(&self) -> Position {
        let (segment, bytes) = self.segments.last().map_or((0, 0), |last| (last.number, last.bytes));
        let journal = if segment == 0 { 0 } else { self.marker.number() };
        Position { journal, segment, bytes, sequence: self.next_sequence.saturating_sub(1) }
    }

    /// The folder it lies in.
    pub fn folder(&self) -> &F {
        &self.folder
    }

    /// Syncs, and lets the next batch begin a segment; returns its number and that of the batch.
    pub(crate) fn new_segment(&mut self) -> Result<Segment, JournalError> {
        if self.poisoned {
            return Err(JournalError::Poisoned);
        }
        self.begin_segment()?;
        self.segments.last().copied().ok_or(JournalError::Poisoned)
    }

    /// Nothing that was written from batch `next` on is there any more: that is the number of the next one, in a segment of its own.
    pub(crate) fn go_on_from(&mut self, next: u64) {
        (self.next_sequence, self.durable) = (next, next.saturating_sub(1));
        (self.open, self.stopped, self.dirty) = (false, false, false);
    }

    /// Whether an error of the disk has ended all promises.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    /// Syncs and notes a clean stop, so that the next opening need not rewrite anything.
    pub fn close(mut self) -> Result<Position, JournalError> {
        self.sync()?;
        if !self.stopped {
            self.write_batch(&[], 0, true)?;
            self.sync()?;
        }
        Ok(self.position())
    }

    /// Writes one batch frame; returns the segment and the offset of the first record.
    pub(crate) fn write_batch(
        &mut self,
        records: &[&RawRecord],
        bytes: usize,
        clean_stop: bool,
    ) -> Result<(u64, u64), JournalError> {
        let header = BatchHeader {
            clean_stop,
            // Both were checked against limits far below 4 Gi.
            count: u32::try_from(records.len()).unwrap_or(u32::MAX),
            sequence: self.next_sequence,
            durable: self.durable,
            floor: self.floor,
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
        };
        let len = header.frame_len() as u64;
        let fits = |last: &Segment| {
            last.bytes == SEGMENT_HEADER_LEN as u64 || last.bytes + len <= self.segment_bytes
        };
        if !self.open || !self.segments.last().is_some_and(fits) {
            self.begin_segment()?;
        }
        // Beginning a segment syncs the one before, so this is the place to say what is durable.
        let header = BatchHeader { durable: self.durable, ..header };
        let encoded = EncodedBatch::new(&header, records.iter().copied(), &self.marker);
        let mut pieces: Vec<&[u8]> = Vec::with_capacity(records.len() * 2 + 2);
        pieces.push(&encoded.header);
        for (head, record) in encoded.records.iter().zip(records) {
            pieces.push(head);
            pieces.push(&record.payload);
        }
        pieces.push(&encoded.trailer);
        let Some(last) = self.segments.last_mut() else { return Err(JournalError::Poisoned) };
        let (number, at) = (last.number, last.bytes);
        let name = file_name(number, FileKind::Segment);
        if let Err(source) = self.folder.append(&name, &pieces) {
            if is_full(&source) && self.folder.shorten(&name, at).is_ok() {
                // Nothing of it is there any more: it may be tried again as often as it takes.
                return if on(Bug::FullTakenForSuccess) {
                    Ok((number, at))
                } else {
                    Err(JournalError::Full { source })
                };
            }
            // Part of the batch may be there: nothing may follow it in this segment.
            self.open = false;
            last.bytes = self.folder.len(&name).unwrap_or(at);
            self.dirty = true;
            return Err(self.refused_or_poisoned("writing", &name, source));
        }
        last.bytes += len;
        self.dirty = true;
        self.stopped = clean_stop;
        self.open = !clean_stop;
        self.next_sequence += 1;
        Ok((number, at + crate::frame::BATCH_HEADER_LEN as u64))
    }

    fn begin_segment(&mut self) -> Result<(), JournalError> {
        if self.next_segment > NUMBER_MAX {
            return Err(JournalError::NoNumberLeft);
        }
        self.sync()?;
        let number = self.next_segment;
        let name = file_name(number, FileKind::Segment);
        let header =
            SegmentHeader { segment: number, replaces: 0, first: self.next_sequence, marker: self.marker }
                .encode();
        // Used from here on, even if nothing comes of it: a failed call may have made the file all the same.
        self.next_segment += 1;
        if let Err(source) = self.folder.create(&name) {
            return Err(self.refused_or_poisoned("creating", &name, source));
        }
        if let Err(source) = self.folder.append(&name, &[&header]) {
            if let Err(source) = self.folder.remove(&name) {
                self.poisoned = true;
                return Err(disk("removing", &name)(source));
            }
            return Err(self.refused_or_poisoned("writing", &name, source));
        }
        let bytes = SEGMENT_HEADER_LEN as u64;
        self.segments.push(Segment { number, bytes, first: self.next_sequence });
        self.open = true;
        self.stopped = false;
        self.dirty = true;
        Ok(())
    }

    fn refused_or_poisoned(
        &mut self,
        doing: &'static str,
        file: &str,
        source: std::io::Error,
    ) -> JournalError {
        if is_full(&source) {
            return JournalError::Full { source };
        }
        self.poisoned = true;
        disk(doing, file)(source)
    }
}

/// Whether a batch keeps the limits of the format; returns how many bytes its records take.
pub fn check_batch(batch: &[RawRecord]) -> Result<usize, JournalError> {
    within("the record count of a batch", batch.len(), BATCH_RECORDS_MAX)?;
    let mut bytes = 0usize;
    for record in batch {
        within("a record", record.payload.len(), RECORD_BYTES_MAX)?;
        bytes = bytes.saturating_add(record.framed_len());
    }
    within("a batch", bytes, BATCH_BYTES_MAX)?;
    Ok(bytes)
}

fn within(what: &'static str, size: usize, max: usize) -> Result<(), JournalError> {
    if size <= max {
        Ok(())
    } else {
        Err(JournalError::TooLarge { what, size: size as u64, max: max as u64 })
    }
}
