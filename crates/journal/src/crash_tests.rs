//! Crashes at any point: what was synced is there, what was not is there as whole batches or not at all.

use crate::journal_tests::{open, open_with, options, record};
use crate::memory_folder::{Failing, MemoryFolder, Unsynced};
use crate::{Damage, DamageReason, JournalError, RawRecord};
use proptest::prelude::*;

fn unsynced() -> impl Strategy<Value = Unsynced> {
    prop_oneof![
        Just(Unsynced::Lost),
        Just(Unsynced::Kept),
        (0u16..1000).prop_map(Unsynced::Cut),
        (0u16..1000, 0u16..1000).prop_map(|(a, b)| Unsynced::Hole(a, b)),
    ]
}

/// What a process did until it crashed.
#[derive(Default)]
struct Past {
    synced: Vec<Vec<RawRecord>>,
    /// Written, but no sync came back.
    loose: Vec<Vec<RawRecord>>,
}

impl Past {
    fn flat(batches: &[Vec<RawRecord>]) -> Vec<RawRecord> {
        batches.iter().flatten().cloned().collect()
    }

    /// Checks what a recovery delivered, and takes it for synced from here on.
    fn check(&mut self, seen: Vec<RawRecord>) {
        let mut expected = Self::flat(&self.synced);
        if seen != expected {
            // Only whole batches may have come through.
            let more = self.loose.iter().position(|batch| {
                expected.extend(batch.iter().cloned());
                self.synced.push(batch.clone());
                seen == expected
            });
            assert!(more.is_some(), "neither all that was synced nor whole batches more: {seen:?}");
        }
        self.loose.clear();
    }

    /// One life of a process: as many batches, each with its sync, as the disk allows.
    fn live(
        &mut self,
        folder: &MemoryFolder,
        batches: &[Vec<Vec<u8>>],
        close: bool,
    ) -> Result<(), JournalError> {
        let (mut journal, report, seen) = open_with(folder, options())?;
        // A power cut may take the header of a new segment and leave its first batch; it is no damage otherwise.
        let header = |damage: &Damage| damage.reason == DamageReason::SegmentHeader && !damage.attested;
        assert!(report.damaged.iter().all(header), "a crash is no damage: {report:?}");
        self.check(seen.into_iter().map(|(_, record)| record).collect());
        for batch in batches {
            let batch: Vec<_> = batch.iter().map(|payload| record(payload.len() as u8, payload)).collect();
            self.loose.push(batch.clone());
            if let Err(error) = journal.append(&batch) {
                if error.is_full() {
                    self.loose.pop();
                    continue;
                }
                return Err(error);
            }
            journal.sync()?;
            self.synced.append(&mut self.loose);
        }
        if close { journal.close().map(|_| ()) } else { Ok(()) }
    }
}

fn batches(max: usize) -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
    let payload = proptest::collection::vec(any::<u8>(), 0..120);
    proptest::collection::vec(proptest::collection::vec(payload, 1..4), 0..max)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn synced_batches_survive_any_number_of_crashes_anywhere(
        lives in proptest::collection::vec(
            (batches(6), any::<bool>(), 0usize..60, prop_oneof![Just(Failing::NotDone), Just(Failing::Done)], unsynced()),
            1..6,
        )
    ) {
        let mut past = Past::default();
        let mut folder = MemoryFolder::default();
        for (batches, close, calls, failing, unsynced) in lives {
            folder.fail_after(calls, failing);
            // Wherever it ends, the next life must find everything that was synced.
            drop(past.live(&folder, &batches, close));
            folder = folder.after_power_cut(unsynced);
        }
        past.live(&folder, &[], true).unwrap();
    }

    #[test]
    fn a_full_disk_between_crashes_loses_nothing(
        before in batches(4), during in batches(4), after in batches(4), calls in 0usize..12, unsynced in unsynced()
    ) {
        let mut past = Past::default();
        let folder = MemoryFolder::default();
        past.live(&folder, &before, true).unwrap();
        let (mut journal, _, _) = open(&folder);
        folder.fail_after(calls, Failing::Full);
        let mut poisoned = false;
        for batch in &during {
            let batch: Vec<_> = batch.iter().map(|payload| record(payload.len() as u8, payload)).collect();
            match journal.append(&batch) {
                Ok(_) => {
                    past.loose.push(batch);
                    if journal.sync().is_err() {
                        poisoned = true;
                        break;
                    }
                    past.synced.append(&mut past.loose);
                }
                Err(error) if error.is_full() => {}
                Err(_) => {
                    poisoned = true;
                    break;
                }
            }
        }
        drop(journal);
        folder.heal();
        let folder = if poisoned { folder.after_power_cut(unsynced) } else { folder };
        past.live(&folder, &after, false).unwrap();
        past.live(&folder.after_power_cut(unsynced), &[], true).unwrap();
    }

    #[test]
    fn several_batches_before_one_sync_lose_nothing_that_was_synced(
        synced in batches(4), loose in batches(5), unsynced in unsynced()
    ) {
        let folder = MemoryFolder::default();
        let mut past = Past::default();
        past.live(&folder, &synced, false).unwrap();
        let (mut journal, _, _) = open(&folder);
        for batch in &loose {
            journal.append(&batch.iter().map(|p| record(p.len() as u8, p)).collect::<Vec<_>>()).unwrap();
        }
        drop(journal);
        let (_, report, seen) = open(&folder.after_power_cut(unsynced));
        let synced = Past::flat(&past.synced);
        let seen: Vec<_> = seen.into_iter().map(|(_, record)| record).collect();
        prop_assert!(seen.starts_with(&synced));
        // A hole that a later batch outlived must be named, but nobody can attest that it had been synced.
        prop_assert!(report.damaged.iter().all(|damage| !damage.attested));
    }
}

#[test]
fn a_crash_inside_recovery_at_each_call_is_recovered_from() {
    let image = MemoryFolder::default();
    let (mut journal, _, _) = open(&image);
    for i in 0..6u8 {
        journal.append(&[record(i, &[i; 60]), record(i, b"second")]).unwrap();
        journal.sync().unwrap();
    }
    journal.append(&[record(9, &[9; 80])]).unwrap();
    let torn = image.after_power_cut(Unsynced::Cut(600));
    let mut recoveries = 0;
    for failing in [Failing::NotDone, Failing::Done, Failing::Full] {
        for unsynced in [Unsynced::Lost, Unsynced::Kept, Unsynced::Cut(500), Unsynced::Hole(100, 900)] {
            for calls in 0.. {
                let folder = torn.after_power_cut(Unsynced::Kept);
                folder.fail_after(calls, failing);
                if open_with(&folder, options()).is_ok() {
                    break;
                }
                recoveries += 1;
                let folder = folder.after_power_cut(unsynced);
                let (_, report, seen) = open(&folder);
                assert_eq!(
                    (seen.len(), report.damaged.len()),
                    (12, 0),
                    "call {calls} {failing:?} {unsynced:?}"
                );
                let torn_kept = folder.contents().into_iter().find(|(name, _)| name.ends_with(".torn"));
                assert!(
                    torn_kept.is_some_and(|(_, bytes)| bytes.len() > 50),
                    "call {calls} {failing:?} {unsynced:?}"
                );
                let files = folder.contents();
                assert!(!files.keys().any(|name| name.ends_with(".new")), "{:?}", files.keys());
            }
        }
    }
    assert!(recoveries > 100, "only {recoveries} crashes were tried");
}
