//! Finds what is stored: the queue's indexes, the journal behind them, and a small memory of what was stored last.

use crate::fault::NodeError;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use yizhan_document::{Digest, EnvelopeId, LedgerId};
use yizhan_exchange::{Condensed, Entered, Fact, SubmissionKey};
use yizhan_journal::JournalError;
use yizhan_journal::{Location, Position, Record, RecordError, StoredBody, StoredEnvelope};
use yizhan_ledger::Entry;
use yizhan_planted::{Bug, on};
use yizhan_protocol::ProofBundle;
use yizhan_spool::{Changes, JournalReader, Queue, QueueError, ReceiptKey};

/// Envelopes kept in memory, in bytes of their inline bodies and piece digests, at the most: a document that is passed on
/// at once is never read back.
const RECENT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// What an envelope takes besides its body, in bytes, roughly.
const ENVELOPE_OVERHEAD: usize = 2048;

/// Changes handed to the queue at once, roughly.
const CHANGES_STEP: usize = 256;

/// Journal and queue, for reading, and for telling the queue what is durable.
pub(crate) struct Index {
    ledger: LedgerId,
    queue: Queue,
    journal: JournalReader,
    recent: Mutex<Recent>,
}

#[derive(Default)]
struct Recent {
    envelopes: HashMap<u64, Arc<StoredEnvelope>>,
    order: VecDeque<u64>,
    bytes: usize,
}

/// Why stored content cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IndexError {
    /// The queue knows no such content.
    #[error("no content is stored for holding {0}")]
    Unknown(u64),
    /// The journal cannot give it.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The record does not read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The queue cannot say where it is.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// Something else lies there.
    #[error("the record for holding {0} is another one")]
    Other(u64),
}

impl IndexError {
    /// Whether the content itself is gone, and not only the way to it.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Journal(JournalError::Damaged { .. }) | Self::Record(_))
    }
}

impl From<IndexError> for NodeError {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::Unknown(holding) | IndexError::Other(holding) => Self::Unindexed(holding),
            IndexError::Journal(error) => Self::Journal(error),
            IndexError::Record(error) => Self::Record(error),
            IndexError::Queue(error) => Self::Queue(error),
        }
    }
}

impl Index {
    /// An index over the queue and the journal of the node that keeps `ledger`.
    pub(crate) fn new(ledger: LedgerId, queue: Queue, journal: JournalReader) -> Self {
        Self { ledger, queue, journal, recent: Mutex::default() }
    }

    /// Notes a clean stop at this position of the journal.
    pub(crate) fn close(&self, position: Position) -> Result<(), QueueError> {
        self.queue.close(position)
    }

    /// An error once the queue has failed: then half of what the desk is asked has no answer any more.
    pub(crate) fn check(&self) -> Result<(), QueueError> {
        self.queue.check()
    }

    /// The content of a holding.
    pub(crate) fn envelope(&self, holding: u64) -> Result<Arc<StoredEnvelope>, IndexError> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(envelope) = recent.envelopes.get(&holding) {
            return Ok(Arc::clone(envelope));
        }
        drop(recent);
        let look_up = || self.queue.holding(holding);
        let at = look_up()?.ok_or(IndexError::Unknown(holding))?;
        match self.read_moved(at, look_up)? {
            Record::Envelope(envelope) if envelope.holding == holding => Ok(Arc::from(envelope)),
            _ => Err(IndexError::Other(holding)),
        }
    }

    /// The indexes of own entries about an envelope, ascending. Not to know is not to have none: an offer that was accepted
    /// before would be accepted again.
    pub(crate) fn own_entries(&self, id: EnvelopeId) -> Result<Vec<u64>, QueueError> {
        let own = |(key, _): &(ReceiptKey, Location)| (key.ledger == self.ledger).then_some(key.index);
        Ok(self.queue.receipts(&id)?.iter().filter_map(own).collect())
    }

    /// The received receipts about an envelope, each with the bundle it came in. One that cannot be read is named in the
    /// log and left out: its maker's ledger still has it.
    pub(crate) fn received(&self, id: EnvelopeId) -> Result<Vec<(LedgerId, u64, ProofBundle)>, QueueError> {
        let mut out = Vec::new();
        for (ReceiptKey { ledger, index, .. }, at) in self.queue.receipts(&id)? {
            if ledger == self.ledger {
                continue;
            }
            let key = ReceiptKey { envelope: id, destination: None, ledger, index };
            let look_up =
                || Ok(self.queue.receipts(&id)?.into_iter().find(|(of, _)| *of == key).map(|(_, at)| at));
            match self.read_moved(at, look_up) {
                Ok(Record::Receipts(bundle)) => out.push((ledger, index, *bundle)),
                Ok(_) => tracing::error!(%ledger, index, "ALARM: another record lies where a receipt should"),
                Err(error) => {
                    tracing::error!(%ledger, index, %error, "ALARM: a stored receipt cannot be read")
                }
            }
        }
        Ok(out)
    }

    /// The attachment to an own entry.
    pub(crate) fn attachment(&self, index: u64) -> Option<Vec<u8>> {
        let look_up = || self.queue.attachment(index);
        let at = look_up().ok().flatten()?;
        match self.read_moved(at, look_up) {
            Ok(Record::Attachment(attachment)) => Some(attachment.bytes),
            Ok(_) => None,
            Err(error) => {
                tracing::error!(index, %error, "ALARM: a stored statement cannot be read");
                None
            }
        }
    }

    /// The acceptance of the submission with this idempotency key, and a digest over that submission.
    pub(crate) fn submission_by_key(&self, key: Digest) -> Result<Option<(u64, Digest)>, QueueError> {
        // Not to know is not to have: a second document would go out.
        if on(Bug::KeyForgotten) { Ok(None) } else { self.queue.key(key) }
    }

    /// [`Self::submission_by_key`] for many at once, in their order.
    pub(crate) fn submissions_by_keys(
        &self,
        keys: &[Digest],
    ) -> Result<Vec<Option<(u64, Digest)>>, QueueError> {
        if on(Bug::KeyForgotten) { Ok(vec![None; keys.len()]) } else { self.queue.keys(keys) }
    }

    /// What became durable is told to the queue. A queue that fails is made anew at the next start, and holds nothing that
    /// the journal does not hold.
    pub(crate) fn write(&self, changes: Changes) {
        if let Err(error) = self.queue.write(changes) {
            tracing::error!(%error, "ALARM: the queue takes nothing");
        }
    }

    /// Keeps an envelope that became durable in memory for a while.
    pub(crate) fn remember(&self, envelope: &Arc<StoredEnvelope>) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.bytes += weight(envelope);
        recent.order.push_back(envelope.holding);
        recent.envelopes.insert(envelope.holding, Arc::clone(envelope));
        // Released holdings leave their number in the order until it is looked at.
        while recent.bytes > RECENT_BYTES_MAX || recent.order.len() > 2 * recent.envelopes.len() + 64 {
            let Some(oldest) = recent.order.pop_front() else { break };
            recent.forget(oldest);
        }
    }

    /// The content of a holding is no longer needed.
    pub(crate) fn release(&self, holding: u64) {
        let mut changes = Changes::new();
        if changes.remove_holding(holding).is_ok() {
            self.write(changes);
        }
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).forget(holding);
    }

    /// Reads a record that may have moved since its place was looked up: when old segments go, their places are told first.
    fn read_moved(
        &self,
        at: Location,
        look_up: impl Fn() -> Result<Option<Location>, QueueError>,
    ) -> Result<Record, IndexError> {
        match self.read(at) {
            Err(error) if error.is_damage() => match look_up()? {
                Some(now) if now != at => self.read(now),
                _ => Err(error),
            },
            read => read,
        }
    }

    fn read(&self, at: Location) -> Result<Record, IndexError> {
        let (kind, payload) = self.journal.read(at)?;
        Ok(Record::decode(kind, &payload)?)
    }
}

/// Changes on their way to the queue, handed on in steps: one record may ask for more than the queue takes at once.
pub(crate) struct Steps<'a> {
    changes: Changes,
    hand_on: &'a mut dyn FnMut(Changes) -> Result<(), QueueError>,
}

impl<'a> Steps<'a> {
    /// None yet.
    pub(crate) fn new(hand_on: &'a mut dyn FnMut(Changes) -> Result<(), QueueError>) -> Self {
        Self { changes: Changes::new(), hand_on }
    }

    /// Takes in what `put` puts, which is no more than a few changes.
    pub(crate) fn put(
        &mut self,
        put: impl FnOnce(&mut Changes) -> Result<(), QueueError>,
    ) -> Result<(), QueueError> {
        if self.changes.len() >= CHANGES_STEP && !on(Bug::RecordInOneStep) {
            (self.hand_on)(std::mem::take(&mut self.changes))?;
        }
        put(&mut self.changes)
    }

    /// Hands on what is left.
    pub(crate) fn end(self) -> Result<(), QueueError> {
        (self.hand_on)(self.changes)
    }
}

/// What the queue is told of a record that lies at `at` in the journal of the node that keeps `own`.
pub(crate) fn changes_of(
    steps: &mut Steps<'_>,
    own: LedgerId,
    record: &Record,
    at: Location,
) -> Result<(), QueueError> {
    match record {
        Record::Facts(facts) => {
            facts.iter().try_for_each(|fact| steps.put(|changes| change_for(changes, own, fact, at)))
        }
        Record::Envelope(envelope) => steps.put(|changes| changes.put_holding(envelope.holding, at)),
        Record::Receipts(bundle) => receipt_changes(steps, bundle, at),
        Record::Attachment(attachment) => steps.put(|changes| changes.put_attachment(attachment.index, at)),
    }
}

/// What the queue is told of received receipts.
pub(crate) fn receipt_changes(
    steps: &mut Steps<'_>,
    bundle: &ProofBundle,
    at: Location,
) -> Result<(), QueueError> {
    bundle.entries.iter().try_for_each(|proven| {
        let envelope = Entry::envelope_id_in(&proven.entry);
        steps.put(|changes| receipt_change(changes, bundle.ledger, proven.index, envelope, at))
    })
}

/// What the queue is told of a fact.
pub(crate) fn change_for(
    changes: &mut Changes,
    own: LedgerId,
    fact: &Fact,
    at: Location,
) -> Result<(), QueueError> {
    match fact {
        Fact::Entered(Entered { index, bytes, .. }) => own_entry(changes, own, *index, bytes, at),
        Fact::Condensed(Condensed::Entered { index, bytes }) => own_entry(changes, own, *index, bytes, at),
        Fact::Condensed(Condensed::Key { key: SubmissionKey { key, submission }, index }) => {
            changes.put_key(*key, *index, *submission)
        }
        Fact::Accepted(acceptance) => match acceptance.key {
            Some(SubmissionKey { key, submission }) => changes.put_key(key, acceptance.at.index, submission),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// What the queue is told of an entry about `envelope`, or about none.
pub(crate) fn receipt_change(
    changes: &mut Changes,
    ledger: LedgerId,
    index: u64,
    envelope: Option<EnvelopeId>,
    at: Location,
) -> Result<(), QueueError> {
    match envelope {
        Some(id) => changes.put_receipt(&receipt_key(id, ledger, index), at),
        None => Ok(()),
    }
}

/// What the queue is told of an own entry. Where it lies, the ledger knows.
pub(crate) fn own_entry(
    changes: &mut Changes,
    own: LedgerId,
    index: u64,
    entry: &[u8],
    at: Location,
) -> Result<(), QueueError> {
    receipt_change(changes, own, index, Entry::envelope_id_in(entry), at)
}

fn receipt_key(envelope: EnvelopeId, ledger: LedgerId, index: u64) -> ReceiptKey {
    ReceiptKey { envelope, destination: None, ledger, index }
}

impl Recent {
    fn forget(&mut self, holding: u64) {
        if let Some(envelope) = self.envelopes.remove(&holding) {
            self.bytes = self.bytes.saturating_sub(weight(&envelope));
        }
    }
}

fn weight(envelope: &StoredEnvelope) -> usize {
    let body = match &envelope.body {
        StoredBody::Inline(bytes) => bytes.len(),
        StoredBody::File { pieces } => pieces.len() * 32,
    };
    body + envelope.slips.len() * 512 + ENVELOPE_OVERHEAD
}
