//! Whatever is written, let go, condensed and cut off in between: what lives is there, once reclaimed each once.

use crate::condense_tests::{
    DOCUMENTS, attachment, calls, entered, envelope, history, open, raw, reclaim, records, started, what,
    whole,
};
use crate::memory_folder::{Failing, MemoryFolder, Unsynced};
use crate::{Carried, Condensation, CondenseError, Journal, JournalError, Location, Owner, Record};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use yizhan_document::Digest;
use yizhan_exchange::{Condensed, Fact};

/// What may come next.
#[derive(Clone, Debug)]
enum Step {
    /// A document comes.
    Document,
    /// One of those that live is let go.
    Release(prop::sample::Index),
    /// The journal is reclaimed; kept segments of which so much lives stay.
    Reclaim { living_percent: u8 },
    /// The same, and it ends after so many calls of the disk, done or not, and what was not synced goes or stays.
    Struck { living_percent: u8, calls: usize, done: bool, lost: bool },
    /// The process ends and another one starts.
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => Just(Step::Document),
        3 => any::<prop::sample::Index>().prop_map(Step::Release),
        2 => (0u8..=100).prop_map(|living_percent| Step::Reclaim { living_percent }),
        2 => (0u8..=100, 0usize..40, any::<bool>(), any::<bool>())
            .prop_map(|(living_percent, calls, done, lost)| Step::Struck { living_percent, calls, done, lost }),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 1..40)
}

/// What the journal has to hold.
#[derive(Default)]
struct Model {
    written: u64,
    live: BTreeSet<u64>,
    /// Where contents are said to lie: what an index knows.
    places: BTreeMap<u64, Location>,
}

impl Model {
    fn condensation(&self, living_percent: u8) -> Condensation {
        let (next_index, root) = (self.written, Digest::of(b"root"));
        let facts = vec![Fact::Condensed(Condensed::Begin { next_index, base: 0, root })];
        Condensation { facts, live: self.live.clone(), base: 0, living_percent, room: None }
    }

    fn document(&mut self, journal: &mut Journal<MemoryFolder>) {
        let index = self.written;
        let facts = Record::Facts(vec![entered(index)]);
        let batch = [raw(&envelope(index)), raw(&attachment(index)), raw(&facts)];
        let places = journal.append(&batch).unwrap();
        journal.sync().unwrap();
        self.written += 1;
        self.live.insert(index);
        self.places.insert(index, places[0]);
    }

    /// As a start does whose index is made anew: of several copies of a content the last counts.
    fn start(&mut self, folder: &MemoryFolder) -> Journal<MemoryFolder> {
        let (mut journal, _, seen) = open(folder);
        for (at, record) in &seen {
            if let Record::Envelope(envelope) = record {
                self.places.insert(envelope.holding, *at);
            }
        }
        if let Some(copied) = whole(&seen) {
            assert_eq!(journal.reclaim(&copied).unwrap(), []);
        }
        journal
    }

    fn carried(&mut self, carried: Carried) {
        let place = |(owner, at)| match owner {
            Owner::Holding(holding) => Some((holding, at)),
            Owner::Receipts(_) | Owner::Attachment(_) => None,
        };
        self.places.extend(carried.into_iter().filter_map(place));
    }

    /// What lives is found where it is said to lie.
    fn find(&self, journal: &Journal<MemoryFolder>) {
        for holding in &self.live {
            let found =
                journal.read(self.places[holding]).map(|(kind, payload)| Record::decode(kind, &payload));
            assert_eq!(found.unwrap().unwrap(), envelope(*holding));
        }
    }

    /// How often each record stands in the folder is at least once, and exactly once `now` that all has been reclaimed.
    fn check(&self, folder: &MemoryFolder, once: bool) {
        let (_, report, seen) = open(&folder.after_power_cut(Unsynced::Kept));
        assert_eq!(report.damaged, []);
        let entries = |index| {
            let bytes = format!("entry {index}").into_bytes();
            [entered(index), Fact::Condensed(Condensed::Entered { index, bytes })]
        };
        for index in 0..self.written {
            let times = |record: &Record| seen.iter().filter(|(_, seen)| seen == record).count();
            let (content, attached) = (times(&envelope(index)), times(&attachment(index)));
            let of_entry = |(_, record): &&(Location, Record)| match record {
                Record::Facts(facts) => facts.iter().any(|fact| entries(index).contains(fact)),
                _ => false,
            };
            let entry = seen.iter().filter(of_entry).count();
            let lives = self.live.contains(&index);
            assert!(attached >= 1 && entry >= 1 && (content >= 1 || !lives), "{index} is lost");
            assert!(
                !once || attached == 1 && entry == 1 && (content == 1 || !lives),
                "{index} is there twice"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn what_lives_is_never_lost_and_never_kept_twice(steps in steps()) {
        let mut folder = MemoryFolder::default();
        let mut model = Model::default();
        let mut journal = model.start(&folder);
        for step in steps {
            let reclaimed = matches!(step, Step::Reclaim { .. });
            match step {
                Step::Document => model.document(&mut journal),
                Step::Release(which) => {
                    let live: Vec<u64> = model.live.iter().copied().collect();
                    if !live.is_empty() {
                        model.live.remove(which.get(&live));
                    }
                }
                Step::Reclaim { living_percent } => {
                    let what = model.condensation(living_percent);
                    let copied = journal.condense(&what, &mut |carried| model.carried(carried)).unwrap();
                    prop_assert_eq!(journal.reclaim(&copied).unwrap(), []);
                }
                Step::Struck { living_percent, calls, done, lost } => {
                    folder.fail_after(calls, if done { Failing::Done } else { Failing::NotDone });
                    let what = model.condensation(living_percent);
                    if let Ok(copied) = journal.condense(&what, &mut |_| {}) {
                        // It may be struck too.
                        journal.reclaim(&copied).unwrap_or_default();
                    }
                    drop(journal);
                    folder = folder.after_power_cut(if lost { Unsynced::Lost } else { Unsynced::Kept });
                    journal = model.start(&folder);
                }
                Step::Restart => {
                    drop(journal);
                    journal = model.start(&folder);
                }
            }
            model.find(&journal);
            model.check(&folder, reclaimed);
        }
    }
}

#[test]
fn a_copy_that_was_never_finished_stays_where_a_kept_segment_is_damaged() {
    // The calls after which a copy is broken off with contents in it.
    let mut tried = 0;
    for at in 0..calls() {
        let folder = MemoryFolder::default();
        let mut journal = history(&folder);
        reclaim(&mut journal).unwrap();
        let kept = journal.kept.segments().next().unwrap();
        journal.append(&[raw(&envelope(1)), raw(&Record::Facts(vec![entered(DOCUMENTS)]))]).unwrap();
        journal.sync().unwrap();
        folder.fail_after(at, Failing::Done);
        let struck = journal.condense(&what(), &mut |_| {}).is_err();
        drop(journal);
        let folder = folder.after_power_cut(Unsynced::Kept);
        let mut journal = started(&folder);
        let copies = open(&folder.after_power_cut(Unsynced::Kept)).2;
        let copies = records(copies).into_iter().filter(|record| *record == envelope(1)).count();
        if !struck || copies < 3 {
            continue;
        }
        tried += 1;
        folder.edit(&format!("{:012}.seg", kept.number), |bytes| *bytes.last_mut().unwrap() ^= 1);
        let before = folder.contents();
        let refused = journal.condense(&what(), &mut |_| {});
        assert!(matches!(refused, Err(CondenseError::Journal(JournalError::Damaged { .. }))), "call {at}");
        assert_eq!(folder.contents(), before, "call {at}");
    }
    assert!(tried > 0);
}
