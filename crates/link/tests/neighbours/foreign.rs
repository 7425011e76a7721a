//! A neighbour of another network: its own authority certifies it, and that authority is believed about nobody else.

use crate::network::{COUNTY, NETWORK, Network, REGION, Station, node};
use yizhan_link::{ForeignNetwork, LinkConfig, LinkEvent, NeighbourConfig};

const PARTY: &str = "party.example";
const THEIR_ROOT: &str = "p-65";

fn neighbour(name: &str, station: Option<&Station>, of: Option<(&str, &Network)>) -> NeighbourConfig {
    let foreign = of.map(|(name, network)| ForeignNetwork { network: name.to_owned(), ca: network.ca() });
    NeighbourConfig {
        node: node(name),
        endpoint: station.map(|it| it.links.local_addr().to_string()),
        foreign,
    }
}

/// A node that dials the region, which is of the other network for it.
fn dialling(network: &Network, me: &str, region: &Station, gov: &Network) -> LinkConfig {
    let mut config = network.config(me, &[]);
    config.neighbours = vec![neighbour(REGION, Some(region), Some((NETWORK, gov)))];
    config
}

async fn refused(region: &mut Station) -> String {
    loop {
        if let LinkEvent::Refused { reason, .. } = region.next().await {
            return reason;
        }
    }
}

async fn up(region: &mut Station, wanted: &str) {
    loop {
        if matches!(region.next().await, LinkEvent::Up { neighbour, .. } if neighbour == node(wanted)) {
            return;
        }
    }
}

#[tokio::test]
async fn a_neighbour_of_another_network_comes_up_once_that_is_known_and_the_others_stay() {
    let (gov, party) = (Network::new(), Network::named(PARTY));
    let (mut region, county) = gov.pair().await;
    let mut theirs = Station::start(dialling(&party, THEIR_ROOT, &region, &gov));
    // Until the directory names it with its network its authority is a stranger's.
    refused(&mut region).await;
    let own = neighbour(COUNTY, None, None);
    region.links.set_neighbours(&[own, neighbour(THEIR_ROOT, None, Some((PARTY, &party)))]).unwrap();
    up(&mut region, THEIR_ROOT).await;
    up(&mut theirs, REGION).await;
    assert!(county.links.is_up(node(REGION)) && region.links.is_up(node(COUNTY)));
    // And no more, once it is no neighbour.
    region.links.set_neighbours(&[neighbour(COUNTY, None, None)]).unwrap();
    loop {
        if matches!(region.next().await, LinkEvent::Down { neighbour, .. } if neighbour == node(THEIR_ROOT)) {
            return;
        }
    }
}

#[tokio::test]
async fn each_authority_is_believed_about_the_nodes_of_its_own_network_alone() {
    let (gov, party) = (Network::new(), Network::named(PARTY));
    let mut config = gov.config(REGION, &[]);
    let theirs = neighbour(THEIR_ROOT, None, Some((PARTY, &party)));
    config.neighbours = vec![neighbour(COUNTY, None, None), theirs];
    let mut region = Station::start(config);
    // The own authority certifies a node of the other network's name, the other one a node of the own.
    let _own = Station::start(dialling(&gov, THEIR_ROOT, &region, &gov));
    assert!(refused(&mut region).await.contains("in another network"));
    let _other = Station::start(dialling(&party, COUNTY, &region, &gov));
    refused(&mut region).await;
    // An authority that calls itself as the own network does.
    let false_gov = Network::named(NETWORK);
    let _false = Station::start(dialling(&false_gov, COUNTY, &region, &gov));
    refused(&mut region).await;
    assert!(!region.links.is_up(node(COUNTY)) && !region.links.is_up(node(THEIR_ROOT)));
}

/// The other network's authority forges a certificate in the own network's name: the handshake lets it pass, since it believes both.
#[tokio::test]
async fn a_certificate_that_the_other_authority_issued_in_the_own_name_is_refused() {
    let (gov, forger) = (Network::new(), Network::named(NETWORK));
    let mut config = gov.config(REGION, &[]);
    let theirs = neighbour(THEIR_ROOT, None, Some((PARTY, &forger)));
    config.neighbours = vec![neighbour(COUNTY, None, None), theirs];
    let mut region = Station::start(config);
    let _forged = Station::start(dialling(&forger, COUNTY, &region, &gov));
    let reason = refused(&mut region).await;
    assert!(reason.contains("did not issue"), "{reason}");
}
