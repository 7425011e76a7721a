//! Nodes of a network from the table: `--divisions 65`, `--divisions all`.

use super::{DivisionTable, ListedDivision};
use crate::flags::FlagError;
use crate::plan::PlannedNode;
use std::collections::{BTreeMap, BTreeSet};
use yizhan_document::NodeId;

/// The word for every province.
pub(crate) const ALL: &str = "all";

impl DivisionTable {
    /// The nodes for what was typed, each `CODE` or `CODE=PARENT`, or `all` for every province: the division and everything
    /// below it.
    ///
    /// Several without a parent are linked to each other directly, each pair once. A division (师) of the XPCC is linked to
    /// the city that is one administration with it, if that is there too. A code out of use is refused with the one that
    /// followed it, since a new network should not begin with an old code.
    pub fn plan(&self, typed: &[String], zones: bool) -> Result<Vec<PlannedNode>, FlagError> {
        let mut roots: Vec<NodeId> = Vec::new();
        let mut nodes: Vec<PlannedNode> = Vec::new();
        for text in typed {
            let (code, parent) = text.split_once('=').map_or((text.as_str(), None), |(c, p)| (c, Some(p)));
            let parent = parent.map(|parent| parent.parse().map_err(|reason| wrong_parent(text, reason)));
            let parent: Option<NodeId> = parent.transpose()?;
            let tops = if code == ALL { self.provinces().collect() } else { vec![self.in_use(code)?] };
            for top in tops {
                let below = self.tree_of(top.code, zones);
                nodes.extend(below.iter().map(|division| planned(division)));
                if let Some(node) = nodes.iter_mut().rev().find(|node| node.id == top.code) {
                    node.parent = parent;
                }
                if parent.is_none() {
                    roots.push(top.code);
                }
            }
        }
        self.link(&mut nodes, &roots);
        Ok(nodes)
    }

    /// The division that a typed code means, if the code is in use.
    fn in_use(&self, typed: &str) -> Result<&ListedDivision, FlagError> {
        let resolved =
            self.resolve(typed).map_err(|reason| FlagError::Division { reason: Box::new(reason) })?;
        match resolved.steps.first() {
            None => Ok(resolved.division),
            Some(step) => Err(FlagError::RetiredDivision {
                code: step.code,
                name: step.name.clone(),
                now: resolved.division.code,
                now_name: resolved.division.name.clone(),
            }),
        }
    }

    fn link(&self, nodes: &mut [PlannedNode], roots: &[NodeId]) {
        let there: BTreeSet<NodeId> = nodes.iter().map(|node| node.id).collect();
        for node in nodes {
            if let Some(at) = roots.iter().position(|root| *root == node.id) {
                node.direct_links.extend(roots.iter().skip(at + 1).filter(|other| **other != node.id));
            }
            let city = self.division(node.id).and_then(|division| division.city);
            node.direct_links.extend(city.filter(|city| there.contains(city)));
        }
    }
}

fn planned(division: &ListedDivision) -> PlannedNode {
    let names = BTreeMap::from([("zh".to_owned(), division.name.clone())]);
    PlannedNode { names, ..PlannedNode::bare(division.code, division.parent) }
}

fn wrong_parent(text: &str, reason: yizhan_document::AddressError) -> FlagError {
    let text = text.chars().filter(|c| !c.is_control()).take(64).collect();
    FlagError::Node { flag: "divisions", text, reason }
}
