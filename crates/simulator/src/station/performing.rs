//! Performs what the rules say, as the daemon does: frames to neighbours, work for workers, answers to the desk.

use super::{Item, Process};
use crate::happening::Step;
use crate::limits::SHOW_MS;
use crate::outside::Outside;
use crate::wire::Message;
use std::collections::{BTreeMap, VecDeque};
use yizhan_document::{Digest, LedgerId, NodeId};
use yizhan_envelope::Header;
use yizhan_exchange::{Effect, EpochStatement, Event, Kept, Staged, limits::HOPS_MAX};
use yizhan_journal::StoredBody;
use yizhan_ledger::{Head, LogError, Target};
use yizhan_protocol::{
    Acknowledgement, BodyPlace, Cosign, Custody, Frame, Offer, OfferedSlip, ProofBundle, ProvenEntry, Recall,
    ReceiptsHome, Rejection, Wanted,
};

impl Process {
    /// Performs effects in order. Effects that answer at once are handled before the next.
    pub(crate) fn perform(&mut self, out: &mut Outside, effects: Vec<Effect>) {
        let mut effects = VecDeque::from(effects);
        while let Some(effect) = effects.pop_front() {
            let node = self.node;
            out.note(|| format!("{node}:     {}", crate::brief::effect(&effect)));
            let event = self.perform_one(out, effect).unwrap_or_else(|error| {
                out.fail("no_word_before_disk", format!("{node}: words without an entry: {error}"));
                None
            });
            if let Some(event) = event {
                out.note(|| format!("{node}: {}", crate::brief::event(&event)));
                effects.extend(self.core.handle(self.now(out), event));
            }
        }
    }

    fn perform_one(&mut self, out: &mut Outside, effect: Effect) -> Result<Option<Event>, LogError> {
        match effect {
            Effect::Persist { ticket, facts, stored, .. } => self.persist(out, ticket, facts, &stored),
            Effect::Answer { request, answer } => self.answered(out, request, answer),
            Effect::Offer { neighbour, link, holding, units } => {
                return self.offer(out, neighbour, link, holding, &units);
            }
            Effect::WantBody { neighbour, link, staged } => self.want_body(out, neighbour, link, staged),
            Effect::Open { staged, .. } => {
                let delay = self.random.within(0..=20);
                out.later(self.name(), delay, Step::Opened { staged });
            }
            Effect::Discard { staged } => {
                self.stage.remove(&staged);
            }
            Effect::Recollect { neighbour, link, id } => {
                return Ok(Some(Event::Recollected { neighbour, link, past: self.ledger.past(id) }));
            }
            Effect::Custody { neighbour, acknowledged } => {
                self.send_custody(out, neighbour, &acknowledged)?
            }
            Effect::Reject { neighbour, link, envelope, reason, retry, entry } => {
                let proof = entry.map(|index| self.ledger.bundle([index].into_iter())).transpose()?;
                let rejection = Rejection { link, envelope, reason, retry, proof };
                self.send(out, neighbour, Frame::Rejection(Box::new(rejection)));
            }
            Effect::SendReceipts { hop, origin, indexes } => {
                let mut proof = self.ledger.bundle(indexes.into_iter())?;
                for entry in &mut proof.entries {
                    entry.attachment = self.attachments.get(&entry.index).cloned().unwrap_or_default();
                }
                let frame = ReceiptsHome { origin, hops_left: HOPS_MAX, proof };
                self.send(out, hop, Frame::ReceiptsHome(Box::new(frame)));
            }
            Effect::ForwardReceipts { hop, staged } => {
                if let Some(Item::Receipts(mut frame)) = self.stage.remove(&staged) {
                    frame.hops_left = frame.hops_left.saturating_sub(1);
                    self.send(out, hop, Frame::ReceiptsHome(frame));
                }
            }
            Effect::SendKept { hop, kept } => {
                let Kept { maker, origin, hops_left, ledger, indexes } = kept;
                let kept = yizhan_protocol::Kept { maker, origin, hops_left, ledger, indexes };
                self.send(out, hop, Frame::Kept(kept));
            }
            Effect::Cosign { neighbour, head } => {
                let Head { ledger, size, root } = head;
                self.send(
                    out,
                    neighbour,
                    Frame::Cosign(Cosign { ledger, size, root, line: String::new(), again: false }),
                );
            }
            Effect::SendRecall { hop, destination, acceptance, request } => {
                let mut proof = self.ledger.bundle([acceptance, request].into_iter())?;
                for entry in proof.entries.iter_mut().filter(|entry| entry.index == request) {
                    entry.attachment = self.attachments.get(&request).cloned().unwrap_or_default();
                }
                let recall = Recall { destination, hops_left: HOPS_MAX, proof };
                self.send(out, hop, Frame::Recall(Box::new(recall)));
            }
            Effect::TellEpoch { neighbour, ledger } => self.tell_epoch(out, neighbour, ledger)?,
            Effect::ForwardRecall { hop, staged } => {
                if let Some(Item::Recall(mut frame)) = self.stage.remove(&staged) {
                    frame.hops_left = frame.hops_left.saturating_sub(1);
                    self.send(out, hop, Frame::Recall(frame));
                }
            }
            Effect::Release { holding, .. } => self.release(holding),
        }
        Ok(None)
    }

    /// Sends a frame, after whoever watches has looked at it. What cannot be sent now the rules send again.
    pub(crate) fn send(&mut self, out: &mut Outside, to: NodeId, mut frame: Frame) {
        let trusted = !out.distrusted.contains(&self.node);
        let broken = if trusted { out.checks.frame_leaves(self, to, &frame) } else { Vec::new() };
        broken.into_iter().for_each(|(check, what)| out.fail(check, what));
        let Some(connection) = self.connected.get(&to) else { return };
        if let Some(tamper) = &mut out.tamper
            && !tamper(self.node, to, &mut frame)
        {
            return;
        }
        if let Some(liar) = out.liar.as_mut().filter(|liar| liar.node == self.node)
            && !liar.sends(to, &mut frame)
        {
            return;
        }
        out.send((self.node, to, *connection), Message::Frame(frame), 0);
    }

    fn tell_epoch(&mut self, out: &mut Outside, to: NodeId, ledger: LedgerId) -> Result<(), LogError> {
        let bundle = if ledger == self.ledger.head().ledger {
            self.ledger.bundle([0].into_iter())?
        } else {
            let Some(known) = self.core.state().epochs().get(&ledger.node) else { return Ok(()) };
            let EpochStatement { ledger, checkpoint, entry, path } = known.clone();
            let entries = vec![ProvenEntry { index: 0, entry, path, attachment: Vec::new() }];
            ProofBundle { ledger, checkpoint, entries }
        };
        self.send(out, to, Frame::EpochOpened(Box::new(bundle)));
        Ok(())
    }

    fn offer(
        &mut self,
        out: &mut Outside,
        neighbour: NodeId,
        link: u64,
        holding: u64,
        units: &[Target],
    ) -> Result<Option<Event>, LogError> {
        let Some(held) = self.core.state().holdings().get(&holding) else { return Ok(None) };
        let mut path = held.acceptance.path.clone();
        path.push(self.node);
        let Some(stored) = self.contents.get(&holding) else {
            if !self.store.is_unreadable(holding) {
                let node = self.node;
                out.fail_at(
                    node,
                    "nothing_lost",
                    format!("{node}: the content of holding {holding} is gone"),
                );
            }
            return Ok(Some(Event::Damaged { holding }));
        };
        let Ok(header) = Header::from_bytes(&stored.header) else {
            return Ok(Some(Event::Damaged { holding }));
        };
        let slips = units.iter().filter_map(|unit| {
            let index = header.index_of(&unit.node)?;
            let slip = stored.slips.iter().find(|slip| slip.index == index)?;
            Some(OfferedSlip { attempt: unit.attempt, ..slip.clone() })
        });
        let slips = slips.collect();
        let custody = self.ledger.bundle([holding].into_iter())?;
        let origin = stored.origin.clone().unwrap_or_else(|| custody.clone());
        let body = match &stored.body {
            StoredBody::Inline(bytes) => BodyPlace::Inline(bytes.clone()),
            StoredBody::File { .. } => BodyPlace::Stream,
        };
        let offer = Offer { link, header: stored.header.clone(), slips, origin, custody, path, body };
        self.send(out, neighbour, Frame::Offer(Box::new(offer)));
        Ok(None)
    }

    fn want_body(&mut self, out: &mut Outside, neighbour: NodeId, link: u64, staged: Staged) {
        let Some(stored) = self.staged_envelope(staged) else { return };
        let envelope = Digest::of(&stored.header);
        self.fetching.insert((neighbour, link), staged);
        let from_piece = self.store.bodies.pieces_here(envelope);
        self.send(out, neighbour, Frame::Wanted(Wanted { link, envelope, from_piece }));
    }

    fn send_custody(
        &mut self,
        out: &mut Outside,
        neighbour: NodeId,
        acknowledged: &[(u64, u64)],
    ) -> Result<(), LogError> {
        let shown = self.shown_to.get(&neighbour).or_else(|| self.cosigned_by.get(&neighbour));
        let from = shown.copied().unwrap_or(0);
        let proof = self.ledger.bundle(acknowledged.iter().map(|(_, index)| *index))?;
        let size = self.ledger.head().size;
        let consistency =
            if from == 0 || from > size { Vec::new() } else { self.ledger.consistency(from)? };
        self.shown_to.insert(neighbour, size);
        let acknowledged =
            acknowledged.iter().map(|(link, index)| Acknowledgement { link: *link, index: *index }).collect();
        let custody = Custody { proof, acknowledged, consistent_from: from, consistency };
        self.send(out, neighbour, Frame::Custody(Box::new(custody)));
        Ok(())
    }

    /// The content of a holding goes; a body file only when nothing else here is of the same envelope.
    fn release(&mut self, holding: u64) {
        let Some(stored) = self.contents.remove(&holding) else { return };
        let (state, envelope) = (self.core.state(), Digest::of(&stored.header));
        let staged = self.stage.values().any(|item| match item {
            Item::Envelope(staged) => staged.header == stored.header,
            _ => false,
        });
        let held = state.holdings().values().any(|held| held.acceptance.header == envelope);
        let shown = state.inboxes().iter().any(|(.., entry)| entry.header == envelope);
        if !(staged || held || shown) {
            self.store.bodies.remove(envelope);
        }
    }

    /// Shows the ledger to neighbours that have not cosigned its present size.
    pub(crate) fn show(&mut self, out: &mut Outside) {
        self.show_at = None;
        let size = self.ledger.head().size;
        let behind: Vec<NodeId> = self
            .connected
            .keys()
            .copied()
            .filter(|neighbour| {
                let known = |of: &BTreeMap<NodeId, u64>| of.get(neighbour).copied().unwrap_or(0);
                known(&self.shown_to) < size && known(&self.cosigned_by) < size
            })
            .collect();
        for neighbour in behind {
            if let Err(error) = self.send_custody(out, neighbour, &[]) {
                out.fail("ledgers_never_fork", format!("{}: no proof of its own ledger: {error}", self.node));
            }
        }
    }

    pub(crate) fn show_soon(&mut self, out: &mut Outside) {
        if self.show_at.is_none() {
            self.show_at = Some(out.now + SHOW_MS);
            out.later(self.name(), SHOW_MS, Step::Show);
        }
    }
}
