//! How many divisions of each kind a network has, so that whoever made it can compare with what he knows.

use super::{DivisionKind, DivisionTable};
use crate::plan::PlannedNode;
use serde::Serialize;

/// The nodes of a network by kind of division.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DivisionCounts {
    /// Provinces, autonomous regions, municipalities.
    pub provinces: usize,
    /// Of prefecture rank.
    pub prefectures: usize,
    /// Of county rank, development zones not counted.
    pub counties: usize,
    /// Those of the counties that stand under a province, with no prefecture between.
    pub counties_under_a_province: usize,
    /// Development zones.
    pub development_zones: usize,
    /// XPCC and its divisions.
    pub corps: usize,
    /// Nodes that are not in the table.
    pub others: usize,
    /// All of them.
    pub nodes: usize,
}

impl DivisionTable {
    /// Counts the nodes of a plan.
    pub fn count(&self, nodes: &[PlannedNode]) -> DivisionCounts {
        let mut counts = DivisionCounts { nodes: nodes.len(), ..DivisionCounts::default() };
        for node in nodes {
            let Some(division) = self.division(node.id) else {
                counts.others += 1;
                continue;
            };
            match division.kind {
                DivisionKind::Province => counts.provinces += 1,
                DivisionKind::Prefecture => counts.prefectures += 1,
                DivisionKind::County | DivisionKind::Other => {
                    counts.counties += 1;
                    let parent = node.parent.and_then(|parent| self.division(parent));
                    let direct = parent.is_some_and(|parent| parent.kind == DivisionKind::Province);
                    counts.counties_under_a_province += usize::from(direct);
                }
                DivisionKind::DevelopmentZone => counts.development_zones += 1,
                DivisionKind::Corps | DivisionKind::CorpsDivision => counts.corps += 1,
            }
        }
        counts
    }
}
