//! The desk of a node: clerks hand in, look into inboxes, take over and act; answers go back to them.

use super::{Item, Process};
use crate::happening::Step;
use crate::outside::Outside;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use yizhan_document::{Act, Digest, EnvelopeId, NodeId, OfficeName};
use yizhan_envelope::{Body, Destination, Header, pieces_root};
use yizhan_exchange::{Answer, Closed, Event, RecallOrder, Request, Room, Staged, SubmissionKey};
use yizhan_identity::suite;
use yizhan_journal::{StoredBody, StoredEnvelope};
use yizhan_ledger::{Entry, Event as LedgerEvent};
use yizhan_protocol::OfferedSlip;

/// What the desk remembers.
#[derive(Default)]
pub(crate) struct Counter {
    /// Idempotency keys of accepted submissions, with the entry.
    pub(crate) keys: BTreeMap<Digest, u64>,
    /// Documents whose submission is being worked on. Only its answer ends that, not a clerk who goes away.
    busy: BTreeSet<u64>,
    pub(crate) questions: BTreeMap<Request, Question>,
    next: Request,
}

/// What somebody waits for.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    Submission { document: u64, reserved: Option<(EnvelopeId, Vec<u64>)> },
    Take { office: OfficeName, id: EnvelopeId },
    Act { office: OfficeName, id: EnvelopeId, act: Act },
    Recall { document: u64 },
}

impl Counter {
    pub(crate) fn new(keys: BTreeMap<Digest, u64>) -> Self {
        Self { keys, ..Self::default() }
    }

    fn ask(&mut self, question: Question) -> Request {
        self.next += 1;
        self.questions.insert(self.next, question);
        self.next
    }
}

impl Process {
    /// A clerk hands a document in, perhaps again.
    pub(crate) fn submit(&mut self, out: &mut Outside, document: u64) {
        let Some(told) = out.book.document(document) else { return };
        if let Some(index) = told.key().and_then(|key| self.counter.keys.get(&key)).copied() {
            // Handed in before: the stored receipt again.
            let entry = self.ledger.entry(index).and_then(|bytes| Entry::from_bytes(&bytes).ok());
            if let Some(id) = entry.and_then(|entry| entry.event.envelope_id()) {
                out.clerk_hears(
                    self.node,
                    &Question::Submission { document, reserved: None },
                    &Answer::Submitted { id, index },
                );
            }
            return;
        }
        if self.room.told > Room::Ample {
            // Refused at the door; the clerk comes again.
            out.hand_in_later(document);
            return;
        }
        if !self.counter.busy.insert(document) {
            return;
        }
        let (to, classification) = (told.to.keys().copied().collect(), told.classification);
        let request = self.counter.ask(Question::Submission { document, reserved: None });
        self.handle(out, Event::Submitting { request, to, classification });
    }

    /// A clerk asks for a document or acts on one.
    pub(crate) fn ask(&mut self, out: &mut Outside, question: Question) {
        let request = self.counter.ask(question.clone());
        match question {
            Question::Submission { .. } => {}
            Question::Recall { document } => self.recall(out, request, document),
            Question::Take { office, id } => self.handle(out, Event::Taken { request, office, id }),
            Question::Act { office, id, act } => {
                let statement = Digest::of(format!("{office} {id} {}", act.as_str()).as_bytes());
                let staged = self.put(Item::Attachment(statement.as_bytes().to_vec()));
                self.handle(out, Event::Acted { request, office, id, act, statement, staged });
            }
        }
    }

    /// A clerk recalls a document that was accepted here.
    fn recall(&mut self, out: &mut Outside, request: Request, document: u64) {
        let id = out.book.told.get(&document).copied();
        let accepted = id.and_then(|id| self.ledger.submission(id));
        let Some((acceptance, LedgerEvent::SubmissionAcceptance { id, envelope, to, .. })) = accepted else {
            self.counter.questions.remove(&request);
            // The ledger that has it was lost with its disk: nobody can recall it any more.
            let lost = id.is_some_and(|id| id.ledger() < self.ledger.head().ledger);
            if !lost && !out.distrusted.contains(&self.node) {
                let what = format!("{}: document {document} is not in the ledger", self.node);
                out.fail("nothing_lost", what);
            }
            return;
        };
        let text = format!("document {document} is recalled").into_bytes();
        let order = RecallOrder { id, envelope, acceptance, to, reason: Digest::of(&text) };
        let staged = self.put(Item::Attachment(text));
        self.handle(out, Event::Recalling { request, order, staged });
    }

    /// What an office sees in its inbox: only what is durable.
    pub(crate) fn inbox(&self, office: &OfficeName) -> Vec<EnvelopeId> {
        let durable = self.core.durable_size();
        let inbox = self.core.state().inboxes().iter();
        // By id, as clerks have always been shown it here: another order would make other worlds of the seeds that are kept.
        inbox
            .filter(|(_, of, entry)| *of == office && entry.consignment.index < durable)
            .map(|(id, ..)| id)
            .collect()
    }

    pub(crate) fn answered(&mut self, out: &mut Outside, request: Request, answer: Answer) {
        let trusted = !out.distrusted.contains(&self.node);
        let broken = if trusted { out.checks.answer_leaves(self, &answer) } else { Vec::new() };
        broken.into_iter().for_each(|(check, what)| out.fail(check, what));
        if let Answer::Reserved { id, numbers } = answer {
            self.reserved(out, request, id, numbers);
            return;
        }
        let Some(question) = self.counter.questions.remove(&request) else { return };
        if let Question::Submission { document, .. } = &question {
            self.counter.busy.remove(document);
        }
        if let (Answer::Handed { holding, .. }, Question::Take { id, .. }) = (&answer, &question) {
            self.check_content(out, *holding, *id);
        }
        out.clerk_hears(self.node, &question, &answer);
    }

    fn reserved(&mut self, out: &mut Outside, request: Request, id: EnvelopeId, numbers: Vec<u64>) {
        let Some(Question::Submission { document, reserved }) = self.counter.questions.get_mut(&request)
        else {
            return;
        };
        let document = *document;
        *reserved = Some((id, numbers));
        if out.breaks_off(document) {
            self.counter.questions.remove(&request);
            self.counter.busy.remove(&document);
            self.handle(out, Event::SubmissionAbandoned { request });
            return;
        }
        let delay = self.random.within(0..=300);
        out.later(self.name(), delay, Step::Close { request });
    }

    /// A worker has closed the envelope of a submission.
    pub(crate) fn close(&mut self, out: &mut Outside, request: Request) {
        let question = self.counter.questions.get(&request);
        let Some(Question::Submission { document, reserved: Some((id, numbers)) }) = question else { return };
        let Some(document) = out.book.document(*document) else { return };
        let now = self.wall(out);
        let pieces = document.piece_digests();
        let to = document.to.keys().zip(numbers);
        let header = Header {
            version: Header::VERSION,
            suite: suite::ENVELOPE.to_owned(),
            id: *id,
            created: now,
            deadline: now.plus_ms(document.deadline_ms),
            urgency: document.urgency,
            classification: document.classification,
            directory: out.directory.version,
            to: to.map(|(node, number)| Destination { node: *node, number: *number }).collect(),
            body: Body { size: document.size(), pieces: pieces_root(&pieces) },
            slips: Digest::of(b"slips are not made here"),
            key: Digest::of(b"nor are keys"),
        };
        let bytes = match header.to_bytes() {
            Ok(bytes) => bytes,
            Err(error) => return out.fail("nothing_lost", format!("a header cannot be made: {error}")),
        };
        let digest = Digest::of(&bytes);
        let inline = document.pieces == 0;
        let body = if inline {
            StoredBody::Inline(document.inline_body())
        } else {
            self.store.bodies.insert_whole(digest, pieces.clone());
            StoredBody::File { pieces }
        };
        let slip = |index| OfferedSlip { index, attempt: 0, header: Vec::new(), path: Vec::new() };
        let slips = (0..).take(header.to.len()).map(slip).collect();
        let closed = Closed {
            id: header.id,
            header: digest,
            manifest: document.manifest(),
            urgency: header.urgency,
            deadline: header.deadline,
            size: header.body.size,
            inline,
            directory: header.directory,
            key: document.key().map(|key| SubmissionKey { key, submission: document.manifest() }),
        };
        let stored =
            StoredEnvelope { holding: 0, header: bytes, slips, origin: None, body, card: Vec::new() };
        let staged = self.put(Item::Envelope(Arc::new(stored)));
        self.handle(out, Event::Submitted { request, closed, staged });
    }

    /// A worker has opened a document.
    pub(crate) fn opened(&mut self, out: &mut Outside, staged: Staged) {
        let Some(stored) = self.staged_envelope(staged) else { return };
        let root = Header::from_bytes(&stored.header).map(|header| header.body.pieces);
        let Some(document) = root.ok().and_then(|root| out.book.by_root(root)) else {
            return out.fail("nothing_lost", format!("{}: a document that nobody handed in", self.node));
        };
        let result = if document.bad_at.contains(&self.node) {
            Err("signature".to_owned())
        } else {
            let offices = document.to.get(&self.node).into_iter().flatten();
            let office = |name: &OfficeName| yizhan_exchange::Office {
                name: name.clone(),
                commitment: Digest::of(
                    format!("{name}@{} of document {}", self.node, document.number).as_bytes(),
                ),
            };
            Ok(offices.map(office).collect())
        };
        self.handle(out, Event::Opened { staged, result });
    }

    /// What is handed over is what was handed in.
    fn check_content(&self, out: &mut Outside, holding: u64, id: EnvelopeId) {
        let node: NodeId = self.node;
        let Some(stored) = self.contents.get(&holding) else {
            return out.fail_at(
                node,
                "nothing_lost",
                format!("{node}: the content of {id} in an inbox is gone"),
            );
        };
        let Ok(header) = Header::from_bytes(&stored.header) else {
            return out.fail_at(node, "nothing_lost", format!("{node}: the header of {id} does not read"));
        };
        let whole = match &stored.body {
            StoredBody::Inline(_) => true,
            StoredBody::File { pieces } => {
                header.has_pieces(pieces) && self.store.bodies.is_whole(Digest::of(&stored.header))
            }
        };
        if header.id != id || !whole || out.book.by_root(header.body.pieces).is_none() {
            out.fail_at(
                node,
                "nothing_lost",
                format!("{node}: {id} is handed over as something else, or in part"),
            );
        }
    }
}
