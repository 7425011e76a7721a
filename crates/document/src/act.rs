//! Acts of an office on a document it received, and the canonical statement of one, which the office signs.

use crate::limits::REASON_BYTES_MAX;
use crate::{Digest, OfficeAddress, Unit, WallTime};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

const FIRST_LINE: &str = "yizhan act v1";

/// What an office does with a document it received. 拒收 (refuse) is not 退回 (return), and neither is 撤回 (recall).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// 签收: the office answers for having received it.
    SignedFor,
    /// 拒收, before signing for; with a reason.
    Refused,
    /// 退回, after review; with a reason.
    Returned,
}

impl Act {
    /// All acts.
    pub const ALL: [Self; 3] = [Self::SignedFor, Self::Refused, Self::Returned];

    /// The name in formats.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignedFor => "signed-for",
            Self::Refused => "refused",
            Self::Returned => "returned",
        }
    }

    /// The office's word for it.
    pub fn chinese(self) -> &'static str {
        match self {
            Self::SignedFor => "签收",
            Self::Refused => "拒收",
            Self::Returned => "退回",
        }
    }

    /// Whether a reason is mandatory.
    pub fn needs_reason(self) -> bool {
        self != Self::SignedFor
    }
}

/// What an office signs when it acts on a document: one line a field, LF-terminated, one form only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The act.
    pub act: Act,
    /// The unit of custody that brought the document.
    pub unit: Unit,
    /// SHA-256 of the manifest text of the document.
    pub manifest: Digest,
    /// The acting office.
    pub office: OfficeAddress,
    /// The person who acted, as the office software names them.
    pub person: String,
    /// When.
    pub time: WallTime,
    /// Why; empty for signing for.
    pub reason: String,
}

/// Why a statement is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// Refusing and returning need a reason.
    #[error("give a reason: an office that refuses (拒收) or returns (退回) a document says why")]
    NoReason,
    /// Reason or person too long, or with a line break.
    #[error("reason and person are single lines of at most {REASON_BYTES_MAX} bytes")]
    Text,
    /// The text is no statement in its canonical form.
    #[error("this is no statement of an office's act in its canonical form")]
    Form,
}

impl Statement {
    /// The canonical text.
    pub fn to_text(&self) -> Result<String, ActError> {
        if self.act.needs_reason() && self.reason.trim().is_empty() {
            return Err(ActError::NoReason);
        }
        let line = |text: &str| text.len() <= REASON_BYTES_MAX && !text.chars().any(char::is_control);
        if !line(&self.person) || !line(&self.reason) {
            return Err(ActError::Text);
        }
        Ok(format!(
            "{FIRST_LINE}\nact {}\nunit {}\nmanifest {}\noffice {}\nperson {}\ntime {}\nreason {}\n",
            self.act.as_str(),
            self.unit,
            self.manifest,
            self.office,
            self.person,
            self.time,
            self.reason
        ))
    }

    /// Reads the canonical text; anything that would not be written again byte for byte is refused.
    pub fn from_text(text: &str) -> Result<Self, ActError> {
        let mut lines = text.lines();
        if lines.next() != Some(FIRST_LINE) {
            return Err(ActError::Form);
        }
        let act: String = value(lines.next(), "act ")?;
        let statement = Self {
            act: Act::ALL.into_iter().find(|a| a.as_str() == act).ok_or(ActError::Form)?,
            unit: value(lines.next(), "unit ")?,
            manifest: value(lines.next(), "manifest ")?,
            office: value(lines.next(), "office ")?,
            person: value(lines.next(), "person ")?,
            time: value(lines.next(), "time ")?,
            reason: value(lines.next(), "reason ")?,
        };
        if statement.to_text()? == text { Ok(statement) } else { Err(ActError::Form) }
    }
}

fn value<T: FromStr>(line: Option<&str>, name: &str) -> Result<T, ActError> {
    line.and_then(|line| line.strip_prefix(name)).and_then(|text| text.parse().ok()).ok_or(ActError::Form)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(act: Act, reason: &str) -> Statement {
        Statement {
            act,
            unit: "652301.0.42/653101/0".parse().unwrap(),
            manifest: Digest::of(b"manifest"),
            office: "gov-office@653101".parse().unwrap(),
            person: "阿依古丽·买买提".into(),
            time: WallTime::from_ms(1_795_161_600_123),
            reason: reason.into(),
        }
    }

    #[test]
    fn every_act_reads_back_as_written() {
        for act in Act::ALL {
            let statement = example(act, "附件缺页");
            assert_eq!(Statement::from_text(&statement.to_text().unwrap()), Ok(statement));
        }
        let plain = example(Act::SignedFor, "");
        assert_eq!(Statement::from_text(&plain.to_text().unwrap()), Ok(plain));
    }

    #[test]
    fn refusing_or_returning_without_a_reason_is_refused() {
        assert_eq!(example(Act::Refused, " ").to_text(), Err(ActError::NoReason));
        assert_eq!(example(Act::Returned, "").to_text(), Err(ActError::NoReason));
        assert_eq!(example(Act::Returned, "a\nb").to_text(), Err(ActError::Text));
    }

    #[test]
    fn a_second_spelling_is_refused() {
        let text = example(Act::SignedFor, "").to_text().unwrap();
        assert_eq!(Statement::from_text(&text.replace("/0\n", "/00\n")), Err(ActError::Form));
        assert_eq!(Statement::from_text(&format!("{text}x\n")), Err(ActError::Form));
        assert_eq!(Statement::from_text(&text.replace('\n', "\r\n")), Err(ActError::Form));
    }
}
