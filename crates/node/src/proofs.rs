//! Checks the proofs that neighbours send: signature of the checkpoint once per checkpoint, inclusion of every entry.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use yizhan_document::merkle::InclusionVerifier;
use yizhan_document::{Digest, LedgerId};
use yizhan_exchange::HeardEntry;
use yizhan_hierarchy::Directory;
use yizhan_identity::NoteVerifier;
use yizhan_ledger::{Checkpoint, Entry, EntryRef, Head, origin_of, verify_checkpoint};
use yizhan_planted::{Bug, on};
use yizhan_protocol::ProofBundle;

/// Verified checkpoints kept, at the most; then all are forgotten and verified again when they come.
const CHECKPOINTS_KEPT_MAX: usize = 4096;

/// Checks proofs against the ledger keys of the directory.
pub(crate) struct ProofChecker {
    directory: Arc<Directory>,
    verified: Mutex<HashMap<Digest, Checkpoint>>,
}

/// Why a proof is not believed. The neighbour that sent it, or the node that made it, is to blame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProofError {
    /// The directory does not know the node.
    #[error("the directory knows no node {0}")]
    UnknownNode(yizhan_document::NodeId),
    /// The directory lists the node, and its file is not held here yet.
    #[error("the file of {0} is not held here yet")]
    Absent(yizhan_document::NodeId),
    /// The checkpoint is not signed by that ledger's key, or not in its form.
    #[error("the checkpoint of ledger {ledger} is not good: {reason}")]
    Checkpoint {
        /// Whose.
        ledger: LedgerId,
        /// Why.
        reason: String,
    },
    /// An entry is not in the tree.
    #[error("entry {index} of ledger {ledger} is not under the checkpoint it came with")]
    NotIncluded {
        /// Whose.
        ledger: LedgerId,
        /// Which.
        index: u64,
    },
    /// An entry does not read.
    #[error("entry {index} of ledger {ledger} does not read: {reason}")]
    Entry {
        /// Whose.
        ledger: LedgerId,
        /// Which.
        index: u64,
        /// Why.
        reason: String,
    },
}

impl ProofChecker {
    /// A checker that goes by `directory`.
    pub(crate) fn new(directory: Arc<Directory>) -> Self {
        Self { directory, verified: Mutex::new(HashMap::new()) }
    }

    /// The checkpoint of a bundle, verified under its ledger's key.
    pub(crate) fn checkpoint(&self, ledger: LedgerId, note: &[u8]) -> Result<Checkpoint, ProofError> {
        let name = Digest::of_all(&[ledger.to_string().as_bytes(), b"\n", note]);
        // A worker that panicked while it held the lock left a cache at the worst.
        if let Some(known) = self.verified.lock().unwrap_or_else(PoisonError::into_inner).get(&name) {
            return Ok(known.clone());
        }
        let verifier = self.verifier(ledger)?;
        let checkpoint = verify_checkpoint(note, &verifier)
            .map_err(|e| ProofError::Checkpoint { ledger, reason: e.to_string() })?;
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if verified.len() >= CHECKPOINTS_KEPT_MAX {
            verified.clear();
        }
        verified.insert(name, checkpoint.clone());
        Ok(checkpoint)
    }

    /// The head that a bundle's checkpoint states.
    pub(crate) fn head(&self, bundle: &ProofBundle) -> Result<Head, ProofError> {
        let checkpoint = self.checkpoint(bundle.ledger, &bundle.checkpoint)?;
        Ok(Head { ledger: bundle.ledger, size: checkpoint.size, root: checkpoint.root })
    }

    /// All entries of a bundle, proven.
    pub(crate) fn entries(&self, bundle: &ProofBundle) -> Result<Vec<HeardEntry>, ProofError> {
        let ledger = bundle.ledger;
        let head = self.head(bundle)?;
        let mut inclusion = InclusionVerifier::default();
        bundle
            .entries
            .iter()
            .map(|proven| {
                let index = proven.index;
                let at = EntryRef::to(ledger, index, &proven.entry);
                let included = inclusion.verify(&head.root, head.size, index, &at.leaf, &proven.path);
                if !included && !on(Bug::InclusionUnchecked) {
                    return Err(ProofError::NotIncluded { ledger, index });
                }
                let entry = Entry::from_bytes(&proven.entry).map_err(|e| ProofError::Entry {
                    ledger,
                    index,
                    reason: e.to_string(),
                })?;
                Ok(HeardEntry { at, time: entry.time, event: entry.event })
            })
            .collect()
    }

    /// The key that signs a ledger: the node's, under the name of that epoch.
    pub(crate) fn verifier(&self, ledger: LedgerId) -> Result<NoteVerifier, ProofError> {
        let node = ledger.node;
        let division = self.directory.division(node).ok_or(match self.directory.is_absent(node) {
            true => ProofError::Absent(node),
            false => ProofError::UnknownNode(node),
        })?;
        let name = origin_of(self.directory.network_of(ledger.node), ledger);
        NoteVerifier::of_log(name, division.ledger.public())
            .map_err(|e| ProofError::Checkpoint { ledger, reason: e.to_string() })
    }
}
