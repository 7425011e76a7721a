//! The directory as it is believed: what stands in it, who is an office, where a document goes next.

use crate::delegation::Delegation;
use crate::division::{Division, OfficeRecord, OfficeState};
use crate::edition::Edition;
use crate::head::{Head, digest_in, join};
use crate::joined::Joined;
use crate::joined_head::{GROUP_SEPARATOR, group, own_texts};
use crate::next_hop::{Hop, RouteError};
use crate::outline::Outline;
use crate::policy::Policy;
use crate::tree::Tree;
use crate::verification::{DirectoryError, check_offices};
use crate::version::VersionStamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use yizhan_document::{Digest, NodeId, OfficeAddress, WallTime};
use yizhan_identity::{NoteVerifier, SignedNote};

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
    policy: Policy,
    delegations: Vec<Delegation>,
    lists: Vec<DelegatedList>,
    digests: Arc<[(NodeId, Digest)]>,
    pub(crate) divisions: BTreeMap<NodeId, Division>,
    pub(crate) outline: Arc<Outline>,
    joined: Vec<Joined>,
    tree: Arc<Tree>,
    root_note: Arc<SignedNote>,
}

/// The list of a delegated subtree that a directory goes by.
#[derive(Clone, Debug)]
pub struct DelegatedList {
    /// The division whose subtree it is.
    pub node: NodeId,
    /// Its version, counted by the delegates.
    pub version: u64,
    /// When it was signed.
    pub issued: WallTime,
    /// From when on it is taken as new no more, and goes by on grace.
    pub expires: WallTime,
    /// The digest of its text.
    pub digest: Digest,
    pub(crate) note: SignedNote,
}

impl Directory {
    /// Only [`crate::verification`] makes one, after all its checks.
    pub(crate) fn checked(
        head: Head,
        ca: Vec<u8>,
        (divisions, absent): (BTreeMap<NodeId, Division>, Outline),
        (joined, tree): (Vec<Joined>, Tree),
    ) -> Self {
        let list = |(branch, note): (&crate::Branch, &SignedNote)| DelegatedList {
            node: branch.node,
            version: branch.version,
            issued: branch.issued,
            expires: branch.expires,
            digest: branch.digest(),
            note: note.clone(),
        };
        let lists = head.branches_with_notes().map(list).collect();
        let root_digest = Digest::of(head.root.to_text().as_bytes());
        let digests = head.listed().into();
        let root_note = Arc::new(head.root_note().clone());
        let (root, policy) = (head.root, head.policy);
        Self {
            network: root.network,
            version: root.version,
            issued: root.issued,
            expires: root.expires,
            ca,
            threshold: root.threshold,
            revoked: root.revoked,
            root_digest,
            policy,
            delegations: root.delegations,
            lists,
            digests,
            divisions,
            outline: Arc::new(absent),
            joined,
            tree: Arc::new(tree),
            root_note,
        }
    }

    /// The networks that are joined with this one, in the order in which the root names the agreements with them.
    pub fn joined(&self) -> &[Joined] {
        &self.joined
    }

    /// The directory of the network that `node` is of, by itself or, if it is the own one, with those joined.
    pub fn part_of(&self, node: NodeId) -> &Self {
        self.joined_with(node).map_or(self, |joined| &joined.directory)
    }

    /// The network that `node` is of; the own one if it is unknown.
    pub fn network_of(&self, node: NodeId) -> &str {
        &self.part_of(node).network
    }

    /// The joined network that `node` is of; none if it is of the own one, or unknown.
    pub fn joined_with(&self, node: NodeId) -> Option<&Joined> {
        self.joined.iter().find(|joined| joined.directory.divisions.contains_key(&node))
    }

    /// All signed texts with those that a joined network's own directory has now, which are `texts`, and its CA certificate: what
    /// comes over the link to that network, put where it belongs. None if it is not joined.
    pub fn texts_with(&self, network: &str, texts: &[u8], ca: &[u8]) -> Option<Vec<u8>> {
        self.joined.iter().find(|joined| joined.network() == network)?;
        let policy = (!self.policy.is_empty()).then(|| self.policy.to_json().ok()).flatten();
        let lists: Vec<SignedNote> = self.lists.iter().map(|list| list.note.clone()).collect();
        let mut bytes = join(&self.root_note, policy.as_deref(), &lists);
        for joined in &self.joined {
            bytes.push(GROUP_SEPARATOR);
            bytes.extend(match joined.part() {
                part if part.network == network => group(part.note(), ca, own_texts(texts)),
                part => part.to_bytes(),
            });
        }
        Some(bytes)
    }

    /// The root as it was signed.
    pub(crate) fn root_note(&self) -> &SignedNote {
        &self.root_note
    }

    /// How many authorities had to sign it by its own word.
    pub fn threshold(&self) -> usize {
        self.threshold
    }

    /// The authorities whose keys it revokes: their signatures count on no later version.
    pub fn revoked(&self) -> &[NoteVerifier] {
        &self.revoked
    }

    /// What the authorities lay down for the whole network.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The digest of the file of `node`.
    pub fn digest_of(&self, node: NodeId) -> Option<Digest> {
        digest_in(&self.digests, node)
    }

    /// The subtrees that somebody else signs for, ascending.
    pub fn delegations(&self) -> &[Delegation] {
        &self.delegations
    }

    /// The list of each of them, in the same order.
    pub fn delegated_lists(&self) -> &[DelegatedList] {
        &self.lists
    }

    /// The list that names `node`; none if the authorities' root does.
    pub fn list_over(&self, node: NodeId) -> Option<&DelegatedList> {
        let lists = &self.part_of(node).lists;
        let mut above = std::iter::successors(self.parent(node), |node| self.parent(*node));
        above.find_map(|above| lists.iter().find(|list| list.node == above))
    }

    /// From when on the list that names `node`, or its delegation, brings nothing new; none if the authorities' root names it.
    pub fn list_ends(&self, node: NodeId) -> Option<WallTime> {
        let list = self.list_over(node)?;
        let delegations = &self.part_of(node).delegations;
        let delegation = delegations.iter().find(|delegation| delegation.node == list.node)?;
        Some(list.expires.min(delegation.expires))
    }

    /// Which state of which version it is; see [`Edition`].
    pub fn edition(&self) -> Edition {
        let joined = self.joined.iter().map(|joined| joined.directory.edition().progress()).sum::<u64>();
        Edition { delegated: self.own_edition().delegated + joined, ..self.own_edition() }
    }

    /// The same without what is joined: how the other networks count it.
    pub fn own_edition(&self) -> Edition {
        Edition { version: self.version, delegated: self.lists.iter().map(|list| list.version).sum() }
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

    /// The divisions of every network in it that are held, those of the own one first.
    pub fn divisions_of_all(&self) -> impl Iterator<Item = &Division> {
        self.divisions
            .values()
            .chain(self.joined.iter().flat_map(|joined| joined.directory.divisions.values()))
    }

    /// All divisions of the own network that are held, ascending by node.
    pub fn divisions(&self) -> impl ExactSizeIterator<Item = &Division> {
        self.divisions.values()
    }

    /// What it says of `node`; none if it has no such node, or its file is not held ([`Directory::is_absent`]).
    pub fn division(&self, node: NodeId) -> Option<&Division> {
        let theirs = || self.joined.iter().find_map(|joined| joined.directory.divisions.get(&node));
        self.divisions.get(&node).or_else(theirs)
    }

    /// Checks that the certificates of the offices of `node` name them and are the network's CA's. A directory that was read
    /// from its folder has not been asked for all of them.
    pub fn check_offices(&self, node: NodeId) -> Result<(), DirectoryError> {
        let part = self.part_of(node);
        let issued = self.list_over(node).map_or(part.issued, |list| list.issued);
        let division = self.division(node).into_iter();
        let mut checks = division.map(|division| check_offices(division, &part.network, issued, &part.ca));
        checks.try_for_each(|checked| checked)
    }

    /// The record of an office that may send and receive.
    pub fn office(&self, address: &OfficeAddress) -> Result<&OfficeRecord, RecipientError> {
        let node = address.node;
        let division = self.division(node).ok_or(match self.is_absent(node) {
            true => RecipientError::Absent { node },
            false => RecipientError::UnknownNode { node },
        })?;
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

    /// The nodes of the own network without a parent, ascending. Several are linked to each other only where a division says so.
    pub fn roots(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.tree.roots().filter(|root| self.is_own(*root))
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

    /// Whether a document from `from` for `to` may come to `node` on its way; see [`Tree::may_pass`].
    pub fn may_pass(&self, from: NodeId, to: NodeId, node: NodeId) -> bool {
        self.tree.may_pass(from, to, node)
    }

    /// Whether each step of `path` follows the tree; see [`Tree::path_is_tree`].
    pub fn path_is_tree(&self, path: &[NodeId]) -> bool {
        self.tree.path_is_tree(path)
    }
}

/// Two are one if the same texts were signed for both: they commit to all the rest.
impl PartialEq for Directory {
    fn eq(&self, other: &Self) -> bool {
        let lists = |directory: &Self| directory.lists.iter().map(|list| list.digest).collect::<Vec<_>>();
        self.root_digest == other.root_digest && lists(self) == lists(other) && self.joined == other.joined
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
    /// A node whose file is not held here yet.
    #[error("the file of {node} is not held here yet, and is being asked for; try again in a moment")]
    Absent {
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
