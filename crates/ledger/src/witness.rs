//! Witnessing: what a node remembers of a neighbour's ledger, and what it demands before it believes and cosigns more of it.

use crate::checkpoint::{CheckpointError, verify_checkpoint};
use crate::entry::Head;
use serde::{Deserialize, Serialize};
use yizhan_document::{Digest, LedgerId, merkle};
use yizhan_identity::NoteVerifier;
use yizhan_planted::{Bug, on};

/// A neighbour's ledger as one connection after another shows it: each head continues the one before it.
///
/// Heads of one connection come in order, so the neighbour proves each from the one it showed before. The first on a
/// connection may instead be proven from the one that this node cosigned last, which its hello named (MUST-26).
#[derive(Clone, Copy, Debug, Default)]
pub struct Following {
    newest: Option<Head>,
    continued: bool,
}

impl Following {
    /// A new connection, or the neighbour was asked to show its ledger anew from what was cosigned last.
    pub fn begin_anew(&mut self) {
        self.continued = false;
    }

    /// Takes a head whose checkpoint was verified. `path` is the consistency path from size `from`, and `cosigned` the head
    /// that this node cosigned last. Of a ledger that was never cosigned the first head is believed as it is.
    ///
    /// # Errors
    /// The head is not believed; what it was shown for must not be either.
    pub fn advance(
        &mut self,
        head: Head,
        from: u64,
        path: &[Digest],
        cosigned: Option<Head>,
    ) -> Result<(), WitnessError> {
        let begins = !std::mem::replace(&mut self.continued, true);
        let newest = self.newest.filter(|newest| newest.ledger == head.ledger).or(cosigned);
        let Some(newest) = newest.filter(|_| !(begins && from == 0 && cosigned.is_none())) else {
            self.newest = Some(head);
            return Ok(());
        };
        let known = if begins && from != newest.size { cosigned.unwrap_or(newest) } else { newest };
        if from != known.size && head.size > known.size {
            return Err(WitnessError::Unproven {
                ledger: head.ledger,
                known: known.size,
                offered: head.size,
            });
        }
        check_advance(&known, &head, path)?;
        self.newest = Some(head);
        Ok(())
    }
}

/// How often a neighbour is asked to show its ledger anew, at the most, in milliseconds.
const ASK_PAUSE_MS: u64 = 1_000;

/// When a neighbour is asked to show its ledger anew (MUST-27): once a second at the most, however much it shows that proves
/// nothing, so that it cannot buy a frame with a frame.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asking {
    due: Option<LedgerId>,
    asked_at: Option<u64>,
}

impl Asking {
    /// A head of this ledger was not proven: the neighbour is to be asked, now or later ([`Asking::due`]).
    pub fn unproven(&mut self, ledger: LedgerId) {
        self.due = Some(ledger);
    }

    /// A head was proven: there is nothing to ask any more.
    pub fn proven(&mut self) {
        self.due = None;
    }

    /// Whether there is something to ask, now or later.
    pub fn is_due(&self) -> bool {
        self.due.is_some()
    }

    /// The ledger to ask for now, at `now_ms` by a clock that only goes forward; nothing if there is none, or it is too soon.
    pub fn due(&mut self, now_ms: u64) -> Option<LedgerId> {
        if self.asked_at.is_some_and(|at| now_ms < at.saturating_add(ASK_PAUSE_MS)) {
            return None;
        }
        let due = self.due.take()?;
        self.asked_at = Some(now_ms);
        Some(due)
    }
}

/// Checks that `new`, of a checkpoint whose signature was verified, continues the ledger that `old` remembers. Only then may
/// it be cosigned and remembered in the place of `old`. Keep the notes that heads came from: after a fork they are evidence.
pub fn check_advance(old: &Head, new: &Head, consistency_path: &[Digest]) -> Result<(), WitnessError> {
    if new.ledger != old.ledger {
        return Err(WitnessError::OtherLedger { known: old.ledger, offered: new.ledger });
    }
    let ledger = old.ledger;
    if new.size < old.size {
        return Err(WitnessError::Behind { ledger, known: old.size, offered: new.size });
    }
    if new.size == old.size {
        let fork = WitnessError::Fork { ledger, size: old.size, known: old.root, offered: new.root };
        return if new.root == old.root { Ok(()) } else { Err(fork) };
    }
    let continues = merkle::verify_consistency(old.size, &old.root, new.size, &new.root, consistency_path);
    if !continues && !on(Bug::ConsistencyUnchecked) {
        return Err(WitnessError::Unproven { ledger, known: old.size, offered: new.size });
    }
    Ok(())
}

/// Why a checkpoint is not cosigned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WitnessError {
    /// The sender mixed up ledgers, or began a new epoch, of which nothing is known yet.
    #[error("{known} was expected, the checkpoint is of {offered}")]
    OtherLedger {
        /// The ledger in question.
        known: LedgerId,
        /// What the checkpoint is of.
        offered: LedgerId,
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
