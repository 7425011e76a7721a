//! What a node must know to talk to its neighbours.

use crate::limits;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use yizhan_document::{NodeId, WallTime};
use yizhan_identity::{CertificateError, node_of_certificate};
use zeroize::Zeroizing;

/// Tells the wall-clock time, by which certificates are judged.
pub type WallClock = Arc<dyn Fn() -> WallTime + Send + Sync>;

/// Who this node is, where it listens, and who its neighbours are.
pub struct LinkConfig {
    /// The network's DNS name, such as `gov.example`; certificates name nodes under it.
    pub network: String,
    /// This node.
    pub me: NodeId,
    /// Its certificate, DER, issued directly by the network's authority.
    pub certificate: Vec<u8>,
    /// The key of the certificate, PKCS#8 DER.
    pub key_pkcs8: Zeroizing<Vec<u8>>,
    /// The certificate of the network's authority, DER; nobody else is trusted.
    pub ca: Vec<u8>,
    /// Revocation lists of the authority, DER; none: revocation is not looked at. Take them only from the signed
    /// directory, for they are parsed before their signature is checked. With an expired one nobody gets up.
    pub crls: Vec<Vec<u8>>,
    /// The UDP address to listen on, and to dial from.
    pub listen: SocketAddr,
    /// Those who may be up; nobody else is listened to.
    pub neighbours: Vec<NeighbourConfig>,
    /// The wall clock.
    pub wall: WallClock,
    /// Waits.
    pub timing: LinkTiming,
}

/// A neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeighbourConfig {
    /// The node.
    pub node: NodeId,
    /// Where to dial it, `host:port`; none: it dials us. It is best that one side alone dials.
    pub endpoint: Option<String>,
    /// The network that it is of, if that is another one.
    pub foreign: Option<ForeignNetwork>,
}

/// Another network: how its nodes are named, and who certifies them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignNetwork {
    /// Its DNS name.
    pub network: String,
    /// The certificate of its authority, DER. It is believed about neighbours of that network alone.
    pub ca: Vec<u8>,
}

/// Waits; the defaults are those of [`crate::limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkTiming {
    /// The first wait before dialling again; it doubles.
    pub backoff_first: Duration,
    /// The longest wait before dialling again.
    pub backoff_max: Duration,
    /// From the first packet to both hellos, at the most.
    pub handshake: Duration,
    /// A peer that was not heard for so long is gone.
    pub idle: Duration,
    /// How often a silent connection shows that it lives.
    pub keep_alive: Duration,
    /// The oldest a connection gets before it is made anew.
    pub age: Duration,
}

impl Default for LinkTiming {
    fn default() -> Self {
        Self {
            backoff_first: limits::BACKOFF_FIRST,
            backoff_max: limits::BACKOFF_MAX,
            handshake: limits::HANDSHAKE,
            idle: limits::IDLE,
            keep_alive: limits::KEEP_ALIVE,
            age: limits::AGE,
        }
    }
}

/// Why a node cannot talk to neighbours. Its operator is to blame; trying again without a change does not help, except
/// where the address is in use.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The own certificate names no node, or another one.
    #[error("the certificate of this node does not name {me}: {reason}; have it issued for {me}")]
    Certificate {
        /// This node.
        me: NodeId,
        /// What is wrong.
        reason: String,
    },
    /// Certificate, key, authority or revocation list cannot be used.
    #[error("the {what} cannot be used for TLS: {reason}")]
    Tls {
        /// Which.
        what: &'static str,
        /// What is wrong; holds nothing secret.
        reason: String,
    },
    /// The neighbour is named twice, is this node, or its endpoint is none.
    #[error("neighbour {node}: {reason}; correct the configuration")]
    Neighbour {
        /// The neighbour.
        node: NodeId,
        /// What is wrong.
        reason: &'static str,
    },
    /// More neighbours than a node can have.
    #[error("{found} neighbours, at the most {} are possible", limits::NEIGHBOURS_MAX)]
    TooManyNeighbours {
        /// How many there are.
        found: usize,
    },
    /// The waits contradict each other.
    #[error("the waits of the links contradict each other: {0}")]
    Timing(&'static str),
    /// The UDP address cannot be had.
    #[error("cannot listen on UDP {address}: {source}; free the address or configure another")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
}

impl LinkConfig {
    /// Whether it makes sense, before a socket is opened.
    pub(crate) fn check(&self) -> Result<(), LinkError> {
        self.check_certificate()?;
        check_neighbours(self.me, &self.neighbours)?;
        self.timing.check()
    }

    fn check_certificate(&self) -> Result<(), LinkError> {
        let wrong = |reason| LinkError::Certificate { me: self.me, reason };
        let named = node_of_certificate(&self.certificate, &self.network)
            .map_err(|error: CertificateError| wrong(error.to_string()))?;
        if named == self.me { Ok(()) } else { Err(wrong(format!("it names {named}"))) }
    }
}

impl LinkTiming {
    fn check(&self) -> Result<(), LinkError> {
        if self.backoff_first.is_zero() || self.backoff_first > self.backoff_max {
            return Err(LinkError::Timing("the first wait before dialling again is 0 or above the longest"));
        }
        if self.keep_alive.is_zero() || self.keep_alive >= self.idle {
            return Err(LinkError::Timing(
                "a silent connection must show that it lives before it counts as gone",
            ));
        }
        if self.idle > Duration::from_secs(3600) {
            return Err(LinkError::Timing("a peer must count as gone within an hour"));
        }
        if self.handshake.is_zero() || self.age.is_zero() {
            return Err(LinkError::Timing("neither handshake nor age may be 0"));
        }
        Ok(())
    }
}

/// Whether these can be the neighbours of `me`.
pub(crate) fn check_neighbours(me: NodeId, neighbours: &[NeighbourConfig]) -> Result<(), LinkError> {
    if neighbours.len() > limits::NEIGHBOURS_MAX {
        return Err(LinkError::TooManyNeighbours { found: neighbours.len() });
    }
    let mut seen = BTreeSet::from([me]);
    for NeighbourConfig { node, endpoint, .. } in neighbours {
        if !seen.insert(*node) {
            return Err(LinkError::Neighbour {
                node: *node,
                reason: "it is named twice, or is this node itself",
            });
        }
        if endpoint.as_ref().is_some_and(|endpoint| !is_host_and_port(endpoint)) {
            return Err(LinkError::Neighbour {
                node: *node,
                reason: "its endpoint is not written host:port",
            });
        }
    }
    Ok(())
}

fn is_host_and_port(endpoint: &str) -> bool {
    endpoint
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port != 0))
}
