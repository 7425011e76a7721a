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
use serde_json::Value;
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
    let documents = send(&network, random, &[SMALL, LARGE, SMALL, SMALL, SMALL]);
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

/// Whether a document can be taken.
fn takes(network: &Network, id: &str) -> bool {
    let out = network.beside(&format!("tried-{id}"));
    network.said(&["inbox", "take", &office(REGION), id, "--out", path_text(&out)]).code == 0
}

fn only_body(network: &Network, node: &str) -> PathBuf {
    let bodies: Vec<_> = std::fs::read_dir(network.data(node).join("bodies")).unwrap().collect();
    assert_eq!(bodies.len(), 1, "one document is large: {bodies:?}");
    bodies[0].as_ref().unwrap().path()
}

/// Where the things in a node's quarantine were found, as the notes beside them say.
fn quarantined(network: &Network, node: &str) -> Vec<String> {
    let folder = network.data(node).join("quarantine");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let notes = names.filter(|path| path_text(path).ends_with(".note.json"));
    let read = |path: PathBuf| -> Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    notes.map(|path| text(&read(path), "/found_at")).collect()
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
        assert!(
            quarantined(&network, RELAY).iter().any(|found_at| found_at.ends_with(&digest)),
            "it is put aside"
        );
        assert!(!network.log(REGION).contains("ALARM"), "it never got further");
        network.stop_all();
        let report = network.audited(&network.ledgers()).any_json();
        assert_eq!((number(&report, "/chains"), number(&report, "/chains_verified")), (2, 2));
        // The offer of the damaged body was taken back: its number stays without an answer, and the auditor says so.
        let faults: Vec<String> =
            list(&report, "/problems").iter().map(|problem| text(problem, "/fault")).collect();
        assert!(faults.iter().all(|fault| fault == "link-gap"), "{}", report["problems"]);
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
        until("the node names the damage", || network.log(REGION).contains("ALARM").then_some(()));
        assert_eq!(quarantined(&network, REGION).len(), 1, "the damaged body is put aside");
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
        let fit = left.iter().filter(|id| takes(&network, id)).count();
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

#[test]
fn a_ledger_with_one_changed_byte_is_refused_with_the_name_of_the_file_and_mended_from_the_journal() {
    let mut random = Random::of_this_run();
    let (settled, documents) = delivered(&mut random);
    let ledger = settled.data(REGION).join("ledger");
    for folder in ["tile/0", "tile/entries"] {
        let file = newest(&ledger.join(folder).join("000.p"));
        let name = file.strip_prefix(&ledger).unwrap().to_owned();
        for offset in offsets(&mut random, &file, 3) {
            eprintln!("byte {offset} of {}", name.display());
            let network = settled.copy();
            let ledger = network.data(REGION).join("ledger");
            flip(&ledger.join(&name), offset);
            let refused = network.verified(REGION, &ledger);
            assert_eq!(refused.code, 1, "{refused:?}");
            let problems = list(&refused.any_json(), "/problems").to_vec();
            assert!(
                problems.iter().any(|problem| problem.as_str().unwrap().contains(path_text(&name))),
                "{problems:?}"
            );
            let report = network.audited(&network.ledgers());
            assert_eq!(report.code, 2, "{report:?}");
            assert!(report.out.contains("ledger-damaged"), "{report:?}");
            network.start_all();
            let log = network.log(REGION);
            assert!(
                log.lines().any(|line| line.contains("ALARM") && line.contains(path_text(&name))),
                "{log}"
            );
            assert!(quarantined(&network, REGION).iter().any(|found_at| found_at == path_text(&name)));
            documents.keys().for_each(|id| assert_taken(&network, id, &documents));
            network.await_rest();
            network.stop_all();
            assert!(flag(&network.verified(REGION, &network.data(REGION)).json(), "/ok"), "it is mended");
            let report = network.audited(&network.ledgers()).json();
            let chains = documents.len() as u64;
            assert_eq!((number(&report, "/chains"), number(&report, "/chains_verified")), (chains, chains));
        }
    }
}

/// The widest of the partial tiles in a folder: the others are older.
fn newest(folder: &Path) -> PathBuf {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let width = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().parse::<u64>().unwrap();
    files.max_by_key(width).unwrap()
}

#[test]
fn an_exported_receipt_with_one_changed_byte_is_refused_and_the_others_stay_good() {
    let mut random = Random::of_this_run();
    let (network, documents) = delivered(&mut random);
    network.start_all();
    let id = documents.keys().next().unwrap();
    let folder = network.beside("receipts");
    network.json(&["receipts", "export", id, "--out", path_text(&folder)]);
    network.stop_all();
    let proofs: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let proofs: Vec<PathBuf> =
        proofs.into_iter().filter(|path| path_text(path).ends_with(".tlog-proof")).collect();
    assert!(proofs.len() >= 4, "{proofs:?}");
    for proof in &proofs {
        let entry = proof.with_extension("json");
        let good = network.audited_receipt(proof, &entry).json();
        for (file, between) in [(proof, 12), (&entry, 4)] {
            let kept = std::fs::read(file).unwrap();
            for offset in offsets(&mut random, file, between) {
                flip(file, offset);
                let said = network.audited_receipt(proof, &entry);
                // A cosignature whose name or key nobody knows is passed over: then the receipt is good, but not witnessed.
                let less = said.code == 0
                    && list(&said.json(), "/witnessed_by").len() < list(&good, "/witnessed_by").len();
                let refused = said.code == 2 && said.any_json().get("refused").is_some();
                assert!(refused || less, "byte {offset} of {}: {said:?}", file.display());
                std::fs::write(file, &kept).unwrap();
            }
        }
    }
    proofs
        .iter()
        .for_each(|proof| drop(network.audited_receipt(proof, &proof.with_extension("json")).json()));
}

#[test]
fn a_checkpoint_that_one_changed_byte_makes_larger_is_named_and_stops_nobody() {
    let mut random = Random::of_this_run();
    let (network, documents) = delivered(&mut random);
    let checkpoint = network.data(REGION).join("ledger/checkpoint");
    let note = std::fs::read_to_string(&checkpoint).unwrap();
    let (origin, rest) = note.split_once('\n').unwrap();
    let (size, rest) = rest.split_once('\n').unwrap();
    // One digit more significant than it was: the ledger seems to have lost entries.
    let larger = format!("9{}", &size[1..]);
    assert!(size.len() == 2 && size < larger.as_str(), "the size is {size}");
    std::fs::write(&checkpoint, format!("{origin}\n{larger}\n{rest}")).unwrap();
    assert_eq!(network.verified(REGION, &network.data(REGION)).code, 1);
    network.start_all();
    assert!(network.log(REGION).lines().any(|line| line.contains("ALARM") && line.contains("checkpoint")));
    documents.keys().for_each(|id| assert_taken(&network, id, &documents));
    network.stop_all();
    assert!(flag(&network.verified(REGION, &network.data(REGION)).json(), "/ok"));
}

#[test]
fn what_a_power_cut_left_empty_in_a_ledger_is_written_anew_or_taken_away() {
    let (network, _) = delivered(&mut Random::of_this_run());
    let ledger = network.data(RELAY).join("ledger");
    // Published once, and unsynced: the cut left name and no content, of the checkpoint as well.
    for file in ["checkpoint", "tile/0/000.p/1", "tile/entries/000.p/1"] {
        std::fs::create_dir_all(ledger.join(file).parent().unwrap()).unwrap();
        std::fs::write(ledger.join(file), "").unwrap();
    }
    network.start_all();
    network.await_rest();
    network.stop_all();
    let audit = network.audited(&network.ledgers());
    assert_eq!(audit.code, 0, "{audit:?}");
}
