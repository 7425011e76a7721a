//! What recovery decides holds: a folder opened a second time tells of the same damage and the same records.

use crate::journal_tests::{fill, open_with, options, record};
use crate::memory_folder::MemoryFolder;
use crate::{DamageReason, JournalOptions, RawRecord, RecoveryReport};

/// One segment takes it all.
fn one_segment() -> JournalOptions {
    JournalOptions { segment_bytes: 1 << 20, ..options() }
}

/// Three batches in one segment: their frames begin at these offsets, and the file ends at the last one.
fn three_batches() -> (MemoryFolder, [usize; 4]) {
    let folder = MemoryFolder::default();
    let (mut journal, _, _) = open_with(&folder, one_segment()).unwrap();
    let mut at = [52; 4];
    for batch in 0..3u8 {
        fill(&mut journal, 1);
        at[usize::from(batch) + 1] = journal.position().bytes as usize;
    }
    (folder, at)
}

/// What each opening must tell alike.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    bad: Vec<(u64, u64, DamageReason)>,
    records: Vec<RawRecord>,
    sequence: u64,
}

fn told(folder: &MemoryFolder, attested: u64) -> (Told, RecoveryReport) {
    let (journal, report, seen) = open_with(folder, JournalOptions { attested, ..one_segment() }).unwrap();
    // A segment that is rewritten gets a sound header.
    let bad = report.damaged.iter().chain(&report.abandoned);
    let bad = bad.filter(|damage| damage.len == 0 || damage.offset >= 52);
    let bad = bad.map(|damage| (damage.offset, damage.len, damage.reason)).collect();
    let records = seen.into_iter().map(|(_, record)| record).collect();
    (Told { bad, records, sequence: journal.position().sequence }, report)
}

#[track_caller]
fn told_alike_ever_after(folder: &MemoryFolder, attested: u64) -> RecoveryReport {
    let (first, report) = told(folder, attested);
    for opening in 2..5 {
        // Nobody need attest it again.
        let (again, report) = told(folder, 0);
        assert_eq!(again, first, "opening {opening}");
        assert_eq!(report.torn_tail, None, "opening {opening}");
    }
    report
}

#[test]
fn damage_before_a_torn_tail_stays_damage_once_the_tail_is_cut_off() {
    let (folder, at) = three_batches();
    folder.edit("000000000001.seg", |bytes| {
        bytes[at[1] + 48 + 16] ^= 1;
        bytes.truncate(at[3] - 5);
    });
    let report = told_alike_ever_after(&folder, 0);
    assert_eq!(
        report.damaged.iter().map(|d| (d.reason, d.attested)).collect::<Vec<_>>(),
        [(DamageReason::Record, true)]
    );
    assert_eq!(report.torn_tail.unwrap().offset, at[2] as u64);
}

#[test]
fn damage_that_only_the_caller_attests_stays_damage() {
    let (folder, at) = three_batches();
    folder.edit("000000000001.seg", |bytes| bytes[at[2] + 48 + 16] ^= 1);
    let report = told_alike_ever_after(&folder, 3);
    assert_eq!(report.damaged.iter().map(|d| d.reason).collect::<Vec<_>>(), [DamageReason::Record]);
    let (folder, at) = three_batches();
    folder.edit("000000000001.seg", |bytes| bytes.truncate(at[2]));
    let report = told_alike_ever_after(&folder, 5);
    assert_eq!(
        report.damaged.iter().map(|d| d.reason).collect::<Vec<_>>(),
        [DamageReason::Missing { from: 3, to: 5 }]
    );
}

#[test]
fn batches_that_only_the_header_of_a_torn_tail_shows_to_be_missing_stay_missing() {
    let (folder, at) = three_batches();
    folder.edit("000000000001.seg", |bytes| {
        bytes.truncate(at[3] - 5);
        bytes.drain(at[1]..at[2]);
    });
    let report = told_alike_ever_after(&folder, 0);
    assert_eq!(
        report.damaged.iter().map(|d| d.reason).collect::<Vec<_>>(),
        [DamageReason::Missing { from: 2, to: 2 }]
    );
}

#[test]
fn what_was_abandoned_before_a_torn_tail_stays_abandoned() {
    let (folder, at) = three_batches();
    folder.edit("000000000001.seg", |bytes| {
        bytes.truncate(at[3] - 5);
        bytes.splice(at[2]..at[2], *b"left over");
    });
    let report = told_alike_ever_after(&folder, 0);
    assert_eq!((report.damaged.len(), report.abandoned.len()), (0, 1));
    assert!(report.torn_tail.is_some());
}

#[test]
fn a_folder_torn_twice_in_a_row_keeps_both_tails_and_the_damage_before_them() {
    let (folder, at) = three_batches();
    folder.edit("000000000001.seg", |bytes| {
        bytes[at[1] + 48 + 16] ^= 1;
        bytes.truncate(at[3] - 5);
    });
    let (mut journal, first, _) = open_with(&folder, one_segment()).unwrap();
    journal.append(&[record(7, b"torn as well")]).unwrap();
    let end = journal.position();
    drop(journal);
    folder.edit(&format!("{:012}.seg", end.segment), |bytes| bytes.truncate(end.bytes as usize - 3));
    let second = told_alike_ever_after(&folder, 0);
    let places = |report: &RecoveryReport| {
        report.damaged.iter().map(|d| (d.offset, d.len, d.reason)).collect::<Vec<_>>()
    };
    assert_eq!(places(&second), places(&first));
    let torn = [first.torn_tail.unwrap(), second.torn_tail.unwrap()];
    assert_ne!(torn[0].file, torn[1].file);
    assert!(torn.iter().all(|torn| folder.contents()[&torn.file].len() as u64 == torn.len));
}

#[test]
fn a_plain_torn_tail_leaves_no_witness_behind() {
    let (folder, at) = three_batches();
    folder.edit("000000000001.seg", |bytes| bytes.truncate(at[3] - 5));
    let report = told_alike_ever_after(&folder, 0);
    assert!(report.torn_tail.is_some() && report.damaged.is_empty());
    let files = folder.contents();
    let (_, last) = files.iter().rfind(|(name, _)| name.ends_with(".seg")).unwrap();
    assert_eq!(last.len(), at[2]);
}

#[test]
fn a_last_segment_that_lost_its_header_does_not_hide_the_damage_of_the_one_before() {
    let folder = MemoryFolder::default();
    let (mut journal, _, _) = open_with(&folder, JournalOptions { segment_bytes: 280, ..options() }).unwrap();
    fill(&mut journal, 2);
    journal.close().unwrap();
    let names: Vec<_> = folder.contents().into_keys().collect();
    folder.edit(&names[0], |bytes| bytes[52 + 48 + 16] ^= 1);
    folder.edit(&names[1], |bytes| bytes[0] ^= 1);
    // The rest of the first segment is as bad, so that nothing but the second shows which batch is missing.
    folder.edit(&names[0], |bytes| bytes[52..100].fill(0));
    let report = told_alike_ever_after(&folder, 0);
    assert!(report.abandoned.is_empty() && report.damaged.len() > 1, "{report:?}");
}

#[test]
fn damage_that_only_the_caller_attests_stays_damage_before_a_segment_of_which_nothing_reads() {
    for bytes_left in [45, 60] {
        let folder = MemoryFolder::default();
        let (mut journal, _, _) =
            open_with(&folder, JournalOptions { segment_bytes: 280, ..options() }).unwrap();
        fill(&mut journal, 2);
        drop(journal);
        let names: Vec<_> = folder.contents().into_keys().collect();
        folder.edit(&names[0], |bytes| bytes[52..110].fill(0));
        folder.edit(&names[1], |bytes| {
            bytes.truncate(bytes_left);
            bytes[0] ^= 1;
        });
        let report = told_alike_ever_after(&folder, 200);
        assert!(report.abandoned.is_empty() && report.damaged.len() > 1, "{report:?}");
    }
}

#[test]
fn what_the_rest_of_a_header_cannot_have_held_is_missing_at_once() {
    for bytes_left in [1, 45, 52] {
        let (folder, _) = three_batches();
        folder.edit("000000000001.seg", |bytes| {
            bytes.truncate(bytes_left);
            bytes[0] ^= 1;
        });
        let (mut journal, _, _) = open_with(&folder, one_segment()).unwrap();
        fill(&mut journal, 1);
        journal.close().unwrap();
        crate::Folder::create(&mut folder.clone(), "000000000003.seg").unwrap();
        folder.edit("000000000003.seg", |bytes| bytes.resize(bytes_left, 1));
        let report = told_alike_ever_after(&folder, 200);
        let missing = |damage: &crate::Damage| matches!(damage.reason, DamageReason::Missing { .. });
        assert!(report.damaged.iter().any(missing), "{report:?}");
    }
}

#[test]
fn records_salvaged_where_the_header_and_the_first_batch_were_harmed_are_salvaged_again() {
    let (folder, at) = three_batches();
    folder.edit("000000000001.seg", |bytes| {
        bytes[0] ^= 1;
        // The header of the batch: its records are whole, but which batch it was nobody knows.
        bytes[at[0] + 20] ^= 1;
    });
    let report = told_alike_ever_after(&folder, 0);
    assert_eq!((report.records, report.abandoned.len()), (9, 0), "{report:?}");
}

#[test]
fn records_salvaged_at_the_beginning_of_a_later_segment_without_a_header_are_salvaged_again() {
    for harmed_before in [false, true] {
        let folder = MemoryFolder::default();
        let (mut journal, _, _) =
            open_with(&folder, JournalOptions { segment_bytes: 280, ..options() }).unwrap();
        fill(&mut journal, 4);
        drop(journal);
        let names: Vec<_> = folder.contents().into_keys().collect();
        assert!(names.len() > 1, "{names:?}");
        let last = names.last().unwrap();
        folder.edit(last, |bytes| {
            bytes[0] ^= 1;
            bytes[52 + 20] ^= 1;
        });
        if harmed_before {
            folder.edit(&names[names.len() - 2], |bytes| {
                let end = bytes.len();
                bytes[end - 1] ^= 1;
            });
        }
        told_alike_ever_after(&folder, 0);
    }
}
