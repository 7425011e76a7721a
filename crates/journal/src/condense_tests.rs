//! Condensing leaves what lives, once each, wherever it is interrupted and however often it is tried.

use crate::journal_tests::options;
use crate::memory_folder::{Failing, MemoryFolder, Unsynced};
use crate::{
    Condensation, CondenseError, Journal, JournalError, Location, Owner, RawRecord, Record, RecoveryReport,
    StoredAttachment, StoredBody, StoredEnvelope,
};
use std::collections::BTreeSet;
use yizhan_document::{Digest, LedgerId};
use yizhan_exchange::{Condensed, Entered, Fact, NumberSet};

const DOCUMENTS: u64 = 8;
const LIVE: [u64; 3] = [1, 4, 7];
const BASE: u64 = 3;

fn raw(record: &Record) -> RawRecord {
    let (kind, payload) = record.encode().unwrap();
    RawRecord { kind, payload }
}

fn envelope(holding: u64) -> Record {
    Record::Envelope(Box::new(StoredEnvelope {
        holding,
        header: format!("header {holding}").into_bytes(),
        slips: Vec::new(),
        origin: None,
        body: StoredBody::Inline(vec![7; 60]),
        card: Vec::new(),
    }))
}

fn entered(index: u64) -> Fact {
    let home = Some("65".parse().unwrap());
    Fact::Entered(Entered { index, bytes: format!("entry {index}").into_bytes(), home })
}

fn attachment(index: u64) -> Record {
    Record::Attachment(StoredAttachment { index, bytes: b"age".to_vec() })
}

/// Eight documents, each with its content, its entry and a statement.
fn history(folder: &MemoryFolder) -> Journal<MemoryFolder> {
    let (mut journal, _, _) = open(folder);
    for index in 0..DOCUMENTS {
        let facts = Record::Facts(vec![entered(index)]);
        journal.append(&[raw(&envelope(index)), raw(&attachment(index)), raw(&facts)]).unwrap();
        journal.sync().unwrap();
    }
    journal
}

fn open(folder: &MemoryFolder) -> (Journal<MemoryFolder>, RecoveryReport, Vec<(Location, Record)>) {
    let mut seen = Vec::new();
    let (journal, report) = Journal::open(folder.clone(), options(), &mut |at, kind, payload| {
        seen.push((at, Record::decode(kind, payload)?));
        Ok(())
    })
    .unwrap();
    (journal, report, seen)
}

fn what() -> Condensation {
    let ledger = LedgerId { node: "65".parse().unwrap(), epoch: 0 };
    let facts = [
        Condensed::Begin { next_index: DOCUMENTS, base: BASE, root: Digest::of(b"root") },
        Condensed::Numbers { of: NumberSet::Seen(ledger), spans: vec![(0, DOCUMENTS - 1)] },
    ];
    Condensation {
        facts: facts.into_iter().map(Fact::Condensed).collect(),
        live: BTreeSet::from(LIVE),
        base: BASE,
    }
}

/// Condenses and lets the old segments go; tells where what was carried lies.
fn reclaim(journal: &mut Journal<MemoryFolder>) -> Result<Vec<(Owner, Location)>, CondenseError> {
    let mut all = Vec::new();
    let segment = journal.condense(&what(), &mut |carried| all.extend(carried))?;
    journal.reclaim(segment)?;
    Ok(all)
}

/// What is left of the eight documents, in order.
fn left() -> Vec<Record> {
    let condensed = |parts: Vec<Condensed>| Record::Facts(parts.into_iter().map(Fact::Condensed).collect());
    let mut left = vec![Record::Facts(what().facts)];
    for index in 0..DOCUMENTS {
        left.extend(LIVE.contains(&index).then(|| envelope(index)));
        left.push(attachment(index));
        let bytes = format!("entry {index}").into_bytes();
        left.extend((index >= BASE).then(|| condensed(vec![Condensed::Entered { index, bytes }])));
    }
    left.push(condensed(vec![Condensed::End]));
    left
}

fn records(seen: Vec<(Location, Record)>) -> Vec<Record> {
    seen.into_iter().map(|(_, record)| record).collect()
}

#[test]
fn what_lives_is_left_once_and_found_where_it_was_said_to_be() {
    let folder = MemoryFolder::default();
    let mut journal = history(&folder);
    let before = journal.bytes();
    for round in 0..3 {
        let carried = reclaim(&mut journal).unwrap();
        assert_eq!(carried.len(), LIVE.len() + DOCUMENTS as usize, "round {round}");
        for (owner, at) in carried {
            let (kind, payload) = journal.read(at).unwrap();
            let record = match owner {
                Owner::Holding(holding) => envelope(holding),
                Owner::Attachment(index) => attachment(index),
                Owner::Receipts(bundle) => Record::Receipts(bundle),
            };
            assert_eq!(Record::decode(kind, &payload).unwrap(), record);
        }
        assert!(journal.bytes() < before);
        drop(journal);
        let (again, report, seen) = open(&folder.after_power_cut(Unsynced::Lost));
        assert_eq!((report.damaged, records(seen)), (vec![], left()), "round {round}");
        drop(again);
        journal = open(&folder).0;
    }
}

#[test]
fn what_is_written_afterwards_is_kept_and_carried_with_the_rest() {
    let folder = MemoryFolder::default();
    let mut journal = history(&folder);
    reclaim(&mut journal).unwrap();
    let later = Record::Facts(vec![entered(DOCUMENTS)]);
    journal.append(&[raw(&envelope(4)), raw(&later)]).unwrap();
    reclaim(&mut journal).unwrap();
    let (_, _, seen) = open(&folder);
    let seen = records(seen);
    let bytes = format!("entry {DOCUMENTS}").into_bytes();
    let entered = Record::Facts(vec![Fact::Condensed(Condensed::Entered { index: DOCUMENTS, bytes })]);
    assert!(seen.contains(&entered));
    assert_eq!(seen.iter().filter(|record| **record == envelope(7)).count(), 1);
}

/// How many calls a whole reclaim makes.
fn calls() -> usize {
    (0..)
        .find(|calls| {
            let folder = MemoryFolder::default();
            let mut journal = history(&folder);
            folder.fail_after(*calls, Failing::NotDone);
            reclaim(&mut journal).is_ok()
        })
        .unwrap()
}

#[test]
fn a_crash_at_any_moment_leaves_the_old_or_the_new_and_the_next_try_leaves_what_lives_once() {
    let all = calls();
    assert!(all > 30);
    for at in 0..all {
        for failing in [Failing::NotDone, Failing::Done] {
            for unsynced in [Unsynced::Lost, Unsynced::Kept, Unsynced::Cut(500)] {
                let folder = MemoryFolder::default();
                let mut journal = history(&folder);
                folder.fail_after(at, failing);
                assert!(reclaim(&mut journal).is_err() || failing == Failing::Done);
                let folder = folder.after_power_cut(unsynced);
                let (mut journal, _, seen) = open(&folder);
                let seen = records(seen);
                let end = Record::Facts(vec![Fact::Condensed(Condensed::End)]);
                let old = (0..DOCUMENTS).all(|index| {
                    seen.contains(&envelope(index)) && seen.contains(&Record::Facts(vec![entered(index)]))
                });
                let new = left().iter().all(|record| seen.contains(record));
                assert!(old || new && seen.contains(&end), "call {at}, {failing:?}, {unsynced:?}: {seen:?}");
                if seen.contains(&end) {
                    assert!(new, "call {at}: an end without all that comes before it");
                }
                finish(&mut journal, &folder);
                reclaim(&mut journal).unwrap();
                assert_eq!(records(open(&folder).2), left(), "call {at}, {failing:?}, {unsynced:?}");
            }
        }
    }
}

/// What a start does: a copy that is whole makes everything before it unneeded.
fn finish(journal: &mut Journal<MemoryFolder>, folder: &MemoryFolder) {
    let seen = open(&folder.after_power_cut(Unsynced::Kept)).2;
    let of = |part: &dyn Fn(&Condensed) -> bool| {
        let is = |record: &Record| match record {
            Record::Facts(facts) => facts.iter().any(|f| matches!(f, Fact::Condensed(c) if part(c))),
            _ => false,
        };
        seen.iter().rfind(|(_, record)| is(record)).map(|(at, _)| at.segment)
    };
    let is_whole = of(&|part| matches!(part, Condensed::End)).is_some();
    let begin = of(&|part| matches!(part, Condensed::Begin { .. })).filter(|_| is_whole);
    let Some(begin) = begin else { return };
    // Opening the copy of the folder has rewritten its last segment under the next number.
    let begin = begin.min(journal.segments().last().unwrap().number);
    journal.reclaim(begin).unwrap();
}

#[test]
fn a_full_disk_gives_up_and_leaves_everything_as_it_was() {
    for at in 0..calls() {
        for failing in [Failing::Full, Failing::FullUncut] {
            let folder = MemoryFolder::default();
            let mut journal = history(&folder);
            folder.fail_after(at, failing);
            let given_up = reclaim(&mut journal);
            folder.heal();
            let Err(error) = given_up else { continue };
            let full = matches!(&error, CondenseError::Journal(JournalError::Full { .. }));
            assert!(full, "call {at}: {error}");
            journal.append(&[raw(&Record::Facts(vec![entered(DOCUMENTS)]))]).unwrap();
            journal.sync().unwrap();
            reclaim(&mut journal).unwrap();
            drop(journal);
            let (_, report, seen) = open(&folder);
            assert_eq!(report.damaged, []);
            let mut expected = left();
            let bytes = format!("entry {DOCUMENTS}").into_bytes();
            let entered =
                Record::Facts(vec![Fact::Condensed(Condensed::Entered { index: DOCUMENTS, bytes })]);
            expected.insert(expected.len() - 1, entered);
            assert_eq!(records(seen), expected, "call {at}, {failing:?}");
        }
    }
}

#[test]
fn damage_anywhere_in_the_old_segments_lets_nothing_go() {
    let sound = MemoryFolder::default();
    drop(history(&sound));
    for (name, bytes) in sound.contents() {
        for at in (0..bytes.len()).step_by(7) {
            let folder = MemoryFolder::default();
            let mut journal = history(&folder);
            folder.edit(&name, |bytes| bytes[at] ^= 1);
            let outcome = reclaim(&mut journal);
            let damaged = matches!(&outcome, Err(CondenseError::Journal(JournalError::Damaged { .. })));
            assert!(damaged, "{name}, byte {at}: {outcome:?}");
            assert!(folder.contents().contains_key(&name));
        }
    }
}
