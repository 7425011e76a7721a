//! The newest signed checkpoint of each neighbour's ledger that was seen here, kept to remind it after it was set back.
//!
//! Only a checkpoint that a node signed itself can prove to it that it has said more than it knows, so the note is kept as it
//! came. The files are written once a second and not synced: after a power cut here one may be older or gone, which makes the
//! memory weaker, never wrong.

use crate::proofs::ProofChecker;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use yizhan_document::{LedgerId, NodeId};
use yizhan_exchange::EpochStatement;
use yizhan_ledger::Checkpoint;

/// What is remembered of all neighbours.
pub(crate) struct Remembered {
    folder: PathBuf,
    notes: Mutex<BTreeMap<NodeId, Memory>>,
}

/// The newest checkpoint of one neighbour.
struct Memory {
    ledger: LedgerId,
    size: u64,
    note: Vec<u8>,
    written: bool,
}

impl Remembered {
    /// Reads what was written down before. A file that does not read or is not signed by its neighbour says nothing.
    pub(crate) fn open(
        folder: &Path,
        neighbours: &[NodeId],
        proofs: &ProofChecker,
    ) -> Result<Self, yizhan_spool::DiskError> {
        yizhan_spool::create_folder(folder)?;
        let remembered = Self { folder: folder.to_owned(), notes: Mutex::default() };
        for neighbour in neighbours {
            let Ok(note) = std::fs::read(remembered.file(*neighbour)) else { continue };
            let Some(ledger) =
                Checkpoint::from_unverified_note(&note).ok().and_then(|stated| stated.ledger())
            else {
                continue;
            };
            if ledger.node == *neighbour
                && let Ok(checkpoint) = proofs.checkpoint(ledger, &note)
            {
                remembered.remember(ledger, checkpoint.size, &note);
            }
        }
        Ok(remembered)
    }

    /// Takes a verified checkpoint in, if it is newer than what is known.
    pub(crate) fn remember(&self, ledger: LedgerId, size: u64, note: &[u8]) {
        let mut notes = self.notes();
        let known = notes.get(&ledger.node).is_some_and(|known| (known.ledger, known.size) >= (ledger, size));
        if !known {
            notes.insert(ledger.node, Memory { ledger, size, note: note.to_vec(), written: false });
        }
    }

    /// Takes in what a node signed when it began a new epoch: that much of a neighbour is remembered even if its file is gone.
    pub(crate) fn remember_epoch(&self, opened: &EpochStatement, proofs: &ProofChecker) {
        if let Ok(checkpoint) = proofs.checkpoint(opened.ledger, &opened.checkpoint) {
            self.remember(opened.ledger, checkpoint.size, &opened.checkpoint);
        }
    }

    /// The newest checkpoint of a neighbour; empty if none is known.
    pub(crate) fn of(&self, neighbour: NodeId) -> Vec<u8> {
        self.notes().get(&neighbour).map(|known| known.note.clone()).unwrap_or_default()
    }

    /// Writes down what is new.
    pub(crate) fn write_down(&self) {
        for (neighbour, memory) in self.notes().iter_mut().filter(|(_, memory)| !memory.written) {
            let file = self.file(*neighbour);
            let new = file.with_extension("new");
            let written = std::fs::write(&new, &memory.note).and_then(|()| std::fs::rename(&new, &file));
            match written {
                Ok(()) => memory.written = true,
                // The next round tries again; nothing is promised on this.
                Err(error) => tracing::warn!(%neighbour, %error, "a checkpoint cannot be written down"),
            }
        }
    }

    fn file(&self, neighbour: NodeId) -> PathBuf {
        self.folder.join(neighbour.to_string())
    }

    fn notes(&self) -> MutexGuard<'_, BTreeMap<NodeId, Memory>> {
        // A thread that panicked while it held the lock left whole notes.
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
