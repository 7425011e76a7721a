//! What a journal does on a disk that works, and on one that is full or fails.

use crate::memory_folder::{Failing, MemoryFolder, Unsynced};
use crate::{Copied, Journal, JournalError, JournalOptions, Location, RawRecord, RecoveryReport, limits};

const MARKER: u64 = 0x5eed_0123_89ab_cdef;

/// Records, and where they are.
pub(crate) type Located = Vec<(Location, RawRecord)>;

pub(crate) fn record(kind: u8, payload: &[u8]) -> RawRecord {
    RawRecord { kind, payload: payload.to_vec() }
}

/// The options of tests: small segments.
pub(crate) fn options() -> JournalOptions {
    JournalOptions { segment_bytes: 400, ..JournalOptions::new(MARKER) }
}

/// Opens, and returns all records that were visited.
pub(crate) fn open_with(
    folder: &MemoryFolder,
    options: JournalOptions,
) -> Result<(Journal<MemoryFolder>, RecoveryReport, Located), JournalError> {
    let mut seen = Vec::new();
    let (journal, report) = Journal::open(folder.clone(), options, &mut |at, kind, payload| {
        seen.push((at, record(kind, payload)));
        Ok(())
    })?;
    assert_eq!(report.records, seen.len() as u64);
    Ok((journal, report, seen))
}

pub(crate) fn open(folder: &MemoryFolder) -> (Journal<MemoryFolder>, RecoveryReport, Located) {
    open_with(folder, options()).unwrap()
}

/// `batches` batches of three records each, every one synced.
pub(crate) fn fill(journal: &mut Journal<MemoryFolder>, batches: u8) -> Located {
    let mut written = Vec::new();
    for batch in 0..batches {
        let records: Vec<_> = (0..3).map(|i| record(i, &[batch; 20][..8 + 6 * usize::from(i)])).collect();
        let at = journal.append(&records).unwrap();
        journal.sync().unwrap();
        written.extend(at.into_iter().zip(records));
    }
    written
}

#[test]
fn what_was_written_reads_back_at_once_and_after_each_kind_of_stop() {
    let folder = MemoryFolder::default();
    let (mut journal, report, seen) = open(&folder);
    assert_eq!((report.fresh, report.unclean, seen.len()), (true, false, 0));
    let written = fill(&mut journal, 12);
    assert!(journal.segments().len() > 2);
    for (at, record) in &written {
        assert_eq!(journal.read(*at).unwrap(), (record.kind, record.payload.clone()));
    }
    let position = journal.close().unwrap();
    let (journal, report, seen) = open(&folder);
    assert_eq!((report.fresh, report.unclean, report.torn_tail.clone()), (false, false, None));
    assert_eq!((&seen, journal.position()), (&written, position));
    drop(journal);
    // Nothing was written since the clean stop, so it still is one.
    let (mut journal, report, _) = open(&folder);
    assert!(!report.unclean);
    let more = journal.append(&[record(9, b"more")]).unwrap();
    journal.sync().unwrap();
    drop(journal);
    let (journal, report, seen) = open(&folder);
    assert!(report.unclean && report.damaged.is_empty() && report.torn_tail.is_none());
    let (at, last) = seen.last().unwrap().clone();
    assert_eq!(last, record(9, b"more"));
    assert_eq!((at.offset, at.segment), (more[0].offset, more[0].segment + 1));
    assert_eq!(journal.read(at).unwrap(), (9, b"more".to_vec()));
    let texts =
        |list: &[(Location, RawRecord)]| list.iter().map(|(_, record)| record.clone()).collect::<Vec<_>>();
    assert_eq!(texts(&seen[..36]), texts(&written));
}

#[test]
fn a_group_is_one_batch_with_locations_for_each_part() {
    let folder = MemoryFolder::default();
    let (mut journal, _, _) = open(&folder);
    let group = [vec![record(1, b"a"), record(2, b"")], vec![], vec![record(3, b"ccc")]];
    let at = journal.append_group(&group).unwrap();
    assert_eq!(at.iter().map(Vec::len).collect::<Vec<_>>(), [2, 0, 1]);
    assert_eq!(journal.read(at[2][0]).unwrap(), (3, b"ccc".to_vec()));
    assert_eq!(journal.position().sequence, 1);
    assert_eq!(journal.append(&[]).unwrap(), []);
    assert_eq!(journal.position().sequence, 1);
}

#[test]
fn batches_beyond_the_limits_are_refused_and_harm_nothing() {
    let folder = MemoryFolder::default();
    let (mut journal, _, _) = open(&folder);
    let large = RawRecord { kind: 0, payload: vec![0; limits::RECORD_BYTES_MAX + 1] };
    assert!(matches!(journal.append(&[large]), Err(JournalError::TooLarge { what: "a record", .. })));
    let half = RawRecord { kind: 0, payload: vec![0; limits::RECORD_BYTES_MAX] };
    assert!(matches!(
        journal.append(&[half.clone(), half]),
        Err(JournalError::TooLarge { what: "a batch", .. })
    ));
    let many = vec![record(0, b""); limits::BATCH_RECORDS_MAX + 1];
    assert!(matches!(journal.append(&many), Err(JournalError::TooLarge { .. })));
    assert_eq!(fill(&mut journal, 1).len(), 3);
}

#[test]
fn a_location_that_names_no_record_is_refused_without_large_allocation() {
    let folder = MemoryFolder::default();
    let (mut journal, _, _) = open(&folder);
    let at = fill(&mut journal, 1)[0].0;
    for wrong in [
        Location { offset: at.offset + 1, ..at },
        Location { len: at.len - 1, ..at },
        Location { len: u32::MAX, ..at },
        Location { segment: 99, ..at },
        Location { offset: u64::MAX, ..at },
    ] {
        assert!(matches!(journal.read(wrong), Err(JournalError::Damaged { .. })), "{wrong:?}");
    }
}

#[test]
fn a_failed_sync_or_write_poisons_for_ever() {
    for failing in [Failing::NotDone, Failing::Done] {
        for calls in 0..2 {
            let folder = MemoryFolder::default();
            let (mut journal, _, _) = open(&folder);
            fill(&mut journal, 1);
            folder.fail_after(calls, failing);
            let outcome = journal.append(&[record(1, b"x")]).and_then(|_| journal.sync());
            assert!(outcome.is_err_and(|error| error.needs_restart() && !error.is_full()));
            folder.heal();
            assert!(matches!(journal.append(&[record(1, b"y")]), Err(JournalError::Poisoned)));
            assert!(matches!(journal.sync(), Err(JournalError::Poisoned)));
            assert!(journal.is_poisoned());
            assert!(matches!(journal.close(), Err(JournalError::Poisoned)));
        }
    }
}

#[test]
fn a_full_disk_refuses_the_batch_and_goes_on_once_there_is_space() {
    for (calls, how) in (0..4).flat_map(|calls| [(calls, Failing::Full), (calls, Failing::FullUncut)]) {
        let folder = MemoryFolder::default();
        let (mut journal, _, _) = open(&folder);
        let mut written = fill(&mut journal, 1);
        folder.fail_after(calls, how);
        for _ in 0..3 {
            match journal.append(&[record(7, b"refused, and never to be seen")]) {
                Err(error) => assert!(error.is_full(), "{error}"),
                Ok(_) if calls > 0 => break,
                Ok(_) => panic!("the disk is full"),
            }
        }
        folder.heal();
        if journal.is_poisoned() {
            continue;
        }
        let refused = calls == 0;
        written.extend(fill(&mut journal, 2));
        drop(journal);
        let (_, report, seen) = open(&folder);
        assert_eq!(report.damaged, []);
        // What did not fit stays in the segment only where it could not be cut off either.
        assert_eq!(report.abandoned.is_empty(), !(refused && how == Failing::FullUncut));
        let seen: Vec<_> =
            seen.into_iter().map(|(_, record)| record).filter(|record| record.kind != 7 || refused).collect();
        assert_eq!(seen, written.into_iter().map(|(_, record)| record).collect::<Vec<_>>());
    }
}

fn from(segment: u64) -> Copied {
    Copied { segment, end: segment, kept: Vec::new() }
}

#[test]
fn reclaimed_segments_are_gone_on_purpose_and_lost_ones_are_not() {
    let folder = MemoryFolder::default();
    let (mut journal, _, _) = open(&folder);
    fill(&mut journal, 12);
    let keep = journal.segments()[2];
    assert!(matches!(journal.reclaim(&from(99)), Err(JournalError::NotReclaimable { segment: 99 })));
    assert_eq!(journal.reclaim(&from(keep.number)).unwrap(), []);
    assert_eq!(journal.segments()[0], keep);
    journal.close().unwrap();
    let (journal, report, seen) = open(&folder);
    assert_eq!((report.damaged, journal.segments()[0]), (vec![], keep));
    assert_eq!(seen[0].0.segment, keep.number);
    drop(journal);
    folder.drop_file(&format!("{:012}.seg", keep.number));
    let (journal, report, _) = open(&folder);
    let first = journal.segments()[0].first;
    let missing = crate::DamageReason::Missing { from: keep.first, to: first - 1 };
    assert_eq!(report.damaged.iter().map(|damage| damage.reason).collect::<Vec<_>>(), [missing]);
}

#[test]
fn segments_that_were_reclaimed_before_a_power_cut_are_not_missed_after_it() {
    let folder = MemoryFolder::default();
    let (mut journal, _, _) = open(&folder);
    fill(&mut journal, 12);
    let keep = journal.segments()[2];
    assert_eq!(journal.reclaim(&from(keep.number)).unwrap(), []);
    drop(journal);
    let (journal, report, seen) = open(&folder.after_power_cut(Unsynced::Lost));
    assert_eq!((report.damaged, journal.segments()[0]), (vec![], keep));
    assert_eq!(seen[0].0.segment, keep.number);
}

#[test]
fn a_visitor_that_refuses_a_record_stops_the_opening_and_changes_nothing() {
    let folder = MemoryFolder::default();
    let (mut journal, _, _) = open(&folder);
    fill(&mut journal, 3);
    drop(journal);
    let before = folder.contents();
    let outcome = Journal::open(folder.clone(), options(), &mut |_, _, _| Err("no".into()));
    assert!(matches!(outcome, Err(JournalError::Visitor(_))));
    assert_eq!(folder.contents(), before);
}
