//! A network for tests: an authority, nodes with certificates, stations that collect their events.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use yizhan_document::{Digest, NodeId, WallTime};
use yizhan_identity::{CertificateAuthority, NodeTlsKey};
use yizhan_link::{HelloSource, LinkConfig, LinkEvent, LinkTiming, Links, NeighbourConfig};
use yizhan_protocol::{Frame, Hello, Wanted};
use zeroize::Zeroizing;

pub(crate) const NETWORK: &str = "gov.example";
pub(crate) const REGION: &str = "65";
pub(crate) const COUNTY: &str = "652301";
pub(crate) const OTHER_COUNTY: &str = "652302";

/// A test that waits longer hangs; it never decides what a test finds.
const HANGS: Duration = Duration::from_secs(60);

pub(crate) fn node(text: &str) -> NodeId {
    text.parse().unwrap()
}

/// The time in every test: nothing there reads a clock.
pub(crate) fn now() -> WallTime {
    "2026-11-20T08:00:00Z".parse().unwrap()
}

/// An authority and what it issues.
pub(crate) struct Network {
    name: &'static str,
    authority: CertificateAuthority,
}

impl Network {
    pub(crate) fn new() -> Self {
        Self::named(NETWORK)
    }

    pub(crate) fn named(name: &'static str) -> Self {
        Self { name, authority: CertificateAuthority::create(name, now(), 10).unwrap() }
    }

    pub(crate) fn ca(&self) -> Vec<u8> {
        self.authority.certificate_der().to_vec()
    }

    /// A fresh key and the certificate for it.
    pub(crate) fn certify(&self, me: &str) -> (Vec<u8>, Zeroizing<Vec<u8>>) {
        let key = NodeTlsKey::generate().unwrap();
        let certificate = self.authority.issue_node(node(me), &key, now(), 30).unwrap();
        (certificate, key.pkcs8_der())
    }

    /// A node that listens on a free port. Neighbours are given with the address to dial, or none.
    pub(crate) fn config(&self, me: &str, neighbours: &[(&str, Option<&Station>)]) -> LinkConfig {
        let (certificate, key_pkcs8) = self.certify(me);
        let neighbours = neighbours.iter().map(|(neighbour, station)| NeighbourConfig {
            node: node(neighbour),
            endpoint: station.map(|station| station.links.local_addr().to_string()),
            foreign: None,
        });
        LinkConfig {
            network: self.name.to_owned(),
            me: node(me),
            certificate,
            key_pkcs8,
            ca: self.ca(),
            crls: Vec::new(),
            listen: "127.0.0.1:0".parse().unwrap(),
            neighbours: neighbours.collect(),
            wall: Arc::new(now),
            timing: timing(),
        }
    }

    pub(crate) fn start(&self, me: &str, neighbours: &[(&str, Option<&Station>)]) -> Station {
        Station::start(self.config(me, neighbours))
    }

    /// A region and a county that dials it, both up.
    pub(crate) async fn pair(&self) -> (Station, Station) {
        let mut region = self.start(REGION, &[(COUNTY, None)]);
        let mut county = self.start(COUNTY, &[(REGION, Some(&region))]);
        region.up(COUNTY).await;
        county.up(REGION).await;
        (region, county)
    }
}

/// The defaults, but patient with a machine that has other work, and quick to dial again.
pub(crate) fn timing() -> LinkTiming {
    LinkTiming {
        backoff_first: Duration::from_millis(5),
        backoff_max: Duration::from_millis(50),
        handshake: Duration::from_secs(30),
        idle: Duration::from_secs(30),
        ..LinkTiming::default()
    }
}

/// A copy of a configuration: the same node once more.
pub(crate) fn again(config: &LinkConfig) -> LinkConfig {
    LinkConfig {
        network: config.network.clone(),
        me: config.me,
        certificate: config.certificate.clone(),
        key_pkcs8: config.key_pkcs8.clone(),
        ca: config.ca.clone(),
        crls: config.crls.clone(),
        listen: config.listen,
        neighbours: config.neighbours.clone(),
        wall: config.wall.clone(),
        timing: config.timing,
    }
}

/// The hello of a node.
pub(crate) fn hello(me: NodeId) -> Hello {
    Hello {
        versions: vec![1],
        node: me,
        ledger: format!("{me}.0").parse().unwrap(),
        checkpoint: b"a signed note".to_vec(),
        witnessed: 3,
        directory: 4,
        clock_ms: now().as_ms(),
        remembered: Vec::new(),
    }
}

/// A small frame with a number in it.
pub(crate) fn numbered(number: u64) -> Frame {
    Frame::Wanted(Wanted { link: number, envelope: Digest([9; 32]), from_piece: 0 })
}

/// The links of one node and their events.
pub(crate) struct Station {
    pub(crate) links: Links,
    pub(crate) events: mpsc::Receiver<LinkEvent>,
}

impl Station {
    pub(crate) fn start(config: LinkConfig) -> Self {
        let me = config.me;
        Self::start_with(config, Arc::new(move |_| hello(me)), 1024)
    }

    pub(crate) fn start_with(config: LinkConfig, hello: HelloSource, room: usize) -> Self {
        let (sender, events) = mpsc::channel(room);
        Self { links: Links::start(config, hello, sender).unwrap(), events }
    }

    /// The next event.
    pub(crate) async fn next(&mut self) -> LinkEvent {
        timeout(HANGS, self.events.recv()).await.expect("no event came").expect("the links are closed")
    }

    /// The next event, which must be that this neighbour is up.
    pub(crate) async fn up(&mut self, expected: &str) -> Hello {
        match self.next().await {
            LinkEvent::Up { neighbour, hello } if neighbour == node(expected) => hello,
            other => panic!("{expected} is not up: {other:?}"),
        }
    }

    /// The next event, which must be that this neighbour is down; why.
    pub(crate) async fn down(&mut self, expected: &str) -> String {
        match self.next().await {
            LinkEvent::Down { neighbour, reason } if neighbour == node(expected) => reason,
            other => panic!("{expected} is not down: {other:?}"),
        }
    }

    /// The next event, which must be a frame.
    pub(crate) async fn frame(&mut self) -> (NodeId, Frame) {
        match self.next().await {
            LinkEvent::Frame { neighbour, frame } => (neighbour, frame),
            other => panic!("no frame: {other:?}"),
        }
    }

    /// The next event, which must be that a neighbour cannot be reached; why.
    pub(crate) async fn unreachable(&mut self) -> String {
        match self.next().await {
            LinkEvent::Unreachable { reason, .. } => reason,
            other => panic!("not unreachable: {other:?}"),
        }
    }

    /// The next event, which must be that a caller was refused; why.
    pub(crate) async fn refused(&mut self) -> String {
        match self.next().await {
            LinkEvent::Refused { reason, .. } => reason,
            other => panic!("not refused: {other:?}"),
        }
    }
}
