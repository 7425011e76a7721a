//! The directory as it is believed: what stands in it, who is an office, where a document goes next.

use crate::division::{Division, OfficeRecord, OfficeState};
use crate::next_hop::{Hop, RouteError};
use crate::root::Root;
use crate::tree::Tree;
use crate::verification::{DirectoryError, check_offices};
use crate::version::VersionStamp;
use std::collections::BTreeMap;
use yizhan_document::{Digest, NodeId, OfficeAddress, WallTime};
use yizhan_identity::NoteVerifier;

/// A directory whose signatures, digests and tree have been checked. There is no other way to get one.
#[derive(Clone, Debug)]
pub struct Directory {
    /// The network.
    pub network: String,
    /// Counts the versions from 1.
    pub version: u64,
    /// When it was signed.
    pub issued: WallTime,
    /// From when on it is no longer believed, but for grace.
    pub expires: WallTime,
    /// The certificate of the network's CA, in DER.
    pub ca: Vec<u8>,
    threshold: usize,
    revoked: Vec<NoteVerifier>,
    root_digest: Digest,
    digests: Vec<(NodeId, Digest)>,
    divisions: BTreeMap<NodeId, Division>,
    tree: Tree,
}

impl Directory {
    /// Only [`crate::verification`] makes one, after all its checks.
    pub(crate) fn checked(
        root: Root,
        ca: Vec<u8>,
        divisions: BTreeMap<NodeId, Division>,
        tree: Tree,
    ) -> Self {
        let root_digest = Digest::of(root.to_text().as_bytes());
        let Root { network, version, issued, expires, threshold, revoked, divisions: digests, .. } = root;
        Self {
            network,
            version,
            issued,
            expires,
            ca,
            threshold,
            revoked,
            root_digest,
            digests,
            divisions,
            tree,
        }
    }

    /// How many authorities had to sign it by its own word.
    pub fn threshold(&self) -> usize {
        self.threshold
    }

    /// The authorities whose keys it revokes: their signatures count on no later version.
    pub fn revoked(&self) -> &[NoteVerifier] {
        &self.revoked
    }

    /// The digest of the file of `node`.
    pub fn digest_of(&self, node: NodeId) -> Option<Digest> {
        let at = self.digests.binary_search_by_key(&node, |(node, _)| *node).ok()?;
        self.digests.get(at).map(|(_, digest)| *digest)
    }

    /// Which directory it is, to be kept and to be named in evidence.
    pub fn stamp(&self) -> VersionStamp {
        VersionStamp { network: self.network.clone(), version: self.version, root: self.root_digest }
    }

    /// Whether it lives on grace at `now`; an operator should be told.
    pub fn is_expired(&self, now: WallTime) -> bool {
        now >= self.expires
    }

    /// The shape of the network alone.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// All divisions, ascending by node.
    pub fn divisions(&self) -> impl ExactSizeIterator<Item = &Division> {
        self.divisions.values()
    }

    /// What it says of `node`.
    pub fn division(&self, node: NodeId) -> Option<&Division> {
        self.divisions.get(&node)
    }

    /// Checks that the certificates of the offices of `node` name them and are the network's CA's. A directory that was read
    /// from its folder has not been asked for all of them.
    pub fn check_offices(&self, node: NodeId) -> Result<(), DirectoryError> {
        let division = self.division(node).into_iter();
        let mut checks =
            division.map(|division| check_offices(division, &self.network, self.issued, &self.ca));
        checks.try_for_each(|checked| checked)
    }

    /// The record of an office that may send and receive.
    pub fn office(&self, address: &OfficeAddress) -> Result<&OfficeRecord, RecipientError> {
        let division =
            self.division(address.node).ok_or(RecipientError::UnknownNode { node: address.node })?;
        let record = division
            .office(&address.office)
            .ok_or_else(|| RecipientError::UnknownOffice { office: address.clone() })?;
        match record.state {
            OfficeState::Active => Ok(record),
            OfficeState::Suspended => Err(RecipientError::Suspended { office: address.clone() }),
        }
    }

    /// The node above `node`; none if `node` is a root or unknown.
    pub fn parent(&self, node: NodeId) -> Option<NodeId> {
        self.tree.parent(node)
    }

    /// The nodes right below `node`, ascending.
    pub fn children(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        self.tree.children(node)
    }

    /// The nodes without a parent, ascending. Several are linked to each other only where a division says so.
    pub fn roots(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.tree.roots()
    }

    /// Everybody `me` keeps a link with; see [`Tree::neighbours`].
    pub fn neighbours(&self, me: NodeId) -> Vec<NodeId> {
        self.tree.neighbours(me)
    }

    /// The node that `me` passes a document for `destination` to; see [`Tree::next_hop`].
    pub fn next_hop(
        &self,
        me: NodeId,
        destination: NodeId,
        up: &dyn Fn(NodeId) -> bool,
    ) -> Result<Hop, RouteError> {
        self.tree.next_hop(me, destination, up)
    }

    /// The hops from `from` to `to` while every node is up; see [`Tree::route`].
    pub fn route(&self, from: NodeId, to: NodeId) -> Result<Vec<Hop>, RouteError> {
        self.tree.route(from, to)
    }

    /// Whether each step of `path` follows the tree; see [`Tree::path_is_tree`].
    pub fn path_is_tree(&self, path: &[NodeId]) -> bool {
        self.tree.path_is_tree(path)
    }
}

/// Two are one if the authorities signed one text for both: it commits to all the rest.
impl PartialEq for Directory {
    fn eq(&self, other: &Self) -> bool {
        self.root_digest == other.root_digest
    }
}

impl Eq for Directory {}

/// Why nothing can be sent to an address, or from it. The client that named it is to blame, or its directory is behind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipientError {
    /// No such node.
    #[error("there is no node {node} in the directory; check the division code")]
    UnknownNode {
        /// The node.
        node: NodeId,
    },
    /// The node has no such office.
    #[error("there is no office {office} in the directory; look its node's offices up")]
    UnknownOffice {
        /// The address.
        office: OfficeAddress,
    },
    /// The office neither sends nor receives at present.
    #[error("the office {office} is suspended; ask the authority of its node")]
    Suspended {
        /// The address.
        office: OfficeAddress,
    },
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
