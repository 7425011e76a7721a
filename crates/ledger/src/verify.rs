//! Offline verification of a copied ledger folder: signature, tiles, entry bundles, entries. Needs nothing but the folder and
//! the ledger's key; names every problem and goes on; holds a few tiles in memory whatever the size.

use crate::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use crate::tile_walk::TileWalk;
use crate::tiles::{CHECKPOINT_PATH, TileStore, VKEY_PATH};
use crate::{VerifierKeysError, parse_verifier_keys};
use yizhan_document::Digest;
use yizhan_identity::NoteVerifier;

/// What a verification came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The checkpoint, if one could be read; believe it only if there was no problem.
    pub checkpoint: Option<Checkpoint>,
    /// How many entries were read.
    pub entries: u64,
    /// Who cosigned the checkpoint, by name, and when, in seconds since 1970; those whose keys were given.
    pub witnesses: Vec<(String, u64)>,
    /// How many problems were reported.
    pub problems: u64,
}

/// One thing wrong with a ledger folder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A file that the checkpoint demands is not there.
    #[error("{path}: missing")]
    Missing {
        /// Which file.
        path: String,
    },
    /// A file cannot be read.
    #[error("{path}: cannot be read: {reason}")]
    Unreadable {
        /// Which file.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// A file is not of its form.
    #[error("{path}: {reason}")]
    Malformed {
        /// Which file.
        path: String,
        /// The rule it breaks.
        reason: String,
    },
    /// The checkpoint is not one, or not signed by the ledger's key.
    #[error("checkpoint: {0}")]
    Checkpoint(CheckpointError),
    /// The keys in the folder cannot be used.
    #[error("vkey: {0}")]
    Keys(VerifierKeysError),
    /// No key for this ledger was given or lies in the folder, or another one than was given.
    #[error("vkey: {reason}")]
    Key {
        /// What is wrong.
        reason: &'static str,
    },
    /// A witness's line on the checkpoint is wrong.
    #[error("checkpoint: the cosignature of {name} is wrong")]
    Cosignature {
        /// The witness.
        name: String,
    },
    /// The root over the tiles is not the checkpoint's.
    #[error("checkpoint: its root is not that of the {size} entries in the folder, which is {found}")]
    Root {
        /// The checkpoint's size.
        size: u64,
        /// What the folder comes to.
        found: Digest,
    },
    /// An entry does not have its leaf hash: one of the two files is wrong.
    #[error("{bundle}: entry {index} does not have the leaf hash that stands in {tile}")]
    Leaf {
        /// The index of the entry.
        index: u64,
        /// The bundle that holds the entry.
        bundle: String,
        /// The tile that holds the hash.
        tile: String,
    },
    /// A hash in a tile is not the root of the tile below it: one of the two files is wrong.
    #[error("{tile}: hash {place} is not the root of {below}")]
    Hash {
        /// The tile that holds the hash.
        tile: String,
        /// Which hash in it, from 0.
        place: usize,
        /// The tile below.
        below: String,
    },
    /// A partial tile or bundle of an earlier checkpoint does not fit the later one.
    #[error("{path}: does not fit the checkpoint at hash or entry {place}")]
    Partial {
        /// Which file.
        path: String,
        /// Which hash or entry in it, from 0.
        place: usize,
    },
    /// An entry has its hash, but says nothing that is known here: written so by the node itself.
    #[error("{bundle}: entry {index}: {reason}")]
    Entry {
        /// The index of the entry.
        index: u64,
        /// The bundle that holds it.
        bundle: String,
        /// What is wrong.
        reason: String,
    },
    /// So much is missing that the verification ended.
    #[error("from entry {index} on too many files are missing; nothing after them was looked at")]
    GaveUp {
        /// The first entry not looked at.
        index: u64,
    },
}

/// Verifies the ledger in `store` and hands every problem to `report` as it is found.
///
/// `trusted` are the keys of the ledger and of witnesses, from the directory. If it is empty, the file `vkey` in the folder is
/// believed: that shows damage, but not that the ledger is the one of the node it names.
pub fn verify_ledger(
    store: &dyn TileStore,
    trusted: &[NoteVerifier],
    report: &mut dyn FnMut(Problem),
) -> Verified {
    let mut problems = 0;
    let mut report = |problem: Problem| {
        problems += 1;
        report(problem);
    };
    let keys = keys(store, trusted, &mut report);
    let note = match store.read(CHECKPOINT_PATH) {
        Ok(Some(note)) => Some(note),
        Ok(None) => {
            report(Problem::Missing { path: CHECKPOINT_PATH.to_owned() });
            None
        }
        Err(e) => {
            report(Problem::Unreadable { path: CHECKPOINT_PATH.to_owned(), reason: e.to_string() });
            None
        }
    };
    let mut witnesses = Vec::new();
    let checkpoint = note.and_then(|note| checkpoint(&note, &keys, &mut witnesses, &mut report));
    let entries =
        checkpoint.as_ref().map_or(0, |checkpoint| TileWalk::new(store, checkpoint, &mut report).walk());
    Verified { checkpoint, entries, witnesses, problems }
}

/// The keys to verify with. Those in the folder must agree with those that are trusted.
fn keys(
    store: &dyn TileStore,
    trusted: &[NoteVerifier],
    report: &mut dyn FnMut(Problem),
) -> Vec<NoteVerifier> {
    let found = match store.read(VKEY_PATH) {
        Ok(Some(bytes)) => parse_verifier_keys(&bytes).map_err(Problem::Keys),
        Ok(None) => Err(Problem::Missing { path: VKEY_PATH.to_owned() }),
        Err(e) => Err(Problem::Unreadable { path: VKEY_PATH.to_owned(), reason: e.to_string() }),
    };
    let found = found.unwrap_or_else(|problem| {
        report(problem);
        Vec::new()
    });
    if trusted.is_empty() {
        return found;
    }
    let own = |key: &&NoteVerifier| !key.is_cosigner();
    if !found.is_empty() && !trusted.iter().filter(own).any(|key| found.contains(key)) {
        report(Problem::Key {
            reason: "the key in the folder is not the one that was given for this ledger",
        });
    }
    trusted.to_vec()
}

fn checkpoint(
    note: &[u8],
    keys: &[NoteVerifier],
    witnesses: &mut Vec<(String, u64)>,
    report: &mut dyn FnMut(Problem),
) -> Option<Checkpoint> {
    let claimed = Checkpoint::from_unverified_note(note).map_err(|e| report(Problem::Checkpoint(e))).ok()?;
    let own: Vec<&NoteVerifier> = keys.iter().filter(|key| !key.is_cosigner()).collect();
    let named = own.iter().filter(|key| key.name() == claimed.origin);
    // A ledger may have had several keys; if none has its name, the first one says what was expected.
    let mut tries = named.chain(own.first()).map(|key| SignedCheckpoint::verify(note, key));
    let Some(first) = tries.next() else {
        report(Problem::Key { reason: "there is no key to check the checkpoint with" });
        return Some(claimed);
    };
    match first.or_else(|error| tries.find_map(Result::ok).ok_or(error)) {
        Ok(signed) => cosignatures(&signed, keys, witnesses, report),
        Err(error) => report(Problem::Checkpoint(error)),
    }
    Some(claimed)
}

fn cosignatures(
    signed: &SignedCheckpoint,
    keys: &[NoteVerifier],
    witnesses: &mut Vec<(String, u64)>,
    report: &mut dyn FnMut(Problem),
) {
    for witness in keys.iter().filter(|key| key.is_cosigner()) {
        match signed.cosigned_by(witness) {
            Some(time) => witnesses.push((witness.name().to_owned(), time)),
            None if signed.names(witness) => report(Problem::Cosignature { name: witness.name().to_owned() }),
            None => {}
        }
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
