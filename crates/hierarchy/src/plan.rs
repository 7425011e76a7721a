//! The plan of a new network: which nodes, under whom, named how, with which offices.

use crate::division::{NameError, check_names};
use crate::divisions::TableError;
use crate::endpoint::{Endpoint, EndpointError};
use crate::flags::FlagError;
use crate::limits;
use crate::network_name::{NetworkNameError, check_network_name};
use crate::tree::{Place, Tree, TreeError};
use serde::Deserialize;
use std::collections::BTreeMap;
use yizhan_document::{NodeId, OfficeName};

/// What `yizhan network create` makes a network from. It has no keys yet; those are made where they are to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkPlan {
    /// The network's name, a domain name in lower case.
    pub network: String,
    /// The first of the ports on one machine; each node takes two.
    pub base_port: u16,
    /// The nodes, in the order in which they take their ports.
    pub nodes: Vec<PlannedNode>,
}

/// A node of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedNode {
    /// The node.
    pub id: NodeId,
    /// The node above it; none for a root.
    pub parent: Option<NodeId>,
    /// What people call the division, by language tag.
    pub names: BTreeMap<String, String>,
    /// Its offices; one `gov-office` if the plan says nothing.
    #[serde(default = "government_office")]
    pub offices: Vec<PlannedOffice>,
    /// Who stands in for its parent.
    #[serde(default)]
    pub backup_parents: Vec<NodeId>,
    /// Whom it talks to directly.
    #[serde(default)]
    pub direct_links: Vec<NodeId>,
}

/// An office of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedOffice {
    /// Its name within the node.
    pub office: OfficeName,
    /// What people call it; may be left out for `gov-office` and `archive`.
    #[serde(default)]
    pub names: BTreeMap<String, String>,
}

/// The ports of one node when a whole network runs on one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// UDP, for its neighbours.
    pub link: u16,
    /// TCP, for office software.
    pub desk: u16,
}

/// The base port of a plan that names none.
pub(crate) const BASE_PORT: u16 = 4500;
/// The base port below which the system reserves them (RFC 6335, section 6).
const PORT_MIN: u16 = 1024;

const GOVERNMENT_OFFICE: &str = "gov-office";
/// Offices that every plan may name by their short names alone.
const KNOWN_OFFICES: [(&str, &str, &str); 2] =
    [(GOVERNMENT_OFFICE, "人民政府办公室", "Government Office"), ("archive", "档案馆", "Archive")];

/// The demonstration network: node, parent, Chinese and English name.
const DEMO: [(&str, Option<&str>, &str, &str); 7] = [
    ("65", None, "新疆维吾尔自治区", "Xinjiang"),
    ("6523", Some("65"), "昌吉回族自治州", "Changji Prefecture"),
    ("6531", Some("65"), "喀什地区", "Kashgar Prefecture"),
    ("652301", Some("6523"), "昌吉市", "Changji City"),
    ("652324", Some("6523"), "玛纳斯县", "Manas County"),
    ("653101", Some("6531"), "喀什市", "Kashgar City"),
    ("653130", Some("6531"), "巴楚县", "Maralbexi County"),
];

impl NetworkPlan {
    /// Reads a plan in TOML: `[network]` with `name` and `base_port`, then one `[[node]]` each with `id`, `parent`,
    /// `names` and `offices`.
    pub fn from_toml(text: &str) -> Result<Self, PlanError> {
        if text.len() > limits::PLAN_BYTES_MAX {
            return Err(PlanError::TooLarge);
        }
        let written: Written = toml::from_str(text).map_err(|error| PlanError::Toml(Box::new(error)))?;
        let mut nodes = written.node;
        for planned in
            nodes.iter_mut().flat_map(|node| &mut node.offices).filter(|planned| planned.names.is_empty())
        {
            planned.names = known_office_names(&planned.office);
        }
        Self::checked(written.network.name, written.network.base_port, nodes)
    }

    /// Seven nodes of Xinjiang: the region, two of its prefectures, two counties or cities in each.
    pub fn demo() -> Self {
        let nodes = DEMO.iter().filter_map(|(id, parent, chinese, english)| {
            let offices = KNOWN_OFFICES.iter().take(if parent.is_none() { 2 } else { 1 });
            Some(PlannedNode {
                id: id.parse().ok()?,
                parent: parent.and_then(|parent| parent.parse().ok()),
                names: in_two_languages(chinese, english),
                offices: offices.filter_map(|(office, ..)| known_office(office)).collect(),
                backup_parents: Vec::new(),
                direct_links: Vec::new(),
            })
        });
        Self { network: "xinjiang.example".to_owned(), base_port: BASE_PORT, nodes: nodes.collect() }
    }

    /// Checks the plan as a whole, as the directory made from it will be.
    pub fn check(&self) -> Result<(), PlanError> {
        check_network_name(&self.network)?;
        if self.nodes.is_empty() {
            return Err(PlanError::Empty);
        }
        if self.nodes.len() > limits::PLAN_NODES_MAX {
            return Err(PlanError::TooManyNodes { nodes: self.nodes.len() });
        }
        let last = usize::from(self.base_port) + 2 * self.nodes.len() - 1;
        if self.base_port < PORT_MIN || last > usize::from(u16::MAX) {
            return Err(PlanError::Ports { base_port: self.base_port, nodes: self.nodes.len() });
        }
        self.nodes.iter().try_for_each(check_node)?;
        Tree::build(self.nodes.iter().map(PlannedNode::place))?;
        Ok(())
    }

    /// The ports of `node` on one machine: the base port and the next one for the first node, and so on.
    pub fn ports(&self, node: NodeId) -> Option<Ports> {
        let position = u16::try_from(self.nodes.iter().position(|planned| planned.id == node)?).ok()?;
        let link = self.base_port.checked_add(position.checked_mul(2)?)?;
        Some(Ports { link, desk: link.checked_add(1)? })
    }

    /// Where `node` listens for its neighbours if it runs on `host`.
    pub fn endpoint(&self, node: NodeId, host: &str) -> Result<Option<Endpoint>, EndpointError> {
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        self.ports(node).map(|ports| format!("{bracketed}:{}", ports.link).parse()).transpose()
    }

    pub(crate) fn checked(
        network: String,
        base_port: u16,
        nodes: Vec<PlannedNode>,
    ) -> Result<Self, PlanError> {
        let plan = Self { network, base_port, nodes };
        plan.check()?;
        Ok(plan)
    }
}

impl PlannedNode {
    /// A node that nothing is known of but its place: named by its code, and as in the demonstration network if it is
    /// there; with a government office.
    pub(crate) fn bare(id: NodeId, parent: Option<NodeId>) -> Self {
        let known = DEMO.iter().find(|(code, ..)| *code == id.as_str());
        let names = match known {
            Some((_, _, chinese, english)) => in_two_languages(chinese, english),
            // BCP 47, `und`: the language of a bare code is undetermined.
            None => BTreeMap::from([("und".to_owned(), id.to_string())]),
        };
        let offices = government_office();
        Self { id, parent, names, offices, backup_parents: Vec::new(), direct_links: Vec::new() }
    }

    fn place(&self) -> Place<'_> {
        Place {
            node: self.id,
            parent: self.parent,
            backup_parents: &self.backup_parents,
            direct_links: &self.direct_links,
        }
    }
}

/// Why no network can be made from a plan. Whoever wrote it is to blame; nothing was created.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Not the TOML of a plan; the message names the line.
    #[error("the plan cannot be read: {0}")]
    Toml(#[source] Box<toml::de::Error>),
    /// Too much text.
    #[error("a plan has at most {} bytes", limits::PLAN_BYTES_MAX)]
    TooLarge,
    /// A flag that cannot be read.
    #[error(transparent)]
    Flag(#[from] FlagError),
    /// The table of divisions in this program is damaged; a defect of it.
    #[error("{0}; tell the makers of this program")]
    Table(#[from] TableError),
    /// The network has no proper name.
    #[error(transparent)]
    Network(#[from] NetworkNameError),
    /// No node.
    #[error("the plan names no node; begin with one without a parent")]
    Empty,
    /// Too many nodes for one machine.
    #[error("{nodes} nodes are more than the {} that find ports on one machine", limits::PLAN_NODES_MAX)]
    TooManyNodes {
        /// How many there are.
        nodes: usize,
    },
    /// The ports do not suffice.
    #[error(
        "{nodes} nodes from port {base_port} on, two ports each, do not lie between {PORT_MIN} and 65535"
    )]
    Ports {
        /// The first port.
        base_port: u16,
        /// How many nodes.
        nodes: usize,
    },
    /// Not properly named.
    #[error("the names of `{of}`: {reason}")]
    Names {
        /// Node or office.
        of: String,
        /// What is wrong with them.
        reason: NameError,
    },
    /// More offices than a node may have, or one twice.
    #[error("{node} names the office `{office}` twice, or has more than {} offices", limits::OFFICES_MAX)]
    Offices {
        /// The node.
        node: NodeId,
        /// The office at which it was noticed.
        office: OfficeName,
    },
    /// More links than a node may have.
    #[error(
        "{node} has more than {} backup parents or {} direct links",
        limits::BACKUP_PARENTS_MAX,
        limits::DIRECT_LINKS_MAX
    )]
    Links {
        /// The node.
        node: NodeId,
    },
    /// The nodes make no tree.
    #[error("the nodes make no tree: {0}")]
    Tree(#[from] TreeError),
}

/// The TOML as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    network: WrittenNetwork,
    #[serde(default)]
    node: Vec<PlannedNode>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenNetwork {
    name: String,
    #[serde(default = "base_port")]
    base_port: u16,
}

fn base_port() -> u16 {
    BASE_PORT
}

fn government_office() -> Vec<PlannedOffice> {
    known_office(GOVERNMENT_OFFICE).into_iter().collect()
}

fn known_office(name: &str) -> Option<PlannedOffice> {
    let office: OfficeName = name.parse().ok()?;
    Some(PlannedOffice { names: known_office_names(&office), office })
}

/// The names of an office that everybody knows; none for another.
fn known_office_names(office: &OfficeName) -> BTreeMap<String, String> {
    let known = KNOWN_OFFICES.iter().find(|(name, ..)| *name == office.as_str());
    known.map(|(_, chinese, english)| in_two_languages(chinese, english)).unwrap_or_default()
}

fn in_two_languages(chinese: &str, english: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("zh".to_owned(), chinese.to_owned()), ("en".to_owned(), english.to_owned())])
}

fn check_node(node: &PlannedNode) -> Result<(), PlanError> {
    let named =
        |of: &str, names| check_names(names).map_err(|reason| PlanError::Names { of: of.to_owned(), reason });
    named(node.id.as_str(), &node.names)?;
    if node.backup_parents.len() > limits::BACKUP_PARENTS_MAX
        || node.direct_links.len() > limits::DIRECT_LINKS_MAX
    {
        return Err(PlanError::Links { node: node.id });
    }
    for (position, planned) in node.offices.iter().enumerate() {
        let twice = node.offices.iter().take(position).any(|earlier| earlier.office == planned.office);
        if twice || position >= limits::OFFICES_MAX {
            return Err(PlanError::Offices { node: node.id, office: planned.office.clone() });
        }
        named(planned.office.as_str(), &planned.names)?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
