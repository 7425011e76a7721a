//! The network as this node knows it: the directory, and the way to a node.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use yizhan_document::{
    Classification, Digest, Group, LeftOut, ListName, NodeId, NodeOrOffice, OfficeAddress, OfficeName,
    WallTime,
};

/// One hop on the way to a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteStep {
    /// The node; the first step is this node itself.
    pub node: NodeId,
    /// Why the way leads there, such as `parent` or `child`, for a person to read.
    pub why: String,
}

/// What a group means under the directory that the node goes by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupView {
    /// The group.
    pub group: Group,
    /// The directory's version.
    pub directory: u64,
    /// The offices that it means, in the order in which a document names them. Whoever sends is left out then.
    pub offices: Vec<OfficeAddress>,
    /// Offices that belong to it and would get nothing.
    pub left_out: Vec<LeftOut>,
}

/// The signed directory that the node goes by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryView {
    /// The network's name.
    pub network: String,
    /// The directory's version.
    pub version: u64,
    /// Its nodes, by id; of a part those whose files are held.
    pub nodes: Vec<DirectoryNode>,
    /// How much of it is held here.
    #[serde(flatten)]
    pub holding: Holding,
    /// The subtrees that somebody else signs for, by node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delegated: Vec<DelegatedSubtree>,
    /// What the authorities lay down for the whole network; absent if nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyView>,
    /// The networks that are joined with it by an agreement.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<JoinedView>,
}

/// How much of the directory a node holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Holding {
    /// `whole`, or `part` where files of divisions are not held here and are fetched when they are needed; empty from a node that does not
    /// say.
    pub holds: String,
    /// How many divisions it lists.
    pub listed_divisions: u64,
    /// Of how many of them the files are held here.
    pub held_divisions: u64,
}

/// A network that is joined with the own one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinedView {
    /// Its name.
    pub network: String,
    /// The version of its own directory.
    pub version: u64,
    /// Until when that is good.
    pub expires: WallTime,
    /// The node of the own network that has the link, and the one of the other.
    pub link: [NodeId; 2],
    /// The digest of the agreement's text.
    pub agreement: Digest,
    /// The number of the agreement.
    pub agreement_version: u64,
    /// When it expires.
    pub agreement_expires: WallTime,
    /// Whether it lets anything new cross: `in-force`, `expired`, `ended`, `not-named` or `their-directory-expired`.
    pub standing: String,
    /// The same for a person to read.
    pub why: String,
    /// What may cross, such as `gov.example below 65 to p-65 upto internal`.
    pub crossings: Vec<String>,
    /// Its nodes, by id.
    pub nodes: Vec<DirectoryNode>,
}

/// How far a joined network has come at a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinedVersion {
    /// Its name.
    pub network: String,
    /// The version of its own directory.
    pub version: u64,
    /// Whether anything new may cross; see [`JoinedView::standing`].
    pub standing: String,
}

/// The policy of the directory, as it is written there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyView {
    /// What becomes of documents that pass a level over upwards: `allow`, `notify` or `refuse`.
    pub skip_level_up: String,
    /// The same downwards.
    pub skip_level_down: String,
    /// Who may pass a level over nevertheless, such as `65 to counties of 65`.
    pub grants: Vec<String>,
    /// Offices that not everybody may address, each with the areas whose offices may.
    pub senders: BTreeMap<OfficeAddress, Vec<String>>,
    /// Links that carry less than both of their nodes may, such as `65/6523`.
    pub links: BTreeMap<String, Classification>,
    /// Named lists. Nodes stand for their government offices.
    pub lists: BTreeMap<ListName, Vec<NodeOrOffice>>,
}

/// A subtree of the directory that its delegates sign for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelegatedSubtree {
    /// The node whose subtree it is; the node itself is not in it.
    pub node: NodeId,
    /// The version of its list, counted by the delegates.
    pub version: u64,
    /// When the list expires.
    pub expires: WallTime,
    /// When the delegation does.
    pub delegation_expires: WallTime,
    /// How many of the delegates have to sign.
    pub threshold: usize,
    /// The keys of the delegates.
    pub delegates: Vec<String>,
    /// What the ids of its nodes begin with.
    pub codes: Vec<String>,
}

/// The version of a delegated list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListVersion {
    /// The node whose subtree it is.
    pub node: NodeId,
    /// The version.
    pub version: u64,
}

/// A version of the directory that was published at the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedDirectory {
    /// The version that the node holds now, durably. Its neighbours are told by themselves.
    pub version: u64,
    /// The digest of its root's text.
    pub root: Digest,
    /// The delegated lists that it holds now, by node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delegated: Vec<ListVersion>,
    /// The version that it held before.
    pub previous: u64,
    /// Whether it held this very one already.
    pub duplicate: bool,
}

/// A node in the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryNode {
    /// Its id.
    pub node: NodeId,
    /// Its name in people's language.
    pub name: String,
    /// Its parent; absent for the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<NodeId>,
    /// Where its neighbours reach it: host and UDP port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Its offices, by name.
    pub offices: Vec<DirectoryOffice>,
}

/// An office in the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryOffice {
    /// Its name in addresses.
    pub office: OfficeName,
    /// Its name in people's language.
    pub name: String,
    /// Whether it cannot receive at present.
    pub suspended: bool,
}
