//! How much room the disk of a node has, as the daemon sees it: looked at once a second, and known to be nothing where a
//! write of the journal said so.

use super::Process;
use crate::happening::Step;
use crate::outside::Outside;
use yizhan_exchange::{Event, Room};

/// How often a disk is looked at, in milliseconds.
const LOOK_MS: u64 = 1_000;
/// How often a group that found no space is tried again, in milliseconds; as in the committer.
pub(super) const FULL_PAUSE_MS: u64 = 250;

/// What a process knows of the room on its disk.
#[derive(Debug, Default)]
pub(crate) struct RoomKnown {
    pub(super) told: Room,
    /// The journal waits for room.
    pub(super) journal_full: bool,
}

impl Process {
    /// Tells the rules how much room there is, where that changed.
    pub(super) fn look_at_disk(&mut self, out: &mut Outside) {
        let room = match self.folder.room() {
            _ if self.room.journal_full => Room::Nothing,
            // That nothing can be written only a write says.
            Room::Nothing => Room::NoDocuments,
            room => room,
        };
        if std::mem::replace(&mut self.room.told, room) != room {
            self.handle(out, Event::Room(room));
        }
    }

    /// The look that comes once a second.
    pub(crate) fn look(&mut self, out: &mut Outside) {
        self.look_at_disk(out);
        self.look_later(out);
    }

    /// Puts the next look on the agenda, while there is anything to see: where there is room, and that is known, only a fault
    /// changes it.
    pub(crate) fn look_later(&mut self, out: &mut Outside) {
        if self.folder.room() != Room::Ample || self.room.told != Room::Ample {
            let delay = self.random.within(1..=LOOK_MS);
            out.later(self.name(), delay, Step::Look);
        }
    }
}
