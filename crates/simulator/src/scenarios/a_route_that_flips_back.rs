//! A route flips to the backup parent while an offer is under way, and back before anybody knows what came of it. Units are
//! counted by envelope, destination and attempt for ever; a node that forgot what it had accepted would consign twice.

use super::*;
use std::collections::BTreeMap;
use yizhan_hierarchy::{NetworkPlan, PlannedNode};

/// A root, two regions below it, and a county below the first whose backup parent is the second.
fn two_ways() -> Arc<Directory> {
    let offices = NetworkPlan::demo().nodes.remove(0).offices;
    let planned = |name: &str, parent: Option<&str>, backup: &[&str]| PlannedNode {
        id: node(name),
        parent: parent.map(node),
        names: BTreeMap::from([("en".to_owned(), format!("Division {name}"))]),
        offices: offices.clone(),
        backup_parents: backup.iter().map(|name| node(name)).collect(),
        direct_links: Vec::new(),
    };
    let nodes = vec![
        planned("root", None, &[]),
        planned("first", Some("root"), &[]),
        planned("second", Some("root"), &[]),
        planned("county", Some("first"), &["second"]),
    ];
    Arc::new(crate::network::directory_of(&NetworkPlan { nodes, ..NetworkPlan::demo() }).unwrap())
}

/// The first way is away (and that is known), or falls while the document is on it; then it is back, at any moment.
fn flips(directory: &Arc<Directory>, (from, to): (&str, &str), away: bool, after: u64) -> Survey {
    let mut world = connected(Arc::clone(directory));
    if away {
        apart(&mut world, "first", "county");
        pass(&mut world, 11_000);
        hand_in(&mut world, from, &[to]);
        pass(&mut world, after);
    } else {
        hand_in(&mut world, from, &[to]);
        pass(&mut world, after);
        apart(&mut world, "first", "county");
        pass(&mut world, 10_001 + after);
    }
    world.out.wire.meet(world.out.now, &mut world.out.agenda, node("first"), node("county"));
    at_the_end(world)
}

#[test]
fn the_document_arrives_once_wherever_the_route_flips() {
    let directory = two_ways();
    let mut ways = [0, 0];
    for way @ (from, to) in [("county", "root"), ("root", "county")] {
        for (away, after) in
            [true, false].into_iter().flat_map(|away| (5..400).step_by(13).map(move |after| (away, after)))
        {
            let survey = flips(&directory, way, away, after);
            assert_eq!(
                entries(&survey, to, "ContentConsignment"),
                1,
                "{from} to {to}, away {away}, after {after}"
            );
            ways[0] += entries(&survey, "first", "RelayAcceptance");
            ways[1] += entries(&survey, "second", "RelayAcceptance");
        }
    }
    assert!(ways[0] > 0 && ways[1] > 0, "both ways were taken: {ways:?}");
}
