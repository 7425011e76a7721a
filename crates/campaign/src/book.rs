//! What was promised: every document that was answered for, every receipt and checkpoint that was seen. The checks go by it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use yizhan_desk::ExportedReceipt;
use yizhan_document::{Digest, EnvelopeId};

/// A document as it is handed in, again and again with the same key until it is answered for.
#[derive(Clone, Debug)]
pub struct Paper {
    /// The idempotency key; no two papers of one book have the same.
    pub key: String,
    /// The title; no two papers of one book have the same.
    pub title: String,
    /// The node that it is handed in at.
    pub from: String,
    /// The node that it goes to.
    pub to: String,
    /// Its content.
    pub file: PathBuf,
    /// The digest of its content.
    pub digest: Digest,
}

/// A paper that a node took: what was handed out for it.
#[derive(Clone, Debug)]
pub struct Promise {
    /// What was handed in.
    pub paper: Paper,
    /// Its id.
    pub id: EnvelopeId,
    /// The receipt that came with the answer.
    pub receipt: ExportedReceipt,
}

/// All that a network has said and must stand by.
#[derive(Debug, Default)]
pub struct Book {
    pages: Mutex<Pages>,
}

/// What stands in the book.
#[derive(Debug, Default)]
pub struct Pages {
    /// Documents answered for, in the order of the answers.
    pub promises: Vec<Promise>,
    /// Documents taken out of an inbox with the bytes that were sent, and how often.
    pub taken: BTreeMap<EnvelopeId, u32>,
    /// Further receipts that were handed out, with the node that gave them.
    pub receipts: Vec<ExportedReceipt>,
    /// For each node the checkpoints it showed: size and root.
    pub heads: BTreeMap<String, BTreeMap<u64, Digest>>,
    /// How often an answer was given again for a key.
    pub repeated: u64,
}

impl Book {
    /// The pages, to read or to write.
    pub fn open(&self) -> MutexGuard<'_, Pages> {
        // Nothing panics while it writes, and each entry is whole.
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many documents were answered for and not yet taken.
    pub fn under_way(&self) -> usize {
        let pages = self.open();
        pages.promises.len().saturating_sub(pages.taken.len())
    }

    /// The last paper that a node answered for.
    pub fn last_of(&self, node: &str) -> Option<Promise> {
        self.open().promises.iter().rev().find(|promise| promise.paper.from == node).cloned()
    }
}

impl Pages {
    /// The promise with this id.
    pub fn promise(&self, id: EnvelopeId) -> Option<&Promise> {
        // What is asked for is nearly always among the last.
        self.promises.iter().rev().find(|promise| promise.id == id)
    }
}

/// A book for the tests of the checks.
#[cfg(test)]
pub(crate) mod sample {
    use super::*;
    use yizhan_desk::{InboxItem, InboxState};
    use yizhan_document::{Urgency, WallTime};

    /// The node that everything in the sample goes to.
    pub(crate) const TO: &str = "65";

    /// What was promised for document number `counter`.
    pub(crate) fn promise(counter: u64) -> Promise {
        let title = format!("关于第{counter}号事项的通知");
        let paper = Paper {
            key: counter.to_string(),
            title,
            from: "652301".to_owned(),
            to: TO.to_owned(),
            file: PathBuf::new(),
            digest: Digest::of(b"content"),
        };
        let receipt = ExportedReceipt {
            kind: "SubmissionAcceptance".to_owned(),
            ledger: "652301.0".parse().unwrap(),
            index: counter,
            time: WallTime::EPOCH,
            witnessed: false,
            entry: format!("{{\"number\":{counter}}}"),
            proof: String::new(),
            statement: None,
            cms: None,
        };
        Promise { paper, id: format!("652301.0.{counter}").parse().unwrap(), receipt }
    }

    /// The line in the inbox for a promise that was kept.
    pub(crate) fn item(promise: &Promise, sequence: u64) -> InboxItem {
        InboxItem {
            sequence,
            id: promise.id,
            from: "gov-office@652301".parse().unwrap(),
            title: promise.paper.title.clone(),
            urgency: Urgency::default(),
            arrived: WallTime::EPOCH,
            state: InboxState::Taken,
            parts: Vec::new(),
        }
    }

    /// A book of three promises, all taken, and the inbox that keeps them.
    pub(crate) fn kept() -> (Book, Vec<InboxItem>) {
        let book = Book::default();
        let promises: Vec<Promise> = (0..3).map(promise).collect();
        let items = (1..).zip(&promises).map(|(sequence, promise)| item(promise, sequence)).collect();
        {
            let mut pages = book.open();
            pages.taken = promises.iter().map(|promise| (promise.id, 1)).collect();
            pages.promises = promises;
        }
        (book, items)
    }
}
