//! Admission: an office hands a document in.

use crate::effect::{Answer, Effect, Stored};
use crate::event::{Closed, Office, Request, Staged};
use crate::fact::{Acceptance, Fact, Source};
use crate::limits::RESERVATIONS_MAX;
use crate::node::{Node, Opening};
use crate::reserved::Reserved;
use crate::room::Room;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use yizhan_document::limits::DESTINATIONS_MAX;
use yizhan_document::{Classification, EnvelopeId, IntervalSet, NodeId};
use yizhan_ledger::{Event as LedgerEvent, Target};
use yizhan_planted::{Bug, on};

/// An id and numbers given to a submission whose envelope is being closed. Given back if it breaks off, so that numbers
/// stay gap-free.
pub(crate) struct Reservation {
    pub(crate) id: EnvelopeId,
    pub(crate) to: Vec<NodeId>,
    pub(crate) numbers: Vec<u64>,
    /// Set once the envelope is closed.
    pub(crate) closed: Option<(Closed, Staged)>,
    /// The closed notice that is accepted with it.
    pub(crate) notice: Option<Request>,
}

impl Node {
    pub(crate) fn submitting(&mut self, request: Request, to: Vec<NodeId>, classification: Classification) {
        let refusal = self.refusal(&to, classification);
        if let Some(reason) = refusal {
            self.effect(Effect::Answer { request, answer: Answer::Refused { reason } });
            return;
        }
        let counter = self.reserved_counters.take(&self.state.counters);
        let ledger = self.profile.ledger;
        let id = EnvelopeId { origin: ledger.node, epoch: ledger.epoch, counter };
        let none = IntervalSet::new();
        let mut number = |node: &NodeId| {
            let used = self.state.numbers.get(node).unwrap_or(&none);
            self.reserved_numbers.entry(*node).or_default().take(used)
        };
        let numbers: Vec<u64> = to.iter().map(&mut number).collect();
        let answer = Answer::Reserved { id, numbers: numbers.clone() };
        self.take_reservation(request, Reserved::give_back);
        self.reservations.insert(request, Reservation { id, to, numbers, closed: None, notice: None });
        self.effect(Effect::Answer { request, answer });
    }

    pub(crate) fn submitted(&mut self, request: Request, closed: Closed, staged: Staged) {
        let me = self.me();
        let Some(reservation) = self.reservations.get_mut(&request) else {
            self.effect(Effect::Discard { staged });
            return;
        };
        if reservation.id != closed.id {
            self.give_up(request);
            self.effect(Effect::Discard { staged });
            self.effect(Effect::Answer { request, answer: Answer::Refused { reason: "unknown" } });
            return;
        }
        let id = closed.id;
        let local = reservation.to.contains(&me);
        reservation.closed = Some((closed, staged));
        if local {
            self.opening.insert(staged, Opening::Submission(request));
            self.effect(Effect::Open { staged, id });
        } else {
            self.admit(request, None);
        }
    }

    /// A notice is closed; it waits for the submission that it tells of. It goes to other nodes only.
    pub(crate) fn notice_closed(&mut self, request: Request, of: Request, closed: Closed, staged: Staged) {
        let me = self.me();
        let fits = |notice: &Reservation| notice.id == closed.id && !notice.to.contains(&me) && request != of;
        let known = self.reservations.get(&request).is_some_and(fits);
        let document = self.reservations.get_mut(&of).filter(|document| known && document.notice.is_none());
        let Some(document) = document else {
            self.take_reservation(request, Reserved::give_back);
            self.effect(Effect::Discard { staged });
            self.effect(Effect::Answer { request, answer: Answer::Refused { reason: "unknown" } });
            return;
        };
        document.notice = Some(request);
        if let Some(notice) = self.reservations.get_mut(&request) {
            notice.closed = Some((closed, staged));
        }
        if on(Bug::NoticeAlone) {
            self.admit(request, None);
        }
    }

    /// Gives back what was reserved for a submission, and for the notice that was to be accepted with it.
    pub(crate) fn give_up(&mut self, request: Request) {
        let given_up = self.take_reservation(request, Reserved::give_back);
        let Some(notice) = given_up.and_then(|document| document.notice) else { return };
        if let Some((_, staged)) =
            self.take_reservation(notice, Reserved::give_back).and_then(|notice| notice.closed)
        {
            self.effect(Effect::Discard { staged });
            self.effect(Effect::Answer { request: notice, answer: Answer::Refused { reason: "unknown" } });
        }
    }

    /// Accepts custody of a closed submission; `local` is the outcome of opening the slip for this node itself.
    pub(crate) fn admit(&mut self, request: Request, local: Option<Result<Vec<Office>, String>>) {
        let is_closed =
            self.reservations.get(&request).is_some_and(|reservation| reservation.closed.is_some());
        let ended = if is_closed { Reserved::used } else { Reserved::give_back };
        let Some(reservation) = self.take_reservation(request, ended) else { return };
        let Some((closed, staged)) = reservation.closed else { return };
        let event = LedgerEvent::SubmissionAcceptance {
            id: closed.id,
            envelope: closed.header,
            manifest: closed.manifest,
            to: reservation.to.clone(),
            urgency: closed.urgency,
            deadline: closed.deadline,
            size: closed.size,
            directory: closed.directory,
        };
        let at = self.enter(event, None);
        let units: Vec<Target> =
            reservation.to.iter().map(|node| Target { node: *node, attempt: 0 }).collect();
        self.fact(Fact::Accepted(Box::new(Acceptance {
            at,
            id: closed.id,
            header: closed.header,
            source: Source::Office,
            units: units.clone(),
            numbers: reservation.numbers,
            urgency: closed.urgency,
            deadline: closed.deadline,
            size: closed.size,
            inline: closed.inline,
            path: Vec::new(),
            key: closed.key,
        })));
        self.store(Stored::Envelope { holding: at.index, staged });
        if let Some(result) = local {
            self.consign(at, closed.id, closed.header, 0, result);
        }
        self.assign(at.index, &units);
        self.word(Effect::Answer { request, answer: Answer::Submitted { id: closed.id, index: at.index } });
        // Of the same event, so in the same batch: neither is ever durable without the other (MUST-47).
        if let Some(notice) = reservation.notice {
            self.admit(notice, None);
        }
    }

    fn refusal(&self, to: &[NodeId], classification: Classification) -> Option<&'static str> {
        let ascending = to.windows(2).all(|pair| pair.first() < pair.last());
        if to.is_empty() || to.len() > DESTINATIONS_MAX || !ascending {
            return Some("destinations");
        }
        if classification > self.profile.max_classification {
            return Some("classification");
        }
        if self.room > Room::Ample {
            return Some("full");
        }
        if self.reservations.len() >= RESERVATIONS_MAX {
            return Some("busy");
        }
        let reachable = |node: &NodeId| *node == self.me() || self.next_hop(*node).is_some();
        if to.iter().all(reachable) { None } else { Some("no-route") }
    }

    /// Takes a reservation away, whose numbers are used now or free again.
    fn take_reservation(&mut self, request: Request, ended: fn(&mut Reserved, u64)) -> Option<Reservation> {
        let reservation = self.reservations.remove(&request)?;
        ended(&mut self.reserved_counters, reservation.id.counter);
        for (node, number) in reservation.to.iter().zip(&reservation.numbers) {
            if let Some(reserved) = self.reserved_numbers.get_mut(node) {
                ended(reserved, *number);
                if reserved.is_empty() {
                    self.reserved_numbers.remove(node);
                }
            }
        }
        Some(reservation)
    }
}
