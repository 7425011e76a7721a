//! Recall (撤回), as entries: what an origin asks of the destinations of its document, and what they answer.

use crate::entry::EntryRef;
use serde::{Deserialize, Serialize};
use yizhan_document::{Digest, EnvelopeId, NodeId};

/// What an origin enters when an office recalls its document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecallRequest {
    /// The envelope.
    pub id: EnvelopeId,
    /// Digest of its header.
    pub envelope: Digest,
    /// The salted digest of the reason, see [`recall_reason_digest`]; the reason itself goes to the destinations, closed.
    pub reason: Digest,
    /// The `SubmissionAcceptance`.
    pub rests_on: EntryRef,
}

/// What becomes of a recall at some destinations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecallAnswer {
    /// The envelope.
    pub id: EnvelopeId,
    /// Digest of its header.
    pub envelope: Digest,
    /// The destinations. In the ledger of a destination it alone; in that of the origin those that the document was never
    /// offered on the way to.
    pub to: Vec<NodeId>,
    /// The `RecallRequested`.
    pub rests_on: EntryRef,
}

/// The digest by which a `RecallRequested` names its reason. `salt` is random, so that a short reason cannot be guessed.
pub fn recall_reason_digest(salt: &[u8; 32], office: &str, reason: &str) -> Digest {
    let salt = Digest(*salt).to_string();
    let parts = ["yizhan recall reason v1\n", &salt, "\n", office, "\n", reason, "\n"];
    Digest::of_all(&parts.map(str::as_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Entry, Event, UNITS_PER_ENTRY_MAX};
    use yizhan_document::WallTime;

    fn answer(to: Vec<NodeId>) -> RecallAnswer {
        RecallAnswer {
            id: "1234567890123456.4294967295.18446744073709551615".parse().unwrap(),
            envelope: Digest::of(b"header"),
            to,
            rests_on: EntryRef::to("1234567890123456.4294967295".parse().unwrap(), u64::MAX, b"entry"),
        }
    }

    #[test]
    fn a_recall_says_its_kind_and_comes_back_as_it_was() {
        let event = Event::Recalled(answer(vec!["653101".parse().unwrap()]));
        let entry = Entry { time: WallTime::EPOCH, event };
        let bytes = entry.to_bytes().unwrap();
        let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!((&json["kind"], &json["to"][0]), (&"Recalled".into(), &"653101".into()));
        assert_eq!(Entry::from_bytes(&bytes).unwrap(), entry);
    }

    #[test]
    fn as_many_destinations_as_units_fit_an_entry_bundle() {
        let node: NodeId = "1234567890123456".parse().unwrap();
        let event = Event::Recalled(answer(vec![node; UNITS_PER_ENTRY_MAX]));
        assert!(Entry { time: WallTime::EPOCH, event }.to_bytes().is_ok());
    }

    #[test]
    fn the_digest_of_a_reason_hangs_on_salt_office_and_reason() {
        let digests = [
            recall_reason_digest(&[1; 32], "gov-office@652301", "wrong date"),
            recall_reason_digest(&[2; 32], "gov-office@652301", "wrong date"),
            recall_reason_digest(&[1; 32], "finance@652301", "wrong date"),
            recall_reason_digest(&[1; 32], "gov-office@652301", "wrong number"),
        ];
        assert_eq!(std::collections::BTreeSet::from(digests).len(), 4);
    }
}
