//! What the same disk does without any node: hash, append, fdatasync, in a plain loop. Results are read as ratios to this.

use crate::Case;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use yizhan_document::{Digest, Hasher};
use yizhan_node::Clock;

/// How long one loop runs, about.
const LOOP_MS: u64 = 1_000;
/// What one loop writes, at the most.
const LOOP_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Records in one group: as many as there are submitters by default.
const GROUP: u64 = 64;
/// Content is made in pieces of this size.
const PIECE_BYTES: usize = 1024 * 1024;

/// Records a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reference {
    /// One fdatasync for each record.
    pub(crate) single_per_second: f64,
    /// One fdatasync for 64 records.
    pub(crate) grouped_per_second: f64,
}

impl Reference {
    /// The better of two.
    pub(crate) fn best_of(self, other: Self) -> Self {
        Self {
            single_per_second: self.single_per_second.max(other.single_per_second),
            grouped_per_second: self.grouped_per_second.max(other.grouped_per_second),
        }
    }
}

/// Runs the loops for records of the size of a case's documents.
pub(crate) fn measure(folder: &Path, case: Case) -> anyhow::Result<Reference> {
    if case.documents == 1 {
        // One large body: a single pass and a single fdatasync.
        let per_second = one_body(folder, case.bytes)?;
        return Ok(Reference { single_per_second: per_second, grouped_per_second: per_second });
    }
    Ok(Reference {
        single_per_second: records(folder, case, 1)?,
        grouped_per_second: records(folder, case, GROUP)?,
    })
}

fn records(folder: &Path, case: Case, group: u64) -> anyhow::Result<f64> {
    let mut record = Vec::new();
    pieces(case.bytes, |piece| {
        record.extend_from_slice(piece);
        Ok(())
    })?;
    let mut file = tempfile::tempfile_in(folder)?;
    let clock = Clock::start();
    let mut count = 0;
    while clock.uptime_ms() < LOOP_MS && count * case.bytes < LOOP_BYTES_MAX {
        for _ in 0..group {
            append(&mut file, &record)?;
        }
        file.sync_data()?;
        count += group;
    }
    Ok(per_second(count, clock.uptime_ms()))
}

fn append(file: &mut File, record: &[u8]) -> io::Result<()> {
    file.write_all(Digest::of(record).as_bytes())?;
    file.write_all(record)
}

fn one_body(folder: &Path, bytes: u64) -> anyhow::Result<f64> {
    let mut file = tempfile::tempfile_in(folder)?;
    let mut hasher = Hasher::new();
    let clock = Clock::start();
    pieces(bytes, |piece| {
        hasher.update(piece);
        file.write_all(piece)
    })?;
    file.write_all(hasher.finish().as_bytes())?;
    file.sync_data()?;
    Ok(per_second(1, clock.uptime_ms()))
}

/// Hands out so many bytes that do not repeat within a piece (xorshift), in pieces; the pieces are all the same.
pub(crate) fn pieces(bytes: u64, mut out: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    while piece.len() < PIECE_BYTES && (piece.len() as u64) < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        piece.extend_from_slice(&state.to_le_bytes());
    }
    let mut left = bytes;
    while left > 0 {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        out(piece.get(..count).unwrap_or_default())?;
        left = left.saturating_sub(count as u64);
    }
    Ok(())
}

/// A rate. What took less than a millisecond counts as one.
pub(crate) fn per_second(count: u64, ms: u64) -> f64 {
    count as f64 * 1000.0 / ms.max(1) as f64
}
