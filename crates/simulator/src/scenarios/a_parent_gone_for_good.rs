//! A prefecture goes and does not come back. What waits for it, never offered or offered without an answer, goes on through the
//! backup parent of its counties, the region, by itself, and arrives once.

use super::*;
use yizhan_hierarchy::NetworkPlan;

/// Long enough for the silence to be noticed, and for the detour after it.
const GONE_FOR_LONG_MS: u64 = 60_000;

/// The network of seven, in which the region stands in for a prefecture.
fn with_backup() -> Arc<Directory> {
    let mut plan = NetworkPlan::demo();
    for county in plan.nodes.iter_mut().filter(|planned| planned.parent == Some(node("6523"))) {
        county.backup_parents = vec![node("65")];
    }
    Arc::new(crate::network::directory_of(&plan).unwrap())
}

/// The prefecture is gone, for everybody.
fn gone(world: &mut World) {
    for neighbour in ["65", "652301", "652324"] {
        apart(world, "6523", neighbour);
    }
}

#[test]
fn what_waits_for_a_parent_that_does_not_come_back_goes_by_the_backup_parent() {
    let directory = with_backup();
    for (from, to) in [("652301", "652324"), ("652301", "653101"), ("65", "652324"), ("653101", "652301")] {
        let mut detours = 0;
        // Handed in while nobody knows yet that it is gone, or after its silence was noticed.
        for after in [0, 2_000, 9_000, 12_000, 30_000] {
            let mut world = connected(Arc::clone(&directory));
            gone(&mut world);
            pass(&mut world, after);
            hand_in(&mut world, from, &[to]);
            pass(&mut world, GONE_FOR_LONG_MS);
            let survey = Survey::of(world.stations.values_mut(), &directory.network).unwrap();
            assert_eq!(entries(&survey, to, "ContentConsignment"), 1, "{from} to {to}, {after} ms");
            detours += entries(&survey, "65", "RelayAcceptance");
            // Then it is there again, with whatever it had.
            for neighbour in ["65", "652301", "652324"] {
                together(&mut world, "6523", neighbour);
            }
            let survey = at_the_end(world);
            assert_eq!(entries(&survey, to, "ContentConsignment"), 1, "{from} to {to}, {after} ms");
        }
        assert!(from == "65" || detours == 5, "{from} to {to}: {detours} went by the region");
    }
}

#[test]
fn what_was_offered_without_an_answer_goes_the_other_way_too_and_arrives_once() {
    let directory = with_backup();
    for after in (0..200).step_by(7) {
        let mut world = connected(Arc::clone(&directory));
        hand_in(&mut world, "652301", &["652324"]);
        pass(&mut world, after);
        gone(&mut world);
        pass(&mut world, GONE_FOR_LONG_MS);
        for neighbour in ["65", "652301", "652324"] {
            together(&mut world, "6523", neighbour);
        }
        let survey = at_the_end(world);
        assert_eq!(entries(&survey, "652324", "ContentConsignment"), 1, "{after} ms");
    }
}
