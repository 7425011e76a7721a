//! Limits of the journal, in one place.

/// A segment is closed and a new one begun before it grows beyond this many bytes.
pub const SEGMENT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Payload of one record, in bytes, at the most: an inline body, its header and slips, or the piece digests of a large body.
pub const RECORD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Records of one batch with their headers, in bytes, at the most.
pub const BATCH_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Records of one batch, at the most.
pub const BATCH_RECORDS_MAX: usize = 65_536;
/// Recovery reads and copies in pieces of this many bytes; one whole batch, at the most, is in memory besides.
pub(crate) const CHUNK_BYTES: usize = 1024 * 1024;

const _: () = assert!(RECORD_BYTES_MAX + crate::frame::RECORD_HEADER_LEN <= BATCH_BYTES_MAX);
const _: () = assert!((BATCH_BYTES_MAX as u64) < SEGMENT_BYTES_MAX && BATCH_BYTES_MAX < u32::MAX as usize);
const _: () = assert!(CHUNK_BYTES > crate::frame::BATCH_HEADER_LEN);
