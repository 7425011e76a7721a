//! An office's inbox: what lies in it, taking a document out, and acting on it.

use crate::{ContentStream, DoorCode, DoorError, ExportedReceipt};
use serde::{Deserialize, Serialize};
use yizhan_document::limits::REASON_BYTES_MAX;
use yizhan_document::{Act, Digest, EnvelopeId, OfficeAddress, Urgency, WallTime};

/// A document in an office's inbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxItem {
    /// Counts what came into this inbox, from 1; ask for more with `after` this.
    pub sequence: u64,
    /// The permanent id.
    pub id: EnvelopeId,
    /// The sending office.
    pub from: OfficeAddress,
    /// The title on the label.
    pub title: String,
    /// How urgent it is.
    pub urgency: Urgency,
    /// When it was put into the inbox.
    pub arrived: WallTime,
    /// What the office has done with it.
    pub state: InboxState,
    /// The files, in order.
    pub parts: Vec<InboxPart>,
}

/// What an office has done with a document in its inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InboxState {
    /// Nothing yet.
    Waiting,
    /// Taken, not yet answered for.
    Taken,
    /// 签收.
    SignedFor,
    /// 拒收.
    Refused,
    /// 退回.
    Returned,
}

impl InboxState {
    /// The name in formats and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Taken => "taken",
            Self::SignedFor => "signed-for",
            Self::Refused => "refused",
            Self::Returned => "returned",
        }
    }
}

impl From<Act> for InboxState {
    fn from(act: Act) -> Self {
        match act {
            Act::SignedFor => Self::SignedFor,
            Act::Refused => Self::Refused,
            Act::Returned => Self::Returned,
        }
    }
}

/// A file of a document in an inbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxPart {
    /// Its name: data to show, never a path to open.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 of its content, as the sending office signed it.
    pub digest: Digest,
}

/// A document as the office takes it: the decrypted archive of the envelope's body.
#[derive(Debug)]
pub struct Taken {
    /// The size of the archive in bytes, where it is known beforehand; `content` must then have exactly so many.
    pub size: Option<u64>,
    /// A tar archive: members `1`, `2`, ... are the files in order, then `manifest` and `manifest.p7s`, the office's
    /// signature over it. File names stand in the manifest alone. The node ends the stream only when the bytes were verified
    /// and the `ContentHandover` is durable.
    pub content: ContentStream,
}

/// What an office does with a document it received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActRequest {
    /// The act.
    pub act: Act,
    /// The person who acts, as the office software names them; may be empty.
    #[serde(default)]
    pub person: String,
    /// Why; mandatory for refusing and returning.
    #[serde(default)]
    pub reason: String,
}

/// An act is durable, and the receipt says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActDone {
    /// The act's receipt, with the statement and the office's signature over it.
    pub receipt: ExportedReceipt,
    /// Whether this very act was done before: then this is the receipt of that time.
    pub duplicate: bool,
}

impl ActRequest {
    /// Checks what can be told without the document. The node checks the rest.
    pub fn check(&self) -> Result<(), DoorError> {
        if self.act.needs_reason() && self.reason.trim().is_empty() {
            return Err(DoorError::new(
                DoorCode::Malformed,
                "an office that refuses (拒收) or returns (退回) a document says why",
                "give a `reason`",
            ));
        }
        let line = |text: &str| text.len() <= REASON_BYTES_MAX && !text.chars().any(char::is_control);
        if !line(&self.person) || !line(&self.reason) {
            let detail =
                format!("`person` and `reason` are single lines of at most {REASON_BYTES_MAX} bytes");
            return Err(DoorError::new(DoorCode::Malformed, detail, "shorten them"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusing_needs_a_reason_and_signing_for_does_not() {
        let request = |act, reason: &str| ActRequest { act, person: String::new(), reason: reason.into() };
        assert_eq!(request(Act::SignedFor, "").check(), Ok(()));
        assert_eq!(request(Act::Refused, "附件缺页").check(), Ok(()));
        assert_eq!(request(Act::Refused, " ").check().unwrap_err().code, DoorCode::Malformed);
        assert_eq!(request(Act::Returned, "a\nb").check().unwrap_err().code, DoorCode::Malformed);
        assert_eq!(request(Act::Returned, &"x".repeat(2001)).check().unwrap_err().code, DoorCode::Malformed);
    }

    #[test]
    fn an_inbox_names_acts_as_the_acts_name_themselves() {
        for act in Act::ALL {
            let state = InboxState::from(act);
            assert_eq!(state.as_str(), act.as_str());
            assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{}\"", act.as_str()));
        }
    }
}
