//! What the queue keeps, and how it lists it.

use super::{Changes, Queue, QueueError, ReceiptKey, Trust, WaitingKey};
use crate::Quarantine;
use crate::limits::{QUEUE_CHANGES_MAX, QUEUE_LIST_MAX, QUEUE_VALUE_BYTES_MAX};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;
use yizhan_document::{EnvelopeId, NodeId, OfficeName, Unit, Urgency};
use yizhan_journal::{Location, Position};

pub(crate) fn position(sequence: u64) -> Position {
    Position { journal: 77, segment: 2, bytes: 1000, sequence }
}

pub(crate) fn open(folder: &Path, at: Position) -> (Queue, Trust) {
    let quarantine = Quarantine::open(&folder.join("quarantine")).unwrap();
    Queue::open(&folder.join("queue"), at, &quarantine).unwrap()
}

fn at(offset: u64) -> Location {
    Location { segment: 1, offset, len: 9 }
}

fn node(text: &str) -> NodeId {
    text.parse().unwrap()
}

fn envelope(counter: u64) -> EnvelopeId {
    EnvelopeId { origin: node("652301"), epoch: 0, counter }
}

fn office(text: &str) -> OfficeName {
    text.parse().unwrap()
}

/// Writes with one call of [`Changes`].
pub(crate) fn write(queue: &Queue, fill: impl FnOnce(&mut Changes) -> Result<(), QueueError>) {
    let mut changes = Changes::new();
    fill(&mut changes).unwrap();
    queue.write(changes).unwrap();
}

#[test]
fn a_read_sees_every_write_before_it() {
    let temp = tempfile::tempdir().unwrap();
    let (queue, _) = open(temp.path(), position(1));
    for counter in 0..500 {
        write(&queue, |changes| changes.put_content(&envelope(counter), at(counter)));
        assert_eq!(queue.content(&envelope(counter)).unwrap(), Some(at(counter)));
        write(&queue, |changes| changes.remove_content(&envelope(counter)));
        assert_eq!(queue.content(&envelope(counter)).unwrap(), None);
    }
}

#[test]
fn what_waits_in_memory_and_what_is_on_disk_read_as_one() {
    let temp = tempfile::tempdir().unwrap();
    let (queue, _) = open(temp.path(), position(1));
    write(&queue, |changes| changes.put_new_holding(1, at(1)));
    write(&queue, |changes| changes.put_new_holding(2, at(2)));
    write(&queue, |changes| changes.remove_holding(2));
    assert_eq!([queue.holding(1).unwrap(), queue.holding(2).unwrap()], [Some(at(1)), None]);
    queue.sync().unwrap();
    assert_eq!([queue.holding(1).unwrap(), queue.holding(2).unwrap()], [Some(at(1)), None]);
    // On disk now: moved and removed there, whatever waits above it.
    write(&queue, |changes| changes.put_holding(1, at(7)));
    assert_eq!(queue.holding(1).unwrap(), Some(at(7)));
    write(&queue, |changes| changes.remove_holding(1));
    assert_eq!(queue.holding(1).unwrap(), None);
    queue.sync().unwrap();
    assert_eq!(queue.holding(1).unwrap(), None);
}

#[test]
fn what_waits_is_listed_by_urgency_then_age_and_only_for_its_neighbour() {
    let temp = tempfile::tempdir().unwrap();
    let (queue, _) = open(temp.path(), position(1));
    let unit = |n: u64| Unit { envelope: envelope(n), destination: node("653101"), attempt: 0 };
    let place = |neighbour, urgency, sequence| WaitingKey { neighbour: node(neighbour), urgency, sequence };
    let places = [
        place("65", Urgency::Normal, 1),
        place("65", Urgency::Flash, 300),
        place("65", Urgency::Urgent, 2),
        place("65", Urgency::Normal, 0),
        place("6523", Urgency::Flash, 5),
    ];
    for (n, place) in places.iter().enumerate() {
        write(&queue, |changes| changes.put_waiting(place, &unit(n as u64)));
    }
    let all = queue.waiting(&node("65"), None, 100).unwrap();
    assert_eq!(all, [1, 2, 3, 0].map(|n| (places[n], unit(n as u64))));
    assert_eq!(queue.waiting(&node("65"), Some(&all[1].0), 1).unwrap(), all[2..3]);
    assert_eq!(queue.waiting_count(&node("65")).unwrap(), 4);
    assert_eq!(queue.waiting_count(&node("6")).unwrap(), 0);
    write(&queue, |changes| changes.remove_waiting(&places[1]));
    assert_eq!(queue.waiting(&node("65"), None, 1).unwrap()[0].0, places[2]);
}

#[test]
fn inboxes_of_offices_with_similar_names_stay_apart() {
    let temp = tempfile::tempdir().unwrap();
    let (queue, _) = open(temp.path(), position(1));
    for name in ["gov", "gov-office", "gov1"] {
        for sequence in [256, 1, 2] {
            let entry = format!("{name} {sequence}");
            write(&queue, |changes| changes.put_inbox(&office(name), sequence, entry.as_bytes()));
        }
    }
    let listed = queue.inbox(&office("gov"), None, 100).unwrap();
    let entry = |sequence: u64| (sequence, format!("gov {sequence}").into_bytes());
    assert_eq!(listed, [entry(1), entry(2), entry(256)]);
    assert_eq!(queue.inbox(&office("gov"), Some(2), 100).unwrap(), [entry(256)]);
    assert_eq!(queue.inbox(&office("gov"), Some(256), 100).unwrap(), []);
    assert_eq!(queue.inbox_entry(&office("gov1"), 2).unwrap(), Some(b"gov1 2".to_vec()));
    write(&queue, |changes| changes.remove_inbox(&office("gov"), 1));
    assert_eq!(queue.inbox_count(&office("gov")).unwrap(), 2);
    assert_eq!(queue.inbox_count(&office("gov-office")).unwrap(), 3);
}

#[test]
fn receipts_of_an_envelope_are_listed_in_order_wherever_they_were_written() {
    let temp = tempfile::tempdir().unwrap();
    let (queue, _) = open(temp.path(), position(1));
    let mut keys = Vec::new();
    for destination in [None, Some(node("653101")), Some(node("653130"))] {
        for ledger in ["65.0", "652301.0", "652301.1"] {
            for index in [3, 200, 70_000] {
                keys.push(ReceiptKey {
                    envelope: envelope(4),
                    destination,
                    ledger: ledger.parse().unwrap(),
                    index,
                });
            }
        }
    }
    for (n, key) in keys.iter().enumerate().rev() {
        write(&queue, |changes| changes.put_receipt(key, at(n as u64)));
        // Some share a row, some have one of their own.
        if n % 7 == 0 {
            queue.sync().unwrap();
        }
    }
    let other = ReceiptKey { envelope: envelope(5), ..keys[0] };
    write(&queue, |changes| changes.put_receipt(&other, at(99)));
    let mut expected: Vec<_> = keys.iter().enumerate().map(|(n, key)| (*key, at(n as u64))).collect();
    assert_eq!(queue.receipts(&envelope(4)).unwrap(), expected);
    // The journal was reclaimed: some have moved.
    for moved in [0, 8, 26] {
        expected[moved].1 = Location { segment: 9, offset: 1, len: 9 };
        write(&queue, |changes| changes.put_receipt(&expected[moved].0, expected[moved].1));
    }
    assert_eq!(queue.receipts(&envelope(4)).unwrap(), expected);
    assert_eq!(queue.receipts(&envelope(5)).unwrap(), [(other, at(99))]);
    assert_eq!(queue.receipts(&envelope(6)).unwrap(), []);
}

#[test]
fn values_and_lists_keep_their_limits() {
    let temp = tempfile::tempdir().unwrap();
    let (queue, _) = open(temp.path(), position(1));
    let mut changes = Changes::new();
    let too_large = vec![0; QUEUE_VALUE_BYTES_MAX + 1];
    assert!(matches!(
        changes.put_inbox(&office("a"), 0, &too_large),
        Err(QueueError::ValueTooLarge { bytes: 4097 })
    ));
    assert!(changes.is_empty());
    for sequence in 0..QUEUE_CHANGES_MAX as u64 {
        changes.put_inbox(&office("a"), sequence, &too_large[1..]).unwrap();
    }
    assert!(matches!(changes.remove_inbox(&office("a"), 0), Err(QueueError::TooManyChanges)));
    assert_eq!(changes.len(), QUEUE_CHANGES_MAX);
    queue.write(changes).unwrap();
    write(&queue, |changes| changes.put_inbox(&office("a"), u64::MAX, b"last"));
    assert_eq!(queue.inbox(&office("a"), None, usize::MAX).unwrap().len(), QUEUE_LIST_MAX);
    let after = Some(QUEUE_LIST_MAX as u64 - 1);
    assert_eq!(queue.inbox(&office("a"), after, usize::MAX).unwrap(), [(u64::MAX, b"last".to_vec())]);
    queue.sync().unwrap();
    // Values at the limit must not reach sled's blob path.
    assert_eq!(std::fs::read_dir(temp.path().join("queue/blobs")).unwrap().count(), 0);
}

#[test]
fn many_writers_and_readers_do_not_hinder_each_other() {
    let temp = tempfile::tempdir().unwrap();
    let (queue, _) = open(temp.path(), position(1));
    std::thread::scope(|scope| {
        for writer in 0..4u64 {
            let queue = &queue;
            scope.spawn(move || {
                let name = office(&format!("office{writer}"));
                for sequence in 0..300 {
                    write(queue, |changes| changes.put_inbox(&name, sequence, &sequence.to_be_bytes()));
                    assert!(queue.inbox_entry(&name, sequence).unwrap().is_some());
                }
                assert_eq!(queue.inbox_count(&name).unwrap(), 300);
            });
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Receipts of neighbouring envelopes that come and move in any order, while whatever waits is written at any moment.
    #[test]
    fn each_receipt_is_found_at_its_last_place(
        flushes in proptest::collection::vec(proptest::collection::vec((2u64..10, 0u64..60), 1..120), 1..12),
    ) {
        let temp = tempfile::tempdir().unwrap();
        let (queue, _) = open(temp.path(), position(1));
        let (mut expected, mut place) = (BTreeMap::new(), 0);
        for flush in flushes {
            for (counter, index) in flush {
                place += 1;
                let ledger = "65.0".parse().unwrap();
                let key = ReceiptKey { envelope: envelope(counter), destination: None, ledger, index };
                write(&queue, |changes| changes.put_receipt(&key, at(place)));
                expected.insert(key, at(place));
            }
            queue.sync().unwrap();
        }
        for counter in 0..12 {
            let of_this = |(key, _): &(&ReceiptKey, &Location)| key.envelope == envelope(counter);
            let expected: Vec<_> = expected.iter().filter(of_this).map(|(key, at)| (*key, *at)).collect();
            prop_assert_eq!(queue.receipts(&envelope(counter)).unwrap(), expected);
        }
    }
}
