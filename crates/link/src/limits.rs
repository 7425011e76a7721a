//! Limits of the wire: windows, streams, queues, waits; set, not defaulted, and asserted against each other.

use std::time::Duration;
use yizhan_protocol::limits::OFFER_BYTES_MAX;

/// Neighbours of one node, at the most.
pub const NEIGHBOURS_MAX: usize = 1024;

/// Frames queued for one neighbour, at the most.
pub const FRAMES_QUEUED_MAX: usize = 4096;
/// Bytes of frames queued for one neighbour, at the most.
pub const BYTES_QUEUED_MAX: usize = 48 * 1024 * 1024;
/// Bytes of frames handed to QUIC in one go; one frame may be longer.
pub const WRITE_BATCH_BYTES: usize = 256 * 1024;
/// Buffer in front of the control stream, in bytes.
pub const READ_BUFFER_BYTES: usize = 64 * 1024;

/// Bodies under way to one neighbour at once, at the most, and as many from it.
pub const BODIES_AT_ONCE_MAX: usize = 8;
/// Of these places one is kept for each priority above 0, up to this one, from those below it.
pub const PRIORITY_MAX: i32 = 4;
/// After so many bodies that began by their priority while an older one waited, the one that has waited longest begins.
pub const TURNS_BY_PRIORITY: u64 = 7;
/// Of the bodies on a connection so many bytes go by priority,
pub const BYTES_BY_PRIORITY: u64 = 8 * 1024 * 1024;
/// and then so many for all alike.
pub const BYTES_FOR_ALL: u64 = 1024 * 1024;
/// Bodies waiting for one neighbour, at the most.
pub const BODIES_WAITING_MAX: usize = 128;
/// Of these so many are kept for each priority above 0.
pub const BODIES_WAITING_KEPT: usize = 8;
/// How much of a body is read and handed to QUIC in one go, in bytes.
pub const BODY_CHUNK_BYTES: usize = 256 * 1024;

/// Unread bytes of one stream, at the most: bandwidth times round trip of the worst link.
pub const STREAM_RECEIVE_WINDOW: u32 = 4 * 1024 * 1024;
/// Unread bytes of one connection, at the most.
pub const RECEIVE_WINDOW: u32 = 40 * 1024 * 1024;
/// Bytes sent on one connection and not yet acknowledged, at the most.
pub const SEND_WINDOW: u64 = 40 * 1024 * 1024;
/// Handshake bytes of one connection that came out of order, at the most.
pub const CRYPTO_BUFFER_BYTES: usize = 16 * 1024;
/// The first size of a datagram, in bytes; every path of QUIC carries it (RFC 9000, section 14.1).
pub const INITIAL_MTU: u16 = 1200;
/// The largest datagram that is tried, in bytes of UDP payload: where the path carries it (jumbo frames, one machine), a third of
/// the packets does. quinn hands ten of them to the kernel at once, and UDP takes 65,507 bytes.
pub const MTU_MAX: u16 = 6500;

/// Incoming connections that QUIC holds before this crate looks at them, at the most.
pub const INCOMING_MAX: usize = 128;
/// Bytes buffered for one of them, at the most.
pub const INCOMING_BUFFER_BYTES: u64 = 64 * 1024;
/// Bytes buffered for all of them, at the most.
pub const INCOMING_BUFFER_BYTES_TOTAL: u64 = 2 * 1024 * 1024;
/// Incoming connections without a hello yet, at the most.
pub const HALF_OPEN_MAX: usize = 256;
/// Those of one address, at the most.
pub const HALF_OPEN_PER_ADDRESS_MAX: usize = 32;
/// Above so many, a caller must first show by a Retry that its address is its own (RFC 9000, section 8.1.2).
pub const HALF_OPEN_UNPROVEN_MAX: usize = 16;
/// Sessions handed to the task of a neighbour and not yet taken by it, at the most.
pub const SESSIONS_WAITING_MAX: usize = 1;

/// A peer that was not heard for so long is gone.
pub const IDLE: Duration = Duration::from_secs(10);
/// How often a silent connection shows that it lives.
pub const KEEP_ALIVE: Duration = Duration::from_secs(3);
/// From the first packet to both hellos, at the most; also for the head of a body stream.
pub const HANDSHAKE: Duration = Duration::from_secs(10);
/// The oldest a connection gets: then both sides show their certificates again, so that a revoked one ends.
pub const AGE: Duration = Duration::from_secs(3600);
/// The first wait before dialling again; it doubles up to the maximum.
pub const BACKOFF_FIRST: Duration = Duration::from_millis(50);
/// The longest such wait.
pub const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// How long closing waits for the neighbours to hear of it.
pub const CLOSE_PATIENCE: Duration = Duration::from_millis(500);

/// A reason that came from the other side, in characters, at the most.
pub const REASON_CHARS_MAX: usize = 200;

// Bodies that nobody reads must not stop the control stream: their windows together leave it room in the window of the
// connection, of which QUIC (quinn-proto 0.11) may hold back an eighth before it grants it again.
const _: () = assert!(
    RECEIVE_WINDOW - RECEIVE_WINDOW / 8
        >= BODIES_AT_ONCE_MAX as u32 * STREAM_RECEIVE_WINDOW + 2 * 1024 * 1024
);
// And neither on the sending side.
const _: () = assert!(SEND_WINDOW >= (BODIES_AT_ONCE_MAX as u64 + 1) * STREAM_RECEIVE_WINDOW as u64);
const _: () = assert!(BODIES_AT_ONCE_MAX > PRIORITY_MAX as usize);
const _: () = assert!(BODIES_WAITING_MAX > PRIORITY_MAX as usize * BODIES_WAITING_KEPT);
const _: () = assert!(BYTES_QUEUED_MAX > OFFER_BYTES_MAX as usize);
const _: () =
    assert!(HALF_OPEN_UNPROVEN_MAX < HALF_OPEN_PER_ADDRESS_MAX && HALF_OPEN_PER_ADDRESS_MAX < HALF_OPEN_MAX);
const _: () = assert!(INCOMING_BUFFER_BYTES < INCOMING_BUFFER_BYTES_TOTAL);
const _: () = assert!(KEEP_ALIVE.as_millis() * 3 < IDLE.as_millis());
