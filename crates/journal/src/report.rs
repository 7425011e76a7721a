//! What recovery found.

use std::fmt;

/// What opening the journal found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// There was no segment at all. Whoever knows of a ledger, and thus of an earlier journal, must not go on.
    pub fresh: bool,
    /// The last stop was no clean one; the last segment was rewritten and locations in it have changed.
    pub unclean: bool,
    /// Batches that were whole.
    pub batches: u64,
    /// Records given to the visitor.
    pub records: u64,
    /// The incomplete last batch, if there was one. Nothing of it was given to the visitor.
    pub torn_tail: Option<TornTail>,
    /// Everything else that is bad. Records in these stretches were not given to the visitor. The bytes stay where they
    /// are and can be read with [`crate::Journal::raw`]; each opening reports them again.
    pub damaged: Vec<Damage>,
    /// Stretches that a batch left which was refused for lack of space: nothing was ever promised about them.
    pub abandoned: Vec<Damage>,
    /// `*.torn` files in the folder, of this recovery and earlier ones: to be moved to quarantine.
    pub torn_files: Vec<String>,
    /// Files that are not the journal's; left alone.
    pub unknown_files: Vec<String>,
}

/// An incomplete last batch with nothing valid after it: a crash before its sync. Its bytes are kept in a file, since
/// damage to the last batch looks the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The segment in which it was.
    pub segment: u64,
    /// Where it began, in bytes.
    pub offset: u64,
    /// How long it was, in bytes.
    pub len: u64,
    /// The file in the journal folder that keeps the bytes.
    pub file: String,
}

/// A stretch of bytes that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The segment, as it is numbered now; 0 where whole batches are missing.
    pub segment: u64,
    /// Where it begins, in bytes.
    pub offset: u64,
    /// How long it is, in bytes; 0 where bytes are missing.
    pub len: u64,
    /// What is wrong.
    pub reason: DamageReason,
    /// A later batch (or the caller) attests that these bytes had been synced, so the disk lost them. Otherwise a power
    /// cut before the sync of several batches explains them as well.
    pub attested: bool,
}

/// What is wrong with a stretch of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DamageReason {
    /// The header of the segment.
    SegmentHeader,
    /// One record: its checksum does not fit, its neighbours are unharmed.
    Record,
    /// Bytes in which neither batch nor record begins.
    Framing,
    /// Batches `from` to `to` are missing altogether: a segment was lost.
    Missing {
        /// The first sequence number that is missing.
        from: u64,
        /// The last one.
        to: u64,
    },
    /// The left-over of a batch that was refused for lack of space. No damage: nothing was promised.
    Abandoned,
    /// The location names no record.
    NoRecord,
}

impl fmt::Display for DamageReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SegmentHeader => f.write_str("the segment's header is not what was written"),
            Self::Record => f.write_str("the record is not what was written"),
            Self::Framing => f.write_str("no batch or record begins where one should"),
            Self::Missing { from, to } => write!(f, "batches {from} to {to} are missing"),
            Self::Abandoned => f.write_str("left over from a batch that was refused for lack of space"),
            Self::NoRecord => f.write_str("there is no such record"),
        }
    }
}
