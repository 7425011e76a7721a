//! Limits and fixed sizes of envelopes, in one place, asserted against those of documents.

use yizhan_document::limits::{
    CONTENT_BYTES_MAX, DESTINATIONS_MAX, MANIFEST_BYTES_MAX, MANIFEST_PATH_BYTES_MAX,
    MANIFEST_TREE_BYTES_MAX, PARTS_MAX,
};
/// The detached CMS signature in a body, in bytes, at the most.
pub use yizhan_identity::limits::CMS_BYTES_MAX;

/// A header, in bytes, at the most.
pub const HEADER_BYTES_MAX: usize = 256 * 1024;
/// A slip's age header, in bytes: one X25519 stanza leaves no choice.
pub const SLIP_BYTES: usize = 168;
/// Hashes in the path of a slip, at the most.
pub const SLIP_PATH_MAX: usize = 12;
/// A piece of a body, in bytes; the last may be shorter.
pub const PIECE_BYTES: u64 = 1024 * 1024;
/// A body, in bytes, at the least: nonce and tag of an age payload.
pub const BODY_BYTES_MIN: u64 = NONCE_BYTES as u64 + TAG_BYTES as u64;
/// A body, in bytes, at the most: content, manifest and signature at their own limits fit.
pub const BODY_BYTES_MAX: u64 = body_bytes(
    CONTENT_BYTES_MAX
        + MANIFEST_BYTES_MAX as u64
        + (CMS_BYTES_MAX + MANIFEST_TREE_BYTES_MAX + MANIFEST_PATH_BYTES_MAX) as u64
        + (PARTS_MAX as u64 + 5) * 2 * BLOCK_BYTES as u64,
);
/// A closed attachment (a complete age file), in bytes, at the most.
pub const ATTACHMENT_BYTES_MAX: usize = 64 * 1024;
/// The content of an attachment, in bytes, at the most.
pub const ATTACHMENT_CONTENT_BYTES_MAX: usize = ATTACHMENT_BYTES_MAX - SLIP_BYTES - NONCE_BYTES - TAG_BYTES;

/// The nonce in front of an age payload, in bytes.
pub(crate) const NONCE_BYTES: usize = 16;
/// The tag after each chunk, in bytes.
pub(crate) const TAG_BYTES: usize = 16;
/// A chunk of plaintext, in bytes; the last may be shorter.
pub(crate) const CHUNK_BYTES: usize = 64 * 1024;
/// A block of a tar archive, in bytes.
pub(crate) const BLOCK_BYTES: usize = 512;

/// The size of the age payload over `plain` bytes.
pub(crate) const fn body_bytes(plain: u64) -> u64 {
    let chunks = plain.div_ceil(CHUNK_BYTES as u64);
    let chunks = if chunks == 0 { 1 } else { chunks };
    NONCE_BYTES as u64 + plain + chunks * TAG_BYTES as u64
}

// The longest destination is {"node":"16 characters","number":18446744073709551615}, with a comma.
const _: () = assert!(DESTINATIONS_MAX * 56 + 1024 < HEADER_BYTES_MAX);
const _: () = assert!(1 << SLIP_PATH_MAX >= DESTINATIONS_MAX);
const _: () = assert!(
    body_bytes(ATTACHMENT_CONTENT_BYTES_MAX as u64) + SLIP_BYTES as u64 == ATTACHMENT_BYTES_MAX as u64
);
const _: () = assert!(PIECE_BYTES.is_multiple_of(CHUNK_BYTES as u64));
