//! Each guard around sled against the defect or the damage it is for.

use super::queue_tests::{open, position, write};
use super::{Queue, QueueError, RebuildReason, Trust};
use crate::Quarantine;
use std::path::{Path, PathBuf};
use yizhan_document::{EnvelopeId, OfficeName};
use yizhan_journal::Location;

const ENTRIES: u64 = 3000;

fn envelope(counter: u64) -> EnvelopeId {
    EnvelopeId { origin: "65".parse().unwrap(), epoch: 0, counter }
}

fn office() -> OfficeName {
    "gov-office".parse().unwrap()
}

fn rebuild(why: RebuildReason) -> Trust {
    Trust::Rebuild { why }
}

/// A queue with entries, some of them removed again, stopped cleanly at position 5.
fn filled(folder: &Path) {
    let (queue, trust) = open(folder, position(5));
    assert_eq!(trust, rebuild(RebuildReason::Missing));
    for counter in 0..ENTRIES {
        let at = Location { segment: 1, offset: counter, len: 1 };
        write(&queue, |changes| changes.put_content(&envelope(counter), at));
        write(&queue, |changes| changes.put_inbox(&office(), counter, &[counter as u8; 100]));
    }
    queue.close(position(5)).unwrap();
    assert!(matches!(queue.content(&envelope(0)), Err(QueueError::Closed)));
}

fn assert_whole(queue: &Queue) {
    assert_eq!(queue.inbox_count(&office()).unwrap(), ENTRIES);
    for counter in 0..ENTRIES {
        assert_eq!(queue.content(&envelope(counter)).unwrap().unwrap().offset, counter);
    }
}

/// The queue must be empty and must work.
fn assert_new(queue: &Queue) {
    assert_eq!(queue.inbox_count(&office()).unwrap(), 0);
    assert_eq!(queue.content(&envelope(0)).unwrap(), None);
    write(queue, |changes| changes.put_inbox(&office(), 1, b"works"));
    assert_eq!(queue.inbox_entry(&office(), 1).unwrap(), Some(b"works".to_vec()));
}

fn snapshots(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder.join("queue")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("snap.")).collect()
}

/// Opens after damage: what was there must be believed as a whole or not at all, and kept if it did not open.
fn assert_whole_or_new(folder: &Path, what: &str) -> Trust {
    let (queue, trust) = open(folder, position(5));
    match &trust {
        Trust::Believed => assert_whole(&queue),
        Trust::Rebuild { why } => {
            assert_new(&queue);
            if let RebuildReason::Damaged { kept_at } = why {
                assert!(kept_at.exists(), "{what}");
                let note = crate::files::with_suffix(kept_at, ".note.json");
                assert!(note.exists(), "{what}");
            }
        }
    }
    trust
}

#[test]
fn after_a_clean_stop_at_the_same_position_it_is_believed_and_whole() {
    let temp = tempfile::tempdir().unwrap();
    filled(temp.path());
    for _ in 0..3 {
        let (queue, trust) = open(temp.path(), position(5));
        assert_eq!(trust, Trust::Believed);
        assert_whole(&queue);
        queue.close(position(5)).unwrap();
    }
}

#[test]
fn after_an_unclean_stop_it_is_rebuilt() {
    let temp = tempfile::tempdir().unwrap();
    filled(temp.path());
    let (queue, _) = open(temp.path(), position(5));
    drop(queue);
    let (queue, trust) = open(temp.path(), position(5));
    assert_eq!(trust, rebuild(RebuildReason::UncleanStop));
    assert_new(&queue);
}

#[test]
fn at_another_position_of_the_journal_it_is_rebuilt() {
    let temp = tempfile::tempdir().unwrap();
    filled(temp.path());
    let (queue, trust) = open(temp.path(), position(6));
    assert_eq!(trust, rebuild(RebuildReason::OtherPosition));
    assert_new(&queue);
}

#[test]
fn a_database_that_opens_well_and_empty_is_rebuilt() {
    let temp = tempfile::tempdir().unwrap();
    filled(temp.path());
    std::fs::remove_dir_all(temp.path().join("queue")).unwrap();
    // What a lost block made of a real database: it opens well, and nothing is in it.
    drop(sled::open(temp.path().join("queue")).unwrap());
    let (queue, trust) = open(temp.path(), position(5));
    assert!(matches!(trust, Trust::Rebuild { why: RebuildReason::Damaged { .. } }), "{trust:?}");
    assert_new(&queue);
}

#[test]
fn a_missing_database_beside_a_good_mark_is_rebuilt() {
    let temp = tempfile::tempdir().unwrap();
    filled(temp.path());
    std::fs::remove_dir_all(temp.path().join("queue")).unwrap();
    let (queue, trust) = open(temp.path(), position(5));
    assert_eq!(trust, rebuild(RebuildReason::Missing));
    assert_new(&queue);
}

#[test]
fn a_left_over_unfinished_snapshot_does_no_harm() {
    let temp = tempfile::tempdir().unwrap();
    filled(temp.path());
    let left = temp.path().join("queue/snap.FFFFFFFFFFFFFFFF.generating");
    std::fs::write(&left, b"cut in the mid").unwrap();
    let (queue, trust) = open(temp.path(), position(5));
    assert_eq!(trust, Trust::Believed);
    assert!(!left.exists());
    assert_whole(&queue);
}

#[test]
fn without_that_guard_sled_would_not_open() {
    let temp = tempfile::tempdir().unwrap();
    filled(temp.path());
    std::fs::write(temp.path().join("queue/snap.FFFFFFFFFFFFFFFF.generating"), b"cut in the mid").unwrap();
    let opened = std::panic::catch_unwind(|| sled::open(temp.path().join("queue")).map(|_| ()));
    assert!(!matches!(opened, Ok(Ok(()))), "sled has mended this: the guard can go");
}

#[test]
fn a_damaged_snapshot_sends_the_database_to_quarantine() {
    let temp = tempfile::tempdir().unwrap();
    filled(temp.path());
    // sled writes one while it opens.
    let (queue, _) = open(temp.path(), position(5));
    queue.close(position(5)).unwrap();
    drop(queue);
    let found = snapshots(temp.path());
    let snapshot = found.first().expect("the second opening leaves a snapshot");
    let bytes = std::fs::read(snapshot).unwrap();
    std::fs::write(snapshot, &bytes[..bytes.len() / 2]).unwrap();
    let trust = assert_whole_or_new(temp.path(), "half a snapshot");
    assert!(matches!(trust, Trust::Rebuild { why: RebuildReason::Damaged { .. } }), "{trust:?}");
}

#[test]
fn a_zeroed_configuration_sends_the_database_to_quarantine() {
    let temp = tempfile::tempdir().unwrap();
    filled(temp.path());
    let conf = temp.path().join("queue/conf");
    let len = std::fs::read(&conf).unwrap().len();
    std::fs::write(&conf, vec![0; len]).unwrap();
    let trust = assert_whole_or_new(temp.path(), "zeroed conf");
    assert!(matches!(trust, Trust::Rebuild { why: RebuildReason::Damaged { .. } }), "{trust:?}");
}

#[test]
fn a_shortened_log_is_never_believed_in_part() {
    for part in [0, 1, 2, 3] {
        let temp = tempfile::tempdir().unwrap();
        filled(temp.path());
        let log = temp.path().join("queue/db");
        let bytes = std::fs::read(&log).unwrap();
        std::fs::write(&log, &bytes[..bytes.len() * part / 4]).unwrap();
        let trust = assert_whole_or_new(temp.path(), &format!("{part} quarters of the log"));
        assert!(part > 0 || trust != Trust::Believed);
    }
}

#[test]
fn a_log_with_lost_blocks_and_no_snapshot_is_never_believed_in_part() {
    let temp = tempfile::tempdir().unwrap();
    filled(temp.path());
    let image: Vec<(PathBuf, Vec<u8>)> = ["queue/db", "queue/conf", "queue.mark"]
        .map(|name| (PathBuf::from(name), std::fs::read(temp.path().join(name)).unwrap()))
        .to_vec();
    let log_len = image[0].1.len();
    for at in (0..log_len).step_by((log_len / 12).next_multiple_of(4096)) {
        let temp = tempfile::tempdir().unwrap();
        std::fs::create_dir(temp.path().join("queue")).unwrap();
        for (name, bytes) in &image {
            std::fs::write(temp.path().join(name), bytes).unwrap();
        }
        let mut log = image[0].1.clone();
        log[at..(at + 4096).min(log_len)].fill(0);
        std::fs::write(temp.path().join("queue/db"), log).unwrap();
        let (queue, trust) = open(temp.path(), position(5));
        match trust {
            Trust::Rebuild { .. } => assert_new(&queue),
            // A block that was free. Anything else must have been noticed, at the latest when it is read.
            Trust::Believed => match queue.inbox_count(&office()) {
                Ok(count) => assert_eq!(count, ENTRIES, "lost block at {at}"),
                Err(error) => assert!(matches!(error, QueueError::Failed { .. }), "{error}"),
            },
        }
    }
}

#[test]
fn a_folder_that_holds_something_else_goes_to_quarantine_whole() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::create_dir(temp.path().join("queue")).unwrap();
    std::fs::write(temp.path().join("queue/thesis.doc"), b"not ours").unwrap();
    let (queue, trust) = open(temp.path(), position(5));
    let Trust::Rebuild { why: RebuildReason::Damaged { kept_at } } = trust else { panic!("{trust:?}") };
    assert_eq!(std::fs::read(kept_at.join("thesis.doc")).unwrap(), b"not ours");
    assert_new(&queue);
}

#[test]
fn garbage_in_the_place_of_a_database_goes_to_quarantine() {
    for (log, conf) in
        [(vec![0xA5; 100_000], vec![0xA5; 100]), (vec![], vec![0xA5; 100]), (vec![0xA5; 10], vec![])]
    {
        let temp = tempfile::tempdir().unwrap();
        filled(temp.path());
        for snapshot in snapshots(temp.path()) {
            std::fs::write(snapshot, [0xA5; 50]).unwrap();
        }
        std::fs::write(temp.path().join("queue/db"), log).unwrap();
        std::fs::write(temp.path().join("queue/conf"), conf).unwrap();
        assert_ne!(assert_whole_or_new(temp.path(), "garbage"), Trust::Believed);
    }
}

#[test]
fn a_second_process_is_refused_and_harms_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let (queue, _) = open(temp.path(), position(5));
    let quarantine = Quarantine::open(&temp.path().join("quarantine")).unwrap();
    let second = Queue::open(&temp.path().join("queue"), position(5), &quarantine);
    assert!(matches!(second, Err(QueueError::Lock(_))));
    assert_new(&queue);
}

#[test]
fn a_damaged_mark_is_no_mark() {
    let temp = tempfile::tempdir().unwrap();
    filled(temp.path());
    let mark = temp.path().join("queue.mark");
    let mut bytes = std::fs::read(&mark).unwrap();
    bytes.truncate(bytes.len() - 1);
    std::fs::write(&mark, bytes).unwrap();
    assert_eq!(assert_whole_or_new(temp.path(), "mark"), rebuild(RebuildReason::UncleanStop));
}
