//! One exported receipt: an entry, its proof, and the directory; nothing else is needed.

use crate::ledger_check::{cosigners, ledger_key};
use crate::report::WitnessedBy;
use serde::Serialize;
use yizhan_document::{LedgerId, NodeId};
use yizhan_hierarchy::Directory;
use yizhan_identity::NoteError;
use yizhan_ledger::{
    Checkpoint, CheckpointError, Entry, EntryError, ProofError, Receipt, SignedCheckpoint, ledger_of,
};

/// What a receipt proves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReceiptFinding {
    /// The ledger that holds the entry.
    pub ledger: LedgerId,
    /// Where in it.
    pub index: u64,
    /// The size of the ledger under the checkpoint of the receipt.
    pub size: u64,
    /// The nodes that cosigned that checkpoint. Where there are none, only the ledger's own key says that the entry was
    /// there, and nobody bounds when.
    pub witnessed_by: Vec<WitnessedBy>,
    /// The entry.
    pub entry: Entry,
}

/// Checks one receipt: the content of its `.tlog-proof` file and the exact bytes of the entry beside it.
pub fn verify_receipt(
    directory: &Directory,
    proof: &[u8],
    entry: Vec<u8>,
) -> Result<ReceiptFinding, ReceiptError> {
    let receipt = Receipt::from_proof(proof, entry)?;
    let claimed = Checkpoint::from_unverified_note(receipt.checkpoint.as_bytes())?;
    let other =
        || ReceiptError::OtherNetwork { origin: claimed.origin.clone(), network: directory.network.clone() };
    let (_, ledger) = ledger_of(&claimed.origin)
        .filter(|(network, ledger)| *network == directory.network_of(ledger.node))
        .ok_or_else(other)?;
    let key = ledger_key(directory, ledger).ok_or(ReceiptError::UnknownNode { node: ledger.node })??;
    let checkpoint = receipt.verify(&key)?;
    let signed = SignedCheckpoint::verify(receipt.checkpoint.as_bytes(), &key)?;
    Ok(ReceiptFinding {
        ledger,
        index: receipt.index,
        size: checkpoint.size,
        witnessed_by: cosigners(directory, ledger, &signed),
        entry: receipt.read_entry()?,
    })
}

/// Why a receipt is not believed. Whoever handed it out is to blame, or whoever copied it; ask for it again.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// The proof does not prove the entry.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The checkpoint in it is none.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// It is proven, and no entry of a known kind.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The directory's key cannot bear the name of this ledger.
    #[error(transparent)]
    Key(#[from] NoteError),
    /// A receipt of another network, or of no ledger of ours.
    #[error("the receipt is of `{origin}`, which is no ledger of {network}")]
    OtherNetwork {
        /// What it names.
        origin: String,
        /// The network of the directory.
        network: String,
    },
    /// No such node.
    #[error(
        "the directory has no node {node}; take the directory that was in force when the receipt was made"
    )]
    UnknownNode {
        /// The node.
        node: NodeId,
    },
}
