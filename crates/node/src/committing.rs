//! From decision to disk and back: batches go to the journal, what is durable goes into the ledger and is signed.

use crate::daemon::Daemon;
use crate::fault::NodeError;
use crate::index::{change_for, receipt_changes};
use crate::shared::Shared;
use crate::stage::StagedItem;
use std::sync::Arc;
use yizhan_exchange::{Event, Fact, Stored};
use yizhan_journal::{Location, RawRecord, Record, StoredAttachment, StoredEnvelope};
use yizhan_protocol::ProofBundle;
use yizhan_spool::{Changes, Commit, Committed, QueueError};

/// Changes handed to the queue at once, roughly.
const CHANGES_STEP: usize = 256;

/// A batch on its way to disk: what the indexes are told once it is durable.
pub(crate) struct Batch {
    facts: Vec<Fact>,
    /// In the order of the batch's records; the facts come last.
    contents: Vec<Content>,
}

/// A record beside the facts.
enum Content {
    Envelope(Arc<StoredEnvelope>),
    Receipts(Box<ProofBundle>),
    Attachment(u64),
}

impl Daemon {
    pub(crate) fn persist(
        &mut self,
        ticket: u64,
        facts: Vec<Fact>,
        stored: &[Stored],
    ) -> Result<(), NodeError> {
        let mut records = Vec::with_capacity(stored.len() + 1);
        let mut contents = Vec::with_capacity(stored.len());
        for stored in stored {
            match *stored {
                Stored::Envelope { holding, staged } => {
                    let Some(StagedItem::Envelope(mut envelope)) = self.stage.take(staged) else { continue };
                    Arc::make_mut(&mut envelope).holding = holding;
                    records.push(Record::Envelope(Box::new((*envelope).clone())));
                    contents.push(Content::Envelope(envelope));
                }
                Stored::Receipts { staged } => {
                    let Some(StagedItem::Receipts(frame)) = self.stage.take(staged) else { continue };
                    records.push(Record::Receipts(Box::new(frame.proof.clone())));
                    contents.push(Content::Receipts(Box::new(frame.proof)));
                }
                Stored::Attachment { index, staged } => {
                    let Some(StagedItem::Attachment(bytes)) = self.stage.take(staged) else { continue };
                    records.push(Record::Attachment(StoredAttachment { index, bytes }));
                    contents.push(Content::Attachment(index));
                }
            }
        }
        records.push(Record::Facts(facts.clone()));
        let encoded = records.iter().map(|record| {
            let (kind, payload) = record.encode()?;
            Ok(RawRecord { kind, payload })
        });
        let encoded = encoded.collect::<Result<Vec<_>, _>>().map_err(NodeError::Record)?;
        self.committer.submit(encoded, ticket)?;
        self.batches.insert(ticket, Batch { facts, contents });
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
            Content::Receipts(proof) => crate::tracking::tell_receipts(&shared.feed, proof),
            Content::Attachment(_) => {}
        }
    }
    for fact in &batch.facts {
        if let Fact::Entered(entered) = fact {
            crate::tracking::tell_entry(&shared.feed, shared.me(), &entered.bytes);
        }
    }
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
    let mut changes = Changes::new();
    for (content, at) in batch.contents.iter().zip(locations) {
        match content {
            Content::Envelope(envelope) => changes.put_holding(envelope.holding, *at)?,
            Content::Receipts(proof) => receipt_changes(&mut changes, proof, *at)?,
            Content::Attachment(index) => changes.put_attachment(*index, *at)?,
        }
    }
    let facts_at = locations.last().copied();
    for fact in &batch.facts {
        if let Some(at) = facts_at {
            change_for(&mut changes, own, fact, at)?;
        }
        if changes.len() > CHANGES_STEP {
            shared.index.write(std::mem::take(&mut changes));
        }
    }
    shared.index.write(changes);
    Ok(())
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
