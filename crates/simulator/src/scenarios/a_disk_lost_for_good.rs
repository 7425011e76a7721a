//! The disk of a node is lost for good, with documents in its custody, in its inboxes and of its own offices. It comes back under its
//! name in a new epoch of its ledger; each origin hears of it and tries again what may have been lost with the old one.

use super::*;
use crate::faults::Fault;
use crate::ledger::signed_by;
use yizhan_document::{LedgerId, WallTime, merkle};
use yizhan_ledger::{Checkpoint, Entry, origin_of};
use yizhan_protocol::{Frame, ProofBundle, ProvenEntry};

/// The name of the network of seven.
const NETWORK: &str = "xinjiang.example";

/// The disk of a node is lost now; some seconds later its operator begins a new epoch.
fn lose_disk(world: &mut World, name: &str) {
    let before = world.faults;
    world.strike(Fault::DiskLost { node: node(name) });
    assert_eq!(world.faults, before + 1, "{name} ran");
}

/// Waits until nobody has been heard of for a while who has anything left to do.
fn rest(world: &mut World) {
    pass(world, 120_000);
}

fn ledger(text: &str) -> LedgerId {
    text.parse().unwrap()
}

/// The ledger that `name` takes a neighbour to keep.
fn known(world: &World, name: &str, of: &str) -> LedgerId {
    world.stations[&node(name)].process.as_ref().unwrap().core.state().ledger_of(node(of))
}

#[test]
fn a_document_in_the_custody_of_the_relay_is_tried_again_and_arrives() {
    let mut world = seven();
    apart(&mut world, "65", "6523");
    pass(&mut world, 1_000);
    hand_in(&mut world, "652301", &["653101"]);
    pass(&mut world, 2_000);
    lose_disk(&mut world, "6523");
    rest(&mut world);
    together(&mut world, "65", "6523");
    let survey = at_the_end(world);
    assert_eq!(consigned_attempt(&survey, "653101"), 1);
    assert_eq!(entries(&survey, "652301", "SubmissionAcceptance"), 1, "the office did nothing");
    let lost = survey.held(ledger("6523.0")).unwrap();
    assert!(lost.entries().iter().any(|entry| entry.event.kind() == "RelayAcceptance"), "it had custody");
    let opened = survey.entries(node("6523")).next().unwrap();
    let Event::EpochOpened { ledger: begun, reason, previous, .. } = &opened.event else {
        panic!("{opened:?}")
    };
    assert_eq!((*begun, reason.as_str()), (ledger("6523.1"), "restored"));
    assert!(previous.iter().any(|head| head.ledger == ledger("6523.0") && head.size > 1), "{previous:?}");
}

#[test]
fn every_node_hears_of_the_new_epoch_even_one_that_was_down() {
    let mut world = seven();
    pass(&mut world, 5_000);
    world.take_down(node("653130"));
    lose_disk(&mut world, "652301");
    rest(&mut world);
    for name in ["65", "6523", "6531", "652324", "653101"] {
        assert_eq!(known(&world, name, "652301"), ledger("652301.1"), "{name}");
    }
    world.bring_up(node("653130"));
    rest(&mut world);
    assert_eq!(known(&world, "653130", "652301"), ledger("652301.1"));
    at_the_end(world);
}

#[test]
fn a_document_in_the_inbox_of_which_its_origin_has_not_heard_is_shown_again() {
    let mut world = seven();
    pass(&mut world, 5_000);
    hand_in(&mut world, "653101", &["652301"]);
    // It reaches the inbox, whose receipt does not come through.
    let relay_holds = |world: &World| {
        let state = world.stations[&node("6523")].process.as_ref().unwrap().core.state();
        !state.holdings().is_empty()
    };
    until_so(&mut world, relay_holds);
    apart(&mut world, "65", "6523");
    until_so(&mut world, |world| !relay_holds(world));
    lose_disk(&mut world, "652301");
    rest(&mut world);
    together(&mut world, "65", "6523");
    let survey = at_the_end(world);
    assert_eq!(consigned_attempt(&survey, "652301"), 1);
    let lost = survey.held(ledger("652301.0")).unwrap();
    assert!(
        lost.entries().iter().any(|entry| entry.event.kind() == "ContentConsignment"),
        "it was there before"
    );
}

#[test]
fn an_origin_that_comes_back_gives_new_ids_and_takes_the_receipts_of_old_ones() {
    let mut world = seven();
    apart(&mut world, "65", "6531");
    pass(&mut world, 1_000);
    hand_in(&mut world, "652301", &["653101"]);
    pass(&mut world, 2_000);
    lose_disk(&mut world, "652301");
    rest(&mut world);
    hand_in(&mut world, "652301", &["653101"]);
    pass(&mut world, 2_000);
    together(&mut world, "65", "6531");
    let survey = at_the_end(world);
    let ids = survey.entries(node("653101")).filter_map(|entry| match &entry.event {
        Event::ContentConsignment { id, .. } => Some(id.to_string()),
        _ => None,
    });
    let mut ids: Vec<String> = ids.collect();
    ids.sort();
    assert_eq!(ids, ["652301.0.0", "652301.1.0"], "what had left it went on");
    let held = &survey.nodes[&node("652301")].receipts;
    let old = held.iter().any(|bundle| bundle.ledger == ledger("653101.0") && !bundle.entries.is_empty());
    assert!(old, "its receipt is kept, and owed no more");
}

#[test]
fn a_disk_may_be_lost_again_and_numbers_of_offers_are_never_given_twice() {
    let mut world = seven();
    for _ in 0..3 {
        hand_in(&mut world, "652301", &["653101"]);
        pass(&mut world, 5_000);
        lose_disk(&mut world, "6523");
        rest(&mut world);
    }
    hand_in(&mut world, "652301", &["653101"]);
    assert_eq!(known(&world, "652301", "6523"), ledger("6523.3"));
    let survey = at_the_end(world);
    assert_eq!(entries(&survey, "653101", "ContentConsignment"), 4);
}

#[test]
fn nobody_can_begin_an_epoch_for_another() {
    let (liar, victim) = (node("6523"), ledger("652301.1"));
    let mut world = seven();
    // In the place of cosignatures the relay tells that the county began anew, in a ledger of one entry that it signed itself.
    world.tamper(Box::new(move |from, _, frame| {
        if from == liar && matches!(frame, Frame::Cosign(_)) {
            let (network, reason) = (NETWORK.to_owned(), "restored".to_owned());
            let event = Event::EpochOpened { network, ledger: victim, reason, previous: Vec::new() };
            let entry = Entry { time: WallTime::EPOCH, event }.to_bytes().unwrap();
            let root = merkle::root(&[merkle::leaf_hash(&entry)]);
            let text = Checkpoint { origin: origin_of(NETWORK, victim), size: 1, root }.to_text();
            let entries = vec![ProvenEntry { index: 0, entry, path: Vec::new(), attachment: Vec::new() }];
            let checkpoint = signed_by(liar, &text);
            *frame = Frame::EpochOpened(Box::new(ProofBundle { ledger: victim, checkpoint, entries }));
        }
        true
    }));
    hand_in(&mut world, "652301", &["653101"]);
    pass(&mut world, 20_000);
    for name in ["65", "6523", "652301", "652324"] {
        assert_eq!(known(&world, name, "652301"), ledger("652301.0"), "{name}");
    }
    let survey = at_the_end(world);
    assert_eq!(consigned_attempt(&survey, "653101"), 0, "and nothing was tried again");
}

#[test]
fn a_node_of_an_epoch_that_is_over_is_believed_by_nobody() {
    let mut world = seven();
    hand_in(&mut world, "652301", &["653101"]);
    pass(&mut world, 5_000);
    lose_disk(&mut world, "6523");
    rest(&mut world);
    // Somebody finds the old disk and puts it back.
    let relay = node("6523");
    world.take_down(relay);
    let station = world.stations.get_mut(&relay).unwrap();
    let (old, disk) = station.lost.pop().unwrap();
    station.lost.push((station.ledger, std::mem::replace(&mut station.folder, disk)));
    station.ledger = old;
    station.previous.clear();
    world.out.distrusted.insert(relay);
    world.bring_up(relay);
    rest(&mut world);
    assert!(world.out.set_back.contains(&relay), "it is told, and stops");
    assert_eq!(world.out.failures, []);
    for name in ["65", "652301", "652324"] {
        assert_eq!(known(&world, name, "6523"), ledger("6523.1"));
    }
}
