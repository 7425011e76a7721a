//! The country as a plan: as the table has it, and with made-up towns.

use anyhow::Context;
use yizhan_hierarchy::{NetworkPlan, Place, PlanFlags, PlannedNode, Tree, TreeError};

/// The divisions of a code, or of `all`.
pub(crate) fn real(selection: &str) -> anyhow::Result<Vec<PlannedNode>> {
    let flags = PlanFlags { divisions: vec![selection.to_owned()], ..PlanFlags::default() };
    Ok(NetworkPlan::from_flags(&flags)?.nodes)
}

/// As many nodes as wanted: towns are spread over the counties in turn.
pub(crate) fn with_towns(country: &[PlannedNode], nodes: usize) -> anyhow::Result<Vec<PlannedNode>> {
    let mut all = country.to_vec();
    let counties: Vec<_> = country.iter().filter(|node| node.id.as_str().len() == 6).collect();
    for number in 0..nodes.saturating_sub(country.len()) {
        let county = counties.get(number % counties.len().max(1)).context("there is no county")?;
        let town = PlannedNode {
            id: format!("{}{:03}", county.id, 1 + number / counties.len()).parse()?,
            parent: Some(county.id),
            ..(*county).clone()
        };
        all.push(town);
    }
    Ok(all)
}

/// The tree of planned nodes.
pub(crate) fn tree(nodes: &[PlannedNode]) -> Result<Tree, TreeError> {
    Tree::build(nodes.iter().map(|planned| Place {
        node: planned.id,
        parent: planned.parent,
        backup_parents: &planned.backup_parents,
        direct_links: &planned.direct_links,
    }))
}
