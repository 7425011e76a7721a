//! What offices do, as entries of their node.

use crate::entry::{Event, OfficeEvent};
use yizhan_document::{Act, Digest};

impl Event {
    /// The entry for an office's act.
    pub fn of_act(act: Act, event: OfficeEvent) -> Self {
        match act {
            Act::SignedFor => Self::SignedFor(event),
            Act::Refused => Self::Refused(event),
            Act::Returned => Self::Returned(event),
        }
    }

    /// The digest over an office's statement and its signature, if it is an act of an office.
    pub fn statement(&self) -> Option<Digest> {
        match self {
            Self::ContentHandover(event)
            | Self::SignedFor(event)
            | Self::Refused(event)
            | Self::Returned(event) => event.statement,
            _ => None,
        }
    }
}
