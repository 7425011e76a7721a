//! Large bodies: files that grow piece by piece and outlast a crash, streams that bring them and break.

use super::{Item, Process};
use crate::outside::Outside;
use crate::random::Random;
use crate::wire::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use yizhan_document::{Digest, NodeId};
use yizhan_envelope::Header;
use yizhan_exchange::{Event, Room};
use yizhan_journal::StoredBody;
use yizhan_protocol::{BodyHead, Wanted};

/// How long a piece takes to follow the one before it, in milliseconds, at the most.
const PIECE_MS_MAX: u64 = 120;

/// The body files of a node, by digest of the envelope's header.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bodies {
    files: BTreeMap<Digest, File>,
    /// Bodies that were found damaged and taken away.
    quarantined: BTreeSet<Digest>,
}

#[derive(Clone, Debug)]
struct File {
    /// What the pieces hash to.
    pieces: Vec<Digest>,
    /// So many of them are here; all, once the file is finished and durable.
    here: u64,
    /// A fault changed a byte of it.
    damaged: bool,
}

impl File {
    fn is_whole(&self) -> bool {
        self.here == self.pieces.len() as u64
    }
}

impl Bodies {
    /// A body that was closed here: whole and durable.
    pub(crate) fn insert_whole(&mut self, envelope: Digest, pieces: Vec<Digest>) {
        let here = pieces.len() as u64;
        self.files.insert(envelope, File { pieces, here, damaged: false });
    }

    pub(crate) fn pieces_here(&self, envelope: Digest) -> u64 {
        self.files.get(&envelope).map_or(0, |file| file.here)
    }

    pub(crate) fn remove(&mut self, envelope: Digest) {
        self.files.remove(&envelope);
    }

    pub(crate) fn is_whole(&self, envelope: Digest) -> bool {
        self.files.get(&envelope).is_some_and(File::is_whole)
    }

    /// Changes a byte of a body; says whether there is one.
    pub(crate) fn damage(&mut self, envelope: Digest) -> bool {
        self.files.get_mut(&envelope).map(|file| file.damaged = true).is_some()
    }

    fn is_damaged(&self, envelope: Digest) -> bool {
        self.files.get(&envelope).is_some_and(|file| file.damaged)
    }

    /// Of bodies that are not finished, nothing was synced.
    pub(crate) fn power_cut(&mut self, random: &mut Random) {
        for file in self.files.values_mut().filter(|file| !file.is_whole()) {
            file.here = random.below(file.here + 1);
        }
    }
}

impl Process {
    /// Streams a body that a neighbour asked for.
    pub(crate) fn send_body(&mut self, out: &mut Outside, neighbour: NodeId, wanted: Wanted) {
        let state = self.core.state();
        let holding = state.outbound(neighbour).find(|(link, ..)| *link == wanted.link).map(|(_, of, _)| of);
        let Some(holding) = holding else { return };
        let Some(held) = state.holdings().get(&holding) else { return };
        let Some(connection) = self.connected.get(&neighbour).copied() else { return };
        let (link, envelope) = (wanted.link, wanted.envelope);
        if held.acceptance.header != envelope || self.store.is_unreadable(holding) {
            return;
        }
        let Some(file) = self.store.bodies.files.get(&envelope).filter(|file| file.is_whole()) else {
            if !self.store.bodies.quarantined.contains(&envelope) {
                let node = self.node;
                out.fail_at(node, "nothing_lost", format!("{node}: the body of holding {holding} is gone"));
            }
            self.lose(out, holding);
            return;
        };
        let way = (self.node, neighbour, connection);
        let head = BodyHead { link, envelope, from_piece: wanted.from_piece, pieces: file.pieces.clone() };
        out.send(way, Message::BodyHead(head), 0);
        let mut later = 0;
        for (index, good) in
            (0..).zip(&file.pieces).skip(usize::try_from(wanted.from_piece).unwrap_or(usize::MAX))
        {
            later += self.random.within(1..=PIECE_MS_MAX);
            let spoilt = file.damaged && index == 0 || out.bad_pieces > 0;
            out.bad_pieces = out.bad_pieces.saturating_sub(1);
            let digest = if spoilt { Digest::of(b"not this piece") } else { *good };
            out.send(way, Message::Piece { link, envelope, index, digest }, later);
        }
    }

    /// A stream begins to bring a body.
    pub(crate) fn body_begins(&mut self, out: &mut Outside, neighbour: NodeId, head: BodyHead) {
        let key = (neighbour, head.link);
        let stored = self.fetching.get(&key).and_then(|staged| self.staged_envelope(*staged));
        let Some(header) = stored.and_then(|stored| Header::from_bytes(&stored.header).ok()) else { return };
        if header.digest().ok() != Some(head.envelope) {
            return;
        }
        if !header.has_pieces(&head.pieces) {
            self.body_ends(out, neighbour, head.link, None);
            return;
        }
        if self.store.bodies.is_whole(head.envelope) {
            // Here already, whole: another offer of the same envelope brought it.
            self.body_ends(out, neighbour, head.link, Some(head.pieces));
            return;
        }
        self.store.bodies.quarantined.remove(&head.envelope);
        let empty = || File { pieces: head.pieces.clone(), here: 0, damaged: false };
        let here = self.store.bodies.files.entry(head.envelope).or_insert_with(empty).here;
        if head.from_piece <= here {
            self.streams.insert(key, head);
        }
    }

    /// A piece of a body arrives.
    pub(crate) fn piece_arrives(
        &mut self,
        out: &mut Outside,
        neighbour: NodeId,
        (link, envelope): (u64, Digest),
        index: u64,
        digest: Digest,
    ) {
        let streamed = self.streams.get(&(neighbour, link)).is_some_and(|head| head.envelope == envelope);
        let Some(file) = self.store.bodies.files.get_mut(&envelope).filter(|_| streamed) else { return };
        let expected = usize::try_from(index).ok().and_then(|index| file.pieces.get(index));
        if expected != Some(&digest) {
            self.streams.remove(&(neighbour, link));
            self.body_ends(out, neighbour, link, None);
            return;
        }
        if self.folder.room() == Room::Nothing {
            // It broke off; it goes on from there when it is offered again.
            self.streams.remove(&(neighbour, link));
            return;
        }
        if index == file.here {
            file.here += 1;
        }
        if file.is_whole() && index + 1 == file.pieces.len() as u64 {
            let pieces = file.pieces.clone();
            self.streams.remove(&(neighbour, link));
            self.body_ends(out, neighbour, link, Some(pieces));
        }
    }

    fn body_ends(&mut self, out: &mut Outside, neighbour: NodeId, link: u64, pieces: Option<Vec<Digest>>) {
        let good = pieces.is_some();
        if let (Some(pieces), Some(staged)) = (pieces, self.fetching.remove(&(neighbour, link)))
            && let Some(Item::Envelope(envelope)) = self.stage.get_mut(&staged)
        {
            Arc::make_mut(envelope).body = StoredBody::File { pieces };
        }
        self.handle(out, Event::BodyArrived { neighbour, link, good });
    }

    /// A worker has read a body that a neighbour found wrong: if it is wrong here, it is quarantined and its units lost.
    pub(crate) fn examined(&mut self, out: &mut Outside, holding: u64) {
        let Some(stored) = self.contents.get(&holding) else { return };
        let envelope = Digest::of(&stored.header);
        if self.store.bodies.is_damaged(envelope) {
            self.store.bodies.remove(envelope);
            self.store.bodies.quarantined.insert(envelope);
            self.lose(out, holding);
        }
    }

    fn lose(&mut self, out: &mut Outside, holding: u64) {
        self.store.unreadable.insert(holding);
        self.contents.remove(&holding);
        self.handle(out, Event::Damaged { holding });
    }
}
