//! When a ledger may be given up, and what its successor names.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use yizhan_identity::SigningKey;
use yizhan_ledger::{sign_checkpoint, tiles::FolderTiles};

fn ledger(text: &str) -> LedgerId {
    text.parse().unwrap()
}

/// A log of so many entries, in a folder that lasts as long as it does.
fn log(entries: u64) -> (tempfile::TempDir, Log) {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = Log::open(FolderTiles::new(folder.path())).unwrap();
    (0..entries).for_each(|n| {
        log.append(&n.to_be_bytes()).unwrap();
    });
    (folder, log)
}

fn head(of: &str, log: &Log, size: u64) -> Head {
    Head { ledger: ledger(of), size, root: log.root_at(size).unwrap() }
}

fn remembered(heads: &[Option<Head>]) -> BTreeMap<NodeId, Option<Head>> {
    let nodes = ["65", "652301", "652324"].map(|name| name.parse().unwrap());
    nodes.into_iter().zip(heads.iter().copied()).collect()
}

#[test]
fn a_folder_that_has_what_all_neighbours_remember_is_given_up_by_nobody() {
    let (_folder, log) = log(9);
    let (seven, nine) = (head("6523.0", &log, 7), head("6523.0", &log, 9));
    let own = Own { ledger: ledger("6523.0"), log: Some(log) };
    for known in [&[Some(seven), Some(nine)][..], &[None, Some(seven)], &[None, None]] {
        let refused = decide(&own, ledger("6523.0"), &remembered(known)).unwrap_err();
        assert!(refused.contains("nothing is lost"), "{refused}");
    }
}

#[test]
fn a_lost_folder_and_an_old_one_are_given_up_and_all_that_is_known_is_named() {
    let ((_all, all), (_old, old)) = (log(9), log(5));
    let (seven, nine) = (head("6523.0", &all, 7), head("6523.0", &all, 9));
    let known = remembered(&[Some(seven), Some(nine), Some(nine)]);
    let lost = Own { ledger: ledger("6523.0"), log: None };
    assert_eq!(decide(&lost, ledger("6523.0"), &known), Ok(vec![seven, nine]));
    assert_eq!(
        decide(&lost, ledger("6523.0"), &remembered(&[None])),
        Ok(vec![]),
        "nobody remembers anything"
    );
    let five = head("6523.0", &old, 5);
    let set_back = Own { ledger: ledger("6523.0"), log: Some(old) };
    assert_eq!(decide(&set_back, ledger("6523.0"), &known), Ok(vec![five, seven, nine]));
}

#[test]
fn the_same_command_given_again_changes_nothing() {
    let (_folder, log) = log(9);
    let old = remembered(&[Some(head("6523.0", &log, 9))]);
    // Prepared and not started yet; started, and known to a neighbour; lost once more.
    let prepared = Own { ledger: ledger("6523.1"), log: None };
    let refused = decide(&prepared, ledger("6523.0"), &old).unwrap_err();
    assert!(refused.contains("6523.1 is known") && refused.contains("--give-up 6523.1"), "{refused}");
    let begun = remembered(&[Some(head("6523.1", &log, 2)), Some(head("6523.0", &log, 9))]);
    let empty = Own { ledger: ledger("6523.0"), log: None };
    assert!(decide(&empty, ledger("6523.0"), &begun).is_err());
    assert_eq!(decide(&empty, ledger("6523.1"), &begun), Ok(vec![head("6523.1", &log, 2)]));
}

#[test]
fn an_epoch_that_no_neighbour_has_heard_of_yet_is_not_given_up_while_its_folder_is_there() {
    let (_folder, log) = log(2);
    let old = remembered(&[Some(head("6523.0", &log, 2))]);
    let own = Own { ledger: ledger("6523.1"), log: Some(log) };
    assert!(decide(&own, ledger("6523.1"), &old).is_err(), "it is the newest there is");
}

#[test]
fn only_what_this_node_signed_counts_as_remembered() {
    let (_folder, log) = log(3);
    let (me, key) = ("6523".parse().unwrap(), SigningKey::generate().unwrap());
    let public = key.public();
    let signed = |of: &str, key: SigningKey| {
        let signer = NoteSigner::new(origin_of("xinjiang.example", ledger(of)), key).unwrap();
        sign_checkpoint(&signer, 3, log.root()).to_text().into_bytes()
    };
    let told = |note: &[u8]| own_head("xinjiang.example", me, &public, note);
    assert_eq!(told(&signed("6523.4", key.clone())), Some(head("6523.4", &log, 3)));
    assert_eq!(told(&signed("65.4", key.clone())), None, "the ledger of another node");
    assert_eq!(told(&signed("6523.4", SigningKey::generate().unwrap())), None, "signed by somebody else");
    assert_eq!((told(b""), told(b"6523.4 has 3 entries")), (None, None));
}

#[test]
fn a_folder_of_a_later_release_or_without_room_is_not_taken_for_one_that_does_not_read() {
    let io = |kind: std::io::ErrorKind| std::io::Error::from(kind);
    let lost = [
        NodeError::Data("entries are lost".into()),
        NodeError::Journal(JournalError::Unreadable { segments: 3 }),
        NodeError::Journal(JournalError::Disk {
            doing: "reading",
            file: "000000000001.seg".into(),
            source: io(std::io::ErrorKind::Other),
        }),
    ];
    assert!(lost.iter().all(is_unreadable));
    let passing = [
        NodeError::Journal(JournalError::Visitor("journal record of kind 9".into())),
        NodeError::Journal(JournalError::Unsupported {
            segment: 1,
            version: 9,
            readable: 1,
            release: "0.1.0",
        }),
        NodeError::Journal(JournalError::Full { source: io(std::io::ErrorKind::StorageFull) }),
        NodeError::Queue(yizhan_spool::QueueError::TooManyChanges),
    ];
    assert!(!passing.iter().any(is_unreadable));
}
