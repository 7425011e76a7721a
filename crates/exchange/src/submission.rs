//! Admission: an office hands a document in.

use crate::effect::{Answer, Effect, Stored};
use crate::event::{Closed, Office, Request, Staged};
use crate::fact::{Acceptance, Fact, Source};
use crate::limits::RESERVATIONS_MAX;
use crate::node::{Node, Opening};
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
        let reserved = |id: &Reservation| id.id.counter;
        let counter = first_free(&self.state.counters, self.reservations.values().map(reserved));
        let ledger = self.profile.ledger;
        let id = EnvelopeId { origin: ledger.node, epoch: ledger.epoch, counter };
        let numbers: Vec<u64> = to.iter().map(|node| self.first_free_number(*node)).collect();
        let answer = Answer::Reserved { id, numbers: numbers.clone() };
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
            self.reservations.remove(&request);
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
        let given_up = self.reservations.remove(&request);
        let Some(notice) = given_up.and_then(|document| document.notice) else { return };
        if let Some((_, staged)) = self.reservations.remove(&notice).and_then(|notice| notice.closed) {
            self.effect(Effect::Discard { staged });
            self.effect(Effect::Answer { request: notice, answer: Answer::Refused { reason: "unknown" } });
        }
    }

    /// Accepts custody of a closed submission; `local` is the outcome of opening the slip for this node itself.
    pub(crate) fn admit(&mut self, request: Request, local: Option<Result<Vec<Office>, String>>) {
        let Some(reservation) = self.reservations.remove(&request) else { return };
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

    fn first_free_number(&self, node: NodeId) -> u64 {
        let reserved = self.reservations.values().flat_map(|reservation| {
            reservation
                .to
                .iter()
                .zip(&reservation.numbers)
                .filter(|(to, _)| **to == node)
                .map(|(_, number)| *number)
        });
        match self.state.numbers.get(&node) {
            Some(used) => first_free(used, reserved),
            None => first_free(&IntervalSet::new(), reserved),
        }
    }
}

/// The smallest number that is neither used nor reserved.
fn first_free(used: &IntervalSet, reserved: impl Iterator<Item = u64>) -> u64 {
    let mut reserved: Vec<u64> = reserved.collect();
    if reserved.is_empty() {
        return used.first_absent();
    }
    reserved.sort_unstable();
    let mut candidate = used.first_absent();
    loop {
        if used.contains(candidate) || reserved.binary_search(&candidate).is_ok() {
            candidate += 1;
        } else {
            return candidate;
        }
    }
}
