//! A caller that is no `Links`: speaks QUIC as it likes.

use crate::network::{NETWORK, Network, REGION, Station, node, now};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{
    ClientConfig, Connection, ConnectionError, Endpoint, RecvStream, SendStream, TransportConfig, VarInt,
};
use rustls::RootCertStore;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{PrivatePkcs8KeyDer, UnixTime};
use rustls::time_provider::TimeProvider;
use std::sync::Arc;
use std::time::Duration;
use yizhan_protocol::{Frame, FrameHead, decode};

/// The caller.
pub(crate) struct Stranger {
    endpoint: Endpoint,
}

impl Stranger {
    /// With a certificate of the network for `me`, or none. It keeps session tickets and likes early data.
    pub(crate) fn new(network: &Network, me: Option<&str>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(network.ca().into()).unwrap();
        let builder = rustls::ClientConfig::builder_with_details(Arc::new(default_provider()), Arc::new(Now))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots);
        let mut tls = match me.map(|me| network.certify(me)) {
            Some((certificate, key)) => {
                let key = PrivatePkcs8KeyDer::from(key.to_vec());
                builder.with_client_auth_cert(vec![certificate.into()], key.into()).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        tls.alpn_protocols = vec![b"yizhan/1".to_vec()];
        tls.enable_early_data = true;
        let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
        let mut transport = TransportConfig::default();
        transport.max_concurrent_bidi_streams(VarInt::from_u32(9));
        config.transport_config(Arc::new(transport));
        let mut endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        endpoint.set_default_client_config(config);
        Self { endpoint }
    }

    pub(crate) fn begin(&self, region: &Station) -> quinn::Connecting {
        self.endpoint.connect(region.links.local_addr(), &format!("{}.{NETWORK}", node(REGION))).unwrap()
    }

    pub(crate) async fn connect(&self, region: &Station) -> Result<Connection, ConnectionError> {
        self.begin(region).await
    }

    /// A connection, and the control stream on which `first` was already said.
    pub(crate) async fn call(&self, region: &Station, first: &[u8]) -> (Connection, SendStream, RecvStream) {
        let connection = self.connect(region).await.unwrap();
        let (mut out, into) = connection.open_bi().await.unwrap();
        out.write_all(first).await.unwrap();
        (connection, out, into)
    }
}

/// Reads one frame.
pub(crate) async fn hear(into: &mut RecvStream) -> Frame {
    let mut head = [0; 8];
    into.read_exact(&mut head).await.unwrap();
    let head = FrameHead::parse(&head).unwrap();
    let mut payload = vec![0; head.payload_bytes()];
    into.read_exact(&mut payload).await.unwrap();
    decode(&head, &payload).unwrap()
}

#[derive(Debug)]
struct Now;

impl TimeProvider for Now {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis(now().as_ms())))
    }
}
