//! Walking sound segments batch by batch while the journal is being written: whatever is not as it was written ends the walk.
//!
//! Segments that are left out were looked at by whoever leaves them out; the walk goes on behind them.

use crate::error::{JournalError, disk};
use crate::folder::{FileKind, Folder, file_name};
use crate::frame::{BATCH_HEADER_LEN, BatchHeader, Marker, RawRecord, whole_batch};
use crate::journal::Segment;
use crate::location::Location;
use crate::report::DamageReason;
use crate::segment_header::{Beginning, FIRST_UNTOLD, SEGMENT_HEADER_LEN, SegmentHeader};
use std::collections::VecDeque;

/// A walk over segments, the oldest first. One batch is in memory at a time.
pub(crate) struct Walk {
    segments: VecDeque<Step>,
    /// Where the next batch begins in the first of them; 0 before its header was looked at.
    at: u64,
    /// The number that the next batch must have.
    next: u64,
    /// The number that follows the last batch, where it is known.
    end: Option<u64>,
}

/// A segment on the way of a walk.
#[derive(Clone, Copy)]
enum Step {
    Through(Segment),
    Past(Segment),
}

impl Walk {
    /// Walks those of `segments` that are not `left_out`, of which batches from `floor` to just before `end` are expected; earlier
    /// ones may still be there.
    pub(crate) fn new(segments: &[Segment], left_out: impl Fn(u64) -> bool, floor: u64, end: u64) -> Self {
        let before = segments.iter().skip_while(|segment| left_out(segment.number));
        let next = before.clone().next().map_or(end, |first| floor.min(first.first));
        let step = |segment: &Segment| match left_out(segment.number) {
            true => Step::Past(*segment),
            false => Step::Through(*segment),
        };
        Self { segments: before.map(step).collect(), at: 0, next, end: Some(end) }
    }

    /// Walks one segment to its end, in which no refused batch can have left anything.
    pub(crate) fn within(segment: Segment) -> Self {
        Self { segments: VecDeque::from([Step::Through(segment)]), at: 0, next: segment.first, end: None }
    }

    /// The records of the next batch; `None` after the last one.
    pub(crate) fn next<F: Folder>(
        &mut self,
        folder: &F,
        marker: &Marker,
    ) -> Result<Option<Vec<RawRecord>>, JournalError> {
        let placed = self.next_placed(folder, marker)?;
        Ok(placed.map(|placed| placed.into_iter().map(|(_, raw)| raw).collect()))
    }

    /// The same, each with its place.
    pub(crate) fn next_placed<F: Folder>(
        &mut self,
        folder: &F,
        marker: &Marker,
    ) -> Result<Option<Vec<(Location, RawRecord)>>, JournalError> {
        while let Some(step) = self.segments.front().copied() {
            let segment = match step {
                Step::Through(segment) => segment,
                Step::Past(segment) => {
                    self.pass(segment)?;
                    continue;
                }
            };
            let name = file_name(segment.number, FileKind::Segment);
            if self.at == 0 {
                self.enter(folder, &name, segment)?;
            }
            if self.at < segment.bytes
                && let Some(records) = self.batch(folder, marker, segment.number, &name)?
            {
                return Ok(Some(records));
            }
            // What a refused batch left stands at the end of its segment, and takes no number: otherwise the number of the next
            // segment tells that batches are missing.
            if self.at < segment.bytes && self.end.is_none() {
                return Err(missing(segment.number, self.at, self.next, self.next + 1));
            }
            self.segments.pop_front();
            self.at = 0;
        }
        match self.end {
            Some(end) if end != self.next => Err(missing(0, 0, self.next, end)),
            _ => Ok(None),
        }
    }

    /// Looks at all that is left.
    pub(crate) fn finish<F: Folder>(mut self, folder: &F, marker: &Marker) -> Result<(), JournalError> {
        while self.next(folder, marker)?.is_some() {}
        Ok(())
    }

    /// Goes past a segment that is left out: its batches are there, and nobody looks at them.
    fn pass(&mut self, segment: Segment) -> Result<(), JournalError> {
        if segment.first != self.next {
            return Err(missing(segment.number, 0, self.next, segment.first));
        }
        self.segments.pop_front();
        self.next = match self.segments.front() {
            Some(Step::Through(behind) | Step::Past(behind)) => behind.first,
            None => self.end.unwrap_or(self.next),
        };
        Ok(())
    }

    fn enter<F: Folder>(&mut self, folder: &F, name: &str, segment: Segment) -> Result<(), JournalError> {
        let bytes = folder.read(name, 0, SEGMENT_HEADER_LEN).map_err(disk("reading", name))?;
        match SegmentHeader::decode(&bytes) {
            Beginning::Header(header) if header.segment != segment.number => Err(bad_header(segment.number)),
            Beginning::Header(header) if header.first != FIRST_UNTOLD && header.first != self.next => {
                Err(missing(segment.number, 0, self.next, header.first))
            }
            Beginning::Header(_) => {
                self.at = SEGMENT_HEADER_LEN as u64;
                Ok(())
            }
            Beginning::Bad | Beginning::Version(_) => Err(bad_header(segment.number)),
        }
    }

    fn batch<F: Folder>(
        &mut self,
        folder: &F,
        marker: &Marker,
        segment: u64,
        name: &str,
    ) -> Result<Option<Vec<(Location, RawRecord)>>, JournalError> {
        let head = folder.read(name, self.at, BATCH_HEADER_LEN).map_err(disk("reading", name))?;
        let header = BatchHeader::decode(&head, marker).filter(|header| header.sequence == self.next);
        let Some(header) = header else { return Ok(None) };
        let frame = folder.read(name, self.at, header.frame_len()).map_err(disk("reading", name))?;
        let Some(records) = whole_batch(&frame, &header, marker) else { return Ok(None) };
        let at = self.at;
        self.next += 1;
        self.at += header.frame_len() as u64;
        let placed = |(offset, kind, payload): (usize, u8, &[u8])| {
            let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
            let location = Location { segment, offset: at + offset as u64, len };
            (location, RawRecord { kind, payload: payload.to_vec() })
        };
        Ok(Some(records.into_iter().map(placed).collect()))
    }
}

fn bad_header(segment: u64) -> JournalError {
    JournalError::Damaged { segment, offset: 0, reason: DamageReason::SegmentHeader }
}

fn missing(segment: u64, offset: u64, from: u64, end: u64) -> JournalError {
    let reason = DamageReason::Missing { from, to: end.saturating_sub(1) };
    JournalError::Damaged { segment, offset, reason }
}
