//! Limits on everything a neighbour can say, in one place, asserted against each other and against those of documents.

use yizhan_document::limits::{DESTINATIONS_MAX, REASON_BYTES_MAX as DOCUMENT_REASON_BYTES_MAX};

/// Protocol versions named in a hello, at the most.
pub const VERSIONS_MAX: usize = 16;
/// A signed checkpoint with its cosignatures, in bytes, at the most.
pub const CHECKPOINT_BYTES_MAX: usize = 16 * 1024;
/// An envelope's header, in bytes, at the most.
pub const HEADER_BYTES_MAX: usize = 256 * 1024;
/// A slip's age header, in bytes, at the most. One X25519 stanza needs 168; the rest is room for a post-quantum suite.
pub const SLIP_BYTES_MAX: usize = 4096;
/// Slips in one offer, at the most: one for every destination an envelope may have.
pub const SLIPS_MAX: usize = 4096;
/// A body that rides inside its offer, in bytes, at the most: 256 KiB of content and what closing adds.
pub const INLINE_BODY_BYTES_MAX: usize = (256 + 64) * 1024;
/// Nodes on the path of an offer, at the most: above any depth of the tree, up and down again.
pub const PATH_NODES_MAX: usize = 32;
/// Hops that receipts and confirmations may still go, at the most.
pub const HOPS_MAX: u8 = 32;
/// Entries in one bundle of proofs, at the most.
pub const PROOF_ENTRIES_MAX: usize = 1024;
/// One ledger entry, in bytes, at the most.
pub const ENTRY_BYTES_MAX: usize = 64 * 1024;
/// Hashes in one inclusion or consistency path, at the most: more than any tree with 64-bit indexes needs.
pub const PROOF_PATH_MAX: usize = 64;
/// What travels closed beside an entry, in bytes, at the most.
pub const ATTACHMENT_BYTES_MAX: usize = 64 * 1024;
/// Acknowledgements in one custody frame, at the most.
pub const ACKNOWLEDGEMENTS_MAX: usize = 1024;
/// Indexes in one confirmation, at the most.
pub const KEPT_INDEXES_MAX: usize = 4096;
/// The reason of a rejection, in bytes, at the most.
pub const REASON_BYTES_MAX: usize = 2000;
/// The signature line of a cosignature, in bytes, at the most.
pub const COSIGN_LINE_BYTES_MAX: usize = 1024;
/// Divisions asked for at once, at the most, and files in one part of a directory.
pub const DIVISIONS_WANTED_MAX: usize = 1024;
/// Delegated lists that are told of at once, at the most.
pub const DELEGATED_LISTS_MAX: usize = 512;
/// The root of a directory, its policy and delegated lists, signatures included, in bytes, at the most; it travels in pieces.
pub const DIRECTORY_ROOT_BYTES_MAX: usize = 7 * 1024 * 1024;
/// One piece of a root, in bytes, at the most.
pub const DIRECTORY_ROOT_PIECE_BYTES_MAX: usize = 256 * 1024;
/// The certificate of the network's CA, in bytes, at the most.
pub const CA_BYTES_MAX: usize = 16 * 1024;
/// The file of one division, in bytes, at the most.
pub const DIVISION_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How much of a directory is put into one part, in bytes, unless a single file is longer: documents wait no longer behind it.
pub const DIRECTORY_PART_BYTES_AIM: usize = 256 * 1024;

/// One piece of a body, in bytes; the last may be shorter.
pub const PIECE_BYTES: u64 = 1024 * 1024;
/// A body on a stream of its own, in bytes, at the most (64 GiB).
pub const BODY_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;
/// Pieces of a body, at the most.
pub const PIECES_MAX: usize = 65_536;

/// Payload of a `Hello`, in bytes, at the most.
pub const HELLO_BYTES_MAX: u32 = 36 * 1024;
/// Payload of an `Offer`, in bytes, at the most.
pub const OFFER_BYTES_MAX: u32 = 4 * 1024 * 1024;
/// Payload of a `Wanted`, in bytes, exactly.
pub const WANTED_BYTES_MAX: u32 = 52;
/// Payload of a `Custody`, in bytes, at the most. Full batches of long entries do not fit: split by size, see
/// [`crate::encoded_bytes`].
pub const CUSTODY_BYTES_MAX: u32 = 4 * 1024 * 1024;
/// Payload of a `Rejection`, in bytes, at the most: one entry as proof, as a rule.
pub const REJECTION_BYTES_MAX: u32 = 256 * 1024;
/// Payload of a `ReceiptsHome`, in bytes, at the most. Full batches of long entries do not fit: split by size, see
/// [`crate::encoded_bytes`].
pub const RECEIPTS_HOME_BYTES_MAX: u32 = 4 * 1024 * 1024;
/// Payload of a `Kept`, in bytes, at the most.
pub const KEPT_BYTES_MAX: u32 = 36 * 1024;
/// Payload of a `Cosign`, in bytes, at the most.
pub const COSIGN_BYTES_MAX: u32 = 2 * 1024;
/// Payload of a `Recall`, in bytes, at the most: two entries as proof.
pub const RECALL_BYTES_MAX: u32 = 512 * 1024;
/// Payload of a `DirectoryHeld`, in bytes, at the most.
pub const DIRECTORY_HELD_BYTES_MAX: u32 = 40 * 1024;
/// Payload of a `DirectoryWanted`, in bytes, at the most.
pub const DIRECTORY_WANTED_BYTES_MAX: u32 = 36 * 1024;
/// Payload of a `DirectoryPart`, in bytes, at the most: the longest file of a division.
pub const DIRECTORY_PART_BYTES_MAX: u32 = 5 * 1024 * 1024;
/// Payload of an `EpochOpened`, in bytes, at the most: one entry as proof.
pub const EPOCH_OPENED_BYTES_MAX: u32 = 256 * 1024;
/// What stands at the head of a body stream, in bytes, at the most.
pub const BODY_HEAD_BYTES_MAX: u32 = (PIECES_MAX as u32) * 32 + 1024;

/// A bundle of one entry of full length with path and attachment, in bytes.
const BUNDLE_OF_ONE: usize =
    CHECKPOINT_BYTES_MAX + ENTRY_BYTES_MAX + ATTACHMENT_BYTES_MAX + PROOF_PATH_MAX * 32 + 256;

const _: () = assert!(SLIPS_MAX == DESTINATIONS_MAX);
const _: () = assert!(REASON_BYTES_MAX == DOCUMENT_REASON_BYTES_MAX);
const _: () = assert!(PIECES_MAX as u64 * PIECE_BYTES == BODY_BYTES_MAX);
const _: () = assert!(2 * CHECKPOINT_BYTES_MAX + VERSIONS_MAX * 2 + 256 < HELLO_BYTES_MAX as usize);
// An offer to every destination there may be, each with one X25519 stanza and a path of 12 hashes, fits with all else
// at its own limit.
const _: () = assert!(
    HEADER_BYTES_MAX
        + SLIPS_MAX * (168 + 12 * 32 + 32)
        + 2 * BUNDLE_OF_ONE
        + PATH_NODES_MAX * 24
        + INLINE_BODY_BYTES_MAX
        + 256
        < OFFER_BYTES_MAX as usize
);
const _: () = assert!(BUNDLE_OF_ONE + REASON_BYTES_MAX + 256 < REJECTION_BYTES_MAX as usize);
const _: () = assert!(
    BUNDLE_OF_ONE + ACKNOWLEDGEMENTS_MAX * 16 + PROOF_PATH_MAX * 32 + 256 < CUSTODY_BYTES_MAX as usize
);
const _: () = assert!(BUNDLE_OF_ONE + 256 < RECEIPTS_HOME_BYTES_MAX as usize);
const _: () = assert!(2 * BUNDLE_OF_ONE + 256 < RECALL_BYTES_MAX as usize);
const _: () = assert!(BUNDLE_OF_ONE + 256 < EPOCH_OPENED_BYTES_MAX as usize);
const _: () = assert!(KEPT_INDEXES_MAX * 8 + 256 < KEPT_BYTES_MAX as usize);
const _: () = assert!(COSIGN_LINE_BYTES_MAX + 256 < COSIGN_BYTES_MAX as usize);
const _: () = assert!(DELEGATED_LISTS_MAX * (24 + 8 + 40) + 64 < DIRECTORY_HELD_BYTES_MAX as usize);
const _: () = assert!(DIVISIONS_WANTED_MAX * 24 + 64 < DIRECTORY_WANTED_BYTES_MAX as usize);
const _: () = assert!(
    DIVISION_BYTES_MAX + DIRECTORY_PART_BYTES_AIM + DIVISIONS_WANTED_MAX * 32 + 256
        < DIRECTORY_PART_BYTES_MAX as usize
);
const _: () = assert!(
    DIRECTORY_ROOT_PIECE_BYTES_MAX + CA_BYTES_MAX + 256 < DIRECTORY_PART_BYTES_MAX as usize
        && DIRECTORY_ROOT_BYTES_MAX <= u32::MAX as usize
);
