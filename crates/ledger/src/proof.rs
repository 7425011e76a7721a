//! Receipts: an entry, its place in the ledger, and the signed checkpoint that covers it; exported as C2SP `tlog-proof`.
//!
//! The `.tlog-proof` file does not hold the entry. The entry's exact bytes go in a file beside it.

use crate::checkpoint::{Checkpoint, CheckpointError, base64_digest, decimal, verify_checkpoint};
use crate::limits::{EXTRA_BYTES_MAX, PROOF_BYTES_MAX};
use crate::{ENTRY_BYTES_MAX, Entry, EntryError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use yizhan_document::merkle::{self, PATH_MAX};
use yizhan_document::{Digest, LedgerId};
use yizhan_identity::{NoteVerifier, SignedNote};

/// The first line of a proof.
const HEADER: &str = "c2sp.org/tlog-proof@v1\n";

/// Proof of one event, as it was handed out or kept. Nothing in it is believed before [`Receipt::verify`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The bytes of the entry.
    pub entry: Vec<u8>,
    /// Its index in the ledger.
    pub index: u64,
    /// Its inclusion path, from the leaf's sibling up.
    pub path: Vec<Digest>,
    /// The note of the checkpoint, with all signatures.
    pub checkpoint: String,
}

impl Receipt {
    /// The content of the `.tlog-proof` file.
    pub fn to_proof(&self) -> String {
        let mut proof = format!("{HEADER}index {}\n", self.index);
        for hash in &self.path {
            proof.push_str(&STANDARD.encode(hash.as_bytes()));
            proof.push('\n');
        }
        proof.push('\n');
        proof.push_str(&self.checkpoint);
        proof
    }

    /// Reads a `.tlog-proof` file and the bytes of the entry beside it. Extra data is passed over: it is not authenticated.
    /// Without extra data, what this accepts is what [`Self::to_proof`] writes again.
    pub fn from_proof(proof: &[u8], entry: Vec<u8>) -> Result<Self, ProofError> {
        let wrong = |reason| ProofError::Malformed { reason };
        if entry.len() > ENTRY_BYTES_MAX {
            return Err(wrong("its entry is too long"));
        }
        if proof.len() > PROOF_BYTES_MAX {
            return Err(wrong("it is too long"));
        }
        let proof = std::str::from_utf8(proof).map_err(|_| wrong("it is not UTF-8"))?;
        let rest = proof
            .strip_prefix(HEADER)
            .ok_or(wrong("its first line is not that of a tlog-proof of version 1"))?;
        let (lines, checkpoint) =
            rest.split_once("\n\n").ok_or(wrong("no empty line stands before its checkpoint"))?;
        let mut lines = lines.split('\n').peekable();
        if let Some(extra) = lines.next_if(|line| line.starts_with("extra ")) {
            let data = extra.strip_prefix("extra ").unwrap_or_default();
            if data.len() > EXTRA_BYTES_MAX || STANDARD.decode(data).is_err() {
                return Err(wrong("its extra data is too long or not base64"));
            }
        }
        let index = lines.next().and_then(|line| decimal(line.strip_prefix("index ")?));
        let index = index.ok_or(wrong("it has no line with a decimal index"))?;
        let mut path = Vec::new();
        for line in lines {
            if path.len() == PATH_MAX {
                return Err(wrong("its path is too long"));
            }
            path.push(base64_digest(line).ok_or(wrong("a line of its path is not the base64 of 32 bytes"))?);
        }
        Checkpoint::from_unverified_note(checkpoint.as_bytes())?;
        Ok(Self { entry, index, path, checkpoint: checkpoint.to_owned() })
    }

    /// Checks that the ledger's key signed the checkpoint and that the entry is in that ledger.
    pub fn verify(&self, verifier: &NoteVerifier) -> Result<Checkpoint, ProofError> {
        let checkpoint = verify_checkpoint(self.checkpoint.as_bytes(), verifier)?;
        check_inclusion(&checkpoint, self.index, &self.entry, &self.path)?;
        Ok(checkpoint)
    }

    /// When this witness cosigned the checkpoint, in seconds since 1970, if it did. Counts only beside [`Self::verify`].
    pub fn witnessed_at(&self, witness: &NoteVerifier) -> Option<u64> {
        SignedNote::parse(self.checkpoint.as_bytes()).ok()?.cosigned_by(witness)
    }

    /// Whether this witness cosigned the checkpoint. Counts only beside [`Self::verify`].
    pub fn is_witnessed_by(&self, witness: &NoteVerifier) -> bool {
        self.witnessed_at(witness).is_some()
    }

    /// The entry, read.
    pub fn read_entry(&self) -> Result<Entry, EntryError> {
        Entry::from_bytes(&self.entry)
    }

    /// The leaf hash of the entry.
    pub fn leaf(&self) -> Digest {
        merkle::leaf_hash(&self.entry)
    }
}

pub(crate) fn check_inclusion(
    checkpoint: &Checkpoint,
    index: u64,
    entry: &[u8],
    path: &[Digest],
) -> Result<(), ProofError> {
    let leaf = merkle::leaf_hash(entry);
    if entry.len() > ENTRY_BYTES_MAX
        || !merkle::verify_inclusion(&checkpoint.root, checkpoint.size, index, &leaf, path)
    {
        return Err(ProofError::NotIncluded {
            index,
            origin: checkpoint.origin.clone(),
            size: checkpoint.size,
        });
    }
    Ok(())
}

/// Why something is no receipt. Whoever handed it out or copied it is to blame; ask for it again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The checkpoint cannot be believed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The bytes are no proof.
    #[error("this is no receipt: {reason}")]
    Malformed {
        /// The rule it breaks.
        reason: &'static str,
    },
    /// The ledger holds something else there.
    #[error("{origin}, at {size} entries, does not hold this entry at index {index}")]
    NotIncluded {
        /// The index claimed.
        index: u64,
        /// The ledger.
        origin: String,
        /// The size of the checkpoint.
        size: u64,
    },
    /// The checkpoint is one of another ledger than the bundle says.
    #[error("this bundle claims to be from {claimed}, its checkpoint is of {origin}")]
    OtherLedger {
        /// What the bundle says.
        claimed: LedgerId,
        /// What the checkpoint says.
        origin: String,
    },
    /// The bundle carries another checkpoint than the one it is checked against.
    #[error("this bundle rests on another checkpoint")]
    OtherCheckpoint,
}

#[cfg(test)]
#[path = "proof_tests.rs"]
mod tests;
