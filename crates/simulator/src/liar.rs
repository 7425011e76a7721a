//! A lying neighbour: it runs the real rules, but what leaves it is forged, withheld, reordered, repeated or altered. It can
//! sign with its own key only.

use crate::ledger::signed_by;
use crate::random::Random;
use std::collections::BTreeMap;
use yizhan_document::{Digest, LedgerId, NodeId};
use yizhan_ledger::{Checkpoint, Entry, Event, origin_of};
use yizhan_protocol::{BodyPlace, Custody, Frame, Offer, ProofBundle, ReceiptsHome};

/// Of a thousand frames so many are not what they should be.
const LIES_PER_MILLE: u64 = 250;
/// Frames that are remembered to be repeated, at the most.
const OLD_MAX: usize = 50;

/// A lying neighbour.
#[derive(Debug)]
pub(crate) struct Liar {
    pub(crate) node: NodeId,
    network: String,
    /// Whom it speaks for without having the key.
    victims: Vec<NodeId>,
    held: BTreeMap<NodeId, Frame>,
    old: Vec<Frame>,
    random: Random,
}

impl Liar {
    /// A liar in place of a node; `victims` are nodes whose receipts it makes up.
    pub(crate) fn new(node: NodeId, network: String, victims: Vec<NodeId>, random: Random) -> Self {
        Self { node, network, victims, held: BTreeMap::new(), old: Vec::new(), random }
    }

    /// Does with a frame what it likes; says whether to send it.
    pub(crate) fn sends(&mut self, to: NodeId, frame: &mut Frame) -> bool {
        if self.old.len() < OLD_MAX {
            self.old.push(frame.clone());
        }
        if !self.random.chance(LIES_PER_MILLE) {
            return true;
        }
        match self.random.below(6) {
            0 => return false,
            1 => {
                // Two frames change places.
                let Some(before) = self.held.insert(to, frame.clone()) else { return false };
                *frame = before;
            }
            2 => {
                // Said before, perhaps to somebody else.
                if let Some(old) = self.random.pick(&self.old) {
                    *frame = old.clone();
                }
            }
            _ => self.alter(frame),
        }
        true
    }

    fn alter(&mut self, frame: &mut Frame) {
        match frame {
            Frame::Offer(offer) => self.alter_offer(offer),
            Frame::Custody(custody) => self.alter_custody(custody),
            Frame::ReceiptsHome(receipts) => self.alter_receipts(receipts),
            Frame::Rejection(rejection) => {
                rejection.link = rejection.link.wrapping_add(self.random.below(3));
                rejection.retry = !rejection.retry;
                rejection.reason = "because".to_owned();
            }
            Frame::Kept(kept) => {
                let origin = self.random.pick(&self.victims).copied();
                let maker = self.random.pick(&self.victims).copied();
                if let (Some(origin), Some(maker)) = (origin, maker) {
                    // It says in another's name that all of a maker's receipts have come home.
                    let ledger = LedgerId { node: maker, epoch: 0 };
                    (kept.origin, kept.maker, kept.ledger) = (origin, maker, ledger);
                    kept.indexes = (0..100).collect();
                }
            }
            Frame::Recall(recall) => match self.random.below(3) {
                0 => {
                    recall.destination =
                        self.random.pick(&self.victims).copied().unwrap_or(recall.destination)
                }
                1 => recall.hops_left = 255,
                _ => self.forge(&mut recall.proof),
            },
            Frame::EpochOpened(bundle) => self.forge(bundle),
            Frame::Cosign(cosign) => cosign.again = !cosign.again,
            // Of the directory nothing is said here: versions come to simulated nodes by themselves.
            Frame::DirectoryHeld(_) | Frame::DirectoryWanted(_) | Frame::DirectoryPart(_) => {}
            Frame::Hello(_) | Frame::Wanted(_) => {}
        }
    }

    fn alter_offer(&mut self, offer: &mut Offer) {
        match self.random.below(8) {
            0 => offer.link = offer.link.wrapping_add(1 + self.random.below(3)),
            1 => self.flip(&mut offer.header),
            2 => offer.slips.iter_mut().for_each(|slip| slip.attempt += 1),
            3 => offer.slips.iter_mut().for_each(|slip| slip.index += 1),
            4 => self.forge(&mut offer.origin),
            5 => self.forge(&mut offer.custody),
            6 => offer.path.reverse(),
            _ => {
                if let BodyPlace::Inline(body) = &mut offer.body {
                    self.flip(body);
                }
            }
        }
    }

    fn alter_custody(&mut self, custody: &mut Custody) {
        match self.random.below(4) {
            0 => self.second_history(&mut custody.proof),
            1 => custody.acknowledged.iter_mut().for_each(|one| one.link = one.link.wrapping_add(1)),
            2 => custody.consistent_from = custody.consistent_from.wrapping_add(1),
            _ => self.forge(&mut custody.proof),
        }
    }

    fn alter_receipts(&mut self, receipts: &mut ReceiptsHome) {
        match self.random.below(4) {
            0 => self.forge(&mut receipts.proof),
            1 => receipts.origin = self.random.pick(&self.victims).copied().unwrap_or(receipts.origin),
            2 => receipts.hops_left = 255,
            _ => {
                if let Some(proven) = receipts.proof.entries.first_mut() {
                    self.flip(&mut proven.entry);
                }
            }
        }
    }

    /// Another root for the same size, well signed: its own ledger has two histories.
    pub(crate) fn second_history(&mut self, bundle: &mut ProofBundle) {
        let size = crate::ledger::head_of(bundle).map_or(1, |head| head.size);
        let root = Digest::of(&self.random.number().to_be_bytes());
        let ledger = LedgerId { node: self.node, epoch: 0 };
        let text = Checkpoint { origin: origin_of(&self.network, ledger), size, root }.to_text();
        bundle.checkpoint = signed_by(self.node, &text);
    }

    /// A receipt of somebody else, in a ledger of one entry, under a checkpoint in that node's name which the liar has signed.
    fn forge(&mut self, bundle: &mut ProofBundle) {
        let Some(victim) = self.random.pick(&self.victims).copied() else { return };
        let ledger = LedgerId { node: victim, epoch: 0 };
        let Some(proven) = bundle.entries.first_mut() else { return };
        if let Ok(mut entry) = Entry::from_bytes(&proven.entry) {
            if let Event::RelayAcceptance { link, .. } = &mut entry.event {
                *link = link.wrapping_add(1);
            }
            proven.entry = entry.to_bytes().unwrap_or_default();
        }
        (proven.index, proven.path) = (0, Vec::new());
        let root = yizhan_document::merkle::root(&[yizhan_document::merkle::leaf_hash(&proven.entry)]);
        let text = Checkpoint { origin: origin_of(&self.network, ledger), size: 1, root }.to_text();
        bundle.entries.truncate(1);
        bundle.ledger = ledger;
        bundle.checkpoint = signed_by(self.node, &text);
    }

    fn flip(&mut self, bytes: &mut [u8]) {
        let at = usize::try_from(self.random.below(bytes.len() as u64)).unwrap_or(0);
        bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1);
    }
}
