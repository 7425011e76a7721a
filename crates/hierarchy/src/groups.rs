//! Groups resolved against the directory: which offices `counties of 65` means today, and who of them gets nothing.

use crate::directory::Directory;
use crate::division::OfficeState;
use crate::limits::FETCHED_MAX;
use std::collections::BTreeSet;
use yizhan_document::limits::{DESTINATIONS_MAX, RECIPIENTS_MAX};
use yizhan_document::{
    Group, GroupKind, Groups, LeftOut, LeftOutWhy, ListName, Meant, NodeId, NodeOrOffice, OfficeAddress,
    OfficeName,
};

/// What a group means under one version of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members {
    /// The offices, ascending by node; departments ascending by name.
    pub offices: Vec<OfficeAddress>,
    /// Who belongs to it and gets nothing, in the same order.
    pub left_out: Vec<LeftOut>,
}

/// Whom a document goes to, groups and single offices together, each office once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Main recipients: those named one by one as they were named, then those of the groups.
    pub to: Vec<OfficeAddress>,
    /// Copy recipients, likewise. Who is a main recipient already is not named again.
    pub cc: Vec<OfficeAddress>,
    /// Who belongs to a group, gets nothing through it, and was not named otherwise.
    pub left_out: Vec<LeftOut>,
}

/// Why a group cannot be resolved. The client that named it is to blame, or the directory here is behind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// No such node.
    #[error("`{group}`: there is no node {node} in directory version {version}; check the division code")]
    UnknownNode {
        /// The group.
        group: Group,
        /// The node.
        node: NodeId,
        /// The version looked into.
        version: u64,
    },
    /// A node whose file is not held here yet.
    #[error(
        "`{group}`: the file of {node} is not held here yet, and is being asked for; try again in a moment"
    )]
    Absent {
        /// The group.
        group: Group,
        /// The node.
        node: NodeId,
    },
    /// A node of another network.
    #[error(
        "`{group}`: {node} is a node of {network}, and groups mean nodes of the own network only; name its offices one by one"
    )]
    Elsewhere {
        /// The group.
        group: Group,
        /// The node.
        node: NodeId,
        /// Its network.
        network: String,
    },
    /// No such list.
    #[error(
        "`{group}`: there is no list {list} in directory version {version}; `yizhan directory show` shows the lists"
    )]
    UnknownList {
        /// The group.
        group: Group,
        /// The list.
        list: ListName,
        /// The version looked into.
        version: u64,
    },
    /// An exception that excepts nobody: as a rule misspelt, and then somebody would get what was not meant for them.
    #[error(
        "`{group}`: {exception} does not belong to it, so nothing can be excepted; correct the exception"
    )]
    NotAMember {
        /// The group.
        group: Group,
        /// What is excepted in vain.
        exception: NodeOrOffice,
    },
    /// Nobody is left.
    #[error("`{group}` means nobody in directory version {version}: {reason}")]
    Empty {
        /// The group.
        group: Group,
        /// Why.
        reason: &'static str,
        /// The version looked into.
        version: u64,
    },
    /// Together too many.
    #[error(
        "the groups come to {offices} offices at {nodes} nodes; a document goes to at most {RECIPIENTS_MAX} at \
         {DESTINATIONS_MAX}; send it as several"
    )]
    TooMany {
        /// Offices.
        offices: usize,
        /// Nodes.
        nodes: usize,
    },
}

impl Directory {
    /// The offices that a group means, never `sender` itself. Pure: the same directory gives the same offices in the same order.
    ///
    /// Counties and prefectures are told by their codes (GB/T 2260: four digits a prefecture, six a county) at any depth below
    /// the node, since a prefecture may stand under another one (Yili) and a county right under its region. Nodes with other ids,
    /// such as those of overlay trees, are reached as children.
    pub fn members(&self, group: &Group, sender: Option<&OfficeAddress>) -> Result<Members, ResolveError> {
        self.check_exceptions(std::slice::from_ref(group))?;
        self.absent_of([], std::slice::from_ref(group))?;
        self.members_of(group, sender)
    }

    /// Every exception has to except somebody, be it from one of several groups.
    fn check_exceptions(&self, groups: &[Group]) -> Result<(), ResolveError> {
        let all = groups.iter().map(|group| self.everybody(group)).collect::<Result<Vec<_>, _>>()?.concat();
        for group in groups {
            let misspelt =
                group.except().find(|exception| !all.iter().any(|office| exception.covers(office)));
            if let Some(exception) = misspelt {
                return Err(ResolveError::NotAMember { group: group.clone(), exception: exception.clone() });
            }
        }
        Ok(())
    }

    fn members_of(&self, group: &Group, sender: Option<&OfficeAddress>) -> Result<Members, ResolveError> {
        let (all, version) = (self.everybody(group)?, self.version);
        let mut members = Members { offices: Vec::new(), left_out: Vec::new() };
        let meant = all.iter().filter(|office| !group.excepts(office) && Some(*office) != sender);
        for office in meant {
            if self.is_absent(office.node) {
                return Err(ResolveError::Absent { group: group.clone(), node: office.node });
            }
            let record = self.division(office.node).and_then(|division| division.office(&office.office));
            let why = match record.map(|record| record.state) {
                Some(OfficeState::Active) => {
                    members.offices.push(office.clone());
                    continue;
                }
                Some(OfficeState::Suspended) => LeftOutWhy::Suspended,
                None => LeftOutWhy::NoSuchOffice,
            };
            members.left_out.push(LeftOut { office: office.clone(), why });
        }
        if members.offices.is_empty() {
            let reason = match (all.is_empty(), members.left_out.is_empty()) {
                (true, _) => {
                    "nothing of that kind stands below the node; `yizhan directory show` shows the tree"
                }
                (false, true) => "everybody in it is excepted, or the sender itself",
                (false, false) => "its offices are suspended or do not exist",
            };
            return Err(ResolveError::Empty { group: group.clone(), reason, version });
        }
        Ok(members)
    }

    /// Groups and single offices together. An office that is named one by one, or by several groups, gets one copy; a main
    /// recipient is no copy recipient as well. An exception may be one of a single group and stand with all of them.
    pub fn resolve(
        &self,
        sender: &OfficeAddress,
        to: &[OfficeAddress],
        cc: &[OfficeAddress],
        groups: &Groups,
    ) -> Result<Resolved, ResolveError> {
        let all = [&groups.to[..], &groups.cc[..]].concat();
        self.check_exceptions(&all)?;
        self.absent_of(to.iter().chain(cc), &all)?;
        let mut named: BTreeSet<OfficeAddress> = to.iter().chain(cc).cloned().collect();
        let mut left_out: Vec<LeftOut> = Vec::new();
        let mut all_of = |first: &[OfficeAddress], groups: &[Group]| {
            let mut offices = first.to_vec();
            for group in groups {
                let members = self.members_of(group, Some(sender))?;
                offices.extend(members.offices.into_iter().filter(|office| named.insert(office.clone())));
                left_out.extend(members.left_out);
            }
            Ok(offices)
        };
        let (to, cc) = (all_of(to, &groups.to)?, all_of(cc, &groups.cc)?);
        let mut seen = BTreeSet::new();
        left_out.retain(|out| !named.contains(&out.office) && seen.insert(out.office.clone()));
        let nodes = named.iter().map(|office| office.node).collect::<BTreeSet<_>>().len();
        if named.len() > RECIPIENTS_MAX || nodes > DESTINATIONS_MAX {
            return Err(ResolveError::TooMany { offices: named.len(), nodes });
        }
        Ok(Resolved { to, cc, left_out })
    }

    /// The nodes that these offices and groups mean and whose files are not held; a group that means nobody here adds none. Refused where all
    /// that are meant are more than can be held at once: fetched they would be for ever.
    pub fn absent_of<'a>(
        &self,
        named: impl IntoIterator<Item = &'a OfficeAddress>,
        groups: &[Group],
    ) -> Result<BTreeSet<NodeId>, ResolveError> {
        let mut absent = BTreeSet::new();
        if self.holds_all() {
            return Ok(absent);
        }
        let mut offices: BTreeSet<OfficeAddress> = named.into_iter().cloned().collect();
        for group in groups {
            match self.everybody(group) {
                Ok(all) => offices.extend(all.into_iter().filter(|office| !group.excepts(office))),
                Err(ResolveError::Absent { node, .. }) => absent.extend([node]),
                Err(_) => {}
            }
        }
        let nodes: BTreeSet<NodeId> = offices.iter().map(|office| office.node).collect();
        absent.extend(nodes.iter().filter(|node| self.is_absent(**node)));
        if nodes.len() > FETCHED_MAX && !absent.is_empty() {
            return Err(ResolveError::TooMany { offices: offices.len(), nodes: nodes.len() });
        }
        Ok(absent)
    }

    /// All that a group means before anybody is left out, ascending by node.
    fn everybody(&self, group: &Group) -> Result<Vec<OfficeAddress>, ResolveError> {
        let version = self.version;
        let (kind, node) = match group.meant() {
            Meant::Of(kind, node) => (*kind, *node),
            Meant::List(list) => {
                let unknown =
                    || ResolveError::UnknownList { group: group.clone(), list: list.clone(), version };
                return self.listed(list).ok_or_else(unknown);
            }
        };
        // What is laid down for a network, groups among it, speaks of its own nodes.
        if let Some(joined) = self.joined_with(node) {
            let network = joined.network().to_owned();
            return Err(ResolveError::Elsewhere { group: group.clone(), node, network });
        }
        if !self.tree().contains(node) {
            return Err(ResolveError::UnknownNode { group: group.clone(), node, version });
        }
        let mut nodes: Vec<NodeId> = match kind {
            GroupKind::Departments if self.is_absent(node) => {
                return Err(ResolveError::Absent { group: group.clone(), node });
            }
            GroupKind::Departments => {
                let offices = self.division(node).map(|division| division.offices.as_slice());
                let offices = offices.unwrap_or_default().iter();
                let mut all: Vec<OfficeAddress> =
                    offices.map(|record| OfficeAddress { office: record.office.clone(), node }).collect();
                all.sort();
                return Ok(all);
            }
            GroupKind::Children => self.children(node).collect(),
            GroupKind::Counties | GroupKind::Prefectures => self.below(node, kind),
        };
        nodes.sort();
        let office = group.office();
        Ok(nodes.into_iter().map(|node| OfficeAddress { office: office.clone(), node }).collect())
    }

    /// Those whom a list of the policy names; none without such a list.
    fn listed(&self, list: &ListName) -> Option<Vec<OfficeAddress>> {
        let members = self.policy().lists.get(list)?.iter();
        let mut offices: Vec<OfficeAddress> = members
            .map(|member| match member {
                NodeOrOffice::Node(node) => OfficeAddress { office: OfficeName::gov_office(), node: *node },
                NodeOrOffice::Office(office) => office.clone(),
            })
            .collect();
        offices.sort_by(|one, other| (one.node, &one.office).cmp(&(other.node, &other.office)));
        offices.dedup();
        Some(offices)
    }

    /// The nodes of a kind at any depth below a node.
    fn below(&self, node: NodeId, kind: GroupKind) -> Vec<NodeId> {
        let mut found = Vec::new();
        let mut waiting: Vec<NodeId> = self.children(node).collect();
        while let Some(next) = waiting.pop() {
            waiting.extend(self.children(next));
            if is_of_kind(kind, next) {
                found.push(next);
            }
        }
        found
    }
}

/// Whether a node is a county or a prefecture, by the digits of its code (GB/T 2260).
pub(crate) fn is_of_kind(kind: GroupKind, node: NodeId) -> bool {
    let code = node.as_str();
    let digits = match kind {
        GroupKind::Counties => COUNTY_DIGITS,
        GroupKind::Prefectures => PREFECTURE_DIGITS,
        GroupKind::Children | GroupKind::Departments => return false,
    };
    code.len() == digits && code.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digits of the code of a prefecture (GB/T 2260).
const PREFECTURE_DIGITS: usize = 4;
/// Digits of the code of a county.
const COUNTY_DIGITS: usize = 6;

#[cfg(test)]
#[path = "groups_tests.rs"]
mod tests;
