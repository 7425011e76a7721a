//! Urgency through real processes: what is handed in last goes first, inside the large bodies of those before it too, and these
//! arrive all the same. The order is read from the evidence: the entries in the ledger of the destination.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "this is test code in a file of its own"
)]

mod harness;

use harness::waiting::until;
use harness::{Network, text};

const ORIGIN: &str = "652301";
const RELAY: &str = "6523";
const DESTINATION: &str = "65";
/// Far more than what rides with an offer.
const CONTENT_BYTES: u64 = 8_000_000;
const ORDINARY: usize = 14;
/// Ordinary bodies that may be under way to one neighbour when a more urgent one comes.
const UNDER_WAY: usize = 4;

#[test]
fn an_urgent_document_handed_in_last_overtakes_the_backlog_before_it_and_all_of_it_arrives() {
    let network = Network::of_three();
    let file = network.beside("附件.bin");
    harness::random::Random::new(11).file(&file, CONTENT_BYTES);
    network.start(ORIGIN);
    network.start(DESTINATION);
    network.await_ready(ORIGIN);
    let send = |urgency: &str| {
        let more = ["--title", "关于启动应急响应的通知", "--urgency", urgency];
        text(&network.send_with(ORIGIN, &[DESTINATION], &more, &[&file]).json(), "/id")
    };
    let ordinary: Vec<String> = (0..ORDINARY).map(|_| send("normal")).collect();
    let urgent = [send("urgent"), send("urgent")];
    let flash = send("flash");

    network.start(RELAY);
    let all = ORDINARY + urgent.len() + 1;
    until("all have arrived", || (network.inbox(DESTINATION).len() == all).then_some(()));
    // The inbox is in the order of the entries `ContentConsignment`.
    let order = network.inbox_ids(DESTINATION);
    let place = |id: &String| order.iter().position(|other| other == id).unwrap();
    assert!(place(&flash) <= UNDER_WAY, "{order:?}, the last one handed in is {flash}");
    // Each of the two hops may let what is under way, and one at its turn, go before.
    let behind = |id: &String| ordinary.iter().filter(|other| place(other) > place(id)).count();
    assert!(
        urgent.iter().all(|id| behind(id) >= ORDINARY - 2 * UNDER_WAY - 1),
        "{order:?}, urgent {urgent:?}"
    );
    assert!(ordinary.iter().all(|id| order.contains(id)));
    network.await_rest();
    network.stop_all();
}
