//! Recalling (撤回) a document that was handed in here.

use crate::{DestinationTrack, DoorCode, DoorError, ExportedReceipt};
use serde::{Deserialize, Serialize};
use yizhan_document::OfficeAddress;
use yizhan_document::limits::REASON_BYTES_MAX;

/// An office takes back what it handed in. That is free until a recipient has signed for the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecallRequest {
    /// The office that handed the document in; the recipients are told.
    pub from: OfficeAddress,
    /// Why: one line, at most [`REASON_BYTES_MAX`] bytes; the recipients are told.
    pub reason: String,
}

/// The recall is durable, and every destination is asked until it answers; what they answer comes as receipts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecallDone {
    /// The `RecallRequested`.
    pub receipt: ExportedReceipt,
    /// Whether the document was recalled before: then this is the receipt of that time, and its reason stands.
    pub duplicate: bool,
    /// How each destination fares, as far as is known here now.
    pub destinations: Vec<DestinationTrack>,
}

/// How far a recall has come at one destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecallState {
    /// The destination has not answered.
    Requested,
    /// Nobody there is shown the document.
    Recalled,
    /// An office there signed for it first.
    Denied,
}

impl RecallState {
    /// The name in formats and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Recalled => "recalled",
            Self::Denied => "denied",
        }
    }
}

impl RecallRequest {
    /// Checks what can be told without the document. The node checks the rest.
    pub fn check(&self) -> Result<(), DoorError> {
        if self.reason.trim().is_empty() {
            let detail = "an office that recalls (撤回) a document says why";
            return Err(DoorError::new(DoorCode::Malformed, detail, "give a `reason`"));
        }
        if self.reason.len() > REASON_BYTES_MAX || self.reason.chars().any(char::is_control) {
            let detail = format!("`reason` is a single line of at most {REASON_BYTES_MAX} bytes");
            return Err(DoorError::new(DoorCode::Malformed, detail, "shorten it"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recall_says_why_in_one_line() {
        let check = |reason: &str| {
            let from = "gov-office@652301".parse().unwrap();
            RecallRequest { from, reason: reason.into() }.check().map_err(|error| error.code)
        };
        assert_eq!(check("日期有误"), Ok(()));
        for reason in ["", "  ", "a\nb", &"x".repeat(REASON_BYTES_MAX + 1)] {
            assert_eq!(check(reason), Err(DoorCode::Malformed), "{reason:?}");
        }
    }

    #[test]
    fn every_state_of_a_recall_has_one_name() {
        for state in [RecallState::Requested, RecallState::Recalled, RecallState::Denied] {
            assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{}\"", state.as_str()));
        }
    }
}
