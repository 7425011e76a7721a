//! QUIC transport settings, every one of them set: windows, stream counts, waits, datagrams off.

use crate::config::{LinkConfig, LinkError, LinkTiming};
use crate::limits;
use crate::tls::{dialled, dialling};
use quinn::congestion::CubicConfig;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{
    ClientConfig, EndpointConfig, IdleTimeout, MtuDiscoveryConfig, ServerConfig, TransportConfig, VarInt,
};
use quinn_proto::HashedConnectionIdGenerator;
use ring::{hkdf, hmac};
use std::sync::Arc;

fn no_suite(_: impl Sized) -> LinkError {
    LinkError::Tls {
        what: "cryptographic provider",
        reason: "QUIC needs TLS13_AES_128_GCM_SHA256".to_owned(),
    }
}

/// The settings of calls that are taken, from nodes that one of these authorities certified.
pub(crate) fn server(config: &LinkConfig, authorities: &[&[u8]]) -> Result<ServerConfig, LinkError> {
    let crypto = QuicServerConfig::try_from(dialled(config, authorities)?).map_err(no_suite)?;
    let mut server = ServerConfig::with_crypto(Arc::new(crypto));
    server
        .transport_config(Arc::new(connection(&config.timing, 1)?))
        .migration(true) // counties behind address translation change their port
        .max_incoming(limits::INCOMING_MAX)
        .incoming_buffer_size(limits::INCOMING_BUFFER_BYTES)
        .incoming_buffer_size_total(limits::INCOMING_BUFFER_BYTES_TOTAL);
    Ok(server)
}

/// The settings of calls that are made, to nodes that this authority certified.
pub(crate) fn client(config: &LinkConfig, authority: &[u8]) -> Result<ClientConfig, LinkError> {
    let crypto = QuicClientConfig::try_from(dialling(config, authority)?).map_err(no_suite)?;
    let mut client = ClientConfig::new(Arc::new(crypto));
    client.transport_config(Arc::new(connection(&config.timing, 0)?));
    Ok(client)
}

/// One connection, with nothing that bounds memory left to a default (MUST-04). The dialler opens the one control stream,
/// so only the dialled side grants one.
pub(crate) fn connection(timing: &LinkTiming, control_streams: u32) -> Result<TransportConfig, LinkError> {
    let mut discovery = MtuDiscoveryConfig::default();
    discovery.upper_bound(limits::MTU_MAX);
    let idle = IdleTimeout::try_from(timing.idle)
        .map_err(|_| LinkError::Timing("idle is beyond what QUIC can say"))?;
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(control_streams))
        .max_concurrent_uni_streams(VarInt::from_u32(limits::BODIES_AT_ONCE_MAX as u32))
        .stream_receive_window(VarInt::from_u32(limits::STREAM_RECEIVE_WINDOW))
        .receive_window(VarInt::from_u32(limits::RECEIVE_WINDOW))
        .send_window(limits::SEND_WINDOW)
        .crypto_buffer_size(limits::CRYPTO_BUFFER_BYTES)
        .max_idle_timeout(Some(idle))
        .keep_alive_interval(Some(timing.keep_alive))
        .datagram_receive_buffer_size(None)
        .datagram_send_buffer_size(0)
        .initial_mtu(limits::INITIAL_MTU)
        .mtu_discovery_config(Some(discovery))
        .congestion_controller_factory(Arc::new(CubicConfig::default()))
        .enable_segmentation_offload(true)
        .send_fairness(true)
        .allow_spin(false);
    Ok(transport)
}

/// Reset key and connection ids come from the node's own key and so survive a restart: a neighbour that still speaks on
/// a connection from before is told at once (stateless reset, RFC 9000, section 10.3) instead of waiting for silence.
pub(crate) fn endpoint(key_pkcs8: &[u8]) -> Result<EndpointConfig, LinkError> {
    let own = hkdf::Salt::new(hkdf::HKDF_SHA256, b"yizhan link").extract(key_pkcs8);
    let mut reset = [0; 32];
    let mut ids = [0; 32];
    derive(&own, b"stateless reset", &mut reset)?;
    derive(&own, b"connection ids", &mut ids)?;
    let [a, b, c, d, e, f, g, h, ..] = ids;
    let ids = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    let mut endpoint = EndpointConfig::new(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &reset)));
    endpoint
        .max_udp_payload_size(limits::MTU_MAX)
        .map_err(|_| LinkError::Timing("datagrams of this size"))?;
    endpoint.cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(ids)));
    Ok(endpoint)
}

fn derive(own: &hkdf::Prk, purpose: &[u8], out: &mut [u8; 32]) -> Result<(), LinkError> {
    own.expand(&[purpose], hkdf::HKDF_SHA256)
        .and_then(|key| key.fill(out))
        .map_err(|_| LinkError::Tls { what: "key", reason: "no reset key can be derived from it".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_streams_and_waits_are_those_of_the_limits() {
        let timing = LinkTiming::default();
        let shown = format!("{:?}", connection(&timing, 1).unwrap());
        let expected = [
            "max_concurrent_bidi_streams: 1,".to_owned(),
            format!("max_concurrent_uni_streams: {},", limits::BODIES_AT_ONCE_MAX),
            format!("max_idle_timeout: Some({}),", limits::IDLE.as_millis()),
            format!("stream_receive_window: {},", limits::STREAM_RECEIVE_WINDOW),
            format!(" receive_window: {},", limits::RECEIVE_WINDOW),
            format!("send_window: {},", limits::SEND_WINDOW),
            format!("keep_alive_interval: Some({:?}),", limits::KEEP_ALIVE),
            "datagram_receive_buffer_size: None,".to_owned(),
            "datagram_send_buffer_size: 0,".to_owned(),
        ];
        for setting in expected {
            assert!(shown.contains(&setting), "{setting} is not in {shown}");
        }
    }

    #[test]
    fn the_dialling_side_grants_no_bidirectional_stream() {
        let shown = format!("{:?}", connection(&LinkTiming::default(), 0).unwrap());
        assert!(shown.contains("max_concurrent_bidi_streams: 0,"), "{shown}");
    }
}
