//! Limits of the auditor, in one place: what copied ledgers, which may be forged, can make it hold.

/// Entries whose content is held at one time, at the most (about 250 bytes each). Where the ledgers have more, they are
/// read in several rounds, each for a part of the documents.
pub const ENTRIES_HELD_MAX: u64 = 2_000_000;
/// Problems of one kind that are reported, at the most; the others are counted.
pub const PROBLEMS_PER_FAULT_MAX: usize = 200;
/// How far clocks of two nodes may differ before it is said, in milliseconds: as far as nodes count as agreeing.
pub const CLOCK_TOLERANCE_MS: u64 = 5 * 60 * 1000;
/// Custody steps in one chain, at the most; a longer one goes in circles or is made up. Paths in the tree are far shorter.
pub const HOPS_MAX: usize = 64;
/// Missing link numbers that are written out, at the most.
pub const GAPS_NAMED_MAX: usize = 8;
/// A file of authority keys, in bytes, at the most.
pub const KEY_FILE_BYTES_MAX: u64 = yizhan_ledger::limits::KEYS_FILE_BYTES_MAX as u64;

const _: () = assert!(HOPS_MAX > 2 * yizhan_hierarchy::limits::DEPTH_MAX);
