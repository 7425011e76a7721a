//! What came in and is not decided on yet: held in memory under a number until the rules keep or discard it.

use std::collections::HashMap;
use std::sync::Arc;
use yizhan_document::{Digest, EnvelopeId, NodeId, Unit, WallTime};
use yizhan_envelope::Header;
use yizhan_exchange::{HeardEntry, Staged};
use yizhan_journal::{StoredBody, StoredEnvelope};
use yizhan_ledger::Event as LedgerEvent;
use yizhan_protocol::{ProvenEntry, Recall, ReceiptsHome};

/// Something staged.
pub(crate) enum StagedItem {
    /// An envelope.
    Envelope(Arc<StoredEnvelope>),
    /// Receipts; where this node is their origin, what they say and when it was entered, in their order.
    Receipts(Box<ReceiptsHome>, Vec<Said>),
    /// What goes home beside an entry.
    Attachment(Vec<u8>),
    /// A recall on its way to another node.
    Recall(Box<Recall>),
}

/// What an entry says of an envelope, as the indexes and the feed need it.
pub(crate) struct Said {
    /// Its index.
    pub(crate) index: u64,
    /// When its maker entered it.
    pub(crate) time: WallTime,
    /// The envelope, if it is about one.
    pub(crate) envelope: Option<EnvelopeId>,
    /// Its kind.
    pub(crate) kind: &'static str,
    /// The unit, if it is about one alone.
    pub(crate) unit: Option<Unit>,
}

impl Said {
    /// What an entry of `maker` says.
    pub(crate) fn of(maker: NodeId, index: u64, time: WallTime, event: &LedgerEvent) -> Self {
        let unit = match event.units(maker).as_slice() {
            [unit] => Some(*unit),
            _ => None,
        };
        Self { index, time, envelope: event.envelope_id(), kind: event.kind(), unit }
    }

    /// What entries that were heard say.
    pub(crate) fn of_heard(entries: &[HeardEntry]) -> Vec<Self> {
        let said =
            |heard: &HeardEntry| Self::of(heard.at.ledger.node, heard.at.index, heard.time, &heard.event);
        entries.iter().map(said).collect()
    }
}

/// The stage.
#[derive(Default)]
pub(crate) struct Stage {
    items: HashMap<Staged, StagedItem>,
    next: Staged,
    /// Offers whose large body is under way.
    pub(crate) fetching: HashMap<(NodeId, u64), Staged>,
}

impl Stage {
    /// Puts something there.
    pub(crate) fn put(&mut self, item: StagedItem) -> Staged {
        self.next += 1;
        self.items.insert(self.next, item);
        self.next
    }

    /// Takes it away.
    pub(crate) fn take(&mut self, staged: Staged) -> Option<StagedItem> {
        self.items.remove(&staged)
    }

    /// The envelope staged there.
    pub(crate) fn envelope(&self, staged: Staged) -> Option<&Arc<StoredEnvelope>> {
        match self.items.get(&staged) {
            Some(StagedItem::Envelope(envelope)) => Some(envelope),
            _ => None,
        }
    }

    /// How much is staged there and would go to the journal, roughly, in bytes.
    pub(crate) fn bytes_of(&self, staged: Staged) -> usize {
        match self.items.get(&staged) {
            Some(StagedItem::Envelope(envelope)) => {
                let body = if let StoredBody::Inline(bytes) = &envelope.body { bytes.len() } else { 0 };
                let slips: usize = envelope.slips.iter().map(|slip| slip.header.len()).sum();
                envelope.header.len() + slips + body + envelope.card.len()
            }
            Some(StagedItem::Receipts(frame, _)) => {
                let entry = |proven: &ProvenEntry| proven.entry.len() + proven.attachment.len();
                frame.proof.checkpoint.len() + frame.proof.entries.iter().map(entry).sum::<usize>()
            }
            Some(StagedItem::Attachment(bytes)) => bytes.len(),
            Some(StagedItem::Recall(_)) | None => 0,
        }
    }

    /// Whether an envelope with this digest of its header is being looked at.
    pub(crate) fn has_envelope(&self, header: Digest) -> bool {
        let is = |item: &StagedItem| matches!(item, StagedItem::Envelope(envelope) if Digest::of(&envelope.header) == header);
        self.items.values().any(is)
    }

    /// The digests of the pieces of a large body that has come in; says whether they are those of the envelope. A neighbour may
    /// have used one number for two envelopes.
    pub(crate) fn set_pieces(&mut self, staged: Staged, pieces: Vec<Digest>) -> bool {
        let Some(StagedItem::Envelope(envelope)) = self.items.get_mut(&staged) else { return false };
        let fits = Header::from_bytes(&envelope.header).is_ok_and(|header| header.has_pieces(&pieces));
        if fits {
            Arc::make_mut(envelope).body = StoredBody::File { pieces };
        }
        fits
    }

    /// Something is not wanted any more; tells the offer whose body was awaited for it.
    pub(crate) fn discard(&mut self, staged: Staged) -> Option<(NodeId, u64)> {
        self.items.remove(&staged);
        let offer = self.fetching.iter().find(|(_, of)| **of == staged).map(|(offer, _)| *offer)?;
        self.fetching.remove(&offer);
        Some(offer)
    }

    /// The card of a document that was opened.
    pub(crate) fn set_card(&mut self, staged: Staged, card: Vec<u8>) {
        if let Some(StagedItem::Envelope(envelope)) = self.items.get_mut(&staged) {
            Arc::make_mut(envelope).card = card;
        }
    }
}
