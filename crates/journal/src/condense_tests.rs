//! Condensing leaves what lives, once each, wherever it is interrupted and however often it is tried.

use crate::journal_tests::options;
use crate::memory_folder::{Failing, MemoryFolder, Unsynced};
use crate::{
    Condensation, CondenseError, Copies, Journal, JournalError, Location, Owner, RawRecord, Record,
    RecoveryReport, StoredAttachment, StoredBody, StoredEnvelope,
};
use std::collections::BTreeSet;
use yizhan_document::{Digest, LedgerId};
use yizhan_exchange::{Condensed, Entered, Fact, NumberSet, SubmissionKey};

pub(crate) const DOCUMENTS: u64 = 8;
const LIVE: [u64; 3] = [1, 4, 7];
const BASE: u64 = 3;

pub(crate) fn raw(record: &Record) -> RawRecord {
    let (kind, payload) = record.encode().unwrap();
    RawRecord { kind, payload }
}

pub(crate) fn envelope(holding: u64) -> Record {
    Record::Envelope(Box::new(StoredEnvelope {
        holding,
        header: format!("header {holding}").into_bytes(),
        slips: Vec::new(),
        origin: None,
        body: StoredBody::Inline(vec![7; 60]),
        card: Vec::new(),
    }))
}

pub(crate) fn entered(index: u64) -> Fact {
    let home = Some("65".parse().unwrap());
    Fact::Entered(Entered { index, bytes: format!("entry {index}").into_bytes(), home })
}

pub(crate) fn attachment(index: u64) -> Record {
    Record::Attachment(StoredAttachment { index, bytes: b"age".to_vec() })
}

/// Eight documents, each with its content, its entry and a statement.
pub(crate) fn history(folder: &MemoryFolder) -> Journal<MemoryFolder> {
    let (mut journal, _, _) = open(folder);
    for index in 0..DOCUMENTS {
        let facts = Record::Facts(vec![entered(index)]);
        journal.append(&[raw(&envelope(index)), raw(&attachment(index)), raw(&facts)]).unwrap();
        journal.sync().unwrap();
    }
    journal
}

pub(crate) fn open(
    folder: &MemoryFolder,
) -> (Journal<MemoryFolder>, RecoveryReport, Vec<(Location, Record)>) {
    let mut seen = Vec::new();
    let (journal, report) = Journal::open(folder.clone(), options(), &mut |at, kind, payload| {
        seen.push((at, Record::decode(kind, payload)?));
        Ok(())
    })
    .unwrap();
    (journal, report, seen)
}

pub(crate) fn what() -> Condensation {
    let ledger = LedgerId { node: "65".parse().unwrap(), epoch: 0 };
    let facts = [
        Condensed::Begin { next_index: DOCUMENTS, base: BASE, root: Digest::of(b"root") },
        Condensed::Numbers { of: NumberSet::Seen(ledger), spans: vec![(0, DOCUMENTS - 1)] },
    ];
    Condensation {
        facts: facts.into_iter().map(Fact::Condensed).collect(),
        live: BTreeSet::from(LIVE),
        base: BASE,
        living_percent: 50,
        room: None,
    }
}

/// Condenses and lets the old segments go; tells where what was carried lies.
pub(crate) fn reclaim(journal: &mut Journal<MemoryFolder>) -> Result<Vec<(Owner, Location)>, CondenseError> {
    let mut all = Vec::new();
    let copied = journal.condense(&what(), &mut |carried| all.extend(carried))?;
    assert_eq!(journal.reclaim(&copied)?, []);
    Ok(all)
}

/// What is left of the eight documents.
pub(crate) fn left() -> Vec<Record> {
    let condensed = |parts: Vec<Condensed>| Record::Facts(parts.into_iter().map(Fact::Condensed).collect());
    let entered = |index| Condensed::Entered { index, bytes: format!("entry {index}").into_bytes() };
    let contents = LIVE.into_iter().map(envelope).chain((0..DOCUMENTS).map(attachment));
    let entries = condensed((BASE..DOCUMENTS).map(entered).collect());
    [Record::Facts(what().facts)].into_iter().chain(contents).chain([entries]).collect()
}

/// Records, but for those that only say that there is more, or which segments there are.
pub(crate) fn records(seen: Vec<(Location, Record)>) -> Vec<Record> {
    let tells = |record: &Record| match record {
        Record::Facts(facts) => !matches!(
            facts.as_slice(),
            [Fact::Condensed(Condensed::Continued)] | [Fact::Condensed(Condensed::Kept(_)), _]
        ),
        _ => true,
    };
    seen.into_iter().map(|(_, record)| record).filter(tells).collect()
}

/// Whether all of `these` are there, and nothing else, each once.
pub(crate) fn are(found: &[Record], these: &[Record]) -> bool {
    found.len() == these.len() && these.iter().all(|record| found.contains(record))
}

fn is_end(record: &Record) -> bool {
    matches!(record, Record::Facts(facts) if facts.last() == Some(&Fact::Condensed(Condensed::End)))
}

#[test]
fn what_lives_is_left_once_and_found_where_it_was_said_to_be() {
    let folder = MemoryFolder::default();
    let mut journal = history(&folder);
    let before = journal.bytes();
    let mut places = Vec::new();
    for round in 0..3 {
        let carried = reclaim(&mut journal).unwrap();
        // Once, and then everything stays where it is.
        assert_eq!(
            carried.len(),
            if round == 0 { LIVE.len() + DOCUMENTS as usize } else { 0 },
            "round {round}"
        );
        places.extend(carried);
        for (owner, at) in &places {
            let (kind, payload) = journal.read(*at).unwrap();
            let record = match owner {
                Owner::Holding(holding) => envelope(*holding),
                Owner::Attachment(index) => attachment(*index),
                Owner::Receipts(bundle) => Record::Receipts(bundle.clone()),
            };
            assert_eq!(Record::decode(kind, &payload).unwrap(), record);
        }
        assert!(journal.bytes() < before);
        drop(journal);
        let (again, report, seen) = open(&folder.after_power_cut(Unsynced::Lost));
        assert_eq!(report.damaged, []);
        assert!(are(&records(seen.clone()), &left()), "round {round}: {seen:?}");
        drop(again);
        journal = started(&folder);
    }
}

#[test]
fn what_is_written_afterwards_is_kept_and_carried_with_the_rest() {
    let folder = MemoryFolder::default();
    let mut journal = history(&folder);
    reclaim(&mut journal).unwrap();
    let later = Record::Facts(vec![entered(DOCUMENTS)]);
    let document = envelope(DOCUMENTS);
    journal.append(&[raw(&document), raw(&later)]).unwrap();
    let mut what = what();
    what.live.insert(DOCUMENTS);
    let copied = journal.condense(&what, &mut |_| {}).unwrap();
    journal.reclaim(&copied).unwrap();
    let seen = records(open(&folder).2);
    let bytes = format!("entry {DOCUMENTS}").into_bytes();
    let entered = Fact::Condensed(Condensed::Entered { index: DOCUMENTS, bytes });
    assert!(seen.iter().any(|record| matches!(record, Record::Facts(facts) if facts.contains(&entered))));
    for record in [envelope(7), document] {
        assert_eq!(seen.iter().filter(|seen| **seen == record).count(), 1);
    }
}

#[test]
fn keys_of_submissions_are_carried_once() {
    let folder = MemoryFolder::default();
    let mut journal = history(&folder);
    let key = |n: u8| {
        let key = SubmissionKey { key: Digest::of(&[n]), submission: Digest::of(b"body") };
        Fact::Condensed(Condensed::Key { key, index: u64::from(n) })
    };
    // Behind what happened, or they would be taken for a copy that was never finished.
    let keys = Record::Facts((0..200).map(key).collect());
    journal.append(&[raw(&Record::Facts(vec![entered(DOCUMENTS)])), raw(&keys)]).unwrap();
    for _ in 0..3 {
        reclaim(&mut journal).unwrap();
        drop(journal);
        let seen = records(open(&folder).2);
        let in_record = |record: &Record| match record {
            Record::Facts(facts) => facts.clone(),
            _ => Vec::new(),
        };
        let facts: Vec<Fact> = seen.iter().flat_map(in_record).collect();
        for n in 0..200 {
            assert_eq!(facts.iter().filter(|fact| **fact == key(n)).count(), 1, "key {n}");
        }
        journal = started(&folder);
    }
}

#[test]
fn a_kept_segment_of_which_too_little_lives_is_written_anew() {
    let folder = MemoryFolder::default();
    let mut journal = history(&folder);
    reclaim(&mut journal).unwrap();
    let mut what = what();
    what.live.clear();
    for (living_percent, anew) in [(10, false), (90, true)] {
        what.living_percent = living_percent;
        let copied = journal.condense(&what, &mut |_| {}).unwrap();
        journal.reclaim(&copied).unwrap();
        let seen = records(open(&folder.after_power_cut(Unsynced::Kept)).2);
        assert_eq!(!seen.contains(&envelope(4)), anew, "{living_percent} percent");
        assert!(seen.contains(&attachment(4)));
    }
}

#[test]
fn a_kept_segment_that_is_damaged_or_gone_is_told_of_at_every_start_and_harms_no_other() {
    for harm in ["damage", "cut", "loss"] {
        let folder = MemoryFolder::default();
        let mut journal = history(&folder);
        reclaim(&mut journal).unwrap();
        // Below what the journal says to be gone on purpose.
        reclaim(&mut journal).unwrap();
        let kept = journal.kept.segments().next().unwrap();
        drop(journal);
        let name = format!("{:012}.seg", kept.number);
        match harm {
            "damage" => folder.edit(&name, |bytes| *bytes.last_mut().unwrap() ^= 1),
            "cut" => folder.edit(&name, |bytes| bytes.truncate(52)),
            _ => folder.drop_file(&name),
        }
        for round in 0..2 {
            let (mut journal, report, seen) = open(&folder);
            let missing = journal.reclaim(&whole(&seen).unwrap()).unwrap();
            assert_eq!(report.damaged.is_empty(), harm != "damage", "{harm}");
            assert_eq!(missing.is_empty(), harm == "damage", "{harm}, round {round}");
            // What is not known to be whole is not written anew, and goes on being named.
            let mut what = what();
            what.living_percent = 100;
            journal.append(&[raw(&envelope(1))]).unwrap();
            let copied = journal.condense(&what, &mut |_| {}).unwrap();
            assert!(copied.kept.contains(&kept), "{harm}, round {round}");
            journal.reclaim(&copied).unwrap();
            assert!(records(open(&folder).2).contains(&envelope(1)));
        }
    }
}

#[test]
fn a_journal_whose_last_copy_has_lost_its_end_lets_nothing_go() {
    let folder = MemoryFolder::default();
    let mut journal = history(&folder);
    reclaim(&mut journal).unwrap();
    let kept = journal.kept.segments().last().unwrap().number;
    // The segments with the list and all later are gone, and nothing tells that they were there.
    for segment in journal.segments().iter().filter(|segment| segment.number > kept) {
        folder.drop_file(&format!("{:012}.seg", segment.number));
    }
    drop(journal);
    let (mut journal, report, seen) = open(&folder);
    assert!(!report.damaged.is_empty());
    assert_eq!(whole(&seen), None);
    let refused = journal.condense(&what(), &mut |_| {});
    assert!(matches!(refused, Err(CondenseError::Journal(JournalError::Damaged { .. }))));
    let seen = records(seen);
    assert!(LIVE.iter().all(|holding| seen.contains(&envelope(*holding))));
}

/// How many calls a whole reclaim makes.
pub(crate) fn calls() -> usize {
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
                let (journal, _, seen) = open(&folder);
                let seen = records(seen);
                let old = (0..DOCUMENTS).all(|index| {
                    seen.contains(&envelope(index)) && seen.contains(&Record::Facts(vec![entered(index)]))
                });
                let ends = whole_in(&folder);
                let new = left().iter().all(|record| seen.contains(record));
                assert!(old || new && ends, "call {at}, {failing:?}, {unsynced:?}: {seen:?}");
                assert!(!ends || new, "call {at}: an end without all that comes before it");
                drop(journal);
                let mut journal = started(&folder);
                reclaim(&mut journal).unwrap();
                let seen = records(open(&folder).2);
                assert!(are(&seen, &left()), "call {at}, {failing:?}, {unsynced:?}: {seen:?}");
            }
        }
    }
}

fn whole_in(folder: &MemoryFolder) -> bool {
    open(&folder.after_power_cut(Unsynced::Kept)).2.iter().any(|(_, record)| is_end(record))
}

pub(crate) fn whole(seen: &[(Location, Record)]) -> Option<crate::Copied> {
    let mut copies = Copies::default();
    for (at, record) in seen {
        if let Record::Facts(facts) = record {
            facts.iter().for_each(|fact| assert!(copies.see(fact, at.segment)));
        }
    }
    copies.whole().cloned()
}

/// Opens as a start does: a copy that is whole makes everything else unneeded.
pub(crate) fn started(folder: &MemoryFolder) -> Journal<MemoryFolder> {
    let (mut journal, _, seen) = open(folder);
    if let Some(copied) = whole(&seen) {
        assert_eq!(journal.reclaim(&copied).unwrap(), []);
    }
    journal
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
            let seen = records(seen);
            let contents = LIVE.into_iter().map(envelope).chain((0..DOCUMENTS).map(attachment));
            for record in contents {
                assert_eq!(seen.iter().filter(|seen| **seen == record).count(), 1, "call {at}, {failing:?}");
            }
            let bytes = format!("entry {DOCUMENTS}").into_bytes();
            let entered = Fact::Condensed(Condensed::Entered { index: DOCUMENTS, bytes });
            assert!(seen.iter().any(|r| matches!(r, Record::Facts(facts) if facts.contains(&entered))));
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
