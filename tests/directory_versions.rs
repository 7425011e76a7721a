//! New versions of the directory through real processes: published at one node, gone by everywhere without a restart; and every
//! attack on the register refused with its own reason.
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
use harness::{Network, SEVEN, Said, flag, list, number, path_text, text};
use std::fs;
use std::path::{Path, PathBuf};
use yizhan_hierarchy::Draft;
use yizhan_node::Clock;

const REGION: &str = "65";
/// What the node's refusal of a request is as an exit code.
const REFUSED: i32 = 3;

/// A draft of the next version with some changes, not signed.
fn drafted(network: &Network, name: &str, changes: &[&str]) -> PathBuf {
    let draft = network.beside(name);
    network.json(&[&["directory", "edit", path_text(&draft)], changes].concat());
    draft
}

/// Signs a draft with the key of the network's authority.
fn sign(network: &Network, draft: &Path) {
    let key = network.folder().join("authority/authority.pem");
    network.json(&["directory", "sign", path_text(draft), "--key", path_text(&key)]);
}

/// A signed version with some changes.
fn version(network: &Network, name: &str, changes: &[&str]) -> PathBuf {
    let draft = drafted(network, name, changes);
    sign(network, &draft);
    draft
}

/// Publishes a version at the region, however it ends; the network's own folder is not touched.
fn published(network: &Network, version: &Path) -> Said {
    let socket = network.data(REGION).join("desk.sock");
    network.said(&["directory", "publish", path_text(version), "--socket", path_text(&socket), "--json"])
}

fn goes_by(network: &Network, node: &str) -> u64 {
    network.status(node).map_or(0, |status| number(&status, "/directory_version"))
}

fn await_version(network: &Network, nodes: &[&str], version: u64) {
    for node in nodes {
        until(&format!("{node} goes by version {version}"), || {
            (goes_by(network, node) == version).then_some(())
        });
    }
}

fn assert_refused(said: &Said, reason: &str) {
    assert_eq!(said.code, REFUSED, "{said:?}");
    let words = format!("{}{}", said.out, said.err);
    assert!(words.contains(&format!("{reason}: ")), "not refused as {reason}: {words}");
}

#[test]
fn seven_running_nodes_take_a_version_that_was_published_at_one_and_use_what_it_brings() {
    let network = Network::of_seven();
    network.start_all();
    let processes: Vec<u32> = SEVEN.iter().map(|node| network.pid(node)).collect();
    let file = network.beside("a.txt");
    fs::write(&file, "归档通知").unwrap();
    let unknown =
        ["send", "--from", &office("653130"), "--to", "archives@652301", "--title", "T", path_text(&file)];
    assert_ne!(network.said(&unknown).code, 0);

    let next = version(&network, "next", &["--new-office", "archives@652301=昌吉市档案局"]);
    let clock = Clock::start();
    let begun = clock.wall();
    let answer = network.json(&["directory", "publish", path_text(&next)]);
    assert_eq!((number(&answer, "/version"), number(&answer, "/previous")), (2, 1));
    await_version(&network, &SEVEN, 2);
    eprintln!("seven nodes go by the new version after {} ms", clock.wall().ms_since(begun));
    assert!(flag(&network.json(&["directory", "publish", path_text(&next)]), "/duplicate"));

    // To the new office, and from it: its node has read its key without a restart.
    let id = text(&network.json(&unknown), "/id");
    until("it lies in the inbox of the new office", || {
        let items = network.json(&["inbox", "list", "archives@652301"]);
        list(&items, "").iter().any(|item| text(item, "/id") == id).then_some(())
    });
    network.json(&["inbox", "sign", "archives@652301", &id]);
    network.await_stage(&id, "652301", "signed-for");
    let back =
        ["send", "--from", "archives@652301", "--to", &office("653130"), "--title", "T", path_text(&file)];
    let back = text(&network.json(&back), "/id");
    network.await_inbox("653130", &back);
    assert_eq!(SEVEN.iter().map(|node| network.pid(node)).collect::<Vec<_>>(), processes);

    // What was taken is kept, with what was before; a node that did not run fetches it when it runs.
    let history = network.json(&["directory", "history", "--node", "653101"]);
    let versions: Vec<u64> = list(&history, "").iter().map(|kept| number(kept, "/version")).collect();
    assert_eq!(versions, [1, 2]);
    assert_eq!(list(&history, "/1/signers").len(), 1);
    let changes = network.json(&["directory", "diff", "1", "2", "--node", "653101"]);
    let added =
        |change: &serde_json::Value| change["what"] == "office archives" && change["node"] == "652301";
    assert!(list(&changes, "").iter().any(added), "{changes}");
    network.stop("653101");
    let third = version(&network, "third", &["--suspend", "archives@652301"]);
    network.json(&["directory", "publish", path_text(&third)]);
    await_version(&network, &["65", "6523", "6531", "653130"], 3);
    // Its folder lacks it: only a neighbour has it.
    fs::remove_dir_all(network.folder().join("directory")).unwrap();
    network.start("653101");
    await_version(&network, &["653101"], 3);
    assert_ne!(network.said(&unknown).code, 0, "a suspended office was written to");
    network.stop_all();
}

#[test]
fn a_county_that_is_put_under_another_prefecture_is_reached_there_without_a_restart() {
    let network = Network::of_seven();
    network.start_all();
    let next = version(&network, "next", &["--parent", "652324=6531"]);
    network.json(&["directory", "publish", path_text(&next)]);
    await_version(&network, &SEVEN, 2);
    until("the county is linked to its new parent", || {
        let status = network.status("652324")?;
        let neighbours = list(&status, "/neighbours");
        (neighbours.len() == 1 && text(&neighbours[0], "/node") == "6531" && flag(&neighbours[0], "/up"))
            .then_some(())
    });
    let file = network.beside("a.txt");
    fs::write(&file, "调整通知").unwrap();
    let id = network.send("652301", &["652324"], "关于隶属关系调整的通知", &[&file]);
    network.await_inbox("652324", &id);
    let route = network.json(&["route", &office("652324"), "--from", "652301"]);
    let way: Vec<String> = list(&route, "").iter().map(|step| text(step, "/node")).collect();
    assert_eq!(way, ["652301", "6523", "65", "6531", "652324"]);
    network.stop_all();
}

#[test]
fn every_attack_on_the_register_is_refused_with_its_own_reason_and_the_version_held_stays() {
    let network = Network::of_three();
    // A second authority, so that one can be revoked.
    let second = network.beside("second.pem");
    let made = network.json(&["directory", "new-authority", path_text(&second), "--name", "second.example"]);
    for node in network.ids() {
        let path = network.node(node).join("node.toml");
        let config = fs::read_to_string(&path).unwrap();
        let both = format!("authorities = [\"{}\", ", text(&made, "/vkey"));
        fs::write(&path, config.replacen("authorities = [", &both, 1)).unwrap();
    }
    network.start_all();
    let first = network.data(REGION).join("directory/1.tar");
    let held = version(&network, "held", &["--name", "652301:ug=سانجى"]);
    assert_eq!(published(&network, &held).code, 0);
    await_version(&network, &[REGION, "6523", "652301"], 2);

    assert_refused(&published(&network, &first), "rollback");

    let other = version(&network, "other", &["--name", "652301:ug=باشقا"]);
    assert_refused(&published(&network, &other), "two-of-one-version");

    let next = |name: &str, changes: &[&str]| {
        let draft = network.beside(name);
        let copied = harness::said(std::process::Command::new("cp").arg("-a").arg(&held).arg(&draft));
        assert_eq!(copied.code, 0);
        // The version after the one that is held, whose folder the network's own is not.
        let mut read = Draft::read(&draft).unwrap();
        read.version = 3;
        read.write(&draft).unwrap();
        network.json(&[&["directory", "edit", path_text(&draft)], changes].concat());
        draft
    };
    let tampered = next("tampered", &["--name", "652301:kk=Санжы"]);
    sign(&network, &tampered);
    let file = tampered.join("divisions/6523.json");
    fs::write(&file, fs::read_to_string(&file).unwrap().replace("unclassified", "confidential")).unwrap();
    assert_refused(&published(&network, &tampered), "tampered-division");

    let mixed = next("mixed", &["--name", "652301:kk=Санжы"]);
    sign(&network, &mixed);
    fs::copy(held.join("divisions/652301.json"), mixed.join("divisions/652301.json")).unwrap();
    assert_refused(&published(&network, &mixed), "mixed-versions");

    let too_few = next("too-few", &["--threshold", "2"]);
    sign(&network, &too_few);
    assert_refused(&published(&network, &too_few), "signatures");

    let stranger = network.beside("stranger.pem");
    network.json(&[
        "directory",
        "new-authority",
        path_text(&stranger),
        "--name",
        "xinjiang.example/authority",
    ]);
    let strangers = next("strangers", &[]);
    network.json(&["directory", "sign", path_text(&strangers), "--key", path_text(&stranger)]);
    assert_refused(&published(&network, &strangers), "signatures");

    let expired = next("expired", &[]);
    let mut draft = Draft::read(&expired).unwrap();
    draft.expires = draft.issued.plus_ms(1);
    draft.write(&expired).unwrap();
    sign(&network, &expired);
    assert_refused(&published(&network, &expired), "expired");

    // Nothing of all that was taken; then the first authority is revoked by the second.
    assert_eq!(goes_by(&network, REGION), 2);
    let vkey = fs::read_to_string(network.folder().join("authority/authority.vkey")).unwrap();
    let revoking = next("revoking", &["--revoke", vkey.trim()]);
    let signed_by_second = |draft: &Path| {
        let key = path_text(&second);
        network.json(&["directory", "sign", path_text(draft), "--key", key, "--name", "second.example"]);
    };
    sign(&network, &revoking);
    assert_refused(&published(&network, &revoking), "revoked-authority");
    signed_by_second(&revoking);
    assert_eq!(published(&network, &revoking).code, 0);
    await_version(&network, &[REGION, "6523", "652301"], 3);
    let after = network.beside("after");
    let copied = harness::said(std::process::Command::new("cp").arg("-a").arg(&revoking).arg(&after));
    assert_eq!(copied.code, 0);
    let mut draft = Draft::read(&after).unwrap();
    draft.version = 4;
    draft.write(&after).unwrap();
    sign(&network, &after);
    assert_refused(&published(&network, &after), "revoked-authority");
    assert_eq!(goes_by(&network, REGION), 3);
    // A restart goes by what is held, however the node ended, not by the older version in the network's folder.
    network.kill(REGION);
    network.stop_all();
    network.start_all();
    await_version(&network, &[REGION, "6523", "652301"], 3);
    network.stop_all();
}

/// The codes of the alarms about the directory that a node raises.
fn alarms(network: &Network, node: &str) -> Vec<String> {
    let status = network.status(node);
    let alarms = status.iter().flat_map(|status| list(status, "/directory_alarms"));
    alarms.map(|alarm| text(alarm, "/code")).collect()
}

#[test]
fn a_prefecture_that_is_no_more_passes_on_the_version_that_says_so_and_its_counties_go_on_without_it() {
    let network = Network::of_seven();
    network.start_all();
    let moved = ["--remove-node", "6523", "--parent", "652301=65", "--parent", "652324=65"];
    let next = version(&network, "next", &moved);
    network.json(&["directory", "publish", path_text(&next)]);
    // The counties hear it from the prefecture, which goes by the version before.
    await_version(&network, &["65", "6531", "652301", "652324", "653101", "653130"], 2);
    until("the prefecture says that it is no more", || {
        alarms(&network, "6523").contains(&"retired".to_owned()).then_some(())
    });
    assert_eq!(goes_by(&network, "6523"), 1);
    network.stop("6523");
    let file = network.beside("a.txt");
    fs::write(&file, "撤地设市").unwrap();
    let id = network.send("652301", &["652324", "653101"], "关于撤销地区的通知", &[&file]);
    network.await_inbox("652324", &id);
    network.await_inbox("653101", &id);
    network.start("6523");
    let misfit = 78;
    assert_eq!(network.await_end("6523"), Some(misfit));
    network.stop_all();
}

#[test]
fn a_node_that_is_kept_from_a_version_says_so_and_goes_on_by_the_one_it_has() {
    let network = Network::of_three();
    network.start_all();
    network.stop("652301");
    let next = version(&network, "next", &["--name", "652301:ug=سانجى"]);
    assert_eq!(published(&network, &next).code, 0);
    await_version(&network, &[REGION, "6523"], 2);
    // Its only neighbour says that it holds the version, and does not send it.
    let kept = network.data("6523").join("directory/2.tar");
    fs::rename(&kept, network.beside("2.tar")).unwrap();
    network.start("652301");
    until("the county says that it is behind", || {
        alarms(&network, "652301").contains(&"behind".to_owned()).then_some(())
    });
    assert_eq!(goes_by(&network, "652301"), 1);
    let file = network.beside("a.txt");
    fs::write(&file, "通知").unwrap();
    let id = network.send("652301", &[REGION], "关于防汛工作的通知", &[&file]);
    network.await_inbox(REGION, &id);
    // It is asked again, and has it then.
    fs::rename(network.beside("2.tar"), &kept).unwrap();
    await_version(&network, &["652301"], 2);
    assert_eq!(alarms(&network, "652301"), Vec::<String>::new());
    network.stop_all();
}
