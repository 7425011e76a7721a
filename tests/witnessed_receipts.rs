//! Receipts that went home before anybody had cosigned them are renewed: in the end each one at the origin is witnessed.
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
use harness::{Network, flag, list, path_text, text};

const FROM: &str = "652301";
const TO: &str = "653101";

#[test]
fn every_receipt_of_four_hops_is_witnessed_in_the_end_and_exported_so() {
    let network = Network::of_seven();
    let file = network.beside("a.txt");
    std::fs::write(&file, "值班电话").unwrap();
    network.start_all();
    let id = network.send(FROM, &[TO], "关于交换值班电话的函", &[&file]);
    network.await_stage(&id, TO, "delivered");
    network.take(TO, &id);
    let receipt = network.json(&["inbox", "sign", &office(TO), &id]);
    assert_eq!(text(&receipt, "/receipt/kind"), "SignedFor");
    network.await_stage(&id, TO, "signed-for");
    until("every receipt is witnessed", || {
        let track = network.json(&["track", &id]);
        let receipts = list(&track, "/receipts");
        let nodes: Vec<String> = receipts.iter().map(|receipt| text(receipt, "/node")).collect();
        assert!(nodes.iter().any(|node| node == TO) && nodes.iter().any(|node| node == "65"), "{nodes:?}");
        receipts.iter().all(|receipt| flag(receipt, "/witnessed")).then_some(())
    });
    // What the office stated came along with the renewed receipt as well.
    let folder = network.beside("receipts");
    let exported = network.json(&["receipts", "export", &id, "--out", path_text(&folder)]);
    assert!(list(&exported, "").iter().all(|receipt| flag(receipt, "/witnessed")), "{exported}");
    let statements = std::fs::read_dir(&folder)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".statement"));
    assert_eq!(statements.count(), 1, "{exported}");
    network.stop_all();
}
