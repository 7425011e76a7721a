//! Where a record lies, and how far the journal has come.

use serde::{Deserialize, Serialize};

/// Where a record lies. Stays good until its segment is reclaimed, or until a recovery after an unclean stop rewrites the
/// last segment: whoever stores locations rebuilds them after an unclean stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Location {
    /// The segment.
    pub segment: u64,
    /// Where the record's header begins in it, in bytes.
    pub offset: u64,
    /// The length of its payload, in bytes.
    pub len: u32,
}

/// How far the journal has come; equal positions mean the same journal with the same content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Which journal: the random number it was begun with. 0 if nothing was ever written.
    pub journal: u64,
    /// The last segment; 0 if there is none.
    pub segment: u64,
    /// Its length, in bytes.
    pub bytes: u64,
    /// The sequence number of the last batch; 0 before the first.
    pub sequence: u64,
}
