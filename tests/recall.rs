//! Recall (撤回) through real processes: before delivery, after it, too late; what the desks show, and what an auditor says.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "this is test code in a file of its own"
)]

mod harness;

use harness::documents::office;
use harness::waiting::until;
use harness::{Network, Said, flag, list, path_text, text};
use serde_json::Value;
use std::path::PathBuf;

const ORIGIN: &str = "652301";
const RELAY: &str = "6523";
const DESTINATION: &str = "65";
const REASON: &str = "日期有误";

fn recall(network: &Network, id: &str) -> Value {
    network.json(&["recall", id, "--from", &office(ORIGIN), "--reason", REASON])
}

/// How far a recall has come at the destination.
fn recall_state(track: &Value) -> String {
    text(&list(track, "/destinations")[0], "/recall")
}

fn is_gone(said: &Said) {
    let problem = format!("{}{}", said.out, said.err);
    assert_ne!(said.code, 0, "{said:?}");
    assert!(problem.contains("recalled") && problem.contains(REASON), "{said:?}");
}

/// Nobody at the destination gets to see a document any more, or signs for it.
fn assert_unseen(network: &Network, id: &str) {
    assert!(!network.inbox_ids(DESTINATION).iter().any(|found| found == id));
    let out = network.beside(&format!("never-{id}"));
    let office = office(DESTINATION);
    is_gone(&network.said(&["inbox", "take", &office, id, "--out", path_text(&out), "--json"]));
    is_gone(&network.said(&["inbox", "sign", &office, id, "--json"]));
}

#[test]
fn a_recall_reaches_whoever_has_not_signed_and_is_denied_by_whoever_has() {
    let network = Network::of_three();
    let file = network.beside("a.txt");
    std::fs::write(&file, "会议通知").unwrap();
    let send = || network.send(ORIGIN, &[DESTINATION], "关于召开会议的通知", &[&file]);
    network.start_all();

    let signed = send();
    network.await_inbox(DESTINATION, &signed);
    network.take(DESTINATION, &signed);
    network.json(&["inbox", "sign", &office(DESTINATION), &signed]);
    recall(&network, &signed);
    until("the recall is denied", || {
        (recall_state(&network.json(&["track", &signed])) == "denied").then_some(())
    });
    assert_eq!(network.stage(&signed, DESTINATION), "signed-for");
    assert_eq!(network.inbox_ids(DESTINATION), [signed.as_str()]);

    let taken = send();
    network.await_inbox(DESTINATION, &taken);
    network.take(DESTINATION, &taken);
    let done = recall(&network, &taken);
    assert_eq!(
        (text(&done, "/receipt/kind").as_str(), flag(&done, "/duplicate")),
        ("RecallRequested", false)
    );
    network.await_stage(&taken, DESTINATION, "recalled");
    assert_unseen(&network, &taken);

    network.stop(DESTINATION);
    let early = send();
    until("the relay has it", || {
        let track = network.json(&["track", &early]);
        (text(&list(&track, "/destinations")[0], "/where_now") == RELAY).then_some(())
    });
    let done = recall(&network, &early);
    assert_eq!(recall_state(&done), "requested");
    let again = recall(&network, &early);
    assert_eq!((flag(&again, "/duplicate"), &again["receipt"]["index"]), (true, &done["receipt"]["index"]));
    network.start(DESTINATION);
    network.await_stage(&early, DESTINATION, "recalled");
    network.await_rest();
    assert_unseen(&network, &early);
    // What was recalled before the restart stays so.
    assert_unseen(&network, &taken);
    assert_eq!(network.inbox_ids(DESTINATION), [signed.as_str()]);

    let nobody = ["recall", &early, "--from", "nobody@652301", "--reason", REASON];
    assert_ne!(network.said(&nobody).code, 0);
    let elsewhere = ["recall", "652301.0.99", "--from", &office(ORIGIN), "--reason", REASON];
    assert_ne!(network.said(&elsewhere).code, 0);
    network.stop_all();
    verdicts(&network, &[(&signed, "complete"), (&taken, "recalled"), (&early, "recalled")]);
}

fn verdicts(network: &Network, expected: &[(&str, &str)]) {
    let ledgers: Vec<PathBuf> = network.ids().iter().map(|node| network.data(node).join("ledger")).collect();
    let audited = network.audited(&ledgers);
    let report = audited.json();
    for (id, verdict) in expected {
        let documents = list(&report, "/documents");
        let document = documents.iter().find(|document| text(document, "/id") == *id).unwrap();
        assert_eq!(text(&list(document, "/destinations")[0], "/verdict/is"), *verdict, "{document}");
    }
}
