//! Writing a copy of what is needed of the journal, batch by batch: the state, then segments to be kept, then its end.

use crate::condense::CondenseError;
use crate::error::JournalError;
use crate::folder::Folder;
use crate::frame::RawRecord;
use crate::journal::{Journal, Segment};
use crate::kept::{Contents, Copied};
use crate::limits::BATCH_RECORDS_MAX;
use crate::record::{Record, RecordError};
use std::collections::BTreeMap;
use yizhan_exchange::{Condensed, Fact, KeptSegment};
use yizhan_planted::{Bug, on};

/// Records of one batch of the copy, in bytes, roughly at the most.
const COPY_BATCH_BYTES: usize = 4 * 1024 * 1024;
/// The same in records.
const COPY_BATCH_RECORDS: usize = BATCH_RECORDS_MAX / 2;
/// Facts of the state in one record, at the most: damage to a record costs no more.
pub(crate) const FACTS_IN_A_RECORD: usize = 32;

/// What of a walk is written at the end of the copy, or when there is enough of it.
#[derive(Default)]
pub(crate) struct Rest {
    pub(crate) entries: Vec<Fact>,
    pub(crate) keys: Vec<Fact>,
}

/// The copy that is being written.
pub(crate) struct Copy<'a, F: Folder> {
    pub(crate) journal: &'a mut Journal<F>,
    /// How many bytes more it may take.
    room: u64,
    batch: Vec<RawRecord>,
    bytes: usize,
    /// The segment with which it begins.
    segment: u64,
    /// Nothing was put in yet.
    first: bool,
    /// Segments to be kept are being written.
    keeping: bool,
    kept: BTreeMap<u64, Contents>,
}

impl<'a, F: Folder> Copy<'a, F> {
    /// A copy that begins with the segment that was just begun.
    pub(crate) fn new(journal: &'a mut Journal<F>, room: Option<u64>) -> Self {
        let (batch, kept, room) = (Vec::new(), BTreeMap::new(), room.unwrap_or(u64::MAX));
        let segment = journal.position().segment;
        Self { journal, room, batch, bytes: 0, segment, first: true, keeping: false, kept }
    }

    /// Puts a record of facts in.
    pub(crate) fn put(&mut self, record: &Record) -> Result<(), CondenseError> {
        self.put_raw(raw(record)?)
    }

    /// Puts in what lies in a segment to be kept.
    pub(crate) fn keep(&mut self, raw: RawRecord) -> Result<(), CondenseError> {
        if !self.keeping {
            self.begin_segment(true)?;
        }
        self.put_raw(raw)
    }

    /// Writes the keys that were laid up.
    pub(crate) fn keep_keys(&mut self, rest: &mut Rest) -> Result<(), CondenseError> {
        let keys = std::mem::take(&mut rest.keys);
        if on(Bug::KeysNotCarried) {
            return Ok(());
        }
        keys.chunks(FACTS_IN_A_RECORD).try_for_each(|keys| self.keep(raw(&Record::Facts(keys.to_vec()))?))
    }

    /// Writes what is left, and says that all is written. `kept` are the segments that stay as they are; those of the copy itself
    /// that are to be kept besides are returned.
    pub(crate) fn end(
        mut self,
        mut rest: Rest,
        mut kept: Vec<KeptSegment>,
    ) -> Result<(Copied, Vec<Segment>), CondenseError> {
        self.keep_keys(&mut rest)?;
        if self.keeping {
            self.begin_segment(false)?;
        }
        for entries in rest.entries.chunks(FACTS_IN_A_RECORD) {
            self.put(&Record::Facts(entries.to_vec()))?;
        }
        let anew = self.journal.segments().iter().filter(|segment| self.kept.contains_key(&segment.number));
        let anew: Vec<Segment> = anew.copied().collect();
        kept.extend(anew.iter().map(|segment| KeptSegment { number: segment.number, bytes: segment.bytes }));
        let named = (!kept.is_empty()).then(|| Condensed::Kept(kept.clone()));
        let end = named.into_iter().chain([Condensed::End]).map(Fact::Condensed).collect();
        self.put(&Record::Facts(end))?;
        self.flush()?;
        // What comes behind it begins a segment: if the copy is harmed, it is passed over as a whole.
        self.journal.open = false;
        let end = self.journal.position().segment;
        std::mem::take(&mut self.kept)
            .into_iter()
            .for_each(|(number, contents)| self.journal.kept.add(number, contents));
        Ok((Copied { segment: self.segment, end, kept }, anew))
    }

    fn begin_segment(&mut self, keeping: bool) -> Result<(), CondenseError> {
        self.flush()?;
        self.journal.new_segment()?;
        self.keeping = keeping;
        Ok(())
    }

    fn put_raw(&mut self, raw: RawRecord) -> Result<(), CondenseError> {
        let full = self.bytes.saturating_add(raw.framed_len()) > COPY_BATCH_BYTES
            || self.batch.len() >= COPY_BATCH_RECORDS;
        if full {
            self.flush()?;
        }
        if self.batch.is_empty() && !std::mem::take(&mut self.first) {
            self.push(self::raw(&Record::Facts(vec![Fact::Condensed(Condensed::Continued)]))?);
        }
        self.push(raw);
        Ok(())
    }

    fn push(&mut self, raw: RawRecord) {
        self.bytes = self.bytes.saturating_add(raw.framed_len());
        self.batch.push(raw);
    }

    /// Makes the batch durable before the next: a power cut could else keep a later one and lose an earlier one.
    fn flush(&mut self) -> Result<(), CondenseError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.room = self.room.checked_sub(self.bytes as u64).ok_or_else(no_room)?;
        let batch = std::mem::take(&mut self.batch);
        let places = self.journal.append(&batch)?;
        self.journal.sync()?;
        self.bytes = 0;
        if let Some(place) = places.first().filter(|_| self.keeping) {
            let contents = self.kept.entry(place.segment).or_default();
            batch.iter().for_each(|raw| contents.add(raw.kind, &raw.payload, raw.framed_len()));
        }
        Ok(())
    }
}

/// There is room in the journal's folder, but not for a copy.
pub(crate) fn no_room() -> JournalError {
    JournalError::Full { source: std::io::ErrorKind::StorageFull.into() }
}

fn raw(record: &Record) -> Result<RawRecord, RecordError> {
    let (kind, payload) = record.encode()?;
    Ok(RawRecord { kind, payload })
}
