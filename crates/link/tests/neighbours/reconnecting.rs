//! Coming back: after a stop, after vanishing, after a restart nobody noticed, when due, and with both sides dialling.

use crate::network::{COUNTY, Network, REGION, Station, again, node, numbered, timing};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;
use yizhan_link::{LinkConfig, LinkEvent, LinkTiming, NeighbourConfig};

/// A region at a fixed port, so that it can come back there.
fn region_config(network: &Network) -> LinkConfig {
    let mut config = network.config(REGION, &[(COUNTY, None)]);
    config.listen = free_address();
    config
}

fn free_address() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The next `Up`, whatever vain calls came before it.
async fn up_at_last(station: &mut Station) {
    loop {
        match station.next().await {
            LinkEvent::Up { .. } => return,
            LinkEvent::Unreachable { .. } => {}
            other => panic!("not up: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_neighbour_that_stops_and_starts_again_at_the_same_port_is_up_again() {
    let network = Network::new();
    let config = region_config(&network);
    let mut region = Station::start(again(&config));
    let mut county = network.start(COUNTY, &[(REGION, Some(&region))]);
    for number in 0..3 {
        region.up(COUNTY).await;
        up_at_last(&mut county).await;
        county.links.send(node(REGION), numbered(number)).unwrap();
        assert_eq!(region.frame().await, (node(COUNTY), numbered(number)));
        region.links.close().await;
        assert_eq!(county.down(REGION).await, "the neighbour closed the connection: the node stops");
        assert!(!county.links.is_up(node(REGION)));
        // The driver of a connection that was closed holds the socket a moment longer.
        while UdpSocket::bind(config.listen).is_err() {
            tokio::task::yield_now().await;
        }
        region = Station::start(again(&config));
    }
}

#[test]
fn a_neighbour_that_vanishes_without_a_word_and_returns_is_recognised_as_restarted() {
    let network = Network::new();
    let config = region_config(&network);
    let runtime =
        || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (first, second, own) = (runtime(), runtime(), runtime());

    let mut region = first.block_on(async { Station::start(again(&config)) });
    let mut county = own.block_on(async {
        let mut config = network.config(COUNTY, &[(REGION, Some(&region))]);
        // Nobody counts as silent within this test: it is the restarted node that must say what happened.
        config.timing =
            LinkTiming { idle: Duration::from_secs(600), keep_alive: Duration::from_millis(100), ..timing() };
        config.timing.handshake = Duration::from_secs(1);
        Station::start(config)
    });
    first.block_on(region.up(COUNTY));
    own.block_on(county.up(REGION));
    // As with kill -9: no task runs any more, no packet is sent.
    first.shutdown_timeout(Duration::from_secs(10));
    drop(region);

    let mut region = second.block_on(async { Station::start(again(&config)) });
    let reason = own.block_on(county.down(REGION));
    assert_eq!(reason, "the neighbour restarted and does not know the connection any more");
    own.block_on(up_at_last(&mut county));
    second.block_on(region.up(COUNTY));
}

#[test]
fn a_neighbour_that_vanishes_for_good_is_down_by_its_silence() {
    let network = Network::new();
    let runtime =
        || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (theirs, own) = (runtime(), runtime());
    let mut config = network.config(REGION, &[(COUNTY, None)]);
    config.timing =
        LinkTiming { idle: Duration::from_secs(1), keep_alive: Duration::from_millis(200), ..timing() };
    let mut region = own.block_on(async { Station::start(config) });
    let mut county = theirs.block_on(async { network.start(COUNTY, &[(REGION, Some(&region))]) });
    own.block_on(region.up(COUNTY));
    theirs.block_on(county.up(REGION));
    theirs.shutdown_timeout(Duration::from_secs(10));
    assert_eq!(own.block_on(region.down(COUNTY)), "the neighbour is silent");
}

#[tokio::test]
async fn a_newer_connection_of_the_same_neighbour_replaces_the_older_one() {
    let network = Network::new();
    let mut region = network.start(REGION, &[(COUNTY, None)]);
    let mut config = network.config(COUNTY, &[(REGION, Some(&region))]);
    // The one that gave way does not dial again within this test.
    config.timing.backoff_first = Duration::from_secs(600);
    config.timing.backoff_max = Duration::from_secs(600);
    let mut county = Station::start(again(&config));
    region.up(COUNTY).await;
    county.up(REGION).await;

    // The county restarted, and the region has not noticed that the first connection is dead.
    let mut restarted = Station::start(config);
    assert_eq!(region.down(COUNTY).await, "the neighbour has a newer connection");
    region.up(COUNTY).await;
    restarted.up(REGION).await;
    assert_eq!(county.down(REGION).await, "the neighbour has a newer connection");
    region.links.send(node(COUNTY), numbered(1)).unwrap();
    assert_eq!(restarted.frame().await, (node(REGION), numbered(1)));
}

#[tokio::test]
async fn two_nodes_that_dial_each_other_settle_on_a_connection() {
    let network = Network::new();
    let addresses = [free_address(), free_address()];
    let config = |me: &str, at: usize, neighbour: &str, there: usize| {
        let mut config = network.config(me, &[]);
        config.listen = addresses[at];
        let endpoint = Some(addresses[there].to_string());
        config.neighbours = vec![NeighbourConfig { node: node(neighbour), endpoint, foreign: None }];
        config.timing.backoff_max = Duration::from_secs(2);
        config
    };
    let mut region = Station::start(config(REGION, 0, COUNTY, 1));
    let mut county = Station::start(config(COUNTY, 1, REGION, 0));
    // Each asks whenever it is up; what is asked on a connection that gives way is lost with it. Settled means that a
    // hundred questions in a row are answered on one connection.
    let mut in_a_row = 0;
    while in_a_row < 100 {
        tokio::select! {
            event = region.next() => match event {
                LinkEvent::Up { .. } => {
                    in_a_row = 0;
                    region.links.send(node(COUNTY), numbered(0)).unwrap_or_default();
                }
                LinkEvent::Frame { .. } => {
                    in_a_row += 1;
                    region.links.send(node(COUNTY), numbered(in_a_row)).unwrap_or_default();
                }
                _ => in_a_row = 0,
            },
            event = county.next() => if let LinkEvent::Frame { frame, .. } = event {
                county.links.send(node(REGION), frame).unwrap_or_default();
            },
        }
    }
}

#[tokio::test]
async fn a_connection_that_is_old_enough_is_made_anew() {
    let network = Network::new();
    let mut config = network.config(REGION, &[(COUNTY, None)]);
    config.timing.age = Duration::from_millis(100);
    let mut region = Station::start(config);
    let mut county = network.start(COUNTY, &[(REGION, Some(&region))]);
    for _ in 0..3 {
        region.up(COUNTY).await;
        up_at_last(&mut county).await;
        assert_eq!(region.down(COUNTY).await, "the connection is due to be made anew");
        let reason = county.down(REGION).await;
        assert!(reason.contains("due to be made anew"), "{reason}");
    }
}

#[tokio::test]
async fn closing_tells_the_neighbours_and_ends_the_events() {
    let (mut region, mut county) = Network::new().pair().await;
    county.links.close().await;
    assert!(county.events.recv().await.is_none(), "an event came after closing");
    assert_eq!(region.down(COUNTY).await, "the neighbour closed the connection: the node stops");
}
