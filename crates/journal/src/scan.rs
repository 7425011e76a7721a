//! Walking the segments: whole batches go to the visitor; a bad stretch waits until what follows says what it is.
//!
//! Sequence numbers have no gaps, so the next valid number after a bad stretch tells: no number missing means that the
//! stretch is left over from a refused batch; a number missing means damage, and its unharmed records are salvaged. With
//! nothing valid after it, a stretch is a torn tail, unless someone attests that it had been synced.

use crate::error::{JournalError, VisitError};
use crate::folder::Folder;
use crate::frame::{BATCH_HEADER_LEN, BatchHeader, Marker, RECORD_HEADER_LEN, RecordHeader, TRAILER_LEN};
use crate::frame::{is_trailer, whole_batch};
use crate::location::Location;
use crate::report::{Damage, DamageReason, RecoveryReport};
use crate::segment_header::{FIRST_UNTOLD, SEGMENT_HEADER_LEN, SegmentHeader};
use crate::window::Window;
use yizhan_planted::{Bug, on};

/// Is given each record: where it lies, its kind, its payload. An error ends the recovery.
pub type Visit<'a> = dyn FnMut(Location, u8, &[u8]) -> Result<(), VisitError> + 'a;

/// A segment as it was found.
#[derive(Clone, Debug)]
pub(crate) struct SegmentFile {
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) size: u64,
    /// `None` if it is not what was written.
    pub(crate) header: Option<SegmentHeader>,
}

/// What the walk came to.
pub(crate) struct Ended {
    pub(crate) report: RecoveryReport,
    /// The sequence number of the next batch to be written.
    pub(crate) next: u64,
    /// Batches below were reclaimed.
    pub(crate) floor: u64,
    /// Where in the last segment the torn tail begins.
    pub(crate) torn_from: Option<u64>,
    /// The highest batch number that anything attests to have been synced.
    pub(crate) durable: u64,
    /// The last whole batch is not enough to find again what was found: a harmed header or the caller told the rest.
    pub(crate) unwitnessed: bool,
    /// Nothing told with which batch the last segment begins, nor whether one is missing before it.
    pub(crate) untold: bool,
}

/// The walk over all segments, the oldest first.
pub(crate) struct Scan<'a, F: Folder> {
    folder: &'a F,
    marker: Marker,
    attested: u64,
    visit: &'a mut Visit<'a>,
    report: RecoveryReport,
    /// The sequence number that the next batch should have, once known.
    next: Option<u64>,
    first: Option<u64>,
    /// The number of the first batch that was told in the segment being walked.
    first_here: Option<u64>,
    /// Something before the segment being walked was in doubt when its walk began.
    doubt_before: bool,
    highest: u64,
    durable: u64,
    floor: u64,
    doubtful: Vec<Stretch>,
    /// For each damage reported: the number of a batch whose sync would have covered it.
    synced_with: Vec<u64>,
    /// What was known at the last whole batch.
    witnessed: (usize, u64, u64),
}

/// Bytes that are not whole batches.
struct Stretch {
    name: String,
    known_as: u64,
    start: u64,
    end: u64,
    /// It is the header of a segment.
    header: bool,
}

impl Stretch {
    /// It is more than a header, whole or cut off.
    fn held_batches(&self) -> bool {
        !self.header && self.end > SEGMENT_HEADER_LEN as u64
    }
}

impl<'a, F: Folder> Scan<'a, F> {
    pub(crate) fn new(
        folder: &'a F,
        marker: Marker,
        attested: u64,
        visit: &'a mut Visit<'a>,
        report: RecoveryReport,
    ) -> Self {
        let (next, first, first_here, highest, durable, floor) = (None, None, None, 0, 0, 0);
        let (doubtful, synced_with) = (Vec::new(), Vec::new());
        Self {
            folder,
            marker,
            attested,
            visit,
            report,
            next,
            first,
            first_here,
            doubt_before: false,
            highest,
            durable,
            floor,
            doubtful,
            synced_with,
            witnessed: (0, 1, 1),
        }
    }

    /// How much was reported, the next batch, the floor. Headers of segments do not count: a rewritten one is sound.
    fn known(&self) -> (usize, u64, u64) {
        let reported = self.report.damaged.iter().filter(|d| d.reason != DamageReason::SegmentHeader).count();
        (reported + self.report.abandoned.len(), self.next.unwrap_or(1), self.floor.max(1))
    }

    /// Walks one segment. `known_as` is the number under which its content will be found after the recovery. Returns the
    /// sequence number of its first batch.
    pub(crate) fn segment(&mut self, file: &SegmentFile, known_as: u64) -> Result<u64, JournalError> {
        let mut window = Window::new(self.folder, file.name.clone(), file.size);
        let body = (SEGMENT_HEADER_LEN as u64).min(file.size);
        let expected = self.next;
        self.first_here = None;
        self.doubt_before = !self.doubtful.is_empty();
        match file.header {
            Some(header) if header.first == FIRST_UNTOLD => {}
            Some(header) => {
                // Before a segment is begun, the one before it is synced.
                self.durable = self.durable.max(header.first.saturating_sub(1));
                self.next_is(header.first)?;
                self.witnessed = self.known();
            }
            None => self.doubt(&file.name, known_as, 0, body, body == SEGMENT_HEADER_LEN as u64),
        }
        let mut at = body;
        while at < file.size {
            at = self.batch(&mut window, &file.name, known_as, at)?;
        }
        let told = file.header.map(|header| header.first).filter(|first| *first != FIRST_UNTOLD);
        let told = told.or(self.first_here);
        Ok(told.or(expected).or(self.first).unwrap_or(1))
    }

    /// Decides what is still doubtful when nothing follows. `last` is the name of the last segment.
    pub(crate) fn finish(mut self, last: Option<&str>) -> Result<Ended, JournalError> {
        let mut next = self.next.unwrap_or(1);
        let mut torn_from = None;
        if self.durable.max(self.attested) >= next {
            let bytes_in_doubt = self.doubtful.iter().any(Stretch::held_batches);
            self.settle(false, next)?;
            if !bytes_in_doubt {
                self.missing(next, self.durable.max(self.attested));
            }
            next = next.max(self.attested).max(self.highest).max(self.durable).saturating_add(1);
        } else {
            for stretch in std::mem::take(&mut self.doubtful) {
                if last == Some(stretch.name.as_str()) {
                    if on(Bug::TornTailBelieved) {
                        self.salvage(&stretch, next)?;
                    }
                    torn_from = Some(torn_from.map_or(stretch.start, |from: u64| from.min(stretch.start)));
                } else {
                    self.set_apart(&stretch, next);
                }
            }
        }
        let untold = self.doubt_before && self.first_here.is_none();
        self.next = Some(next);
        let unwitnessed = self.known() != self.witnessed;
        let floor = self.floor.max(1);
        if let Some(first) = self.first.filter(|first| *first > floor) {
            self.missing(floor, first - 1);
        }
        let durable = self.durable.max(self.attested);
        for (damage, synced_with) in self.report.damaged.iter_mut().zip(&self.synced_with) {
            damage.attested = *synced_with <= durable;
        }
        // Segments that were being let go when the process ended.
        self.report.damaged.retain(|d| !matches!(d.reason, DamageReason::Missing { to, .. } if to < floor));
        Ok(Ended { report: self.report, next, floor, torn_from, durable, unwitnessed, untold })
    }

    /// Walks one batch, or to where the next one begins; returns where that is.
    fn batch(
        &mut self,
        window: &mut Window<'_, F>,
        name: &str,
        known_as: u64,
        at: u64,
    ) -> Result<u64, JournalError> {
        let Some(header) = BatchHeader::decode(window.up_to(at, BATCH_HEADER_LEN)?, &self.marker) else {
            return self.doubt_until_next(window, name, known_as, at, 1);
        };
        self.durable = self.durable.max(header.durable);
        self.floor = self.floor.max(header.floor);
        self.highest = self.highest.max(header.sequence);
        let repeated = self.next.is_some_and(|next| header.sequence < next);
        let frame = if repeated { None } else { window.at(at, header.frame_len())? };
        if let Some(records) = frame.and_then(|frame| whole_batch(frame, &header, &self.marker)) {
            self.next_is(header.sequence)?;
            for (offset, kind, payload) in records {
                self.deliver(known_as, at + offset as u64, kind, payload)?;
            }
            self.report.batches += 1;
            self.next = Some(header.sequence.saturating_add(1));
            self.witnessed = self.known();
            return Ok(at + header.frame_len() as u64);
        }
        if self.next.is_none() {
            self.next = Some(header.sequence);
            self.first = Some(header.sequence);
        } else if !repeated && self.next.is_some_and(|next| next == header.sequence || next <= self.durable) {
            self.next_is(header.sequence)?;
        }
        self.doubt_until_next(window, name, known_as, at, BATCH_HEADER_LEN as u64)
    }

    /// Takes note of the number that the next batch has, which settles what was doubtful before it.
    fn next_is(&mut self, sequence: u64) -> Result<(), JournalError> {
        self.first_here = self.first_here.or(Some(sequence));
        let bytes_in_doubt = self.doubtful.iter().any(Stretch::held_batches);
        match self.next {
            None => {
                self.first = Some(sequence);
                self.settle(false, sequence)?;
            }
            Some(next) if next == sequence => self.settle(true, sequence)?,
            Some(next) if next < sequence => {
                self.settle(false, next)?;
                if !bytes_in_doubt {
                    self.missing(next, sequence - 1);
                }
            }
            // A number that was there before: its batches will be found repeated, one by one.
            Some(_) => return Ok(()),
        }
        self.next = Some(sequence);
        Ok(())
    }

    /// `sequence` is that of the batch which is missing, or of the next one if none is.
    fn settle(&mut self, nothing_missing: bool, sequence: u64) -> Result<(), JournalError> {
        for stretch in std::mem::take(&mut self.doubtful) {
            if stretch.header || nothing_missing {
                self.set_apart(&stretch, sequence);
            } else {
                self.salvage(&stretch, sequence)?;
            }
        }
        Ok(())
    }

    /// Reports a stretch in which no batch is missing.
    fn set_apart(&mut self, stretch: &Stretch, sequence: u64) {
        let (segment, offset, end) = (stretch.known_as, stretch.start, stretch.end);
        if stretch.header {
            return self.damaged(segment, offset, end, DamageReason::SegmentHeader, sequence);
        }
        let reason = DamageReason::Abandoned;
        self.report.abandoned.push(Damage { segment, offset, len: end - offset, reason, attested: false });
    }

    fn damaged(&mut self, segment: u64, offset: u64, end: u64, reason: DamageReason, synced_with: u64) {
        self.report.damaged.push(Damage { segment, offset, len: end - offset, reason, attested: false });
        self.synced_with.push(synced_with);
    }

    /// Reports batches of which there is not a byte; in which segment they were nobody knows.
    fn missing(&mut self, from: u64, to: u64) {
        self.damaged(0, 0, 0, DamageReason::Missing { from, to }, from);
    }

    fn doubt(&mut self, name: &str, known_as: u64, start: u64, end: u64, header: bool) {
        if start == end {
            return;
        }
        match self.doubtful.last_mut() {
            Some(last) if !last.header && last.name == name && last.end == start => last.end = end,
            _ => self.doubtful.push(Stretch { name: name.to_owned(), known_as, start, end, header }),
        }
    }

    fn doubt_until_next(
        &mut self,
        window: &mut Window<'_, F>,
        name: &str,
        known_as: u64,
        at: u64,
        skip: u64,
    ) -> Result<u64, JournalError> {
        let marker = self.marker;
        let is_batch = |bytes: &[u8]| BatchHeader::decode(bytes, &marker).is_some();
        let size = window.size();
        let next = window.find(at + skip, size, BATCH_HEADER_LEN, is_batch)?.unwrap_or(size);
        self.doubt(name, known_as, at, next, false);
        Ok(next)
    }

    /// Gives the unharmed records of a damaged stretch to the visitor and reports the rest.
    fn salvage(&mut self, stretch: &Stretch, sequence: u64) -> Result<(), JournalError> {
        let marker = self.marker;
        let begins = |bytes: &[u8]| {
            BatchHeader::decode(bytes, &marker).is_some()
                || RecordHeader::decode(bytes, &marker).is_some()
                || is_trailer(bytes, &marker)
        };
        let before = self.report.damaged.len();
        let mut window = Window::new(self.folder, stretch.name.clone(), stretch.end);
        let mut at = stretch.start;
        while at < stretch.end {
            let head = window.up_to(at, BATCH_HEADER_LEN)?;
            if BatchHeader::decode(head, &marker).is_some() {
                at += BATCH_HEADER_LEN as u64;
                continue;
            }
            if is_trailer(head, &marker) {
                at += TRAILER_LEN as u64;
                continue;
            }
            let record = RecordHeader::decode(head, &marker);
            if let Some(record) = record
                && let Some(frame) = window.at(at, record.frame_len())?
            {
                let end = at + frame.len() as u64;
                let payload = frame.get(RECORD_HEADER_LEN..).unwrap_or_default();
                if record.fits(payload, &marker) {
                    self.deliver(stretch.known_as, at, record.kind, payload)?;
                } else {
                    self.damaged(stretch.known_as, at, end, DamageReason::Record, sequence);
                }
                at = end;
                continue;
            }
            let next = window.find(at + 1, stretch.end, BATCH_HEADER_LEN, begins)?.unwrap_or(stretch.end);
            self.damaged(stretch.known_as, at, next, DamageReason::Framing, sequence);
            at = next;
        }
        if self.report.damaged.len() == before {
            // Every frame reads, but header and trailer do not belong together: the records are sound by themselves.
            self.damaged(stretch.known_as, stretch.start, stretch.end, DamageReason::Framing, sequence);
        }
        Ok(())
    }

    fn deliver(&mut self, segment: u64, offset: u64, kind: u8, payload: &[u8]) -> Result<(), JournalError> {
        let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        (self.visit)(Location { segment, offset, len }, kind, payload).map_err(JournalError::Visitor)?;
        self.report.records += 1;
        Ok(())
    }
}
