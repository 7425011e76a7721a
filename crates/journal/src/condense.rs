//! Writing anew what is still needed of the journal, so that all segments before can go.
//!
//! The copy begins a segment: first the whole state as facts, then, in the order of the old segments, what lives: contents of
//! living holdings, receipts, attachments, entries that no durable tile holds, idempotency keys. Each of its batches begins
//! with a condensed fact, by which a copy that was never finished is told from what happened, and passed over.

use crate::error::JournalError;
use crate::folder::Folder;
use crate::frame::RawRecord;
use crate::journal::Journal;
use crate::limits::BATCH_RECORDS_MAX;
use crate::location::Location;
use crate::record::{Owner, Record, RecordError};
use crate::walk::Walk;
use std::collections::BTreeSet;
use yizhan_exchange::{Condensed, Entered, Fact};

/// Records of one batch of the copy, in bytes, roughly at the most.
const COPY_BATCH_BYTES: usize = 4 * 1024 * 1024;
/// The same in records.
const COPY_BATCH_RECORDS: usize = BATCH_RECORDS_MAX / 2;
/// Facts of the state in one record, at the most: damage to a record costs no more.
const FACTS_IN_A_RECORD: usize = 32;

/// What is to be left of a journal.
#[derive(Clone, Debug, Default)]
pub struct Condensation {
    /// The state at this moment, as `State::condensed` says it: it begins with `Begin`, and `End` is not in it.
    pub facts: Vec<Fact>,
    /// The holdings whose content is needed.
    pub live: BTreeSet<u64>,
    /// Entries of the own ledger below this index are durable in full tiles.
    pub base: u64,
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
    /// Writes anew, and makes durable, what `what` leaves of everything written so far. Returns the number of the segment
    /// with which the copy begins: once `carried` has been heeded, everything before it may be given to [`Journal::reclaim`].
    ///
    /// Damage in what is there ends it: nothing is let go on doubt.
    pub fn condense(
        &mut self,
        what: &Condensation,
        carried: &mut dyn FnMut(Carried),
    ) -> Result<u64, CondenseError> {
        let old = self.segments().to_vec();
        let walk = |end| Walk::new(old.clone(), self.floor, end);
        // Its checksums are looked at first, so that damage costs no copy that is worth nothing.
        let mut looked_at = walk(self.position().sequence + 1);
        while looked_at.next(&self.folder, &self.marker)?.is_some() {}
        let mut walk = walk(self.position().sequence + 1);
        let start = self.new_segment()?;
        let mut copy = Copy { journal: self, carried, batch: Vec::new(), told: Vec::new(), bytes: 0 };
        for facts in what.facts.chunks(FACTS_IN_A_RECORD) {
            copy.put(&Record::Facts(facts.to_vec()))?;
        }
        let mut origin = Origin::default();
        while let Some(records) = walk.next(&copy.journal.folder, &copy.journal.marker)? {
            let records = records.into_iter().map(Read::of).collect::<Result<Vec<_>, _>>()?;
            if origin.counts(&records) {
                for read in records {
                    what.carry(read, &mut copy)?;
                }
            }
        }
        copy.put(&Record::Facts(vec![Fact::Condensed(Condensed::End)]))?;
        copy.flush()?;
        Ok(start.number)
    }
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
    /// Writes anew what is needed of a record.
    fn carry<F: Folder>(&self, read: Read, copy: &mut Copy<'_, F>) -> Result<(), CondenseError> {
        match read {
            Read::Kept(Owner::Holding(holding), _) if !self.live.contains(&holding) => Ok(()),
            Read::Kept(owner, raw) => copy.put_raw(raw, Some(owner)),
            Read::Facts(facts) => {
                let kept: Vec<Fact> = facts.into_iter().filter_map(|fact| self.keeps_of(fact)).collect();
                if kept.is_empty() { Ok(()) } else { copy.put(&Record::Facts(kept)) }
            }
        }
    }

    fn keeps_of(&self, fact: Fact) -> Option<Fact> {
        let kept = match fact {
            // To whom it is owed, the state says.
            Fact::Entered(Entered { index, bytes, .. })
            | Fact::Condensed(Condensed::Entered { index, bytes }) => {
                (index >= self.base).then_some(Condensed::Entered { index, bytes })
            }
            Fact::Accepted(acceptance) => {
                acceptance.key.map(|key| Condensed::Key { key, index: acceptance.at.index })
            }
            Fact::Condensed(Condensed::Key { key, index }) => Some(Condensed::Key { key, index }),
            _ => None,
        };
        kept.map(Fact::Condensed)
    }
}

/// Which batches of the old segments are what happened, or stand for it.
#[derive(Default)]
enum Origin {
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
            (Self::Fresh, Some(_)) => Self::Beginning,
            (Self::Beginning, Some(Condensed::Begin { .. })) => Self::History,
            (Self::Beginning, Some(_)) => Self::Beginning,
            _ => Self::History,
        };
        first.is_none() || matches!(self, Self::Beginning)
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
}

impl<F: Folder> Copy<'_, F> {
    fn put(&mut self, record: &Record) -> Result<(), CondenseError> {
        self.put_raw(raw(record)?, None)
    }

    fn put_raw(&mut self, raw: RawRecord, owner: Option<Owner>) -> Result<(), CondenseError> {
        let full = self.bytes.saturating_add(raw.framed_len()) > COPY_BATCH_BYTES
            || self.batch.len() >= COPY_BATCH_RECORDS;
        if full && !self.batch.is_empty() {
            self.flush()?;
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
        let places = self.journal.append(&std::mem::take(&mut self.batch))?;
        self.journal.sync()?;
        self.bytes = 0;
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
