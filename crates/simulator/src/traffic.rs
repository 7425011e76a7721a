//! Counts the bytes of bodies that go over each link: a body is to cross each once, however many it is for.

use crate::wire::Message;
use std::collections::BTreeMap;
use yizhan_document::{Digest, NodeId};
use yizhan_envelope::limits::PIECE_BYTES;
use yizhan_protocol::{BodyPlace, Frame};

/// What was sent so far: who to whom, of which envelope, by the digest of its header.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    bodies: BTreeMap<(Digest, NodeId, NodeId), u64>,
}

impl Traffic {
    /// Something was put on the wire, whether it arrives or not.
    pub(crate) fn count(&mut self, from: NodeId, to: NodeId, message: &Message) {
        let (envelope, bytes) = match message {
            Message::Frame(Frame::Offer(offer)) => match &offer.body {
                BodyPlace::Inline(bytes) => (Digest::of(&offer.header), bytes.len() as u64),
                BodyPlace::Stream => return,
            },
            // Bodies that travel by themselves are of whole pieces here.
            Message::Piece { envelope, .. } => (*envelope, PIECE_BYTES),
            Message::Frame(_) | Message::BodyHead(_) => return,
        };
        *self.bodies.entry((envelope, from, to)).or_default() += bytes;
    }

    /// Bytes of all bodies, by envelope, link and direction.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Digest, (NodeId, NodeId), u64)> {
        self.bodies.iter().map(|((envelope, from, to), bytes)| (*envelope, (*from, *to), *bytes))
    }
}
