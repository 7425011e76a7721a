//! What is to be changed in the queue.

use super::QueueError;
use super::key::{self, ReceiptKey, Space, WaitingKey};
use crate::limits::{QUEUE_CHANGES_MAX, QUEUE_VALUE_BYTES_MAX};
use yizhan_document::{Digest, EnvelopeId, OfficeName, Unit};
use yizhan_journal::Location;

/// One change: a value, or `None` to remove it.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) space: Space,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Option<Vec<u8>>,
    /// Nothing was ever put there.
    pub(crate) first: bool,
}

/// A list of changes for [`super::Queue::write`], applied in the order of the calls. A change that breaks a limit is refused
/// and leaves the list as it was.
#[derive(Debug, Default)]
pub struct Changes {
    list: Vec<Change>,
}

impl Changes {
    /// No changes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The content of an envelope lies there.
    pub fn put_content(&mut self, envelope: &EnvelopeId, at: Location) -> Result<(), QueueError> {
        self.push(Space::Content, key::content(envelope), Some(key::location(at)))
    }

    /// The content of an envelope is gone.
    pub fn remove_content(&mut self, envelope: &EnvelopeId) -> Result<(), QueueError> {
        self.push(Space::Content, key::content(envelope), None)
    }

    /// A receipt lies there.
    pub fn put_receipt(&mut self, receipt: &ReceiptKey, at: Location) -> Result<(), QueueError> {
        self.push(Space::Receipts, receipt.encode(), Some(key::location(at)))
    }

    /// An office's inbox has an entry; [`QUEUE_VALUE_BYTES_MAX`] bytes at the most.
    pub fn put_inbox(&mut self, office: &OfficeName, sequence: u64, entry: &[u8]) -> Result<(), QueueError> {
        if entry.len() > QUEUE_VALUE_BYTES_MAX {
            return Err(QueueError::ValueTooLarge { bytes: entry.len() });
        }
        self.push(Space::Inbox, key::inbox(office, sequence), Some(entry.to_vec()))
    }

    /// An entry of an office's inbox is gone.
    pub fn remove_inbox(&mut self, office: &OfficeName, sequence: u64) -> Result<(), QueueError> {
        self.push(Space::Inbox, key::inbox(office, sequence), None)
    }

    /// A unit waits for a neighbour.
    pub fn put_waiting(&mut self, place: &WaitingKey, unit: &Unit) -> Result<(), QueueError> {
        self.push(Space::Waiting, place.encode(), Some(unit.to_string().into_bytes()))
    }

    /// A unit waits no longer.
    pub fn remove_waiting(&mut self, place: &WaitingKey) -> Result<(), QueueError> {
        self.push(Space::Waiting, place.encode(), None)
    }

    /// The content of a new holding lies there; nothing may have been put for it before.
    pub fn put_new_holding(&mut self, holding: u64, at: Location) -> Result<(), QueueError> {
        self.put_holding(holding, at)?;
        self.list.last_mut().into_iter().for_each(|change| change.first = true);
        Ok(())
    }

    /// The content of a holding lies there.
    pub fn put_holding(&mut self, holding: u64, at: Location) -> Result<(), QueueError> {
        self.push(Space::Holdings, holding.to_be_bytes().to_vec(), Some(key::location(at)))
    }

    /// The content of a holding is no longer needed.
    pub fn remove_holding(&mut self, holding: u64) -> Result<(), QueueError> {
        self.push(Space::Holdings, holding.to_be_bytes().to_vec(), None)
    }

    /// What goes home beside an own entry lies there.
    pub fn put_attachment(&mut self, index: u64, at: Location) -> Result<(), QueueError> {
        self.push(Space::Attachments, index.to_be_bytes().to_vec(), Some(key::location(at)))
    }

    /// This submission with this idempotency key got the acceptance with this index.
    pub fn put_key(&mut self, idempotency: Digest, index: u64, submission: Digest) -> Result<(), QueueError> {
        let value = [&index.to_be_bytes()[..], submission.as_bytes()].concat();
        self.push(Space::Keys, idempotency.as_bytes().to_vec(), Some(value))
    }

    pub(crate) fn into_list(self) -> Vec<Change> {
        self.list
    }

    /// The only way in, so that nothing larger than the limit ever reaches sled.
    fn push(&mut self, space: Space, key: Vec<u8>, value: Option<Vec<u8>>) -> Result<(), QueueError> {
        let bytes = value.as_ref().map_or(0, Vec::len);
        if bytes > QUEUE_VALUE_BYTES_MAX {
            return Err(QueueError::ValueTooLarge { bytes });
        }
        if self.list.len() >= QUEUE_CHANGES_MAX {
            return Err(QueueError::TooManyChanges);
        }
        self.list.push(Change { space, key, value, first: false });
        Ok(())
    }
}
