//! Limits of this crate, in one place: what a stranger's file or a neighbour's message may make us hold.

use crate::ENTRY_BYTES_MAX;
use yizhan_document::merkle::PATH_MAX;

/// Hashes in a full tile and entries in a full entry bundle (C2SP `tlog-tiles`, "Merkle Tree").
pub const TILE_WIDTH: usize = 256;
/// The bytes of a hash.
pub const HASH_BYTES: usize = 32;
/// A file of a ledger folder, in bytes, at the most: a full entry bundle of the longest entries.
pub const LEDGER_FILE_BYTES_MAX: usize = TILE_WIDTH * (2 + ENTRY_BYTES_MAX);
/// A checkpoint with its signatures, in bytes, at the most.
pub const CHECKPOINT_BYTES_MAX: usize = 64 * 1024;
/// Cosignatures kept on one checkpoint, at the most: a hub has more neighbours than a receipt needs witnesses.
pub const COSIGNATURES_MAX: usize = 16;
/// A `.tlog-proof` file, in bytes, at the most: first lines with extra data, a longest path, a checkpoint.
pub const PROOF_BYTES_MAX: usize = EXTRA_BYTES_MAX + PATH_MAX * 45 + CHECKPOINT_BYTES_MAX + 64;
/// The line of extra data in a `.tlog-proof` file, in bytes, at the most. We write none and use none.
pub const EXTRA_BYTES_MAX: usize = 64 * 1024;
/// Receipts in one bundle, at the most.
pub const BUNDLE_RECEIPTS_MAX: usize = 4096;
/// A delivery certificate as JSON, in bytes, at the most: several receipts for each of as many destinations as there may be.
pub const CERTIFICATE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// A file of verifier keys, in bytes, at the most.
pub const KEYS_FILE_BYTES_MAX: usize = 16 * 1024;

/// Full tiles of leaf hashes that stay in memory after they are stored (2 MiB of hashes): receipts are asked for soon.
pub const RECENT_TILES: u64 = 128;
/// Stored entries that stay in memory, in bytes, at the most. Entries that are not stored yet always stay.
pub const RECENT_ENTRIES_BYTES: usize = 2 * 1024 * 1024;
/// Older tiles kept in memory once read and checked, at the most (16 KiB each).
pub const OLDER_TILES: usize = 32;

/// After so many missing bundles in a row a verification ends: a forged size must not make it walk for ever.
pub const MISSING_IN_A_ROW_MAX: u64 = 1024;

const _: () = assert!(TILE_WIDTH.is_power_of_two() && LEDGER_FILE_BYTES_MAX > TILE_WIDTH * HASH_BYTES);
const _: () = assert!(CHECKPOINT_BYTES_MAX <= yizhan_identity::limits::NOTE_BYTES_MAX);
