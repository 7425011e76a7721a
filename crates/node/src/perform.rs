//! Performs what the rules say: frames to neighbours, work for workers, answers to the desk.

use crate::daemon::Daemon;
use crate::fault::NodeError;
use crate::input::Input;
use crate::shared::WantedBody;
use crate::stage::StagedItem;
use std::sync::Arc;
use yizhan_document::{Digest, EnvelopeId, NodeId};
use yizhan_envelope::Header;
use yizhan_exchange::{Effect, Event, Kept, Past, Room, Staged};
use yizhan_journal::{StoredBody, StoredEnvelope};
use yizhan_ledger::{Entry, Event as LedgerEvent, Head, Target};
use yizhan_link::SendError;
use yizhan_protocol::{
    Acknowledgement, BodyPlace, Cosign, Custody, Frame, Offer, Rejection, encoded_bytes, limits,
};

/// Small documents that one worker opens in a row, at the most.
const OPENED_IN_A_ROW_MAX: usize = 16;

impl Daemon {
    /// Performs effects in order. Effects that answer at once are handled before the next.
    pub(crate) fn perform(&mut self, effects: Vec<Effect>) -> Result<(), NodeError> {
        self.renewals.head_is_shown = effects.iter().any(|effect| matches!(effect, Effect::Custody { .. }));
        let mut effects = std::collections::VecDeque::from(effects);
        while let Some(effect) = effects.pop_front() {
            if let Some(event) = self.perform_one(effect)? {
                effects.extend(self.node.handle(self.shared.clock.now(), event));
            }
        }
        Ok(())
    }

    fn perform_one(&mut self, effect: Effect) -> Result<Option<Event>, NodeError> {
        match effect {
            Effect::Persist { ticket, facts, stored, entries } => {
                self.persist(ticket, facts, &stored, &entries)?;
            }
            Effect::Answer { request, answer } => {
                if let Some(reply) = self.requests.remove(&request) {
                    // A desk that no longer waits has lost nothing: what is durable can be asked for again.
                    reply.send(answer).unwrap_or_default();
                }
            }
            Effect::Offer { neighbour, link, holding, units } => {
                return self.offer(neighbour, link, holding, &units);
            }
            Effect::WantBody { neighbour, link, staged } => {
                return Ok(self.want_body(neighbour, link, staged));
            }
            Effect::Open { staged, .. } => self.to_open.push(staged),
            Effect::Discard { staged } => {
                if let Some(offer) = self.stage.discard(staged) {
                    self.shared.wanted().remove(&offer);
                }
            }
            Effect::Recollect { neighbour, link, id } => {
                let past = self.recollect(id)?;
                return Ok(past.map(|past| Event::Recollected { neighbour, link, past }));
            }
            Effect::Custody { neighbour, acknowledged } => self.send_custody(neighbour, &acknowledged)?,
            Effect::Reject { neighbour, link, envelope, reason, retry, entry } => {
                self.reject(neighbour, link, envelope, &reason, retry, entry);
            }
            Effect::SendReceipts { hop, origin, indexes } => self.receipts_are_due(hop, origin, &indexes)?,
            Effect::ForwardReceipts { hop, staged } => {
                if let Some(StagedItem::Receipts(mut frame, _)) = self.stage.take(staged) {
                    frame.hops_left = frame.hops_left.saturating_sub(1);
                    self.send(hop, Frame::ReceiptsHome(frame));
                }
            }
            Effect::SendKept { hop, kept } => {
                let Kept { maker, origin, hops_left, ledger, indexes } = kept;
                self.send(
                    hop,
                    Frame::Kept(yizhan_protocol::Kept { maker, origin, hops_left, ledger, indexes }),
                );
            }
            Effect::TellEpoch { neighbour, ledger } => self.tell_epoch(neighbour, ledger)?,
            Effect::SendRecall { hop, destination, acceptance, request } => {
                self.send_recall(hop, destination, acceptance, request);
            }
            Effect::ForwardRecall { hop, staged } => {
                if let Some(StagedItem::Recall(mut frame)) = self.stage.take(staged) {
                    frame.hops_left = frame.hops_left.saturating_sub(1);
                    self.send(hop, Frame::Recall(frame));
                }
            }
            Effect::Cosign { neighbour, head } => self.cosign(neighbour, head),
            Effect::Release { holding, body } => self.release(holding, body),
        }
        Ok(None)
    }

    /// Sends a frame, or says that it cannot be sent now. The rules send it again, so a full queue or a lost link loses
    /// nothing.
    pub(crate) fn send(&self, to: NodeId, frame: Frame) -> bool {
        was_sent(to, self.shared.links.send(to, frame))
    }

    pub(crate) fn reject(
        &mut self,
        neighbour: NodeId,
        link: u64,
        envelope: Digest,
        reason: &str,
        retry: bool,
        entry: Option<u64>,
    ) {
        let proof = entry.and_then(|index| self.shared.keeper().bundle(&[index]).ok());
        let rejection = Rejection { link, envelope, reason: reason.to_owned(), retry, proof };
        self.send(neighbour, Frame::Rejection(Box::new(rejection)));
    }

    fn offer(
        &mut self,
        neighbour: NodeId,
        link: u64,
        holding: u64,
        units: &[Target],
    ) -> Result<Option<Event>, NodeError> {
        let Some(held) = self.node.state().holdings().get(&holding) else { return Ok(None) };
        let (mut path, urgency) = (held.acceptance.path.clone(), held.acceptance.urgency);
        path.push(self.shared.me());
        let stored = match self.shared.index.envelope(holding) {
            Ok(stored) => stored,
            Err(error) if error.is_damage() => {
                tracing::error!(holding, %error, "ALARM: a stored envelope cannot be read; its units are lost here");
                return Ok(Some(Event::Damaged { holding }));
            }
            // The journal may well hold it: nothing is given up for lost because an index or a disk fails.
            Err(error) => return Err(error.into()),
        };
        let Ok(header) = Header::from_bytes(&stored.header) else {
            return Ok(Some(Event::Damaged { holding }));
        };
        let slips = units.iter().filter_map(|unit| {
            let index = header.index_of(&unit.node)?;
            let slip = stored.slips.iter().find(|slip| slip.index == index)?;
            Some(yizhan_protocol::OfferedSlip { attempt: unit.attempt, ..slip.clone() })
        });
        let slips: Vec<_> = slips.collect();
        let custody = self.shared.keeper().bundle(&[holding]);
        let custody = match custody {
            Err(error) if error.is_damage() => {
                tracing::error!(holding, %error, "ALARM: custody of this holding cannot be proven; its units are lost here");
                return Ok(Some(Event::Damaged { holding }));
            }
            bundle => bundle.map_err(NodeError::Ledger)?,
        };
        let origin = stored.origin.clone().unwrap_or_else(|| custody.clone());
        let body = match &stored.body {
            StoredBody::Inline(bytes) => BodyPlace::Inline(bytes.clone()),
            StoredBody::File { .. } => BodyPlace::Stream,
        };
        let offer = Offer { link, header: stored.header.clone(), slips, origin, custody, path, body };
        let with_body = match &offer.body {
            BodyPlace::Inline(bytes) => bytes.len() as u64,
            BodyPlace::Stream => 0,
        };
        // Offers may carry bodies: small frames go before them, and the more urgent before the less (MUST-43).
        let frame = Frame::Offer(Box::new(offer));
        if was_sent(neighbour, self.shared.links.send_behind(neighbour, frame, urgency as i32)) {
            self.shared.traffic.sent(neighbour, with_body);
        }
        Ok(None)
    }

    fn want_body(&mut self, neighbour: NodeId, link: u64, staged: Staged) -> Option<Event> {
        let stored = self.stage.envelope(staged)?.clone();
        let header = Header::from_bytes(&stored.header).ok()?;
        let envelope = Digest::of(&stored.header);
        self.stage.fetching.insert((neighbour, link), staged);
        let wanted = WantedBody { envelope, root: header.body.pieces, size: header.body.size };
        self.shared.wanted().insert((neighbour, link), wanted);
        let shared = Arc::clone(&self.shared);
        // What is there already is hashed before it counts, which takes a worker for a large part.
        tokio::task::spawn_blocking(move || crate::bodies::ask_for_body(&shared, neighbour, link, envelope));
        None
    }

    /// Gives the documents that are to be opened to workers, several small ones to each: handing one over costs as much as a part
    /// of the work.
    pub(crate) fn open_those_to_be_opened(&mut self) {
        let to_open = std::mem::take(&mut self.to_open);
        let found =
            to_open.into_iter().filter_map(|staged| Some((staged, self.stage.envelope(staged)?.clone())));
        let (small, large): (Vec<_>, Vec<_>) =
            found.partition(|(_, stored)| matches!(stored.body, StoredBody::Inline(_)));
        small.chunks(OPENED_IN_A_ROW_MAX).chain(large.chunks(1)).for_each(|some| self.open(some.to_vec()));
    }

    fn open(&self, documents: Vec<(Staged, Arc<StoredEnvelope>)>) {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || {
            let opened = documents.into_iter().map(|(staged, stored)| {
                let file = match &stored.body {
                    StoredBody::Inline(_) => None,
                    StoredBody::File { .. } => crate::bodies::open(&shared, &stored).ok(),
                };
                Input::Opened { staged, result: shared.by().opener.open(&stored, file) }
            });
            let opened = opened.collect();
            // The loop ends only with the node; then nobody waits for this any more.
            shared.inputs.blocking_send(Input::Many(opened)).unwrap_or_default();
        });
    }

    /// What the ledger says of an envelope; nothing where it cannot be read: the offer then waits, since custody taken before
    /// would be taken again.
    fn recollect(&self, id: EnvelopeId) -> Result<Option<Vec<Past>>, NodeError> {
        let durable = self.node.durable_size();
        let own = self.shared.index.own_entries(id)?;
        let keeper = self.shared.keeper();
        let mut past = Vec::new();
        let own: Vec<u64> = own.into_iter().filter(|index| *index < durable).collect();
        if keeper.readable(&own).len() < own.len() {
            return Ok(None);
        }
        for index in own {
            let bytes = keeper.entry(index).map_err(NodeError::Ledger)?;
            if let Ok(Entry { event: LedgerEvent::RelayAcceptance { units, from, link, .. }, .. }) =
                Entry::from_bytes(&bytes)
            {
                past.push(Past { index, from, link, units });
            }
        }
        Ok(Some(past))
    }

    fn send_custody(&mut self, neighbour: NodeId, acknowledged: &[(u64, u64)]) -> Result<(), NodeError> {
        let indexes: Vec<u64> = acknowledged.iter().map(|(_, index)| *index).collect();
        let named =
            acknowledged.iter().map(|(link, index)| Acknowledgement { link: *link, index: *index }).collect();
        // Frames arrive in order: each head is proven from the one before it, the first from the one cosigned last (MUST-26).
        let shown = self.shown_to.get(&neighbour).or_else(|| self.cosigned_by.get(&neighbour));
        let from = shown.copied().unwrap_or(0);
        let (proof, consistency, size) = {
            let keeper = self.shared.keeper();
            let proof = keeper.bundle(&indexes).map_err(NodeError::Ledger)?;
            let size = keeper.head().size;
            let consistency = if from == 0 || from > size {
                Vec::new()
            } else {
                keeper.consistency(from).map_err(NodeError::Ledger)?
            };
            (proof, consistency, size)
        };
        let custody = Custody { proof, acknowledged: named, consistent_from: from, consistency };
        let frame = Frame::Custody(Box::new(custody));
        if let Some((first, second)) = halves(acknowledged, &frame, limits::CUSTODY_BYTES_MAX) {
            self.send_custody(neighbour, first)?;
            return self.send_custody(neighbour, second);
        }
        if self.send(neighbour, frame) {
            self.shown_to.insert(neighbour, size);
            self.renew_acceptances_later(neighbour, &indexes);
        }
        Ok(())
    }

    fn cosign(&mut self, neighbour: NodeId, head: Head) {
        let directory = self.shared.directory();
        let network = directory.network_of(head.ledger.node);
        let line = self.shared.keeper().cosign(network, head, self.shared.clock.wall());
        if self.node.state().ledger_of(neighbour) == head.ledger {
            self.shared.cosigned().insert(neighbour, head.size);
        }
        let Head { ledger, size, root } = head;
        self.send(neighbour, Frame::Cosign(Cosign { ledger, size, root, line, again: false }));
    }

    /// A neighbour's checkpoint was not shown to continue what is known: it is asked to show its ledger anew (MUST-27), once a
    /// second at the most.
    pub(crate) fn ask_again(&mut self, neighbour: NodeId) {
        let now = self.shared.clock.uptime_ms();
        let Some(ledger) = self.asking.get_mut(&neighbour).and_then(|asking| asking.due(now)) else { return };
        let cosigned = self.node.state().witnessed(ledger);
        let nothing = || Head { ledger, size: 0, root: yizhan_document::merkle::root(&[]) };
        let Head { ledger, size, root } = cosigned.unwrap_or_else(nothing);
        // No signature: what is known of this size may not be durable here yet.
        self.send(neighbour, Frame::Cosign(Cosign { ledger, size, root, line: String::new(), again: true }));
    }

    /// A neighbour cosigned this node's ledger.
    pub(crate) fn cosigned(&mut self, neighbour: NodeId, cosign: &Cosign) {
        let directory = self.shared.directory();
        // Of an epoch that is over nothing is to be shown any more.
        let Some(division) = directory.division(neighbour).filter(|_| cosign.ledger == self.shared.ledger)
        else {
            return;
        };
        if cosign.again {
            tracing::warn!(%neighbour, size = cosign.size, "a neighbour asks to be shown the ledger anew");
            self.shown_to.remove(&neighbour);
            self.cosigned_by.insert(neighbour, cosign.size);
            return;
        }
        match self.shared.keeper().add_cosignature(cosign, &division.witness) {
            Ok(()) => {
                let known = self.cosigned_by.entry(neighbour).or_default();
                *known = (*known).max(cosign.size);
            }
            Err(error) => tracing::warn!(%neighbour, %error, "a cosignature is not good"),
        }
    }

    /// Tells the rules and the desk how much room the disk has, where that changed.
    pub(crate) fn look_at_disk(&mut self) -> Result<(), NodeError> {
        let free = yizhan_spool::free_bytes(&self.shared.config.data);
        let room = match free {
            _ if self.journal_full => Room::Nothing,
            Ok(free) => Room::of(free, self.shared.config.disk.reserve_bytes),
            // Not to know is no reason to refuse; a disk that takes nothing says so when it is written to.
            Err(_) => Room::Ample,
        };
        if std::mem::replace(&mut *self.shared.room(), room) == room {
            return Ok(());
        }
        if room == Room::Ample {
            tracing::info!("the disk has room again");
        } else {
            tracing::error!(
                ?room,
                "ALARM: the disk is nearly full; what is new is refused until there is room"
            );
        }
        self.handle(Event::Room(room))
    }

    /// Publishes the ledger and shows it to neighbours that have not cosigned its present size.
    /// Ends the node where the queue has failed, rather than run on without an answer to what is asked of it.
    pub(crate) fn keep_house(&mut self) -> Result<(), NodeError> {
        self.shared.index.check()?;
        let now = self.shared.clock.uptime_ms();
        if now < self.published_at + crate::daemon::PUBLISH_MS {
            return Ok(());
        }
        self.published_at = now;
        self.look_at_disk()?;
        self.reclaim_if_due()?;
        self.renew(usize::MAX)?;
        self.shared.remembered.write_down();
        let size = {
            let mut keeper = self.shared.keeper();
            match keeper.publish() {
                // The journal holds all of it; the next round tries again.
                Err(error) if error.is_full() => {
                    tracing::error!(%error, "ALARM: the ledger cannot be published: the disk is full");
                }
                published => published.map_err(NodeError::Ledger)?,
            }
            keeper.head().size
        };
        for neighbour in self.shared.directory().neighbours(self.shared.me()) {
            self.ask_again(neighbour);
            let shown = self.shown_to.get(&neighbour).copied().unwrap_or(0);
            let cosigned = self.cosigned_by.get(&neighbour).copied().unwrap_or(0);
            if size > 0 && shown < size && cosigned < size && self.shared.links.is_up(neighbour) {
                self.send_custody(neighbour, &[])?;
            }
        }
        Ok(())
    }
}

/// Whether a frame was taken; why not goes to the log.
fn was_sent(to: NodeId, sent: Result<(), SendError>) -> bool {
    if let Err(error) = &sent {
        tracing::debug!(neighbour = %to, %error, "a frame was not sent");
    }
    sent.is_ok()
}

/// Both halves of a batch whose frame is too long for a neighbour to take.
pub(crate) fn halves<'a, T>(batch: &'a [T], frame: &Frame, bytes_max: u32) -> Option<(&'a [T], &'a [T])> {
    (batch.len() > 1 && encoded_bytes(frame) > u64::from(bytes_max)).then(|| batch.split_at(batch.len() / 2))
}
