//! The label of a document: the 18 elements of GB/T 33480 in their order, attachments, and language.

use crate::limits::{ELEMENT_BYTES_MAX, LABEL_BYTES_MAX, RECIPIENTS_MAX};
use crate::{Classification, Urgency};
use serde::{Deserialize, Serialize};

/// What stands on a document (GB/T 9704-2012, GB/T 33480-2016). The engine checks its form and limits, signs it as part of
/// the manifest and hands it to the recipient; it never shows it to a relay, a log or a ledger.
///
/// Identifiers are this project's; the English names inside GB/T 33480 were not seen. Only `title` is compulsory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Label {
    /// 1 公文标识, given by the issuing office.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub document_id: String,
    /// 2 文种, such as 通知.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub doc_type: String,
    /// 3 份号, six digits.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub copy_number: String,
    /// 4 密级.
    pub classification: Classification,
    /// 4 保密期限, such as 1年.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub classification_period: String,
    /// 5 紧急程度.
    pub urgency: Urgency,
    /// 6 发文机关标志.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub issuer_mark: String,
    /// 7 发文字号, such as 昌州政办发〔2026〕43号.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub doc_number: String,
    /// 8 签发人, on upward documents.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub signatory: String,
    /// 9 标题.
    pub title: String,
    /// 10 主送机关, as printed; where it is delivered is said by the addresses of the submission.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub main_recipients: Vec<String>,
    /// 11 附件说明.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub attachment_note: String,
    /// 12 发文机关或签发人署名.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub issuer_signature_line: String,
    /// 13 成文日期, as printed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub doc_date: String,
    /// 14 附注.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// 15 抄送机关, as printed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cc_recipients: Vec<String>,
    /// 16 印发机关.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub distributor: String,
    /// 17 印发日期, as printed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub distributed_on: String,
    /// 18 发布层次.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub release_level: String,
    /// Attachments as named in the document (the files themselves are parts of the manifest).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<String>,
    /// Language of the document, a BCP 47 tag such as `zh` or `ug`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub language: String,
    /// The title in further languages.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub titles: Vec<Title>,
}

/// A title in one more language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Title {
    /// BCP 47 tag.
    pub language: String,
    /// The title.
    pub text: String,
}

/// Why a label is refused. The client is to blame; it helps to correct the label.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// There is no title.
    #[error("the label has no title (标题); give every document one")]
    NoTitle,
    /// An element is too long.
    #[error("`{element}` of the label is longer than {ELEMENT_BYTES_MAX} bytes; shorten it")]
    TooLong {
        /// The element.
        element: &'static str,
    },
    /// An element holds a control character.
    #[error("`{element}` of the label holds a control character, such as a line break; remove it")]
    Control {
        /// The element.
        element: &'static str,
    },
    /// A list is too long.
    #[error("`{element}` of the label lists more than {RECIPIENTS_MAX} names")]
    TooMany {
        /// The element.
        element: &'static str,
    },
    /// 份号 is not six digits.
    #[error("`copy_number` (份号) is six Arabic digits, such as 000001 (GB/T 9704)")]
    CopyNumber,
    /// As a whole too large.
    #[error("the label is larger than {LABEL_BYTES_MAX} bytes")]
    TooLarge,
    /// Not a label at all.
    #[error("this is no label: {0}")]
    Json(String),
}

impl Label {
    /// Reads a label from JSON and checks it.
    pub fn from_json(text: &str) -> Result<Self, LabelError> {
        if text.len() > LABEL_BYTES_MAX {
            return Err(LabelError::TooLarge);
        }
        let label: Self = serde_json::from_str(text).map_err(|e| LabelError::Json(e.to_string()))?;
        label.check()?;
        Ok(label)
    }

    /// The label as one line of JSON: the form in which the manifest carries it.
    pub fn to_json(&self) -> Result<String, LabelError> {
        serde_json::to_string(self).map_err(|e| LabelError::Json(e.to_string()))
    }

    /// Checks form and limits.
    pub fn check(&self) -> Result<(), LabelError> {
        if self.title.trim().is_empty() {
            return Err(LabelError::NoTitle);
        }
        for (element, text) in self.elements() {
            check_element(element, text)?;
        }
        for (element, list) in self.lists() {
            if list.len() > RECIPIENTS_MAX {
                return Err(LabelError::TooMany { element });
            }
            list.iter().try_for_each(|text| check_element(element, text))?;
        }
        for title in &self.titles {
            check_element("titles", &title.language)?;
            check_element("titles", &title.text)?;
        }
        let digits = self.copy_number.bytes().all(|b| b.is_ascii_digit());
        let six_digits = digits && self.copy_number.len() == 6;
        if !self.copy_number.is_empty() && !six_digits {
            return Err(LabelError::CopyNumber);
        }
        if self.to_json()?.len() > LABEL_BYTES_MAX {
            return Err(LabelError::TooLarge);
        }
        Ok(())
    }

    fn elements(&self) -> [(&'static str, &str); 16] {
        [
            ("document_id", &self.document_id),
            ("doc_type", &self.doc_type),
            ("copy_number", &self.copy_number),
            ("classification_period", &self.classification_period),
            ("issuer_mark", &self.issuer_mark),
            ("doc_number", &self.doc_number),
            ("signatory", &self.signatory),
            ("title", &self.title),
            ("attachment_note", &self.attachment_note),
            ("issuer_signature_line", &self.issuer_signature_line),
            ("doc_date", &self.doc_date),
            ("note", &self.note),
            ("distributor", &self.distributor),
            ("distributed_on", &self.distributed_on),
            ("release_level", &self.release_level),
            ("language", &self.language),
        ]
    }

    fn lists(&self) -> [(&'static str, &[String]); 3] {
        [
            ("main_recipients", &self.main_recipients),
            ("cc_recipients", &self.cc_recipients),
            ("attachments", &self.attachments),
        ]
    }
}

fn check_element(element: &'static str, text: &str) -> Result<(), LabelError> {
    if text.len() > ELEMENT_BYTES_MAX {
        return Err(LabelError::TooLong { element });
    }
    if text.chars().any(char::is_control) {
        return Err(LabelError::Control { element });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titled(title: &str) -> Label {
        Label { title: title.to_owned(), ..Label::default() }
    }

    #[test]
    fn a_label_reads_back_as_written() {
        let label = Label {
            urgency: Urgency::MostUrgent,
            doc_number: "昌州政办发〔2026〕43号".into(),
            titles: vec![Title { language: "ug".into(), text: "ئۇقتۇرۇش".into() }],
            ..titled("关于做好防汛工作的通知")
        };
        assert_eq!(Label::from_json(&label.to_json().unwrap()).unwrap(), label);
    }

    #[test]
    fn a_label_without_title_or_with_unknown_elements_is_refused() {
        assert_eq!(Label::from_json("{}"), Err(LabelError::NoTitle));
        assert!(matches!(Label::from_json(r#"{"title":"a","titel":"b"}"#), Err(LabelError::Json(_))));
    }

    #[test]
    fn what_would_break_a_line_or_a_limit_is_refused() {
        assert_eq!(titled("a\nb").check(), Err(LabelError::Control { element: "title" }));
        assert_eq!(titled(&"长".repeat(2000)).check(), Err(LabelError::TooLong { element: "title" }));
        let copies = Label { copy_number: "7".into(), ..titled("a") };
        assert_eq!(copies.check(), Err(LabelError::CopyNumber));
        let many = Label { attachments: vec!["x".repeat(4000); 20], ..titled("a") };
        assert_eq!(many.check(), Err(LabelError::TooLarge));
    }
}
