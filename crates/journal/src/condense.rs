//! Writing anew what is still needed of the journal, so that all segments before can go.
//!
//! The copy begins a segment with the whole state as facts. Then come segments of their own with what is retained: contents of
//! living holdings, receipts, attachments, idempotency keys, of all segments but those that hold nothing else from an earlier
//! copy: they stay as they are. Its end are the entries that no durable tile holds, and the list of all segments to be kept.
//! Each of its batches begins with a condensed fact, by which a copy that was never finished is told from what happened, and
//! passed over.

use crate::copy::{Copy, FACTS_IN_A_RECORD, Rest, no_room};
use crate::error::JournalError;
use crate::folder::Folder;
use crate::frame::RawRecord;
use crate::journal::{Journal, Segment};
use crate::kept::Copied;
use crate::location::Location;
use crate::record::{Owner, Record, RecordError};
use crate::report::DamageReason;
use crate::walk::Walk;
use std::collections::BTreeSet;
use yizhan_exchange::{Condensed, Entered, Fact, KeptSegment};

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
    /// How many bytes there are for the copy, if that is to be looked at: one that takes more is given up.
    pub room: Option<u64>,
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
    /// Damage in what would go ends it: nothing is let go on doubt. Damaged segments that are kept stay. What was written of a copy
    /// that is given up is taken back; whose records lie where is told once it is whole, so nobody knows of a place in it.
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
        let (mut looked_at, walk, mut origin) = (walk(), walk(), Origin::default());
        let mut copied_in_vain = !self.passed_over.is_empty();
        let mut needed = 0;
        while let Some(records) = looked_at.next(&self.folder, &self.marker)? {
            let more = records.len() > 1;
            let bytes: u64 = records.iter().map(|raw| what.retained_bytes(raw)).sum();
            let first = records.into_iter().take(1).map(Read::of).collect::<Result<Vec<_>, _>>()?;
            let counts = origin.counts(&first);
            copied_in_vain |= more && !counts;
            needed += if counts { bytes } else { 0 };
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
        needed += worn.iter().map(|segment| self.kept.living(segment.number, &what.live)).sum::<u64>();
        if what.room.is_some_and(|room| needed > room) {
            return Err(no_room().into());
        }
        let stay = |kept: &KeptSegment| !is_one_of(&worn, kept.number);
        let stay: Vec<KeptSegment> = self.kept.segments().filter(stay).collect();
        let begun = self.new_segment()?;
        match self.copy(what, worn, walk, stay) {
            Ok((copied, anew)) => self.tell(&anew, carried).map(|()| copied).inspect_err(|_| {
                // The copy counts, and nobody knows where all of it lies: only a start finds that out.
                self.poisoned = true;
            }),
            Err(error) => {
                self.take_back(begun)?;
                Err(error)
            }
        }
    }

    /// Writes the copy, to its end; returns the segments of its own to be kept besides.
    fn copy(
        &mut self,
        what: &Condensation,
        worn: Vec<Segment>,
        mut walk: Walk,
        stay: Vec<KeptSegment>,
    ) -> Result<(Copied, Vec<Segment>), CondenseError> {
        let mut copy = Copy::new(self, what.room);
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
        copy.end(rest, stay)
    }

    /// Reads back what is to be kept of a whole copy, and tells where it lies.
    fn tell(&self, anew: &[Segment], carried: &mut dyn FnMut(Carried)) -> Result<(), CondenseError> {
        for segment in anew {
            let mut walk = Walk::within(*segment);
            while let Some(placed) = walk.next_placed(&self.folder, &self.marker)? {
                let mut told = Carried::new();
                for (at, raw) in placed {
                    let owner = Record::owner(raw.kind, &raw.payload)?;
                    told.extend(owner.map(|owner| (owner, at)));
                }
                if !told.is_empty() {
                    carried(told);
                }
            }
        }
        Ok(())
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
    /// How many bytes of a record are written anew at the least.
    fn retained_bytes(&self, raw: &RawRecord) -> u64 {
        let retained = match Record::holding(raw.kind, &raw.payload) {
            Some(holding) => self.live.contains(&holding),
            None => !Record::is_facts(raw.kind),
        };
        if retained { raw.framed_len() as u64 } else { 0 }
    }

    /// Writes anew what is needed of a record, or lays it up in `rest`.
    fn carry<F: Folder>(
        &self,
        read: Read,
        copy: &mut Copy<'_, F>,
        rest: &mut Rest,
    ) -> Result<(), CondenseError> {
        match read {
            Read::Kept(Owner::Holding(holding), _) if !self.live.contains(&holding) => Ok(()),
            Read::Kept(_, raw) => copy.keep(raw),
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
