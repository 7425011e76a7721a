//! Neighbours connect: what the hello of each says to the other.

use crate::happening::{Happening, Hello};
use crate::outside::Outside;
use crate::world::World;
use yizhan_document::NodeId;

/// How long after a failed attempt neighbours dial again, in milliseconds.
const DIAL_MS_MAX: u64 = 2_000;

impl World {
    /// Connects two neighbours if both run; each hears of it with what the other's hello says.
    pub(crate) fn dial(&mut self, one: NodeId, other: NodeId) {
        let Some(are_neighbours) = self.are_neighbours(one, other) else { return };
        let Self { out, stations, .. } = self;
        let hello = |of: NodeId, to: NodeId, out: &Outside| {
            let process = stations.get(&of)?.process.as_ref()?;
            Some(Hello {
                clock_ms: process.wall(out).as_ms(),
                witnessed: process.witnessed(to),
                remembered: process.store.remembered.get(&to).copied(),
            })
        };
        let both = hello(one, other, out).zip(hello(other, one, out)).filter(|_| are_neighbours);
        let Some((of_one, of_other)) = both else {
            let at = out.now + 1 + self.random.below(DIAL_MS_MAX);
            out.agenda.at(at, Happening::Dial { one, other });
            return;
        };
        // None: they are connected already, or held apart, and whoever mends that dials.
        let Some((connection, at_one, at_other)) = out.wire.connect(out.now, one, other) else { return };
        let now = out.now;
        out.agenda
            .at(now + at_one, Happening::Up { node: one, neighbour: other, connection, hello: of_other });
        out.agenda
            .at(now + at_other, Happening::Up { node: other, neighbour: one, connection, hello: of_one });
    }
}
