//! A copy that is given up leaves the journal as it was, and one that is harmed does not stand in the way of the next.

use crate::condense_tests::{
    DOCUMENTS, are, entered, envelope, history, left, open, raw, reclaim, records, started, what, whole,
};
use crate::journal_tests::options;
use crate::memory_folder::{Failing, MemoryFolder, Unsynced};
use crate::{Condensation, CondenseError, JournalError, Record};
use yizhan_exchange::{Condensed, Fact};

#[test]
fn a_copy_without_room_is_taken_back() {
    let segment = options().segment_bytes;
    let needed = {
        let folder = MemoryFolder::default();
        let mut journal = history(&folder);
        let before = journal.bytes();
        journal.condense(&what(), &mut |_| {}).unwrap();
        usize::try_from(journal.bytes() - before).unwrap()
    };
    assert!(needed as u64 > 3 * segment, "{needed} bytes are too few for this test");
    for more in (0..needed).step_by(13) {
        let folder = MemoryFolder::default();
        let mut journal = history(&folder);
        let (before, all) = (journal.bytes(), records(open(&folder.after_power_cut(Unsynced::Kept)).2));
        folder.leave_room(Some(more));
        let mut told = Vec::new();
        let refused = journal.condense(&what(), &mut |carried| told.extend(carried));
        let full = matches!(refused, Err(CondenseError::Journal(JournalError::Full { .. })));
        assert!(full, "{more} bytes more: {refused:?}");
        assert!(journal.bytes() <= before + segment, "{more} bytes more: {} of {before}", journal.bytes());
        let on_disk: usize = folder.contents().values().map(Vec::len).sum();
        assert!(on_disk as u64 <= before + segment, "{more} bytes more: {on_disk} on disk, {before} before");
        for (_, at) in &told {
            assert!(journal.read(*at).is_ok(), "{more} bytes more: told of a place that is gone");
        }
        // Whatever comes next is found with all that was there, and the next copy is as if there had been none.
        folder.leave_room(None);
        let later = Record::Facts(vec![entered(DOCUMENTS)]);
        journal.append(&[raw(&later)]).unwrap();
        journal.sync().unwrap();
        let (_, report, seen) = open(&folder.after_power_cut(Unsynced::Lost));
        assert_eq!((report.damaged, report.abandoned), (vec![], vec![]), "{more} bytes more");
        let seen = records(seen);
        assert!(all.iter().chain([&later]).all(|record| seen.contains(record)), "{more} bytes more");
        let copied = journal.condense(&what(), &mut |_| {}).unwrap();
        assert_eq!(journal.reclaim(&copied).unwrap(), []);
        drop(journal);
        let seen = records(open(&folder).2);
        assert_eq!(seen.iter().filter(|seen| **seen == envelope(4)).count(), 1);
    }
}

#[test]
fn a_copy_that_would_take_more_than_it_may_leaves_nothing() {
    for room in [0, 1, 500, 900] {
        let folder = MemoryFolder::default();
        let mut journal = history(&folder);
        let before = folder.contents();
        let refused = journal.condense(&Condensation { room: Some(room), ..what() }, &mut |_| panic!("told"));
        assert!(
            matches!(refused, Err(CondenseError::Journal(JournalError::Full { .. }))),
            "{room}: {refused:?}"
        );
        assert_eq!(folder.contents(), before, "{room}");
        let copied = journal.condense(&Condensation { room: Some(100_000), ..what() }, &mut |_| {}).unwrap();
        assert_eq!(journal.reclaim(&copied).unwrap(), []);
    }
}

#[test]
fn a_stop_while_a_copy_is_taken_back_leaves_everything_as_it_was() {
    // Behind the calls that write, read and look there are those that take back.
    for at in 0..200 {
        let folder = MemoryFolder::default();
        let mut journal = history(&folder);
        folder.leave_room(Some(1_000));
        folder.fail_after(at, Failing::NotDone);
        assert!(journal.condense(&what(), &mut |_| {}).is_err());
        drop(journal);
        for unsynced in [Unsynced::Lost, Unsynced::Kept] {
            let folder = folder.after_power_cut(unsynced);
            let mut journal = started(&folder);
            reclaim(&mut journal).unwrap();
            drop(journal);
            let (_, report, seen) = open(&folder);
            assert_eq!(report.damaged, [], "call {at}, {unsynced:?}");
            assert!(are(&records(seen), &left()), "call {at}, {unsynced:?}");
        }
    }
}

#[test]
fn a_copy_that_is_harmed_is_passed_over_and_the_next_one_leaves_what_lives_once() {
    let sound = MemoryFolder::default();
    let mut journal = history(&sound);
    let before: Vec<String> = sound.contents().into_keys().collect();
    journal.condense(&what(), &mut |_| {}).unwrap();
    drop(journal);
    let copy = sound.contents().into_iter().filter(|(name, _)| !before.contains(name));
    let mut harmed = 0;
    for (name, at) in
        copy.flat_map(|(name, bytes)| (0..bytes.len()).step_by(7).map(move |at| (name.clone(), at)))
    {
        let folder = sound.after_power_cut(Unsynced::Kept);
        folder.edit(&name, |bytes| bytes[at] ^= 1);
        let (mut journal, report, seen) = open(&folder);
        // Where its beginning or its end is damaged it is no copy.
        let Some(copied) = whole(&seen) else { continue };
        if !journal.is_harmed(&copied, &report) {
            continue;
        }
        harmed += 1;
        assert!(journal.has_originals(&copied, &report), "{name}, byte {at}");
        journal.pass_over(&copied);
        let later = Record::Facts(vec![entered(DOCUMENTS)]);
        journal.append(&[raw(&later)]).unwrap();
        journal.sync().unwrap();
        let copied = journal.condense(&what(), &mut |_| {}).unwrap();
        assert_eq!(journal.reclaim(&copied).unwrap(), []);
        drop(journal);
        let (_, report, seen) = open(&folder);
        assert_eq!(report.damaged, [], "{name}, byte {at}");
        let bytes = format!("entry {DOCUMENTS}").into_bytes();
        let later = Fact::Condensed(Condensed::Entered { index: DOCUMENTS, bytes });
        let mut expected = left();
        if let Some(Record::Facts(entries)) = expected.last_mut() {
            entries.push(later);
        }
        assert!(are(&records(seen.clone()), &expected), "{name}, byte {at}: {seen:?}");
    }
    assert!(harmed > 100, "{harmed}");
}

#[test]
fn a_copy_counts_where_its_originals_are_gone_or_only_what_lies_elsewhere_is_damaged() {
    let folder = MemoryFolder::default();
    let mut journal = history(&folder);
    let old: Vec<u64> = journal.segments().iter().map(|segment| segment.number).collect();
    let copied = journal.condense(&what(), &mut |_| {}).unwrap();
    drop(journal);
    let name = |number: u64| format!("{number:012}.seg");
    let harm = |folder: &MemoryFolder, number: u64| folder.edit(&name(number), |bytes| bytes[150] ^= 1);
    // In the originals alone.
    let one = folder.after_power_cut(Unsynced::Kept);
    harm(&one, old[0]);
    let (journal, report, seen) = open(&one);
    assert!(!report.damaged.is_empty() && !journal.is_harmed(&whole(&seen).unwrap(), &report));
    // In the copy, when its newest original is gone already.
    let other = folder.after_power_cut(Unsynced::Kept);
    other.drop_file(&name(old[old.len() - 1]));
    harm(&other, copied.segment + 1);
    let (journal, report, seen) = open(&other);
    let copied = whole(&seen).unwrap();
    assert!(journal.is_harmed(&copied, &report) && !journal.has_originals(&copied, &report));
}
