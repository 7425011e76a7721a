//! Ledger entries: one JSON object for everything a node did with a document. An entry with its proof is a receipt.
//!
//! Kinds are named after ETSI EN 319 522-1 where it has a word; `CustodyPassed` and `EpochOpened` are ours. An entry is
//! written once, hashed as bytes, and never encoded again: readers keep the bytes.

use crate::recall::{RecallAnswer, RecallRequest};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use yizhan_document::{Attempt, Digest, EnvelopeId, LedgerId, NodeId, Unit, Urgency, WallTime, merkle};

/// The longest entry, in bytes: the limit of a tlog-tiles entry bundle.
pub const ENTRY_BYTES_MAX: usize = 65_535;
/// Units in one entry, at the most: with the longest codes they still fit.
pub const UNITS_PER_ENTRY_MAX: usize = 2_800;

/// One entry of a ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When the node entered it, by its own clock; a cosignature on a checkpoint bounds it from outside.
    pub time: WallTime,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// Where an entry stands, and what it hashes to: how one receipt names another that it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntryRef {
    /// The ledger.
    pub ledger: LedgerId,
    /// The index in it, from 0.
    pub index: u64,
    /// The RFC 6962 leaf hash of the entry's bytes.
    pub leaf: Digest,
}

/// A destination and the attempt for it: with the envelope id, a unit of custody. Text form `653101/0`, so that the
/// units of a national circular fit an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The destination node.
    pub node: NodeId,
    /// Which try.
    pub attempt: Attempt,
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}/{}", self.node, self.attempt))
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (node, attempt) =
            text.split_once('/').ok_or_else(|| D::Error::custom("a unit is written 653101/0"))?;
        let target = Self {
            node: node.parse().map_err(D::Error::custom)?,
            attempt: attempt.parse().map_err(D::Error::custom)?,
        };
        // One textual form only: no leading zeros, no sign.
        if format!("{}/{}", target.node, target.attempt) == text {
            Ok(target)
        } else {
            Err(D::Error::custom("a unit is written 653101/0"))
        }
    }
}

/// One acknowledged offer: its number on the link and the neighbour's entry that acknowledges it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// The link number.
    pub link: u64,
    /// Index of the neighbour's `RelayAcceptance`.
    pub index: u64,
}

/// What happened. `envelope` is always the SHA-256 of the envelope's header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Event {
    /// The first entry of every ledger.
    EpochOpened {
        /// The network the node belongs to.
        network: String,
        /// This ledger.
        ledger: LedgerId,
        /// Why a new one was begun: `created`, or what forced it.
        reason: String,
        /// The last checkpoints known of the node's earlier ledgers.
        previous: Vec<Head>,
    },
    /// The node accepted a document from an office it serves: the proof of origin.
    SubmissionAcceptance {
        /// The envelope.
        id: EnvelopeId,
        /// Digest of its header.
        envelope: Digest,
        /// Digest of the manifest, which holds the salt: a salted commitment to label, offices and content.
        manifest: Digest,
        /// The destination nodes, ascending.
        to: Vec<NodeId>,
        /// Urgency.
        urgency: Urgency,
        /// Until when it is to be delivered.
        deadline: WallTime,
        /// Size of the encrypted body, in bytes.
        size: u64,
        /// The directory version the recipients were resolved against.
        directory: u64,
    },
    /// The node took custody of units from a neighbour.
    RelayAcceptance {
        /// The envelope.
        id: EnvelopeId,
        /// Digest of its header.
        envelope: Digest,
        /// The units.
        units: Vec<Target>,
        /// The neighbour that had custody.
        from: NodeId,
        /// The number of the offer on the link from that neighbour.
        link: u64,
        /// That neighbour's acceptance.
        rests_on: EntryRef,
    },
    /// The node refused to take custody.
    RelayRejection {
        /// The envelope as offered.
        id: EnvelopeId,
        /// Digest of the refused header (another field than `envelope`, so that it cannot pass for an acceptance).
        rejected: Digest,
        /// The units.
        units: Vec<Target>,
        /// The neighbour, which keeps custody.
        from: NodeId,
        /// The number of the offer on the link.
        link: u64,
        /// Why, as a code such as `loop` or `damaged`.
        reason: String,
    },
    /// The node had custody of units and lost or cannot forward them.
    RelayFailure {
        /// The envelope.
        id: EnvelopeId,
        /// Digest of its header.
        envelope: Digest,
        /// The units.
        units: Vec<Target>,
        /// Why, as a code such as `damaged`.
        reason: String,
    },
    /// A neighbour acknowledged custody of a batch: with its receipts, both sides attest the hop.
    CustodyPassed {
        /// The neighbour and its ledger.
        to: LedgerId,
        /// The neighbour's checkpoint under which the acknowledgements were verified.
        size: u64,
        /// Its root.
        root: Digest,
        /// The offers and the entries that acknowledge them.
        passed: Vec<Passed>,
    },
    /// The document lies in the inbox of every office it names at this node, signature verified.
    ContentConsignment {
        /// The envelope.
        id: EnvelopeId,
        /// Digest of its header.
        envelope: Digest,
        /// The attempt that arrived.
        attempt: Attempt,
        /// Salted commitments to the offices, in manifest order.
        offices: Vec<Digest>,
        /// The acceptance of this node.
        rests_on: EntryRef,
    },
    /// The document reached its destination node and cannot be put into an inbox.
    ContentConsignmentFailure {
        /// The envelope.
        id: EnvelopeId,
        /// Digest of its header.
        envelope: Digest,
        /// The attempt that arrived.
        attempt: Attempt,
        /// Why, as a code such as `signature` or `no-office`.
        reason: String,
        /// The acceptance of this node.
        rests_on: EntryRef,
    },
    /// The office took the document over.
    ContentHandover(OfficeEvent),
    /// The deadline passed while units were in this node's custody.
    AcceptanceRejectionExpiry {
        /// The envelope.
        id: EnvelopeId,
        /// Digest of its header.
        envelope: Digest,
        /// The units.
        units: Vec<Target>,
    },
    /// 签收, signed by the office.
    SignedFor(OfficeEvent),
    /// 拒收, signed by the office.
    Refused(OfficeEvent),
    /// 退回, signed by the office.
    Returned(OfficeEvent),
    /// 撤回: the origin asks every destination not to show the document (any more).
    RecallRequested(RecallRequest),
    /// The document is shown to nobody at these destinations, now or later.
    Recalled(RecallAnswer),
    /// The document was signed for before the recall came.
    RecallDenied(RecallAnswer),
}

/// Something an office did with a document it received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficeEvent {
    /// The envelope.
    pub id: EnvelopeId,
    /// Digest of its header.
    pub envelope: Digest,
    /// The attempt that arrived.
    pub attempt: Attempt,
    /// Salted commitment to the office.
    pub office: Digest,
    /// For acts: SHA-256 over the statement followed by its CMS signature; both go to the origin closed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub statement: Option<Digest>,
    /// The consignment.
    pub rests_on: EntryRef,
}

/// A ledger's size and root at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Head {
    /// The ledger.
    pub ledger: LedgerId,
    /// How many entries it had.
    pub size: u64,
    /// The RFC 6962 root over them.
    pub root: Digest,
}

/// The bytes are no entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no ledger entry of a kind known here: {0}")]
pub struct EntryError(String);

impl Entry {
    /// The bytes that are stored, hashed and handed out.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EntryError> {
        let bytes = serde_json::to_vec(self).map_err(|e| EntryError(e.to_string()))?;
        if bytes.len() > ENTRY_BYTES_MAX {
            return Err(EntryError(format!("{} bytes, at most {ENTRY_BYTES_MAX} fit", bytes.len())));
        }
        Ok(bytes)
    }

    /// Reads stored bytes; keep the bytes, never encode again.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EntryError> {
        if bytes.len() > ENTRY_BYTES_MAX {
            return Err(EntryError("too long".to_owned()));
        }
        serde_json::from_slice(bytes).map_err(|e| EntryError(e.to_string()))
    }

    /// The envelope that stored bytes are about, if they are about one: as [`Event::envelope_id`], where nothing else of
    /// them is wanted.
    pub fn envelope_id_in(bytes: &[u8]) -> Option<EnvelopeId> {
        #[derive(Deserialize)]
        struct About {
            id: EnvelopeId,
        }
        serde_json::from_slice::<About>(bytes).ok().map(|about| about.id)
    }
}

impl EntryRef {
    /// The reference to `bytes` at `index` of `ledger`.
    pub fn to(ledger: LedgerId, index: u64, bytes: &[u8]) -> Self {
        Self { ledger, index, leaf: merkle::leaf_hash(bytes) }
    }
}

impl Event {
    /// The kind as it stands in the entry.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::EpochOpened { .. } => "EpochOpened",
            Self::SubmissionAcceptance { .. } => "SubmissionAcceptance",
            Self::RelayAcceptance { .. } => "RelayAcceptance",
            Self::RelayRejection { .. } => "RelayRejection",
            Self::RelayFailure { .. } => "RelayFailure",
            Self::CustodyPassed { .. } => "CustodyPassed",
            Self::ContentConsignment { .. } => "ContentConsignment",
            Self::ContentConsignmentFailure { .. } => "ContentConsignmentFailure",
            Self::ContentHandover(_) => "ContentHandover",
            Self::AcceptanceRejectionExpiry { .. } => "AcceptanceRejectionExpiry",
            Self::SignedFor(_) => "SignedFor",
            Self::Refused(_) => "Refused",
            Self::Returned(_) => "Returned",
            Self::RecallRequested(_) => "RecallRequested",
            Self::Recalled(_) => "Recalled",
            Self::RecallDenied(_) => "RecallDenied",
        }
    }

    /// The envelope it is about, if it is about one.
    pub fn envelope_id(&self) -> Option<EnvelopeId> {
        match self {
            Self::EpochOpened { .. } | Self::CustodyPassed { .. } => None,
            Self::SubmissionAcceptance { id, .. }
            | Self::RelayAcceptance { id, .. }
            | Self::RelayRejection { id, .. }
            | Self::RelayFailure { id, .. }
            | Self::ContentConsignment { id, .. }
            | Self::ContentConsignmentFailure { id, .. }
            | Self::AcceptanceRejectionExpiry { id, .. } => Some(*id),
            Self::ContentHandover(event)
            | Self::SignedFor(event)
            | Self::Refused(event)
            | Self::Returned(event) => Some(event.id),
            Self::RecallRequested(request) => Some(request.id),
            Self::Recalled(answer) | Self::RecallDenied(answer) => Some(answer.id),
        }
    }

    /// The digest of the accepted header it names; rejections name none.
    pub fn header_digest(&self) -> Option<Digest> {
        match self {
            Self::EpochOpened { .. } | Self::CustodyPassed { .. } | Self::RelayRejection { .. } => None,
            Self::SubmissionAcceptance { envelope, .. }
            | Self::RelayAcceptance { envelope, .. }
            | Self::RelayFailure { envelope, .. }
            | Self::ContentConsignment { envelope, .. }
            | Self::ContentConsignmentFailure { envelope, .. }
            | Self::AcceptanceRejectionExpiry { envelope, .. } => Some(*envelope),
            Self::ContentHandover(event)
            | Self::SignedFor(event)
            | Self::Refused(event)
            | Self::Returned(event) => Some(event.envelope),
            Self::RecallRequested(request) => Some(request.envelope),
            Self::Recalled(answer) | Self::RecallDenied(answer) => Some(answer.envelope),
        }
    }

    /// The units it is about, entered in the ledger of `node`. A recall is about a document, in whatever attempt: no units.
    pub fn units(&self, node: NodeId) -> Vec<Unit> {
        let unit = |id: &EnvelopeId, node, attempt| Unit { envelope: *id, destination: node, attempt };
        match self {
            Self::EpochOpened { .. }
            | Self::CustodyPassed { .. }
            | Self::RecallRequested(_)
            | Self::Recalled(_)
            | Self::RecallDenied(_) => Vec::new(),
            Self::SubmissionAcceptance { id, to, .. } => to.iter().map(|to| unit(id, *to, 0)).collect(),
            Self::RelayAcceptance { id, units, .. }
            | Self::RelayRejection { id, units, .. }
            | Self::RelayFailure { id, units, .. }
            | Self::AcceptanceRejectionExpiry { id, units, .. } => {
                units.iter().map(|target| unit(id, target.node, target.attempt)).collect()
            }
            Self::ContentConsignment { id, attempt, .. }
            | Self::ContentConsignmentFailure { id, attempt, .. } => {
                vec![unit(id, node, *attempt)]
            }
            Self::ContentHandover(event)
            | Self::SignedFor(event)
            | Self::Refused(event)
            | Self::Returned(event) => vec![unit(&event.id, node, event.attempt)],
        }
    }

    /// The receipt it rests on, if it names one.
    pub fn rests_on(&self) -> Option<EntryRef> {
        match self {
            Self::RelayAcceptance { rests_on, .. }
            | Self::ContentConsignment { rests_on, .. }
            | Self::ContentConsignmentFailure { rests_on, .. } => Some(*rests_on),
            Self::ContentHandover(event)
            | Self::SignedFor(event)
            | Self::Refused(event)
            | Self::Returned(event) => Some(event.rests_on),
            Self::RecallRequested(request) => Some(request.rests_on),
            Self::Recalled(answer) | Self::RecallDenied(answer) => Some(answer.rests_on),
            _ => None,
        }
    }
}
