//! Worlds in which something is not to be trusted: a node that lies, a disk that says it has synced, an old copy of a disk.

use crate::checks::honest_are_unharmed;
use crate::happening::Happening;
use crate::liar::Liar;
use crate::plan::Hostile;
use crate::survey::Survey;
use crate::world::World;
use yizhan_document::NodeId;

/// How long the honest have, after the last fault, to finish what does not depend on the one that is not trusted, in
/// milliseconds.
const HONEST_DRAIN_MS: u64 = 400_000;

impl World {
    /// Makes one node hostile: from the beginning, or at two moments of the active time.
    pub(crate) fn make_hostile(&mut self, how: Hostile, active_ms: u64) {
        let nodes: Vec<NodeId> = self.stations.keys().copied().collect();
        let Some(node) = self.random.pick(&nodes).copied() else { return };
        self.out.distrusted.insert(node);
        self.hostile = Some(how);
        self.faults += 1;
        let network = self.out.directory.network.clone();
        let victims = nodes.into_iter().filter(|victim| *victim != node).collect();
        match how {
            Hostile::Liar => self.out.liar = Some(Liar::new(node, network, victims, self.random.fork())),
            Hostile::LyingSync | Hostile::OldBackup => {
                let first = self.random.within(500..=active_ms.max(1_000) / 2);
                let then = self.random.within(first + 1..=active_ms.max(first + 2));
                self.out.agenda.at(first, Happening::DiskTurns { node });
                self.out.agenda.at(then, Happening::DiskTurns { node });
            }
        }
    }

    /// The disk begins to lie, or a copy of it is made; the second time the power goes, or the copy is put back.
    pub(crate) fn disk_turns(&mut self, node: NodeId) {
        let Some(folder) = self.stations.get(&node).map(|station| station.folder.clone()) else { return };
        let second = std::mem::replace(&mut self.disk_turned, true);
        match (self.hostile, second) {
            (Some(Hostile::LyingSync), false) => folder.lie(true),
            (Some(Hostile::LyingSync), true) => {
                self.stop(node, true, "its disk lied");
                folder.lie(false);
            }
            (Some(Hostile::OldBackup), false) => {
                let store = self.stations.get(&node).map(|station| station.store().clone());
                self.backup = store.map(|store| (folder.back_up(), store));
            }
            (Some(Hostile::OldBackup), true) => {
                self.stop(node, false, "an old copy is put back");
                if let (Some((files, store)), Some(station)) =
                    (self.backup.take(), self.stations.get_mut(&node))
                {
                    folder.restore(files);
                    station.store = store;
                }
            }
            _ => {}
        }
    }

    /// Time for the honest to finish, then all power is cut and it is looked whether any of them was harmed.
    pub(crate) fn finish_hostile(&mut self) {
        self.until(self.out.now + HONEST_DRAIN_MS);
        if !self.out.failures.is_empty() {
            return;
        }
        for station in self.stations.values_mut() {
            drop(station.stop(true));
        }
        let network = self.out.directory.network.clone();
        let distrusted = self.out.distrusted.clone();
        let trusted = self.stations.values_mut().filter(|station| !distrusted.contains(&station.node));
        let found = match Survey::of(trusted, &network) {
            Ok(survey) => honest_are_unharmed::check(&survey, &self.out),
            Err(reason) => vec![reason],
        };
        found.into_iter().for_each(|what| self.out.fail("honest_are_unharmed", what));
    }
}
