//! What a node stores can be opened without this project: `age` and `tar` get the document out, `openssl` checks who signed it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "this is test code in a file of its own"
)]

mod harness;

use harness::programs::is_there;
use harness::random::Random;
use harness::waiting::until;
use harness::{Network, Said, number, path_text, said};
use std::path::{Path, PathBuf};
use std::process::Command;

const COUNTY: &str = "652301";
const REGION: &str = "65";
const TITLE: &str = "关于印发巡护路线图的通知";
/// How every age file begins, and its last line before the payload: three hyphens, a space, 43 characters.
const AGE_BEGINS: &[u8] = b"age-encryption.org/v1\n-> ";
const AGE_ENDS: &[u8] = b"\n--- ";
const MAC_CHARACTERS: usize = 43;

/// A network at rest that delivered one document with two files, and these files.
fn delivered() -> (Network, Vec<PathBuf>) {
    let network = Network::of_three();
    network.start_all();
    let notice = network.beside("通知.txt");
    std::fs::write(&notice, "各县市人民政府：\n").unwrap();
    let map = network.beside("地图.bin");
    Random::new(7).file(&map, 700_000);
    let id = network.send(COUNTY, &[REGION], TITLE, &[&notice, &map]);
    network.await_inbox(REGION, &id);
    network.take(REGION, &id);
    network.json(&["inbox", "sign", &harness::documents::office(REGION), &id, "--person", "值班员"]);
    network.await_stage(&id, REGION, "signed-for");
    network.json(&["receipts", "export", &id, "--out", path_text(&network.beside("receipts"))]);
    network.stop_all();
    (network, vec![notice, map])
}

/// Every age header that stands in the journal of a node, byte for byte; slips are such headers.
fn age_headers(network: &Network, node: &str) -> Vec<Vec<u8>> {
    let mut headers = Vec::new();
    for segment in std::fs::read_dir(network.data(node).join("journal")).unwrap() {
        let bytes = std::fs::read(segment.unwrap().path()).unwrap();
        let mut from = 0;
        while let Some(at) = find(&bytes[from..], AGE_BEGINS) {
            let header = &bytes[from + at..];
            let end = find(header, AGE_ENDS).unwrap() + AGE_ENDS.len() + MAC_CHARACTERS + 1;
            headers.push(header[..end].to_owned());
            from += at + AGE_BEGINS.len();
        }
    }
    headers
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// The large body that a node stores.
fn body(network: &Network, node: &str) -> Vec<u8> {
    let mut bodies = std::fs::read_dir(network.data(node).join("bodies")).unwrap();
    let body = std::fs::read(bodies.next().unwrap().unwrap().path()).unwrap();
    assert!(bodies.next().is_none());
    body
}

/// `cat slip body | age -d -i key`, for each header that might be the slip; the archive, if one of them is.
fn opened(network: &Network, holder: &str, opener: &str) -> Option<PathBuf> {
    let key = network.node(opener).join("keys/opening.txt");
    let (closed, plain) = (network.beside("closed.age"), network.beside("plain.tar"));
    let body = body(network, holder);
    let headers = age_headers(network, holder);
    assert!(!headers.is_empty(), "{holder} holds no slip");
    headers.iter().find_map(|header| {
        std::fs::write(&closed, [header.as_slice(), &body].concat()).unwrap();
        let mut age = Command::new("age");
        age.args(["-d", "-i"]).arg(&key).arg("-o").arg(&plain).arg(&closed);
        (said(&mut age).code == 0).then(|| plain.clone())
    })
}

/// `openssl cms -verify` of a detached signature, with nothing to trust but the certificate of the network.
fn verified(network: &Network, content: &Path, signature: &Path) -> Said {
    let mut openssl = Command::new("openssl");
    openssl.args(["cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any", "-in"]).arg(signature);
    openssl.arg("-content").arg(content).arg("-CAfile").arg(network.folder().join("authority/ca.pem"));
    openssl.args(["-out", path_text(&network.beside("verified"))]);
    said(&mut openssl)
}

/// A copy in which one byte is another.
fn with_one_byte_changed(file: &Path, at: usize) -> PathBuf {
    let changed = file.with_extension("changed");
    let mut bytes = std::fs::read(file).unwrap();
    bytes[at] ^= 1;
    std::fs::write(&changed, bytes).unwrap();
    changed
}

#[test]
fn age_and_tar_get_the_document_out_of_what_the_recipient_stores_and_openssl_checks_its_signature() {
    if !(is_there("age", "--version") && is_there("tar", "--version") && is_there("openssl", "version")) {
        return;
    }
    let (network, files) = delivered();
    let archive = opened(&network, REGION, REGION).expect("one of the headers is the slip");
    let out = network.beside("unpacked");
    std::fs::create_dir(&out).unwrap();
    let unpacked = said(Command::new("tar").arg("-xvf").arg(&archive).arg("-C").arg(&out));
    assert_eq!((unpacked.code, unpacked.out.as_str()), (0, "1\n2\nmanifest\nmanifest.p7s\n"), "{unpacked:?}");
    for (number, file) in (1..).zip(&files) {
        let same = std::fs::read(out.join(number.to_string())).unwrap() == std::fs::read(file).unwrap();
        assert!(same, "file {number} has other bytes");
    }
    let manifest = out.join("manifest");
    let text = std::fs::read_to_string(&manifest).unwrap();
    for word in [TITLE, "通知.txt", "地图.bin", "gov-office@652301", "gov-office@65", "652301.0.0"] {
        assert!(text.contains(word), "the manifest does not say {word}:\n{text}");
    }
    let signature = out.join("manifest.p7s");
    let good = verified(&network, &manifest, &signature);
    assert_eq!(good.code, 0, "{good:?}");
    assert_eq!(std::fs::read(network.beside("verified")).unwrap(), text.as_bytes());
    for at in [0, text.len() / 2, text.len() - 1] {
        let bad = verified(&network, &with_one_byte_changed(&manifest, at), &signature);
        assert!(bad.code != 0 && bad.err.contains("erification failure"), "byte {at}: {bad:?}");
    }
}

#[test]
fn openssl_checks_what_the_recipient_signed_for() {
    if !is_there("openssl", "version") {
        return;
    }
    let (network, _) = delivered();
    let receipts = std::fs::read_dir(network.beside("receipts")).unwrap().map(|entry| entry.unwrap().path());
    let statements: Vec<PathBuf> =
        receipts.filter(|path| path.extension().is_some_and(|extension| extension == "statement")).collect();
    assert_eq!(statements.len(), 1, "one office acted: {statements:?}");
    let text = std::fs::read_to_string(&statements[0]).unwrap();
    assert!(text.contains("act signed-for\n") && text.contains("person 值班员\n"), "{text}");
    let signature = statements[0].with_extension("p7s");
    let good = verified(&network, &statements[0], &signature);
    assert_eq!(good.code, 0, "{good:?}");
    let bad = verified(&network, &with_one_byte_changed(&statements[0], text.len() / 2), &signature);
    assert!(bad.code != 0, "{bad:?}");
}

#[test]
fn age_opens_nothing_with_the_keys_of_a_relay_or_of_another_node() {
    if !is_there("age", "--version") {
        return;
    }
    let network = Network::of_three();
    network.start_all();
    network.stop(REGION);
    let map = network.beside("地图.bin");
    Random::new(7).file(&map, 700_000);
    let id = network.send(COUNTY, &[REGION], TITLE, &[&map]);
    until("the relay has custody", || (number(&network.status("6523")?, "/held") == 1).then_some(()));
    network.stop_all();
    // As it was while the recipient was away: later only the recipient has it.
    let under_way = network.copy();
    network.start_all();
    network.await_inbox(REGION, &id);
    network.stop_all();
    // The relay stores the same body and the same slip, and has a key; so has the sender.
    assert!(body(&under_way, "6523") == body(&network, REGION));
    let holders = [(&under_way, "6523", "6523"), (&network, REGION, "6523"), (&under_way, COUNTY, COUNTY)];
    for (network, holder, opener) in holders {
        assert_eq!(opened(network, holder, opener), None, "{opener} opens what {holder} stores");
    }
    assert!(
        opened(&under_way, "6523", REGION).is_some(),
        "the slip at the relay is whole: only the key is missing"
    );
}
