//! Next hop between random nodes.

use crate::country;
use crate::stopwatch::Stopwatch;
use serde::Serialize;
use std::hint::black_box;
use yizhan_document::NodeId;
use yizhan_hierarchy::{PlannedNode, Tree};

/// What one tree costs in processor time.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    tree: String,
    nodes: usize,
    build_ms: f64,
    /// Both ends random.
    next_hop_ns: f64,
    /// The same while every second neighbour is away.
    next_hop_half_away_ns: f64,
    /// From a county or town into another province, over the links between the provinces.
    next_hop_other_province_ns: f64,
}

pub(crate) fn measure(name: &str, nodes: &[PlannedNode], look_ups: u64) -> anyhow::Result<Figures> {
    let stopwatch = Stopwatch::begin()?;
    let tree = country::tree(nodes)?;
    let build_ms = stopwatch.passed()?.cpu_ms;
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let any: Vec<_> = (0..65_536).filter_map(|_| Some((dice.node(&tree)?, dice.node(&tree)?))).collect();
    let apart = |(from, to): &&(NodeId, NodeId)| {
        from.as_str().len() >= 6 && from.as_str().get(..2) != to.as_str().get(..2)
    };
    let apart: Vec<_> = any.iter().filter(apart).copied().collect();
    // What is away must cost nothing to ask, or the asking would be measured.
    let half = |node: NodeId| node.as_str().as_bytes().last().is_some_and(|last| last % 2 == 0);
    Ok(Figures {
        tree: name.to_owned(),
        nodes: tree.len(),
        build_ms,
        next_hop_ns: time(&tree, &any, look_ups, &|_| true)?,
        next_hop_half_away_ns: time(&tree, &any, look_ups, &half)?,
        next_hop_other_province_ns: if apart.is_empty() {
            0.0
        } else {
            time(&tree, &apart, look_ups, &|_| true)?
        },
    })
}

/// Nanoseconds of processor time for each look-up, all pairs in turn.
fn time(
    tree: &Tree,
    pairs: &[(NodeId, NodeId)],
    look_ups: u64,
    up: &dyn Fn(NodeId) -> bool,
) -> anyhow::Result<f64> {
    let stopwatch = Stopwatch::begin()?;
    for (from, to) in pairs.iter().cycle().take(usize::try_from(look_ups)?) {
        black_box(tree.next_hop(black_box(*from), black_box(*to), up)?);
    }
    Ok(stopwatch.passed()?.cpu_ms * 1e6 / look_ups as f64)
}

impl Figures {
    pub(crate) fn lines(&self) -> String {
        format!(
            "{} nodes ({})\n  tree built     {:>10.2} ms\n  next hop       {:>10.0} ns between any two, {:.0} ns with \
             every second neighbour away, {:.0} ns into another province\n",
            self.nodes,
            self.tree,
            self.build_ms,
            self.next_hop_ns,
            self.next_hop_half_away_ns,
            self.next_hop_other_province_ns
        )
    }
}

/// Numbers that look random and are the same each time (xorshift, Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn node(&mut self, tree: &Tree) -> Option<NodeId> {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        tree.nodes().get((self.0 % tree.len() as u64) as usize).copied()
    }
}
