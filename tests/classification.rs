//! What the directory lets nodes carry: a document above it is refused when it is handed in, with the link that may not carry it; and
//! a new version of the directory changes that on running nodes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "this is test code in a file of its own")]

mod harness;

use harness::documents::office;
use harness::waiting::until;
use harness::{Network, Said, number, path_text, text};
use std::fs;

const NODES: [&str; 3] = ["65", "6523", "652301"];
const NODE: &str = "--max-classification";
const LINK: &str = "--link-classification";
/// What the node's refusal of a request is as an exit code.
const REFUSED: i32 = 3;

/// Publishes a version with other limits, and waits until all nodes go by it.
fn publish(network: &Network, version: u64, flag: &str, limits: &[&str]) {
    let draft = network.beside(&format!("version-{version}"));
    let flags: Vec<&str> = limits.iter().flat_map(|limit| [flag, limit]).collect();
    network.json(&[&["directory", "edit", path_text(&draft)], flags.as_slice()].concat());
    let key = network.folder().join("authority/authority.pem");
    network.json(&["directory", "sign", path_text(&draft), "--key", path_text(&key)]);
    network.json(&["directory", "publish", path_text(&draft)]);
    for node in NODES {
        until(&format!("{node} goes by version {version}"), || {
            (number(&network.status(node)?, "/directory_version") == version).then_some(())
        });
    }
}

#[test]
fn a_document_above_what_a_link_on_its_way_may_carry_is_refused_with_that_link() {
    let network = Network::of_three();
    for node in network.ids() {
        // What their operators allow; the directory says less.
        let path = network.node(node).join("node.toml");
        let config = fs::read_to_string(&path).unwrap();
        fs::write(&path, config.replacen("\"unclassified\"", "\"secret\"", 1)).unwrap();
    }
    network.start_all();
    let file = network.beside("a.txt");
    fs::write(&file, "通知").unwrap();
    let label = network.beside("label.json");
    fs::write(&label, r#"{"title":"关于值班安排的通知","classification":"secret"}"#).unwrap();
    let send = |to: &str| -> Said {
        let (from, to) = (office("652301"), office(to));
        let label = ["--label", path_text(&label), path_text(&file), "--json"];
        network.said(&[&["send", "--from", &from, "--to", &to], label.as_slice()].concat())
    };
    let refused = |to: &str, what: &str| {
        let said = send(to);
        assert_eq!(said.code, REFUSED, "{said:?}");
        assert!(format!("{}{}", said.out, said.err).contains(what), "{said:?}");
    };
    refused("65", "the node 652301 may carry unclassified");
    publish(&network, 2, NODE, &["65=secret", "652301=secret", "6523=internal"]);
    refused("65", "the link 652301 - 6523 on the way to 65 may carry internal");
    publish(&network, 3, NODE, &["65=internal", "6523=secret"]);
    refused("65", "the link 6523 - 65 on the way to 65 may carry internal");
    let id = text(&send("6523").json(), "/id");
    network.await_inbox("6523", &id);
    publish(&network, 4, NODE, &["65=secret"]);
    let id = text(&send("65").json(), "/id");
    network.await_inbox("65", &id);
    // MUST-48: less than both of its nodes.
    publish(&network, 5, LINK, &["6523/65=internal"]);
    refused("65", "the link 6523 - 65 on the way to 65 may carry internal");
    let id = text(&send("6523").json(), "/id");
    network.await_inbox("6523", &id);
    publish(&network, 6, LINK, &["6523/65=none"]);
    let id = text(&send("65").json(), "/id");
    network.await_inbox("65", &id);
    network.stop_all();
}
