//! The manifest: the canonical text that an office signs.
//!
//! One line a statement, LF-terminated, in fixed order; a text that would not be written again byte for byte is refused,
//! so a manifest has one form. It names the envelope and the recipients, so that a signed document cannot be passed on as
//! if it had been meant for another (surreptitious forwarding).

use crate::limits::{CONTENT_BYTES_MAX, MANIFEST_BYTES_MAX, PART_NAME_BYTES_MAX, PARTS_MAX, RECIPIENTS_MAX};
use crate::{Digest, EnvelopeId, Label, LabelError, OfficeAddress, WallTime};
use std::fmt::Write as _;
use std::str::FromStr;

const FIRST_LINE: &str = "yizhan manifest v1";

/// What the office signs: label, digest of every part, recipients, envelope id and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Names the signature suite, such as `cms-p256-sha256`.
    pub suite: String,
    /// The envelope that carries the document.
    pub envelope: EnvelopeId,
    /// When it was closed.
    pub time: WallTime,
    /// The directory version against which the recipients were resolved.
    pub directory: u64,
    /// 32 random bytes that only sender and recipients know; commitments in receipts are salted with them.
    pub salt: Digest,
    /// The sending office.
    pub from: OfficeAddress,
    /// Main recipients 主送.
    pub to: Vec<OfficeAddress>,
    /// Copy recipients 抄送.
    pub cc: Vec<OfficeAddress>,
    /// The files, in order.
    pub parts: Vec<Part>,
    /// The label.
    pub label: Label,
}

/// One file of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name: data to show, never a path to open.
    pub name: PartName,
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 of its content.
    pub digest: Digest,
}

/// The name of a file as its sender wrote it: 1 to 255 bytes, no control characters, no `/` or `\`, not `.` or `..`, no
/// bidirectional overrides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartName(String);

impl PartName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PartName {
    type Err = ManifestError;

    fn from_str(text: &str) -> Result<Self, ManifestError> {
        let bidi = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
        let bad = text.is_empty()
            || text.len() > PART_NAME_BYTES_MAX
            || text == "."
            || text == ".."
            || text.chars().any(|c| c.is_control() || c == '/' || c == '\\' || bidi(c));
        if bad { Err(ManifestError::PartName) } else { Ok(Self(text.to_owned())) }
    }
}

/// Why a text is no manifest, or a manifest cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A line is not what stands at its place.
    #[error("line {line} of the manifest is not what is written there: wanted `{wanted}`")]
    Line {
        /// The line, counted from 1.
        line: usize,
        /// What it should begin with.
        wanted: &'static str,
    },
    /// A file name is not allowed.
    #[error(
        "a file name is 1 to {PART_NAME_BYTES_MAX} bytes without /, \\, control or direction characters; rename the file"
    )]
    PartName,
    /// Too many files or recipients, or content too large.
    #[error(
        "a document has 1 to {PARTS_MAX} files of at most {CONTENT_BYTES_MAX} bytes in all, and 1 to {RECIPIENTS_MAX} recipients, each named once"
    )]
    Count,
    /// As a whole too large.
    #[error("the manifest is larger than {MANIFEST_BYTES_MAX} bytes")]
    TooLarge,
    /// It reads, but would be written differently.
    #[error("the manifest is not in its canonical form")]
    NotCanonical,
    /// The label in it is refused.
    #[error(transparent)]
    Label(#[from] LabelError),
}

impl Manifest {
    /// What a receipt names instead of an office: SHA-256 over a fixed line, the salt and the address, so that whoever
    /// knows the manifest can tell the office and nobody else can guess it.
    pub fn office_commitment(&self, office: &OfficeAddress) -> Digest {
        Digest::of(format!("yizhan office commitment v1\n{}\n{office}\n", self.salt).as_bytes())
    }

    /// All recipients, main ones first.
    pub fn recipients(&self) -> impl Iterator<Item = &OfficeAddress> {
        self.to.iter().chain(&self.cc)
    }

    /// The canonical text.
    pub fn to_text(&self) -> Result<String, ManifestError> {
        self.check()?;
        let mut text = format!(
            "{FIRST_LINE}\nsuite {}\nenvelope {}\ntime {}\ndirectory {}\nsalt {}\nfrom {}\n",
            self.suite, self.envelope, self.time, self.directory, self.salt, self.from
        );
        self.to.iter().for_each(|to| push_line(&mut text, format_args!("to {to}")));
        self.cc.iter().for_each(|cc| push_line(&mut text, format_args!("cc {cc}")));
        for part in &self.parts {
            push_line(&mut text, format_args!("part {} {} {}", part.size, part.digest, part.name.0));
        }
        push_line(&mut text, format_args!("label {}", self.label.to_json()?));
        if text.len() > MANIFEST_BYTES_MAX {
            return Err(ManifestError::TooLarge);
        }
        Ok(text)
    }

    /// Reads the canonical text; anything that is not exactly in that form is refused.
    pub fn from_text(text: &str) -> Result<Self, ManifestError> {
        if text.len() > MANIFEST_BYTES_MAX {
            return Err(ManifestError::TooLarge);
        }
        let mut lines = Lines::of(text);
        if lines.next_line() != Some(FIRST_LINE) {
            return Err(lines.wrong(FIRST_LINE));
        }
        let suite = lines.value("suite ")?;
        let envelope = lines.value("envelope ")?;
        let time = lines.value("time ")?;
        let directory = lines.value("directory ")?;
        let salt = lines.value("salt ")?;
        let from = lines.value("from ")?;
        let to = lines.values("to ")?;
        let cc = lines.values("cc ")?;
        let parts = lines.values("part ")?;
        let label = lines.value::<LabelLine>("label ")?.0;
        let manifest = Self { suite, envelope, time, directory, salt, from, to, cc, parts, label };
        if manifest.to_text()? != text {
            return Err(ManifestError::NotCanonical);
        }
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        self.label.check()?;
        let mut seen = std::collections::BTreeSet::new();
        let once = self.recipients().all(|office| seen.insert(office));
        let size = self.parts.iter().try_fold(0u64, |sum, part| sum.checked_add(part.size));
        let fits = once
            && (1..=RECIPIENTS_MAX).contains(&seen.len())
            && (1..=PARTS_MAX).contains(&self.parts.len())
            && size.is_some_and(|size| size <= CONTENT_BYTES_MAX);
        if !fits {
            return Err(ManifestError::Count);
        }
        check_suite(&self.suite)
    }
}

/// Checks the form of a suite's name.
pub(crate) fn check_suite(suite: &str) -> Result<(), ManifestError> {
    let token = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if suite.is_empty() || suite.len() > 32 || !suite.bytes().all(token) {
        return Err(ManifestError::Line { line: 2, wanted: "suite " });
    }
    Ok(())
}

fn push_line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    text.write_fmt(line).unwrap_or_default();
    text.push('\n');
}

struct LabelLine(Label);

impl FromStr for LabelLine {
    type Err = LabelError;
    fn from_str(text: &str) -> Result<Self, LabelError> {
        Label::from_json(text).map(Self)
    }
}

impl FromStr for Part {
    type Err = ManifestError;

    fn from_str(text: &str) -> Result<Self, ManifestError> {
        let wrong = ManifestError::Line { line: 0, wanted: "part <size> <digest> <name>" };
        let mut fields = text.splitn(3, ' ');
        let (Some(size), Some(digest), Some(name)) = (fields.next(), fields.next(), fields.next()) else {
            return Err(wrong);
        };
        let size = size.parse().map_err(|_| wrong.clone())?;
        let digest = digest.parse().map_err(|_| wrong)?;
        Ok(Self { name: name.parse()?, size, digest })
    }
}

/// The lines of a canonical text, one after the other.
pub(crate) struct Lines<'a> {
    rest: &'a str,
    number: usize,
}

impl<'a> Lines<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Self { rest: text, number: 0 }
    }

    pub(crate) fn next_line(&mut self) -> Option<&'a str> {
        let (line, rest) = self.rest.split_once('\n')?;
        self.rest = rest;
        self.number += 1;
        Some(line)
    }

    pub(crate) fn wrong(&self, wanted: &'static str) -> ManifestError {
        ManifestError::Line { line: self.number.max(1), wanted }
    }

    pub(crate) fn value<T: FromStr>(&mut self, wanted: &'static str) -> Result<T, ManifestError> {
        let value = self.next_line().and_then(|line| line.strip_prefix(wanted));
        value.and_then(|text| text.parse().ok()).ok_or_else(|| self.wrong(wanted))
    }

    pub(crate) fn values<T: FromStr>(&mut self, wanted: &'static str) -> Result<Vec<T>, ManifestError> {
        let mut out = Vec::new();
        while self.rest.starts_with(wanted) {
            if out.len() >= RECIPIENTS_MAX {
                return Err(ManifestError::Count);
            }
            out.push(self.value(wanted)?);
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn example() -> Manifest {
        Manifest {
            suite: "cms-p256-sha256".into(),
            envelope: "652301.0.42".parse().unwrap(),
            time: WallTime::from_ms(1_795_161_600_123),
            directory: 1,
            salt: Digest::of(b"salt"),
            from: "gov-office@652301".parse().unwrap(),
            to: vec!["gov-office@653101".parse().unwrap()],
            cc: vec!["gov-office@653130".parse().unwrap()],
            parts: vec![Part {
                name: "通知 正文.pdf".parse().unwrap(),
                size: 7,
                digest: Digest::of(b"content"),
            }],
            label: Label { title: "关于 x 的通知".into(), ..Label::default() },
        }
    }

    #[test]
    fn a_manifest_reads_back_as_written() {
        let manifest = example();
        assert_eq!(Manifest::from_text(&manifest.to_text().unwrap()).unwrap(), manifest);
    }

    #[test]
    fn a_second_spelling_of_the_same_manifest_is_refused() {
        let text = example().to_text().unwrap();
        assert_eq!(
            Manifest::from_text(&text.replace("\"title\":", "\"title\": ")),
            Err(ManifestError::NotCanonical)
        );
        assert_eq!(
            Manifest::from_text(&text.replace("directory 1", "directory 01")),
            Err(ManifestError::NotCanonical)
        );
        assert!(Manifest::from_text(&format!("{text}more\n")).is_err());
        assert!(Manifest::from_text(text.trim_end()).is_err());
    }

    #[test]
    fn a_recipient_named_twice_or_no_part_at_all_is_refused() {
        let twice = Manifest { cc: example().to, ..example() };
        assert_eq!(twice.to_text(), Err(ManifestError::Count));
        let empty = Manifest { parts: vec![], ..example() };
        assert_eq!(empty.to_text(), Err(ManifestError::Count));
    }

    #[test]
    fn hostile_file_names_are_refused() {
        for name in ["", ".", "..", "a/b", "a\\b", "a\nb", "invoice\u{202e}fdp.exe", &"x".repeat(256)] {
            assert_eq!(name.parse::<PartName>(), Err(ManifestError::PartName), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn no_changed_byte_reads_as_the_same_manifest(at in 0usize..400, flip in 1u8..=255) {
            let text = example().to_text().unwrap();
            let mut bytes = text.into_bytes();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            if let Ok(changed) = String::from_utf8(bytes) {
                prop_assert_ne!(Manifest::from_text(&changed).ok(), Some(example()));
            }
        }
    }
}
