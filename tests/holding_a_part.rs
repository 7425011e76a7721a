//! Nodes that hold a part of the directory, as real processes: whom they do not know they fetch and check when a document needs it, a
//! part stays a part, and what is forged or cannot be had is refused and not believed.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "this is test code in a file of its own"
)]

mod harness;

use harness::documents::{TRY_LATER, office};
use harness::waiting::until;
use harness::{Network, SEVEN, flag, list, number, path_text, text};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const COUNTY: &str = "652301";
const FAR: &str = "653101";

/// The nodes whose files a node holds, and whether that is all there are.
fn held(network: &Network, node: &str) -> (BTreeSet<String>, bool) {
    let view = network.json(&["directory", "show", "--node", path_text(&network.node(node))]);
    let held: BTreeSet<String> = list(&view, "/nodes").iter().map(|node| text(node, "/node")).collect();
    assert_eq!(number(&view, "/held_divisions"), held.len() as u64);
    let whole = held.len() as u64 == number(&view, "/listed_divisions");
    assert_eq!(text(&view, "/holds"), if whole { "whole" } else { "part" });
    (held, whole)
}

fn assert_holds(network: &Network, node: &str, wanted: &[&str]) {
    let (found, _) = held(network, node);
    assert_eq!(found, wanted.iter().map(|name| (*name).to_owned()).collect(), "what {node} holds");
}

/// A file beside the network to be sent.
fn notice(network: &Network) -> PathBuf {
    let file = network.beside("a.txt");
    fs::write(&file, "防汛通知").unwrap();
    file
}

/// Writes into the configuration of a node how much it holds.
fn set_hold(network: &Network, node: &str, hold: &str) {
    let path = network.folder().join("nodes").join(node).join("node.toml");
    let text = fs::read_to_string(&path).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("hold = "));
    let with = |line: &str| match line {
        "[directory]" => format!("[directory]\nhold = \"{hold}\"\n"),
        line => format!("{line}\n"),
    };
    fs::write(&path, lines.map(with).collect::<String>()).unwrap();
}

/// Publishes the next version with some changes at the region; the network's own folder is not touched.
fn publish(network: &Network, name: &str, changes: &[&str]) {
    let draft = network.beside(name);
    network.json(&[&["directory", "edit", path_text(&draft)], changes].concat());
    let key = network.folder().join("authority/authority.pem");
    network.json(&["directory", "sign", path_text(&draft), "--key", path_text(&key)]);
    network.json(&["directory", "publish", path_text(&draft)]);
}

fn await_version(network: &Network, nodes: &[&str], version: u64) {
    for node in nodes {
        until(&format!("{node} goes by version {version}"), || {
            (number(&network.status(node)?, "/directory_version") == version).then_some(())
        });
    }
}

#[test]
fn a_county_writes_to_one_that_it_did_not_know_and_both_keep_whom_they_met() {
    let network = Network::of_seven_with_parts();
    network.start_all();
    assert_holds(&network, COUNTY, &["65", "6523", "652301"]);
    assert_holds(&network, FAR, &["65", "6531", "653101"]);
    assert!(held(&network, "6523").1 && held(&network, "65").1, "who has children holds all of it");

    let id = network.send(COUNTY, &[FAR], "关于做好防汛工作的通知", &[&notice(&network)]);
    network.await_inbox(FAR, &id);
    network.json(&["inbox", "sign", &office(FAR), &id]);
    network.await_stage(&id, FAR, "signed-for");
    until("every receipt has come home and is witnessed", || {
        let track = network.json(&["track", &id]);
        let receipts = list(&track, "/receipts");
        let makers: BTreeSet<String> = receipts.iter().map(|it| text(it, "/node")).collect();
        (makers.len() == 5 && receipts.iter().all(|it| flag(it, "/witnessed"))).then_some(())
    });
    assert_holds(&network, COUNTY, &["65", "6523", "6531", "652301", "653101"]);
    assert_holds(&network, FAR, &["65", "6531", "652301", "653101"]);
    network.await_rest();
    let audit = network.audited(&network.ledgers());
    assert_eq!(audit.code, 0, "{audit:?}");

    // What was fetched outlives the process, and is there before anybody can be asked for it.
    network.kill(COUNTY);
    network.stop("6523");
    network.start(COUNTY);
    network.await_ready(COUNTY);
    assert_holds(&network, COUNTY, &["65", "6523", "6531", "652301", "653101"]);
    let again = network.send(COUNTY, &[FAR], "再次通知", &[&notice(&network)]);
    // Whom it never met it cannot address now, and is told to come again.
    let unknown = network.send_with(COUNTY, &["653130"], &["--title", "T"], &[&notice(&network)]);
    assert_eq!(unknown.code, TRY_LATER, "{unknown:?}");
    assert!(unknown.err.contains("the file of 653130 is not held here yet"), "{unknown:?}");
    network.start("6523");
    network.await_all();
    network.await_inbox(FAR, &again);
    let met = network.send(COUNTY, &["653130"], "T", &[&notice(&network)]);
    network.await_inbox("653130", &met);
    network.stop_all();
}

#[test]
fn a_new_version_is_taken_by_parts_which_stay_parts_and_look_at_what_changed() {
    let network = Network::of_seven_with_parts();
    // A prefecture of parts as well: it passes on what it does not hold.
    set_hold(&network, "6523", "part");
    network.start_all();
    assert_holds(&network, "6523", &["65", "6523", "652301", "652324"]);
    let file = notice(&network);
    let id = network.send(COUNTY, &[FAR], "T", &[&file]);
    network.await_stage(&id, FAR, "delivered");
    assert_holds(&network, "6523", &["65", "6523", "652301", "652324"]);
    let met = ["65", "6523", "6531", "652301", "653101"];
    until("the receipts of all on the way have come home", || {
        (held(&network, COUNTY).0.len() == 5).then_some(())
    });

    // An office of a node that 652301 does not hold, and one of a node that it fetched.
    let offices =
        ["--new-office", "archives@653130=策勒县档案局", "--new-office", "archives@653101=和田市档案局"];
    publish(&network, "second", &offices);
    await_version(&network, &SEVEN, 2);
    assert_holds(&network, COUNTY, &met);
    assert_holds(&network, "6523", &["65", "6523", "652301", "652324"]);
    for archives in ["archives@653130", "archives@653101"] {
        let words = ["send", "--from", &office(COUNTY), "--to", archives, "--title", "T", path_text(&file)];
        let id = text(&network.json(&words), "/id");
        until("it lies in the inbox of the new office", || {
            let items = network.json(&["inbox", "list", archives]);
            list(&items, "").iter().any(|item| text(item, "/id") == id).then_some(())
        });
    }

    // A prefecture comes under the one that holds a part, and with it counties whose own files do not change.
    publish(&network, "third", &["--parent", "6531=6523"]);
    await_version(&network, &SEVEN, 3);
    assert!(held(&network, "6523").1, "all is below it or above it");
    let id = network.send("653130", &["652324"], "T", &[&file]);
    network.await_inbox("652324", &id);
    network.stop_all();
}

/// Where the file of a node begins in an archive, and how long it is.
fn place_in(archive: &Path, node: &str) -> (u64, usize) {
    let mut tar = tar::Archive::new(fs::File::open(archive).unwrap());
    let name = format!("divisions/{node}.json");
    let entry = tar.entries().unwrap().map(Result::unwrap).find(|it| it.path_bytes() == name.as_bytes());
    let entry = entry.unwrap();
    (entry.raw_file_position(), usize::try_from(entry.size()).unwrap())
}

#[test]
fn a_file_that_was_forged_on_its_way_is_refused_and_the_true_one_taken() {
    let network = Network::of_seven_with_parts();
    network.start_all();
    let archive = network.data("6523").join("directory/1.tar");
    let (at, bytes) = place_in(&archive, FAR);
    let disk = fs::OpenOptions::new().read(true).write(true).open(&archive).unwrap();
    let mut good = vec![0; bytes];
    disk.read_exact_at(&mut good, at).unwrap();
    // Another opening key: whoever believed it would close documents for the forger.
    let text = String::from_utf8(good.clone()).unwrap();
    let key = text.find("age1").unwrap() + 10;
    let mut forged = good.clone();
    forged[key] = if forged[key] == b'q' { b'p' } else { b'q' };
    disk.write_all_at(&forged, at).unwrap();
    let file = notice(&network);
    let refused = network.send_with(COUNTY, &[FAR], &["--title", "T"], &[&file]);
    assert_eq!(refused.code, TRY_LATER, "{refused:?}");
    let log = network.log(COUNTY);
    assert!(
        log.contains("ALARM: files of the directory are refused") && log.contains("tampered-division"),
        "{log}"
    );
    assert_holds(&network, COUNTY, &["65", "6523", "652301"]);
    disk.write_all_at(&good, at).unwrap();
    let id = network.send(COUNTY, &[FAR], "T", &[&file]);
    network.await_inbox(FAR, &id);
    network.stop_all();
}

#[test]
fn a_node_shrinks_to_a_part_and_grows_back_as_its_configuration_says_and_a_root_cannot_shrink() {
    let network = Network::of_seven();
    network.start_all();
    assert!(held(&network, COUNTY).1);
    let archive = network.data(COUNTY).join("directory/1.tar");
    let whole = fs::metadata(&archive).unwrap().len();
    network.stop(COUNTY);
    set_hold(&network, COUNTY, "part");
    network.start(COUNTY);
    network.await_linked(COUNTY);
    assert_holds(&network, COUNTY, &["65", "6523", "652301"]);
    assert!(fs::metadata(&archive).unwrap().len() < whole, "the archive is as small as the part");
    // The folder is gone: what is lacking comes from its parent.
    network.stop(COUNTY);
    fs::rename(network.folder().join("directory"), network.beside("away")).unwrap();
    set_hold(&network, COUNTY, "whole");
    network.start(COUNTY);
    network.await_ready(COUNTY);
    until("all is held again", || held(&network, COUNTY).1.then_some(()));
    network.stop("65");
    set_hold(&network, "65", "part");
    network.start("65");
    assert_ne!(network.await_end("65"), Some(0));
    assert!(network.log("65").contains("a root holds the whole directory"), "{}", network.log("65"));
    network.stop_all();
}

#[test]
fn what_came_before_a_node_shrank_to_a_part_is_signed_for_and_refused_all_the_same() {
    let network = Network::of_seven();
    network.start_all();
    let file = notice(&network);
    let [signed, refused] = ["T", "U"].map(|title| network.send(FAR, &[COUNTY], title, &[&file]));
    [&signed, &refused].iter().for_each(|id| network.await_inbox(COUNTY, id));
    network.await_rest();
    network.stop(COUNTY);
    set_hold(&network, COUNTY, "part");
    network.start(COUNTY);
    network.await_linked(COUNTY);
    assert_holds(&network, COUNTY, &["65", "6523", "652301"]);
    // While nobody can be asked who sent it, the office is told to come again.
    network.stop("6523");
    let later = network.said(&["inbox", "sign", &office(COUNTY), &signed]);
    assert_eq!(later.code, TRY_LATER, "{later:?}");
    assert!(later.err.contains("the file of 653101 is not held here yet"), "{later:?}");
    network.start("6523");
    network.await_all();
    network.json(&["inbox", "sign", &office(COUNTY), &signed]);
    network.await_stage(&signed, COUNTY, "signed-for");
    assert_holds(&network, COUNTY, &["65", "6523", "652301", "653101"]);
    network.json(&["inbox", "refuse", &office(COUNTY), &refused, "--reason", "不属本机关"]);
    network.stop_all();
}
