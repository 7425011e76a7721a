//! A copy that is harmed while its originals are there does not count, and does not stand in the way of the next.

use crate::Record;
use crate::condense_tests::{DOCUMENTS, are, entered, history, left, open, raw, records, what, whole};
use crate::memory_folder::{MemoryFolder, Unsynced};
use yizhan_exchange::{Condensed, Fact};

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
