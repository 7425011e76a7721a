//! The networks that are measured: a line of nodes up and down the tree, or one node with many below it.

use super::fault::BenchFault;
use crate::failure::Failure;
use yizhan_document::NodeId;
use yizhan_hierarchy::{NetworkPlan, PlanFlags};

/// The longest line: town, county, prefecture, region, and down again on the other side.
const LINE: [&str; 7] = ["652301001", "652301", "6523", "65", "6531", "653101", "653101001"];
/// The top of the tree in [`LINE`].
const TOP: usize = 3;
/// Hops of the longest line.
pub(crate) const HOPS_MAX: u64 = LINE.len() as u64 - 1;
/// Nodes below one node, at the most.
pub(crate) const CHILDREN_MAX: u64 = 500;

/// A network to be made, with the part that each node plays.
#[derive(Debug)]
pub(crate) struct Terrain {
    /// The plan of the network.
    pub(crate) plan: NetworkPlan,
    /// Where documents are handed in.
    pub(crate) origin: NodeId,
    /// Where they are meant to arrive.
    pub(crate) destinations: Vec<NodeId>,
    /// The node that passes documents on to the (last) destination.
    pub(crate) before_last: NodeId,
}

impl Terrain {
    /// A line: so many hops from one end to the other, at first up the tree, then down.
    pub(crate) fn line(hops: u64) -> Result<Self, BenchFault> {
        // One hop is county to prefecture, two end at the region, and so on; from five on a town begins.
        let first = usize::from(hops < 5);
        let last = first + usize::try_from(hops).unwrap_or(usize::MAX);
        let line = LINE.get(first..=last).ok_or_else(|| too_long(hops))?;
        let top = last.min(TOP) - first;
        let nodes = line.iter().enumerate().map(|(place, node)| {
            let parent = if place < top { line.get(place + 1) } else { line.get(place.wrapping_sub(1)) };
            (*node, parent.copied().filter(|_| place != top))
        });
        let plan = plan(nodes)?;
        let end = |node: Option<&&str>| id(node.copied().unwrap_or_default());
        let before_last = end(line.len().checked_sub(2).and_then(|place| line.get(place)))?;
        Ok(Self { plan, origin: end(line.first())?, destinations: vec![end(line.last())?], before_last })
    }

    /// One region with so many nodes directly below it; documents go down.
    pub(crate) fn star(children: u64) -> Result<Self, BenchFault> {
        if !(1..=CHILDREN_MAX).contains(&children) {
            return Err(Failure::Usage(format!("--children is 1 to {CHILDREN_MAX}")).into());
        }
        let below: Vec<String> =
            (0..children).map(|n| format!("65{:02}{:02}", n / 99 + 1, n % 99 + 1)).collect();
        let top = std::iter::once(("65", None));
        let plan = plan(top.chain(below.iter().map(|node| (node.as_str(), Some("65")))))?;
        let destinations = below.iter().map(|node| id(node)).collect::<Result<_, _>>()?;
        Ok(Self { plan, origin: id("65")?, destinations, before_last: id("65")? })
    }
}

fn plan<'a>(nodes: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> Result<NetworkPlan, BenchFault> {
    let mut flags = PlanFlags { network: Some("bench.example".to_owned()), ..PlanFlags::default() };
    for (node, parent) in nodes {
        match parent {
            None => flags.roots.push(node.to_owned()),
            Some(parent) => flags.counties.push(format!("{node}={parent}")),
        }
    }
    let plan = NetworkPlan::from_flags(&flags).map_err(Failure::from)?;
    // Whatever ports are free.
    Ok(NetworkPlan { base_port: 0, ..plan })
}

fn id(node: &str) -> Result<NodeId, BenchFault> {
    node.parse().map_err(|_| BenchFault::Itself(format!("`{node}` is no node")))
}

fn too_long(hops: u64) -> BenchFault {
    Failure::Usage(format!("--hops is 1 to {HOPS_MAX}, not {hops}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_as_many_hops_as_were_asked_for_and_every_step_is_one_up_or_down() {
        for hops in 1..=HOPS_MAX {
            let terrain = Terrain::line(hops).unwrap();
            assert_eq!(terrain.plan.nodes.len() as u64, hops + 1);
            let parent = |node: NodeId| {
                terrain
                    .plan
                    .nodes
                    .iter()
                    .find(|planned| planned.id == node)
                    .and_then(|planned| planned.parent)
            };
            let mut line = vec![terrain.origin];
            let mut left: Vec<NodeId> = terrain.plan.nodes.iter().map(|planned| planned.id).collect();
            left.retain(|node| *node != terrain.origin);
            while let Some(at) = line.last().copied().filter(|_| !left.is_empty()) {
                let next =
                    left.iter().position(|node| parent(*node) == Some(at) || parent(at) == Some(*node));
                line.push(left.remove(next.unwrap()));
            }
            assert_eq!(line.last(), terrain.destinations.first(), "{hops} hops");
            assert_eq!(terrain.plan.nodes.iter().filter(|planned| planned.parent.is_none()).count(), 1);
        }
        assert!(Terrain::line(0).is_err() && Terrain::line(HOPS_MAX + 1).is_err());
    }

    #[test]
    fn a_star_has_all_its_nodes_under_one() {
        let terrain = Terrain::star(CHILDREN_MAX).unwrap();
        assert_eq!(terrain.destinations.len() as u64, CHILDREN_MAX);
        let under = terrain.plan.nodes.iter().filter(|planned| planned.parent == Some(terrain.origin));
        assert_eq!(under.count() as u64, CHILDREN_MAX);
    }
}
