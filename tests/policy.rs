//! What the authorities lay down, on running nodes: a document past a level is refused, another is granted, a third leaves the level
//! passed over a notice that no crash loses or doubles; and a circular goes to a named list.
#![allow(clippy::unwrap_used, clippy::panic, reason = "this is test code in a file of its own")]

mod harness;

use harness::documents::office;
use harness::waiting::until;
use harness::{Network, Said, list, number, path_text, text};
use std::fs;
use std::path::{Path, PathBuf};

const REGION: &str = "65";
const PREFECTURE: &str = "6523";
/// A direct-report point.
const POINT: &str = "652301";
const COUNTY: &str = "652324";
const NODES: [&str; 4] = [REGION, PREFECTURE, POINT, COUNTY];
/// What a refusal is as an exit code.
const REFUSED: i32 = 3;
/// Too large to be closed together with others.
const LARGE_BYTES: usize = 200 * 1024;
const NOTICE_TITLE: &str = "越级行文告知 Notice of skip-level dispatch";

fn draft(network: &Network, version: u64, flags: &[&str]) -> (PathBuf, Said) {
    let draft = network.beside(&format!("version-{version}"));
    let said = network.said(&[&["directory", "edit", path_text(&draft)], flags].concat());
    (draft, said)
}

/// Publishes a version with a changed policy, and waits until all nodes go by it.
fn publish(network: &Network, version: u64, flags: &[&str]) {
    let (draft, said) = draft(network, version, flags);
    assert_eq!(said.code, 0, "{said:?}");
    let key = network.folder().join("authority/authority.pem");
    network.json(&["directory", "sign", path_text(&draft), "--key", path_text(&key)]);
    network.json(&["directory", "publish", path_text(&draft)]);
    for node in NODES {
        until(&format!("{node} goes by version {version}"), || {
            (number(&network.status(node)?, "/directory_version") == version).then_some(())
        });
    }
}

fn running() -> (Network, PathBuf) {
    let counties = ["652301=6523", "652324=6523"];
    let network = Network::create(&[
        "--root",
        REGION,
        "--prefecture",
        PREFECTURE,
        "--county",
        counties[0],
        "--county",
        counties[1],
    ]);
    network.start_all();
    let file = network.beside("通知.txt");
    fs::write(&file, "各县市人民政府：\n").unwrap();
    (network, file)
}

fn send(network: &Network, from: &str, more: &[&str], file: &Path) -> Said {
    let from = office(from);
    let words = ["send", "--json", "--from", &from, "--title", "关于防汛工作的通知"];
    network.said(&[&words, more, &[path_text(file)]].concat())
}

/// The notices in the prefecture's inbox.
fn notices(network: &Network) -> Vec<String> {
    let items = network.inbox(PREFECTURE);
    let told = items.iter().filter(|item| text(item, "/title") == NOTICE_TITLE);
    told.map(|item| text(item, "/id")).collect()
}

/// MUST-46: refused before anything is accepted.
#[test]
fn a_document_past_a_level_is_refused_unless_that_level_gets_it_too_or_a_grant_lets_it_go() {
    let (network, file) = running();
    publish(
        &network,
        2,
        &["--skip-level", "up=refuse", "--report-point", POINT, "--senders", "gov-office@652324=6523"],
    );
    let (region, prefecture) = (office(REGION), office(PREFECTURE));
    let up = ["--to", region.as_str(), "--key", "report-1"];
    let refused = send(&network, COUNTY, &up, &file);
    assert_eq!(refused.code, REFUSED, "{refused:?}");
    let said = format!("{}{}", refused.out, refused.err);
    for part in ["passes over 6523", "directory version 2", "copy recipients"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // The same key: nothing had been taken under it.
    let copied = send(&network, COUNTY, &[&up[..], &["--cc", &prefecture]].concat(), &file).json();
    assert_eq!(copied["duplicate"], false);
    network.await_inbox(REGION, &text(&copied, "/id"));
    let granted = send(&network, POINT, &up, &file).json();
    network.await_inbox(REGION, &text(&granted, "/id"));
    assert_eq!((copied.get("notice"), granted.get("notice")), (None, None), "nobody is to be told");
    assert_eq!(network.inbox_ids(REGION).len(), 2);

    let to_county = office(COUNTY);
    let stranger = send(&network, POINT, &["--to", &to_county], &file);
    assert_eq!(stranger.code, REFUSED, "{stranger:?}");
    assert!(
        format!("{}{}", stranger.out, stranger.err).contains("may be addressed by 6523 only"),
        "{stranger:?}"
    );
    let superior = send(&network, PREFECTURE, &["--to", &to_county], &file).json();
    network.await_inbox(COUNTY, &text(&superior, "/id"));
    network.stop_all();
}

/// MUST-45, MUST-47.
#[test]
fn a_circular_to_a_list_leaves_the_level_passed_over_one_notice_whatever_crashes() {
    let (network, file) = running();
    publish(&network, 2, &["--list-add", "值班=652301,gov-office@652324", "--skip-level", "down=notify"]);
    let view = network.json(&["directory", "show"]);
    assert_eq!(
        (text(&view, "/policy/skip_level_down"), list(&view, "/policy/lists/值班").len()),
        ("notify".into(), 2)
    );
    assert_eq!(list(&network.json(&["group", "名单值班"]), "/offices").len(), 2);
    let (_, removing) = draft(&network, 3, &["--remove-node", COUNTY]);
    assert_ne!(removing.code, 0);
    let said = format!("{}{}", removing.out, removing.err);
    assert!(
        said.contains("the list 值班 names gov-office@652324") || said.contains("names 652324"),
        "{said}"
    );

    // The prefecture is away, so both wait at the region when it is killed.
    network.kill(PREFECTURE);
    let circular = ["--to-group", "list 值班", "--key", "circular-1"];
    let sent = send(&network, REGION, &circular, &file).json();
    let (id, notice) = (text(&sent, "/id"), text(&sent, "/notice/id"));
    assert_eq!(text(&sent, "/notice/to/0"), PREFECTURE);
    network.kill(REGION);
    network.start(REGION);
    network.await_ready(REGION);
    let again = send(&network, REGION, &circular, &file).json();
    assert_eq!((text(&again, "/id"), &again["duplicate"]), (id.clone(), &serde_json::Value::Bool(true)));
    network.start(PREFECTURE);
    for county in [POINT, COUNTY] {
        network.await_inbox(county, &id);
        let manifest = fs::read_to_string(network.take(county, &id).join("manifest")).unwrap();
        assert!(
            manifest.contains("\nto-group list 值班\n") && manifest.contains("\ndirectory 2\n"),
            "{manifest}"
        );
    }
    network.await_inbox(PREFECTURE, &notice);

    // One that is not closed together with others, with a file of its own.
    let large = network.beside("附件.bin");
    fs::write(&large, vec![b'x'; LARGE_BYTES]).unwrap();
    let counties = [office(POINT), office(COUNTY)];
    let second = send(&network, REGION, &["--to", &counties[0], "--to", &counties[1]], &large).json();
    let second_notice = text(&second, "/notice/id");
    network.await_inbox(PREFECTURE, &second_notice);
    network.await_rest();
    assert_eq!(notices(&network), [notice.clone(), second_notice], "one each");

    let told = network.take(PREFECTURE, &notice);
    let words = fs::read_to_string(told.join("skip-level-notice.txt")).unwrap();
    let facts = format!("document {id}\nfrom 65\npast 6523\nto 652301 652324\n");
    assert!(words.contains(&facts), "{words}");
    let manifest = fs::read_to_string(told.join("manifest")).unwrap();
    for of_the_content in ["防汛", "通知", "值班"] {
        assert!(
            !format!("{words}{manifest}").contains(of_the_content),
            "{of_the_content}: {words}{manifest}"
        );
    }
    assert!(manifest.contains("\nto gov-office@6523\n"), "{manifest}");
    network.stop_all();
}
