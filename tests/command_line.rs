//! The command line by hand: help everywhere, errors that say what to do, exit codes as documented, and what clerks do.
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
use harness::{Network, Said, flag, list, number, path_text, said, text, yizhan};
use std::path::Path;

const COUNTY: &str = "652301";
const RELAY: &str = "6523";
const REGION: &str = "65";
/// Exit codes, as `yizhan --help` names them.
const NOT_AS_IT_SHOULD_BE: i32 = 1;
const USAGE: i32 = 2;
const REFUSED: i32 = 3;
const TRY_LATER: i32 = 4;
const FILES: i32 = 5;

fn alone(arguments: &[&str]) -> Said {
    said(yizhan().args(arguments))
}

/// Checks exit code and words of a failure: on standard error, and nothing on standard output.
fn assert_fails(said: &Said, code: i32, words: &[&str]) {
    assert_eq!(said.code, code, "{said:?}");
    assert!(said.out.is_empty(), "an error is no data: {said:?}");
    words.iter().for_each(|word| assert!(said.err.contains(word), "it does not say `{word}`: {said:?}"));
}

fn arrived(network: &Network, file: &Path) -> String {
    let id = network.send(COUNTY, &[REGION], "关于防火的通知", &[file]);
    network.await_inbox(REGION, &id);
    id
}

/// The commands below another, as its help lists them.
fn below(help: &str) -> Vec<String> {
    let lines =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_has_help_that_says_what_it_is_for() {
    let mut left: Vec<Vec<String>> = vec![Vec::new()];
    let mut seen = 0;
    while let Some(command) = left.pop() {
        let mut words: Vec<&str> = command.iter().map(String::as_str).collect();
        words.push("--help");
        let said = alone(&words);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{words:?}: {said:?}");
        let first = said.out.lines().next().unwrap();
        assert!(first.len() > 15 && said.out.contains("Usage: yizhan"), "{words:?}: {}", said.out);
        // Every argument and option is explained: its line, or the next one, says something.
        assert!(said.out.contains("--help"), "{words:?}");
        seen += 1;
        for name in below(&said.out) {
            left.push([command.as_slice(), &[name]].concat());
        }
    }
    assert!(seen >= 20, "only {seen} commands were found");
    let help = alone(&["--help"]).out;
    assert!(help.contains("Exit codes: 0 done; 1 ") && help.contains("130 stopped by Ctrl-C"), "{help}");
    assert!(alone(&["--version"]).out.starts_with("yizhan 0."), "the version is told");
}

#[test]
fn arguments_that_mean_nothing_are_refused_with_the_way_to_help() {
    assert_eq!(alone(&[]).code, USAGE);
    for words in [
        &["frobnicate"][..],
        &["send"],
        &["send", "--from", "nobody", "--to", "b@65", "--title", "T", "f"],
        &["track", "652301"],
        &["inbox", "return", "a@65", "652301.0.0"],
        &["inbox", "refuse", "a@65", "652301.0.0"],
        &["network", "create", "n"],
    ] {
        assert_fails(&alone(words), USAGE, &["--help"]);
    }
    let blank = ["inbox", "refuse", "a@65", "652301.0.0", "--reason", " ", "--socket", "s"];
    assert_fails(&alone(&blank), USAGE, &["says why", "reason"]);
    assert_fails(&alone(&["status"]), USAGE, &["--node", "--network", "YIZHAN_NODE"]);
    assert_fails(&alone(&["ledger", "verify", "no-such-folder"]), FILES, &["no-such-folder"]);
    assert_fails(&alone(&["node", "run", "--config", "no-such-file"]), USAGE, &["no-such-file"]);
}

#[test]
fn a_network_is_not_made_where_there_is_one_or_where_its_shape_is_unclear() {
    let network = Network::of_three();
    let folder = network.folder();
    let again = ["network", "create", path_text(&folder), "--root", "65"];
    assert_fails(&alone(&again), USAGE, &["not empty", "new folder"]);
    let other = network.beside("other");
    let unclear = ["network", "create", path_text(&other), "--root", "65", "--county", "652301"];
    assert_fails(&alone(&unclear), USAGE, &["--county 652301=PARENT"]);
    assert!(!other.exists());
    let long = network.beside(&"x".repeat(100));
    assert_fails(&alone(&["network", "create", path_text(&long), "--root", "65"]), USAGE, &["shorter path"]);
    assert_fails(
        &network.said(&["ledger", "verify", path_text(&network.node(REGION))]),
        USAGE,
        &["no ledger"],
    );
}

#[test]
fn a_node_that_does_not_run_is_said_so_with_how_to_start_it() {
    let network = Network::of_three();
    let file = network.beside("f.txt");
    std::fs::write(&file, "f").unwrap();
    let status = network.said(&["status", "--node", path_text(&network.node(REGION))]);
    assert_fails(&status, TRY_LATER, &["no node is running", "yizhan node run --config"]);
    let sent = network.send_with(COUNTY, &[REGION], &["--title", "T"], &[&file]);
    assert_fails(&sent, TRY_LATER, &["no node is running"]);
    assert_fails(&network.said(&["inbox", "list", "gov-office@99"]), USAGE, &["no node 99"]);
    // The directory is read without any node.
    assert_eq!(list(&network.json(&["directory", "show"]), "/nodes").len(), 3);
    network.start(REGION);
    network.await_ready(REGION);
    let config = network.node(REGION).join("node.toml");
    let second = alone(&["node", "run", "--config", path_text(&config)]);
    assert_eq!(second.code, 75, "{second:?}");
    assert!(second.err.contains("in use by another"), "{second:?}");
}

#[test]
fn a_node_whose_data_folder_is_gone_does_not_begin_a_second_history() {
    let network = Network::of_three();
    let config = network.node(REGION).join("node.toml");
    std::fs::remove_dir_all(network.node(REGION).join("data")).unwrap();
    let gone = alone(&["node", "run", "--config", path_text(&config)]);
    assert_eq!(gone.code, 78, "{gone:?}");
    assert!(gone.err.contains("mount its disk or put `data` in node.toml right"), "{gone:?}");
    assert!(!network.node(REGION).join("data").exists(), "the folder was made all the same");
}

#[test]
fn what_cannot_be_sent_is_refused_at_once_with_what_to_do_instead() {
    let (network, file) = Network::running();
    let send = |more: &[&str], files: &[&Path]| network.send_with(COUNTY, &[REGION], more, files);
    let to = |to: &str| {
        network.said(&["send", "--from", &office(COUNTY), "--to", to, "--title", "T", path_text(&file)])
    };
    assert_fails(&to("nobody@65"), REFUSED, &["no office nobody@65", "correct the recipient"]);
    assert_fails(&to("gov-office@99"), REFUSED, &["no node 99", "correct the recipient"]);
    let from = ["send", "--from", "nobody@652301", "--to", "gov-office@65", "--title", "T", path_text(&file)];
    assert_fails(&network.said(&from), REFUSED, &["nobody@652301", "directory show"]);
    let label = network.beside("label.json");
    std::fs::write(&label, r#"{"title":"T","classification":"secret"}"#).unwrap();
    let secret = send(&["--label", path_text(&label)], &[&file]);
    assert_fails(&secret, REFUSED, &["classification", "channel approved"]);
    std::fs::write(&label, r#"{"titel":"T"}"#).unwrap();
    let misspelt = send(&["--label", path_text(&label)], &[&file]);
    assert_fails(&misspelt, USAGE, &["label.json", "titel", "`title`"]);
    assert_fails(&send(&["--title", ""], &[&file]), USAGE, &["no title"]);
    let past = ["--title", "T", "--deadline", "2020-01-01T00:00:00Z"];
    assert_fails(&send(&past, &[&file]), REFUSED, &["has passed", "later"]);
    let missing = network.beside("missing.txt");
    assert_fails(&send(&["--title", "T"], &[&missing]), FILES, &["missing.txt"]);
    assert!(network.inbox_ids(REGION).is_empty(), "nothing of all that was sent");
    let waiting = network.json(&["queue", "--node", path_text(&network.node(COUNTY))]);
    assert!(list(&waiting, "").is_empty(), "and nothing waits: {waiting}");
}

#[test]
fn the_same_key_gives_the_same_document_and_another_document_under_it_is_refused() {
    let (network, file) = Network::running();
    let send = |title: &str, key: &str| {
        network.send_with(COUNTY, &[REGION], &["--title", title, "--key", key], &[&file])
    };
    let (first, again, other) = (send("T", "k1").json(), send("T", "k1").json(), send("T", "k2").json());
    assert_eq!(text(&first, "/id"), text(&again, "/id"));
    assert_eq!(first["receipt"]["entry"], again["receipt"]["entry"]);
    assert!(!flag(&first, "/duplicate") && flag(&again, "/duplicate"));
    assert_ne!(text(&first, "/id"), text(&other, "/id"));
    network.await_inbox(REGION, &text(&other, "/id"));
    network.await_inbox(REGION, &text(&first, "/id"));
    assert_eq!(network.inbox_ids(REGION).len(), 2);
    // The key is remembered over a restart.
    network.stop(COUNTY);
    network.start(COUNTY);
    network.await_ready(COUNTY);
    assert_eq!(text(&send("T", "k1").json(), "/id"), text(&first, "/id"));
    // Whoever gets a receipt for another document than the one handed in believes it was sent.
    assert_fails(&send("another title", "k1"), REFUSED, &["key"]);
}

#[test]
fn an_office_refuses_or_signs_and_returns_but_not_in_any_other_order() {
    let (network, file) = Network::running();
    let office = office(REGION);
    let (refused, returned) = (arrived(&network, &file), arrived(&network, &file));
    let act = |act: &str, id: &str, reason: &str| {
        let mut words = vec!["inbox", act, &office, id, "--json"];
        if !reason.is_empty() {
            words.extend(["--reason", reason]);
        }
        network.said(&words)
    };
    assert_eq!(text(&act("refuse", &refused, "附件缺页").json(), "/receipt/kind"), "Refused");
    assert_fails(&act("sign", &refused, ""), REFUSED, &["state does not allow"]);
    assert_fails(&act("return", &returned, "误送"), REFUSED, &["not signed for yet", "sign for it first"]);
    assert!(!flag(&act("sign", &returned, "").json(), "/duplicate"));
    assert!(flag(&act("sign", &returned, "").json(), "/duplicate"), "signing twice is signing once");
    assert_fails(&act("refuse", &returned, "r"), REFUSED, &["state does not allow"]);
    let receipt = act("return", &returned, "误送").json();
    assert!(text(&receipt, "/receipt/statement").contains("reason 误送\n"), "{receipt}");
    let states: Vec<String> = network.inbox(REGION).iter().map(|item| text(item, "/state")).collect();
    assert_eq!(states, ["refused", "returned"]);
    network.await_stage(&refused, REGION, "refused");
    network.await_stage(&returned, REGION, "returned");
    assert_fails(&act("sign", "652301.0.99", ""), REFUSED, &["not known here"]);
    assert_fails(
        &network.said(&["inbox", "list", "nobody@65"]),
        REFUSED,
        &["no office nobody", "directory show"],
    );
}

#[test]
fn a_document_is_followed_to_its_end_and_what_waits_is_shown_with_the_reason() {
    let (network, file) = Network::running();
    network.stop(REGION);
    let id = network.send(COUNTY, &[REGION], "T", &[&file]);
    let relay = path_text(&network.node(RELAY)).to_owned();
    let queue = || network.json(&["queue", "--node", &relay])[0].clone();
    until("it waits at the prefecture", || (!queue().is_null()).then_some(()));
    let item = queue();
    assert_eq!((text(&item, "/next").as_str(), text(&item, "/unit")), (REGION, format!("{id}/{REGION}/0")));
    until("the reason is known", || text(&queue(), "/why").contains("65 is not reachable").then_some(()));
    // It is there since it was accepted, not since it was asked about.
    let since = text(&item, "/since");
    network.json(&["track", &id]);
    assert_eq!(text(&queue(), "/since"), since, "a unit does not become younger");
    network.start(REGION);
    network.await_ready(REGION);
    network.await_inbox(REGION, &id);
    network.json(&["inbox", "sign", &office(REGION), &id]);
    let followed = network.said(&["track", &id, "--follow", "--json"]);
    assert_eq!(followed.code, 0, "{followed:?}");
    let lines: Vec<serde_json::Value> =
        followed.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (track, receipts) = lines.split_last().unwrap();
    let kinds: Vec<String> = receipts.iter().map(|receipt| text(receipt, "/kind")).collect();
    for kind in ["SubmissionAcceptance", "RelayAcceptance", "ContentConsignment", "SignedFor"] {
        assert!(kinds.iter().any(|found| found == kind), "no {kind} in {kinds:?}");
    }
    assert_eq!(text(track, "/destinations/0/state"), "signed-for");
    let words = network.said(&["track", &id]).out;
    assert!(words.contains("signed-for 已签收") && words.contains("SubmissionAcceptance"), "{words}");
    assert_fails(&network.said(&["track", "652301.0.99"]), REFUSED, &["no document", "check the id"]);
}

#[test]
fn the_inbox_survives_a_restart_and_a_kill() {
    let (network, file) = Network::running();
    let ids = [arrived(&network, &file), arrived(&network, &file)];
    network.take(REGION, &ids[0]);
    let before = network.inbox(REGION);
    network.stop(REGION);
    network.start(REGION);
    network.await_ready(REGION);
    assert_eq!(network.inbox(REGION), before);
    network.kill(REGION);
    network.start(REGION);
    network.await_ready(REGION);
    assert_eq!(network.inbox(REGION), before);
    let states: Vec<String> = before.iter().map(|item| text(item, "/state")).collect();
    assert_eq!(states, ["taken", "waiting"]);
    let after = number(&before[0], "/sequence").to_string();
    let later = network.json(&["inbox", "list", &office(REGION), "--after", &after]);
    assert_eq!(list(&later, "").len(), 1);
    assert_eq!(network.inbox_ids(REGION), ids);
}

#[test]
fn way_directory_and_ledger_are_shown_as_they_are() {
    let (network, file) = Network::running();
    let id = arrived(&network, &file);
    let way = network.json(&["route", &office(REGION), "--from", COUNTY]);
    let nodes: Vec<String> = list(&way, "").iter().map(|step| text(step, "/node")).collect();
    assert_eq!(nodes, [COUNTY, RELAY, REGION]);
    assert_fails(
        &network.said(&["route", "gov-office@99", "--from", COUNTY]),
        REFUSED,
        &["no node 99", "directory show"],
    );
    let read = network.json(&["directory", "show"]);
    let asked = network.json(&["directory", "show", "--node", path_text(&network.node(REGION))]);
    assert_eq!(read, asked, "a node goes by the directory that lies in the folder");
    let offices = network.said(&["directory", "show"]).out;
    assert!(offices.contains("gov-office@652301 人民政府办公室"), "{offices}");
    network.await_rest();
    network.stop_all();
    let ledger = network.node(REGION);
    let shown = network.said(&["ledger", "show", path_text(&ledger)]);
    assert!(
        shown.code == 0 && shown.out.contains("ContentConsignment") && shown.out.contains(&id),
        "{shown:?}"
    );
    let shown = network.json(&["ledger", "show", path_text(&ledger)]);
    assert_eq!(number(&shown, "/size"), list(&shown, "/entries").len() as u64);
    assert!(flag(&network.verified(REGION, &ledger).json(), "/ok"));
    let key = network.ledger_key(COUNTY);
    let other = network.said(&["ledger", "verify", path_text(&ledger), "--vkey", &key]);
    assert_eq!(other.code, NOT_AS_IT_SHOULD_BE, "the key of another ledger: {other:?}");
}
