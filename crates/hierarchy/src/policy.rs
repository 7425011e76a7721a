//! The policy of the directory: named lists, who may dispatch directly to whom, who may address an office, what links may carry.
//!
//! One JSON file, which the root names by its digest; only the authorities sign it, whatever they delegate. A directory without one
//! lets everybody send to everybody, as it always has. The file is written in one way only, so that no reader takes another of two
//! equal names than the next one does.

use crate::area::Area;
use crate::delegation::Delegation;
use crate::grant::Grant;
use crate::limits;
use crate::link_ends::LinkEnds;
use crate::outline::Places;
use crate::tree::Tree;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use yizhan_document::{Classification, ListName, NodeId, NodeOrOffice, OfficeAddress};

/// What the authorities lay down for the whole network. Empty, it lays down nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// What holds for documents that pass a level over (越级行文) where no grant says otherwise.
    #[serde(skip_serializing_if = "SkipLevel::is_open")]
    pub skip_level: SkipLevel,
    /// Who may pass a level over nevertheless: direct dispatch (直发) and direct reports (直报).
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub grants: BTreeSet<Grant>,
    /// Offices that not everybody may address, each with whoever may.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub senders: BTreeMap<OfficeAddress, BTreeSet<Area>>,
    /// Links that carry less than both of their nodes may.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<LinkEnds, Classification>,
    /// Named lists (名单): nodes, which stand for their government offices, and single offices.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub lists: BTreeMap<ListName, BTreeSet<NodeOrOffice>>,
}

/// What holds for documents that pass a level over, up and down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkipLevel {
    /// To a node that is above the sender's, but not right above it.
    pub up: SkipRule,
    /// To a node that is below the sender's, but not right below it.
    pub down: SkipRule,
}

/// What becomes of a document that passes a level over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipRule {
    /// It is taken.
    #[default]
    Allow,
    /// It is taken, and the level passed over gets a notice of it.
    Notify,
    /// It is refused.
    Refuse,
}

impl SkipLevel {
    fn is_open(&self) -> bool {
        *self == Self::default()
    }
}

impl SkipRule {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Allow, Self::Notify, Self::Refuse];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Notify => "notify",
            Self::Refuse => "refuse",
        }
    }
}

impl Policy {
    /// Whether it lays down nothing; then no root names it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Reads the file as it is signed.
    pub fn from_json(bytes: &[u8]) -> Result<Self, PolicyError> {
        let policy = Self::drafted(bytes)?;
        // Also a name that stands twice, of which this reader took the last one.
        if policy.to_json().map_err(PolicyError::Json)? != bytes {
            return Err(PolicyError::Spelling);
        }
        Ok(policy)
    }

    /// Reads a file as people may have written it, to be written anew before anybody signs it.
    pub(crate) fn drafted(bytes: &[u8]) -> Result<Self, PolicyError> {
        if bytes.len() > limits::POLICY_BYTES_MAX {
            return Err(PolicyError::TooMany { what: "bytes", most: limits::POLICY_BYTES_MAX });
        }
        let policy: Self = serde_json::from_slice(bytes).map_err(PolicyError::Json)?;
        policy.check()?;
        Ok(policy)
    }

    /// The bytes of its file: indented JSON and a line feed.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Checks what can be told from it alone.
    fn check(&self) -> Result<(), PolicyError> {
        if self.is_empty() {
            return Err(PolicyError::Empty);
        }
        let most = |all: &mut dyn Iterator<Item = usize>| all.max().unwrap_or_default();
        let counts = [
            ("grants", self.grants.len(), limits::GRANTS_MAX),
            ("offices with chosen senders", self.senders.len(), limits::SENDERS_OFFICES_MAX),
            (
                "lines of senders of one office",
                most(&mut self.senders.values().map(BTreeSet::len)),
                limits::SENDERS_MAX,
            ),
            ("links", self.links.len(), limits::LINK_LIMITS_MAX),
            ("lists", self.lists.len(), limits::LISTS_MAX),
            (
                "members of one list",
                most(&mut self.lists.values().map(BTreeSet::len)),
                limits::LIST_MEMBERS_MAX,
            ),
        ];
        if let Some((what, _, most)) = counts.into_iter().find(|(_, count, most)| count > most) {
            return Err(PolicyError::TooMany { what, most });
        }
        if let Some((list, _)) = self.lists.iter().find(|(_, members)| members.is_empty()) {
            return Err(PolicyError::Nobody { place: format!("the list {list}") });
        }
        if let Some((office, _)) = self.senders.iter().find(|(_, areas)| areas.is_empty()) {
            return Err(PolicyError::Nobody { place: format!("the senders of {office}") });
        }
        Ok(())
    }

    /// Everything that it names is in the directory, and links are links. What lies in a delegated subtree need not be: its
    /// delegates take nodes and offices away without the authorities, and must not be able to stop them (MUST-42). Offices of nodes whose
    /// files are not held are not looked for; a line about one stands, and holds when its node is known.
    pub(crate) fn check_names(
        &self,
        delegations: &[Delegation],
        places: Places<'_>,
        tree: &Tree,
    ) -> Result<(), PolicyError> {
        let delegated = |node: NodeId| delegations.iter().any(|one| one.node != node && one.covers(node));
        for (place, node, office) in self.named() {
            if delegated(node) {
                continue;
            }
            if places.of(node).is_none() {
                return Err(PolicyError::UnknownNode { place, node });
            }
            let offices = places.held.get(&node);
            let named =
                |office: &&OfficeAddress| offices.is_none_or(|it| it.office(&office.office).is_some());
            if let Some(office) = office.filter(|office| !named(office)) {
                return Err(PolicyError::UnknownOffice { place, office: office.clone() });
            }
        }
        for ends in self.links.keys() {
            let (one, other) = ends.nodes();
            if !delegated(one) && !delegated(other) && !tree.neighbours(one).contains(&other) {
                return Err(PolicyError::NoLink { ends: *ends });
            }
        }
        Ok(())
    }

    /// Every node and office that it names, with the place where it does.
    fn named(&self) -> impl Iterator<Item = (String, NodeId, Option<&OfficeAddress>)> {
        let mut named: Vec<(String, NodeId, Option<&OfficeAddress>)> = Vec::new();
        for grant in &self.grants {
            let place = || format!("the grant `{grant}`");
            named.extend(grant.areas().map(|area| (place(), area.node(), area.office())));
        }
        for (office, areas) in &self.senders {
            let place = || format!("the senders of {office}");
            named.push((place(), office.node, Some(office)));
            named.extend(areas.iter().map(|area| (place(), area.node(), area.office())));
        }
        for ends in self.links.keys() {
            let (one, other) = ends.nodes();
            named.extend([one, other].map(|node| (format!("the link {ends}"), node, None)));
        }
        for (list, members) in &self.lists {
            let place = || format!("the list {list}");
            named.extend(members.iter().map(|member| match member {
                NodeOrOffice::Node(node) => (place(), *node, None),
                NodeOrOffice::Office(office) => (place(), office.node, Some(office)),
            }));
        }
        named.into_iter()
    }
}

/// Why a policy is refused. Whoever drafted the directory is to blame: correct the policy and sign anew.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// Not the JSON of a policy, or of one of a later kind.
    #[error("it is not the JSON of a policy: {0}")]
    Json(#[source] serde_json::Error),
    /// The right facts in another spelling, or a name that stands twice.
    #[error("it is not written in the one way a policy is written, or a name stands in it twice")]
    Spelling,
    /// It lays down nothing.
    #[error("it lays down nothing; then the root must not name one")]
    Empty,
    /// More of something than is allowed.
    #[error("it has more than {most} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        most: usize,
    },
    /// A list without members, or an office that nobody may address.
    #[error("{place}: nobody is named; take it out of the policy")]
    Nobody {
        /// What names nobody.
        place: String,
    },
    /// It names a node that is not there.
    #[error("{place} names {node}, which is no node of the directory; take it out of the policy")]
    UnknownNode {
        /// What names it.
        place: String,
        /// The node.
        node: NodeId,
    },
    /// It names an office that is not there.
    #[error("{place} names {office}, which is no office of the directory; take it out of the policy")]
    UnknownOffice {
        /// What names it.
        place: String,
        /// The office.
        office: OfficeAddress,
    },
    /// Two nodes that have no link.
    #[error("{ends} is no link of the directory; take it out of the policy")]
    NoLink {
        /// The two nodes.
        ends: LinkEnds,
    },
    /// The root names a policy that did not come with it.
    #[error("the root names one, and it did not come with it; fetch the directory again")]
    Missing,
    /// Damaged, forged, or of another version.
    #[error("it is not the one the root names; fetch the directory again")]
    Tampered,
}

impl PolicyError {
    /// A stable name of the reason.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Missing => "missing-policy",
            Self::Tampered => "tampered-policy",
            _ => "policy",
        }
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
