//! Opening a journal folder: the code that runs every day, after clean stops and crashes alike.
//!
//! After an unclean stop the last segment, without its torn tail, is written into a new one and synced, since what the page
//! cache shows after a failed sync may not be on the disk. Order: write under a temporary name, sync, keep the torn bytes
//! in a file, rename, remove the old one. A crash in between leaves either the old segment, or both and a header that
//! says which one is replaced.

use crate::error::{JournalError, disk, space_or_disk};
use crate::folder::{FileKind, Folder, NUMBER_MAX, file_name, parse_file_name};
use crate::frame::{BATCH_HEADER_LEN, BatchHeader, EncodedBatch, Marker, TRAILER_LEN, whole_batch};
use crate::journal::{JournalOptions, Segment};
use crate::limits::CHUNK_BYTES;
use crate::report::{RecoveryReport, TornTail};
use crate::scan::{Ended, Scan, SegmentFile, Visit};
use crate::segment_header::{Beginning, FIRST_UNTOLD, FORMAT_VERSION, SEGMENT_HEADER_LEN, SegmentHeader};
use yizhan_planted::{Bug, on};

/// What is known of the journal once its folder has been read.
pub(crate) struct Recovered {
    pub(crate) marker: Marker,
    pub(crate) segments: Vec<Segment>,
    pub(crate) next_segment: u64,
    pub(crate) next_sequence: u64,
    pub(crate) floor: u64,
    /// The last segment ends with a clean stop, and nothing is appended to it any more.
    pub(crate) stopped: bool,
    pub(crate) report: RecoveryReport,
}

pub(crate) fn recover<F: Folder>(
    folder: &mut F,
    options: &JournalOptions,
    visit: &mut Visit<'_>,
) -> Result<Recovered, JournalError> {
    let mut report = RecoveryReport::default();
    let (files, highest) = survey(folder, &mut report)?;
    let files = remove_replaced(folder, files)?;
    let marker = find_marker(folder, &files, options)?;
    let stopped = match files.last() {
        // A power cut in the middle of a stop can keep the mark and take the header: such a segment is written anew as well.
        Some(last) => {
            last.header.is_some()
                && (ends_with_clean_stop(folder, last, &marker)? || on(Bug::LastSegmentNotRewritten))
        }
        None => true,
    };
    report.fresh = files.is_empty();
    report.unclean = !stopped;
    let successor = highest.saturating_add(1);
    if !stopped && successor > NUMBER_MAX {
        return Err(JournalError::NoNumberLeft);
    }
    let mut segments = Vec::with_capacity(files.len());
    let mut scan = Scan::new(folder, marker, options.attested, visit, report);
    for (index, file) in files.iter().enumerate() {
        let number = if index + 1 == files.len() && !stopped { successor } else { file.number };
        let first = scan.segment(file, number)?;
        segments.push(Segment { number, bytes: file.size, first });
    }
    let mut ended = scan.finish(files.last().filter(|_| !stopped).map(|file| file.name.as_str()))?;
    if let (false, Some(old), Some(segment)) = (stopped, files.last(), segments.last_mut()) {
        let torn_from = ended.torn_from.filter(|from| *from < old.size);
        // Where nothing told with which batch the segment begins, its new header says so: what is found in front of the first
        // whole batch is judged by the next opening as it was by this one.
        let mut told_first = old.header.map_or(FIRST_UNTOLD, |header| header.first);
        if old.header.is_none() && ended.untold && segment.first < ended.next {
            // Only the caller attests that batches before it are missing: its new header has to say so from now on.
            let holds_bytes = torn_from.unwrap_or(old.size) > SEGMENT_HEADER_LEN as u64;
            told_first = if holds_bytes { segment.first + 1 } else { ended.next };
        }
        segment.first = if told_first == FIRST_UNTOLD { segment.first.min(ended.next) } else { told_first };
        let header = SegmentHeader { segment: successor, replaces: old.number, first: told_first, marker };
        segment.bytes = rewrite(folder, old, torn_from, &header, &mut ended)?;
        ended.next = ended.next.saturating_add(u64::from(ended.unwitnessed));
    }
    let next_segment = if stopped { successor } else { successor.saturating_add(1) };
    let Ended { report, next, floor, .. } = ended;
    Ok(Recovered { marker, segments, next_segment, next_sequence: next, floor, stopped, report })
}

/// Lists the segments, the oldest first, and the highest number that any file of the folder has.
fn survey<F: Folder>(
    folder: &mut F,
    report: &mut RecoveryReport,
) -> Result<(Vec<SegmentFile>, u64), JournalError> {
    let mut files = Vec::new();
    let mut highest = 0;
    let mut names = folder.list().map_err(disk("listing", "the folder"))?;
    names.sort();
    for name in names {
        match parse_file_name(&name) {
            // Only ever a copy of a segment that is still there.
            Some((_, FileKind::New)) => folder.remove(&name).map_err(disk("removing", &name))?,
            Some((number, FileKind::Torn)) => {
                highest = highest.max(number);
                report.torn_files.push(name);
            }
            Some((number, FileKind::Segment)) => {
                highest = highest.max(number);
                let size = folder.len(&name).map_err(disk("measuring", &name))?;
                let bytes = folder.read(&name, 0, SEGMENT_HEADER_LEN).map_err(disk("reading", &name))?;
                let header = match SegmentHeader::decode(&bytes) {
                    // Only an earlier one can have been replaced; believing anything else would remove what is sound.
                    Beginning::Header(header) => {
                        Some(header).filter(|header| header.segment == number && header.replaces < number)
                    }
                    Beginning::Bad => None,
                    Beginning::Version(version) => return Err(unsupported(number, version)),
                };
                files.push(SegmentFile { number, name, size, header });
            }
            None => report.unknown_files.push(name),
        }
    }
    files.sort_by_key(|file| file.number);
    Ok((files, highest))
}

fn unsupported(segment: u64, version: u32) -> JournalError {
    JournalError::Unsupported {
        segment,
        version,
        readable: FORMAT_VERSION,
        release: env!("CARGO_PKG_VERSION"),
    }
}

/// Removes segments that a recovery had rewritten before it was interrupted.
fn remove_replaced<F: Folder>(
    folder: &mut F,
    files: Vec<SegmentFile>,
) -> Result<Vec<SegmentFile>, JournalError> {
    let replaced: Vec<u64> =
        files.iter().filter_map(|file| file.header).map(|header| header.replaces).collect();
    let mut kept = Vec::with_capacity(files.len());
    for file in files {
        if replaced.contains(&file.number) {
            folder.remove(&file.name).map_err(disk("removing", &file.name))?;
        } else {
            kept.push(file);
        }
    }
    Ok(kept)
}

/// The journal's marker: from any segment header, else from any first batch, else the one for a new journal.
fn find_marker<F: Folder>(
    folder: &F,
    files: &[SegmentFile],
    options: &JournalOptions,
) -> Result<Marker, JournalError> {
    if let Some(header) = files.iter().find_map(|file| file.header) {
        return Ok(header.marker);
    }
    for file in files {
        let bytes = folder
            .read(&file.name, SEGMENT_HEADER_LEN as u64, BATCH_HEADER_LEN)
            .map_err(disk("reading", &file.name))?;
        if let Some(marker) = BatchHeader::marker_of(&bytes) {
            return Ok(marker);
        }
    }
    // One unreadable segment may be all that a power cut left of a first commit; more than that is a lost journal.
    if files.len() > 1 || (files.len() == 1 && options.attested > 0) {
        return Err(JournalError::Unreadable { segments: files.len() });
    }
    Ok(Marker::new(options.marker_if_new))
}

fn ends_with_clean_stop<F: Folder>(
    folder: &F,
    last: &SegmentFile,
    marker: &Marker,
) -> Result<bool, JournalError> {
    const LEN: usize = BATCH_HEADER_LEN + TRAILER_LEN;
    let Some(offset) = last.size.checked_sub(LEN as u64) else { return Ok(false) };
    let bytes = folder.read(&last.name, offset, LEN).map_err(disk("reading", &last.name))?;
    let header = BatchHeader::decode(&bytes, marker).filter(|header| header.clean_stop && header.bytes == 0);
    Ok(header.is_some_and(|header| whole_batch(&bytes, &header, marker).is_some()))
}

/// Writes the good part of a segment into its successor; returns how long that is.
fn rewrite<F: Folder>(
    folder: &mut F,
    old: &SegmentFile,
    torn_from: Option<u64>,
    header: &SegmentHeader,
    ended: &mut Ended,
) -> Result<u64, JournalError> {
    let end = torn_from.unwrap_or(old.size);
    let new = file_name(header.segment, FileKind::New);
    folder.create(&new).map_err(space_or_disk("creating", &new))?;
    folder.append(&new, &[&header.encode()]).map_err(space_or_disk("writing", &new))?;
    copy(folder, &old.name, SEGMENT_HEADER_LEN as u64, end, &new)?;
    let witness = if ended.unwitnessed { witness(ended, &header.marker) } else { Vec::new() };
    folder.append(&new, &[&witness]).map_err(space_or_disk("writing", &new))?;
    if !on(Bug::RewriteNotSynced) {
        folder.sync(&new).map_err(disk("syncing", &new))?;
    }
    if let Some(offset) = torn_from {
        let file = file_name(old.number, FileKind::Torn);
        if ended.report.torn_files.contains(&file) {
            // Of an interrupted recovery: a copy, perhaps a partial one, of bytes that are still there.
            folder.remove(&file).map_err(disk("removing", &file))?;
        } else {
            ended.report.torn_files.push(file.clone());
        }
        folder.create(&file).map_err(space_or_disk("creating", &file))?;
        copy(folder, &old.name, offset, old.size, &file)?;
        folder.sync(&file).map_err(disk("syncing", &file))?;
        let len = old.size - offset;
        ended.report.torn_tail = Some(TornTail { segment: old.number, offset, len, file });
    }
    folder.rename(&new, &file_name(header.segment, FileKind::Segment)).map_err(disk("renaming", &new))?;
    folder.remove(&old.name).map_err(disk("removing", &old.name))?;
    Ok(end.max(SEGMENT_HEADER_LEN as u64) + witness.len() as u64)
}

/// A batch without records that attests no more than was attested already. What is cut off with a torn tail, and what the
/// caller knows, is there no more at the next opening; this is, so that damage before it stays damage.
fn witness(ended: &Ended, marker: &Marker) -> Vec<u8> {
    let Ended { next: sequence, durable, floor, .. } = *ended;
    let header = BatchHeader { clean_stop: false, count: 0, sequence, durable, floor, bytes: 0 };
    let batch = EncodedBatch::new(&header, std::iter::empty(), marker);
    [batch.header.as_slice(), batch.trailer.as_slice()].concat()
}

fn copy<F: Folder>(folder: &mut F, from: &str, start: u64, end: u64, to: &str) -> Result<(), JournalError> {
    let mut at = start;
    while at < end {
        let len = usize::try_from(end - at).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        let bytes = folder.read(from, at, len).map_err(disk("reading", from))?;
        if bytes.len() != len {
            return Err(disk("reading", from)(std::io::ErrorKind::UnexpectedEof.into()));
        }
        folder.append(to, &[&bytes]).map_err(space_or_disk("writing", to))?;
        at += len as u64;
    }
    Ok(())
}
