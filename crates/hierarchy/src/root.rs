//! The text of the directory's root: what the authorities sign, line by line.

use crate::limits::REVOKED_MAX;
use crate::network_name::{NetworkNameError, check_network_name};
use std::str::FromStr;
use yizhan_document::{Digest, NodeId, WallTime};
use yizhan_identity::NoteVerifier;

/// The first line. A reader refuses every other one: whatever a later version adds (groups, delegated subtrees) comes with a
/// new heading, so that nobody believes half of it.
const HEADING: &str = "yizhan directory v1";
/// The first line of a root that revokes keys of authorities. One that revokes none bears [`HEADING`].
const HEADING_REVOKING: &str = "yizhan directory v2";

/// The root of a directory: one line for each fact, in a fixed order, each written in one way only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The network.
    pub network: String,
    /// Counts the versions from 1; never goes back.
    pub version: u64,
    /// When it was signed.
    pub issued: WallTime,
    /// From when on it is no longer believed.
    pub expires: WallTime,
    /// How many authorities had to sign it; a reader asks for at least as many as its own anchor does.
    pub threshold: usize,
    /// The digest of the CA certificate in DER.
    pub ca: Digest,
    /// Authorities whose signatures count no more, whatever anchors say; ascending, each once. Never gets fewer.
    pub revoked: Vec<NoteVerifier>,
    /// Every division with the digest of its file, ascending by node, each once.
    pub divisions: Vec<(NodeId, Digest)>,
}

impl Root {
    /// Reads the text of a root.
    pub fn parse(text: &str) -> Result<Self, RootError> {
        let mut lines = Lines { rest: text, number: 0 };
        if !matches!(lines.next(), Some(HEADING | HEADING_REVOKING)) {
            return Err(RootError::Heading);
        }
        let root = Self {
            network: lines.field("network")?,
            version: lines.field("version")?,
            issued: lines.field("issued")?,
            expires: lines.field("expires")?,
            threshold: lines.field("threshold")?,
            ca: lines.field("ca")?,
            revoked: lines.revoked()?,
            divisions: lines.divisions()?,
        };
        root.check()?;
        // Leading zeros, other ways to write a time, carriage returns: one root has one text.
        if root.to_text() != text {
            return Err(RootError::Spelling);
        }
        Ok(root)
    }

    /// The text, as it is signed.
    pub fn to_text(&self) -> String {
        let heading = if self.revoked.is_empty() { HEADING } else { HEADING_REVOKING };
        let mut text = format!(
            "{heading}\nnetwork {}\nversion {}\nissued {}\nexpires {}\nthreshold {}\nca {}\n",
            self.network, self.version, self.issued, self.expires, self.threshold, self.ca
        );
        for authority in &self.revoked {
            text.push_str(&format!("revoked {authority}\n"));
        }
        for (node, digest) in &self.divisions {
            text.push_str(&format!("division {node} {digest}\n"));
        }
        text
    }

    /// Checks what the lines say against each other.
    pub(crate) fn check(&self) -> Result<(), RootError> {
        check_network_name(&self.network)?;
        if self.version == 0 {
            return Err(RootError::VersionZero);
        }
        if self.threshold == 0 {
            return Err(RootError::ThresholdZero);
        }
        if self.issued >= self.expires {
            return Err(RootError::Lifetime { issued: self.issued, expires: self.expires });
        }
        if self.divisions.is_empty() {
            return Err(RootError::Empty);
        }
        if self.revoked.len() > REVOKED_MAX || !self.revoked.is_sorted_by(|first, second| first < second) {
            return Err(RootError::Revoked);
        }
        for ((first, _), (second, _)) in self.divisions.iter().zip(self.divisions.iter().skip(1)) {
            if first >= second {
                return Err(RootError::Order { node: *second });
            }
        }
        Ok(())
    }
}

/// Why a text is no root. Whoever signed it is to blame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RootError {
    /// Not a directory, or one of a version this program does not know.
    #[error("it does not begin with `{HEADING}`; if it is of a newer kind, this program has to be renewed")]
    Heading,
    /// A line is missing or not what belongs there.
    #[error("line {line} should say `{expected} …`")]
    Line {
        /// Counted from 1.
        line: usize,
        /// The first word of the line that belongs there.
        expected: &'static str,
    },
    /// The network has no proper name.
    #[error(transparent)]
    Network(#[from] NetworkNameError),
    /// Versions count from 1.
    #[error("its version is 0")]
    VersionZero,
    /// A root that nobody has to sign.
    #[error("its threshold is 0")]
    ThresholdZero,
    /// It expires before it begins.
    #[error("it is issued at {issued} and expires at {expires}")]
    Lifetime {
        /// When it says it was signed.
        issued: WallTime,
        /// When it says it expires.
        expires: WallTime,
    },
    /// No division at all.
    #[error("it lists no division")]
    Empty,
    /// A division out of order, or twice.
    #[error("division {node} stands twice or not in ascending order")]
    Order {
        /// The later of the two lines.
        node: NodeId,
    },
    /// Revoked keys out of order, twice, or too many.
    #[error("its revoked keys are not in ascending order, each once, {REVOKED_MAX} at the most")]
    Revoked,
    /// The right facts in another spelling.
    #[error("it is not written in the one way a root is written")]
    Spelling,
}

/// The lines of a text, counted.
struct Lines<'a> {
    rest: &'a str,
    number: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (line, rest) = self.rest.split_once('\n')?;
        self.rest = rest;
        self.number += 1;
        Some(line)
    }

    fn field<T: FromStr>(&mut self, word: &'static str) -> Result<T, RootError> {
        let line = self.number + 1;
        let value = self.next().and_then(|line| line.strip_prefix(word)?.strip_prefix(' '));
        value.and_then(|value| value.parse().ok()).ok_or(RootError::Line { line, expected: word })
    }

    fn revoked(&mut self) -> Result<Vec<NoteVerifier>, RootError> {
        let mut revoked = Vec::new();
        while self.rest.starts_with("revoked ") {
            revoked.push(self.field("revoked")?);
        }
        Ok(revoked)
    }

    fn divisions(&mut self) -> Result<Vec<(NodeId, Digest)>, RootError> {
        let mut divisions = Vec::new();
        while !self.rest.is_empty() {
            let entry: Entry = self.field("division")?;
            divisions.push((entry.0, entry.1));
        }
        Ok(divisions)
    }
}

/// The node and the digest of one `division` line.
struct Entry(NodeId, Digest);

impl FromStr for Entry {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (node, digest) = text.split_once(' ').ok_or(())?;
        Ok(Self(node.parse().map_err(|_| ())?, digest.parse().map_err(|_| ())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::node;
    use proptest::prelude::*;

    fn root() -> Root {
        Root {
            network: "xinjiang.example".into(),
            version: 1,
            issued: "2026-11-20T08:00:00Z".parse().unwrap(),
            expires: "2027-11-20T08:00:00Z".parse().unwrap(),
            threshold: 1,
            ca: Digest::of(b"ca"),
            revoked: vec![],
            divisions: vec![(node("65"), Digest::of(b"65")), (node("6523"), Digest::of(b"6523"))],
        }
    }

    #[test]
    fn the_text_is_the_published_one() {
        let text = format!(
            "yizhan directory v1\nnetwork xinjiang.example\nversion 1\nissued 2026-11-20T08:00:00.000Z\n\
             expires 2027-11-20T08:00:00.000Z\nthreshold 1\nca {}\ndivision 65 {}\ndivision 6523 {}\n",
            Digest::of(b"ca"),
            Digest::of(b"65"),
            Digest::of(b"6523")
        );
        assert_eq!(root().to_text(), text);
        assert_eq!(Root::parse(&text), Ok(root()));
    }

    #[test]
    fn another_spelling_of_the_same_facts_is_refused() {
        let text = root().to_text();
        for (from, to) in [
            ("version 1", "version 01"),
            ("version 1", "version +1"),
            ("08:00:00.000Z\nexpires", "08:00:00Z\nexpires"),
            ("2026-11-20T08:00:00.000Z", "2026-11-20T16:00:00.000+08:00"),
        ] {
            assert_eq!(Root::parse(&text.replacen(from, to, 1)), Err(RootError::Spelling), "{from} -> {to}");
        }
    }

    #[test]
    fn a_root_of_another_kind_or_with_unknown_lines_is_refused() {
        let text = root().to_text();
        assert_eq!(Root::parse(&text.replacen("v1", "v3", 1)), Err(RootError::Heading));
        assert_eq!(Root::parse(""), Err(RootError::Heading));
        let more = text.replacen("division 65 ", "revocations 00\ndivision 65 ", 1);
        assert_eq!(Root::parse(&more), Err(RootError::Line { line: 8, expected: "division" }));
        let cut = text.replacen("threshold 1\n", "", 1);
        assert_eq!(Root::parse(&cut), Err(RootError::Line { line: 6, expected: "threshold" }));
        assert_eq!(Root::parse(text.trim_end()), Err(RootError::Line { line: 9, expected: "division" }));
        assert_eq!(
            Root::parse("yizhan directory v1\n"),
            Err(RootError::Line { line: 2, expected: "network" })
        );
    }

    #[test]
    fn a_root_that_revokes_says_so_in_its_first_line_and_one_that_does_not_is_written_as_ever() {
        let keys = ["a.example", "b.example"].map(|name| crate::sample::other_authority(name).verifier());
        let revoking = Root { revoked: keys.to_vec(), ..root() };
        let text = revoking.to_text();
        assert!(
            text.starts_with("yizhan directory v2\n") && text.contains(&format!("\nrevoked {}\n", keys[1]))
        );
        assert_eq!(Root::parse(&text), Ok(revoking));
        assert_eq!(Root::parse(&text.replacen("v2", "v1", 1)), Err(RootError::Spelling));
        assert_eq!(Root::parse(&root().to_text().replacen("v1", "v2", 1)), Err(RootError::Spelling));
        for wrong in [[keys[1].clone(), keys[0].clone()], [keys[0].clone(), keys[0].clone()]] {
            let root = Root { revoked: wrong.to_vec(), ..root() };
            assert_eq!(Root::parse(&root.to_text()), Err(RootError::Revoked));
        }
    }

    #[test]
    fn facts_that_contradict_each_other_are_refused() {
        let parse = |root: Root| Root::parse(&root.to_text());
        let mut divisions = root().divisions;
        divisions.reverse();
        assert_eq!(parse(Root { divisions, ..root() }), Err(RootError::Order { node: node("65") }));
        let divisions = vec![(node("65"), Digest::of(b"a")), (node("65"), Digest::of(b"b"))];
        assert_eq!(parse(Root { divisions, ..root() }), Err(RootError::Order { node: node("65") }));
        assert_eq!(parse(Root { divisions: vec![], ..root() }), Err(RootError::Empty));
        assert_eq!(parse(Root { version: 0, ..root() }), Err(RootError::VersionZero));
        assert_eq!(parse(Root { threshold: 0, ..root() }), Err(RootError::ThresholdZero));
        assert!(matches!(parse(Root { expires: root().issued, ..root() }), Err(RootError::Lifetime { .. })));
        assert!(matches!(parse(Root { network: "Xin jiang".into(), ..root() }), Err(RootError::Network(_))));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_fall_and_what_it_takes_is_canonical(text in "(yizhan directory v1\n)?[ -~\n]{0,200}") {
            if let Ok(root) = Root::parse(&text) {
                prop_assert_eq!(root.to_text(), text);
            }
        }

        #[test]
        fn a_changed_byte_never_reads_as_the_same_root(at in 0usize..300, by in 1u8..=127) {
            let mut bytes = root().to_text().into_bytes();
            let at = at % bytes.len();
            bytes[at] ^= by;
            if let Ok(text) = String::from_utf8(bytes) {
                prop_assert_ne!(Root::parse(&text), Ok(root()));
            }
        }
    }
}
