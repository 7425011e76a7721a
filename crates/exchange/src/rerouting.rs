//! Other ways: a new version of the directory, or a neighbour that is gone for long. What waits for a link that leads nowhere any
//! more is assigned to another one, where the directory has one.

use crate::fact::Fact;
use crate::limits::{DETOUR_MS, REROUTED_IN_A_ROUND_MAX, ROUND_MS};
use crate::links::Outbound;
use crate::node::Node;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use yizhan_document::NodeId;
use yizhan_hierarchy::Directory;
use yizhan_ledger::Target;
use yizhan_planted::{Bug, on};

impl Node {
    pub(crate) fn directory_changed(&mut self, directory: Arc<Directory>) {
        self.directory = directory;
        self.reroute(true);
        self.pump_due = true;
    }

    /// Looks for ways around neighbours that are gone for long: once when that is so, and whenever another link comes up.
    pub(crate) fn look_for_detours(&mut self) {
        let now = self.now().uptime;
        let mut links = self.state.links.values();
        let unlooked = links.any(|link| link.is_long_gone(now) && !link.detours_looked_for);
        if core::mem::take(&mut self.reroute_due) || unlooked {
            self.reroute(false);
        }
    }

    /// The uptime at which the next neighbour is gone for long, or at which there is more to be assigned anew.
    pub(crate) fn next_detours(&self) -> Option<u64> {
        let waiting =
            |link: &&crate::links::Link| !link.up && !link.detours_looked_for && !link.outbound.is_empty();
        let gone = self.state.links.values().filter(waiting).map(|link| link.down_since + DETOUR_MS).min();
        let round = self.looked_at + ROUND_MS;
        let more = self.reroute_due.then_some(round);
        gone.map(|gone| gone.max(round)).into_iter().chain(more).min()
    }

    /// Assigns anew what waits for who is no neighbour any more or is gone for long, and what its neighbour refused for now and has another
    /// way: that neighbour may never take it, since its own way leads back here. With a `new_directory` also what was never offered and
    /// has another way now.
    ///
    /// What was offered may have been accepted without a word of it coming back. Then two copies of one attempt are under way, which
    /// ends as it does after a lost acknowledgement: nobody takes custody twice, no office sees it twice (MUST-11, MUST-15). It counts
    /// as perhaps offered on its new link too (MUST-17, MUST-40). What has no other way stays where it is, until its deadline ends it.
    pub(crate) fn reroute(&mut self, new_directory: bool) {
        let now = self.now().uptime;
        let neighbours = self.directory.neighbours(self.me());
        let mut ways = BTreeMap::new();
        let mut stray: Vec<(NodeId, u64, Outbound)> = Vec::new();
        for (hop, link) in &self.state.links {
            let leads_nowhere = !neighbours.contains(hop) || link.is_long_gone(now);
            let all = link.outbound.iter().filter(|_| leads_nowhere || new_directory);
            let refused = link.refused.iter().filter_map(|(_, number)| link.outbound.get_key_value(number));
            let refused = refused.filter(|_| !leads_nowhere && !new_directory);
            for (number, out) in all.chain(refused) {
                let is_refused = link.refused.contains(&(out.not_before, *number)) && !on(Bug::RefusedStays);
                if (leads_nowhere || is_refused || !out.perhaps_offered)
                    && out.units.iter().any(|unit| self.leaves(&mut ways, *hop, unit))
                {
                    stray.push((*hop, *number, out.clone()));
                }
                if stray.len() >= REROUTED_IN_A_ROUND_MAX {
                    break;
                }
            }
        }
        self.reroute_due |= stray.len() >= REROUTED_IN_A_ROUND_MAX;
        for link in self.state.links.values_mut().filter(|link| link.is_long_gone(now)) {
            link.detours_looked_for = true;
        }
        for (hop, link, Outbound { holding, units, perhaps_offered, .. }) in stray {
            let (leaving, staying): (Vec<Target>, Vec<Target>) =
                units.into_iter().partition(|unit| self.leaves(&mut ways, hop, unit));
            let next: BTreeMap<NodeId, u64> =
                self.state.links.iter().map(|(hop, link)| (*hop, link.next)).collect();
            self.fact(Fact::Withdrawn { hop, link });
            self.assign(holding, &leaving);
            if !staying.is_empty() {
                let link = next.get(&hop).copied().unwrap_or(0);
                self.fact(Fact::Assigned { holding, hop, link, units: staying });
            }
            for (hop, link) in self.state.links.iter_mut().filter(|_| perhaps_offered) {
                let first = next.get(hop).copied().unwrap_or(0);
                link.outbound.range_mut(first..).for_each(|(_, out)| out.perhaps_offered = true);
            }
        }
    }

    /// Whether a unit that is assigned to the link to `hop` has another way. `ways` remembers the way to each destination.
    fn leaves(&self, ways: &mut BTreeMap<NodeId, Option<NodeId>>, hop: NodeId, unit: &Target) -> bool {
        let way = ways.entry(unit.node).or_insert_with(|| self.next_hop(unit.node));
        way.is_some_and(|next| next != hop)
    }
}
