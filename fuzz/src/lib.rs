//! Fuzz targets: each takes bytes as they could come from outside, and says whether they were taken for good.
//!
//! A target panics where a promise is broken: a parser that panics, a value that does not read back as it was written, a
//! journal that tells two stories of one folder, a word before its ticket. The answer lets a test hold the seeds against
//! the formats: a seed that is refused reaches nothing.

#![forbid(unsafe_code)]

mod behind_the_desk;
mod config;
mod desk;
mod desk_seeds;
mod directory;
mod envelope;
mod frames;
mod identity;
mod journal;
mod journal_folder;
mod ledger;
mod memory_folder;
mod rules;
pub mod seeds;
mod steps;
mod texts;

/// A target: whether the bytes were taken for what they claim to be.
pub type Target = fn(&[u8]) -> bool;

/// All targets by name.
pub const TARGETS: [(&str, Target); 17] = [
    ("frames", frames::frames),
    ("envelope_header", envelope::header_and_slips),
    ("body", envelope::body),
    ("attachment", envelope::attachment),
    ("directory", directory::directory),
    ("directory_archive", directory::archive),
    ("plan", directory::plan),
    ("entry", ledger::entry),
    ("proof", ledger::proof),
    ("ledger_folder", ledger::folder),
    ("certificates", identity::certificates),
    ("journal_record", journal::record),
    ("journal_folder", journal_folder::folder),
    ("texts", texts::texts),
    ("desk", desk::desk),
    ("config", config::config),
    ("rules", rules::rules),
];

/// What stands between the parts of an input that has several.
pub(crate) const BETWEEN: &[u8] = b"\n====\n";

/// The parts of an input.
pub(crate) fn parts(data: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = data;
    while let Some(at) = rest.windows(BETWEEN.len()).position(|bytes| bytes == BETWEEN) {
        parts.push(&rest[..at]);
        rest = &rest[at + BETWEEN.len()..];
    }
    parts.push(rest);
    parts
}

/// The rest of the input as text, if it is any.
pub(crate) fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}
