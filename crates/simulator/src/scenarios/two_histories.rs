//! A neighbour shows two histories of its ledger, as often as it likes. The second is refused and named as what it is, nothing
//! that comes with it is believed, and it costs the neighbour that is lied to one question a second at the most: a node that
//! asked again for each such frame could be kept busy for ever.

use super::*;
use crate::happening::Happening;
use crate::ledger::signed_by;
use crate::wire::Message;
use std::cell::Cell;
use std::rc::Rc;
use yizhan_document::{Digest, LedgerId};
use yizhan_ledger::{Checkpoint, origin_of};
use yizhan_protocol::{Custody, Frame, ProofBundle};

const LIES: u64 = 500;

/// A world in which 6523 shows 65, within half a second, many heads of another history, each `larger` than what is known.
fn shown(larger: u64) -> (World, u64) {
    let mut world = seven();
    world.out.distrusted.insert(node("6523"));
    hand_in(&mut world, "652301", &["65"]);
    pass(&mut world, 20_000);
    let asked = Rc::new(Cell::new(0));
    let count = Rc::clone(&asked);
    world.tamper(Box::new(move |from, _, frame| {
        if from == node("65") && matches!(frame, Frame::Cosign(cosign) if cosign.again) {
            count.set(count.get() + 1);
        }
        true
    }));
    let process = world.stations[&node("65")].process.as_ref().unwrap();
    let (connection, size) = (process.connected[&node("6523")], process.witnessed(node("6523")));
    assert!(size > 0);
    let ledger = LedgerId { node: node("6523"), epoch: 0 };
    let origin = origin_of(&world.out.directory.network, ledger);
    for number in 0..LIES {
        let root = Digest::of(&number.to_be_bytes());
        let text = Checkpoint { origin: origin.clone(), size: size + larger, root }.to_text();
        let proof = ProofBundle { ledger, checkpoint: signed_by(node("6523"), &text), entries: Vec::new() };
        let custody =
            Custody { proof, acknowledged: Vec::new(), consistent_from: size, consistency: Vec::new() };
        let message = Message::Frame(Frame::Custody(Box::new(custody)));
        let (from, to) = (node("6523"), node("65"));
        world.out.agenda.at(world.out.now + number, Happening::Arrival { from, to, connection, message });
    }
    pass(&mut world, 3_000);
    (world, asked.get())
}

#[test]
fn the_second_history_is_refused_and_named_and_costs_one_question_a_second() {
    for larger in [0, 1] {
        let (world, asked) = shown(larger);
        assert!(asked <= 4, "{LIES} lies were answered with {asked} questions");
        let trace = world.out.trace.into_lines().join("\n");
        let named = if larger == 0 { "has forked: at" } else { "nothing shows that 6523.0 with" };
        assert!(trace.contains(named), "{trace}");
    }
}

#[test]
fn who_shows_one_history_again_is_believed_again() {
    let (mut world, _) = shown(1);
    world.out.distrusted.clear();
    hand_in(&mut world, "652301", &["65"]);
    let survey = at_the_end(world);
    assert_eq!(entries(&survey, "65", "ContentConsignment"), 2);
}
