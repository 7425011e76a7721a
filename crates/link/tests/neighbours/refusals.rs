//! Who does not get up: each is refused with the reason, and neither side ever says `Up` (MUST-01, MUST-03).

use crate::network::{COUNTY, Network, OTHER_COUNTY, REGION, Station, hello, node, now};
use crate::stranger::Stranger;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;
use yizhan_link::{LinkError, LinkEvent, Links, NeighbourConfig};

/// A pair whose region must refuse the county: both reasons.
async fn refused(region: &mut Station, county: &mut Station) -> (String, String) {
    let at_the_region = region.refused().await;
    let at_the_county = county.unreachable().await;
    assert!(!region.links.is_up(node(COUNTY)) && !county.links.is_up(node(REGION)));
    // However often the county dials, nothing but refusals comes.
    for _ in 0..3 {
        region.refused().await;
    }
    assert!(county.events.try_recv().is_err(), "the same reason was told twice");
    (at_the_region, at_the_county)
}

#[tokio::test]
async fn a_caller_certified_by_another_authority_is_refused() {
    let (network, other) = (Network::new(), Network::new());
    let mut region = network.start(REGION, &[(COUNTY, None)]);
    let mut config = network.config(COUNTY, &[(REGION, Some(&region))]);
    (config.certificate, config.key_pkcs8) = other.certify(COUNTY);
    let mut county = Station::start(config);
    let (at_the_region, at_the_county) = refused(&mut region, &mut county).await;
    assert!(at_the_region.contains("certificate"), "{at_the_region}");
    assert!(at_the_county.contains("alert") || at_the_county.contains("handshake"), "{at_the_county}");
}

#[tokio::test]
async fn a_dialled_node_certified_by_another_authority_is_refused() {
    let (network, other) = (Network::new(), Network::new());
    let mut config = network.config(REGION, &[(COUNTY, None)]);
    (config.certificate, config.key_pkcs8) = other.certify(REGION);
    let mut region = Station::start(config);
    let mut county = network.start(COUNTY, &[(REGION, Some(&region))]);
    let reason = county.unreachable().await;
    assert!(reason.contains("UnknownIssuer") || reason.contains("BadSignature"), "{reason}");
    region.refused().await;
    assert!(!region.links.is_up(node(COUNTY)) && !county.links.is_up(node(REGION)));
}

#[tokio::test]
async fn a_node_of_the_network_that_is_no_neighbour_is_refused() {
    let network = Network::new();
    let mut region = network.start(REGION, &[(OTHER_COUNTY, None)]);
    let mut county = network.start(COUNTY, &[(REGION, Some(&region))]);
    let (at_the_region, at_the_county) = refused(&mut region, &mut county).await;
    assert!(at_the_region.contains("652301 is no neighbour of 65"), "{at_the_region}");
    assert!(at_the_county.contains("652301 is no neighbour of 65"), "{at_the_county}");
}

#[tokio::test]
async fn another_node_than_the_one_dialled_is_refused() {
    let network = Network::new();
    let mut other = network.start(OTHER_COUNTY, &[(COUNTY, None)]);
    // The county believes that the region lives where the other county does.
    let mut county = network.start(COUNTY, &[(REGION, Some(&other))]);
    let reason = county.unreachable().await;
    assert!(reason.contains("NotValidForName") || reason.contains("not valid for name"), "{reason}");
    other.refused().await;
    assert!(!other.links.is_up(node(COUNTY)) && !county.links.is_up(node(REGION)));
}

#[tokio::test]
async fn an_expired_certificate_is_refused_by_the_clock_of_the_node() {
    let network = Network::new();
    let mut config = network.config(REGION, &[(COUNTY, None)]);
    config.wall = Arc::new(|| now().plus_ms(40 * 24 * 3600 * 1000));
    let mut region = Station::start(config);
    let mut county = network.start(COUNTY, &[(REGION, Some(&region))]);
    let (at_the_region, _) = refused(&mut region, &mut county).await;
    assert!(at_the_region.contains("xpired"), "{at_the_region}");
}

#[tokio::test]
async fn a_hello_in_another_name_than_the_certificate_is_refused() {
    let network = Network::new();
    let mut region = network.start(REGION, &[(COUNTY, None), (OTHER_COUNTY, None)]);
    let config = network.config(COUNTY, &[(REGION, Some(&region))]);
    let mut county = Station::start_with(config, Arc::new(|_| hello(node(OTHER_COUNTY))), 64);
    let (at_the_region, at_the_county) = refused(&mut region, &mut county).await;
    assert!(at_the_region.contains("names 652301, the hello 652302"), "{at_the_region}");
    assert!(at_the_county.contains("names 652301, the hello 652302"), "{at_the_county}");
}

#[tokio::test]
async fn a_hello_without_a_common_version_is_refused() {
    let network = Network::new();
    let mut region = network.start(REGION, &[(COUNTY, None)]);
    let config = network.config(COUNTY, &[(REGION, Some(&region))]);
    let newer = Arc::new(|_| yizhan_protocol::Hello { versions: vec![2, 3], ..hello(node(COUNTY)) });
    let mut county = Station::start_with(config, newer, 64);
    let (at_the_region, _) = refused(&mut region, &mut county).await;
    assert!(at_the_region.contains("version 1"), "{at_the_region}");
}

#[tokio::test]
async fn a_caller_without_a_certificate_is_refused() {
    let network = Network::new();
    let mut region = network.start(REGION, &[(COUNTY, None)]);
    let stranger = Stranger::new(&network, None);
    // For the caller this may look like success until it reads: it proves nothing.
    let connection = stranger.connect(&region).await;
    let reason = region.refused().await;
    assert!(reason.contains("ertificate"), "{reason}");
    if let Ok(connection) = connection {
        connection.closed().await;
    }
}

#[tokio::test]
async fn an_endpoint_where_nobody_answers_is_told_once() {
    let network = Network::new();
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut config = network.config(COUNTY, &[]);
    let endpoint = silent.local_addr().unwrap().to_string();
    config.neighbours =
        vec![NeighbourConfig { node: node(REGION), endpoint: Some(endpoint.clone()), foreign: None }];
    config.timing.handshake = Duration::from_millis(20);
    let mut county = Station::start(config);
    assert_eq!(county.unreachable().await, format!("{endpoint}: no hello in time"));
    // Three more calls arrive at the silent endpoint, and nothing more is told.
    let mut calls = std::collections::BTreeSet::new();
    let silent = tokio::net::UdpSocket::from_std({
        silent.set_nonblocking(true).unwrap();
        silent
    })
    .unwrap();
    let mut datagram = [0; 2048];
    while calls.len() < 4 {
        let (length, _) = silent.recv_from(&mut datagram).await.unwrap();
        // A long header: type, version, length of the destination's connection id, and the id (RFC 9000, 17.2).
        calls.insert(datagram[6..6 + usize::from(datagram[5])].to_vec());
        assert!(length >= 1200);
    }
    assert!(county.events.try_recv().is_err(), "the same reason was told twice");
}

#[tokio::test]
async fn a_configuration_that_makes_no_sense_is_refused_at_the_start() {
    let network = Network::new();
    let start = |change: &dyn Fn(&mut yizhan_link::LinkConfig)| {
        let mut config = network.config(REGION, &[(COUNTY, None)]);
        change(&mut config);
        let (events, _) = tokio::sync::mpsc::channel::<LinkEvent>(1);
        Links::start(config, Arc::new(|_| hello(node(REGION))), events).err()
    };
    assert!(start(&|_| {}).is_none());
    let other = network.certify(COUNTY);
    assert!(matches!(
        start(&|config| config.certificate = other.0.clone()),
        Some(LinkError::Certificate { .. })
    ));
    assert!(matches!(
        start(&|config| config.key_pkcs8 = other.1.clone()),
        Some(LinkError::Tls { what: "key", .. })
    ));
    assert!(matches!(
        start(&|config| config.ca = vec![1, 2, 3]),
        Some(LinkError::Tls { what: "authority", .. })
    ));
    assert!(matches!(start(&|config| config.crls = vec![vec![1]]), Some(LinkError::Tls { .. })));
    let neighbour = |node: &str, endpoint: Option<&str>| NeighbourConfig {
        node: node.parse().unwrap(),
        endpoint: endpoint.map(str::to_owned),
        foreign: None,
    };
    for wrong in [
        neighbour(REGION, None),
        neighbour(COUNTY, None),
        neighbour("1", Some("host")),
        neighbour("1", Some(":1")),
        neighbour("1", Some("host:0")),
        neighbour("1", Some("host:65536")),
    ] {
        let error = start(&|config| config.neighbours.push(wrong.clone()));
        assert!(matches!(error, Some(LinkError::Neighbour { .. })), "{wrong:?} was taken");
    }
    let many = |config: &mut yizhan_link::LinkConfig| {
        config.neighbours =
            (1..=yizhan_link::limits::NEIGHBOURS_MAX + 1).map(|n| neighbour(&n.to_string(), None)).collect();
    };
    assert!(matches!(start(&many), Some(LinkError::TooManyNeighbours { .. })));
    assert!(matches!(
        start(&|config| config.timing.keep_alive = config.timing.idle),
        Some(LinkError::Timing(_))
    ));
    let taken = network.start(REGION, &[]);
    let address = taken.links.local_addr();
    assert!(matches!(start(&|config| config.listen = address), Some(LinkError::Listen { .. })));
}
