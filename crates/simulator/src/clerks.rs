//! Clerks: they hand documents in, sometimes again, break off, look into inboxes, take over, sign for, refuse, return; and
//! they remember what they were told.

use crate::clerks_recall::Recalling;
use crate::happening::Happening;
use crate::outside::Outside;
use crate::random::Random;
use crate::station::{Process, Question};
use std::collections::{BTreeMap, BTreeSet};
use yizhan_document::{Act, EnvelopeId, NodeId, OfficeName};
use yizhan_exchange::Answer;

/// The longest wait before a clerk looks into an inbox again, in milliseconds.
const VISIT_MS_MAX: u64 = 4_000;

/// What the clerks of all offices remember.
#[derive(Debug)]
pub(crate) struct Clerks {
    random: Random,
    /// Until then they begin something new.
    pub(crate) until: u64,
    pub(crate) recalling: Recalling,
    broken_off: BTreeSet<u64>,
    pub(crate) seen: BTreeMap<(NodeId, OfficeName, EnvelopeId), Seen>,
}

/// What an office was told about a document in its inbox.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) handed: Option<u64>,
    pub(crate) acts: BTreeMap<Act, u64>,
}

impl Clerks {
    pub(crate) fn new(until: u64, random: Random, recalling: Recalling) -> Self {
        Self { random, until, recalling, broken_off: BTreeSet::new(), seen: BTreeMap::new() }
    }
}

impl Outside {
    /// Puts the work of all clerks on the agenda.
    pub(crate) fn clerks_begin(&mut self) {
        let until = self.clerks.until;
        for document in 0..self.book.len() {
            let at = self.clerks.random.within(100..=until.saturating_sub(until / 5).max(100));
            self.agenda.at(at, Happening::HandIn { document });
        }
        let directory = self.directory.clone();
        for division in directory.divisions() {
            for office in &division.offices {
                let at = self.clerks.random.within(500..=VISIT_MS_MAX);
                let office = office.office.clone();
                self.agenda.at(at, Happening::Visit { node: division.node, office });
            }
        }
    }

    /// The same document is handed in (again) after a while.
    pub(crate) fn hand_in_later(&mut self, document: u64) {
        let at = self.now + self.clerks.random.within(1..=5_000);
        self.agenda.at(at, Happening::HandIn { document });
    }

    /// Whether a clerk breaks off a submission that has its number already; if so, it comes again.
    pub(crate) fn breaks_off(&mut self, document: u64) -> bool {
        let breaks = self.clerks.random.chance(60) && self.clerks.broken_off.insert(document);
        if breaks {
            self.hand_in_later(document);
        }
        breaks
    }

    /// A clerk hears an answer.
    pub(crate) fn clerk_hears(&mut self, node: NodeId, question: &Question, answer: &Answer) {
        match (question, answer) {
            (Question::Submission { document, .. }, Answer::Submitted { id, .. }) => {
                self.accepted(*document, *id)
            }
            // Nothing was accepted: the clerk comes again.
            (Question::Submission { document, .. }, Answer::Refused { reason: "full" }) => {
                self.hand_in_later(*document);
            }
            (Question::Submission { document, .. }, Answer::Refused { reason }) => {
                let classified = self.book.document(*document).is_some_and(|document| {
                    document.classification > yizhan_document::Classification::Unclassified
                });
                if *reason != "classification" || !classified {
                    self.fail_at(
                        node,
                        "nothing_lost",
                        format!("{node}: document {document} was refused: {reason}"),
                    );
                }
                self.book.refused.insert(*document);
            }
            (Question::Take { office, id }, Answer::Handed { index, .. }) => {
                let seen = self.clerks.seen.entry((node, office.clone(), *id)).or_default();
                let before = *seen.handed.get_or_insert(*index);
                self.same_receipt(node, *id, before, *index);
            }
            (Question::Act { office, id, act }, Answer::Acted { index }) => {
                let seen = self.clerks.seen.entry((node, office.clone(), *id)).or_default();
                let before = *seen.acts.entry(*act).or_insert(*index);
                self.same_receipt(node, *id, before, *index);
            }
            (Question::Recall { document }, answer) => self.recall_answered(node, *document, answer),
            (Question::Take { id, .. } | Question::Act { id, .. }, Answer::Refused { reason: "unknown" }) => {
                self.fail_at(
                    node,
                    "nothing_lost",
                    format!("{node}: {id} was in the inbox and is unknown now"),
                );
            }
            _ => {}
        }
    }

    /// The disk of a node is lost, with its inboxes.
    pub(crate) fn inboxes_are_lost(&mut self, node: NodeId) {
        self.clerks.seen.retain(|(at, ..), _| *at != node);
    }

    /// A process has ended while somebody waited for its answer.
    pub(crate) fn clerk_hears_nothing(&mut self, node: NodeId, question: &Question) {
        if let Question::Recall { document } = question {
            return self.recall_soon(*document);
        }
        let Question::Submission { document, reserved } = question else { return };
        if reserved.is_some() {
            self.checks.numbers_have_no_gaps.reservation_lost(node);
        }
        // Without a key nobody may try again: it may have been accepted.
        if self.book.document(*document).is_some_and(|document| document.keyed) {
            self.hand_in_later(*document);
        }
    }

    fn accepted(&mut self, document: u64, id: EnvelopeId) {
        self.perhaps_recall(document);
        // An idempotency key is forgotten with the disk that it was on.
        self.book.told.entry(document).and_modify(|first| {
            if first.ledger() < id.ledger() {
                *first = id;
            }
        });
        let first = *self.book.told.entry(document).or_insert(id);
        if first != id {
            self.fail_at(
                id.origin,
                "nothing_twice",
                format!("document {document} was accepted as {first} and as {id}"),
            );
        }
        let keyed = self.book.document(document).is_some_and(|document| document.keyed);
        if keyed && self.now < self.clerks.until && self.clerks.random.chance(150) {
            self.hand_in_later(document);
        }
    }

    fn same_receipt(&mut self, node: NodeId, id: EnvelopeId, before: u64, now: u64) {
        if before != now {
            self.fail_at(
                node,
                "nothing_twice",
                format!("{node}: one act on {id} has receipts {before} and {now}"),
            );
        }
    }

    /// A clerk looks into the inbox of an office and perhaps does something.
    pub(crate) fn visit(&mut self, process: Option<&mut Process>, node: NodeId, office: OfficeName) {
        if self.now < self.clerks.until {
            let at = self.now + self.clerks.random.within(300..=VISIT_MS_MAX);
            self.agenda.at(at, Happening::Visit { node, office: office.clone() });
        }
        let Some(process) = process else { return };
        let inbox = process.inbox(&office);
        for id in &inbox {
            self.clerks.seen.entry((node, office.clone(), *id)).or_default();
        }
        let recalled = |id| process.core.state().recalls().hides(id);
        let mut here = self.clerks.seen.keys().filter(|(at, of, _)| *at == node && *of == office);
        let gone = here.find(|(_, _, id)| !inbox.contains(id) && !recalled(*id));
        if let Some((_, _, id)) = gone {
            let what = format!("{node}: {office} saw {id} in its inbox, and it is not there any more");
            self.fail_at(node, "nothing_lost", what);
        }
        for id in inbox {
            if let Some(question) = self.next_act(node, &office, id) {
                process.ask(self, question);
            }
        }
    }

    fn next_act(&mut self, node: NodeId, office: &OfficeName, id: EnvelopeId) -> Option<Question> {
        let Clerks { random, seen, .. } = &mut self.clerks;
        let seen = seen.get(&(node, office.clone(), id))?;
        let take = || Question::Take { office: office.clone(), id };
        let act = |act| Question::Act { office: office.clone(), id, act };
        if seen.handed.is_none() {
            return random.chance(600).then(take);
        }
        if random.chance(50) {
            return Some(take());
        }
        let last = seen.acts.keys().copied().next_back();
        match last {
            None if random.chance(500) => {
                Some(act(if random.chance(800) { Act::SignedFor } else { Act::Refused }))
            }
            Some(Act::SignedFor) if random.chance(60) => Some(act(Act::Returned)),
            // The same again, or something that is too late: the answer must not change anything.
            Some(done) if random.chance(50) => {
                Some(act(if random.chance(500) { done } else { Act::Refused }))
            }
            _ => None,
        }
    }
}
