//! Group addresses: many offices named at once by where they stand in the tree, such as `counties of 6523`, or by a named list.
//!
//! A group is resolved at the origin against one version of the directory. What the office signs names both: the groups as it
//! addressed them, and the offices that came of it.

use crate::address::textual;
use crate::limits::{GROUP_BYTES_MAX, GROUPS_MAX};
use crate::list_name::ListName;
use crate::{NodeId, OfficeAddress, OfficeName};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// The kinds, their English words, and the Chinese ones that are understood behind a node, as in `6523各县市`.
const KINDS: [(GroupKind, &str, &[&str]); 4] = [
    (GroupKind::Counties, "counties", &["各县", "各县市", "各县区", "各县市区", "各县级"]),
    (GroupKind::Prefectures, "prefectures", &["各地", "各地州", "各地市", "各州市", "各地州市", "各市州"]),
    (GroupKind::Children, "children", &["各下级", "下级", "所属"]),
    (GroupKind::Departments, "departments", &["各部门", "部门"]),
];
/// What a named list is begun with, in the form that is written and in those that are understood.
const LIST: &str = "list ";
const LISTS: [&str; 3] = [LIST, "list:", "名单"];
const OFFICE: &str = " office ";
const EXCEPT: &str = " except ";

/// Which offices a group means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupKind {
    /// One office of every county (县级) at any depth below a node.
    Counties,
    /// One office of every prefecture (地级) at any depth below a node.
    Prefectures,
    /// One office of every node right below a node, whatever it is.
    Children,
    /// Every office of the node itself but the sender.
    Departments,
}

/// Whom a group means before anybody is excepted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Meant {
    /// Offices by where they stand below a node.
    Of(GroupKind, NodeId),
    /// Those that a list of the directory names.
    List(ListName),
}

/// Many offices named at once. One textual form: `counties of 65`, `prefectures of 65 office audit-office`,
/// `children of 6523 except 652301`, `departments of 65 except archive@65`, `list flood-control`; read also as
/// `65各县市 除 652301 外`, `名单flood-control`.
///
/// The office is `gov-office` where none is named. Exceptions are nodes, with all their offices, or single offices; each stands
/// once, ascending. The text has at most [`GROUP_BYTES_MAX`] bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group {
    meant: Meant,
    /// None for `gov-office`, for departments and for lists.
    office: Option<OfficeName>,
    except: BTreeSet<NodeOrOffice>,
}

/// Somebody whom a group does not mean, or whom a named list names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeOrOffice {
    /// All offices of a node.
    Node(NodeId),
    /// One office.
    Office(OfficeAddress),
}

/// The groups that a document is addressed to, beside the offices that are named one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Groups {
    /// Main recipients 主送.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<Group>,
    /// Copy recipients 抄送.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cc: Vec<Group>,
}

/// An office that belongs to a group and gets nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The office.
    pub office: OfficeAddress,
    /// Why.
    pub why: LeftOutWhy,
}

/// Why an office of a group gets nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeftOutWhy {
    /// It neither sends nor receives at present.
    Suspended,
    /// Its node has no office of this name.
    NoSuchOffice,
}

impl Group {
    /// A group; an office that is named for departments or a list, or a text that would be too long, is refused.
    pub fn new(
        meant: Meant,
        office: Option<OfficeName>,
        except: impl IntoIterator<Item = NodeOrOffice>,
    ) -> Result<Self, GroupError> {
        match meant {
            Meant::Of(GroupKind::Departments, _) if office.is_some() => {
                return Err(GroupError::DepartmentsOffice);
            }
            Meant::List(_) if office.is_some() => return Err(GroupError::ListOffice),
            _ => {}
        }
        let office = office.filter(|office| *office != OfficeName::gov_office());
        let group = Self { meant, office, except: except.into_iter().collect() };
        if group.to_string().len() > GROUP_BYTES_MAX { Err(GroupError::TooLong) } else { Ok(group) }
    }

    /// The same group without some others.
    pub fn without(self, more: impl IntoIterator<Item = NodeOrOffice>) -> Result<Self, GroupError> {
        let Self { meant, office, except } = self;
        Self::new(meant, office, except.into_iter().chain(more))
    }

    /// Whom it means before anybody is excepted.
    pub fn meant(&self) -> &Meant {
        &self.meant
    }

    /// The office of each node that is meant as such; means nothing for departments.
    pub fn office(&self) -> OfficeName {
        self.office.clone().unwrap_or_else(OfficeName::gov_office)
    }

    /// Whom it does not mean.
    pub fn except(&self) -> impl Iterator<Item = &NodeOrOffice> {
        self.except.iter()
    }

    /// Whether an office is excepted.
    pub fn excepts(&self, office: &OfficeAddress) -> bool {
        self.except.iter().any(|exception| exception.covers(office))
    }
}

impl NodeOrOffice {
    /// Whether it is about this office.
    pub fn covers(&self, office: &OfficeAddress) -> bool {
        match self {
            Self::Node(node) => *node == office.node,
            Self::Office(excepted) => excepted == office,
        }
    }
}

impl Groups {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.to.is_empty() && self.cc.is_empty()
    }

    /// Checks that there are not too many, and none twice.
    pub fn check(&self) -> Result<(), GroupError> {
        let mut seen = BTreeSet::new();
        let once = self.to.iter().chain(&self.cc).all(|group| seen.insert(group));
        if once && seen.len() <= GROUPS_MAX { Ok(()) } else { Err(GroupError::Count) }
    }
}

impl FromStr for Group {
    type Err = GroupError;

    fn from_str(text: &str) -> Result<Self, GroupError> {
        // Exceptions in any order, and the spaces of people: their writing may be somewhat longer than ours.
        if text.len() > 2 * GROUP_BYTES_MAX {
            return Err(GroupError::TooLong);
        }
        let (head, except) = match text.split_once(EXCEPT) {
            Some((head, except)) => (head, except),
            None => text.split_once('除').unwrap_or((text, "")),
        };
        let except = except.trim().trim_end_matches('外');
        let (head, office) = match head.split_once(OFFICE) {
            Some((head, office)) => (head, Some(office.trim().parse()?)),
            None => (head, None),
        };
        let meant = read_head(head.trim(), text)?;
        let separator = |c: char| c.is_whitespace() || matches!(c, ',' | '，' | '、');
        let words = except.split(separator).filter(|word| !word.is_empty());
        let except = words.map(str::parse).collect::<Result<Vec<NodeOrOffice>, _>>()?;
        if text.contains(EXCEPT) && except.is_empty() {
            return Err(GroupError::Form { text: shorten(text) });
        }
        Self::new(meant, office, except)
    }
}

/// `counties of 6523`, `6523各县市`, `list flood-control`.
fn read_head(head: &str, whole: &str) -> Result<Meant, GroupError> {
    if let Some(name) = LISTS.iter().find_map(|word| head.strip_prefix(word)) {
        return Ok(Meant::List(name.trim().parse()?));
    }
    let (kind, node) = read_place(head).ok_or_else(|| GroupError::Form { text: shorten(whole) })?;
    Ok(Meant::Of(kind, node.parse()?))
}

/// The kind and the node.
fn read_place(head: &str) -> Option<(GroupKind, &str)> {
    if let Some((word, node)) = head.split_once(" of ") {
        let kind = KINDS.iter().find(|(_, english, _)| *english == word.trim())?;
        return Some((kind.0, node.trim()));
    }
    let split = head.find(|c: char| !c.is_ascii())?;
    let (node, word) = head.split_at_checked(split)?;
    let kind = KINDS.iter().find(|(_, _, chinese)| chinese.contains(&word.trim()))?;
    Some((kind.0, node.trim()))
}

impl FromStr for NodeOrOffice {
    type Err = crate::AddressError;

    fn from_str(text: &str) -> Result<Self, crate::AddressError> {
        if text.contains('@') { text.parse().map(Self::Office) } else { text.parse().map(Self::Node) }
    }
}

/// Why a text is no group, or groups cannot stand together. The client that wrote it is to blame; it helps to correct it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    /// Not of the form of a group.
    #[error(
        "`{text}` is no group; write `counties of 65`, `prefectures of 65`, `children of 6523`, `departments of 65` or `list NAME`, \
         then perhaps `office NAME`, then perhaps `except 652301 archive@652302`"
    )]
    Form {
        /// What was given, shortened.
        text: String,
    },
    /// A node or an office in it is none.
    #[error(transparent)]
    Address(#[from] crate::AddressError),
    /// A list whose name is none.
    #[error(transparent)]
    List(#[from] crate::ListNameError),
    /// A list with an office.
    #[error("a list names its offices itself; leave `office` out")]
    ListOffice,
    /// Departments of one office.
    #[error("`departments of` means every office of a node; leave `office` out, or address office@node")]
    DepartmentsOffice,
    /// Too long.
    #[error("a group has at most {GROUP_BYTES_MAX} bytes; name fewer exceptions, or several smaller groups")]
    TooLong,
    /// Too many, or one twice.
    #[error("a document is addressed to at most {GROUPS_MAX} groups, each named once")]
    Count,
}

fn shorten(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

impl GroupKind {
    /// The word it is written with, such as `counties`.
    pub fn as_str(self) -> &'static str {
        KINDS.iter().find(|(kind, ..)| *kind == self).map_or("", |(_, word, _)| *word)
    }
}

impl LeftOutWhy {
    /// For a person to read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Suspended => "suspended 停用",
            Self::NoSuchOffice => "no such office 无此机关",
        }
    }
}

impl fmt::Display for Meant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(kind, node) => write!(f, "{} of {node}", kind.as_str()),
            Self::List(name) => write!(f, "{LIST}{name}"),
        }
    }
}

textual!(Group, "a group such as `counties of 65`", |this, f| {
    write!(f, "{}", this.meant)?;
    if let Some(office) = &this.office {
        write!(f, "{OFFICE}{office}")?;
    }
    if !this.except.is_empty() {
        f.write_str(EXCEPT.trim_end())?;
    }
    this.except.iter().try_for_each(|exception| write!(f, " {exception}"))
});
textual!(NodeOrOffice, "a node or office@node", |this, f| match this {
    NodeOrOffice::Node(node) => write!(f, "{node}"),
    NodeOrOffice::Office(office) => write!(f, "{office}"),
});

#[cfg(test)]
#[path = "group_tests.rs"]
mod tests;
