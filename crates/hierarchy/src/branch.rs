//! The text that a delegate signs: the divisions of its subtree, with a version of its own.

use crate::limits::DELEGATION_VERSION_MAX;
use crate::lines::{LineError, Lines, out_of_order, write_divisions};
use yizhan_document::{Digest, NodeId, WallTime};

/// The first line. A reader refuses every other one.
const HEADING: &str = "yizhan delegated divisions v1";

/// The list of a delegated subtree: one line for each fact, in a fixed order, each written in one way only. There is no word in
/// it for anything else: not for keys, not for a further delegation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// The network.
    pub network: String,
    /// The division whose subtree it is.
    pub node: NodeId,
    /// Counts the versions; never goes back.
    pub version: u64,
    /// When it was signed.
    pub issued: WallTime,
    /// From when on it is taken as new no more.
    pub expires: WallTime,
    /// Every division below `node` with the digest of its file, ascending, each once; none where nobody is left.
    pub divisions: Vec<(NodeId, Digest)>,
}

impl Branch {
    /// Reads the text.
    pub fn parse(text: &str) -> Result<Self, BranchError> {
        let mut lines = Lines::of(text);
        if lines.next() != Some(HEADING) {
            return Err(BranchError::Heading);
        }
        let branch = Self {
            network: lines.field("network")?,
            node: lines.field("delegation")?,
            version: lines.field("version")?,
            issued: lines.field("issued")?,
            expires: lines.field("expires")?,
            divisions: lines.divisions()?,
        };
        if branch.version == 0 || branch.version > DELEGATION_VERSION_MAX {
            return Err(BranchError::Version { version: branch.version });
        }
        if branch.issued >= branch.expires {
            return Err(BranchError::Lifetime { issued: branch.issued, expires: branch.expires });
        }
        if let Some(node) = out_of_order(&branch.divisions) {
            return Err(BranchError::Order { node });
        }
        if branch.to_text() != text {
            return Err(BranchError::Spelling);
        }
        Ok(branch)
    }

    /// The text, as it is signed.
    pub fn to_text(&self) -> String {
        let Self { network, node, version, issued, expires, divisions } = self;
        let mut text = format!(
            "{HEADING}\nnetwork {network}\ndelegation {node}\nversion {version}\nissued {issued}\nexpires {expires}\n"
        );
        write_divisions(divisions, &mut text);
        text
    }

    /// The digest of the text.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_text().as_bytes())
    }
}

/// Why a text is no list of a delegated subtree. The delegate that signed it is to blame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BranchError {
    /// Something else, or of a version this program does not know.
    #[error("it does not begin with `{HEADING}`; if it is of a newer kind, this program has to be renewed")]
    Heading,
    /// A line is missing or not what belongs there.
    #[error(transparent)]
    Line(#[from] LineError),
    /// Versions count from 1, and not without end.
    #[error("its version is {version}, which no list has")]
    Version {
        /// The version.
        version: u64,
    },
    /// It expires before it begins.
    #[error("it is issued at {issued} and expires at {expires}")]
    Lifetime {
        /// When it says it was signed.
        issued: WallTime,
        /// When it says it expires.
        expires: WallTime,
    },
    /// A division out of order, or twice.
    #[error("division {node} stands twice or not in ascending order")]
    Order {
        /// The later of the two lines.
        node: NodeId,
    },
    /// The right facts in another spelling.
    #[error("it is not written in the one way such a list is written")]
    Spelling,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{expires, issued, node};

    fn branch() -> Branch {
        Branch {
            network: "xinjiang.example".into(),
            node: node("6523"),
            version: 3,
            issued: issued(),
            expires: expires(),
            divisions: vec![(node("652301"), Digest::of(b"a")), (node("652324"), Digest::of(b"b"))],
        }
    }

    #[test]
    fn the_text_is_the_published_one() {
        let text = format!(
            "yizhan delegated divisions v1\nnetwork xinjiang.example\ndelegation 6523\nversion 3\n\
             issued 2026-11-20T08:00:00.000Z\nexpires 2027-11-20T08:00:00.000Z\ndivision 652301 {}\ndivision 652324 {}\n",
            Digest::of(b"a"),
            Digest::of(b"b")
        );
        assert_eq!(branch().to_text(), text);
        assert_eq!(Branch::parse(&text), Ok(branch()));
        let nobody = Branch { divisions: vec![], ..branch() };
        assert_eq!(Branch::parse(&nobody.to_text()), Ok(nobody));
    }

    #[test]
    fn another_text_is_refused_for_what_is_wrong_with_it() {
        let parse = |branch: Branch| Branch::parse(&branch.to_text()).unwrap_err();
        let text = branch().to_text();
        assert_eq!(Branch::parse(&text.replacen("v1", "v2", 1)), Err(BranchError::Heading));
        assert_eq!(Branch::parse(&text.replacen("version 3", "version 03", 1)), Err(BranchError::Spelling));
        let delegating = text.replacen("division ", "delegation 652301\ndivision ", 1);
        assert_eq!(
            Branch::parse(&delegating),
            Err(BranchError::Line(LineError { line: 7, expected: "division" }))
        );
        for version in [0, DELEGATION_VERSION_MAX + 1] {
            assert_eq!(parse(Branch { version, ..branch() }), BranchError::Version { version });
        }
        assert!(matches!(parse(Branch { expires: issued(), ..branch() }), BranchError::Lifetime { .. }));
        let divisions = branch().divisions.into_iter().rev().collect();
        assert_eq!(parse(Branch { divisions, ..branch() }), BranchError::Order { node: node("652301") });
    }
}
