//! Machines that stay down until somebody brings them up again.

use crate::world::World;
use yizhan_document::NodeId;

impl World {
    /// Takes a machine down, to stay down. Says whether it ran.
    pub(crate) fn take_down(&mut self, node: NodeId) -> bool {
        self.out.held_down.insert(node);
        self.stop(node, true, "taken down")
    }

    /// Brings it up again.
    pub(crate) fn bring_up(&mut self, node: NodeId) {
        self.out.held_down.remove(&node);
        self.start(node);
    }
}
