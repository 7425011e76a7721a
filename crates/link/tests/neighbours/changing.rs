//! Neighbours that change while the links run: one comes, one goes, one moves.

use crate::network::{COUNTY, Network, OTHER_COUNTY, REGION, Station, node, numbered};
use yizhan_link::{LinkError, LinkEvent, NeighbourConfig};

fn neighbour(name: &str, station: Option<&Station>) -> NeighbourConfig {
    NeighbourConfig {
        node: node(name),
        endpoint: station.map(|it| it.links.local_addr().to_string()),
        foreign: None,
    }
}

#[tokio::test]
async fn a_new_neighbour_comes_up_without_the_others_noticing() {
    let network = Network::new();
    let (mut region, county) = network.pair().await;
    let mut other = network.start(OTHER_COUNTY, &[(REGION, Some(&region))]);
    // It is a stranger until the region names it.
    assert!(matches!(region.next().await, LinkEvent::Refused { .. }));
    region.links.set_neighbours(&[neighbour(COUNTY, None), neighbour(OTHER_COUNTY, None)]).unwrap();
    loop {
        match region.next().await {
            LinkEvent::Up { neighbour, .. } if neighbour == node(OTHER_COUNTY) => break,
            LinkEvent::Refused { .. } => {}
            unexpected => panic!("{unexpected:?}"),
        }
    }
    while !matches!(other.next().await, LinkEvent::Up { .. }) {}
    // The old link is the same one: what was up stayed up.
    county.links.send(node(REGION), numbered(1)).unwrap();
    assert_eq!(region.frame().await, (node(COUNTY), numbered(1)));
}

#[tokio::test]
async fn one_who_is_no_neighbour_any_more_goes_down_and_stays_out() {
    let network = Network::new();
    let (mut region, mut county) = network.pair().await;
    region.links.set_neighbours(&[]).unwrap();
    let reason = region.down(COUNTY).await;
    assert!(reason.contains("neighbour no more"), "{reason}");
    assert!(!region.links.is_up(node(COUNTY)));
    let reason = county.down(REGION).await;
    assert!(reason.contains("neighbour no more"), "{reason}");
    // It dials again, and is a stranger.
    assert!(matches!(region.next().await, LinkEvent::Refused { .. }));
    // It may come back.
    region.links.set_neighbours(&[neighbour(COUNTY, None)]).unwrap();
    while !matches!(region.next().await, LinkEvent::Up { .. }) {}
}

#[tokio::test]
async fn one_who_moved_is_dialled_at_its_new_address() {
    let network = Network::new();
    let (mut region, mut county) = network.pair().await;
    let mut elsewhere = network.start(REGION, &[(COUNTY, None)]);
    // What is up stays up until its old place is gone.
    county.links.set_neighbours(&[neighbour(REGION, Some(&elsewhere))]).unwrap();
    county.links.send(node(REGION), numbered(2)).unwrap();
    assert_eq!(region.frame().await, (node(COUNTY), numbered(2)));
    region.links.close().await;
    county.down(REGION).await;
    elsewhere.up(COUNTY).await;
    county.up(REGION).await;
}

#[tokio::test]
async fn neighbours_that_cannot_be_are_refused_and_nothing_changes() {
    let network = Network::new();
    let (region, _county) = network.pair().await;
    let twice = [neighbour(OTHER_COUNTY, None), neighbour(OTHER_COUNTY, None)];
    for wrong in [&twice[..], &[neighbour(REGION, None)]] {
        let refused = region.links.set_neighbours(wrong);
        assert!(matches!(refused, Err(LinkError::Neighbour { .. })), "{refused:?}");
    }
    assert!(region.links.is_up(node(COUNTY)));
}
