//! Where a document is and what is proven about it so far.

use crate::RecallState;
use serde::{Deserialize, Serialize};
use yizhan_document::{Attempt, EnvelopeId, LedgerId, NodeId, Urgency, WallTime};

/// How a document that was handed in here fares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    /// Its permanent id.
    pub id: EnvelopeId,
    /// When it was accepted.
    pub submitted: WallTime,
    /// How urgent it is.
    pub urgency: Urgency,
    /// Until when it is to be delivered.
    pub deadline: WallTime,
    /// One for each destination node, ascending.
    pub destinations: Vec<DestinationTrack>,
    /// Every receipt so far, by time.
    pub receipts: Vec<TrackReceipt>,
}

/// How one destination node fares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DestinationTrack {
    /// The destination node.
    pub node: NodeId,
    /// How far it has come.
    pub state: Stage,
    /// The node that is known to have had custody last.
    pub where_now: NodeId,
    /// Since when.
    pub since: WallTime,
    /// Which try; 0 is the first.
    pub attempt: Attempt,
    /// Where the document was recalled: how far that has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall: Option<RecallState>,
}

/// How far a document has come towards one destination. "Delivered" never means that the next server took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Durable at the origin, not yet passed on.
    Accepted,
    /// In the custody of a node on the way: `where_now`.
    AtNode,
    /// In the inbox of every office it names at the destination (`ContentConsignment`).
    Delivered,
    /// Taken by an office (`ContentHandover`).
    HandedOver,
    /// 签收.
    SignedFor,
    /// 拒收.
    Refused,
    /// 退回.
    Returned,
    /// It could not be delivered.
    Failed,
    /// The deadline passed first.
    Expired,
    /// 撤回: nobody there is shown the document.
    Recalled,
}

impl Stage {
    /// All stages.
    pub const ALL: [Self; 10] = [
        Self::Accepted,
        Self::AtNode,
        Self::Delivered,
        Self::HandedOver,
        Self::SignedFor,
        Self::Refused,
        Self::Returned,
        Self::Failed,
        Self::Expired,
        Self::Recalled,
    ];

    /// The name in formats and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::AtNode => "at-node",
            Self::Delivered => "delivered",
            Self::HandedOver => "handed-over",
            Self::SignedFor => "signed-for",
            Self::Refused => "refused",
            Self::Returned => "returned",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Recalled => "recalled",
        }
    }

    /// Whether nothing more will happen to it by itself.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Accepted | Self::AtNode | Self::Delivered | Self::HandedOver)
    }
}

/// One receipt, in a line; the receipt itself is exported with `receipts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackReceipt {
    /// The kind of the entry, such as `RelayAcceptance`.
    pub kind: String,
    /// The ledger that holds it.
    pub ledger: LedgerId,
    /// Its index there, from 0.
    pub index: u64,
    /// When the node entered it, by its own clock.
    pub time: WallTime,
    /// The node that entered it.
    pub node: NodeId,
    /// Whether a neighbour cosigned a checkpoint over it.
    pub witnessed: bool,
    /// What else is worth knowing, such as the reason of a refusal; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_has_one_name() {
        for stage in Stage::ALL {
            assert_eq!(serde_json::to_string(&stage).unwrap(), format!("\"{}\"", stage.as_str()));
        }
    }

    #[test]
    fn delivered_is_not_the_end_but_an_answer_of_the_office_is() {
        assert!(!Stage::Delivered.is_final() && !Stage::HandedOver.is_final());
        assert!(Stage::SignedFor.is_final() && Stage::Refused.is_final() && Stage::Expired.is_final());
    }
}
