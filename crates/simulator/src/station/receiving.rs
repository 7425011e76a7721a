//! What comes from neighbours: frames are checked as the daemon's workers check them (signatures apart), which takes a
//! while, so that frames overtake each other and the end of their connection; then the rules see them.

use super::{Item, Process};
use crate::happening::Step;
use crate::ledger::{entries_of, head_of};
use crate::limits::SHOW_MS;
use crate::outside::Outside;
use crate::wire::Message;
use std::sync::Arc;
use yizhan_document::{Digest, LedgerId, NodeId, merkle};
use yizhan_envelope::{Header, pieces_root};
use yizhan_exchange::{
    EpochStatement, Event, HeardEntry, OfferedEnvelope, proves_custody, proves_epoch, proves_origin,
    proves_recall,
};
use yizhan_journal::{StoredBody, StoredEnvelope};
use yizhan_ledger::{Head, Target, WitnessError};
use yizhan_protocol::{
    BodyPlace, Cosign, Custody, Frame, Offer, ProofBundle, ProvenEntry, Recall, ReceiptsHome, Rejection,
};

impl Process {
    /// Something arrived.
    pub(crate) fn arrives(&mut self, out: &mut Outside, from: NodeId, message: Message) {
        let node = self.node;
        match message {
            Message::BodyHead(head) => self.body_begins(out, from, head),
            Message::Piece { link, envelope, index, digest } => {
                self.piece_arrives(out, from, (link, envelope), index, digest);
            }
            Message::Frame(Frame::Hello(_)) => {}
            Message::Frame(Frame::Wanted(wanted)) => {
                out.note(|| format!("{node}: {from} wants the body of offer {}", wanted.link));
                self.send_body(out, from, wanted);
            }
            Message::Frame(Frame::Rejection(rejection)) => self.rejected(out, from, *rejection),
            Message::Frame(Frame::Kept(kept)) => {
                let yizhan_protocol::Kept { maker, origin, hops_left, ledger, indexes } = kept;
                let kept = yizhan_exchange::Kept { maker, origin, hops_left, ledger, indexes };
                self.handle(out, Event::KeptArrived { neighbour: from, kept });
            }
            // Of an epoch that is over nothing is to be shown any more.
            Message::Frame(Frame::Cosign(cosign)) if cosign.ledger != self.ledger.head().ledger => {}
            Message::Frame(Frame::Cosign(cosign)) => {
                let known = self.cosigned_by.entry(from).or_default();
                *known = if cosign.again { cosign.size } else { (*known).max(cosign.size) };
                if cosign.again {
                    self.shown_to.remove(&from);
                    self.show_soon(out);
                }
            }
            Message::Frame(Frame::ReceiptsHome(frame)) if frame.origin != node => {
                self.receipts(out, from, frame, Vec::new());
            }
            Message::Frame(Frame::Recall(frame)) if frame.destination != node => {
                let (destination, hops_left) = (frame.destination, frame.hops_left);
                let staged = self.put(Item::Recall(frame));
                let neighbour = from;
                self.handle(
                    out,
                    Event::RecallArrived { neighbour, destination, hops_left, recall: None, staged },
                );
            }
            Message::Frame(frame) => {
                // Workers check these; most are quick, some are not.
                let mut delay =
                    if self.random.chance(30) { self.random.within(0..=400) } else { self.random.below(4) };
                if let Frame::Custody(_) | Frame::EpochOpened(_) = frame {
                    // These go through a lane of their own, in order.
                    let last = self.lanes.entry(from).or_default();
                    *last = (*last).max(out.now + delay);
                    delay = *last - out.now;
                }
                out.later(self.name(), delay, Step::Checked { from, frame: Box::new(frame) });
            }
        }
    }

    /// A worker has had its time with a frame.
    pub(crate) fn checked(&mut self, out: &mut Outside, from: NodeId, frame: Frame) {
        match frame {
            Frame::Offer(offer) => self.offered(out, from, *offer),
            Frame::Custody(custody) => self.custody(out, from, *custody),
            Frame::ReceiptsHome(frame) => match entries_of(&frame.proof) {
                Ok(entries) => self.receipts(out, from, frame, entries),
                Err(reason) => {
                    out.note(|| format!("receipts of {} are not believed: {reason}", frame.proof.ledger))
                }
            },
            Frame::Recall(recall) => self.recalled(out, from, *recall),
            Frame::EpochOpened(bundle) => self.epoch_opened(out, from, *bundle),
            _ => {}
        }
    }

    fn offered(&mut self, out: &mut Outside, neighbour: NodeId, offer: Offer) {
        let (node, link, envelope) = (self.node, offer.link, Digest::of(&offer.header));
        match check_offer(neighbour, offer) {
            Ok((offered, stored)) => {
                let staged = self.put(Item::Envelope(Arc::new(stored)));
                self.handle(out, Event::Offered { neighbour, offered, staged });
            }
            Err(code) => {
                out.note(|| format!("{node}: offer {link} of {neighbour} is bad: {code}"));
                let retry = code == "body";
                let reason = code.to_owned();
                let rejection = Rejection { link, envelope, reason, retry, proof: None };
                self.send(out, neighbour, Frame::Rejection(Box::new(rejection)));
            }
        }
    }

    /// The statement of a new epoch; a node that hears of one of its own which it does not know was set back.
    fn epoch_opened(&mut self, out: &mut Outside, neighbour: NodeId, bundle: ProofBundle) {
        let (network, ledger) = (out.directory.network.clone(), bundle.ledger);
        let opened = match entries_of(&bundle) {
            Ok(entries) if proves_epoch(&network, ledger, &entries) => statement(bundle),
            _ => None,
        };
        let Some(opened) = opened else {
            return out.note(|| format!("{neighbour} tells of {ledger}, which is not believed"));
        };
        self.handle(out, Event::EpochOpened { neighbour, opened });
    }

    fn rejected(&mut self, out: &mut Outside, neighbour: NodeId, rejection: Rejection) {
        let Rejection { link, envelope, reason, retry, .. } = rejection;
        if reason == "body" {
            let mut outbound = self.core.state().outbound(neighbour);
            if let Some(holding) =
                outbound.find(|(number, ..)| *number == link).map(|(_, holding, _)| holding)
            {
                let delay = self.random.within(1..=50);
                out.later(self.name(), delay, Step::Examined { holding });
            }
        }
        self.handle(out, Event::Rejected { neighbour, link, envelope, reason, retry });
    }

    /// A recall of a document for this node; it counts only with proof, and with the reason that it names.
    fn recalled(&mut self, out: &mut Outside, neighbour: NodeId, frame: Recall) {
        let Recall { destination, hops_left, mut proof } = frame;
        let recall =
            entries_of(&proof).ok().and_then(|entries| proves_recall(destination, proof.ledger, &entries));
        let reasons = proof.entries.iter_mut().map(|entry| std::mem::take(&mut entry.attachment));
        let reason =
            recall.and_then(|recall| reasons.into_iter().find(|text| Digest::of(text) == recall.reason));
        let Some(reason) = reason else {
            return out.note(|| format!("a recall by {} is not believed", proof.ledger));
        };
        let staged = self.put(Item::Attachment(reason));
        self.handle(out, Event::RecallArrived { neighbour, destination, hops_left, recall, staged });
    }

    fn receipts(
        &mut self,
        out: &mut Outside,
        neighbour: NodeId,
        frame: Box<ReceiptsHome>,
        entries: Vec<HeardEntry>,
    ) {
        let (origin, hops_left, ledger) = (frame.origin, frame.hops_left, frame.proof.ledger);
        let staged = self.put(Item::Receipts(frame));
        self.handle(
            out,
            Event::ReceiptsArrived {
                neighbour,
                origin,
                hops_left,
                ledger,
                entries,
                witnessed: false,
                staged,
            },
        );
    }

    /// Acceptances of a neighbour: its head must continue what was believed before, then the rules see them.
    fn custody(&mut self, out: &mut Outside, neighbour: NodeId, custody: Custody) {
        let node = self.node;
        let checked = entries_of(&custody.proof).and_then(|entries| {
            let head = head_of(&custody.proof)?;
            self.check_head(out, neighbour, head, &custody).map(|()| (head, entries))
        });
        let (head, entries) = match checked {
            Ok(checked) => checked,
            Err(reason) => {
                out.note(|| format!("{node}: custody of {neighbour} is not believed: {reason}"));
                return;
            }
        };
        let acknowledged = custody.acknowledged.iter().filter_map(|acknowledgement| {
            let entry = entries.iter().find(|entry| entry.at.index == acknowledgement.index)?;
            Some((acknowledgement.link, entry.clone()))
        });
        let acknowledged = acknowledged.collect();
        let frame = ReceiptsHome { origin: self.node, hops_left: 0, proof: custody.proof };
        let staged = self.put(Item::Receipts(Box::new(frame)));
        self.handle(out, Event::CustodyTaken { neighbour, head, acknowledged, staged });
    }

    fn check_head(
        &mut self,
        out: &mut Outside,
        neighbour: NodeId,
        head: Head,
        custody: &Custody,
    ) -> Result<(), String> {
        if head.ledger.node != neighbour {
            return Err(format!("a head of {} from {neighbour}", head.ledger));
        }
        let current = self.core.state().ledger_of(neighbour);
        if head.ledger > current {
            self.ask_soon(out, neighbour, head.ledger);
        }
        if head.ledger != current {
            return Err(format!("a head of {}, while {current} is known", head.ledger));
        }
        let cosigned = self.core.state().witnessed(head.ledger);
        let following = self.following.entry(neighbour).or_default();
        let advanced = following.advance(head, custody.consistent_from, &custody.consistency, cosigned);
        if advanced.is_ok() {
            self.store.remembered.insert(neighbour, head);
            self.asking.entry(neighbour).or_default().proven();
        }
        if let Err(WitnessError::Unproven { .. }) = advanced {
            following.begin_anew();
            self.ask_soon(out, neighbour, head.ledger);
        }
        advanced.map_err(|error| error.to_string())
    }

    /// A head of this ledger proved nothing here: the neighbour is asked to show it anew, unless it is about to be.
    fn ask_soon(&mut self, out: &mut Outside, neighbour: NodeId, ledger: LedgerId) {
        let asking = self.asking.entry(neighbour).or_default();
        let planned = asking.is_due();
        asking.unproven(ledger);
        if !planned {
            self.ask_again(out, neighbour);
        }
    }

    /// A neighbour that proved nothing is asked to show its ledger anew, now or when a second has passed since the last time.
    pub(crate) fn ask_again(&mut self, out: &mut Outside, neighbour: NodeId) {
        let asking = self.asking.entry(neighbour).or_default();
        let Some(ledger) = asking.due(out.now) else {
            if asking.is_due() {
                out.later(self.name(), SHOW_MS, Step::AskAgain { neighbour });
            }
            return;
        };
        let nothing = Head { ledger, size: 0, root: merkle::root(&[]) };
        let Head { ledger, size, root } = self.core.state().witnessed(ledger).unwrap_or(nothing);
        let cosign = Cosign { ledger, size, root, line: String::new(), again: true };
        self.send(out, neighbour, Frame::Cosign(cosign));
    }
}

/// What a bundle states, to be kept and told on.
fn statement(bundle: ProofBundle) -> Option<EpochStatement> {
    let ProofBundle { ledger, checkpoint, entries } = bundle;
    let ProvenEntry { entry, path, .. } = entries.into_iter().next()?;
    Some(EpochStatement { ledger, checkpoint, entry, path })
}

/// Checks an offer as the daemon does, but for signatures and slips; the code says what is wrong.
fn check_offer(neighbour: NodeId, offer: Offer) -> Result<(OfferedEnvelope, StoredEnvelope), &'static str> {
    let header = Header::from_bytes(&offer.header).map_err(|_| "malformed")?;
    let digest = Digest::of(&offer.header);
    let origin = header.id.origin;
    if offer.path.first() != Some(&origin) || offer.path.last() != Some(&neighbour) {
        return Err("path");
    }
    let target = |slip: &yizhan_protocol::OfferedSlip| {
        let to = header.to.get(usize::try_from(slip.index).ok()?)?;
        Some(Target { node: to.node, attempt: slip.attempt })
    };
    let units = offer.slips.iter().map(target).collect::<Option<Vec<Target>>>().ok_or("malformed")?;
    let origin_entries = entries_of(&offer.origin).map_err(|_| "proof-of-origin")?;
    if !proves_origin(&header, digest, offer.origin.ledger, &origin_entries) {
        return Err("proof-of-origin");
    }
    let (ledger, entries) = (offer.custody.ledger, entries_of(&offer.custody).map_err(|_| "custody")?);
    let rests_on = proves_custody(&header, digest, &units, neighbour, ledger, &entries).ok_or("custody")?;
    let (body, inline) = match offer.body {
        BodyPlace::Inline(bytes) => {
            let fits = bytes.len() as u64 == header.body.size
                && pieces_root(&[merkle::leaf_hash(&bytes)]) == header.body.pieces;
            if !fits {
                return Err("body");
            }
            (StoredBody::Inline(bytes), true)
        }
        BodyPlace::Stream => (StoredBody::File { pieces: Vec::new() }, false),
    };
    let offered = OfferedEnvelope {
        link: offer.link,
        id: header.id,
        header: digest,
        units,
        urgency: header.urgency,
        classification: header.classification,
        deadline: header.deadline,
        size: header.body.size,
        inline,
        rests_on,
        path: offer.path,
    };
    let (header, slips, origin) = (offer.header, offer.slips, Some(offer.origin));
    Ok((offered, StoredEnvelope { holding: 0, header, slips, origin, body, card: Vec::new() }))
}
