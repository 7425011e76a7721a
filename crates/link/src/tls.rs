//! TLS 1.3 between nodes: the authority of the neighbour's network alone, both sides with certificates, nothing resumed.
//!
//! Resumption would skip the check of the client's certificate, and with it revocation; early data can be replayed.
//! Both are off (MUST-02), and the tests show it. The one authority is half of MUST-01.

use crate::config::{LinkConfig, LinkError, WallClock};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring as ring_provider};
use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime,
};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The application protocol named in the handshake (ALPN, RFC 7301).
const APPLICATION_PROTOCOL: &[u8] = b"yizhan/1";

/// What every connection is made from.
struct Basis {
    provider: Arc<CryptoProvider>,
    clock: Arc<GivenTime>,
    roots: Arc<RootCertStore>,
    own: Arc<SingleCertAndKey>,
}

impl Basis {
    fn of(config: &LinkConfig, authorities: &[&[u8]]) -> Result<Self, LinkError> {
        Ok(Self {
            provider: Arc::new(ring_provider::default_provider()),
            clock: Arc::new(GivenTime(config.wall.clone())),
            roots: Arc::new(roots(authorities)?),
            own: own_certificate(config)?,
        })
    }
}

/// How this node shows itself and judges whom it dials: one network's authority is believed.
pub(crate) fn dialling(config: &LinkConfig, authority: &[u8]) -> Result<ClientConfig, LinkError> {
    let Basis { provider, clock, roots, own } = Basis::of(config, &[authority])?;
    client(config, &provider, clock, roots, own)
}

/// The same for who dials it. Which of the authorities has to have issued a certificate depends on whom it names, and is looked at
/// once the handshake has shown it.
pub(crate) fn dialled(config: &LinkConfig, authorities: &[&[u8]]) -> Result<ServerConfig, LinkError> {
    let Basis { provider, clock, roots, own } = Basis::of(config, authorities)?;
    server(config, &provider, clock, roots, own)
}

fn client(
    config: &LinkConfig,
    provider: &Arc<CryptoProvider>,
    clock: Arc<GivenTime>,
    roots: Arc<RootCertStore>,
    own: Arc<SingleCertAndKey>,
) -> Result<ClientConfig, LinkError> {
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
        .with_crls(crls(config))
        .enforce_revocation_expiration()
        .build()
        .map_err(|error| wrong("authority or revocation list", error))?;
    let mut client = ClientConfig::builder_with_details(provider.clone(), clock)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| wrong("cryptographic provider", error))?
        .with_webpki_verifier(verifier)
        .with_client_cert_resolver(own);
    client.alpn_protocols = vec![APPLICATION_PROTOCOL.to_vec()];
    client.resumption = Resumption::disabled();
    client.enable_early_data = false;
    // Each endpoint is one node: nothing is gained from telling the network whom we dial.
    client.enable_sni = false;
    Ok(client)
}

fn server(
    config: &LinkConfig,
    provider: &Arc<CryptoProvider>,
    clock: Arc<GivenTime>,
    roots: Arc<RootCertStore>,
    own: Arc<SingleCertAndKey>,
) -> Result<ServerConfig, LinkError> {
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone())
        .with_crls(crls(config))
        .enforce_revocation_expiration()
        .build()
        .map_err(|error| wrong("authority or revocation list", error))?;
    let mut server = ServerConfig::builder_with_details(provider.clone(), clock)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| wrong("cryptographic provider", error))?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(own);
    server.alpn_protocols = vec![APPLICATION_PROTOCOL.to_vec()];
    server.session_storage = Arc::new(NoServerSessionStorage {});
    server.send_tls13_tickets = 0;
    server.max_early_data_size = 0;
    Ok(server)
}

fn roots(authorities: &[&[u8]]) -> Result<RootCertStore, LinkError> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(CertificateDer::from(authority.to_vec())).map_err(|error| wrong("authority", error))?;
    }
    Ok(roots)
}

fn crls(config: &LinkConfig) -> Vec<CertificateRevocationListDer<'static>> {
    config.crls.iter().cloned().map(Into::into).collect()
}

fn own_certificate(config: &LinkConfig) -> Result<Arc<SingleCertAndKey>, LinkError> {
    // Borrowed: the key is not copied here.
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(config.key_pkcs8.as_slice()));
    let key = ring_provider::sign::any_supported_type(&key).map_err(|error| wrong("key", error))?;
    let own = CertifiedKey::new(vec![CertificateDer::from(config.certificate.clone())], key);
    own.keys_match().map_err(|error| wrong("key", error))?;
    Ok(Arc::new(own.into()))
}

fn wrong(what: &'static str, error: impl fmt::Display) -> LinkError {
    LinkError::Tls { what, reason: error.to_string() }
}

/// The wall clock the node was given, for rustls.
struct GivenTime(WallClock);

impl TimeProvider for GivenTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis((self.0)().as_ms())))
    }
}

impl fmt::Debug for GivenTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GivenTime(..)")
    }
}
