//! A disk that is lost for good: its node comes back under its name, with a new ledger, once its neighbours have said what they
//! remember of the old one.

use crate::faulty_folder::FaultyFolder;
use crate::happening::Happening;
use crate::station::Store;
use crate::world::World;
use std::collections::BTreeSet;
use std::sync::Arc;
use yizhan_document::{LedgerId, NodeId};
use yizhan_exchange::Room;
use yizhan_ledger::Head;

/// How soon the operator tries again where a neighbour does not answer, in milliseconds.
const AGAIN_MS: u64 = 1_000;

impl World {
    /// The disk of a node is lost, with all that it held; until its operator begins a new epoch, it does not start. Says whether
    /// there was one to lose.
    pub(crate) fn lose_disk(&mut self, node: NodeId) -> bool {
        if self.out.held_down.contains(&node) || !self.stop(node, true, "its disk is lost") {
            return false;
        }
        let Some(station) = self.stations.get_mut(&node) else { return false };
        // What was ordered of the old disk is void with it.
        station.folder.fail_no_sync();
        station.folder.set_room(Room::Ample);
        station.lost.push((station.ledger, std::mem::take(&mut station.folder)));
        station.waits_for_epoch = true;
        station.store = Store::default();
        self.out.checks.no_word_before_disk.disk_lost(node);
        self.out.inboxes_are_lost(node);
        self.out.recalls_are_lost(node);
        self.out.held_down.insert(node);
        let at = self.out.now + self.down_ms();
        self.out.agenda.at(at, Happening::NewEpoch { node });
        true
    }

    /// The operator begins a new epoch, as `yizhan node new-epoch` does: every neighbour has to say what it remembers, and the new
    /// ledger is the one after the newest that anybody knows.
    pub(crate) fn begin_epoch(&mut self, node: NodeId) {
        let Some(remembered) = self.remembered_of(node) else {
            return self.out.agenda.at(self.out.now + AGAIN_MS, Happening::NewEpoch { node });
        };
        let Some(station) = self.stations.get_mut(&node) else { return };
        // The operator knows too which one it was.
        let known = remembered.iter().map(|(ledger, _)| *ledger).max();
        let given_up = known.map_or(station.ledger, |known| known.max(station.ledger));
        station.ledger = LedgerId { epoch: given_up.epoch + 1, ..given_up };
        let of_it = remembered.into_iter().filter_map(|(_, head)| head);
        let previous: BTreeSet<Head> = of_it.filter(|head| head.ledger == given_up).collect();
        station.previous = previous.into_iter().collect();
        station.folder = FaultyFolder::default();
        // The newest comes from its operator with the folder.
        station.directory = Arc::clone(&self.out.directory);
        station.waits_for_epoch = false;
        self.out.note(|| format!("{node}: begins {}, after {given_up}", given_up.epoch + 1));
        self.out.held_down.remove(&node);
        self.start(node);
    }

    /// What each neighbour remembers of a node's ledger; nothing unless all of them run.
    fn remembered_of(&self, node: NodeId) -> Option<Vec<(LedgerId, Option<Head>)>> {
        let neighbours = self.out.directory.neighbours(node).into_iter();
        let remembered = neighbours.map(|neighbour| {
            let station = self.stations.get(&neighbour)?;
            if station.waits_for_epoch {
                // It lost its disk too, and says so: the two would else wait for each other for ever.
                return Some((LedgerId { node, epoch: 0 }, None));
            }
            let process = station.process.as_ref()?;
            let head = process.store.remembered.get(&node).copied();
            let known = process.core.state().ledger_of(node);
            Some((head.map_or(known, |head| head.ledger.max(known)), head))
        });
        remembered.collect()
    }
}
