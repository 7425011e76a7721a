//! Limits of the disk room, in one place.

use yizhan_journal::limits::BATCH_BYTES_MAX;

/// Batches of one group commit, at the most.
pub const GROUP_BATCHES_MAX: usize = 256;
/// Batches join a group as long as it stays within this many bytes; a larger one makes a group of its own.
pub const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Batches that wait for the committer, at the most.
pub const INTAKE_BATCHES_MAX: usize = 4096;
/// Bytes that wait for the committer, at the most; one batch is always let in.
pub const INTAKE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Segments of the journal that are kept open for reading, at the most.
pub(crate) const OPEN_SEGMENTS_MAX: usize = 128;

/// A value in the queue, in bytes, at the most: sled's blob path, which larger ones reach, loses data.
pub const QUEUE_VALUE_BYTES_MAX: usize = 4096;
/// Changes handed to the queue at once, at the most.
pub const QUEUE_CHANGES_MAX: usize = 1024;
/// Entries of one listing of the queue, at the most.
pub const QUEUE_LIST_MAX: usize = 1024;
/// Changes that wait to be written to the queue, at the most; who has more waits.
pub(crate) const QUEUE_WAITING_MAX: usize = 32 * 1024;
/// So many are written at once, whoever may still come.
pub(crate) const QUEUE_WAITING_MANY: usize = QUEUE_WAITING_MAX / 4;
/// How long changes wait in memory before they are written to the queue, in milliseconds, while there are no more.
pub(crate) const QUEUE_LATE_MS: u64 = 1_000;
/// How long the queue's thread may take to answer, in seconds: far above anything it is asked. One that is silent for longer has failed.
pub(crate) const QUEUE_ANSWER_S: u64 = 60;
/// Requests that wait for the queue's thread, at the most.
pub(crate) const QUEUE_REQUESTS_MAX: usize = 64;
/// sled's page cache, in bytes; it takes up to twice as much.
pub(crate) const QUEUE_CACHE_BYTES: u64 = 32 * 1024 * 1024;
/// The queue's thread makes sled durable each time it has written this many bytes. Measured safe up to 256 KiB.
pub(crate) const QUEUE_BARRIER_BYTES: usize = 128 * 1024;
/// sled syncs by itself this often, in milliseconds.
pub(crate) const QUEUE_FLUSH_MS: u64 = 500;
/// The mark of a clean stop, in bytes, at the most.
pub(crate) const QUEUE_MARK_BYTES_MAX: u64 = 4096;

/// So much of a body is written before it is sent on its way to the disk, in bytes.
pub(crate) const WRITE_BEHIND_BYTES: u64 = 32 * 1024 * 1024;

/// A piece of a body, in bytes, as the envelope's header commits to it.
pub const PIECE_BYTES: u64 = 1024 * 1024;
/// A body file, in bytes, at the most: content at its limit, its manifest and the encryption's overhead fit.
pub const BODY_BYTES_MAX: u64 = yizhan_document::limits::CONTENT_BYTES_MAX * 2;

const _: () = assert!(GROUP_BYTES_MAX <= BATCH_BYTES_MAX && BATCH_BYTES_MAX <= INTAKE_BYTES_MAX);
const _: () = assert!(QUEUE_VALUE_BYTES_MAX <= 4096 && QUEUE_BARRIER_BYTES <= 256 * 1024);
