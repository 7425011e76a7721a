//! One byte that changed on disk is noticed, named, and costs nothing but what it belongs to.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "this is test code in a file of its own"
)]

mod harness;

use harness::documents::office;
use harness::random::Random;
use harness::waiting::until;
use harness::{Network, flag, list, number, path_text, text};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const COUNTY: &str = "652301";
const RELAY: &str = "6523";
const REGION: &str = "65";
/// Too large for the journal: a file of its own, of three pieces.
const LARGE: u64 = 2_500_000;
const SMALL: u64 = 5_000;

/// Documents by id, each with the file that it carries.
type Documents = BTreeMap<String, PathBuf>;

fn flip(path: &Path, offset: u64) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[usize::try_from(offset).unwrap()] ^= 1 << (offset % 8);
    std::fs::write(path, bytes).unwrap();
}

/// The first, the last, and some between.
fn offsets(random: &mut Random, path: &Path, between: usize) -> Vec<u64> {
    let length = path.metadata().unwrap().len();
    let mut offsets = vec![0, length - 1];
    offsets.extend((0..between).map(|_| random.next() % length));
    offsets
}

fn send(network: &Network, random: &mut Random, sizes: &[u64]) -> Documents {
    let send = |size: &u64| {
        let file = network.beside(&format!("{}.bin", random.next()));
        random.file(&file, *size);
        (network.send(COUNTY, &[REGION], "关于数据的通知", &[&file]), file)
    };
    sizes.iter().map(send).collect()
}

/// A network at rest: all documents lie in the inbox of the region, nobody has taken them, no node runs.
fn delivered(random: &mut Random) -> (Network, Documents) {
    let network = Network::of_three();
    network.start_all();
    let documents = send(&network, random, &[SMALL, LARGE, SMALL, SMALL]);
    documents.keys().for_each(|id| network.await_stage(id, REGION, "delivered"));
    network.await_rest();
    network.stop_all();
    (network, documents)
}

/// Takes a document and compares every byte.
fn assert_taken(network: &Network, id: &str, documents: &Documents) {
    let taken = network.take(REGION, id);
    let sent = &documents[id];
    let same = std::fs::read(taken.join(sent.file_name().unwrap())).unwrap() == std::fs::read(sent).unwrap();
    assert!(same, "{id} has other bytes");
}

fn only_body(network: &Network, node: &str) -> PathBuf {
    let bodies: Vec<_> = std::fs::read_dir(network.data(node).join("bodies")).unwrap().collect();
    assert_eq!(bodies.len(), 1, "one document is large: {bodies:?}");
    bodies[0].as_ref().unwrap().path()
}

/// What stands in the notes of a node's quarantine.
fn quarantined(network: &Network, node: &str) -> Vec<String> {
    let folder = network.data(node).join("quarantine");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    names
        .filter(|path| path_text(path).ends_with(".note.json"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect()
}

#[test]
fn a_body_damaged_at_a_relay_is_put_aside_and_comes_again_from_its_origin() {
    let mut random = Random::of_this_run();
    let waiting = Network::of_three();
    [COUNTY, RELAY].iter().for_each(|node| waiting.start(node));
    [COUNTY, RELAY].iter().for_each(|node| waiting.await_ready(node));
    let documents = send(&waiting, &mut random, &[SMALL, LARGE]);
    until("both documents wait at the relay", || {
        let queue = waiting.json(&["queue", "--node", path_text(&waiting.node(RELAY))]);
        (list(&queue, "").len() == 2).then_some(())
    });
    waiting.stop_all();
    for offset in offsets(&mut random, &only_body(&waiting, RELAY), 1) {
        eprintln!("byte {offset} of the body at the relay");
        let network = waiting.copy();
        let body = only_body(&network, RELAY);
        let digest = body.file_name().unwrap().to_string_lossy().into_owned();
        flip(&body, offset);
        network.start_all();
        for id in documents.keys() {
            network.await_stage(id, REGION, "delivered");
            assert_taken(&network, id, &documents);
        }
        network.await_rest();
        assert!(network.log(RELAY).lines().any(|line| line.contains("ALARM") && line.contains("body")));
        assert!(quarantined(&network, RELAY).iter().any(|note| note.contains(&digest)), "it is put aside");
        assert!(!network.log(REGION).contains("ALARM"), "it never got further");
        network.stop_all();
        let report = network.audited(&network.ledgers()).json();
        assert_eq!((number(&report, "/chains"), number(&report, "/chains_verified")), (2, 2));
    }
}

#[test]
fn a_body_damaged_where_it_lies_to_be_taken_is_named_and_not_handed_out() {
    let mut random = Random::of_this_run();
    let (settled, documents) = delivered(&mut random);
    let large = documents.iter().find(|(_, file)| file.metadata().unwrap().len() == LARGE).unwrap().0;
    for offset in offsets(&mut random, &only_body(&settled, REGION), 2) {
        eprintln!("byte {offset} of the body at the recipient");
        let network = settled.copy();
        flip(&only_body(&network, REGION), offset);
        network.start(REGION);
        network.await_ready(REGION);
        let out = network.beside("out");
        let refused = network.said(&["inbox", "take", &office(REGION), large, "--out", path_text(&out)]);
        assert!(refused.code != 0 && !out.exists(), "{refused:?}");
        assert!(refused.err.contains(large) || refused.err.contains("damaged"), "{refused:?}");
        assert!(network.log(REGION).contains("ALARM"), "{}", network.log(REGION));
        documents.keys().filter(|id| *id != large).for_each(|id| assert_taken(&network, id, &documents));
        let state = network
            .inbox(REGION)
            .iter()
            .find(|item| text(item, "/id") == *large)
            .map(|item| text(item, "/state"));
        assert_eq!(state.as_deref(), Some("waiting"), "what was not handed out counts as not taken");
    }
}

#[test]
fn a_journal_with_one_changed_byte_costs_one_document_at_the_most() {
    let mut random = Random::of_this_run();
    let (settled, documents) = delivered(&mut random);
    let segment =
        std::fs::read_dir(settled.data(REGION).join("journal")).unwrap().next().unwrap().unwrap().path();
    let name = segment.file_name().unwrap().to_owned();
    for offset in offsets(&mut random, &segment, 8) {
        let network = settled.copy();
        flip(&network.data(REGION).join("journal").join(&name), offset);
        network.start_all();
        let left = network.inbox_ids(REGION);
        eprintln!("byte {offset} of the journal: {} of {} documents are there", left.len(), documents.len());
        assert!(left.len() + 1 >= documents.len(), "{}", network.log(REGION));
        let log = network.log(REGION);
        assert!(
            log.contains("ALARM") || log.contains("never finished"),
            "byte {offset} was not noticed\n{log}"
        );
        assert!(!quarantined(&network, REGION).is_empty(), "nothing was put aside\n{log}");
        let fit = left
            .iter()
            .filter(|id| {
                network
                    .said(&["inbox", "take", &office(REGION), id, "--out", path_text(&network.beside(id))])
                    .code
                    == 0
            })
            .count();
        assert!(fit + 1 >= documents.len(), "{fit} of {} could be taken", documents.len());
        let further = send(&network, &mut random, &[SMALL]);
        for id in further.keys() {
            network.await_stage(id, REGION, "delivered");
            assert_taken(&network, id, &further);
        }
        network.await_rest();
        network.stop_all();
        assert!(flag(&network.verified(REGION, &network.data(REGION)).json(), "/ok"));
    }
}
