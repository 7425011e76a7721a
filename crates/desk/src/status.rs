//! How the node fares: neighbours, what waits and why. For its operator.

use crate::{JoinedVersion, ListVersion};
use serde::{Deserialize, Serialize};
use yizhan_document::{EnvelopeId, LedgerId, NodeId, Unit, Urgency, WallTime};

/// The state of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// The node.
    pub node: NodeId,
    /// The version of its program.
    pub version: String,
    /// Since when it runs.
    pub started: WallTime,
    /// Whether it may promise: false while it starts, restores, stops, or where its disk failed.
    pub ready: bool,
    /// Its ledger.
    pub ledger: LedgerId,
    /// Entries in it.
    pub ledger_size: u64,
    /// Its last signed checkpoint, a C2SP signed note; empty before the first.
    pub checkpoint: String,
    /// Its neighbours, by id.
    pub neighbours: Vec<NeighbourStatus>,
    /// Ledgers of other nodes that began anew, since what was before was lost; by node, the newest of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub new_epochs: Vec<LedgerId>,
    /// Units in its custody that wait to be passed on.
    pub held: u64,
    /// Documents in the inboxes of its offices that nobody has taken.
    pub inbox: u64,
    /// The version of the directory it goes by.
    pub directory_version: u64,
    /// The delegated lists that it goes by, by node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub directory_lists: Vec<ListVersion>,
    /// The networks that are joined with the own one, as far as it goes by them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub directory_joined: Vec<JoinedVersion>,
    /// When that expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory_expires: Option<WallTime>,
    /// What is wrong with the directory or its spreading; empty as a rule.
    #[serde(default)]
    pub directory_alarms: Vec<DirectoryAlarm>,
    /// What the free space of its disk lets it take.
    #[serde(default)]
    pub room: DiskRoom,
    /// How long the journal is, in bytes.
    #[serde(default)]
    pub journal_bytes: u64,
    /// Memory of the process, in bytes; absent where the system does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident_bytes: Option<u64>,
}

/// Something about the directory that an operator has to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryAlarm {
    /// Which: `expired`, `behind`, `two-of-one-version`, `retired`, `delegated-…`, or `agreement-…` where nothing new crosses.
    pub code: String,
    /// What it is about, for a person to read.
    pub detail: String,
}

/// What a node takes, by the free space of its disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskRoom {
    /// Everything.
    #[default]
    Ample,
    /// No submissions; what is under way goes on.
    NoSubmissions,
    /// Documents from above only.
    OnlyFromAbove,
    /// No documents; receipts go on.
    NoDocuments,
    /// Nothing: what is decided waits for room.
    Nothing,
}

/// A neighbour as seen from this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeighbourStatus {
    /// The neighbour.
    pub node: NodeId,
    /// Whether it has answered on the present connection.
    pub up: bool,
    /// Units that wait for it.
    pub waiting: u64,
    /// Offers made to it that it has not yet acknowledged.
    pub in_flight: u64,
    /// Bytes of encrypted bodies given to the link to it since the node started, whether they rode with offers or on streams of
    /// their own. What was sent again counts again.
    #[serde(default)]
    pub body_bytes_sent: u64,
    /// Bytes of encrypted bodies that came from it.
    #[serde(default)]
    pub body_bytes_received: u64,
}

/// A unit of custody that waits here, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueItem {
    /// The unit.
    pub unit: Unit,
    /// The neighbour it waits for; absent while there is no way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<NodeId>,
    /// How urgent it is.
    pub urgency: Urgency,
    /// Until when it is to be delivered.
    pub deadline: WallTime,
    /// Size of the encrypted body in bytes.
    pub size: u64,
    /// Since when it is in this node's custody.
    pub since: WallTime,
    /// How often it was offered in vain.
    pub tries: u32,
    /// When it is offered next; absent if it waits for something other than time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_try: Option<WallTime>,
    /// Why it is still here, for a person to read.
    pub why: String,
}

/// Something that happened to a document at the node, as it happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeEvent {
    /// Counts the events of this node, from 1 and without gaps: a reader that sees a jump has missed what is no longer held.
    pub sequence: u64,
    /// When it happened.
    pub time: WallTime,
    /// The document.
    pub envelope: EnvelopeId,
    /// What happened: as a rule the kind of a receipt, such as `ContentConsignment`.
    pub kind: String,
    /// The node where it happened.
    pub node: NodeId,
    /// The unit, where it concerns a single one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
}
