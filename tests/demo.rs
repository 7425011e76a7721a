//! `yizhan demo` does what the first page promises: whole, with files of one's own, and with a network that stays.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "this is test code in a file of its own"
)]

mod harness;

use harness::random::Random;
use harness::waiting::until;
use harness::{Network, Said, flag, list, number, path_text, said, text, yizhan};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};

/// Checks what a demonstration says of itself.
fn assert_good(said: &Said) -> Value {
    let outcome = said.json();
    let recipients = number(&outcome, "/recipients");
    assert!(recipients > 0);
    for counted in ["/delivered", "/signed_for"] {
        assert_eq!(number(&outcome, counted), recipients, "{counted}: {outcome}\n{}", said.err);
    }
    assert!(flag(&outcome, "/bytes_equal"), "{outcome}");
    assert!(flag(&outcome, "/killed_and_restarted"), "{outcome}");
    assert_eq!(text(&outcome, "/audit"), "ok");
    assert_eq!(number(&outcome, "/chains_verified"), number(&outcome, "/chains"));
    assert_eq!(number(&outcome, "/chains"), recipients, "each recipient is at a node of its own: {outcome}");
    assert_eq!(number(&outcome, "/nodes"), 7);
    outcome
}

#[test]
fn the_demonstration_ends_with_everything_delivered_once_signed_for_and_audited() {
    let outcome = assert_good(&said(yizhan().args(["demo", "--json"])));
    assert_eq!(number(&outcome, "/documents"), 5);
    // A proof of origin for each document; three receipts at least for each recipient: consigned, handed over, signed for.
    assert!(number(&outcome, "/receipts") >= 5 + 3 * number(&outcome, "/recipients"), "{outcome}");
}

#[test]
fn the_demonstration_sends_files_of_ones_own() {
    let place = tempfile::tempdir().unwrap();
    let notice = place.path().join("通知 1.txt");
    let table = place.path().join("table.bin");
    std::fs::write(&notice, "各县市人民政府：\n").unwrap();
    std::fs::write(&table, Random::new(1).bytes(70_000)).unwrap();
    let words = ["demo", "--json", "--file", path_text(&notice), "--file", path_text(&table)];
    let said = said(yizhan().args(words).current_dir(place.path()));
    assert_good(&said);
    let names: Vec<_> = std::fs::read_dir(place.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "the demonstration leaves nothing beside the files: {names:?}");
}

#[test]
fn a_file_that_is_not_there_is_named_and_nothing_is_begun() {
    let place = tempfile::tempdir().unwrap();
    let words = ["demo", "--file", "no-such-file.pdf", "--keep", "kept"];
    let said = said(yizhan().args(words).current_dir(place.path()));
    assert_eq!(said.code, 5, "{said:?}");
    assert!(said.err.contains("no-such-file.pdf"), "{said:?}");
    assert!(!place.path().join("kept").exists());
}

#[test]
fn the_network_of_a_demonstration_can_be_kept_and_run_by_hand() {
    let place = tempfile::Builder::new().prefix("yz").tempdir().unwrap();
    let kept = place.path().join("n");
    assert_good(&said(yizhan().args(["demo", "--json", "--keep", path_text(&kept)])));
    let network = Network::found(place);
    assert_eq!(network.ids().len(), 7);
    network.start("652301");
    network.await_ready("652301");
    let status = network.json(&["status", "--node", path_text(&network.node("652301"))]);
    assert_eq!((text(&status, "/node"), text(&status, "/ledger")), ("652301".into(), "652301.0".into()));
    assert!(number(&status, "/ledger_size") > 1, "the ledger of the demonstration goes on: {status}");
    assert!(list(&status, "/neighbours").iter().all(|neighbour| !flag(neighbour, "/up")));
    assert_eq!(network.inbox("652301").len(), 1, "what came is still there");
    network.stop("652301");
    let ledger = network.data("652301").join("ledger");
    assert!(flag(&network.verified("652301", &ledger).json(), "/ok"));
}

#[test]
fn an_interrupted_demonstration_stops_all_its_nodes_and_says_so() {
    let place = tempfile::Builder::new().prefix("yz").tempdir().unwrap();
    let kept = place.path().join("n");
    let mut demo = yizhan();
    demo.args(["demo", "--keep", path_text(&kept)]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut demo = demo.spawn().unwrap();
    let running = until("all nodes run", || {
        let running = processes_of(&kept);
        (running.len() == 7).then_some(running)
    });
    // Ctrl-C, as a terminal would send it to the program in the foreground.
    assert_eq!(said(Command::new("kill").args(["-INT", &demo.id().to_string()])).code, 0);
    assert_eq!(demo.wait().unwrap().code(), Some(130));
    for process in running {
        assert!(!Path::new("/proc").join(&process).exists(), "process {process} was left behind");
    }
}

/// The processes that hold the data folders of a network.
fn processes_of(network: &Path) -> Vec<String> {
    let nodes = std::fs::read_dir(network.join("nodes")).into_iter().flatten().filter_map(Result::ok);
    let locks = nodes.filter_map(|node| std::fs::read_to_string(node.path().join("data/lock")).ok());
    locks.filter_map(|lock| Some(lock.trim().strip_prefix("process ")?.to_owned())).collect()
}
