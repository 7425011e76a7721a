//! A Party tree is joined to the government's by an agreement: what it lets cross arrives once, whatever falls on the way; what it does
//! not let cross, from an origin that does not look, ends at the link with a receipt that says so.

use super::*;
use crate::network::drafted;
use std::collections::BTreeMap;
use yizhan_hierarchy::{
    Agreement, DraftJoined, Edit, JoinedHead, NetworkPlan, Parcel, Party, PlannedNode, SignedAgreement,
    TrustAnchor,
};
use yizhan_identity::NoteSigner;

const PARTY: &str = "party.example";
/// More than any agreement is for, in milliseconds.
const TEN_YEARS_MS: i64 = 10 * 365 * 24 * 3600 * 1000;

fn party_plan() -> NetworkPlan {
    let demo = NetworkPlan::demo();
    let offices = demo.nodes[0].offices.clone();
    let planned = |id: &str, parent: Option<&str>| PlannedNode {
        id: node(id),
        parent: parent.map(node),
        names: BTreeMap::from([("en".to_owned(), id.to_owned())]),
        offices: offices.clone(),
        backup_parents: Vec::new(),
        direct_links: Vec::new(),
    };
    let nodes = vec![planned("p-65", None), planned("p-6523", Some("p-65"))];
    NetworkPlan { network: PARTY.to_owned(), base_port: 7500, nodes }
}

/// The network of seven, joined with the Party's: offices below 65 may write to p-6523, those below p-65 to 652301.
fn joined() -> Arc<Directory> {
    let (mut gov, gov_key) = drafted(&NetworkPlan::demo()).unwrap();
    let (mut theirs, their_key) = drafted(&party_plan()).unwrap();
    let party = |network: &str, root: &str, key: &NoteSigner| Party {
        network: network.to_owned(),
        node: node(root),
        anchor: TrustAnchor::new(vec![key.verifier()], 1).unwrap(),
    };
    let lines = ["xinjiang.example below 65 to p-6523", "party.example below p-65 to 652301"];
    let agreement = Agreement {
        version: 1,
        issued: gov.issued,
        expires: gov.expires,
        parties: [party(PARTY, "p-65", &their_key), party(&gov.network, "65", &gov_key)],
        crossings: lines.iter().map(|line| line.parse().unwrap()).collect(),
    };
    let mut signed = SignedAgreement::unsigned(agreement).unwrap();
    signed.sign(&gov_key).unwrap();
    signed.sign(&their_key).unwrap();
    let join = |network: &str, parcel: Parcel| {
        let part = JoinedHead::new(&signed, network, &parcel.root, &parcel.ca).unwrap();
        Edit::Join(Box::new(DraftJoined { part, files: parcel.files }))
    };
    let alone = gov.render().unwrap().signed(std::slice::from_ref(&gov_key));
    theirs.apply(join(PARTY, alone)).unwrap();
    let mut whole = theirs.render().unwrap().signed(std::slice::from_ref(&their_key));
    whole.files.retain(|node, _| theirs.divisions.contains_key(node));
    gov.apply(join(&gov.network.clone(), whole)).unwrap();
    let anchor = TrustAnchor::new(vec![gov_key.verifier()], 1).unwrap();
    let parcel = gov.render().unwrap().signed(&[gov_key]);
    Arc::new(parcel.verify(&anchor, &[], gov.issued, 0).unwrap())
}

#[test]
fn what_may_cross_arrives_once_whatever_falls_on_the_way() {
    let directory = joined();
    for (from, to) in [("652301", "p-6523"), ("p-6523", "652301")] {
        for after in (0..120).step_by(7) {
            let mut world = connected(Arc::clone(&directory));
            hand_in(&mut world, from, &[to]);
            pass(&mut world, after);
            apart(&mut world, "65", "p-65");
            restart(&mut world, "65", after % 2 == 0);
            pass(&mut world, 3_000);
            together(&mut world, "65", "p-65");
            restart(&mut world, "p-65", after % 2 == 1);
            let survey = at_the_end(world);
            assert_eq!(entries(&survey, to, "ContentConsignment"), 1, "{from} to {to}, {after} ms");
        }
    }
}

/// MUST-59: by the clock of a node with the link the agreement ended long ago.
#[test]
fn what_may_cross_does_although_a_clock_at_the_link_went_wrong() {
    let directory = joined();
    for (from, to) in [("652301", "p-6523"), ("p-6523", "652301")] {
        for joint in ["65", "p-65"] {
            let mut world = connected(Arc::clone(&directory));
            world.set_clock(node(joint), TEN_YEARS_MS);
            hand_in(&mut world, from, &[to]);
            pass(&mut world, 60_000);
            world.set_clock(node(joint), 0);
            let survey = at_the_end(world);
            assert_eq!(entries(&survey, joint, "RelayRejection"), 0, "{from} to {to}, {joint}");
            assert_eq!(entries(&survey, to, "ContentConsignment"), 1, "{from} to {to}, {joint}");
        }
    }
}

/// MUST-59: the origins here look at nothing.
#[test]
fn what_may_not_cross_ends_at_the_link_and_nothing_of_it_is_beyond() {
    let directory = joined();
    for (from, to, joint, beyond) in [
        ("652301", "p-65", "65", "p-65"),
        ("p-6523", "653101", "p-65", "65"),
        ("65", "p-6523", "p-65", "p-6523"),
    ] {
        let mut world = connected(Arc::clone(&directory));
        hand_in(&mut world, from, &[to]);
        let survey = world.finish().unwrap();
        // The checks know of no rule by which a document that its origin has a copy of may fail. This is one, and the only thing they see.
        let outcome = world.outcome();
        let found: Vec<&str> = outcome.failures.iter().map(|failure| failure.what.as_str()).collect();
        assert!(
            matches!(found.as_slice(), [only] if only.ends_with("failed, although its origin has a copy")),
            "{outcome}"
        );
        finds_every_entry(&survey);
        assert!(entries(&survey, joint, "RelayRejection") > 0, "{from} to {to}");
        assert_eq!(entries(&survey, beyond, "RelayAcceptance"), 0, "{from} to {to}");
        assert_eq!(entries(&survey, to, "ContentConsignment"), 0, "{from} to {to}");
    }
}
