//! Lying nodes, who sign what they invent: every lie that somebody else's ledger contradicts is found and named.

use crate::world::{World, at, deadline, faults, header, is_forged, node, only_chain, unit};
use yizhan_audit::{Fault, Report, Severity, Verdict, verify_network};
use yizhan_document::Digest;
use yizhan_ledger::{Entry, EntryRef, Event, Head, Passed};

/// Changes an entry of a ledger as its own node could, and signs anew.
fn rewrite(world: &mut World, of: &str, index: usize, change: impl Fn(&mut Entry)) {
    let entry = &mut world.scribes.get_mut(&node(of)).unwrap().entries[index];
    let mut read = Entry::from_bytes(entry).unwrap();
    change(&mut read);
    *entry = read.to_bytes().unwrap();
}

fn assert_found(report: &Report, fault: Fault) {
    assert!(faults(report).contains(&fault), "{fault:?} is not among {:?}", report.problems);
    assert_eq!(report.severity(), fault.severity());
    assert_eq!(report.chains_verified, 0);
}

#[test]
fn an_entry_changed_by_its_own_node_breaks_the_chain_and_shows_two_histories() {
    let mut world = World::new();
    world.deliver(0);
    rewrite(&mut world, "65", 1, |entry| entry.time = at(29));
    let report = world.audit();
    assert_found(&report, Fault::BrokenReference);
    assert_found(&report, Fault::Fork);
    assert!(is_forged(only_chain(&report)));
}

#[test]
fn another_checkpoint_root_in_a_neighbours_ledger_is_a_fork() {
    let mut world = World::new();
    world.deliver(0);
    rewrite(&mut world, "6523", 2, |entry| {
        let Event::CustodyPassed { root, .. } = &mut entry.event else { panic!("{entry:?}") };
        *root = Digest::of(b"another history");
    });
    let report = world.audit();
    assert_found(&report, Fault::Fork);
    let fork = report.problems.iter().find(|problem| problem.fault == Fault::Fork).unwrap();
    assert_eq!((fork.ledger.unwrap().node, fork.index), (node("6523"), Some(2)));
    assert!(!only_chain(&report).hops[2].attested_by_both);
    assert!(
        !faults(&report).contains(&Fault::CustodyMissing),
        "it does say so, only under a head that is not true"
    );
}

#[test]
fn two_signed_copies_that_contradict_each_other_are_a_fork() {
    let mut world = World::new();
    world.deliver(0);
    let mut folders = world.publish();
    rewrite(&mut world, "65", 1, |entry| entry.time = at(29));
    folders.push(world.publish_into("65", world.folder.path().join("shown-to-another")));
    let report = verify_network(&world.directory, &folders, None);
    assert!(faults(&report).contains(&Fault::Fork), "{report:#?}");
    assert_eq!(report.severity(), Severity::Forged);
}

#[test]
fn custody_that_the_giver_does_not_attest_is_named_and_the_chain_not_counted() {
    let mut world = World::new();
    let (id, submitted) = world.submit("652301", 10, 0, &["6523"]);
    let taken = world.accept(id, ("652301", "6523"), 20, 0, submitted, &[unit("6523", 0)]);
    world.consign(id, "6523", 20, 0, taken);
    let report = world.audit();
    assert_found(&report, Fault::CustodyMissing);
    let problem = &report.problems[0];
    assert_eq!(
        (problem.ledger.unwrap().node, problem.index, problem.document),
        (node("6523"), Some(1), Some(id))
    );
    assert_eq!(only_chain(&report).verdict, Verdict::Complete);
}

#[test]
fn custody_said_to_be_taken_that_the_taker_did_not_take_is_a_false_claim() {
    let mut world = World::new();
    world.deliver(0);
    let Head { ledger, size, root } = world.head("65");
    for (index, link) in [(0, 1), (1, 5), (size, 0)] {
        let passed = vec![Passed { link, index }];
        world.enter("6523", 50, Event::CustodyPassed { to: ledger, size, root, passed });
    }
    let report = world.audit();
    let claims = report.problems.iter().filter(|problem| problem.fault == Fault::CustodyClaimFalse).count();
    assert_eq!((claims, report.severity()), (3, Severity::Forged));
    // The lie is the giver's; the document is none the worse.
    assert_eq!(report.chains_verified, 1);
}

#[test]
fn an_acceptance_of_an_envelope_its_origin_never_had_is_forged() {
    let mut world = World::new();
    let id = "652301.0.99".parse().unwrap();
    let opened =
        EntryRef::to(world.scribes[&node("652301")].ledger, 0, &world.scribes[&node("652301")].entries[0]);
    let taken = world.accept(id, ("652301", "6523"), 20, 0, opened, &[unit("6523", 0)]);
    world.consign(id, "6523", 20, 0, taken);
    let report = world.audit();
    assert_found(&report, Fault::NoSubmission);
    assert_found(&report, Fault::BrokenReference);
    assert!(is_forged(only_chain(&report)));
}

#[test]
fn a_rests_on_with_an_invented_hash_is_forged() {
    let mut world = World::new();
    let (id, submitted) = world.submit("652301", 10, 0, &["6523"]);
    let invented = EntryRef { leaf: Digest::of(b"invented"), ..submitted };
    let taken = world.pass(id, ("652301", "6523"), 20, 0, invented, &[unit("6523", 0)]);
    world.consign(id, "6523", 20, 0, taken);
    let report = world.audit();
    assert_found(&report, Fault::BrokenReference);
    assert!(is_forged(only_chain(&report)));
}

#[test]
fn custody_from_a_node_that_is_no_neighbour_is_forged() {
    let mut world = World::new();
    let (id, submitted) = world.submit("652301", 10, 0, &["6531"]);
    let taken = world.pass(id, ("652301", "6531"), 20, 0, submitted, &[unit("6531", 0)]);
    world.consign(id, "6531", 20, 0, taken);
    let report = world.audit();
    assert_found(&report, Fault::NotNeighbours);
    assert_found(&report, Fault::CustodyClaimFalse);
    assert!(is_forged(only_chain(&report)));
}

#[test]
fn units_the_giver_never_had_are_not_its_to_give() {
    let mut world = World::new();
    let (id, submitted) = world.submit("652301", 10, 0, &["65"]);
    let first = world.pass(id, ("652301", "6523"), 20, 0, submitted, &[unit("65", 0)]);
    let extra = [unit("65", 0), unit("653130", 0)];
    let second = world.pass(id, ("6523", "65"), 30, 0, first, &extra);
    world.consign(id, "65", 30, 0, second);
    let report = world.audit();
    assert_found(&report, Fault::NotItsUnits);
}

#[test]
fn another_header_under_the_same_id_is_forged() {
    let mut world = World::new();
    let (id, submitted) = world.submit("652301", 10, 0, &["6523"]);
    let other = "652301.0.1".parse().unwrap();
    let (from, units) = (node("652301"), vec![unit("6523", 0)]);
    let event =
        Event::RelayAcceptance { id, envelope: header(other), units, from, link: 0, rests_on: submitted };
    let taken = world.enter("6523", 20, event);
    world.attest("652301", 21, 0, taken);
    let report = world.audit();
    assert_found(&report, Fault::OtherHeader);
    assert!(is_forged(only_chain(&report)));
}

#[test]
fn a_second_consignment_of_one_envelope_is_found() {
    let mut world = World::new();
    let id = world.deliver(0);
    let taken = &world.scribes[&node("6531")];
    let rests_on = EntryRef::to(taken.ledger, 1, &taken.entries[1]);
    world.consign(id, "6531", 90, 0, rests_on);
    let report = world.audit();
    assert!(faults(&report).contains(&Fault::ConsignmentTwice), "{report:#?}");
    assert_eq!(report.severity(), Severity::Forged);
}

#[test]
fn a_submission_entered_twice_or_for_another_origin_is_found() {
    let mut world = World::new();
    world.submit("652301", 10, 0, &["6523"]);
    world.submit("652301", 11, 0, &["6523"]);
    assert_found(&world.audit(), Fault::SubmissionMisplaced);
    let mut world = World::new();
    let (id, _) = world.submit("652301", 10, 0, &["6523"]);
    let copied = world.scribes[&node("652301")].entries[1].clone();
    world.scribes.get_mut(&node("652324")).unwrap().entries.push(copied);
    let report = world.audit();
    assert_found(&report, Fault::SubmissionMisplaced);
    assert_eq!(report.documents[0].id, id);
}

#[test]
fn an_act_that_rests_on_no_consignment_to_that_office_is_forged() {
    let mut world = World::new();
    let id = world.deliver(0);
    rewrite(&mut world, "6531", 4, |entry| {
        let Event::SignedFor(act) = &mut entry.event else { panic!("{entry:?}") };
        act.office = Digest::of(b"another office");
    });
    let report = world.audit();
    let problem = report.problems.iter().find(|problem| problem.fault == Fault::BrokenReference).unwrap();
    assert_eq!((problem.index, problem.document), (Some(4), Some(id)));
    assert!(only_chain(&report).hops.iter().all(|hop| hop.kind != "SignedFor"));
}

#[test]
fn custody_that_never_was_cannot_end() {
    let mut world = World::new();
    let (id, _) = world.submit("652301", 10, 0, &["6523"]);
    let units = vec![unit("6523", 0)];
    world.enter("65", 1100, Event::AcceptanceRejectionExpiry { id, envelope: header(id), units });
    assert_found(&world.audit(), Fault::EndWithoutCustody);
}

#[test]
fn link_numbers_left_out_are_named() {
    let mut world = World::new();
    world.deliver(0);
    world.deliver(3);
    let report = world.audit();
    let gaps: Vec<_> = report.problems.iter().filter(|problem| problem.fault == Fault::LinkGap).collect();
    assert_eq!((gaps.len(), report.severity()), (3, Severity::Incomplete));
    assert!(gaps[0].text.contains("(1 to 2)"), "{}", gaps[0].text);
}

#[test]
fn one_link_number_for_two_offers_is_found() {
    let mut world = World::new();
    for (counter, seconds) in [(0, 10), (1, 30)] {
        let (id, submitted) = world.submit("652301", seconds, counter, &["6523"]);
        let taken = world.pass(id, ("652301", "6523"), seconds + 10, 0, submitted, &[unit("6523", 0)]);
        world.consign(id, "6523", seconds + 10, 0, taken);
    }
    let report = world.audit();
    assert_eq!((faults(&report), report.severity()), (vec![Fault::LinkTwice], Severity::Forged));
}

#[test]
fn a_ledger_cut_below_what_neighbours_saw_is_found_even_when_signed_anew() {
    let mut world = World::new();
    world.deliver(0);
    let scribe = world.scribes.get_mut(&node("65")).unwrap();
    scribe.entries.truncate(1);
    let report = world.audit();
    assert_found(&report, Fault::Short);
    // Had it gone on writing long after, the copy could not merely be older.
    let reason = "created".to_owned();
    let id = "65.0.0".parse().unwrap();
    let later = Event::RelayFailure { id, envelope: header(id), units: Vec::new(), reason };
    world.enter("65", 5000, later.clone());
    let report = world.audit();
    assert!(faults(&report).contains(&Fault::Fork), "{report:#?}");
    assert_eq!(report.severity(), Severity::Forged);
}

#[test]
fn a_cut_ledger_that_shows_a_later_time_is_called_cut() {
    let mut world = World::new();
    world.deliver(0);
    let scribe = world.scribes.get_mut(&node("65")).unwrap();
    scribe.entries.truncate(1);
    rewrite(&mut world, "65", 0, |entry| entry.time = deadline());
    let report = world.audit();
    assert_found(&report, Fault::Cut);
}

#[test]
fn a_ledger_signed_with_another_key_than_the_directorys_is_not_believed() {
    let mut world = World::new();
    world.deliver(0);
    let stranger = World::new();
    let name = world.scribes[&node("65")].signer.name().to_owned();
    let key = yizhan_identity::SigningKey::generate().unwrap();
    world.scribes.get_mut(&node("65")).unwrap().signer = yizhan_identity::NoteSigner::new(name, key).unwrap();
    let report = world.audit();
    assert!(faults(&report).contains(&Fault::CheckpointRefused), "{report:#?}");
    assert_eq!((report.severity(), report.chains_verified), (Severity::Forged, 0));
    let finding = report.ledgers.iter().find(|ledger| ledger.ledger.unwrap().node == node("65")).unwrap();
    assert!(!finding.checkpoint_ok);
    // Nothing in it is held against anybody.
    assert_eq!(only_chain(&report).verdict, Verdict::Complete);
    // A whole network signed with other keys is not believed either.
    let report = verify_network(&stranger.directory, &world.publish(), None);
    assert_eq!((report.documents.len(), report.severity()), (0, Severity::Forged));
}

#[test]
fn a_clock_that_runs_back_is_noticed_and_spoils_nothing() {
    let mut world = World::new();
    world.deliver(0);
    rewrite(&mut world, "6531", 4, |entry| entry.time = at(5));
    let report = world.audit();
    assert_eq!(faults(&report), [Fault::TimeRunsBack]);
    assert!(report.ok() && report.chains_verified == 1);
}
