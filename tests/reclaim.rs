//! Nodes whose journals let go of what is settled: killed meanwhile, and started again without their queues.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "this is test code in a file of its own"
)]

mod harness;

use harness::documents::TRY_LATER;
use harness::waiting::until;
use harness::{Network, flag, list, number, text};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

const COUNTY: &str = "652301";
const RELAY: &str = "6523";
const REGION: &str = "65";
const ALL: [&str; 3] = [COUNTY, RELAY, REGION];
const DOCUMENTS: usize = 600;
/// Who hands in at the same time.
const CLERKS: usize = 4;
/// So small that each node reclaims several times.
const RECLAIM_BYTES: u64 = 300_000;
/// A body that is a file of its own.
const LARGE_BYTES: usize = 400_000;

#[test]
fn what_is_settled_goes_and_nothing_else_whatever_is_killed_or_deleted() {
    let network = Network::of_three();
    ALL.iter().for_each(|node| reclaim_from(&network, node, RECLAIM_BYTES));
    network.start_all();
    let (small, large) = (network.beside("通知.txt"), network.beside("附件.bin"));
    std::fs::write(&small, "各县市人民政府：\n").unwrap();
    std::fs::write(&large, vec![7; LARGE_BYTES]).unwrap();
    let sent = Mutex::new(BTreeMap::new());
    let next = AtomicUsize::new(0);
    std::thread::scope(|threads| {
        for _ in 0..CLERKS {
            threads.spawn(|| hand_in(&network, &small, DOCUMENTS, &next, &sent));
        }
        for (node, at) in [(RELAY, DOCUMENTS / 3), (REGION, DOCUMENTS / 2), (COUNTY, DOCUMENTS / 4 * 3)] {
            until("so many are handed in", || (sent.lock().unwrap().len() >= at).then_some(()));
            network.kill(node);
            network.start(node);
        }
    });
    let with_body = network.send(COUNTY, &[REGION], "附件", &[&large]);
    let sent = sent.into_inner().unwrap();
    network.await_all();
    network.await_inbox(REGION, &with_body);
    until("all lie in the inbox", || (network.inbox_ids(REGION).len() == DOCUMENTS + 1).then_some(()));
    network.await_rest();
    for node in ALL {
        until(&format!("the journal of {node} is reclaimed"), || reclaimed(&network, node).then_some(()));
    }
    until("released bodies are gone", || (bodies(&network, RELAY) == 0).then_some(()));
    assert_eq!(bodies(&network, REGION), 1);
    network.stop_all();
    ALL.iter().for_each(|node| std::fs::remove_dir_all(network.data(node).join("queue")).unwrap());
    network.start_all();
    nothing_is_lost(&network, &small, &sent);
    network.stop_all();
    for node in ALL {
        let log = network.log(node);
        assert!(!log.contains("ALARM"), "{log}");
        let ledger = network.data(node).join("ledger");
        assert!(flag(&network.verified(node, &ledger).json(), "/ok"));
    }
    let report = network.audited(&network.ledgers()).json();
    assert!(list(&report, "/problems").is_empty(), "{}", report["problems"]);
    assert_eq!(number(&report, "/chains_verified"), number(&report, "/chains"));
}

#[test]
fn settled_tiles_are_part_of_the_truth_and_a_damaged_entry_is_one_hole() {
    let network = Network::of_three();
    network.start_all();
    let file = network.beside("通知.txt");
    std::fs::write(&file, "各县市人民政府：\n").unwrap();
    let (next, sent) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|threads| {
        for _ in 0..CLERKS {
            threads.spawn(|| hand_in(&network, &file, DOCUMENTS / 2, &next, &sent));
        }
    });
    until("all lie in the inbox", || (network.inbox_ids(REGION).len() == DOCUMENTS / 2).then_some(()));
    network.await_rest();
    network.stop(REGION);
    reclaim_from(&network, REGION, 1);
    network.start(REGION);
    until("the journal is reclaimed", || reclaimed(&network, REGION).then_some(()));
    network.stop_all();
    let tiles = network.data(REGION).join("ledger/tile");
    let (hashes, bundle) = (tiles.join("0/000"), tiles.join("entries/000"));
    // Gone from the journal: without them there is no ledger.
    let kept = std::fs::read(&hashes).unwrap();
    std::fs::remove_file(&hashes).unwrap();
    network.start(REGION);
    assert_eq!(network.await_end(REGION), Some(78));
    assert!(network.log(REGION).contains("are in its tiles alone"), "{}", network.log(REGION));
    std::fs::write(&hashes, kept).unwrap();
    // One entry that does not read: its hash is there, and everything else goes on.
    let mut bytes = std::fs::read(&bundle).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&bundle, bytes).unwrap();
    std::fs::remove_dir_all(network.data(REGION).join("queue")).unwrap();
    network.start_all();
    assert!(network.log(REGION).contains("only its hash is left"), "{}", network.log(REGION));
    let id = network.send(COUNTY, &[REGION], "之后", &[&file]);
    network.await_inbox(REGION, &id);
    assert_eq!(network.inbox_ids(REGION).len(), DOCUMENTS / 2 + 1);
    network.stop_all();
}

fn reclaim_from(network: &Network, node: &str, bytes: u64) {
    let path = network.node(node).join("node.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    let set = config.replace("reclaim_bytes = 268435456", &format!("reclaim_bytes = {bytes}"));
    assert_ne!(config, set);
    std::fs::write(&path, set).unwrap();
}

fn hand_in(
    network: &Network,
    file: &Path,
    documents: usize,
    next: &AtomicUsize,
    sent: &Mutex<BTreeMap<usize, String>>,
) {
    loop {
        let n = next.fetch_add(1, Ordering::SeqCst);
        if n >= documents {
            return;
        }
        let id = again(network, file, n);
        sent.lock().unwrap().insert(n, id);
    }
}

/// Hands a document in under its key, until it is taken; gives its id.
fn again(network: &Network, file: &Path, n: usize) -> String {
    let (key, title) = (format!("key-{n}"), format!("第{n}号"));
    let submitted = until("the document is taken", || {
        let said = network.send_with(COUNTY, &[REGION], &["--title", &title, "--key", &key], &[file]);
        (said.code != TRY_LATER).then(|| said.json())
    });
    text(&submitted, "/id")
}

/// Whether the first segment is gone, and the node says how long its journal is.
fn reclaimed(network: &Network, node: &str) -> bool {
    let journal = network.data(node).join("journal");
    let begins_later = !journal.join("000000000001.seg").exists();
    let said = network.status(node).is_some_and(|status| number(&status, "/journal_bytes") > 0);
    begins_later && said && network.log(node).contains("the journal was reclaimed")
}

fn bodies(network: &Network, node: &str) -> usize {
    std::fs::read_dir(network.data(node).join("bodies")).unwrap().count()
}

fn nothing_is_lost(network: &Network, file: &Path, sent: &BTreeMap<usize, String>) {
    let mut there = network.inbox_ids(REGION);
    there.sort();
    assert_eq!(there.len(), DOCUMENTS + 1);
    for (n, id) in sent.iter().filter(|(n, _)| *n % 20 == 0 || **n + 1 == DOCUMENTS) {
        assert!(there.binary_search(id).is_ok(), "{id}");
        assert_eq!(&again(network, file, *n), id, "another document under the same key");
        let track = network.json(&["track", id]);
        let kinds: Vec<String> = list(&track, "/receipts").iter().map(|r| text(r, "/kind")).collect();
        for kind in ["SubmissionAcceptance", "RelayAcceptance", "ContentConsignment"] {
            assert!(kinds.iter().any(|of| of == kind), "{id} has no {kind}: {kinds:?}");
        }
        let taken = network.take(REGION, id);
        assert_eq!(std::fs::read(taken.join("通知.txt")).unwrap(), std::fs::read(file).unwrap());
    }
}
