//! Limits on everything a client can make the door hold, and on how long it may take, in one place.

use std::time::Duration;
use yizhan_document::limits::{
    BATCH_MANIFESTS_MAX, GROUP_BYTES_MAX, GROUPS_MAX, LABEL_BYTES_MAX, MANIFEST_BYTES_MAX,
    PART_NAME_BYTES_MAX, PARTS_MAX, RECIPIENTS_MAX,
};

/// Connections served at the same time; further ones wait in the backlog of the socket.
pub const CONNECTIONS_MAX: usize = 256;
/// Request line and headers of one request, in bytes, at the most.
pub const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Headers of one request, at the most.
pub const HEADERS_MAX: usize = 64;
/// How long a client may take to send one request's headers; an idle connection is closed after it as well.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Read buffer of one connection, in bytes: the largest piece in which a request body arrives.
pub const READ_BUFFER_BYTES: usize = 64 * 1024;

/// A JSON request other than a submission, in bytes, at the most.
pub const JSON_BYTES_MAX: usize = 64 * 1024;
/// A version of the directory as a tar archive, in bytes, at the most.
pub const DIRECTORY_BYTES_MAX: usize = 192 * 1024 * 1024;
/// How long a client may take to send a JSON request.
pub const JSON_TIMEOUT: Duration = Duration::from_secs(30);
/// The `submission` field of an upload, in bytes, at the most: label, files and recipients at their own limits fit.
pub const SUBMISSION_BYTES_MAX: usize = MANIFEST_BYTES_MAX;
/// An idempotency key, in bytes, at the most.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 128;
/// Documents of one batch, at the most.
pub const BATCH_DOCUMENTS_MAX: usize = 256;
/// The field `submissions` of a batch, in bytes, at the most.
pub const BATCH_SUBMISSIONS_BYTES_MAX: usize = 2 * 1024 * 1024;
/// The files of one batch together, in bytes, at the most: a batch is held in memory.
pub const BATCH_CONTENT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Batches read and taken at the same time; further ones wait.
pub const BATCHES_MAX: usize = 8;
/// How long an upload may stand still before it is given up.
pub const UPLOAD_IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// What the multipart reader may take in without handing out a field or content, in bytes: bounds preambles, padding and
/// field headers without end, for which the library sets no limit.
pub const UNPARSED_BYTES_MAX: usize = 4 * READ_BUFFER_BYTES;
/// How much of an upload that was answered early is still read and thrown away, in bytes, so that a client that reads its
/// answer only after sending gets to see it.
pub const DISCARDED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// For how long it is read and thrown away.
pub const DISCARD_TIMEOUT: Duration = Duration::from_secs(10);

/// One piece of content on its way between door and node, in bytes, at the most.
pub const PIECE_BYTES_MAX: usize = 64 * 1024;
/// Pieces of one document on their way between door and node, at the most; more wait at the sender.
pub const PIECES_IN_FLIGHT_MAX: usize = 15;

/// Inbox or queue items in one answer, at the most; who asks for more gets so many.
pub const PAGE_ITEMS_MAX: usize = 1000;
/// Inbox or queue items in one answer where the client names no number.
pub const PAGE_ITEMS_DEFAULT: usize = 100;
/// How often a silent event stream sends a comment, so that both sides notice when the other is gone.
pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// How long answers under way may take after the node was told to stop.
pub const STOPPING_GRACE: Duration = Duration::from_secs(10);

/// One JSON answer as the client library takes it, in bytes, at the most.
pub const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;
/// One line of an event stream as the client library takes it, in bytes, at the most.
pub const EVENT_LINE_BYTES_MAX: usize = 64 * 1024;

// An address is at most 48 + 1 + 16 bytes and three of JSON; JSON escapes double names and label at the most.
const _: () = assert!(
    RECIPIENTS_MAX * 68
        + PARTS_MAX * (PART_NAME_BYTES_MAX * 2 + 64)
        + LABEL_BYTES_MAX * 2
        + GROUPS_MAX * (GROUP_BYTES_MAX + 3)
        + 4096
        < SUBMISSION_BYTES_MAX
);
// At most 1 MiB is in flight: the full channel, and the piece that waits for a place in it.
const _: () = assert!(PIECE_BYTES_MAX * (PIECES_IN_FLIGHT_MAX + 1) <= 1024 * 1024);
const _: () = assert!(UNPARSED_BYTES_MAX > 2 * READ_BUFFER_BYTES && HEAD_BYTES_MAX <= READ_BUFFER_BYTES);
const _: () = assert!(BATCH_DOCUMENTS_MAX <= BATCH_MANIFESTS_MAX);
