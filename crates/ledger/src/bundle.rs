//! Bundles: several receipts of one ledger under one checkpoint, the form in which receipts travel between nodes.

use crate::checkpoint::{Checkpoint, verify_checkpoint};
use crate::limits::BUNDLE_RECEIPTS_MAX;
use crate::log::{Log, LogError};
use crate::proof::{ProofError, Receipt, check_inclusion};
use serde::{Deserialize, Serialize};
use yizhan_document::{Digest, LedgerId};
use yizhan_identity::NoteVerifier;

/// Receipts that share a checkpoint. Nothing in it is believed before it was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// The ledger they are from.
    pub ledger: LedgerId,
    /// The note of the checkpoint, with all signatures.
    pub checkpoint: String,
    /// The receipts.
    pub receipts: Vec<BundledReceipt>,
}

/// A receipt without its checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundledReceipt {
    /// Its index in the ledger.
    pub index: u64,
    /// The bytes of the entry.
    pub entry: Vec<u8>,
    /// Its inclusion path, from the leaf's sibling up.
    pub path: Vec<Digest>,
}

impl Bundle {
    /// Collects the receipts for these entries of `log` under a checkpoint of it.
    pub fn collect(
        log: &Log,
        ledger: LedgerId,
        checkpoint_note: &str,
        indexes: impl IntoIterator<Item = u64>,
    ) -> Result<Self, LogError> {
        let size = Checkpoint::from_unverified_note(checkpoint_note.as_bytes())?.size;
        let receipt =
            |index| Ok(BundledReceipt { index, entry: log.entry(index)?, path: log.inclusion(index, size)? });
        let receipts = indexes.into_iter().map(receipt).collect::<Result<_, LogError>>()?;
        Ok(Self { ledger, checkpoint: checkpoint_note.to_owned(), receipts })
    }

    /// Checks that the ledger's key signed the checkpoint, and every receipt under it.
    pub fn verify(&self, verifier: &NoteVerifier) -> Result<Checkpoint, ProofError> {
        let checkpoint = verify_checkpoint(self.checkpoint.as_bytes(), verifier)?;
        self.verify_against(&checkpoint)?;
        Ok(checkpoint)
    }

    /// Checks every receipt under a checkpoint that was verified before, without any public-key work. The bundle must carry
    /// that checkpoint; its signature lines are not checked again, so keep those of the note that was.
    pub fn verify_against(&self, checkpoint: &Checkpoint) -> Result<(), ProofError> {
        if self.receipts.len() > BUNDLE_RECEIPTS_MAX {
            return Err(ProofError::Malformed { reason: "the bundle has too many receipts" });
        }
        if checkpoint.ledger() != Some(self.ledger) {
            let origin = checkpoint.origin.clone();
            return Err(ProofError::OtherLedger { claimed: self.ledger, origin });
        }
        let below = self.checkpoint.strip_prefix(&checkpoint.to_text());
        if !below.is_some_and(|lines| lines.starts_with('\n')) {
            return Err(ProofError::OtherCheckpoint);
        }
        let check = |receipt: &BundledReceipt| {
            check_inclusion(checkpoint, receipt.index, &receipt.entry, &receipt.path)
        };
        self.receipts.iter().try_for_each(check)
    }

    /// The receipts, each with the checkpoint.
    pub fn into_receipts(self) -> impl Iterator<Item = Receipt> {
        let Self { checkpoint, receipts, .. } = self;
        receipts.into_iter().map(move |BundledReceipt { index, entry, path }| Receipt {
            entry,
            index,
            path,
            checkpoint: checkpoint.clone(),
        })
    }
}
