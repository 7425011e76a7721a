//! What one neighbour may make a node hold and enter.

use super::{Alone, COUNTY, PREFECTURE, REGION, custody, header, id, node, refusal, target};
use yizhan_document::Digest;
use yizhan_exchange::{Event, Load, OfferedEnvelope, Quota};

/// An envelope that was never offered before, with a body of so many bytes.
fn another(counter: u64, size: u64) -> impl FnOnce(&mut OfferedEnvelope) {
    move |offered| {
        offered.id = id(COUNTY, counter);
        offered.header = Digest::of(&counter.to_be_bytes());
        offered.size = size;
    }
}

fn relay(quota: Quota) -> Alone {
    let mut relay = Alone::start(PREFECTURE);
    relay.node.set_quota(quota);
    relay
}

#[test]
fn a_neighbour_at_its_quota_is_refused_for_now_and_taken_once_something_went_on() {
    let quotas = [Quota { documents: 2, bytes: 1_000 }, Quota { documents: 1_000, bytes: 250 }];
    let elsewhere = target("652324", 0);
    for quota in quotas {
        let mut relay = relay(quota);
        relay.link_up(COUNTY);
        for counter in 0..2 {
            assert_eq!(custody(&relay.offer(counter, another(counter, 100))).len(), 1, "{quota:?}");
        }
        let refused = relay.offer(2, another(2, 100));
        assert_eq!(refusal(&refused), Some(("quota", true)), "MUST-56: {quota:?}");
        assert_eq!(relay.node.state().custody_of(node(COUNTY)), Load { documents: 2, bytes: 200 });
        let holding = *relay.node.state().holdings().keys().next().unwrap();
        let other_way = relay.offer(3, |offered| {
            another(3, 100)(offered);
            offered.units = vec![elsewhere];
        });
        assert_eq!(custody(&other_way).len(), 1, "what goes elsewhere is not held up: {quota:?}");
        relay.settle(Event::Damaged { holding });
        assert_eq!(relay.node.state().custody_of(node(COUNTY)), Load { documents: 2, bytes: 200 });
        assert_eq!(custody(&relay.offer(2, another(2, 100))).len(), 1, "{quota:?}");
    }
}

#[test]
fn one_destination_at_its_quota_does_not_hold_up_a_circular() {
    let mut relay = relay(Quota { documents: 1, bytes: 1_000 });
    relay.link_up(COUNTY);
    assert_eq!(custody(&relay.offer(0, another(0, 100))).len(), 1);
    let mut circular = |counter| {
        custody(&relay.offer(counter, |offered| {
            another(counter, 100)(offered);
            offered.units = vec![target(REGION, 0), target("652324", 0)];
        }))
        .len()
    };
    assert_eq!((circular(1), circular(2)), (1, 0), "the second finds both at their quota");
}

#[test]
fn a_body_above_the_quota_is_taken_alone() {
    let mut relay = relay(Quota { documents: 10, bytes: 50 });
    relay.link_up(COUNTY);
    assert_eq!(custody(&relay.offer(0, another(0, 100))).len(), 1);
    assert_eq!(refusal(&relay.offer(1, another(1, 1))), Some(("quota", true)));
}

#[test]
fn what_lies_in_inboxes_counts_for_no_neighbour() {
    let mut destination = relay(Quota { documents: 1, bytes: 100 });
    for counter in 0..6 {
        let offered = destination.offer(counter, |offered| {
            another(counter, 100)(offered);
            offered.units = vec![target(PREFECTURE, 0)];
        });
        assert_eq!(refusal(&offered), None);
        let office = yizhan_exchange::Office { name: "gov-office".parse().unwrap(), commitment: header() };
        destination.settle(Event::Opened { staged: super::STAGED, result: Ok(vec![office]) });
    }
    assert_eq!(destination.node.state().inboxes().len(), 6);
    assert_eq!(destination.node.state().custody_of(node(COUNTY)), Load::default());
}

#[test]
fn refusals_for_good_do_not_fill_the_ledger() {
    let mut relay = relay(Quota::default());
    let bad = |offered: &mut OfferedEnvelope| offered.path = vec![node(PREFECTURE), node(COUNTY)];
    let most = yizhan_exchange::limits::ANSWERS_ENTERED_AT_ONCE_MAX;
    let before = relay.node.state().ledger_size();
    let mut answers = Vec::new();
    for link in 0..most + 10 {
        answers.extend(refusal(&relay.offer(link, bad)).map(|(reason, retry)| (reason.to_owned(), retry)));
        // A millisecond for each, and less than one entry more for each of them.
    }
    let entered = relay.node.state().ledger_size() - before;
    let rested = relay.uptime / yizhan_exchange::limits::ANSWERS_ENTERED_REST_MS;
    assert!(entered <= most + rested, "{entered} refusals were entered");
    assert_eq!(answers.len() as u64, most + 10, "each offer has its answer");
    assert_eq!(answers.first(), Some(&("loop".to_owned(), false)));
}

#[test]
fn a_flood_of_bodies_that_are_looked_at_is_refused_before_it_fills_the_memory() {
    let mut destination = relay(Quota::default());
    destination.link_up(REGION);
    let large = 200 * 1024;
    let mut taken = 0;
    let refused = (0..1_000).find_map(|counter| {
        let offered = destination.offer(counter, |offered| {
            another(counter, large)(offered);
            offered.units = vec![target(PREFECTURE, 0)];
        });
        taken += u64::from(refusal(&offered).is_none());
        refusal(&offered).map(|(reason, retry)| (reason.to_owned(), retry))
    });
    assert_eq!(refused, Some(("busy".to_owned(), true)));
    assert!(taken * large <= yizhan_exchange::limits::OFFER_BYTES_LOOKED_AT_MAX + large);
}
