//! Delivery: a document reaches its offices, is taken over and acted on.

use crate::effect::{Answer, Effect, Stored};
use crate::event::{Office, Request, Staged};
use crate::fact::{Consigned, End, Fact};
use crate::node::Node;
use crate::state::InboxEntry;
use alloc::string::String;
use alloc::vec::Vec;
use yizhan_document::{Act, Attempt, Digest, EnvelopeId, OfficeName};
use yizhan_ledger::{EntryRef, Event as LedgerEvent, OfficeEvent};
use yizhan_planted::{Bug, on};

impl Node {
    /// Puts a document into the inboxes of this node, or says why that cannot be; in the batch of its acceptance.
    pub(crate) fn consign(
        &mut self,
        rests_on: EntryRef,
        id: EnvelopeId,
        envelope: Digest,
        attempt: Attempt,
        result: Result<Vec<Office>, String>,
    ) {
        let me = self.me();
        let home = (id.origin != me).then_some(id.origin);
        let holding = rests_on.index;
        if self.state.recalls.hides(id) {
            // Recalled before it came (MUST-32): custody ends, and nobody is shown anything.
            self.fact(Fact::Consigned(Consigned { holding, attempt, at: None, offices: Vec::new() }));
            return;
        }
        let before = self.state.consigned.get(&id.ledger()).is_some_and(|done| done.contains(id.counter));
        if before && !on(Bug::ConsignedTwice) {
            // An office sees an envelope id once, for ever: the stored receipt goes home again (MUST-15).
            let consignments = self.state.inboxes.of(id).map(|(_, entry)| entry.consignment.index);
            let indexes: Vec<u64> = consignments.take(1).collect();
            if let Some(origin) = home {
                self.fact(Fact::Owed { origin, indexes });
            }
            self.fact(Fact::Consigned(Consigned { holding, attempt, at: None, offices: Vec::new() }));
            return;
        }
        let (event, offices, end) = match result {
            Ok(offices) => {
                let commitments = offices.iter().map(|office| office.commitment).collect();
                let event =
                    LedgerEvent::ContentConsignment { id, envelope, attempt, offices: commitments, rests_on };
                (event, offices, End::Consigned)
            }
            Err(reason) => {
                let event =
                    LedgerEvent::ContentConsignmentFailure { id, envelope, attempt, reason, rests_on };
                (event, Vec::new(), End::Failed)
            }
        };
        let at = self.enter(event, home);
        self.fact(Fact::Consigned(Consigned { holding, attempt, at: Some(at), offices }));
        if home.is_none() {
            self.fact(Fact::Ended { id, node: me, end });
        }
    }

    pub(crate) fn taken(&mut self, request: Request, office: OfficeName, id: EnvelopeId) {
        let Some(entry) = self.state.inboxes.get(&office, id) else {
            self.effect(refused(request, self.absent(id)));
            return;
        };
        let holding = entry.holding;
        let index = match entry.handed.filter(|_| !on(Bug::HandoverTwice)) {
            // Not durable yet: the first answer is on its way, and this one must not overtake it.
            Some(index) if !self.is_durable(index) => {
                self.effect(refused(request, "busy"));
                return;
            }
            Some(index) => index,
            None => {
                let event = office_event(entry, id, entry.commitment, None);
                let index = self.enter(LedgerEvent::ContentHandover(event), self.home_of(id)).index;
                self.fact(Fact::Handed { office, id, index });
                index
            }
        };
        self.word(Effect::Answer { request, answer: Answer::Handed { holding, index } });
    }

    pub(crate) fn acted(
        &mut self,
        request: Request,
        office: OfficeName,
        id: EnvelopeId,
        act: Act,
        statement: Digest,
        staged: Staged,
    ) {
        let Some(entry) = self.state.inboxes.get(&office, id) else {
            self.effect(Effect::Discard { staged });
            self.effect(refused(request, self.absent(id)));
            return;
        };
        let done = entry.acts.iter().find(|(done, _)| *done == act).map(|(_, index)| *index);
        if let Some(index) = done.filter(|_| !on(Bug::ActTwice)) {
            // The same act again: the stored receipt again.
            self.effect(Effect::Discard { staged });
            let answer = if self.is_durable(index) {
                Answer::Acted { index }
            } else {
                Answer::Refused { reason: "busy" }
            };
            self.effect(Effect::Answer { request, answer });
            return;
        }
        if let Some(reason) = forbidden(entry, act) {
            self.effect(Effect::Discard { staged });
            self.effect(refused(request, reason));
            return;
        }
        let event = office_event(entry, id, entry.commitment, Some(statement));
        let index = self.enter(LedgerEvent::of_act(act, event), self.home_of(id)).index;
        self.store(Stored::Attachment { index, staged });
        self.fact(Fact::Acted { office, id, act, index });
        self.word(Effect::Answer { request, answer: Answer::Acted { index } });
    }

    /// Why a document is in no inbox.
    fn absent(&self, id: EnvelopeId) -> &'static str {
        match self.state.recalls.decision(id) {
            // Not durable yet: a node that stops before may find the document in its inboxes again.
            Some((_, index)) if self.state.recalls.hides(id) && !self.is_durable(index) => "busy",
            Some(_) if self.state.recalls.hides(id) => "recalled",
            _ => "unknown",
        }
    }

    fn home_of(&self, id: EnvelopeId) -> Option<yizhan_document::NodeId> {
        (id.origin != self.me()).then_some(id.origin)
    }
}

/// Why an act is not possible now: refusing comes before signing for, returning after it, and each ends the matter.
fn forbidden(entry: &InboxEntry, act: Act) -> Option<&'static str> {
    let did = |act: Act| entry.acts.iter().any(|(done, _)| *done == act);
    match act {
        Act::SignedFor if did(Act::Refused) => Some("refused"),
        Act::Refused if did(Act::SignedFor) => Some("signed-for"),
        Act::Returned if !did(Act::SignedFor) => Some("not-signed-for"),
        _ => None,
    }
}

fn office_event(
    entry: &InboxEntry,
    id: EnvelopeId,
    office: Digest,
    statement: Option<Digest>,
) -> OfficeEvent {
    let (envelope, attempt, rests_on) = (entry.header, entry.attempt, entry.consignment);
    OfficeEvent { id, envelope, attempt, office, statement, rests_on }
}

fn refused(request: Request, reason: &'static str) -> Effect {
    Effect::Answer { request, answer: Answer::Refused { reason } }
}
