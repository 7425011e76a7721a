//! What came in and is not decided on yet: held in memory under a number until the rules keep or discard it.

use std::collections::HashMap;
use std::sync::Arc;
use yizhan_document::{Digest, NodeId};
use yizhan_envelope::Header;
use yizhan_exchange::Staged;
use yizhan_journal::{StoredBody, StoredEnvelope};
use yizhan_protocol::ReceiptsHome;

/// Something staged.
pub(crate) enum StagedItem {
    /// An envelope.
    Envelope(Arc<StoredEnvelope>),
    /// Receipts.
    Receipts(Box<ReceiptsHome>),
    /// What goes home beside an entry.
    Attachment(Vec<u8>),
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

    /// Whether an envelope with this digest of its header is staged.
    pub(crate) fn holds(&self, header: Digest) -> bool {
        self.items.values().any(|item| match item {
            StagedItem::Envelope(envelope) => Digest::of(&envelope.header) == header,
            _ => false,
        })
    }

    /// The card of a document that was opened.
    pub(crate) fn set_card(&mut self, staged: Staged, card: Vec<u8>) {
        if let Some(StagedItem::Envelope(envelope)) = self.items.get_mut(&staged) {
            Arc::make_mut(envelope).card = card;
        }
    }
}
