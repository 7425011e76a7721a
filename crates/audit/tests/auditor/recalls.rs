//! Recalls in ledgers: what became of the documents, and who broke what it had entered.

use crate::world::{World, faults, header, is_forged, node, only_chain, unit};
use yizhan_audit::{Fault, Severity, Verdict};
use yizhan_document::{Digest, EnvelopeId};
use yizhan_ledger::{EntryRef, Event, RecallAnswer, RecallRequest};

fn request(world: &mut World, id: EnvelopeId, seconds: u64, rests_on: EntryRef) -> EntryRef {
    let event = RecallRequest { id, envelope: header(id), reason: Digest::of(b"reason"), rests_on };
    world.enter(id.origin.as_str(), seconds, Event::RecallRequested(event))
}

fn answer(id: EnvelopeId, to: &str, rests_on: EntryRef) -> RecallAnswer {
    RecallAnswer { id, envelope: header(id), to: vec![node(to)], rests_on }
}

/// From 652301 to 6523, consigned; not signed for.
fn delivered(world: &mut World) -> (EnvelopeId, EntryRef, EntryRef) {
    let (id, submitted) = world.submit("652301", 10, 0, &["6523"]);
    let taken = world.pass(id, ("652301", "6523"), 20, 0, submitted, &[unit("6523", 0)]);
    let consigned = world.consign(id, "6523", 20, 0, taken);
    (id, submitted, consigned)
}

#[test]
fn a_document_that_left_the_inboxes_is_recalled_and_its_way_is_still_shown() {
    let mut world = World::new();
    let (id, submitted, _) = delivered(&mut world);
    let requested = request(&mut world, id, 30, submitted);
    world.enter("6523", 40, Event::Recalled(answer(id, "6523", requested)));
    let report = world.audit();
    assert!(report.ok(), "{report:#?}");
    let chain = only_chain(&report);
    assert!(matches!(chain.verdict, Verdict::Recalled { by, .. } if by == node("6523")), "{chain:#?}");
    assert_eq!(chain.verdict.severity(), Severity::Notice);
    let kinds: Vec<_> = chain.hops.iter().map(|hop| hop.kind).collect();
    assert_eq!(kinds, ["SubmissionAcceptance", "RelayAcceptance", "ContentConsignment", "Recalled"]);
}

#[test]
fn a_tombstone_and_what_never_left_are_recalled_too() {
    let mut world = World::new();
    let (id, submitted) = world.submit("652301", 10, 0, &["65", "6523"]);
    let requested = request(&mut world, id, 20, submitted);
    world.enter("652301", 20, Event::Recalled(answer(id, "65", requested)));
    world.enter("6523", 30, Event::Recalled(answer(id, "6523", requested)));
    world.pass(id, ("652301", "6523"), 40, 0, submitted, &[unit("6523", 0)]);
    let report = world.audit();
    assert!(report.ok(), "{report:#?}");
    let by: Vec<_> = report.documents[0].destinations.iter().map(|chain| &chain.verdict).collect();
    assert!(matches!(by[0], Verdict::Recalled { by, .. } if *by == node("652301")), "{by:#?}");
    assert!(matches!(by[1], Verdict::Recalled { by, .. } if *by == node("6523")), "{by:#?}");
}

#[test]
fn a_denied_recall_leaves_the_verdict_of_delivery() {
    let mut world = World::new();
    let (id, submitted, consigned) = delivered(&mut world);
    world.sign_for(id, "6523", 25, consigned);
    let requested = request(&mut world, id, 30, submitted);
    world.enter("6523", 40, Event::RecallDenied(answer(id, "6523", requested)));
    let report = world.audit();
    assert!(report.ok(), "{report:#?}");
    assert_eq!(only_chain(&report).verdict, Verdict::Complete);
}

#[test]
fn whoever_enters_a_signature_after_the_recall_or_denies_it_without_one_is_named() {
    let mut world = World::new();
    let (id, submitted, consigned) = delivered(&mut world);
    let requested = request(&mut world, id, 30, submitted);
    world.enter("6523", 40, Event::Recalled(answer(id, "6523", requested)));
    world.sign_for(id, "6523", 50, consigned);
    assert_eq!(faults(&world.audit()), [Fault::RecallBroken]);

    let mut world = World::new();
    let (id, submitted, _) = delivered(&mut world);
    let requested = request(&mut world, id, 30, submitted);
    world.enter("6523", 40, Event::RecallDenied(answer(id, "6523", requested)));
    assert_eq!(faults(&world.audit()), [Fault::RecallBroken]);
}

#[test]
fn a_document_that_is_shown_after_its_tombstone_is_forged() {
    let mut world = World::new();
    let (id, submitted) = world.submit("652301", 10, 0, &["6523"]);
    let requested = request(&mut world, id, 20, submitted);
    world.enter("6523", 30, Event::Recalled(answer(id, "6523", requested)));
    let taken = world.pass(id, ("652301", "6523"), 40, 0, submitted, &[unit("6523", 0)]);
    world.consign(id, "6523", 40, 0, taken);
    let report = world.audit();
    assert_eq!(faults(&report), [Fault::RecallBroken]);
    assert!(is_forged(only_chain(&report)), "{report:#?}");
}

#[test]
fn nobody_recalls_for_another_destination_or_without_the_origin() {
    let mut world = World::new();
    let (id, submitted, _) = delivered(&mut world);
    let requested = request(&mut world, id, 30, submitted);
    world.enter("65", 40, Event::Recalled(answer(id, "6523", requested)));
    let report = world.audit();
    assert_eq!(faults(&report), [Fault::BrokenReference]);
    assert_eq!(only_chain(&report).verdict, Verdict::Complete);

    let mut world = World::new();
    let (id, submitted, _) = delivered(&mut world);
    world.enter("6523", 40, Event::Recalled(answer(id, "6523", submitted)));
    assert_eq!(faults(&world.audit()), [Fault::BrokenReference]);
}

#[test]
fn an_origin_cannot_take_back_what_another_node_has() {
    let mut world = World::new();
    let (id, submitted, _) = delivered(&mut world);
    let requested = request(&mut world, id, 30, submitted);
    world.enter("652301", 40, Event::Recalled(answer(id, "6523", requested)));
    assert_eq!(only_chain(&world.audit()).verdict, Verdict::Complete);
}
