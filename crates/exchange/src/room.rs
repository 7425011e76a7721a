//! How much room the disk has, and what a node still takes on with it.
//!
//! What frees a disk is that documents go on: so the rooms that are kept back are graded. Documents on their way down end in
//! an inbox and need nobody else's room; those on their way up need that of the nodes above. As long as each node takes what
//! comes down when it takes nothing that goes up, two full nodes that face each other can still hand documents on. What is handed
//! on gives its space back: a large body at once, the journal's share with the next reclaim.

use crate::effect::{Answer, Effect};
use crate::event::{Event, Request};
use crate::node::Node;
use yizhan_document::NodeId;

/// How much room there is, from all to nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Room {
    /// Everything is taken.
    #[default]
    Ample,
    /// Nothing new from offices; what is under way goes on.
    NoSubmissions,
    /// Nor documents from below or from the side: only what comes from above.
    OnlyFromAbove,
    /// No new documents at all; receipts and confirmations go on.
    NoDocuments,
    /// Nothing can be written: what is decided waits for room, and whatever would add to it is left to be repeated.
    Nothing,
}

impl Room {
    /// The room that `free` bytes are, where submissions end below `reserve`.
    pub fn of(free: u64, reserve: u64) -> Self {
        match free {
            free if free >= reserve => Self::Ample,
            free if free >= reserve / 4 * 3 => Self::NoSubmissions,
            free if free >= reserve / 2 => Self::OnlyFromAbove,
            _ => Self::NoDocuments,
        }
    }
}

impl Node {
    /// With no room at all: lets go of what its sender repeats, tells offices to come again, and says whether it did. Otherwise
    /// what waits in memory for the disk would grow without end.
    pub(crate) fn leave_to_be_repeated(&mut self, event: &Event) -> bool {
        if self.room != Room::Nothing {
            return false;
        }
        match event {
            Event::CustodyTaken { staged, .. } => self.effect(Effect::Discard { staged: *staged }),
            Event::ReceiptsArrived { origin, staged, .. } if *origin == self.me() => {
                self.effect(Effect::Discard { staged: *staged });
            }
            Event::KeptArrived { kept, .. } if kept.maker == self.me() => {}
            Event::Witnessed { .. } => {}
            Event::Acted { request, staged, .. } => {
                self.effect(Effect::Discard { staged: *staged });
                self.come_again(*request);
            }
            Event::Taken { request, .. } => self.come_again(*request),
            Event::Recalling { request, staged, .. } => {
                self.effect(Effect::Discard { staged: *staged });
                self.come_again(*request);
            }
            Event::RecallArrived { destination, staged, .. } if *destination == self.me() => {
                self.effect(Effect::Discard { staged: *staged });
            }
            _ => return false,
        }
        true
    }

    fn come_again(&mut self, request: Request) {
        self.effect(Effect::Answer { request, answer: Answer::Refused { reason: "full" } });
    }

    /// Whether there is room for what a neighbour offers.
    pub(crate) fn has_room_for_offers_of(&self, neighbour: NodeId) -> bool {
        match self.room {
            Room::Ample | Room::NoSubmissions => true,
            Room::OnlyFromAbove => self.directory.division(self.me()).is_some_and(|division| {
                division.parent == Some(neighbour) || division.backup_parents.contains(&neighbour)
            }),
            Room::NoDocuments | Room::Nothing => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_end_one_after_another() {
        let room = |free| Room::of(free, 128);
        assert_eq!(
            [room(128), room(127), room(96), room(95)],
            [Room::Ample, Room::NoSubmissions, Room::NoSubmissions, Room::OnlyFromAbove]
        );
        assert_eq!(
            [room(64), room(63), room(0)],
            [Room::OnlyFromAbove, Room::NoDocuments, Room::NoDocuments]
        );
    }
}
