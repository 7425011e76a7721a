//! A node that lost its disk and began a new ledger: what it lost is named, forges nothing, and what was tried again verifies.

use crate::world::{World, at, faults, node, only_chain, unit};
use std::path::PathBuf;
use yizhan_audit::{Fault, Report, Severity, Verdict, verify_network};
use yizhan_document::{EnvelopeId, LedgerId};
use yizhan_ledger::{Event, Head};

/// The first number of an offer in the second epoch.
const SECOND: u64 = 1 << 44;

/// 6523 took a document over and lost its disk with it, 652301 tried again, and it arrived by the new ledger. Gives the document and a
/// copy of the old ledger as it was then.
fn tried_again(world: &mut World, more: u64) -> (EnvelopeId, PathBuf) {
    let (id, submitted) = world.submit("652301", 10, 0, &["6531"]);
    world.pass(id, ("652301", "6523"), 20, 0, submitted, &[unit("6531", 0)]);
    let old = world.publish_into("6523", world.folder.path().join("old"));
    // So many entries of the old ledger were seen by others and are in no copy.
    for n in 0..more {
        let (other, submitted) = world.submit("652301", 22, 1 + n, &["6523"]);
        world.pass(other, ("652301", "6523"), 23, 1 + n, submitted, &[unit("6523", 0)]);
    }
    let previous = vec![world.head("6523")];
    world.begin_epoch("6523", 100, previous);
    let units = [unit("6531", 1)];
    let first = world.pass(id, ("652301", "6523"), 120, 1 + more, submitted, &units);
    let second = world.pass(id, ("6523", "65"), 130, SECOND, first, &units);
    let third = world.pass(id, ("65", "6531"), 140, 0, second, &units);
    world.consign(id, "6531", 140, 1, third);
    (id, old)
}

fn with(world: &World, more: &[PathBuf]) -> Report {
    let folders = [world.publish(), more.to_vec()].concat();
    verify_network(&world.directory, &folders, None)
}

#[test]
fn a_document_tried_again_over_the_new_ledger_verifies_and_the_lost_one_is_named() {
    let mut world = World::new();
    tried_again(&mut world, 0);
    let report = with(&world, &[]);
    let chain = only_chain(&report);
    assert!(chain.proven && matches!(chain.verdict, Verdict::Complete), "{report:#?}");
    assert_eq!((faults(&report), report.severity()), (vec![Fault::EpochLost], Severity::Incomplete));
}

#[test]
fn an_old_copy_that_has_all_that_is_named_leaves_nothing_to_be_desired() {
    let mut world = World::new();
    let (_, old) = tried_again(&mut world, 0);
    let report = with(&world, &[old]);
    assert!(only_chain(&report).proven && report.ok(), "{report:#?}");
}

#[test]
fn an_old_copy_that_ends_below_a_head_that_was_named_has_lost_entries_and_forged_nothing() {
    let mut world = World::new();
    let (id, old) = tried_again(&mut world, 1);
    let report = with(&world, &[old]);
    let lost: Vec<_> = report.problems.iter().filter(|problem| problem.fault == Fault::EpochLost).collect();
    assert!(lost.iter().any(|problem| problem.text.contains("lost the end")), "{report:#?}");
    // The offer that the lost entry accepted has no answer in what is left.
    let found = vec![Fault::EpochLost, Fault::LinkGap];
    assert_eq!((faults(&report), report.severity()), (found, Severity::Incomplete));
    let chain = report.documents.iter().find(|document| document.id == id).unwrap();
    assert!(chain.destinations[0].proven, "{chain:#?}");
}

#[test]
fn a_head_in_the_new_ledger_that_the_old_one_never_had_is_a_fork() {
    let mut world = World::new();
    let old = world.publish_into("6523", world.folder.path().join("old"));
    let Head { ledger, size, .. } = world.head("6523");
    world.begin_epoch("6523", 100, vec![Head { ledger, size, root: yizhan_document::Digest::of(b"other") }]);
    assert_eq!(faults(&with(&world, &[old])), [Fault::Fork]);
}

#[test]
fn an_epoch_may_name_earlier_ledgers_of_its_own_node_only() {
    for named in ["6523.1", "6523.2", "65.0"] {
        let mut world = World::new();
        let head = Head { ledger: named.parse().unwrap(), ..world.head("65") };
        world.begin_epoch("6523", 100, vec![head]);
        assert!(faults(&with(&world, &[])).contains(&Fault::EntryRefused), "{named}");
    }
}

#[test]
fn numbers_of_offers_that_are_missing_within_an_epoch_are_still_noticed() {
    let mut world = World::new();
    let (id, old) = tried_again(&mut world, 0);
    let (next, submitted) = world.submit("652301", 150, 9, &["6531"]);
    let first = world.pass(next, ("652301", "6523"), 160, 2, submitted, &[unit("6531", 0)]);
    // Two numbers after the first one of the epoch.
    world.pass(next, ("6523", "65"), 170, SECOND + 3, first, &[unit("6531", 0)]);
    let report = with(&world, &[old]);
    let gap = report.problems.iter().find(|problem| problem.fault == Fault::LinkGap).unwrap();
    assert!(gap.text.starts_with("2 numbers"), "{}", gap.text);
    assert_ne!(id, next);
}

#[test]
fn a_consignment_in_a_lost_ledger_and_one_in_the_new_one_are_not_one_too_many() {
    let mut world = World::new();
    let (id, submitted) = world.submit("652301", 10, 0, &["6523"]);
    let taken = world.pass(id, ("652301", "6523"), 20, 0, submitted, &[unit("6523", 0)]);
    world.consign(id, "6523", 20, 0, taken);
    let old = world.publish_into("6523", world.folder.path().join("old"));
    let previous = vec![world.head("6523")];
    world.begin_epoch("6523", 100, previous);
    let again = world.pass(id, ("652301", "6523"), 120, 1, submitted, &[unit("6523", 1)]);
    world.consign(id, "6523", 120, 1, again);
    let report = with(&world, &[old]);
    assert!(report.ok(), "{report:#?}");
    assert_eq!(world.scribes[&node("6523")].ledger, LedgerId { node: node("6523"), epoch: 1 });
    assert!(at(0) < at(1) && matches!(only_chain(&report).verdict, Verdict::Complete), "{report:#?}");
    let opened = world.scribes[&node("6523")].entries[0].clone();
    let opened = yizhan_ledger::Entry::from_bytes(&opened).unwrap();
    assert!(matches!(opened.event, Event::EpochOpened { .. }));
}
