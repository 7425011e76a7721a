//! A prefecture signs for its own counties: its list spreads over running nodes without a new version of the directory; and every
//! attack on a delegation is refused with its own reason.
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
use harness::{Network, SEVEN, Said, list, number, path_text, text};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use yizhan_document::{Digest, NodeId, WallTime};
use yizhan_hierarchy::{Branch, Draft, Parcel};
use yizhan_identity::{NoteSigner, SigningKey};
use yizhan_node::Clock;

const PREFECTURE: &str = "6523";
/// What the node's refusal of a request is as an exit code.
const REFUSED: i32 = 3;

fn prefecture() -> NodeId {
    PREFECTURE.parse().unwrap()
}

/// Makes the key of a delegate; gives its file and its vkey.
fn delegate(network: &Network, file: &str, name: &str) -> (PathBuf, String) {
    let key = network.beside(file);
    let made = network.json(&["directory", "new-authority", path_text(&key), "--name", name]);
    (key, text(&made, "/vkey"))
}

/// Drafts, signs and publishes version 2, in which the prefecture signs for its counties with one key.
fn delegated(network: &Network) -> (PathBuf, PathBuf) {
    let (key, vkey) = delegate(network, "delegate.pem", "xinjiang.example/6523/delegate");
    let draft = network.beside("delegating");
    let folder = path_text(&draft);
    network.json(&["directory", "delegate", folder, PREFECTURE, "--to", &vkey]);
    // Neither the authority alone nor the delegate alone.
    let authority = network.folder().join("authority/authority.pem");
    let signed = network.json(&["directory", "sign", folder, "--key", path_text(&authority)]);
    assert_eq!(text(&signed, "/missing/0/delegation"), PREFECTURE);
    assert_refused(
        &published(network, "65", &draft),
        "the list of 6523, which the root delegates, is missing",
    );
    let signed = sign_list(network, &draft, &key);
    assert_eq!((signed["complete"].as_bool(), number(&signed, "/version")), (Some(true), 1));
    network.json(&["directory", "publish", folder]);
    (draft, key)
}

fn sign_list(network: &Network, draft: &Path, key: &Path) -> Value {
    network.json(&["directory", "sign", path_text(draft), "--delegate", PREFECTURE, "--key", path_text(key)])
}

/// A draft of the next list with some changes, signed by the delegate.
fn next_list(network: &Network, name: &str, key: &Path, changes: &[&str]) -> PathBuf {
    let draft = network.beside(name);
    network.json(&[&["directory", "edit", path_text(&draft), "--delegate", PREFECTURE], changes].concat());
    sign_list(network, &draft, key);
    draft
}

/// Publishes at a node, however it ends; the network's own folder is not touched.
fn published(network: &Network, node: &str, version: &Path) -> Said {
    let socket = network.data(node).join("desk.sock");
    network.said(&["directory", "publish", path_text(version), "--socket", path_text(&socket), "--json"])
}

fn assert_refused(said: &Said, reason: &str) {
    let words = format!("{}{}", said.out, said.err);
    assert!(said.code != 0 && words.contains(reason), "not refused as {reason}: {said:?}");
}

/// The version that a node goes by, and that of the prefecture's list.
fn goes_by(network: &Network, node: &str) -> (u64, u64) {
    let Some(status) = network.status(node) else { return (0, 0) };
    let list = status.pointer("/directory_lists/0/version").and_then(Value::as_u64);
    (number(&status, "/directory_version"), list.unwrap_or_default())
}

fn await_list(network: &Network, nodes: &[&str], wanted: (u64, u64)) {
    for node in nodes {
        until(&format!("{node} goes by {wanted:?}"), || (goes_by(network, node) == wanted).then_some(()));
    }
}

#[test]
fn a_prefecture_renews_its_own_list_and_running_nodes_take_it_without_a_new_version() {
    let network = Network::of_seven();
    network.start_all();
    let processes: Vec<u32> = SEVEN.iter().map(|node| network.pid(node)).collect();
    let (_, key) = delegated(&network);
    await_list(&network, &SEVEN, (2, 1));
    let shown = network.json(&["directory", "show"]);
    assert_eq!(text(&shown, "/delegated/0/node"), PREFECTURE);
    assert_eq!(shown["delegated"][0]["codes"], serde_json::json!([PREFECTURE]));
    // The authorities cannot change it in passing, nor the delegate anything else.
    let by_authority = network.said(&["directory", "edit", "no", "--name", "652301:kk=x"]);
    assert_refused(&by_authority, "--delegate 6523");
    let not_theirs = ["directory", "edit", "no", "--delegate", PREFECTURE, "--name", "6531:kk=x"];
    assert_refused(&network.said(&not_theirs), "not in the subtree of 6523");

    // Handed in at the prefecture's own node; it spreads up, across and down.
    let list_2 = next_list(&network, "list-2", &key, &["--suspend", &office("652324")]);
    let clock = Clock::start();
    let begun = clock.wall();
    assert_eq!(published(&network, PREFECTURE, &list_2).code, 0);
    await_list(&network, &SEVEN, (2, 2));
    eprintln!("seven nodes go by the new list after {} ms", clock.wall().ms_since(begun));
    assert_eq!(SEVEN.iter().map(|node| network.pid(node)).collect::<Vec<_>>(), processes);
    let file = network.beside("a.txt");
    fs::write(&file, "通知").unwrap();
    let to = |county: &str| {
        let args =
            ["send", "--from", &office("653130"), "--to", &office(county), "--title", "T", path_text(&file)];
        network.said(&args).code
    };
    assert_eq!((to("652301"), to("652324") != 0), (0, true), "a suspended office was written to");

    // The authorities go on without knowing that list; nobody loses it, and who did not run fetches both.
    network.stop("652301");
    let third = network.beside("third");
    network.json(&["directory", "edit", path_text(&third), "--name", "65:kk=Шыңжаң"]);
    let authority = network.folder().join("authority/authority.pem");
    network.json(&["directory", "sign", path_text(&third), "--key", path_text(&authority)]);
    network.json(&["directory", "publish", path_text(&third)]);
    let running = ["65", "6523", "6531", "652324", "653101", "653130"];
    await_list(&network, &running, (3, 2));
    network.start("652301");
    await_list(&network, &["652301"], (3, 2));
    let history = network.json(&["directory", "history", "--node", "653101"]);
    let editions: Vec<String> = list(&history, "").iter().map(|kept| text(kept, "/edition")).collect();
    assert_eq!(editions, ["1", "2.1", "2.2", "3.2"]);
    assert_eq!(text(&history[2], "/delegated/0/signers/0"), "xinjiang.example/6523/delegate");
    let changes = network.json(&["directory", "diff", "2.1", "2.2", "--node", "653101"]);
    assert_eq!(text(&changes[1], "/what"), "delegated list expires");
    // And after a restart, however the node ended.
    network.kill("65");
    network.start("65");
    await_list(&network, &["65"], (3, 2));
    network.stop_all();
}

/// A parcel whose list of the prefecture says what no draft lets it say, signed by the delegate.
fn forged(
    network: &Network,
    from: &Path,
    key: &Path,
    change: impl FnOnce(&mut Branch, &mut Parcel),
) -> PathBuf {
    let mut parcel = Parcel::read(from).unwrap();
    let mut branch = parcel.claimed_head().unwrap().branches.remove(0);
    change(&mut branch, &mut parcel);
    let key = SigningKey::from_text(&fs::read_to_string(key).unwrap()).unwrap();
    let signer = NoteSigner::new("xinjiang.example/6523/delegate", key).unwrap();
    let whole = String::from_utf8(parcel.root).unwrap();
    let (root, _) = whole.split_once('\u{1e}').unwrap();
    let text = branch.to_text();
    parcel.root = format!("{root}\u{1e}{text}\n{}", signer.sign(&text)).into_bytes();
    let archive = network.beside("forged.tar");
    fs::write(&archive, parcel.to_tar().unwrap()).unwrap();
    archive
}

#[test]
fn every_attack_on_a_delegation_is_refused_with_its_own_reason_and_what_is_held_stays() {
    let network = Network::of_three();
    network.start_all();
    let nodes = ["65", PREFECTURE, "652301"];
    let (first, key) = delegated(&network);
    await_list(&network, &nodes, (2, 1));
    let refused = |version: &Path, reason: &str| {
        for node in nodes {
            let said = published(&network, node, version);
            assert_eq!(said.code, REFUSED, "{said:?}");
            assert_refused(&said, &format!("{reason}: "));
        }
    };

    // Two lists of the same number are drafted from the same state; one of them is taken.
    let held = next_list(&network, "held", &key, &["--name", "652301:ug=سانجى"]);
    let other = next_list(&network, "other", &key, &["--name", "652301:ug=باشقا"]);
    assert_eq!(published(&network, PREFECTURE, &held).code, 0);
    await_list(&network, &nodes, (2, 2));
    refused(&first, "delegated-rollback");
    refused(&other, "delegated-two-of-one-version");

    // The delegate speaks of the region, of itself, and puts its county under the region.
    let outside = |node: &str, parent: &str| {
        forged(&network, &held, &key, |branch, parcel| {
            let county: NodeId = "652301".parse().unwrap();
            let file = String::from_utf8(parcel.files[&county].clone()).unwrap();
            let file = file.replacen("\"node\": \"652301\"", &format!("\"node\": \"{node}\""), 1);
            let file =
                file.replacen("\"parent\": \"6523\"", &format!("\"parent\": \"{parent}\""), 1).into_bytes();
            let node = node.parse().unwrap();
            (branch.version, branch.divisions) = (3, vec![(node, Digest::of(&file))]);
            parcel.files.insert(node, file);
        })
    };
    for (node, parent) in [("65", PREFECTURE), (PREFECTURE, "65"), ("652301", "65"), ("110101", PREFECTURE)] {
        refused(&outside(node, parent), "delegated-outside");
    }

    // Signed by the authority, whose word counts for the root alone.
    let network_key = network.folder().join("authority/authority.pem");
    let strangers = forged(&network, &held, &network_key, |branch, _| branch.version = 3);
    refused(&strangers, "delegate-stranger");
    // A list that was changed after the delegate had signed it.
    let mut parcel = Parcel::read(&held).unwrap();
    let whole = String::from_utf8(parcel.root).unwrap();
    let (root, signed) = whole.split_once('\u{1e}').unwrap();
    parcel.root = format!("{root}\u{1e}{}", signed.replacen("version 2", "version 3", 1)).into_bytes();
    let changed = network.beside("changed.tar");
    fs::write(&changed, parcel.to_tar().unwrap()).unwrap();
    refused(&changed, "delegate-signatures");

    let expired = forged(&network, &held, &key, |branch, _| {
        (branch.version, branch.expires) = (3, branch.issued.plus_ms(1));
    });
    refused(&expired, "delegated-expired");
    assert_eq!(goes_by(&network, "65"), (2, 2));

    // A delegation that has ended brings nothing new, and stops nothing.
    let ending = network.beside("ending");
    network.json(&["directory", "edit", path_text(&ending), "--name", "65:kk=Шыңжаң"]);
    let mut draft = Draft::read(&ending).unwrap();
    let end: WallTime = draft.issued.plus_ms(1);
    draft.delegations.get_mut(&prefecture()).unwrap().delegation.expires = end;
    let notes: Vec<_> = Parcel::read(&held).unwrap().claimed_head().unwrap().notes().cloned().collect();
    draft.write_signed(&ending, &notes).unwrap();
    network.json(&["directory", "sign", path_text(&ending), "--key", path_text(&network_key)]);
    // The folder it was drafted from has the first list; the nodes keep the second.
    sign_list(&network, &ending, &key);
    assert_eq!(published(&network, "65", &ending).code, 0);
    await_list(&network, &nodes, (3, 2));
    let late = forged(&network, &ending, &key, |branch, _| branch.version = 3);
    refused(&late, "delegation-expired");
    until("the region says that the delegation has ended", || {
        let status = network.status("65")?;
        let alarms = list(&status, "/directory_alarms");
        alarms.iter().any(|alarm| text(alarm, "/code") == "delegated-expired").then_some(())
    });
    network.stop_all();
}
