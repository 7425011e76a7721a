//! Scenarios of recall, played by hand: who recalls when, and what every desk shows afterwards.

use crate::book::Document;
use crate::happening::Happening;
use crate::network::network_of_seven;
use crate::plan::Plan;
use crate::station::{Process, Question};
use crate::world::World;
use std::cell::Cell;
use std::rc::Rc;
use yizhan_document::{Act, EnvelopeId, NodeId, OfficeName};
use yizhan_exchange::RecallOutcome;
use yizhan_protocol::Frame;

const TRACE: usize = 200;

fn node(code: &str) -> NodeId {
    code.parse().unwrap()
}

/// A calm world in which one document was handed in at `from` for `to`.
fn world(seed: u64, from: &str, to: &[&str]) -> (World, OfficeName) {
    let mut world = World::new(seed, &Plan::by_hand(), network_of_seven(), TRACE);
    let directory = world.out.directory.clone();
    let office = directory.division(node(from)).unwrap().offices[0].office.clone();
    let to: Vec<NodeId> = to.iter().map(|code| node(code)).collect();
    world.until(1_000);
    let document = world.out.book.add(Document::plain(0, node(from), &to, &office));
    world.out.agenda.at(1_001, Happening::HandIn { document });
    (world, office)
}

fn recall(world: &mut World) {
    let at = world.out.now + 1;
    world.out.agenda.at(at, Happening::Recall { document: 0 });
}

fn id(world: &World) -> EnvelopeId {
    world.out.book.told[&0]
}

fn process<'a>(world: &'a World, code: &str) -> &'a Process {
    world.stations[&node(code)].process.as_ref().unwrap()
}

fn ask(world: &mut World, code: &str, question: Question) {
    let process = world.stations.get_mut(&node(code)).unwrap().process.as_mut().unwrap();
    process.ask(&mut world.out, question);
    let later = world.out.now + 1_000;
    world.until(later);
}

fn decision(world: &World, code: &str) -> Option<RecallOutcome> {
    process(world, code).core.state().recalls().decision(id(world)).map(|(outcome, _)| outcome)
}

fn ends_well(world: World) {
    let outcome = world.run();
    assert!(outcome.failures.is_empty(), "{outcome}");
}

#[test]
fn a_recall_that_overtakes_its_document_stays_as_a_tombstone() {
    for seed in 0..20 {
        let (mut world, office) = world(seed, "652301", &["653101", "652324"]);
        let held_back = Rc::new(Cell::new(true));
        let hold_back = Rc::clone(&held_back);
        world.tamper(Box::new(move |_, to, frame| {
            !(hold_back.get() && to == node("653101") && matches!(frame, Frame::Offer(_)))
        }));
        world.until(10_000);
        assert_eq!(process(&world, "652324").inbox(&office), [id(&world)]);
        recall(&mut world);
        world.until(20_000);
        assert_eq!(decision(&world, "653101"), Some(RecallOutcome::Tombstone));
        assert_eq!(decision(&world, "652324"), Some(RecallOutcome::Recalled));
        held_back.set(false);
        world.until(60_000);
        let destination = process(&world, "653101");
        assert!(destination.ledger.past(id(&world)).len() == 1, "the document itself never came");
        assert_eq!(destination.inbox(&office), []);
        assert_eq!(process(&world, "652324").inbox(&office), []);
        ends_well(world);
    }
}

#[test]
fn a_document_that_was_signed_for_is_not_recalled_and_stays() {
    for seed in 0..10 {
        let (mut world, office) = world(seed, "652301", &["653101"]);
        world.until(10_000);
        let id = id(&world);
        ask(&mut world, "653101", Question::Take { office: office.clone(), id });
        ask(&mut world, "653101", Question::Act { office: office.clone(), id, act: Act::SignedFor });
        recall(&mut world);
        world.until(30_000);
        assert_eq!(decision(&world, "653101"), Some(RecallOutcome::Denied));
        assert_eq!(process(&world, "653101").inbox(&office), [id]);
        ends_well(world);
    }
}

#[test]
fn what_was_taken_over_and_not_signed_for_is_recalled_and_cannot_be_signed_for_any_more() {
    for seed in 0..10 {
        let (mut world, office) = world(seed, "652301", &["652301", "653101"]);
        world.until(10_000);
        let id = id(&world);
        for code in ["652301", "653101"] {
            ask(&mut world, code, Question::Take { office: office.clone(), id });
        }
        recall(&mut world);
        world.until(30_000);
        for code in ["652301", "653101"] {
            assert_eq!(decision(&world, code), Some(RecallOutcome::Recalled), "{code}");
            ask(&mut world, code, Question::Act { office: office.clone(), id, act: Act::SignedFor });
            assert_eq!(process(&world, code).inbox(&office), []);
        }
        // Whoever signed all the same would be found by `recalled_stay_unseen`.
        ends_well(world);
    }
}

#[test]
fn what_never_left_its_origin_is_taken_back_there() {
    for seed in 0..10 {
        let mut world = World::new(seed, &Plan::by_hand(), network_of_seven(), TRACE);
        let (origin, parent) = (node("652301"), node("6523"));
        let office = world.out.directory.division(origin).unwrap().offices[0].office.clone();
        world.until(1_000);
        let now = world.out.now;
        world.out.wire.block(now, &mut world.out.agenda, origin, parent);
        // Long enough for the origin to know that its neighbour is gone.
        world.until(20_000);
        let document =
            world.out.book.add(Document::plain(0, origin, &[node("653101"), node("6523")], &office));
        world.out.agenda.at(20_001, Happening::HandIn { document });
        world.until(25_000);
        recall(&mut world);
        world.until(30_000);
        let state = process(&world, "652301").core.state();
        assert_eq!((state.outgoing(), state.holdings().len(), state.recalls().unanswered()), (0, 0, 0));
        let now = world.out.now;
        world.out.wire.unblock(now, &mut world.out.agenda, origin, parent);
        world.until(60_000);
        assert_eq!(process(&world, "6523").inbox(&office), []);
        ends_well(world);
    }
}

#[test]
fn what_a_node_knows_of_recalls_is_made_anew_from_the_facts_it_yields() {
    let (mut world, office) = world(3, "652301", &["653101", "652324"]);
    world.until(10_000);
    recall(&mut world);
    world.until(10_050);
    for code in ["652301", "652324", "653101"] {
        let core = &process(&world, code).core;
        let profile = yizhan_exchange::Profile {
            network: String::new(),
            ledger: core.state().ledger(),
            max_classification: yizhan_document::Classification::Unclassified,
            previous: Vec::new(),
        };
        let mut anew = yizhan_exchange::Node::new(profile, world.out.directory.clone());
        for fact in core.state().recalls().facts() {
            anew.recall(&yizhan_exchange::Fact::Recall(fact));
        }
        let (before, after) = (core.state().recalls(), anew.state().recalls());
        assert_eq!(before.facts().collect::<Vec<_>>(), after.facts().collect::<Vec<_>>());
        assert_eq!(before.unanswered(), after.unanswered());
    }
    assert!(process(&world, "652301").core.state().recalls().is_requested(id(&world)), "{office}");
    ends_well(world);
}
