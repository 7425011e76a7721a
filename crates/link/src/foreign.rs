//! Neighbours of other networks: each is known by its own network's name and authority, which count for nobody else.

use crate::config::{ForeignNetwork, LinkConfig, LinkError, NeighbourConfig};
use crate::transport::{client, server};
use quinn::{ClientConfig, ServerConfig};
use std::collections::BTreeMap;
use yizhan_document::{NodeId, WallTime};
use yizhan_identity::{CertificateError, check_issued_by, node_of_certificate};

/// The neighbours that are of other networks, and how they are dialled.
#[derive(Clone, Default)]
pub(crate) struct Foreign {
    of: BTreeMap<NodeId, ForeignNetwork>,
    clients: BTreeMap<NodeId, ClientConfig>,
}

/// A certificate that does not name whom it may name.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unnamed {
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error("its certificate names {0} in another network than the one that {0} is of here")]
    OtherNetwork(NodeId),
}

impl Foreign {
    /// From all neighbours. One whose network has an authority that cannot be used is not to be reached; that keeps nobody else
    /// from it.
    pub(crate) fn of(own: &LinkConfig, neighbours: &[NeighbourConfig]) -> Self {
        let mut foreign = Self::default();
        for NeighbourConfig { node, foreign: network, .. } in neighbours {
            if let Some(network) = network {
                foreign.of.insert(*node, network.clone());
                match client(own, &network.ca) {
                    Ok(client) => {
                        foreign.clients.insert(*node, client);
                    }
                    Err(error) => {
                        tracing::error!(neighbour = %node, network = network.network, %error,
                            "ALARM: a neighbour of another network cannot be reached; tell that network's authority");
                    }
                }
            }
        }
        foreign
    }

    /// Whether it is the same as another.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.of == other.of
    }

    /// How calls of the own neighbours and of these are taken.
    pub(crate) fn server(&self, own: &LinkConfig) -> Result<ServerConfig, LinkError> {
        let usable = self.of.iter().filter(|(node, _)| self.clients.contains_key(node));
        let theirs = usable.map(|(_, network)| network.ca.as_slice());
        server(own, &std::iter::once(own.ca.as_slice()).chain(theirs).collect::<Vec<_>>())
    }

    /// How a neighbour is dialled and by what name, if it is of another network.
    pub(crate) fn dialling(&self, node: NodeId) -> Option<(ClientConfig, &str)> {
        let client = self.clients.get(&node)?.clone();
        Some((client, &self.of.get(&node)?.network))
    }

    /// The node that a certificate names. The handshake has shown that one of the authorities issued it; which one has to, depends
    /// on the node: each network's names its own nodes and no others (MUST-01).
    pub(crate) fn named(
        &self,
        own: &LinkConfig,
        certificate: &[u8],
        now: WallTime,
    ) -> Result<NodeId, Unnamed> {
        let in_own = match node_of_certificate(certificate, &own.network) {
            Ok(node) => {
                check_issued_by(certificate, &own.ca, now)?;
                return if self.of.contains_key(&node) { Err(Unnamed::OtherNetwork(node)) } else { Ok(node) };
            }
            Err(error) => error,
        };
        for (node, network) in &self.of {
            if node_of_certificate(certificate, &network.network).is_ok_and(|named| named == *node) {
                check_issued_by(certificate, &network.ca, now)?;
                return Ok(*node);
            }
        }
        Err(in_own.into())
    }
}
