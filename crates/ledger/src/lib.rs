//! Proof: entries, Merkle log, checkpoints, cosignatures, receipts.
//!
//! A node keeps a [`Log`] of everything it did with documents and signs [`Checkpoint`]s of it. An [`Entry`] with its inclusion
//! path and a checkpoint is a [`Receipt`]; receipts under one checkpoint travel between nodes as a [`Bundle`]. Neighbours
//! follow each other's ledgers ([`Following`]) and cosign. On disk and outside the node everything has the public formats
//! of transparency logs (C2SP `tlog-tiles`, `tlog-checkpoint`, `tlog-cosignature`, `tlog-proof`), so that other programs can
//! check it; [`verify_ledger`] does so here. No clock, no network; the only disk is behind [`tiles::TileStore`].

mod bundle;
mod certificate;
mod checkpoint;
mod entry;
mod entry_bundle;
#[cfg(test)]
mod entry_tests;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod interop_tests;
pub mod limits;
mod log;
mod office_acts;
mod opening;
mod proof;
mod publication;
mod recall;
mod recent;
mod settlement;
mod standing;
mod tile_walk;
pub mod tiles;
mod verifier_keys;
mod verify;
mod witness;

pub use bundle::{Bundle, BundledReceipt};
pub use certificate::{CertificateError, CertifiedReceipt, DeliveryCertificate, DeliveryStatement, Stating};
pub use checkpoint::{
    Checkpoint, CheckpointError, SignedCheckpoint, ledger_of, origin_of, sign_checkpoint, verify_checkpoint,
};
pub use entry::*;
pub use log::{Log, LogError};
pub use opening::Found;
pub use proof::{ProofError, Receipt};
pub use publication::Publication;
pub use recall::{RecallAnswer, RecallRequest, recall_reason_digest};
pub use settlement::Settlement;
pub use standing::{DestinationStanding, PlacedEntry, Standing};
pub use verifier_keys::{VerifierKeysError, parse_verifier_keys, verifier_keys_text};
pub use verify::{Problem, Verified, verify_ledger};
pub use witness::{Asking, Following, ForkProof, WitnessError, check_advance};
