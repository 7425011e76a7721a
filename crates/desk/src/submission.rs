//! A document as it is handed in: who to, what label, which files; and the answer to it.

use crate::limits::IDEMPOTENCY_KEY_BYTES_MAX;
use crate::{DoorCode, DoorError, ExportedReceipt, Problem};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeSet;
use yizhan_document::limits::{CONTENT_BYTES_MAX, PARTS_MAX, RECIPIENTS_MAX};
use yizhan_document::{EnvelopeId, Groups, Label, LeftOut, NodeId, OfficeAddress, PartName, WallTime};

/// What an office hands in, without the files themselves, which follow in the order in which they are declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// The sending office; this node must serve it.
    pub from: OfficeAddress,
    /// Main recipients 主送. May be left out where there are groups.
    #[serde(default)]
    pub to: Vec<OfficeAddress>,
    /// Copy recipients 抄送.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cc: Vec<OfficeAddress>,
    /// Groups of recipients, such as `counties of 65`; the node looks up whom they mean, and the document says both.
    #[serde(default, skip_serializing_if = "Groups::is_empty")]
    pub groups: Groups,
    /// The label of the document; urgency and classification stand in it.
    pub label: Label,
    /// Until when it is to be delivered; the node's own limit where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<WallTime>,
    /// The files, in order.
    pub files: Vec<FileDeclaration>,
    /// The idempotency key: the same key and submission from the same office get the same answer for ever. Also given as the
    /// header `Idempotency-Key`. 1 to 128 visible ASCII characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A file that will follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileDeclaration {
    /// Its name: data to show, never a path.
    #[serde(serialize_with = "name_to_text", deserialize_with = "name_from_text")]
    pub name: PartName,
    /// Its size in bytes; the upload must have exactly so many.
    pub size: u64,
}

/// A document was taken: it is durable here, and the receipt says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// The permanent id.
    pub id: EnvelopeId,
    /// Where to see how it fares: a path of this API.
    pub url: String,
    /// Whether this key was submitted before: then this is the answer of that time, and nothing was taken anew.
    pub duplicate: bool,
    /// `SubmissionAcceptance`.
    pub receipt: ExportedReceipt,
    /// Offices of the groups addressed that get nothing, and why. Told once, not again to a duplicate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// The notice of it to levels that it passes over, where the policy of the directory asks for one. Told once, not again to a
    /// duplicate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<SentNotice>,
}

/// A notice of a skip-level dispatch: a document of its own, accepted together with the one that it tells of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentNotice {
    /// Its id.
    pub id: EnvelopeId,
    /// The nodes that were passed over; their government offices get it.
    pub to: Vec<NodeId>,
}

/// What became of one document of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BatchOutcome {
    /// It was taken, or had been before.
    Submitted(Box<Submitted>),
    /// It was not.
    Problem(Box<Problem>),
}

impl From<Result<Submitted, DoorError>> for BatchOutcome {
    fn from(outcome: Result<Submitted, DoorError>) -> Self {
        match outcome {
            Ok(submitted) => Self::Submitted(Box::new(submitted)),
            Err(error) => Self::Problem(Box::new(error.into())),
        }
    }
}

impl Submitted {
    /// The answer to a submission that is durable.
    pub fn new(id: EnvelopeId, receipt: ExportedReceipt, duplicate: bool) -> Self {
        Self {
            id,
            url: format!("/v1/documents/{id}"),
            duplicate,
            receipt,
            left_out: Vec::new(),
            notice: None,
        }
    }
}

impl Submission {
    /// All recipients, main ones first.
    pub fn recipients(&self) -> impl Iterator<Item = &OfficeAddress> {
        self.to.iter().chain(&self.cc)
    }

    /// The size of all files together, in bytes; `None` beyond what a number holds.
    pub fn content_bytes(&self) -> Option<u64> {
        self.files.iter().try_fold(0u64, |sum, file| sum.checked_add(file.size))
    }

    /// Checks what can be told without directory, clock or keys. The node checks the rest.
    pub fn check(&self) -> Result<(), DoorError> {
        self.label.check().map_err(|error| {
            DoorError::new(
                DoorCode::Malformed,
                error.to_string(),
                "correct the label and hand the document in again",
            )
        })?;
        let mut seen = BTreeSet::new();
        if let Some(twice) = self.recipients().find(|office| !seen.insert(*office)) {
            let detail = format!("{twice} stands among the recipients twice");
            return Err(DoorError::new(DoorCode::Malformed, detail, "name every recipient once"));
        }
        self.groups
            .check()
            .map_err(|error| DoorError::new(DoorCode::Malformed, error.to_string(), "correct `groups`"))?;
        let least = usize::from(self.groups.is_empty());
        if !(least..=RECIPIENTS_MAX).contains(&seen.len()) {
            let detail =
                format!("a document has 1 to {RECIPIENTS_MAX} recipients, this one has {}", seen.len());
            return Err(DoorError::new(DoorCode::Malformed, detail, "correct `to` and `cc`"));
        }
        if !(1..=PARTS_MAX).contains(&self.files.len()) {
            let detail = format!("a document has 1 to {PARTS_MAX} files, this one has {}", self.files.len());
            return Err(DoorError::new(DoorCode::Malformed, detail, "correct `files`"));
        }
        if self.content_bytes().is_none_or(|size| size > CONTENT_BYTES_MAX) {
            let detail = format!("the files are larger than {CONTENT_BYTES_MAX} bytes together");
            return Err(DoorError::new(DoorCode::TooLarge, detail, "hand them in as several documents"));
        }
        self.key.as_deref().map_or(Ok(()), check_key)
    }
}

/// Checks the form of an idempotency key.
pub(crate) fn check_key(key: &str) -> Result<(), DoorError> {
    if (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(());
    }
    let detail = format!("an idempotency key has 1 to {IDEMPOTENCY_KEY_BYTES_MAX} visible ASCII characters");
    Err(DoorError::new(DoorCode::Malformed, detail, "make a fresh random key, such as a UUID"))
}

fn name_to_text<S: Serializer>(name: &PartName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(name.as_str())
}

fn name_from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PartName, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Submission {
        Submission {
            from: "gov-office@652301".parse().unwrap(),
            to: vec!["gov-office@653101".parse().unwrap()],
            cc: vec!["gov-office@653130".parse().unwrap()],
            groups: Groups::default(),
            label: Label { title: "关于防汛工作的通知".into(), ..Label::default() },
            deadline: None,
            files: vec![FileDeclaration { name: "通知.pdf".parse().unwrap(), size: 7 }],
            key: Some("8e03978e-40d5-43dd-bc93-6894a57f9324".into()),
        }
    }

    fn refused(submission: Submission) -> DoorCode {
        submission.check().unwrap_err().code
    }

    #[test]
    fn a_submission_reads_back_as_written() {
        let json = serde_json::to_string(&example()).unwrap();
        assert_eq!(serde_json::from_str::<Submission>(&json).unwrap(), example());
        assert_eq!(example().check(), Ok(()));
    }

    #[test]
    fn groups_stand_in_for_recipients_and_are_read_as_they_are_written() {
        let json = r#"{"from":"gov-office@65","groups":{"to":["counties of 65 except 652301"]},"label":{"title":"x"},"files":[{"name":"a","size":1}]}"#;
        let submission: Submission = serde_json::from_str(json).unwrap();
        assert_eq!((submission.check(), submission.groups.to.len()), (Ok(()), 1));
        let nobody = (r#"["counties of 65 except 652301"]"#, "[]");
        for (good, bad) in [("counties of 65", "villages of 65"), (r#"{"to""#, r#"{"too""#), nobody] {
            assert!(json.contains(good));
            let changed = serde_json::from_str::<Submission>(&json.replace(good, bad));
            assert!(changed.is_err() || changed.unwrap().check().is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn a_misspelt_element_or_a_path_as_file_name_is_refused() {
        let json = serde_json::to_string(&example()).unwrap();
        for (good, bad) in
            [("\"cc\"", "\"cx\""), ("通知.pdf", "../../etc/passwd"), ("\"size\":7", "\"size\":-7")]
        {
            assert!(json.contains(good));
            assert!(serde_json::from_str::<Submission>(&json.replace(good, bad)).is_err(), "{bad} was taken");
        }
    }

    #[test]
    fn what_no_node_could_take_is_refused_at_once() {
        let no_file = Submission { files: vec![], ..example() };
        assert_eq!(refused(no_file), DoorCode::Malformed);
        let nobody = Submission { to: vec![], cc: vec![], ..example() };
        assert_eq!(refused(nobody), DoorCode::Malformed);
        let twice = Submission { cc: example().to, ..example() };
        assert_eq!(refused(twice), DoorCode::Malformed);
        let untitled = Submission { label: Label::default(), ..example() };
        assert_eq!(refused(untitled), DoorCode::Malformed);
        let huge = FileDeclaration { size: u64::MAX, ..example().files[0].clone() };
        let larger_than_numbers = Submission { files: vec![huge.clone(), huge], ..example() };
        assert_eq!(refused(larger_than_numbers), DoorCode::TooLarge);
        for key in ["", "a b", "a\n", "é", &"x".repeat(129)] {
            assert_eq!(
                refused(Submission { key: Some(key.into()), ..example() }),
                DoorCode::Malformed,
                "{key:?}"
            );
        }
    }
}
