//! A journal folder that was harmed: whatever happened to its files, opening does not panic, loses no batch that was left whole,
//! and tells the same the second time.

use crate::memory_folder::MemoryFolder;
use arbitrary::{Arbitrary, Unstructured};
use std::collections::{BTreeMap, BTreeSet};
use yizhan_journal::{Journal, JournalOptions, Location, RawRecord, RecoveryReport};

/// How a folder comes to be, and what happens to it.
#[derive(Debug, Arbitrary)]
struct Story {
    batches: Vec<Batch>,
    closed: bool,
    attested: u8,
    harms: Vec<Harm>,
}

#[derive(Debug, Arbitrary)]
struct Batch {
    payloads: Vec<u8>,
    synced: bool,
}

/// `file` and `at` count around.
#[derive(Debug, Arbitrary)]
enum Harm {
    Flip {
        file: u8,
        at: u16,
        by: u8,
    },
    Zero {
        file: u8,
        at: u16,
        len: u8,
    },
    Cut {
        file: u8,
        at: u16,
    },
    Lose {
        file: u8,
    },
    /// Another field in the header of a segment, with a checksum that fits: number, replaced segment, first batch.
    Reseal {
        file: u8,
        field: u8,
        number: u64,
    },
    /// Bytes of one file in the middle of another.
    Splice {
        from: u8,
        start: u16,
        len: u16,
        file: u8,
        at: u16,
    },
    /// A file with any name and bytes.
    Plant {
        name: u8,
        number: u64,
        bytes: Vec<u8>,
    },
}

type Seen = Vec<(Location, u8, Vec<u8>)>;

/// A story as `arbitrary` reads it from the bytes.
pub(crate) fn folder(data: &[u8]) -> bool {
    let Ok(story) = Story::arbitrary_take_rest(Unstructured::new(data)) else { return false };
    let folder = MemoryFolder::default();
    let written = live(&folder, &story);
    let before = folder.with(|files| files.clone());
    // Only where nothing was forged or repeated can one say which batches are whole and have to be there.
    let mut honest = true;
    for harm in story.harms.iter().take(12) {
        honest &= suffer(&folder, harm);
    }
    let untouched = untouched(&folder, &before);
    let Some((report, seen)) = open(&folder, u64::from(story.attested)) else { return false };
    if honest {
        nothing_whole_is_lost(&untouched, &written, &seen, &report);
    }
    let first = records(&seen);
    // Frames that were copied or forged with checksums that fit, and what only the caller attests, are still told otherwise the
    // second time in some cases (README.md): there, opening must not panic or refuse. Elsewhere the records are the same, the names
    // of the damage not always.
    let by_a_disk = honest && story.attested == 0;
    for _ in 0..2 {
        let (report, seen) =
            open(&folder, u64::from(story.attested)).expect("a folder that was opened opens again");
        if by_a_disk {
            assert_eq!(records(&seen), first, "the second opening delivers other records");
            assert!(report.torn_tail.is_none(), "something is torn again: {report:?}");
        }
    }
    true
}

fn options(attested: u64) -> JournalOptions {
    JournalOptions { segment_bytes: 600, marker_if_new: 0x5eed_0123_89ab_cdef, attested }
}

/// Writes the batches.
fn live(folder: &MemoryFolder, story: &Story) -> Seen {
    let mut written = Seen::new();
    let opened = Journal::open(folder.clone(), options(0), &mut |_, _, _| Ok(()));
    let (mut journal, _) = opened.expect("an empty folder opens");
    for (number, batch) in story.batches.iter().take(24).enumerate() {
        let fill = u8::try_from(number).unwrap_or(0);
        let record = |len: &u8| RawRecord { kind: fill, payload: vec![fill ^ 0x55; usize::from(*len)] };
        let records: Vec<_> = batch.payloads.iter().take(4).map(record).collect();
        let at = journal.append(&records).expect("memory takes everything");
        written.extend(at.into_iter().zip(records).map(|(at, record)| (at, record.kind, record.payload)));
        if batch.synced {
            journal.sync().expect("memory takes everything");
        }
    }
    if story.closed {
        journal.close().expect("memory takes everything");
    }
    written
}

/// Does the harm; whether it is one that a disk could do without forging.
fn suffer(folder: &MemoryFolder, harm: &Harm) -> bool {
    folder.with(|files| {
        let names: Vec<String> = files.keys().cloned().collect();
        let named = |file: u8| names.get(usize::from(file) % names.len().max(1)).cloned().unwrap_or_default();
        let place = |at: u16, len: usize| usize::from(at) % len.max(1);
        match harm {
            Harm::Flip { file, at, by } => {
                if let Some(bytes) = files.get_mut(&named(*file)) {
                    let at = place(*at, bytes.len());
                    bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= by);
                }
                true
            }
            Harm::Zero { file, at, len } => {
                if let Some(bytes) = files.get_mut(&named(*file)) {
                    let at = place(*at, bytes.len());
                    bytes.iter_mut().skip(at).take(usize::from(*len)).for_each(|byte| *byte = 0);
                }
                true
            }
            Harm::Cut { file, at } => {
                if let Some(bytes) = files.get_mut(&named(*file)) {
                    let at = place(*at, bytes.len());
                    bytes.truncate(at);
                }
                true
            }
            Harm::Lose { file } => {
                files.remove(&named(*file));
                true
            }
            Harm::Reseal { file, field, number } => {
                if let Some(bytes) = files.get_mut(&named(*file)).filter(|bytes| bytes.len() >= 52) {
                    let at = 16 + 8 * (usize::from(*field) % 3);
                    bytes[at..at + 8].copy_from_slice(&number.to_be_bytes());
                    let crc = crc32c::crc32c(&bytes[..48]);
                    bytes[48..52].copy_from_slice(&crc.to_be_bytes());
                }
                false
            }
            Harm::Splice { from, start, len, file, at } => {
                let source = files.get(&named(*from)).cloned().unwrap_or_default();
                let start = place(*start, source.len());
                let end = (start + usize::from(*len) % 700).min(source.len());
                if let Some(bytes) = files.get_mut(&named(*file)) {
                    let at = place(*at, bytes.len());
                    bytes.splice(at..at, source.get(start..end).unwrap_or_default().iter().copied());
                }
                false
            }
            Harm::Plant { name, number, bytes } => {
                let number = if *number > 1 << 60 { *number } else { number % 40 };
                let name = match name % 4 {
                    0 => format!("{number:012}.seg"),
                    1 => format!("{number:012}.new"),
                    2 => format!("{number:012}.torn"),
                    _ => format!("notes {number}"),
                };
                files.insert(name, bytes.clone());
                false
            }
        }
    })
}

fn open(folder: &MemoryFolder, attested: u64) -> Option<(RecoveryReport, Seen)> {
    let mut seen = Seen::new();
    let (journal, report) = Journal::open(folder.clone(), options(attested), &mut |at, kind, payload| {
        seen.push((at, kind, payload.to_vec()));
        Ok(())
    })
    .ok()?;
    assert_eq!(report.records, seen.len() as u64);
    for (at, kind, payload) in &seen {
        let read = journal.read(*at).expect("what was delivered reads");
        assert_eq!((read.0, &read.1), (*kind, payload));
    }
    Some((report, seen))
}

/// The records alone: after an unclean stop they lie in another segment.
fn records(seen: &Seen) -> Vec<(u8, Vec<u8>)> {
    seen.iter().map(|(_, kind, payload)| (*kind, payload.clone())).collect()
}

/// The names of the files that the harm left as they were.
fn untouched(harmed: &MemoryFolder, before: &BTreeMap<String, Vec<u8>>) -> BTreeSet<String> {
    let same = |name: &String| harmed.with(|files| files.get(name) == before.get(name));
    before.keys().filter(|name| same(name)).cloned().collect()
}

/// Every record of a file that nobody touched is delivered.
fn nothing_whole_is_lost(untouched: &BTreeSet<String>, written: &Seen, seen: &Seen, report: &RecoveryReport) {
    for (at, kind, payload) in written {
        let name = format!("{:012}.seg", at.segment);
        if untouched.contains(&name) {
            let there = seen.iter().any(|(_, k, p)| (k, p) == (kind, payload));
            assert!(there, "a record of the untouched file {name} is gone: {report:?}");
        }
    }
}
