//! From decision to disk and back, in the order of the daemon: written in groups, synced after a while, then the entries
//! go into the ledger, its head is made, and only then do the rules hear of it.

use super::room::FULL_PAUSE_MS;
use super::{Item, Process};
use crate::happening::Step;
use crate::limits::{BATCHES_AT_ONCE_MAX, CONDENSES_ONE_IN, RECLAIMS_NOT_ONE_IN};
use crate::outside::Outside;
use crate::plan::CommitMoment;
use std::collections::VecDeque;
use std::sync::Arc;
use yizhan_exchange::{Event, Fact, Source, Stored};
use yizhan_journal::{
    Condensation, CondenseError, Copied, RawRecord, Record, RecordError, StoredAttachment, StoredEnvelope,
};
use yizhan_protocol::ProofBundle;

/// Batches on their way to disk.
#[derive(Default)]
pub(crate) struct Commits {
    queue: VecDeque<Batch>,
    /// Written, not synced.
    written: Vec<Batch>,
    /// Synced; the event loop has not heard of it.
    synced: VecDeque<Vec<Batch>>,
    /// The writer is at work or about to be.
    busy: bool,
    /// How many groups were written.
    groups: u64,
}

/// What the rules decided at once.
struct Batch {
    ticket: u64,
    records: Vec<RawRecord>,
    facts: Vec<Fact>,
    contents: Vec<Content>,
}

/// What is stored beside facts.
enum Content {
    Envelope(Arc<StoredEnvelope>),
    Receipts(Box<ProofBundle>),
    Attachment(u64, Vec<u8>),
}

impl Commits {
    /// Whether nothing is under way.
    pub(crate) fn is_idle(&self) -> bool {
        !self.busy && self.queue.is_empty() && self.written.is_empty() && self.synced.is_empty()
    }

    /// How many batches are under way.
    pub(crate) fn len(&self) -> usize {
        self.queue.len() + self.written.len() + self.synced.iter().map(Vec::len).sum::<usize>()
    }
}

impl Process {
    pub(crate) fn persist(&mut self, out: &mut Outside, ticket: u64, facts: Vec<Fact>, stored: &[Stored]) {
        match self.batch(ticket, facts, stored) {
            Ok(batch) => self.commits.queue.push_back(batch),
            Err(error) => out.fail("no_word_before_disk", format!("{}: no record: {error}", self.node)),
        }
        if !self.commits.busy {
            self.commits.busy = true;
            let delay = self.random.below(2);
            out.later(self.name(), delay, Step::Write);
        }
    }

    fn batch(&mut self, ticket: u64, facts: Vec<Fact>, stored: &[Stored]) -> Result<Batch, RecordError> {
        let mut records = Vec::with_capacity(stored.len() + 1);
        let mut contents = Vec::with_capacity(stored.len());
        let mut add = |record: &Record| {
            let (kind, payload) = record.encode()?;
            records.push(RawRecord { kind, payload });
            Ok::<(), RecordError>(())
        };
        for stored in stored {
            let (Stored::Envelope { staged, .. }
            | Stored::Receipts { staged }
            | Stored::Attachment { staged, .. }) = stored;
            let (record, content) = match (self.stage.remove(staged), stored) {
                (Some(Item::Envelope(envelope)), Stored::Envelope { holding, .. }) => {
                    let envelope = StoredEnvelope { holding: *holding, ..Arc::unwrap_or_clone(envelope) };
                    let record = Record::Envelope(Box::new(envelope.clone()));
                    (record, Content::Envelope(Arc::new(envelope)))
                }
                (Some(Item::Receipts(frame)), Stored::Receipts { .. }) => (
                    Record::Receipts(Box::new(frame.proof.clone())),
                    Content::Receipts(Box::new(frame.proof)),
                ),
                (Some(Item::Attachment(bytes)), Stored::Attachment { index, .. }) => {
                    let attachment = StoredAttachment { index: *index, bytes: bytes.clone() };
                    (Record::Attachment(attachment), Content::Attachment(*index, bytes))
                }
                // The daemon leaves out what is not there; what needed it will be missed by a check.
                _ => continue,
            };
            add(&record)?;
            contents.push(content);
        }
        let record = Record::Facts(facts);
        add(&record)?;
        let facts = if let Record::Facts(facts) = record { facts } else { Vec::new() };
        Ok(Batch { ticket, records, facts, contents })
    }

    pub(crate) fn write(&mut self, out: &mut Outside) {
        let commits = &mut self.commits;
        let count = commits.queue.len().min(BATCHES_AT_ONCE_MAX);
        let mut group: Vec<Batch> = commits.queue.drain(..count).collect();
        commits.groups += 1;
        let records: Vec<Vec<RawRecord>> =
            group.iter_mut().map(|batch| std::mem::take(&mut batch.records)).collect();
        match self.journal.append_group(&records) {
            Ok(_) => {}
            Err(error) if error.is_full() => return self.wait_for_room(out, group, records),
            Err(error) => return out.ending.push((self.node, error.to_string())),
        }
        let at = self.journal.position();
        for batch in &group {
            let receipts = batch.contents.iter().filter_map(|content| match content {
                Content::Receipts(proof) => Some(proof.as_ref()),
                _ => None,
            });
            out.checks.no_word_before_disk.written(self.node, &batch.facts, receipts, (at.segment, at.bytes));
        }
        self.commits.written = group;
        let delay = 1 + self.random.below(out.sync_ms_max);
        out.later(self.name(), delay, Step::Sync);
        self.crash_if_ruled(out, CommitMoment::Written);
    }

    /// What was decided cannot be taken back, so a full disk is waited for; the rules hear of it.
    fn wait_for_room(&mut self, out: &mut Outside, group: Vec<Batch>, records: Vec<Vec<RawRecord>>) {
        for (mut batch, records) in group.into_iter().zip(records).rev() {
            batch.records = records;
            self.commits.queue.push_front(batch);
        }
        out.later(self.name(), FULL_PAUSE_MS, Step::Write);
        if !std::mem::replace(&mut self.room.journal_full, true) {
            self.look_at_disk(out);
        }
    }

    pub(crate) fn sync(&mut self, out: &mut Outside) {
        if let Err(error) = self.journal.sync() {
            // After a failed sync no more promises: the process ends and recovers from what the disk really holds.
            out.ending.push((self.node, error.to_string()));
            return;
        }
        let group = std::mem::take(&mut self.commits.written);
        self.commits.synced.push_back(group);
        self.condense_sometimes(out);
        let delay = self.random.below(3);
        out.later(self.name(), delay, Step::Tell);
        self.commits.busy = !self.commits.queue.is_empty();
        if self.commits.busy {
            out.later(self.name(), 0, Step::Write);
        }
        self.crash_if_ruled(out, CommitMoment::Synced);
    }

    /// The journal says its whole state once more, and lets go of what is not needed any more; the checks read all that ever
    /// happened, out of the attic of the folder. Everything decided is in the journal at this moment, as it is for the daemon's committer.
    fn condense_sometimes(&mut self, out: &mut Outside) {
        if self.row || !self.commits.queue.is_empty() || self.random.below(CONDENSES_ONE_IN) > 0 {
            return;
        }
        let bytes = self.journal.bytes();
        if bytes > out.condensed_freely_bytes && bytes < self.condensed_bytes.saturating_mul(2) {
            return;
        }
        let state = self.core.state();
        let (base, root) = (0, yizhan_document::merkle::root(&[]));
        let (facts, live) = (state.condensed(base, root), state.live_holdings());
        // From what is at hand, so that the world takes the same course whatever is kept.
        let living_percent = u8::try_from(bytes % 101).unwrap_or_default();
        let what = Condensation { facts, live, base, living_percent };
        let condensed = self.journal.condense(&what, &mut |_| {});
        // A copy that is whole and lets nothing go counts, too: a stop may come in between.
        let let_go = |copied: Copied| match bytes % RECLAIMS_NOT_ONE_IN {
            0 => Ok(()),
            _ => self.journal.reclaim(&copied).map(|_| ()).map_err(CondenseError::Journal),
        };
        match condensed.and_then(let_go) {
            Ok(()) => {}
            Err(error) if self.journal.is_poisoned() => out.ending.push((self.node, error.to_string())),
            // As the daemon does, it gives up: the half copy counts for nothing.
            Err(CondenseError::Journal(error)) if error.is_full() => {}
            // What a lying disk did to its journal keeps it from being reclaimed, and from nothing else.
            Err(_) if out.distrusted.contains(&self.node) => {}
            Err(error) => out.fail("nothing_lost", format!("{}: a sound journal: {error}", self.node)),
        }
        self.condensed_bytes = self.journal.bytes();
    }

    pub(crate) fn tell(&mut self, out: &mut Outside) {
        let Some(group) = self.commits.synced.pop_front() else { return };
        let Some(ticket) = group.last().map(|batch| batch.ticket) else { return };
        self.room.journal_full = false;
        for batch in group {
            self.note(out, batch);
        }
        self.ledger.seal();
        self.handle(out, Event::Persisted { ticket });
        self.show_soon(out);
        self.crash_if_ruled(out, CommitMoment::Told);
    }

    /// The indexes are told of a durable batch.
    fn note(&mut self, out: &mut Outside, batch: Batch) {
        for content in batch.contents {
            match content {
                Content::Envelope(envelope) => {
                    self.contents.insert(envelope.holding, envelope);
                }
                Content::Receipts(_) => {}
                Content::Attachment(index, bytes) => {
                    self.attachments.insert(index, bytes);
                }
            }
        }
        for fact in &batch.facts {
            match fact {
                Fact::Entered(entered) => {
                    if let Err(reason) = self.ledger.append(entered.index, &entered.bytes) {
                        out.fail("ledgers_never_fork", format!("{}: {reason}", self.node));
                    }
                }
                Fact::Accepted(accepted) if accepted.source == Source::Office => {
                    self.counter.keys.extend(accepted.key.map(|key| (key.key, accepted.at.index)));
                }
                _ => {}
            }
        }
    }

    fn crash_if_ruled(&mut self, out: &mut Outside, moment: CommitMoment) {
        let groups = self.commits.groups;
        let ruled = |rule: &crate::CrashRule| {
            rule.node == self.node && rule.moment == moment && groups.is_multiple_of(rule.every)
        };
        if out.crash_rule.as_ref().is_some_and(ruled) {
            out.ending.push((self.node, format!("as ruled, at {moment:?}")));
        }
    }
}
