//! A node whose data folder is lost for good comes back in a new epoch: nothing of others is lost, all chains verify, and what was lost
//! is named and nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "this is test code in a file of its own"
)]

mod harness;

use harness::waiting::until;
use harness::{Network, Said, flag, list, path_text, said, text, yizhan};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

const COUNTY: &str = "652301";
const RELAY: &str = "6523";
const REGION: &str = "65";
/// The exit code of a command or node whose operator must change something.
const CHANGE_SOMETHING: i32 = 78;

/// A node's disk dies while it runs, and its operator puts an empty one in its place.
fn lose_folder(network: &Network, node: &str) {
    network.kill(node);
    std::fs::remove_dir_all(network.data(node)).unwrap();
    std::fs::create_dir(network.data(node)).unwrap();
}

/// Prepares a new epoch as an operator does.
fn new_epoch(network: &Network, node: &str, give_up: &str) -> Said {
    let config = network.node(node).join("node.toml");
    let arguments = ["node", "new-epoch", "--json", "--config", path_text(&config), "--give-up", give_up];
    said(yizhan().args(arguments))
}

/// What the auditor finds in the ledgers there are: these documents complete and proven, and nothing wrong but what was lost.
fn audited(network: &Network, proven: &[String]) {
    network.await_rest();
    network.stop_all();
    let report = network.audited(&network.ledgers());
    assert!(report.code < 2, "nothing is forged: {report:?}");
    let report = report.any_json();
    let is_proven = |id: &String| {
        let documents = list(&report, "/documents").iter();
        let of_it = documents.filter(|document| text(document, "/id") == *id);
        of_it.flat_map(|document| list(document, "/destinations")).all(|to| flag(to, "/proven"))
    };
    assert!(proven.iter().all(is_proven), "{report}");
    let within = list(&report, "/ledgers").iter().flat_map(|ledger| list(ledger, "/problems"));
    let mut faults: Vec<String> =
        list(&report, "/problems").iter().chain(within).map(|problem| text(problem, "/fault")).collect();
    faults.sort();
    faults.dedup();
    assert_eq!(faults, ["epoch-lost"], "{report}");
}

fn new_epochs(status: &Value) -> Vec<String> {
    let epochs = status.pointer("/new_epochs").and_then(Value::as_array).cloned().unwrap_or_default();
    epochs.iter().map(|epoch| text(epoch, "")).collect()
}

#[test]
fn a_relay_that_lost_its_folder_with_documents_in_custody_comes_back_and_all_arrive() {
    let (network, file) = Network::running();
    let before = network.send(COUNTY, &[REGION], "关于防火的通知", &[&file]);
    network.await_inbox(REGION, &before);
    network.stop(REGION);
    let lost: Vec<String> =
        (0..3).map(|_| network.send(COUNTY, &[REGION], "关于防汛的通知", &[&file])).collect();
    let held = |network: &Network| network.json(&["queue", "--node", path_text(&network.node(RELAY))]);
    until("the relay has custody of all", || (list(&held(&network), "").len() == 3).then_some(()));
    until("the county has passed all on", || {
        let queue = network.json(&["queue", "--node", path_text(&network.node(COUNTY))]);
        list(&queue, "").is_empty().then_some(())
    });
    lose_folder(&network, RELAY);
    network.start(REGION);
    // By itself it does not come back under its name.
    network.start(RELAY);
    until("the relay has ended by itself", || network.ended(RELAY).unwrap());
    assert_eq!(network.end(RELAY), Some(CHANGE_SOMETHING));
    assert!(network.log(RELAY).contains("yizhan node new-epoch"), "{}", network.log(RELAY));

    let prepared = new_epoch(&network, RELAY, "6523.0").json();
    assert_eq!(
        (text(&prepared, "/ledger"), text(&prepared, "/given_up")),
        ("6523.1".into(), "6523.0".into())
    );
    assert!(!list(&prepared, "/previous").is_empty(), "its neighbours remember it: {prepared}");
    let again = new_epoch(&network, RELAY, "6523.0");
    assert_eq!(again.code, CHANGE_SOMETHING, "{again:?}");
    assert!(again.err.contains("6523.1 is known"), "{again:?}");
    network.start(RELAY);
    network.await_linked(RELAY);
    lost.iter().for_each(|id| network.await_inbox(REGION, id));
    let after = network.send(REGION, &[COUNTY], "关于值班的通知", &[&file]);
    network.await_inbox(COUNTY, &after);
    for node in [COUNTY, REGION] {
        assert_eq!(new_epochs(&network.status(node).unwrap()), ["6523.1"], "{node}");
        assert!(network.log(node).contains("began a new epoch"), "{node}");
    }
    let words = network.said(&["status", "--node", path_text(&network.node(COUNTY))]);
    assert!(words.out.contains("ALARM") && words.out.contains("6523.1"), "{words:?}");
    // A restart finds the same ledger and needs no neighbour; a running node is given up by nobody.
    let running = new_epoch(&network, RELAY, "6523.1");
    assert_eq!(running.code, 75, "{running:?}");
    network.stop(RELAY);
    let healthy = new_epoch(&network, RELAY, "6523.1");
    assert_eq!(healthy.code, CHANGE_SOMETHING, "{healthy:?}");
    assert!(healthy.err.contains("nothing is lost"), "{healthy:?}");
    network.start(RELAY);
    network.await_linked(RELAY);
    assert_eq!(text(&network.status(RELAY).unwrap(), "/ledger"), "6523.1");
    audited(&network, &[lost, vec![after]].concat());
}

#[test]
fn a_destination_that_lost_its_inbox_before_its_receipts_came_home_is_sent_the_document_again() {
    let (network, file) = Network::running();
    network.stop(REGION);
    let id = network.send(COUNTY, &[REGION], "关于防火的通知", &[&file]);
    until("the county has passed it on", || {
        let queue = network.json(&["queue", "--node", path_text(&network.node(COUNTY))]);
        list(&queue, "").is_empty().then_some(())
    });
    network.stop(COUNTY);
    network.start(REGION);
    network.await_ready(REGION);
    network.await_inbox(REGION, &id);
    until("the relay has passed it on", || {
        let queue = network.json(&["queue", "--node", path_text(&network.node(RELAY))]);
        list(&queue, "").is_empty().then_some(())
    });
    lose_folder(&network, REGION);
    new_epoch(&network, REGION, "65.0").json();
    network.start(REGION);
    network.await_ready(REGION);
    assert_eq!(network.inbox_ids(REGION), Vec::<String>::new());
    // Its origin was away, and hears of it when it comes back.
    network.start(COUNTY);
    network.await_all();
    network.await_inbox(REGION, &id);
    audited(&network, &[id]);
}

#[test]
fn an_origin_that_has_only_an_old_copy_goes_on_with_new_ids_and_its_old_folder_is_kept() {
    let (network, file) = Network::running();
    let first = network.send(COUNTY, &[REGION], "关于防火的通知", &[&file]);
    network.await_inbox(REGION, &first);
    network.await_rest();
    network.stop(COUNTY);
    let backup = network.beside("backup");
    copy(&network.data(COUNTY), &backup);
    network.start(COUNTY);
    network.await_linked(COUNTY);
    let second = network.send(COUNTY, &[REGION], "关于防汛的通知", &[&file]);
    network.await_inbox(REGION, &second);
    network.stop(COUNTY);
    std::fs::remove_dir_all(network.data(COUNTY)).unwrap();
    copy(&backup, &network.data(COUNTY));
    let prepared = new_epoch(&network, COUNTY, "652301.0").json();
    let aside = PathBuf::from(text(&prepared, "/set_aside"));
    assert_eq!(aside, network.data(COUNTY).join("epochs").join("0"));
    network.start(COUNTY);
    network.await_linked(COUNTY);
    let third = network.send(COUNTY, &[REGION], "关于值班的通知", &[&file]);
    assert!(third.starts_with("652301.1."), "{third}");
    network.await_inbox(REGION, &third);
    assert_eq!(network.inbox_ids(REGION), [first, second, third]);
    // The old copy, and what is known beyond it: the second document was accepted in entries that are lost.
    network.await_rest();
    network.stop_all();
    let ledgers = [network.ledgers(), vec![aside.join("ledger")]].concat();
    let report = network.audited(&ledgers);
    assert_eq!(report.code, 1, "something is lost, and nothing is forged: {report:?}");
    assert!(report.out.contains("epoch-lost"), "{report:?}");
}

/// Copies a folder as `cp -a` does.
fn copy(from: &Path, to: &Path) {
    let copied = said(Command::new("cp").arg("-a").arg(from).arg(to));
    assert_eq!(copied.code, 0, "{copied:?}");
}
