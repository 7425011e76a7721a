//! A new version of the directory: from now on the rules go by it, and what waits for a link that leads nowhere any more goes
//! another way.

use crate::fact::Fact;
use crate::links::Outbound;
use crate::node::Node;
use alloc::sync::Arc;
use alloc::vec::Vec;
use yizhan_document::NodeId;
use yizhan_hierarchy::Directory;
use yizhan_ledger::Target;

impl Node {
    pub(crate) fn directory_changed(&mut self, directory: Arc<Directory>) {
        self.directory = directory;
        self.reroute();
        self.pump_due = true;
    }

    /// Assigns anew what waits for who is no neighbour any more, and what was never offered and has another way now.
    ///
    /// The former may have been accepted there without a word of it coming back. Then two copies of one attempt are under way,
    /// which ends as it does after a lost acknowledgement: nobody takes custody twice, no office sees it twice (MUST-11, MUST-15).
    /// What has no other way stays where it is: a later version may bring one back, and its deadline ends it otherwise.
    pub(crate) fn reroute(&mut self) {
        let neighbours = self.directory.neighbours(self.me());
        let mut stray: Vec<(NodeId, u64, Outbound)> = Vec::new();
        for (hop, link) in &self.state.links {
            let lost = !neighbours.contains(hop);
            let strays = |out: &&Outbound| {
                (lost || !out.perhaps_offered) && out.units.iter().any(|unit| self.leaves(*hop, unit))
            };
            let outbound = link.outbound.iter().map(|(number, out)| (number, out));
            stray.extend(
                outbound.filter(|(_, out)| strays(out)).map(|(number, out)| (*hop, *number, out.clone())),
            );
        }
        for (hop, link, Outbound { holding, units, .. }) in stray {
            let (leaving, staying): (Vec<Target>, Vec<Target>) =
                units.into_iter().partition(|unit| self.leaves(hop, unit));
            self.fact(Fact::Withdrawn { hop, link });
            self.assign(holding, &leaving);
            if !staying.is_empty() {
                let link = self.state.links.get(&hop).map_or(0, |link| link.next);
                self.fact(Fact::Assigned { holding, hop, link, units: staying });
            }
        }
    }

    /// Whether a unit that is assigned to the link to `hop` has another way.
    fn leaves(&self, hop: NodeId, unit: &Target) -> bool {
        self.next_hop(unit.node).is_some_and(|next| next != hop)
    }
}
