//! Limits of the made-up world, and how long it may take to come to rest.

use yizhan_exchange::limits::{OFFER_PATIENCE_MS, OWED_WAIT_MS_MAX, REJECTED_WAIT_MS_MAX};

/// Lines of a trace that are kept, at the most.
pub const TRACE_LINES_MAX: usize = 400;
/// Failures of a run that are kept, at the most.
pub const FAILURES_MAX: usize = 16;
/// After the last fault everything is done within so many virtual milliseconds.
pub const DRAIN_MS_MAX: u64 = 900_000;
/// How long a world at rest is watched for something that still grows, in virtual milliseconds.
pub const IDLE_MS: u64 = 600_000;
/// How far the good clocks differ, in milliseconds.
pub const GOOD_CLOCK_SKEW_MS: u64 = 2_000;
/// How far a bad clock is off, in milliseconds (five hours).
pub const BAD_CLOCK_SKEW_MS: u64 = 5 * 3600 * 1000;
/// Things one node holds undecided, at the most, for each document of the run: its envelope from each neighbour, and frames.
pub const STAGED_PER_DOCUMENT_MAX: usize = 16;
/// How often a ledger is shown to neighbours that have not cosigned its present size, in milliseconds; as in the daemon.
pub const SHOW_MS: u64 = 1_000;
/// How long an event waits to be decided together with others, at the most, in milliseconds.
pub const ROW_MS_MAX: u64 = 4;
/// Batches written at once, at the most.
pub const BATCHES_AT_ONCE_MAX: usize = 64;
/// After one in so many syncs the journal says its whole state once more.
pub const CONDENSES_ONE_IN: u64 = 40;

// Receipts that were lost just before the last fault ended are sent again after the longest wait, and lost Kepts cause
// one round more.
const _: () = assert!(DRAIN_MS_MAX > 4 * (OWED_WAIT_MS_MAX + REJECTED_WAIT_MS_MAX + OFFER_PATIENCE_MS));
const _: () = assert!(GOOD_CLOCK_SKEW_MS * 2 < yizhan_exchange::limits::CLOCK_AGREEMENT_MS);
const _: () = assert!(BAD_CLOCK_SKEW_MS > 2 * yizhan_exchange::limits::CLOCK_AGREEMENT_MS);

/// Of so many copies one lets nothing go, as if a stop or a full disk came in between.
pub const RECLAIMS_NOT_ONE_IN: u64 = 4;

/// How long a segment of a journal grows, in bytes: short, so that copies leave some segments as they are.
pub const SEGMENT_BYTES: u64 = 8 * 1024;
