//! Handing in: a document, and the notice of a skip-level dispatch that is accepted with it or not at all.

use super::{Alone, COUNTY, PREFECTURE, REGION, STAGED, header, id, node};
use yizhan_document::{Classification, Digest, EnvelopeId, Urgency};
use yizhan_exchange::{Answer, Closed, Effect, Event, Fact, Stored};

/// What the notice is staged under.
const NOTICE_STAGED: u64 = 8;
const DOCUMENT: u64 = 1;
const NOTICE: u64 = 2;

impl Alone {
    /// A document of an office of this node, for one destination, admitted and durable; its id.
    pub(super) fn submit(&mut self, to: &str) -> EnvelopeId {
        let id = self.reserve(DOCUMENT, to);
        let closed = self.closed(id);
        self.settle(Event::Submitted { request: DOCUMENT, closed, staged: STAGED });
        id
    }

    fn reserve(&mut self, request: u64, to: &str) -> EnvelopeId {
        let to = vec![node(to)];
        let reserved =
            self.settle(Event::Submitting { request, to, classification: Classification::Unclassified });
        let Some(Effect::Answer { answer: Answer::Reserved { id, .. }, .. }) = reserved.first() else {
            panic!("nothing was reserved: {reserved:?}");
        };
        *id
    }

    fn closed(&self, id: EnvelopeId) -> Closed {
        Closed {
            id,
            header: header(),
            manifest: Digest::of(b"manifest"),
            urgency: Urgency::Normal,
            deadline: self.deadline(),
            size: 100,
            inline: true,
            directory: 1,
            key: None,
        }
    }

    /// Reserves for a document and its notice to the prefecture, and closes the notice.
    fn with_notice(&mut self, to: &str) -> (EnvelopeId, EnvelopeId) {
        let (document, notice) = (self.reserve(DOCUMENT, to), self.reserve(NOTICE, PREFECTURE));
        let closed = self.closed(notice);
        let nothing =
            self.hear(Event::NoticeClosed { request: NOTICE, of: DOCUMENT, closed, staged: NOTICE_STAGED });
        assert!(nothing.is_empty(), "a notice alone is nothing: {nothing:?}");
        (document, notice)
    }
}

/// The envelopes that are accepted and stored by each batch of these effects.
fn batches(effects: &[Effect]) -> Vec<(Vec<EnvelopeId>, usize)> {
    let batch = |effect: &Effect| {
        let Effect::Persist { facts, stored, .. } = effect else { return None };
        let accepted = facts.iter().filter_map(|fact| match fact {
            Fact::Accepted(acceptance) => Some(acceptance.id),
            _ => None,
        });
        let envelopes = stored.iter().filter(|stored| matches!(stored, Stored::Envelope { .. }));
        Some((accepted.collect(), envelopes.count()))
    };
    effects.iter().filter_map(batch).collect()
}

fn submitted(effects: &[Effect]) -> Vec<(u64, EnvelopeId)> {
    let answer = |effect: &Effect| match effect {
        Effect::Answer { request, answer: Answer::Submitted { id, .. } } => Some((*request, *id)),
        _ => None,
    };
    effects.iter().filter_map(answer).collect()
}

fn discarded(effects: &[Effect]) -> Vec<u64> {
    let staged = |effect: &Effect| match effect {
        Effect::Discard { staged } => Some(*staged),
        _ => None,
    };
    effects.iter().filter_map(staged).collect()
}

/// MUST-47: one batch of the journal, which is durable as a whole or not at all.
#[test]
fn a_document_and_its_notice_are_accepted_in_one_batch_and_answered_together() {
    let mut region = Alone::start(REGION);
    let (document, notice) = region.with_notice(COUNTY);
    assert_ne!(document, notice);
    let closed = region.closed(document);
    let decided = region.hear(Event::Submitted { request: DOCUMENT, closed, staged: STAGED });
    assert_eq!(batches(&decided), [(vec![document, notice], 2)]);
    assert_eq!(submitted(&decided), [], "not before the disk (MUST-09)");
    let answered = region.durable(&decided);
    assert_eq!(submitted(&answered), [(DOCUMENT, document), (NOTICE, notice)]);
}

#[test]
fn a_notice_of_a_document_that_has_to_be_opened_here_too_waits_for_that() {
    let mut region = Alone::start(REGION);
    let (document, notice) = region.with_notice(REGION);
    let closed = region.closed(document);
    let opening = region.hear(Event::Submitted { request: DOCUMENT, closed, staged: STAGED });
    assert_eq!(batches(&opening), []);
    let decided = region.hear(Event::Opened { staged: STAGED, result: Err("for-nobody-here".to_owned()) });
    assert_eq!(batches(&decided), [(vec![document, notice], 2)]);
}

/// MUST-47: a notice of what was never accepted is never sent.
#[test]
fn a_notice_goes_with_a_document_that_is_given_up_and_what_was_reserved_is_free_again() {
    for to in [COUNTY, REGION] {
        let mut region = Alone::start(REGION);
        let (document, _) = region.with_notice(to);
        let given_up = if to == REGION {
            let closed = region.closed(document);
            region.hear(Event::Submitted { request: DOCUMENT, closed, staged: STAGED });
            region.settle(Event::NotOpened { staged: STAGED })
        } else {
            region.settle(Event::SubmissionAbandoned { request: DOCUMENT })
        };
        assert!(discarded(&given_up).contains(&NOTICE_STAGED), "{given_up:?}");
        assert_eq!(batches(&given_up), []);
        let closed = region.closed(document);
        let late = region.settle(Event::Submitted { request: NOTICE, closed, staged: NOTICE_STAGED });
        assert_eq!((submitted(&late), batches(&late)), (vec![], vec![]));
        assert_eq!(region.submit(COUNTY), id(REGION, 0), "ids stay gap-free");
    }
}

#[test]
fn a_notice_of_an_unknown_document_or_a_second_one_or_one_for_this_node_is_refused() {
    let mut region = Alone::start(REGION);
    let notice = region.reserve(NOTICE, PREFECTURE);
    let closed = region.closed(notice);
    let alone = region.settle(Event::NoticeClosed { request: NOTICE, of: 9, closed, staged: NOTICE_STAGED });
    assert_eq!(discarded(&alone), [NOTICE_STAGED]);
    let (document, _) = region.with_notice(COUNTY);
    for to in [PREFECTURE, REGION] {
        let second = region.reserve(3, to);
        let closed = region.closed(second);
        let refused = region.settle(Event::NoticeClosed { request: 3, of: DOCUMENT, closed, staged: 9 });
        assert_eq!(discarded(&refused), [9], "{to}");
    }
    let closed = region.closed(document);
    let decided = region.hear(Event::Submitted { request: DOCUMENT, closed, staged: STAGED });
    assert_eq!(batches(&decided)[0].1, 2, "the first notice stands");
}
