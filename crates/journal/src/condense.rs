//! Writing anew what is still needed of the journal, so that all segments before can go.
//!
//! The copy begins a segment with the whole state as facts. Then come segments of their own with what is retained: contents of
//! living holdings, receipts, attachments, idempotency keys, of all segments but those that hold nothing else from an earlier
//! copy: they stay as they are. Its end are the entries that no durable tile holds, and the list of all segments to be kept.
//! Each of its batches begins with a condensed fact, by which a copy that was never finished is told from what happened, and
//! passed over.

use crate::error::JournalError;
use crate::folder::Folder;
use crate::frame::RawRecord;
use crate::journal::{Journal, Segment};
use crate::kept::{Contents, Copied};
use crate::limits::BATCH_RECORDS_MAX;
use crate::location::Location;
use crate::record::{Owner, Record, RecordError};
use crate::report::DamageReason;
use crate::walk::Walk;
use std::collections::{BTreeMap, BTreeSet};
use yizhan_exchange::{Condensed, Entered, Fact, KeptSegment};
use yizhan_planted::{Bug, on};

/// Records of one batch of the copy, in bytes, roughly at the most.
const COPY_BATCH_BYTES: usize = 4 * 1024 * 1024;
/// The same in records.
const COPY_BATCH_RECORDS: usize = BATCH_RECORDS_MAX / 2;
/// Facts of the state in one record, at the most: damage to a record costs no more.
const FACTS_IN_A_RECORD: usize = 32;
/// A kept segment that is shorter than this part of the longest is written anew, so that there are never many of them.
const SHORT_PART: u64 = 8;
/// More than can live of a segment, in percent.
const ALWAYS_WORN: u8 = 101;

/// What is to be left of a journal.
#[derive(Clone, Debug, Default)]
pub struct Condensation {
    /// The state at this moment, as `State::condensed` says it: it begins with `Begin`, and `End` is not in it.
    pub facts: Vec<Fact>,
    /// The holdings whose content is needed.
    pub live: BTreeSet<u64>,
    /// Entries of the own ledger below this index are durable in full tiles.
    pub base: u64,
    /// A kept segment of which fewer percent live is written anew.
    pub living_percent: u8,
}

/// Whose records were written anew and are durable, each with its new place.
pub type Carried = Vec<(Owner, Location)>;

/// Why a journal was not condensed. Unless the journal is poisoned nothing is lost or changed by it.
#[derive(Debug, thiserror::Error)]
pub enum CondenseError {
    /// The journal failed, is full or is damaged.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A record does not read, or cannot be written.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl<F: Folder> Journal<F> {
    /// Writes anew, and makes durable, what `what` leaves of everything written so far, but for kept segments that are worth
    /// keeping. Once `carried` has been heeded, everything that the returned copy does not need may go: [`Journal::reclaim`].
    ///
    /// Damage in what would go ends it: nothing is let go on doubt. Damaged segments that are kept stay.
    pub fn condense(
        &mut self,
        what: &Condensation,
        carried: &mut dyn FnMut(Carried),
    ) -> Result<Copied, CondenseError> {
        let old = self.segments().to_vec();
        let end = self.position().sequence + 1;
        let kept: BTreeSet<u64> = self.kept.segments().map(|kept| kept.number).collect();
        let past = |number| kept.contains(&number) || self.passes_over(number);
        let walk = || Walk::new(&old, past, self.floor, end);
        // Their checksums are looked at first, so that damage costs no copy that is worth nothing.
        let (mut looked_at, mut walk, mut origin) = (walk(), walk(), Origin::default());
        let mut copied_in_vain = !self.passed_over.is_empty();
        while let Some(records) = looked_at.next(&self.folder, &self.marker)? {
            let more = records.len() > 1;
            let first = records.into_iter().take(1).map(Read::of).collect::<Result<Vec<_>, _>>()?;
            let counts = origin.counts(&first);
            copied_in_vain |= more && !counts;
        }
        // An index that was made anew meanwhile may know contents by a copy that was never finished and goes now: so everything is
        // given a new place, and told of.
        let living_percent = if copied_in_vain { ALWAYS_WORN } else { what.living_percent };
        let worn = self.worn(what, living_percent, &old)?;
        if copied_in_vain && let Some(kept) = kept.iter().find(|kept| !is_one_of(&worn, **kept)) {
            // That copy may be all that is left of what this segment held.
            let (segment, reason) = (*kept, DamageReason::Framing);
            return Err(JournalError::Damaged { segment, offset: 0, reason }.into());
        }
        let stay = |kept: &KeptSegment| !is_one_of(&worn, kept.number);
        let stay: Vec<KeptSegment> = self.kept.segments().filter(stay).collect();
        let start = self.new_segment()?.number;
        let mut copy = Copy::new(self, carried);
        for facts in what.facts.chunks(FACTS_IN_A_RECORD) {
            copy.put(&Record::Facts(facts.to_vec()))?;
        }
        let mut rest = Rest::default();
        for segment in worn {
            let mut walk = Walk::within(segment);
            while let Some(records) = walk.next(&copy.journal.folder, &copy.journal.marker)? {
                records.into_iter().try_for_each(|raw| what.carry(Read::of(raw)?, &mut copy, &mut rest))?;
            }
        }
        let mut origin = Origin::default();
        while let Some(records) = walk.next(&copy.journal.folder, &copy.journal.marker)? {
            let records = records.into_iter().map(Read::of).collect::<Result<Vec<_>, _>>()?;
            if origin.counts(&records) {
                records.into_iter().try_for_each(|read| what.carry(read, &mut copy, &mut rest))?;
            }
        }
        copy.end(rest, stay, start)
    }

    /// Kept segments that are to be written anew, and are as they were written: others stay.
    fn worn(
        &self,
        what: &Condensation,
        living_percent: u8,
        old: &[Segment],
    ) -> Result<Vec<Segment>, JournalError> {
        let worn = self.kept.worn(&what.live, living_percent, self.segment_bytes / SHORT_PART);
        let mut sound = Vec::new();
        for kept in worn {
            let is = |segment: &&Segment| segment.number == kept.number && segment.bytes == kept.bytes;
            let Some(segment) = old.iter().find(is) else { continue };
            let looked_at = Walk::within(*segment);
            match looked_at.finish(&self.folder, &self.marker) {
                Ok(()) => sound.push(*segment),
                Err(JournalError::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(sound)
    }
}

fn is_one_of(segments: &[Segment], number: u64) -> bool {
    segments.iter().any(|segment| segment.number == number)
}

/// What of a walk is written at the end of the copy, or when there is enough of it.
#[derive(Default)]
struct Rest {
    entries: Vec<Fact>,
    keys: Vec<Fact>,
}

/// A record of the old segments, read as far as it has to be.
enum Read {
    /// What was decided.
    Facts(Vec<Fact>),
    /// Something that is kept as it lies, or not at all.
    Kept(Owner, RawRecord),
}

impl Read {
    fn of(raw: RawRecord) -> Result<Self, RecordError> {
        match Record::owner(raw.kind, &raw.payload)? {
            Some(owner) => Ok(Self::Kept(owner, raw)),
            None => match Record::decode(raw.kind, &raw.payload)? {
                Record::Facts(facts) => Ok(Self::Facts(facts)),
                // Everything else has an owner.
                _ => Err(RecordError::Kind(raw.kind)),
            },
        }
    }
}

impl Condensation {
    /// Writes anew what is needed of a record, or lays it up in `rest`.
    fn carry<F: Folder>(
        &self,
        read: Read,
        copy: &mut Copy<'_, F>,
        rest: &mut Rest,
    ) -> Result<(), CondenseError> {
        match read {
            Read::Kept(Owner::Holding(holding), _) if !self.live.contains(&holding) => Ok(()),
            Read::Kept(owner, raw) => copy.keep(raw, Some(owner)),
            Read::Facts(facts) => {
                facts.into_iter().for_each(|fact| self.lay_up(fact, rest));
                if rest.keys.len() < FACTS_IN_A_RECORD { Ok(()) } else { copy.keep_keys(rest) }
            }
        }
    }

    fn lay_up(&self, fact: Fact, rest: &mut Rest) {
        match fact {
            // To whom it is owed, the state says.
            Fact::Entered(Entered { index, bytes, .. })
            | Fact::Condensed(Condensed::Entered { index, bytes })
                if index >= self.base =>
            {
                rest.entries.push(Fact::Condensed(Condensed::Entered { index, bytes }));
            }
            Fact::Accepted(acceptance) => {
                let index = acceptance.at.index;
                let key = acceptance.key.map(|key| Fact::Condensed(Condensed::Key { key, index }));
                rest.keys.extend(key);
            }
            key @ Fact::Condensed(Condensed::Key { .. }) => rest.keys.push(key),
            _ => {}
        }
    }
}

/// Which batches of the old segments are what happened, or stand for it.
#[derive(Default)]
enum Origin {
    /// Nothing came but segments that a copy had kept, and of whose end nothing is known.
    #[default]
    Fresh,
    /// The journal begins with a copy whose originals are gone.
    Beginning,
    /// Copies have their originals before them.
    History,
}

impl Origin {
    fn counts(&mut self, records: &[Read]) -> bool {
        let first = match records.first() {
            Some(Read::Facts(facts)) => match facts.first() {
                Some(Fact::Condensed(part)) => Some(part),
                _ => None,
            },
            Some(_) => None,
            None => return false,
        };
        *self = match (&self, first) {
            (Self::Fresh, Some(Condensed::Continued)) => Self::Fresh,
            (Self::Fresh, Some(_)) => Self::Beginning,
            (Self::Beginning, Some(Condensed::Begin { .. })) => Self::History,
            (Self::Beginning, Some(_)) => Self::Beginning,
            _ => Self::History,
        };
        first.is_none() || !matches!(self, Self::History)
    }
}

/// The copy that is being written.
struct Copy<'a, F: Folder> {
    journal: &'a mut Journal<F>,
    carried: &'a mut dyn FnMut(Carried),
    batch: Vec<RawRecord>,
    /// Whose the records of the batch are, but for facts.
    told: Vec<(usize, Owner)>,
    bytes: usize,
    /// Nothing was put in yet.
    first: bool,
    /// Segments to be kept are being written.
    keeping: bool,
    kept: BTreeMap<u64, Contents>,
}

impl<'a, F: Folder> Copy<'a, F> {
    fn new(journal: &'a mut Journal<F>, carried: &'a mut dyn FnMut(Carried)) -> Self {
        let (batch, told, kept) = (Vec::new(), Vec::new(), BTreeMap::new());
        Self { journal, carried, batch, told, bytes: 0, first: true, keeping: false, kept }
    }

    fn put(&mut self, record: &Record) -> Result<(), CondenseError> {
        self.put_raw(raw(record)?, None)
    }

    /// Puts in what lies in a segment to be kept.
    fn keep(&mut self, raw: RawRecord, owner: Option<Owner>) -> Result<(), CondenseError> {
        if !self.keeping {
            self.begin_segment(true)?;
        }
        self.put_raw(raw, owner)
    }

    fn keep_keys(&mut self, rest: &mut Rest) -> Result<(), CondenseError> {
        let keys = std::mem::take(&mut rest.keys);
        if on(Bug::KeysNotCarried) {
            return Ok(());
        }
        keys.chunks(FACTS_IN_A_RECORD)
            .try_for_each(|keys| self.keep(raw(&Record::Facts(keys.to_vec()))?, None))
    }

    /// Writes what is left, and says that all is written.
    fn end(
        mut self,
        mut rest: Rest,
        mut kept: Vec<KeptSegment>,
        segment: u64,
    ) -> Result<Copied, CondenseError> {
        self.keep_keys(&mut rest)?;
        if self.keeping {
            self.begin_segment(false)?;
        }
        for entries in rest.entries.chunks(FACTS_IN_A_RECORD) {
            self.put(&Record::Facts(entries.to_vec()))?;
        }
        let anew = self.journal.segments().iter().filter(|segment| self.kept.contains_key(&segment.number));
        kept.extend(anew.map(|segment| KeptSegment { number: segment.number, bytes: segment.bytes }));
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
        Ok(Copied { segment, end, kept })
    }

    fn begin_segment(&mut self, keeping: bool) -> Result<(), CondenseError> {
        self.flush()?;
        self.journal.new_segment()?;
        self.keeping = keeping;
        Ok(())
    }

    fn put_raw(&mut self, raw: RawRecord, owner: Option<Owner>) -> Result<(), CondenseError> {
        let full = self.bytes.saturating_add(raw.framed_len()) > COPY_BATCH_BYTES
            || self.batch.len() >= COPY_BATCH_RECORDS;
        if full {
            self.flush()?;
        }
        if self.batch.is_empty() && !std::mem::take(&mut self.first) {
            self.push(self::raw(&Record::Facts(vec![Fact::Condensed(Condensed::Continued)]))?);
        }
        let number = self.batch.len();
        self.told.extend(owner.map(|owner| (number, owner)));
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
        let batch = std::mem::take(&mut self.batch);
        let places = self.journal.append(&batch)?;
        self.journal.sync()?;
        self.bytes = 0;
        if let Some(place) = places.first().filter(|_| self.keeping) {
            let contents = self.kept.entry(place.segment).or_default();
            batch.iter().for_each(|raw| contents.add(raw.kind, &raw.payload, raw.framed_len()));
        }
        let told = std::mem::take(&mut self.told).into_iter();
        let told: Carried = told.filter_map(|(n, owner)| Some((owner, *places.get(n)?))).collect();
        if !told.is_empty() {
            (self.carried)(told);
        }
        Ok(())
    }
}

fn raw(record: &Record) -> Result<RawRecord, RecordError> {
    let (kind, payload) = record.encode()?;
    Ok(RawRecord { kind, payload })
}
