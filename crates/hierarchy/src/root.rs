//! The text of the directory's root: what the authorities sign, line by line.

use crate::delegation::Delegation;
use crate::head::digest_in;
use crate::limits::{AGREEMENTS_MAX, REVOKED_MAX};
use crate::lines::{LineError, Lines, out_of_order, write_divisions};
use crate::network_name::{NetworkNameError, check_network_name};
use std::fmt;
use std::str::FromStr;
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
/// The first line of a root that names agreements with other networks, whatever else it does.
const HEADING_AGREEING: &str = "yizhan directory v5";

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
    /// The agreements with other networks that are in force on this side, ascending by digest, each once.
    pub agreements: Vec<NamedAgreement>,
    /// Authorities whose signatures count no more, whatever anchors say; ascending, each once. Never gets fewer.
    pub revoked: Vec<NoteVerifier>,
    /// Subtrees whose divisions somebody else lists, ascending by node.
    pub delegations: Vec<Delegation>,
    /// Every division that is not delegated with the digest of its file, ascending by node, each once.
    pub divisions: Vec<(NodeId, Digest)>,
}

/// An agreement as a root names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedAgreement {
    /// The digest of its text.
    pub digest: Digest,
    /// When this side ended it: nothing new is handed in by it from then on, and what was accepted before comes to its end.
    pub ended: Option<WallTime>,
}

impl Root {
    /// Reads the text of a root.
    pub fn parse(text: &str) -> Result<Self, RootError> {
        let mut lines = Lines::of(text);
        let headings = [HEADING, HEADING_REVOKING, HEADING_DELEGATING, HEADING_POLICY, HEADING_AGREEING];
        let heading = lines.next().filter(|line| headings.contains(line)).ok_or(RootError::Heading)?;
        let root = Self {
            network: lines.field("network")?,
            version: lines.field("version")?,
            issued: lines.field("issued")?,
            expires: lines.field("expires")?,
            threshold: lines.field("threshold")?,
            ca: lines.field("ca")?,
            policy: (heading == HEADING_POLICY
                || heading == HEADING_AGREEING && lines.begins_with("policy "))
            .then(|| lines.field("policy"))
            .transpose()?,
            agreements: if heading == HEADING_AGREEING { agreements(&mut lines)? } else { Vec::new() },
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
            _ if !self.agreements.is_empty() => HEADING_AGREEING,
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
        for agreement in &self.agreements {
            text.push_str(&format!("agreement {agreement}\n"));
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
        let ascending = self.agreements.is_sorted_by(|first, second| first.digest < second.digest);
        if self.agreements.len() > AGREEMENTS_MAX || !ascending {
            return Err(RootError::Agreements);
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
    /// Agreements out of order, twice, or too many.
    #[error("its agreements are not in ascending order, each once, {AGREEMENTS_MAX} at the most")]
    Agreements,
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

impl fmt::Display for NamedAgreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.digest)?;
        self.ended.map_or(Ok(()), |ended| write!(f, "{ENDED}{ended}"))
    }
}

impl FromStr for NamedAgreement {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (digest, ended) = match text.split_once(ENDED) {
            Some((digest, ended)) => (digest, Some(ended.parse().map_err(|_| ())?)),
            None => (text, None),
        };
        Ok(Self { digest: digest.parse().map_err(|_| ())?, ended })
    }
}

const ENDED: &str = " ended ";

fn agreements(lines: &mut Lines<'_>) -> Result<Vec<NamedAgreement>, LineError> {
    let mut agreements = Vec::new();
    while lines.begins_with("agreement ") {
        agreements.push(lines.field("agreement")?);
    }
    Ok(agreements)
}

fn revoked(lines: &mut Lines<'_>) -> Result<Vec<NoteVerifier>, LineError> {
    let mut revoked = Vec::new();
    while lines.begins_with("revoked ") {
        revoked.push(lines.field("revoked")?);
    }
    Ok(revoked)
}

#[cfg(test)]
#[path = "root_tests.rs"]
mod tests;
