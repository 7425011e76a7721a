//! The text of the directory's root: what the authorities sign, line by line.

use crate::delegation::Delegation;
use crate::head::digest_in;
use crate::limits::REVOKED_MAX;
use crate::lines::{LineError, Lines, out_of_order, write_divisions};
use crate::network_name::{NetworkNameError, check_network_name};
use yizhan_document::{Digest, NodeId, WallTime};
use yizhan_identity::NoteVerifier;

/// The first line. A reader refuses every other one: whatever a later version adds (such as groups) comes with a
/// new heading, so that nobody believes half of it.
const HEADING: &str = "yizhan directory v1";
/// The first line of a root that revokes keys of authorities. One that revokes none bears [`HEADING`].
const HEADING_REVOKING: &str = "yizhan directory v2";
/// The first line of a root that delegates subtrees, whether or not it revokes.
const HEADING_DELEGATING: &str = "yizhan directory v3";
/// The first line of a root that names a policy, whatever else it does.
const HEADING_POLICY: &str = "yizhan directory v4";

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
    /// The digest of the policy's file; none if nothing is laid down.
    pub policy: Option<Digest>,
    /// Authorities whose signatures count no more, whatever anchors say; ascending, each once. Never gets fewer.
    pub revoked: Vec<NoteVerifier>,
    /// Subtrees whose divisions somebody else lists, ascending by node.
    pub delegations: Vec<Delegation>,
    /// Every division that is not delegated with the digest of its file, ascending by node, each once.
    pub divisions: Vec<(NodeId, Digest)>,
}

impl Root {
    /// Reads the text of a root.
    pub fn parse(text: &str) -> Result<Self, RootError> {
        let mut lines = Lines::of(text);
        let headings = [HEADING, HEADING_REVOKING, HEADING_DELEGATING, HEADING_POLICY];
        let heading = lines.next().filter(|line| headings.contains(line)).ok_or(RootError::Heading)?;
        let root = Self {
            network: lines.field("network")?,
            version: lines.field("version")?,
            issued: lines.field("issued")?,
            expires: lines.field("expires")?,
            threshold: lines.field("threshold")?,
            ca: lines.field("ca")?,
            policy: (heading == HEADING_POLICY).then(|| lines.field("policy")).transpose()?,
            revoked: revoked(&mut lines)?,
            delegations: Delegation::read_all(&mut lines)?,
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
        let heading = match (self.policy, self.revoked.is_empty(), self.delegations.is_empty()) {
            (Some(_), ..) => HEADING_POLICY,
            (None, true, true) => HEADING,
            (None, false, true) => HEADING_REVOKING,
            (None, _, false) => HEADING_DELEGATING,
        };
        let mut text = format!(
            "{heading}\nnetwork {}\nversion {}\nissued {}\nexpires {}\nthreshold {}\nca {}\n",
            self.network, self.version, self.issued, self.expires, self.threshold, self.ca
        );
        if let Some(policy) = self.policy {
            text.push_str(&format!("policy {policy}\n"));
        }
        for authority in &self.revoked {
            text.push_str(&format!("revoked {authority}\n"));
        }
        self.delegations.iter().for_each(|delegation| delegation.write(&mut text));
        write_divisions(&self.divisions, &mut text);
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
        if let Some(node) = out_of_order(&self.divisions) {
            return Err(RootError::Order { node });
        }
        Delegation::check_all(&self.delegations)
            .map_err(|(node, reason)| RootError::Delegation { node, reason })?;
        let listed = |delegation: &&Delegation| digest_in(&self.divisions, delegation.node).is_none();
        if let Some(Delegation { node, .. }) = self.delegations.iter().find(listed) {
            let reason = "the root does not list that division itself, or delegates it too";
            return Err(RootError::Delegation { node: *node, reason });
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
    #[error(transparent)]
    Line(#[from] LineError),
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
    /// A delegation that contradicts itself or another.
    #[error("the delegation of {node}: {reason}")]
    Delegation {
        /// The division whose subtree it is.
        node: NodeId,
        /// What is wrong.
        reason: &'static str,
    },
    /// The right facts in another spelling.
    #[error("it is not written in the one way a root is written")]
    Spelling,
}

fn revoked(lines: &mut Lines<'_>) -> Result<Vec<NoteVerifier>, LineError> {
    let mut revoked = Vec::new();
    while lines.begins_with("revoked ") {
        revoked.push(lines.field("revoked")?);
    }
    Ok(revoked)
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
            policy: None,
            revoked: vec![],
            delegations: vec![],
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
        assert_eq!(Root::parse(&text.replacen("v1", "v5", 1)), Err(RootError::Heading));
        assert_eq!(Root::parse(""), Err(RootError::Heading));
        let more = text.replacen("division 65 ", "revocations 00\ndivision 65 ", 1);
        assert_eq!(Root::parse(&more), Err(RootError::Line(LineError { line: 8, expected: "division" })));
        let cut = text.replacen("threshold 1\n", "", 1);
        assert_eq!(Root::parse(&cut), Err(RootError::Line(LineError { line: 6, expected: "threshold" })));
        assert_eq!(
            Root::parse(text.trim_end()),
            Err(RootError::Line(LineError { line: 9, expected: "division" }))
        );
        assert_eq!(
            Root::parse("yizhan directory v1\n"),
            Err(RootError::Line(LineError { line: 2, expected: "network" }))
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
    fn a_root_with_a_policy_names_it_after_the_ca_and_says_so_in_its_first_line() {
        let (text, policy) = (root().to_text(), Digest::of(b"policy"));
        let with = Root { policy: Some(policy), ..root() };
        let ca = format!("\nca {}\n", Digest::of(b"ca"));
        let wanted = text.replacen("v1", "v4", 1).replacen(&ca, &format!("{ca}policy {policy}\n"), 1);
        assert_eq!(with.to_text(), wanted);
        assert_eq!(Root::parse(&wanted), Ok(with));
        let line = |expected| Err(RootError::Line(LineError { line: 8, expected }));
        assert_eq!(Root::parse(&wanted.replacen("v4", "v1", 1)), line("division"));
        assert_eq!(Root::parse(&text.replacen("v1", "v4", 1)), line("policy"));
    }

    #[test]
    fn a_root_that_delegates_says_whom_and_what_in_lines_of_their_own() {
        let keys = ["a.example", "b.example"].map(|name| crate::sample::other_authority(name).verifier());
        let delegation = Delegation {
            node: node("6523"),
            threshold: 2,
            from: 4,
            expires: root().expires,
            codes: vec![node("6523"), node("6524")],
            delegates: keys.to_vec(),
        };
        let with = |delegation| Root { delegations: vec![delegation], ..root() };
        let text = with(delegation.clone()).to_text();
        assert!(text.starts_with("yizhan directory v3\n"));
        let lines = format!(
            "\ndelegation 6523 threshold 2 from 4 expires 2027-11-20T08:00:00.000Z codes 6523,6524\ndelegate {}\ndelegate \
             {}\ndivision 65 ",
            keys[0], keys[1]
        );
        assert!(text.contains(&lines), "{text}");
        assert_eq!(Root::parse(&text), Ok(with(delegation.clone())));
        assert_eq!(Root::parse(&text.replacen("v3", "v1", 1)), Err(RootError::Spelling));

        let wrong: [fn(&mut Delegation); 7] = [
            |it| it.threshold = 3,
            |it| it.from = 0,
            |it| it.codes.clear(),
            |it| it.codes.reverse(),
            |it| it.delegates.reverse(),
            |it| it.delegates.clear(),
            |it| it.node = node("6531"),
        ];
        for (nth, change) in wrong.into_iter().enumerate() {
            let mut delegation = delegation.clone();
            change(&mut delegation);
            let parsed = Root::parse(&with(delegation).to_text());
            assert!(
                matches!(parsed, Err(RootError::Delegation { .. } | RootError::Line(_))),
                "{nth}: {parsed:?}"
            );
        }
        // Nobody's codes are within somebody else's.
        let of_65 = Delegation { node: node("65"), codes: vec![node("652")], ..delegation.clone() };
        let both = Root { delegations: vec![of_65, delegation], ..root() };
        assert!(matches!(Root::parse(&both.to_text()), Err(RootError::Delegation { .. })));
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
