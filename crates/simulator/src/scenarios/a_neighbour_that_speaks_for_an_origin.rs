//! A neighbour says in the name of an origin that its receipts have come home, so that their maker would stop sending them.
//! Such a word is believed only from the side on which the origin lies; a node that believed it from anywhere would let any
//! neighbour suppress the receipts of documents that it has nothing to do with.

use super::*;
use crate::wire::Message;
use yizhan_document::LedgerId;
use yizhan_protocol::{Frame, Kept};

/// `liar` tells `to` that `origin` keeps the first receipts of 653101.
fn forge(world: &mut World, liar: &str, to: &str, origin: &str) {
    let maker = node("653101");
    let ledger = LedgerId { node: maker, epoch: 0 };
    let kept = Kept { maker, origin: node(origin), hops_left: 10, ledger, indexes: (0..20).collect() };
    let (from, to) = (node(liar), node(to));
    let connection = world.stations[&to].process.as_ref().unwrap().connected[&from];
    let message = Message::Frame(Frame::Kept(kept));
    world.out.agenda.at(world.out.now, Happening::Arrival { from, to, connection, message });
}

#[test]
fn receipts_come_home_although_a_bystander_says_that_they_have() {
    for after in (100..2_500).step_by(50) {
        let mut world = seven();
        hand_in(&mut world, "652301", &["653101"]);
        pass(&mut world, after);
        apart(&mut world, "65", "6523");
        pass(&mut world, 2_000);
        forge(&mut world, "653130", "6531", "652301");
        pass(&mut world, 1_000);
        together(&mut world, "65", "6523");
        let survey = at_the_end(world);
        assert_eq!(entries(&survey, "653101", "ContentConsignment"), 1);
    }
}

#[test]
fn nobody_passes_on_a_word_in_its_own_name_that_it_has_not_said() {
    let mut world = seven();
    forge(&mut world, "653130", "6531", "6531");
    at_the_end(world);
}
