//! What can go wrong with the journal, who is to blame, and what to do.

use crate::report::DamageReason;
use std::io;

/// What a visitor of records may fail with.
pub type VisitError = Box<dyn std::error::Error + Send + Sync>;

/// Why the journal did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk failed. During writing this has poisoned the journal.
    #[error(
        "the disk failed while {doing} {file}: {source}; nothing more is promised: restart the node, which re-reads the \
         disk, and check the device if it happens again"
    )]
    Disk {
        /// What was being done.
        doing: &'static str,
        /// To which file of the journal folder.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// No space. Nothing of this batch was promised or will appear; later batches may succeed. When opening, the journal is
    /// unchanged: rewriting the last segment needs as much space as it has.
    #[error("no space for the journal ({source}); nothing of it was promised: free space, then try again")]
    Full {
        /// What the system said.
        source: io::Error,
    },
    /// An earlier error of the disk: what was written since is in doubt.
    #[error("the journal is poisoned by an earlier disk error; restart the node, which re-reads the disk")]
    Poisoned,
    /// The caller's batch is beyond a limit of the format. Trying again does not help.
    #[error("{what} of {size} is beyond the limit of {max}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it is, in bytes or records.
        size: u64,
        /// The limit, in the same.
        max: u64,
    },
    /// The record asked for is damaged on disk, or the location names none.
    #[error(
        "the journal is damaged in segment {segment} at byte {offset}: {reason}; take the record from a neighbour"
    )]
    Damaged {
        /// The segment.
        segment: u64,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        reason: DamageReason,
    },
    /// Written by a release that this one does not understand.
    #[error(
        "segment {segment} has format version {version}; this release ({release}) reads version {readable}: \
         run the release that wrote it, or a newer one"
    )]
    Unsupported {
        /// The segment.
        segment: u64,
        /// Its version.
        version: u32,
        /// The version that this release reads.
        readable: u32,
        /// This release.
        release: &'static str,
    },
    /// Not one frame of the whole journal can be read, although there is more than a first commit could have left.
    #[error(
        "nothing in the {segments} segments of the journal is readable; restore the folder, nothing was changed"
    )]
    Unreadable {
        /// How many segments there are.
        segments: usize,
    },
    /// The segment may not be reclaimed: it is the last, or there is none of that number.
    #[error("segment {segment} is not one that everything before can be reclaimed of")]
    NotReclaimable {
        /// The segment.
        segment: u64,
    },
    /// The highest number that a file name of the journal has room for is in use: there is no name for a next segment.
    #[error("a file of the journal has the last number there is; restore the folder, nothing was changed")]
    NoNumberLeft,
    /// The visitor refused a record during recovery.
    #[error("a record of the journal was refused during recovery: {0}")]
    Visitor(VisitError),
}

impl JournalError {
    /// Whether only space is missing: refuse this batch, go on.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }

    /// Whether no promise may be made any more until a restart has re-read the disk.
    pub fn needs_restart(&self) -> bool {
        matches!(self, Self::Disk { .. } | Self::Poisoned)
    }
}

/// Says what was being done to which file.
pub(crate) fn disk(doing: &'static str, file: &str) -> impl FnOnce(io::Error) -> JournalError {
    let file = file.to_owned();
    move |source| JournalError::Disk { doing, file, source }
}

/// The same for writing, where only space may be missing.
pub(crate) fn space_or_disk(doing: &'static str, file: &str) -> impl FnOnce(io::Error) -> JournalError {
    let disk = disk(doing, file);
    move |source| if is_full(&source) { JournalError::Full { source } } else { disk(source) }
}

/// Whether an error only says that space is missing.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
