//! Damage to a journal at rest: everything unharmed is delivered, everything harmed is named.

use crate::journal_tests::{Located, fill, open, open_with, options, record};
use crate::memory_folder::MemoryFolder;
use crate::{DamageReason, JournalError, JournalOptions, Location, RawRecord, RecoveryReport};
use std::collections::BTreeMap;

/// A journal of several segments, and where each record is.
fn filled(clean_stop: bool) -> (BTreeMap<String, Vec<u8>>, Located) {
    let folder = MemoryFolder::default();
    let (mut journal, _, _) = open(&folder);
    let written = fill(&mut journal, 7);
    assert!(journal.segments().len() >= 3);
    if clean_stop {
        journal.close().unwrap();
    }
    (folder.contents(), written)
}

fn folder_with(files: &BTreeMap<String, Vec<u8>>) -> MemoryFolder {
    let mut folder = MemoryFolder::default();
    for (name, bytes) in files {
        crate::Folder::create(&mut folder, name).unwrap();
        folder.edit(name, |to| to.clone_from(bytes));
    }
    folder
}

fn segment_of(name: &str) -> u64 {
    name.trim_end_matches(".seg").parse().unwrap()
}

/// Whether the report names the byte as damaged or torn.
fn names(report: &RecoveryReport, segment: u64, offset: u64) -> bool {
    let within = |start: u64, len: u64| start <= offset && offset < start + len;
    // After an unclean stop the last segment is known under the next number.
    report
        .damaged
        .iter()
        .any(|d| (d.segment == segment || d.segment == segment + 1) && within(d.offset, d.len))
        || report
            .torn_tail
            .as_ref()
            .is_some_and(|torn| torn.segment == segment && within(torn.offset, torn.len))
}

#[test]
fn any_single_flipped_byte_harms_one_record_at_most_and_is_reported() {
    for clean_stop in [true, false] {
        let (files, written) = filled(clean_stop);
        let last_name = files.keys().next_back().unwrap();
        let last_batch: Vec<_> = written.iter().rev().take(3).cloned().collect();
        for (name, bytes) in &files {
            for offset in 0..bytes.len() {
                let folder = folder_with(&files);
                folder.edit(name, |bytes| bytes[offset] ^= 0x41);
                let (journal, report, seen) = open(&folder);
                let at = format!("{name} byte {offset}, clean stop {clean_stop}: {report:?}");
                let segment = segment_of(name);
                assert!(names(&report, segment, offset as u64), "not named: {at}");
                let mut expected = written.clone();
                let touches = |l: &Location| {
                    l.segment == segment
                        && (l.offset..l.offset + 16 + u64::from(l.len)).contains(&(offset as u64))
                };
                expected.retain(|(location, _)| !touches(location));
                if report.torn_tail.is_some() {
                    assert_eq!(name, last_name, "{at}");
                    // The last batch, or behind a clean stop only the note of it.
                    if !clean_stop {
                        expected.retain(|written| !last_batch.contains(written));
                    }
                } else {
                    assert!(
                        clean_stop
                            || name != last_name
                            || offset < 52
                            || !last_batch.iter().any(|(l, _)| touches(l))
                    );
                }
                let texts =
                    |list: &[(Location, RawRecord)]| list.iter().map(|w| w.1.clone()).collect::<Vec<_>>();
                assert_eq!(texts(&seen), texts(&expected), "{at}");
                for (location, record) in &seen {
                    assert_eq!(
                        journal.read(*location).unwrap(),
                        (record.kind, record.payload.clone()),
                        "{at}"
                    );
                }
                // Behind the header of the last segment nothing says that it had been synced.
                let unattested = !clean_stop && name == last_name && offset < 52;
                assert!(unattested || report.damaged.iter().all(|damage| damage.attested), "{at}");
                assert_eq!(report.abandoned, [], "{at}");
                drop(journal);
                let (_, again, seen_again) = open(&folder);
                assert_eq!(texts(&seen_again), texts(&expected), "opened again, {at}");
                assert_eq!(again.torn_tail, None, "{at}");
            }
        }
    }
}

#[test]
fn the_bytes_of_a_torn_tail_are_kept_in_a_file() {
    let (files, _) = filled(false);
    let name = files.keys().next_back().unwrap();
    let whole = &files[name];
    let folder = folder_with(&files);
    folder.edit(name, |bytes| bytes.truncate(whole.len() - 5));
    let (_, report, _) = open(&folder);
    let torn = report.torn_tail.unwrap();
    assert_eq!(report.torn_files, std::slice::from_ref(&torn.file));
    assert_eq!(folder.contents()[&torn.file], whole[torn.offset as usize..whole.len() - 5]);
    assert!(!folder.contents().contains_key(name));
    let (_, report, _) = open(&folder);
    assert_eq!((report.torn_tail, report.torn_files), (None, vec![torn.file]));
}

#[test]
fn what_is_attested_is_damage_and_never_a_torn_tail() {
    let (files, written) = filled(false);
    let name = files.keys().next_back().unwrap();
    let folder = folder_with(&files);
    let (at, _) = written.last().unwrap();
    folder.edit(name, |bytes| bytes[at.offset as usize + 16] ^= 1);
    let attested = JournalOptions { attested: 7, ..options() };
    let (mut journal, report, seen) = open_with(&folder, attested).unwrap();
    assert_eq!((report.torn_tail, seen.len()), (None, written.len() - 1));
    assert_eq!(report.damaged.iter().map(|d| d.reason).collect::<Vec<_>>(), [DamageReason::Record]);
    // The seventh, and the witness that recovery leaves of it.
    assert_eq!(journal.position().sequence, 8);
    // What is written after it does not make it look like something refused.
    fill(&mut journal, 1);
    drop(journal);
    let (_, report, seen) = open(&folder);
    assert_eq!((report.damaged.len(), report.abandoned.len(), seen.len()), (1, 0, written.len() + 2));

    let folder = folder_with(&files);
    let (_, report, _) = open_with(&folder, JournalOptions { attested: 9, ..options() }).unwrap();
    assert_eq!(
        report.damaged.iter().map(|d| d.reason).collect::<Vec<_>>(),
        [DamageReason::Missing { from: 8, to: 9 }]
    );
}

#[test]
fn a_zeroed_block_and_a_shortened_segment_harm_only_what_they_hit() {
    let (files, written) = filled(true);
    let (name, bytes) = files.iter().nth(1).unwrap();
    let segment = segment_of(name);
    for start in (0..bytes.len()).step_by(16) {
        let end = (start + 100).min(bytes.len());
        let folder = folder_with(&files);
        folder.edit(name, |bytes| bytes[start..end].fill(0));
        let (_, report, seen) = open(&folder);
        let hit = |l: &Location| {
            l.segment == segment && l.offset < end as u64 && l.offset + 16 + u64::from(l.len) > start as u64
        };
        let expected: Vec<_> = written.iter().filter(|(l, _)| !hit(l)).cloned().collect();
        assert_eq!(seen, expected, "zeros from {start}");
        assert!(!report.damaged.is_empty() && report.torn_tail.is_none() && report.abandoned.is_empty());
        let folder = folder_with(&files);
        folder.edit(name, |bytes| bytes.truncate(start));
        let (_, report, seen) = open(&folder);
        let cut = |l: &Location| l.segment == segment && l.offset + 16 + u64::from(l.len) > start as u64;
        let expected: Vec<_> = written.iter().filter(|(l, _)| !cut(l)).cloned().collect();
        assert_eq!(seen, expected, "cut at {start}");
        assert!(!report.damaged.is_empty(), "cut at {start}");
    }
}

#[test]
fn a_lost_segment_is_reported_wherever_it_was() {
    let (files, written) = filled(true);
    for name in files.keys().rev().skip(1) {
        let folder = folder_with(&files);
        folder.drop_file(name);
        let (_, report, seen) = open(&folder);
        assert!(
            matches!(report.damaged[..], [crate::Damage { reason: DamageReason::Missing { .. }, .. }]),
            "{name}"
        );
        let expected: Vec<_> =
            written.iter().filter(|(l, _)| l.segment != segment_of(name)).cloned().collect();
        assert_eq!(seen, expected);
    }
}

#[test]
fn a_later_format_version_is_refused_and_nothing_is_changed() {
    let (files, _) = filled(false);
    let folder = folder_with(&files);
    folder.edit(files.keys().next().unwrap(), |bytes| {
        bytes[8..12].copy_from_slice(&2u32.to_be_bytes());
        let crc = crc32c::crc32c(&bytes[..12]);
        bytes[12..16].copy_from_slice(&crc.to_be_bytes());
    });
    let before = folder.contents();
    let error = open_with(&folder, options()).err().unwrap();
    assert!(
        matches!(error, JournalError::Unsupported { segment: 1, version: 2, readable: 1, .. }),
        "{error}"
    );
    assert_eq!(folder.contents(), before);
}

#[test]
fn a_journal_of_which_nothing_reads_is_no_new_journal() {
    let (files, _) = filled(true);
    let folder = folder_with(&files);
    files.keys().for_each(|name| folder.edit(name, |bytes| bytes.fill(0)));
    assert!(matches!(open_with(&folder, options()), Err(JournalError::Unreadable { .. })));
}

#[test]
fn frames_inside_a_payload_are_never_taken_for_records() {
    // A stranger sends a payload that is a whole journal of the same format, but cannot know the marker.
    let foreign = MemoryFolder::default();
    let (mut journal, _, _) =
        open_with(&foreign, JournalOptions { marker_if_new: 0x0dd_ba11, ..options() }).unwrap();
    journal.append(&[record(66, b"forged")]).unwrap();
    let forged = foreign.contents().into_values().next().unwrap();
    let folder = MemoryFolder::default();
    let (mut journal, _, _) = open(&folder);
    let at = journal.append(&[record(1, &forged), record(2, b"after")]).unwrap();
    journal.close().unwrap();
    folder.edit("000000000001.seg", |bytes| bytes[at[0].offset as usize] ^= 1);
    let (_, report, seen) = open(&folder);
    assert_eq!(seen.into_iter().map(|(_, record)| record).collect::<Vec<_>>(), [record(2, b"after")]);
    assert_eq!(report.damaged.len(), 1);
}

#[test]
fn files_of_others_are_left_alone_and_named() {
    let (mut files, _) = filled(true);
    files.insert("notes.txt".into(), b"hello".to_vec());
    let folder = folder_with(&files);
    let (_, report, _) = open(&folder);
    assert_eq!(report.unknown_files, ["notes.txt"]);
    assert_eq!(folder.contents()["notes.txt"], b"hello");
}

/// Writes other fields into a segment header and seals it again.
fn reseal(bytes: &mut [u8], field: usize, number: u64) {
    bytes[field..field + 8].copy_from_slice(&number.to_be_bytes());
    let crc = crc32c::crc32c(&bytes[..48]);
    bytes[48..52].copy_from_slice(&crc.to_be_bytes());
}

#[test]
fn a_segment_that_says_it_replaces_itself_or_a_later_one_removes_nothing() {
    let (files, written) = filled(true);
    for (name, number) in files.keys().map(|name| (name, segment_of(name))) {
        for replaces in [number, number + 1, u64::MAX] {
            let folder = folder_with(&files);
            folder.edit(name, |bytes| reseal(bytes, 24, replaces));
            let (_, report, seen) = open(&folder);
            let records = |list: Located| list.into_iter().map(|(_, record)| record).collect::<Vec<_>>();
            assert_eq!(records(seen), records(written.clone()), "{name} that replaces {replaces}");
            assert!(matches!(
                report.damaged[..],
                [crate::Damage { reason: DamageReason::SegmentHeader, .. }]
            ));
            assert!(names(&report, number, 24));
        }
    }
}

#[test]
fn files_whose_numbers_have_more_than_twelve_digits_are_left_alone() {
    let (mut files, written) = filled(true);
    let names =
        ["1000000000000.seg", "18446744073709551615.seg", "18446744073709551615.torn", "1000000000000.new"];
    for name in names {
        files.insert(name.into(), b"of somebody else".to_vec());
    }
    let folder = folder_with(&files);
    let (mut journal, mut report, seen) = open(&folder);
    report.unknown_files.sort();
    let mut expected = names.map(str::to_owned);
    expected.sort();
    assert_eq!((report.unknown_files, seen), (expected.to_vec(), written));
    fill(&mut journal, 1);
    assert!(names.iter().all(|name| folder.contents()[*name] == b"of somebody else"));
}

#[test]
fn when_the_last_number_is_used_up_the_journal_says_so_instead_of_writing_what_it_will_not_find() {
    let (files, written) = filled(true);
    let folder = folder_with(&files);
    crate::Folder::create(&mut folder.clone(), "999999999999.torn").unwrap();
    let (mut journal, _, seen) = open(&folder);
    assert_eq!(seen, written);
    assert!(matches!(journal.append(&[record(1, b"x")]), Err(JournalError::NoNumberLeft)));
    drop(journal);
    let (files, _) = filled(false);
    let folder = folder_with(&files);
    crate::Folder::create(&mut folder.clone(), "999999999999.torn").unwrap();
    let before = folder.contents();
    assert!(matches!(open_with(&folder, options()), Err(JournalError::NoNumberLeft)));
    assert_eq!(folder.contents(), before);
}
