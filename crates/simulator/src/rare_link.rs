//! A link that is up for two minutes a day: two neighbours that never meet otherwise, and all the same everything drains.

use crate::happening::Happening;
use crate::world::World;
use yizhan_document::NodeId;

/// How long the two reach each other each day, in milliseconds.
const OPEN_MS: u64 = 120_000;
/// A day, in milliseconds.
const DAY_MS: u64 = 24 * 3600 * 1000;
/// A world with such a link comes to rest within so many milliseconds: what a meeting begins another may have to end, and
/// what travels back takes one more.
pub(crate) const DRAIN_MS_MAX: u64 = 10 * DAY_MS;
/// How often it is looked at whether such a world is at rest, in milliseconds.
pub(crate) const LOOK_MS: u64 = 10_000;

impl World {
    /// Holds two neighbours apart from now on, except for two minutes a day.
    pub(crate) fn make_rare(&mut self, one: NodeId, other: NodeId) {
        self.rare = Some((one, other));
        self.out.wire.block(self.out.now, &mut self.out.agenda, one, other);
        let first = self.out.now + self.random.below(DAY_MS);
        self.out.agenda.at(first, Happening::Window { one, other, opens: true });
        self.faults += 1;
    }

    /// The two meet, or part again until the same time tomorrow.
    pub(crate) fn window(&mut self, one: NodeId, other: NodeId, opens: bool) {
        if self.rare.is_none() {
            return;
        }
        let after = if opens {
            self.out.wire.meet(self.out.now, &mut self.out.agenda, one, other);
            OPEN_MS
        } else {
            self.out.wire.block(self.out.now, &mut self.out.agenda, one, other);
            DAY_MS - OPEN_MS
        };
        self.out.note(|| format!("the rare link between {one} and {other}: open {opens}"));
        self.out.agenda.at(self.out.now + after, Happening::Window { one, other, opens: !opens });
        self.rare_open = opens;
    }

    /// The two are together from now on, so that what only tells how far everybody is can be told.
    pub(crate) fn end_rare(&mut self) {
        if let Some((one, other)) = self.rare.take()
            && !self.rare_open
        {
            self.out.wire.meet(self.out.now, &mut self.out.agenda, one, other);
        }
    }
}
