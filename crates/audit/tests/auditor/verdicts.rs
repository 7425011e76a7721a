//! Honest ledgers: what became of documents, told from what the nodes entered.

use crate::world::{World, at, deadline, faults, header, node, only_chain, unit};
use yizhan_audit::{Fault, Severity, Verdict, verify_network};
use yizhan_ledger::Event;

#[test]
fn a_document_over_three_hops_is_complete_and_every_step_is_proven() {
    let mut world = World::new();
    let id = world.deliver(0);
    let report = world.audit();
    assert!(report.ok(), "{report:#?}");
    assert_eq!((report.chains, report.chains_verified), (1, 1));
    assert_eq!(report.documents[0].id, id);
    assert_eq!(report.documents[0].submitted, Some(at(10)));
    let chain = only_chain(&report);
    assert_eq!((&chain.verdict, chain.proven), (&Verdict::Complete, true));
    let steps: Vec<_> = chain.hops.iter().map(|hop| (hop.node, hop.kind, hop.time.unwrap())).collect();
    let expected = [
        ("652301", "SubmissionAcceptance", 10),
        ("6523", "RelayAcceptance", 20),
        ("65", "RelayAcceptance", 30),
        ("6531", "RelayAcceptance", 40),
        ("6531", "ContentConsignment", 40),
        ("6531", "ContentHandover", 60),
        ("6531", "SignedFor", 61),
    ];
    assert_eq!(steps, expected.map(|(id, kind, seconds)| (node(id), kind, at(seconds))));
    assert!(chain.hops.iter().all(|hop| hop.provided && hop.attested_by_both));
    // The givers wrote the takers' heads down; nobody saw the last entries of the destination.
    let witnessed: Vec<bool> = chain.hops.iter().map(|hop| hop.witnessed).collect();
    assert_eq!(witnessed, [false, true, true, true, false, false, false]);
}

#[test]
fn a_cosignature_of_a_neighbour_witnesses_everything_under_the_checkpoint() {
    let mut world = World::new();
    world.deliver(0);
    world.scribes.get_mut(&node("6531")).unwrap().witnesses = vec![node("65"), node("653101")];
    let report = world.audit();
    assert!(report.ok(), "{report:#?}");
    let finding = report.ledgers.iter().find(|ledger| ledger.ledger.unwrap().node == node("6531")).unwrap();
    let witnesses: Vec<_> = finding.witnessed_by.iter().map(|witness| (witness.node, witness.time)).collect();
    assert_eq!(witnesses, [(node("65"), at(200)), (node("653101"), at(200))]);
    assert!(only_chain(&report).hops.iter().filter(|hop| hop.node == node("6531")).all(|hop| hop.witnessed));
}

#[test]
fn a_circular_has_a_verdict_for_every_destination_its_own_node_included() {
    let mut world = World::new();
    let (id, submitted) = world.submit("65", 10, 0, &["65", "652301", "652324", "653101"]);
    world.consign(id, "65", 10, 0, submitted);
    let units = [unit("652301", 0), unit("652324", 0)];
    let east = world.pass(id, ("65", "6523"), 20, 0, submitted, &units);
    let west = world.pass(id, ("65", "6531"), 21, 0, submitted, &[unit("653101", 0)]);
    for (county, prefecture, from) in
        [("652301", "6523", east), ("652324", "6523", east), ("653101", "6531", west)]
    {
        let taken = world.pass(id, (prefecture, county), 30, 0, from, &[unit(county, 0)]);
        world.consign(id, county, 30, 0, taken);
    }
    let report = world.audit();
    assert!(report.ok(), "{report:#?}");
    assert_eq!((report.chains, report.chains_verified), (4, 4));
    let hops: Vec<usize> = report.documents[0].destinations.iter().map(|chain| chain.hops.len()).collect();
    assert_eq!(hops, [2, 4, 4, 4]);
}

#[test]
fn a_late_document_names_in_whose_custody_the_time_passed() {
    let mut world = World::new();
    let (id, submitted) = world.submit("652301", 10, 0, &["65"]);
    let units = [unit("65", 0)];
    let first = world.pass(id, ("652301", "6523"), 20, 0, submitted, &units);
    let second = world.pass(id, ("6523", "65"), 2000, 0, first, &units);
    world.consign(id, "65", 2000, 0, second);
    let report = world.audit();
    let late = Verdict::Late {
        deadline: deadline(),
        consigned: at(2000),
        in_custody_of: node("6523"),
        attested: true,
    };
    assert_eq!(only_chain(&report).verdict, late);
    assert_eq!((report.chains_verified, report.severity()), (1, Severity::Incomplete));
}

#[test]
fn lateness_is_nobodys_proven_fault_where_one_side_is_silent() {
    let mut world = World::new();
    let (id, submitted) = world.submit("652301", 10, 0, &["65"]);
    let units = [unit("65", 0)];
    let first = world.pass(id, ("652301", "6523"), 20, 0, submitted, &units);
    let second = world.accept(id, ("6523", "65"), 2000, 0, first, &units);
    world.consign(id, "65", 2000, 0, second);
    let report = world.audit();
    let Verdict::Late { in_custody_of, attested, .. } = only_chain(&report).verdict else {
        panic!("{report:#?}")
    };
    assert_eq!((in_custody_of, attested), (node("6523"), false));
    assert_eq!((report.chains_verified, faults(&report)), (0, vec![Fault::CustodyMissing]));
}

#[test]
fn a_document_without_an_end_is_missing_and_was_last_held_by_somebody() {
    let mut world = World::new();
    let (id, submitted) = world.submit("652301", 10, 0, &["6531"]);
    let units = [unit("6531", 0)];
    let first = world.pass(id, ("652301", "6523"), 20, 0, submitted, &units);
    world.pass(id, ("6523", "65"), 30, 0, first, &units);
    let report = world.audit();
    let missing = Verdict::Missing { last_held_by: node("65"), since: at(30) };
    assert_eq!(only_chain(&report).verdict, missing);
    assert_eq!(only_chain(&report).hops.len(), 3);
    assert_eq!((report.severity(), report.chains_verified), (Severity::Incomplete, 0));
}

#[test]
fn before_its_deadline_it_is_under_way_and_after_it_missing() {
    let mut world = World::new();
    world.submit("652301", 10, 0, &["6531"]);
    let folders = world.publish();
    let early = verify_network(&world.directory, &folders, Some(deadline()));
    assert_eq!(only_chain(&early).verdict, Verdict::UnderWay { held_by: node("652301"), since: at(10) });
    assert!(early.ok() && early.chains_verified == 0);
    let later = verify_network(&world.directory, &folders, Some(deadline().plus_ms(1)));
    assert_eq!(only_chain(&later).verdict, Verdict::Missing { last_held_by: node("652301"), since: at(10) });
}

#[test]
fn failure_and_expiry_are_told_from_missing() {
    let mut world = World::new();
    let (id, submitted) = world.submit("652301", 10, 0, &["65", "652324"]);
    let units = [unit("65", 0), unit("652324", 0)];
    world.pass(id, ("652301", "6523"), 20, 0, submitted, &units);
    let envelope = header(id);
    let lost = Event::RelayFailure { id, envelope, units: vec![unit("65", 0)], reason: "damaged".into() };
    world.enter("6523", 30, lost);
    let late = Event::AcceptanceRejectionExpiry { id, envelope, units: vec![unit("652324", 0)] };
    world.enter("6523", 1001, late);
    let report = world.audit();
    let verdicts: Vec<_> =
        report.documents[0].destinations.iter().map(|chain| chain.verdict.clone()).collect();
    let failed = Verdict::Failed { at: node("6523"), reason: "damaged".into() };
    assert_eq!(verdicts, [failed, Verdict::Expired { held_by: node("6523"), at: at(1001) }]);
    assert_eq!(faults(&report), []);
}

#[test]
fn a_document_that_cannot_be_put_into_an_inbox_failed_at_its_destination() {
    let mut world = World::new();
    let (id, submitted) = world.submit("652301", 10, 0, &["6523"]);
    let rests_on = world.pass(id, ("652301", "6523"), 20, 0, submitted, &[unit("6523", 0)]);
    let reason = "signature".to_owned();
    let event = Event::ContentConsignmentFailure { id, envelope: header(id), attempt: 0, reason, rests_on };
    world.enter("6523", 20, event);
    let report = world.audit();
    let failed = Verdict::Failed { at: node("6523"), reason: "signature".into() };
    assert_eq!(only_chain(&report).verdict, failed);
}

#[test]
fn a_second_attempt_that_arrives_completes_the_document() {
    let mut world = World::new();
    let (id, submitted) = world.submit("652301", 10, 0, &["65"]);
    world.pass(id, ("652301", "6523"), 20, 0, submitted, &[unit("65", 0)]);
    let lost = Event::RelayFailure {
        id,
        envelope: header(id),
        units: vec![unit("65", 0)],
        reason: "damaged".into(),
    };
    world.enter("6523", 30, lost);
    let again = [unit("65", 1)];
    let first = world.pass(id, ("652301", "6523"), 40, 1, submitted, &again);
    let second = world.pass(id, ("6523", "65"), 50, 0, first, &again);
    world.consign(id, "65", 50, 1, second);
    let report = world.audit();
    assert!(report.ok(), "{report:#?}");
    assert_eq!((&only_chain(&report).verdict, report.chains_verified), (&Verdict::Complete, 1));
}

#[test]
fn a_refused_offer_makes_no_document_and_its_number_is_no_gap() {
    let mut world = World::new();
    let (id, submitted) = world.submit("652301", 10, 0, &["6523"]);
    let refused = Event::RelayRejection {
        id: "652324.0.9".parse().unwrap(),
        rejected: header(id),
        units: vec![unit("65", 0)],
        from: node("652301"),
        link: 0,
        reason: "loop".into(),
    };
    world.enter("6523", 15, refused);
    let taken = world.pass(id, ("652301", "6523"), 20, 1, submitted, &[unit("6523", 0)]);
    world.consign(id, "6523", 20, 0, taken);
    let report = world.audit();
    assert!(report.ok(), "{report:#?}");
    assert_eq!(only_chain(&report).node, node("6523"));
}

#[test]
fn a_ledger_that_is_not_provided_is_said_to_be_so_and_nobody_is_accused() {
    let mut world = World::new();
    world.deliver(0);
    let report = world.audit_without(&["65"]);
    let chain = only_chain(&report);
    assert_eq!((&chain.verdict, chain.proven), (&Verdict::Complete, false));
    assert_eq!((report.severity(), faults(&report)), (Severity::Incomplete, vec![Fault::NotProvided]));
    assert!(report.problems[0].text.contains("65.0 was not provided"), "{report:#?}");
    // The giver's word and the taker's bridge the gap: the chain still reaches its origin.
    let absent = chain.hops.iter().find(|hop| hop.node == node("65")).unwrap();
    assert_eq!((absent.provided, absent.from, absent.link), (false, Some(node("6523")), Some(0)));
    assert_eq!(chain.hops[0].kind, "SubmissionAcceptance");
}

#[test]
fn without_the_ledgers_that_matter_no_verdict_is_guessed() {
    let mut world = World::new();
    let id = world.deliver(0);
    let without_destination = world.audit_without(&["6531"]);
    let Verdict::Unknown { last_held_by, because, .. } = &only_chain(&without_destination).verdict else {
        panic!("{without_destination:#?}")
    };
    assert_eq!(*last_held_by, Some(node("65")));
    assert!(because.contains("6531"), "{because}");
    let without_origin = world.audit_without(&["652301"]);
    let chain = only_chain(&without_origin);
    assert_eq!(
        (without_origin.documents[0].id, &chain.verdict, chain.proven),
        (id, &Verdict::Complete, false)
    );
    assert_eq!(faults(&without_origin), [Fault::NotProvided]);
}

#[test]
fn an_older_copy_of_a_relay_is_short_and_not_forged() {
    let mut world = World::new();
    world.deliver(0);
    let older = world.folder.path().join("older");
    world.publish();
    let full = std::mem::take(&mut world.scribes.get_mut(&node("65")).unwrap().entries);
    world.scribes.get_mut(&node("65")).unwrap().entries = full[..1].to_vec();
    world.publish_into("65", older.clone());
    world.scribes.get_mut(&node("65")).unwrap().entries = full;
    let mut folders: Vec<_> = ["6523", "6531", "652301"].iter().map(|id| world.ledger_folder(id)).collect();
    folders.push(older.clone());
    let report = verify_network(&world.directory, &folders, None);
    assert_eq!((report.severity(), faults(&report)), (Severity::Incomplete, vec![Fault::Short]));
    assert_eq!((&only_chain(&report).verdict, only_chain(&report).proven), (&Verdict::Complete, false));
    // With a newer copy beside it the older one does no harm.
    folders.push(world.ledger_folder("65"));
    assert!(verify_network(&world.directory, &folders, None).ok());
}

#[test]
fn many_documents_over_full_tiles_are_all_verified() {
    let mut world = World::new();
    for counter in 0..300 {
        world.deliver(counter);
    }
    let report = world.audit();
    assert!(report.ok(), "{:#?}", report.problems);
    assert_eq!((report.chains, report.chains_verified), (300, 300));
    let one = report.only("652301.0.7".parse().unwrap());
    assert_eq!((one.documents.len(), one.chains, one.chains_verified), (1, 1, 1));
}
