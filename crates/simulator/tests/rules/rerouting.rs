//! A new version of the directory: what waits for who is no neighbour any more.

use super::{Alone, COUNTY, PREFECTURE, REGION, STAGED, header, node, target};
use std::sync::Arc;
use yizhan_exchange::limits::ACCEPTANCES_OF_AN_ATTEMPT;
use yizhan_exchange::{Effect, Event, OfferedEnvelope, Past};
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

/// The network of seven with a county of the other prefecture below this one.
fn county_moved() -> Arc<Directory> {
    let mut plan = NetworkPlan::demo();
    let moved = plan.nodes.iter_mut().find(|planned| planned.id == node("653101")).unwrap();
    moved.parent = Some(node(PREFECTURE));
    Arc::new(directory_of(&plan).unwrap())
}

#[test]
fn what_a_neighbour_has_no_way_for_any_more_goes_the_way_of_the_new_directory() {
    // MUST-40. The region, which goes by the new version already, refuses before this node does so too, or after.
    for refused_before in [true, false] {
        let mut relay = Alone::start(PREFECTURE);
        [COUNTY, REGION].iter().for_each(|neighbour| relay.link_up(neighbour));
        relay.offer(1, |offered| offered.units = vec![target("653101", 0), target("653130", 0)]);
        let refuse = |relay: &mut Alone| {
            let (neighbour, envelope, reason) = (node(REGION), header(), "no-route".to_owned());
            relay.settle(Event::Rejected { neighbour, link: 0, envelope, reason, retry: true });
        };
        if refused_before {
            refuse(&mut relay);
        }
        relay.settle(Event::DirectoryChanged { directory: county_moved() });
        if !refused_before {
            refuse(&mut relay);
        }
        relay.uptime += 1_000;
        relay.settle(Event::Tick);
        let waits = |hop: &str| -> Vec<Vec<_>> {
            relay.node.state().outbound(node(hop)).map(|(_, _, units)| units.to_vec()).collect()
        };
        assert_eq!(waits("653101"), [[target("653101", 0)]], "refused before: {refused_before}");
        assert_eq!(waits(REGION), [[target("653130", 0)]], "the rest stays");
    }
}

#[test]
fn what_is_refused_for_now_stays_where_it_is_while_there_is_no_other_way() {
    let mut relay = Alone::start(PREFECTURE);
    [COUNTY, REGION].iter().for_each(|neighbour| relay.link_up(neighbour));
    relay.offer(1, |_| {});
    let (neighbour, envelope, reason) = (node(REGION), header(), "full".to_owned());
    relay.settle(Event::Rejected { neighbour, link: 0, envelope, reason, retry: true });
    relay.uptime += 1_000;
    relay.settle(Event::Tick);
    let numbers: Vec<u64> = relay.node.state().outbound(node(REGION)).map(|(link, ..)| link).collect();
    assert_eq!(numbers, [0], "under the number that it has");
}

#[test]
fn of_two_offers_of_one_unit_the_quicker_one_is_accepted_and_the_other_gets_no_custody() {
    // MUST-11. A giver that was not answered offers it by another way, too, and both ways meet here.
    let mut relay = Alone::start(PREFECTURE);
    [COUNTY, "652324", REGION].iter().for_each(|neighbour| relay.link_up(neighbour));
    let wanted = relay.offer(1, |offered| offered.inline = false);
    assert!(wanted.iter().any(|effect| matches!(effect, Effect::WantBody { .. })), "{wanted:?}");
    let other = node("652324");
    let offered = OfferedEnvelope { link: 5, path: vec![node(COUNTY), other], ..relay.offered(1) };
    let quicker = relay.settle(Event::Offered { neighbour: other, offered, staged: STAGED + 1 });
    let custody = |effects: &[Effect]| effects.iter().filter(|e| matches!(e, Effect::Custody { .. })).count();
    assert_eq!((custody(&quicker), relay.node.state().holdings().len()), (1, 1));
    let units = vec![target(REGION, 0)];
    let past = vec![Past { index: 1, from: other, link: 5, units }];
    let arrived = relay.settle(Event::BodyArrived { neighbour: node(COUNTY), link: 1, good: true });
    let asks = |effect: &Effect| matches!(effect, Effect::Recollect { link: 1, .. });
    assert!(arrived.iter().any(asks) && custody(&arrived) == 0, "{arrived:?}");
    let compared = relay.settle(Event::Recollected { neighbour: node(COUNTY), link: 1, past });
    // It is still held: an acceptance of its own, and no second copy.
    assert_eq!((custody(&compared), relay.node.state().holdings().len()), (1, 1));
    assert_eq!(relay.node.state().outbound(node(REGION)).count(), 1);
}

#[test]
fn what_is_still_held_is_not_acknowledged_more_often_than_its_origin_takes() {
    let mut relay = Alone::start(PREFECTURE);
    assert_eq!(super::custody(&relay.offer(0, |_| {})).len(), 1);
    let mut past = vec![Past { index: 1, from: node(COUNTY), link: 0, units: vec![target(REGION, 0)] }];
    for link in 1..12 {
        relay.offer(link, |_| {});
        let answer = relay.settle(Event::Recollected { neighbour: node(COUNTY), link, past: past.clone() });
        if link < ACCEPTANCES_OF_AN_ATTEMPT {
            let given = super::custody(&answer);
            assert_eq!(given.len(), 1, "{link}: {answer:?}");
            past.push(Past { index: given[0].1, link, ..past[0].clone() });
        } else {
            assert_eq!(super::refusal(&answer), Some(("quota", true)), "{link}: MUST-67");
        }
    }
}
