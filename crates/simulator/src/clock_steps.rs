//! Clocks that are set wrong while a node runs and its links are up, and set right again after a while.

use crate::happening::Happening;
use crate::plan::Plan;
use crate::random::Random;
use crate::world::World;
use yizhan_document::NodeId;

/// How far a clock is set off, in milliseconds: from six hours, beyond the end of a usual world, to two months.
const STEP_MS: std::ops::RangeInclusive<u64> = 6 * 3600 * 1000..=60 * 24 * 3600 * 1000;
/// How long a clock stays wrong, in milliseconds, at the most.
const WRONG_MS_MAX: u64 = 40_000;

/// The moments at which clocks are set. Their dice are their own, so that worlds without are what they were.
pub(crate) fn happenings(plan: &Plan, seed: u64, nodes: &[NodeId]) -> Vec<(u64, Happening)> {
    let mut random = Random::new(seed ^ 0x7374_6570_7065_6463);
    let mut happenings = Vec::new();
    for _ in 0..plan.clock_steps {
        let at = random.within(200..=plan.active_ms.max(200));
        let Some(node) = random.pick(nodes).copied() else { break };
        let by = i64::try_from(random.within(STEP_MS)).unwrap_or(i64::MAX);
        // Ahead is what ends documents too early.
        let off_ms = if random.chance(700) { by } else { -by };
        happenings.push((at, Happening::ClockSet { node, off_ms }));
        happenings.push((at + random.within(1..=WRONG_MS_MAX), Happening::ClockSet { node, off_ms: 0 }));
    }
    happenings
}

impl World {
    /// The clock of a node, running or not, is set so far off from where it stood at the beginning.
    pub(crate) fn set_clock(&mut self, node: NodeId, off_ms: i64) {
        let Some(station) = self.stations.get_mut(&node).filter(|station| station.stepped_ms != off_ms)
        else {
            return;
        };
        station.stepped_ms = off_ms;
        let off = station.off_ms();
        if let Some(process) = &mut station.process {
            process.skew_ms = off;
        }
        self.faults += u64::from(off_ms != 0);
        self.out.note(|| format!("the clock of {node} is set: {off_ms} ms off"));
    }
}
