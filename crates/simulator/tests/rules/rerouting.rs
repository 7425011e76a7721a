//! A new version of the directory: what waits for who is no neighbour any more.

use super::{Alone, COUNTY, PREFECTURE, REGION, node, target};
use std::sync::Arc;
use yizhan_exchange::{Effect, Event};
use yizhan_hierarchy::{Directory, NetworkPlan};
use yizhan_simulator::directory_of;

/// The network of seven with the prefecture below the other one.
fn prefecture_moved() -> Arc<Directory> {
    let mut plan = NetworkPlan::demo();
    let moved = plan.nodes.iter_mut().find(|planned| planned.id == node(PREFECTURE)).unwrap();
    moved.parent = Some(node("6531"));
    Arc::new(directory_of(&plan).unwrap())
}

#[test]
fn what_waits_for_who_is_no_neighbour_any_more_goes_the_way_of_the_new_directory() {
    for offered in [false, true] {
        let mut relay = Alone::start(PREFECTURE);
        relay.link_up(COUNTY);
        if offered {
            relay.link_up(REGION);
        }
        relay.offer(1, |_| {});
        let waits_for = |relay: &Alone, hop: &str| relay.node.state().outbound(node(hop)).count();
        assert_eq!((waits_for(&relay, REGION), waits_for(&relay, "6531")), (1, 0));
        relay.settle(Event::DirectoryChanged { directory: prefecture_moved() });
        assert_eq!((waits_for(&relay, REGION), waits_for(&relay, "6531")), (0, 1), "offered: {offered}");
        let clock_ms = relay.now().wall.as_ms();
        let effects = relay.settle(Event::LinkUp { neighbour: node("6531"), clock_ms });
        let goes = effects.iter().any(|effect| {
            matches!(effect, Effect::Offer { neighbour, units, .. }
                if *neighbour == node("6531") && *units == [target(REGION, 0)])
        });
        assert!(goes, "{effects:?}");
    }
}

#[test]
fn what_no_directory_has_a_way_for_stays_where_it_is() {
    let mut relay = Alone::start(PREFECTURE);
    relay.link_up(COUNTY);
    relay.offer(1, |_| {});
    let mut plan = NetworkPlan::demo();
    let alone = [node(PREFECTURE), node(COUNTY), node("652324")];
    plan.nodes.retain(|planned| alone.contains(&planned.id));
    plan.nodes.iter_mut().filter(|planned| planned.id == node(PREFECTURE)).for_each(|it| it.parent = None);
    let directory = Arc::new(directory_of(&plan).unwrap());
    relay.settle(Event::DirectoryChanged { directory });
    assert_eq!(relay.node.state().outbound(node(REGION)).count(), 1);
    // The next version has a way again.
    relay.settle(Event::DirectoryChanged { directory: prefecture_moved() });
    assert_eq!(relay.node.state().outbound(node("6531")).count(), 1);
}
