//! A circular through real processes: to all counties of a region, three of them down. Its body goes over each link once, and the
//! delivery certificate names exactly those three with whoever holds it, verifies offline, and is complete once they are there.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "this is test code in a file of its own"
)]

mod harness;

use harness::documents::office;
use harness::programs::is_there;
use harness::waiting::until;
use harness::{Network, Said, list, number, path_text, said, text};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

const REGION: &str = "65";
const PREFECTURE: &str = "6523";
const THERE: [&str; 3] = ["652301", "652302", "652323"];
const DOWN: [&str; 3] = ["652324", "652325", "652327"];
/// Larger than what rides with an offer: a body that travels by itself.
const CONTENT_BYTES: usize = 1_500_000;
const FORGED: i32 = 2;

fn region() -> Network {
    let mut flags = vec!["--root", REGION, "--prefecture", PREFECTURE];
    let counties: Vec<String> =
        THERE.iter().chain(&DOWN).map(|county| format!("{county}={PREFECTURE}")).collect();
    counties.iter().for_each(|county| flags.extend(["--county", county]));
    Network::create(&flags)
}

/// Content that does not become smaller by any means.
fn content(network: &Network) -> PathBuf {
    let file = network.beside("通知.pdf");
    std::fs::write(&file, harness::random::Random::new(7).bytes(CONTENT_BYTES)).unwrap();
    file
}

fn circular(network: &Network, file: &Path) -> Value {
    let (from, copy) = (office(REGION), office(PREFECTURE));
    let title = "关于做好春季防汛工作的通知";
    let words = [
        "send",
        "--from",
        &from,
        "--to-group",
        "65各县市",
        "--copy",
        &copy,
        "--title",
        title,
        "--key",
        "circular-7",
    ];
    network.json(&[&words[..], &[path_text(file)]].concat())
}

fn certificate(network: &Network, id: &str) -> Value {
    network.json(&["certificate", id])
}

/// Bytes of bodies that a node has given to the link to another since it started.
fn sent(network: &Network, from: &str, to: &str) -> u64 {
    let status = network.status(from).unwrap();
    let link = list(&status, "/neighbours").iter().find(|neighbour| text(neighbour, "/node") == to).unwrap();
    number(link, "/body_bytes_sent")
}

fn received(network: &Network, at: &str, from: &str) -> u64 {
    let status = network.status(at).unwrap();
    let link =
        list(&status, "/neighbours").iter().find(|neighbour| text(neighbour, "/node") == from).unwrap();
    number(link, "/body_bytes_received")
}

/// The size of the encrypted body, as the proof of origin in a certificate has it.
fn body_bytes(file: &Path) -> u64 {
    let certificate: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let entries = list(&certificate, "/receipts").iter().map(|receipt| text(receipt, "/entry"));
    let mut entries = entries.map(|entry| serde_json::from_str::<Value>(&entry).unwrap());
    number(&entries.find(|entry| text(entry, "/kind") == "SubmissionAcceptance").unwrap(), "/size")
}

/// Checks a certificate with a program that was written from `docs/receipts.md` alone; none where it cannot be run.
fn independently(network: &Network, certificate: &Path) -> Option<Said> {
    let there = is_there("python3", "--version") && is_there("openssl", "version");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/independent/verify_certificate.py");
    let mut python = Command::new("python3");
    python.arg(program).arg(certificate).arg(network.folder().join("directory"));
    there.then(|| said(&mut python))
}

/// What stands in a certificate of somebody who would like it to say more.
fn forge(file: &Path, to: &Path, good: &str, bad: &str) {
    let certificate = std::fs::read_to_string(file).unwrap();
    assert!(certificate.contains(good), "{good}");
    std::fs::write(to, certificate.replacen(good, bad, 1)).unwrap();
}

#[test]
fn three_counties_that_are_down_are_named_with_their_holder_and_get_it_by_themselves_when_they_are_back() {
    let network = region();
    let file = content(&network);
    for node in [REGION, PREFECTURE].iter().chain(&THERE) {
        network.start(node);
    }
    [REGION].iter().chain(&THERE).for_each(|node| network.await_linked(node));
    let group = network.json(&["group", "counties of 65"]);
    assert_eq!(list(&group, "/offices").len(), 6, "{group}");

    let handed_in = circular(&network, &file);
    let id = text(&handed_in, "/id");
    until("whoever is there has it", || {
        (number(&certificate(&network, &id), "/delivered") == 4).then_some(())
    });
    until("the rest is with the prefecture", || {
        let shown = certificate(&network, &id);
        list(&shown, "/missing").iter().all(|missing| text(missing, "/holder") == PREFECTURE).then_some(())
    });
    let again = circular(&network, &file);
    assert_eq!((text(&again, "/id"), &again["duplicate"]), (id.clone(), &Value::Bool(true)));

    let partial = network.beside("partial.json");
    let shown = network.json(&["certificate", &id, "--out", path_text(&partial)]);
    let audit = network.audited_certificate(&partial);
    assert_eq!(audit.code, 1, "somebody is missing: {audit:?}");
    for told in [&shown, &audit.any_json()] {
        assert_eq!((number(told, "/delivered"), number(told, "/destinations")), (4, 7), "{told}");
        let missing = list(told, "/missing").iter();
        let missing: Vec<(String, String)> =
            missing.map(|of| (text(of, "/node"), text(of, "/holder"))).collect();
        assert_eq!(missing, DOWN.map(|county| (county.to_owned(), PREFECTURE.to_owned())), "{told}");
    }
    if let Some(said) = independently(&network, &partial) {
        assert_eq!((said.code, said.out.contains("4 of 7 delivered, 0 signed for")), (0, true), "{said:?}");
    }
    let size = body_bytes(&partial);
    assert!(size > CONTENT_BYTES as u64);
    assert_eq!(sent(&network, REGION, PREFECTURE), size, "one body for all");
    assert_eq!(received(&network, PREFECTURE, REGION), size);
    THERE.iter().for_each(|county| assert_eq!(sent(&network, PREFECTURE, county), size, "{county}"));
    DOWN.iter().for_each(|county| assert_eq!(sent(&network, PREFECTURE, county), 0, "{county}"));

    let forged = network.beside("forged.json");
    let one_of_them = format!("\\n{} at-node", DOWN[0]);
    for (good, bad) in [
        ("delivered 4 of 7", "delivered 5 of 7"),
        (&one_of_them, &one_of_them.replace("at-node", "delivered")),
    ] {
        forge(&partial, &forged, good, bad);
        let refused = network.audited_certificate(&forged);
        assert_eq!(refused.code, FORGED, "{bad}: {refused:?}");
        let refused = independently(&network, &forged);
        assert!(refused.is_none_or(|said| said.code == 1), "{bad}");
    }

    DOWN.iter().for_each(|county| network.start(county));
    until("everybody has it", || (number(&certificate(&network, &id), "/delivered") == 7).then_some(()));
    for county in [THERE[0], DOWN[0]] {
        let taken = network.take(county, &id);
        network.json(&["inbox", "sign", &office(county), &id]);
        let manifest = std::fs::read_to_string(taken.join("manifest")).unwrap();
        assert!(
            manifest.contains("\nto-group counties of 65\n") && manifest.contains("\ndirectory 1\n"),
            "{manifest}"
        );
        assert!(
            manifest.contains("\ncc gov-office@6523\n") && manifest.contains("\nto gov-office@652327\n"),
            "{manifest}"
        );
    }
    until("two have signed for it", || {
        (number(&certificate(&network, &id), "/signed_for") == 2).then_some(())
    });
    let whole = network.beside("whole.json");
    network.json(&["certificate", &id, "--out", path_text(&whole)]);
    let audit = network.audited_certificate(&whole);
    assert_eq!(audit.code, 0, "{audit:?}");
    if let Some(said) = independently(&network, &whole) {
        assert_eq!((said.code, said.out.contains("7 of 7 delivered, 2 signed for")), (0, true), "{said:?}");
    }
    let told = audit.json();
    assert_eq!((number(&told, "/delivered"), number(&told, "/signed_for")), (7, 2), "{told}");
    assert!(list(&told, "/missing").is_empty());
    for county in THERE.iter().chain(&DOWN) {
        assert_eq!(
            (sent(&network, PREFECTURE, county), received(&network, county, PREFECTURE)),
            (size, size),
            "{county}"
        );
    }
    assert_eq!(sent(&network, REGION, PREFECTURE), size, "still one body for all");

    network.await_rest();
    network.stop_all();
    let audit = network.audited(&network.ledgers());
    assert_eq!(audit.code, 0, "all chains verify: {audit:?}");
}

#[test]
fn a_group_that_means_nobody_or_excepts_in_vain_is_refused_with_what_to_do() {
    let (network, file) = Network::running();
    let refused = |more: &[&str]| {
        let from = office(REGION);
        let words =
            [&["send", "--json", "--from", &from, "--title", "通知"], more, &[path_text(&file)]].concat();
        let said = network.said(&words);
        assert_ne!(said.code, 0, "{said:?}");
        format!("{}{}", said.out, said.err)
    };
    assert!(refused(&["--to-group", "counties of 66"]).contains("no node 66"));
    assert!(refused(&["--to-group", "counties of 652301"]).contains("yizhan group"));
    assert!(
        refused(&["--to-group", "counties of 65", "--except", "652302"]).contains("652302 does not belong")
    );
    let nobody = refused(&["--to-group", "counties of 65", "--except", "652301"]);
    assert!(nobody.contains("excepted"), "{nobody}");
    let offline = network.said(&["group", "children of 65", "--json"]);
    assert_eq!(list(&offline.json(), "/offices").len(), 1);
    let elsewhere = network.said(&["certificate", "65.0.99", "--json"]);
    assert_ne!(elsewhere.code, 0, "{elsewhere:?}");
    network.stop_all();
}
