//! A plan from the command line: `--root 65 --prefecture 6523 --county 652301=6523`, or `--divisions 65`.

use crate::divisions::{CodeError, DivisionTable};
use crate::plan::{NetworkPlan, PlanError, PlannedNode};
use yizhan_document::{AddressError, NodeId};

/// The flags of `yizhan network create`, as typed. Each node is `id`, or `id=parent`.
///
/// A parent may be left out where there is only one it could be: the only root for a prefecture, the only prefecture for
/// a county, the only county for a town. What a node is called by, prefecture or county, has no other meaning: a city
/// under the region is `--county 659001=65`, a prefecture under another one `--prefecture 6542=6540`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanFlags {
    /// The network's name; if left out, `division-65.example` for one division, else that of the demonstration network.
    pub network: Option<String>,
    /// The first port; 4500 if left out.
    pub base_port: Option<u16>,
    /// Nodes without a parent.
    pub roots: Vec<String>,
    /// Nodes that stand, unless they say otherwise, under the only root.
    pub prefectures: Vec<String>,
    /// Nodes that stand, unless they say otherwise, under the only prefecture.
    pub counties: Vec<String>,
    /// Nodes that stand, unless they say otherwise, under the only county.
    pub towns: Vec<String>,
    /// Divisions of the country with all below them, as code, code=parent, or `all`; see [`DivisionTable::plan`]. They are
    /// nobody's parent unless a node says so.
    pub divisions: Vec<String>,
    /// Whether development zones come with the divisions.
    pub development_zones: bool,
}

/// Why a flag cannot be used. Whoever typed it is to blame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlagError {
    /// The id or the parent is no node id.
    #[error("--{flag} {text}: {reason}")]
    Node {
        /// The flag.
        flag: &'static str,
        /// What was typed, shortened.
        text: String,
        /// What is wrong.
        reason: AddressError,
    },
    /// A root was given a parent.
    #[error("--root {node}: a root has no parent; call it a prefecture or a county")]
    RootWithParent {
        /// The node.
        node: NodeId,
    },
    /// It is not clear which parent is meant.
    #[error(
        "--{flag} {node}: there are {candidates} nodes it could stand under; write --{flag} {node}=PARENT"
    )]
    WhichParent {
        /// The flag.
        flag: &'static str,
        /// The node.
        node: NodeId,
        /// How many parents it could have: none, or several.
        candidates: usize,
    },
    /// No division in the table.
    #[error("--divisions: {reason}")]
    Division {
        /// Why not.
        reason: Box<CodeError>,
    },
    /// A code out of use.
    #[error("--divisions {code}: {name} is out of use; write {now} for {now_name}")]
    RetiredDivision {
        /// The code.
        code: NodeId,
        /// What it was called.
        name: String,
        /// The code in use.
        now: NodeId,
        /// What that is called.
        now_name: String,
    },
}

impl NetworkPlan {
    /// Makes a plan from flags and checks it as a whole.
    pub fn from_flags(flags: &PlanFlags) -> Result<Self, PlanError> {
        let mut nodes = match flags.divisions.as_slice() {
            [] => Vec::new(),
            typed => DivisionTable::built_in()?.plan(typed, flags.development_zones)?,
        };
        let mut above: Vec<NodeId> = Vec::new();
        let levels = [
            ("root", &flags.roots),
            ("prefecture", &flags.prefectures),
            ("county", &flags.counties),
            ("town", &flags.towns),
        ];
        for (flag, typed) in levels {
            let mut level = Vec::new();
            for text in typed {
                let (id, parent) = typed_node(flag, text)?;
                nodes.push(PlannedNode::bare(id, parent_of(flag, id, parent, &above)?));
                level.push(id);
            }
            above = level;
        }
        let demo = Self::demo();
        let network = flags.network.clone().unwrap_or_else(|| match flags.divisions.as_slice() {
            [] => demo.network,
            [one] if one.bytes().all(|byte| byte.is_ascii_digit()) => format!("division-{one}.example"),
            _ => "divisions.example".to_owned(),
        });
        Self::checked(network, flags.base_port.unwrap_or(demo.base_port), nodes)
    }
}

fn typed_node(flag: &'static str, text: &str) -> Result<(NodeId, Option<NodeId>), FlagError> {
    let wrong = |reason| {
        let text = text.chars().filter(|c| !c.is_control()).take(64).collect();
        FlagError::Node { flag, text, reason }
    };
    match text.split_once('=') {
        Some((id, parent)) => Ok((id.parse().map_err(wrong)?, Some(parent.parse().map_err(wrong)?))),
        None => Ok((text.parse().map_err(wrong)?, None)),
    }
}

fn parent_of(
    flag: &'static str,
    node: NodeId,
    typed: Option<NodeId>,
    above: &[NodeId],
) -> Result<Option<NodeId>, FlagError> {
    match (flag, typed, above) {
        ("root", None, _) => Ok(None),
        ("root", Some(_), _) => Err(FlagError::RootWithParent { node }),
        (_, Some(parent), _) => Ok(Some(parent)),
        (_, None, [only]) => Ok(Some(*only)),
        (_, None, several) => Err(FlagError::WhichParent { flag, node, candidates: several.len() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::node;
    use crate::tree::TreeError;

    fn typed(nodes: &[&str]) -> Vec<String> {
        nodes.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn the_flags_of_the_demonstration_network_make_its_tree() {
        let plan = NetworkPlan::from_flags(&PlanFlags {
            roots: typed(&["65"]),
            prefectures: typed(&["6523", "6531"]),
            counties: typed(&["652301=6523", "652324=6523", "653101=6531", "653130=6531"]),
            ..PlanFlags::default()
        })
        .unwrap();
        let demo = NetworkPlan::demo();
        let shape = |plan: &NetworkPlan| {
            plan.nodes.iter().map(|n| (n.id, n.parent, n.names.clone())).collect::<Vec<_>>()
        };
        assert_eq!(shape(&plan), shape(&demo));
        assert_eq!((plan.network, plan.base_port), (demo.network, demo.base_port));
    }

    #[test]
    fn a_parent_that_can_only_be_one_need_not_be_typed() {
        let plan = NetworkPlan::from_flags(&PlanFlags {
            network: Some("ningxia.example".into()),
            base_port: Some(7000),
            roots: typed(&["64"]),
            prefectures: typed(&["6405"]),
            counties: typed(&["640502", "640521"]),
            towns: typed(&["640502001=6405"]),
            ..PlanFlags::default()
        })
        .unwrap();
        let parents: Vec<_> =
            plan.nodes.iter().map(|n| n.parent.map(|p| p.to_string()).unwrap_or_default()).collect();
        assert_eq!(parents, ["", "64", "6405", "6405", "6405"]);
        assert_eq!(plan.nodes[2].names["und"], "640502");
    }

    #[test]
    fn no_parent_is_guessed_from_a_code() {
        let flags = PlanFlags {
            roots: typed(&["65"]),
            prefectures: typed(&["6523", "6531"]),
            counties: typed(&["652301"]),
            ..PlanFlags::default()
        };
        let refused = FlagError::WhichParent { flag: "county", node: node("652301"), candidates: 2 };
        assert!(matches!(NetworkPlan::from_flags(&flags), Err(PlanError::Flag(error)) if error == refused));
        let none = PlanFlags { prefectures: vec![], ..flags };
        let refused = FlagError::WhichParent { flag: "county", node: node("652301"), candidates: 0 };
        assert!(matches!(NetworkPlan::from_flags(&none), Err(PlanError::Flag(error)) if error == refused));
    }

    #[test]
    fn flags_that_make_no_network_are_refused_with_their_own_reasons() {
        let roots = typed(&["65"]);
        let flags = |counties: &[&str]| PlanFlags {
            roots: roots.clone(),
            counties: typed(counties),
            ..PlanFlags::default()
        };
        let error = |flags: PlanFlags| NetworkPlan::from_flags(&flags).unwrap_err();
        assert!(matches!(error(PlanFlags::default()), PlanError::Empty));
        assert!(matches!(
            error(flags(&["昌吉=65"])),
            PlanError::Flag(FlagError::Node { flag: "county", .. })
        ));
        assert!(matches!(error(flags(&["652301="])), PlanError::Flag(FlagError::Node { .. })));
        assert!(matches!(error(flags(&["652301=6523"])), PlanError::Tree(TreeError::Orphan { .. })));
        assert!(matches!(
            error(flags(&["652301=65", "652301=65"])),
            PlanError::Tree(TreeError::Duplicate { .. })
        ));
        let rooted = PlanFlags { roots: typed(&["65=1"]), ..PlanFlags::default() };
        assert!(matches!(error(rooted), PlanError::Flag(FlagError::RootWithParent { .. })));
    }
}
