//! Witnessing: what a node remembers of a neighbour's ledger, and what it demands before it cosigns a newer checkpoint.

use crate::checkpoint::{Checkpoint, CheckpointError, verify_checkpoint};
use serde::{Deserialize, Serialize};
use yizhan_document::{Digest, LedgerId, merkle};
use yizhan_identity::NoteVerifier;

/// The newest head of a ledger that this node has checked. Keep the note it came from beside it: after a fork it is evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witnessed {
    /// The ledger.
    pub ledger: LedgerId,
    /// How many entries it had.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
}

impl Witnessed {
    /// A ledger of which nothing is known yet.
    pub fn nothing(ledger: LedgerId) -> Self {
        Self { ledger, size: 0, root: merkle::root(&[]) }
    }

    /// The ledger as this checkpoint, verified and continuing what was known, shows it; `None` if it is not of one of our
    /// ledgers.
    pub fn at(checkpoint: &Checkpoint) -> Option<Self> {
        Some(Self { ledger: checkpoint.ledger()?, size: checkpoint.size, root: checkpoint.root })
    }
}

/// Checks that `new`, a checkpoint whose signature was verified, continues the ledger that `old` remembers. Only then may it
/// be cosigned and remembered in the place of `old`.
pub fn check_advance(
    old: &Witnessed,
    new: &Checkpoint,
    consistency_path: &[Digest],
) -> Result<(), WitnessError> {
    if new.ledger() != Some(old.ledger) {
        return Err(WitnessError::OtherLedger { known: old.ledger, origin: new.origin.clone() });
    }
    let ledger = old.ledger;
    if new.size < old.size {
        return Err(WitnessError::Behind { ledger, known: old.size, offered: new.size });
    }
    if new.size == old.size && new.root != old.root {
        return Err(WitnessError::Fork { ledger, size: old.size, known: old.root, offered: new.root });
    }
    if !merkle::verify_consistency(old.size, &old.root, new.size, &new.root, consistency_path) {
        return Err(WitnessError::Unproven { ledger, known: old.size, offered: new.size });
    }
    Ok(())
}

/// Why a checkpoint is not cosigned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WitnessError {
    /// The sender mixed up ledgers, or began a new epoch, of which nothing is known yet.
    #[error("{known} was expected, the checkpoint is of {origin}")]
    OtherLedger {
        /// The ledger in question.
        known: LedgerId,
        /// What the checkpoint names.
        origin: String,
    },
    /// Overtaken on the way, or the neighbour was put back to an old state. Tell it the size known here.
    #[error("the checkpoint of {ledger} has {offered} entries, {known} are known here")]
    Behind {
        /// The ledger.
        ledger: LedgerId,
        /// The size known here.
        known: u64,
        /// The size offered.
        offered: u64,
    },
    /// Two roots for one size: the ledger has two histories. Stop believing it, keep both notes as [`ForkProof`], raise an
    /// alarm.
    #[error("{ledger} has forked: at {size} entries it had the root {known} and now shows {offered}")]
    Fork {
        /// The ledger.
        ledger: LedgerId,
        /// The size.
        size: u64,
        /// The root known here.
        known: Digest,
        /// The root offered.
        offered: Digest,
    },
    /// The path does not lead from the one root to the other: a wrong path, or a fork. Ask once more; a neighbour that cannot
    /// show a path has forked, though this alone proves it to nobody else.
    #[error("nothing shows that {ledger} with {offered} entries continues the {known} entries known here")]
    Unproven {
        /// The ledger.
        ledger: LedgerId,
        /// The size known here.
        known: u64,
        /// The size offered.
        offered: u64,
    },
}

/// Two checkpoints that convict the key which signed both: one size, two roots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForkProof {
    /// The note known first.
    pub first: String,
    /// The note that contradicts it.
    pub second: String,
}

impl ForkProof {
    /// Whether the two notes convict the ledger with this key; its size where it forked, and the two roots.
    pub fn verify(&self, verifier: &NoteVerifier) -> Result<Option<(u64, Digest, Digest)>, CheckpointError> {
        let first = verify_checkpoint(self.first.as_bytes(), verifier)?;
        let second = verify_checkpoint(self.second.as_bytes(), verifier)?;
        let forked = first.size == second.size && first.root != second.root;
        Ok(forked.then_some((first.size, first.root, second.root)))
    }
}

#[cfg(test)]
#[path = "witness_tests.rs"]
mod tests;
