//! From decision to disk and back: batches go to the journal, what is durable goes into the ledger and is signed.

use crate::daemon::Daemon;
use crate::fault::NodeError;
use crate::index::{Steps, change_for, receipt_change};
use crate::shared::Shared;
use crate::stage::{Said, StagedItem};
use std::sync::Arc;
use yizhan_document::LedgerId;
use yizhan_exchange::{Event, Fact, Stored};
use yizhan_journal::{Location, RawRecord, Record, StoredAttachment, StoredEnvelope};
use yizhan_ledger::Entry;
use yizhan_spool::{Commit, Committed, QueueError};

/// A batch on its way to disk: what the indexes are told once it is durable.
pub(crate) struct Batch {
    facts: Vec<Fact>,
    /// The entries among them.
    own: Vec<Said>,
    /// In the order of the batch's records; the facts come last.
    contents: Vec<Content>,
}

/// A record beside the facts.
enum Content {
    Envelope(Arc<StoredEnvelope>),
    Receipts(LedgerId, Vec<Said>),
    Attachment(u64),
}

impl Daemon {
    pub(crate) fn persist(
        &mut self,
        ticket: u64,
        facts: Vec<Fact>,
        stored: &[Stored],
        entries: &[(u64, Entry)],
    ) -> Result<(), NodeError> {
        let mut records = Vec::with_capacity(stored.len() + 1);
        let mut contents = Vec::with_capacity(stored.len());
        for stored in stored {
            let (record, content) = match *stored {
                Stored::Envelope { holding, staged } => {
                    let Some(StagedItem::Envelope(mut envelope)) = self.stage.take(staged) else { continue };
                    Arc::make_mut(&mut envelope).holding = holding;
                    (Record::encode_envelope(&envelope), Content::Envelope(envelope))
                }
                Stored::Receipts { staged } => {
                    let Some(StagedItem::Receipts(frame, said)) = self.stage.take(staged) else { continue };
                    (Record::encode_receipts(&frame.proof), Content::Receipts(frame.proof.ledger, said))
                }
                Stored::Attachment { index, staged } => {
                    let Some(StagedItem::Attachment(bytes)) = self.stage.take(staged) else { continue };
                    let record = Record::Attachment(StoredAttachment { index, bytes });
                    (record.encode(), Content::Attachment(index))
                }
            };
            records.push(record);
            contents.push(content);
        }
        records.push(Record::encode_facts(&facts));
        let encoded =
            records.into_iter().map(|record| record.map(|(kind, payload)| RawRecord { kind, payload }));
        let encoded = encoded.collect::<Result<Vec<_>, _>>().map_err(NodeError::Record)?;
        self.committer.submit(encoded, ticket)?;
        let me = self.shared.me();
        let own =
            entries.iter().map(|(index, entry)| Said::of(me, *index, entry.time, &entry.event)).collect();
        self.batches.insert(ticket, Batch { facts, own, contents });
        Ok(())
    }

    /// Batches are durable: their entries go into the ledger, one checkpoint is signed over all of them, the indexes are
    /// told, and only then do the rules hear of it (MUST-09, MUST-24).
    pub(crate) fn committed(&mut self, outcome: Commit) -> Result<(), NodeError> {
        if let Commit::Full { error } = &outcome {
            tracing::error!(%error, "ALARM: the disk is full; nothing is promised until there is room");
        }
        let Some(committed) = durable(outcome)? else {
            self.journal_full = true;
            return self.look_at_disk();
        };
        self.journal_full = false;
        self.journal_is(committed.journal_bytes);
        let mut last = None;
        for (ticket, locations) in &committed.tickets {
            if let Some(batch) = self.batches.remove(ticket) {
                settle(&self.shared, &batch, locations)?;
                last = Some(*ticket);
            }
        }
        self.shared.keeper().seal().map_err(NodeError::Ledger)?;
        match last {
            Some(ticket) => self.handle(Event::Persisted { ticket }),
            None => Ok(()),
        }
    }
}

/// Takes a durable batch into ledger, indexes and feed.
pub(crate) fn settle(shared: &Shared, batch: &Batch, locations: &[Location]) -> Result<(), NodeError> {
    {
        let mut keeper = shared.keeper();
        for fact in &batch.facts {
            if let Fact::Entered(entered) = fact {
                keeper.append(entered.index, &entered.bytes).map_err(NodeError::Ledger)?;
            }
        }
    }
    tell_queue(shared, batch, locations).unwrap_or_else(|error| {
        tracing::error!(%error, "ALARM: the queue could not be told; it is made anew at the next start");
    });
    for content in &batch.contents {
        match content {
            Content::Envelope(envelope) => shared.index.remember(envelope),
            Content::Receipts(maker, said) => crate::tracking::tell(&shared.feed, maker.node, said),
            Content::Attachment(_) => {}
        }
    }
    crate::tracking::tell(&shared.feed, shared.me(), &batch.own);
    Ok(())
}

/// What became durable; nothing while a full disk is waited for, which is told before what comes of it. A failed disk may have
/// lost what it said yes to, and one that is still full at a stop never took it: then nothing more is promised before a restart
/// has read the disk again.
pub(crate) fn durable(outcome: Commit) -> Result<Option<Committed>, NodeError> {
    match outcome {
        Commit::Durable(committed) => Ok(Some(committed)),
        Commit::Full { .. }
        | Commit::Carried(_)
        | Commit::Condensed { .. }
        | Commit::NotCondensed { .. }
        | Commit::Reclaimed { .. } => Ok(None),
        Commit::Failed { error, .. } => Err(NodeError::Journal(error)),
    }
}

/// Tells the queue where everything of a batch lies.
fn tell_queue(shared: &Shared, batch: &Batch, locations: &[Location]) -> Result<(), QueueError> {
    let own = shared.ledger;
    let mut write = |changes| {
        shared.index.write(changes);
        Ok(())
    };
    let mut steps = Steps::new(&mut write);
    for (content, at) in batch.contents.iter().zip(locations) {
        match content {
            Content::Envelope(envelope) => {
                steps.put(|changes| changes.put_new_holding(envelope.holding, *at))?;
            }
            Content::Receipts(maker, said) => {
                for said in said {
                    steps.put(|changes| receipt_change(changes, *maker, said.index, said.envelope, *at))?;
                }
            }
            Content::Attachment(index) => steps.put(|changes| changes.put_attachment(*index, *at))?,
        }
    }
    if let Some(at) = locations.last().copied() {
        for said in &batch.own {
            steps.put(|changes| receipt_change(changes, own, said.index, said.envelope, at))?;
        }
        for fact in batch.facts.iter().filter(|fact| !matches!(fact, Fact::Entered(_))) {
            steps.put(|changes| change_for(changes, own, fact, at))?;
        }
    }
    steps.end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use yizhan_journal::JournalError;

    fn full() -> JournalError {
        JournalError::Full { source: std::io::ErrorKind::StorageFull.into() }
    }

    #[test]
    fn a_disk_that_was_full_for_a_while_is_no_failure_and_one_that_stays_full_is() {
        assert!(matches!(durable(Commit::Full { error: full() }), Ok(None)));
        let given_up = durable(Commit::Failed { tickets: vec![1], error: full() });
        assert_eq!(given_up.unwrap_err().exit_code(), 75);
    }
}
