//! Whether the own wall clock counts: what neighbours said of theirs, carried on by uptime.

use crate::limits::CLOCK_AGREEMENT_MS;
use crate::node::Node;
use crate::now::Now;
use yizhan_document::WallTime;
use yizhan_planted::{Bug, on};

/// What a neighbour's clock showed when it said hello.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SaidClock {
    /// The time there.
    pub(crate) wall: WallTime,
    /// The moment here, by uptime.
    pub(crate) uptime: u64,
}

impl SaidClock {
    /// Whether the own clock shows now what that one should by now. Uptime is not moved when a clock is set: a step that came
    /// after the hello shows, in the one direction as in the other, and when it is taken back that shows too.
    fn bears_out(self, now: Now) -> bool {
        let there = self.wall.plus_ms(now.uptime.saturating_sub(self.uptime));
        now.wall.as_ms().abs_diff(there.as_ms()) <= CLOCK_AGREEMENT_MS
    }
}

impl Node {
    /// Whether more neighbours bear the own clock out than contradict it, by what each said last since the start (MUST-17).
    ///
    /// More, because one that lies may say either: alone against two it neither stops expiry nor brings it about. Where as many say
    /// the one as the other, nobody can tell which of them lies, and what waits goes on waiting. A node with one neighbour has that
    /// one's word and no other.
    pub(crate) fn clock_is_borne_out(&self) -> bool {
        let now = self.now();
        let neighbours = self.directory.neighbours(self.me());
        let said = neighbours.iter().filter_map(|node| self.state.links.get(node)?.said_clock);
        let (mut agree, mut differ) = (0_usize, 0_usize);
        for said in said {
            if said.bears_out(now) || on(Bug::StepBelieved) {
                agree += 1;
            } else {
                differ += 1;
            }
        }
        agree > differ || (agree > 0 && on(Bug::OneClockEnough))
    }
}
