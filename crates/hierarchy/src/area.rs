//! Areas: whom a line of the policy means, such as `652301`, `gov-office@65`, `below 6523` or `counties of 65`.

use crate::groups::is_of_kind;
use crate::json_forms::json_as_text;
use crate::tree::Tree;
use std::fmt;
use std::str::FromStr;
use yizhan_document::{GroupKind, NodeId, OfficeAddress};

/// Offices that the policy means, by where they are. One textual form each.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    /// All offices of a node: `652301`.
    Node(NodeId),
    /// One office: `gov-office@652301`.
    Office(OfficeAddress),
    /// All offices of all nodes at any depth below a node, which is not meant itself: `below 6523`.
    Below(NodeId),
    /// All offices of all counties (prefectures) at any depth below a node, or of the nodes right below it: `counties of 65`.
    Of(GroupKind, NodeId),
}

impl Area {
    /// Whether it means this office.
    pub(crate) fn covers(&self, tree: &Tree, office: &OfficeAddress) -> bool {
        match self {
            Self::Office(meant) => meant == office,
            others => others.reaches(tree, office.node),
        }
    }

    /// Whether it may mean an office of this node: what can be told of a document by where it comes from and where it goes.
    pub(crate) fn reaches(&self, tree: &Tree, node: NodeId) -> bool {
        match self {
            Self::Office(meant) => meant.node == node,
            Self::Node(meant) => *meant == node,
            Self::Below(above) => tree.is_below(node, *above),
            Self::Of(GroupKind::Children, above) => tree.parent(node) == Some(*above),
            Self::Of(kind, above) => is_of_kind(*kind, node) && tree.is_below(node, *above),
        }
    }

    /// The node that it names.
    pub(crate) fn node(&self) -> NodeId {
        match self {
            Self::Node(node) | Self::Below(node) | Self::Of(_, node) => *node,
            Self::Office(office) => office.node,
        }
    }

    /// The office that it names.
    pub(crate) fn office(&self) -> Option<&OfficeAddress> {
        if let Self::Office(office) = self { Some(office) } else { None }
    }
}

const BELOW: &str = "below ";
const OF: &str = " of ";
/// Departments are the offices of a node, which is an area by its id.
const KINDS: [GroupKind; 3] = [GroupKind::Counties, GroupKind::Prefectures, GroupKind::Children];

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => write!(f, "{node}"),
            Self::Office(office) => write!(f, "{office}"),
            Self::Below(node) => write!(f, "{BELOW}{node}"),
            Self::Of(kind, node) => write!(f, "{}{OF}{node}", kind.as_str()),
        }
    }
}

impl fmt::Debug for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Area {
    type Err = AreaError;

    fn from_str(text: &str) -> Result<Self, AreaError> {
        let wrong = |_| AreaError::of(text);
        if let Some(node) = text.strip_prefix(BELOW) {
            return node.parse().map(Self::Below).map_err(wrong);
        }
        if let Some((word, node)) = text.split_once(OF) {
            let kind = KINDS.into_iter().find(|kind| kind.as_str() == word);
            let kind = kind.ok_or_else(|| AreaError::of(text))?;
            return node.parse().map(|node| Self::Of(kind, node)).map_err(wrong);
        }
        if text.contains('@') {
            return text.parse().map(Self::Office).map_err(wrong);
        }
        text.parse().map(Self::Node).map_err(wrong)
    }
}

/// Why a text is no area. Whoever wrote it is to blame; it helps to correct it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` says not who is meant; write 652301, gov-office@652301, `below 6523`, `counties of 65`, `prefectures of 65` or \
     `children of 6523`"
)]
pub struct AreaError {
    /// What was given, shortened.
    text: String,
}

impl AreaError {
    fn of(text: &str) -> Self {
        Self { text: text.chars().filter(|c| !c.is_control()).take(64).collect() }
    }
}

json_as_text!(Area);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_is_written_in_one_way_and_means_what_it_says() {
        let directory = crate::sample::believed(&crate::sample::demo_draft());
        let all =
            ["archive@65", "gov-office@65", "gov-office@6523", "gov-office@652301", "gov-office@653130"];
        for (text, meant) in [
            ("65", &all[..2]),
            ("archive@65", &all[..1]),
            ("below 65", &all[2..]),
            ("below 6523", &all[3..4]),
            ("counties of 65", &all[3..]),
            ("prefectures of 65", &all[2..3]),
            ("children of 65", &all[2..3]),
        ] {
            let area: Area = text.parse().unwrap();
            assert_eq!(area.to_string(), text);
            let covered = |office: &&&str| area.covers(directory.tree(), &office.parse().unwrap());
            assert_eq!(all.iter().filter(covered).copied().collect::<Vec<_>>(), meant, "{text}");
        }
        for text in
            ["", "below ", "departments of 65", "villages of 65", "below archive@65", "65 66", "Below 65"]
        {
            assert!(text.parse::<Area>().is_err(), "{text:?} was taken");
        }
    }
}
