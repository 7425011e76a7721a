//! Further attempts of a document that has come to its end at the destination: there is one end, and it is told again.

use super::{Alone, COUNTY, PREFECTURE, custody, id, node, target};
use yizhan_document::{Act, Digest};
use yizhan_exchange::{Answer, Effect, Event, Office};

/// Offers the document once more, under an attempt and a number of the link that are the same, and opens it.
fn deliver(destination: &mut Alone, attempt: u16, result: Result<Vec<Office>, String>) -> Vec<Effect> {
    let link = u64::from(attempt);
    let mut effects = destination.offer(link, |offered| offered.units = vec![target(PREFECTURE, attempt)]);
    if effects.iter().any(|effect| matches!(effect, Effect::Recollect { .. })) {
        let neighbour = node(COUNTY);
        effects = destination.settle(Event::Recollected { neighbour, link, past: Vec::new() });
    }
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Open { .. })), "{effects:?}");
    destination.settle(Event::Opened { staged: super::STAGED, result })
}

#[test]
fn what_could_not_be_opened_ends_once_and_no_further_attempt_makes_it_end_otherwise() {
    let mut destination = Alone::start(PREFECTURE);
    let office = Office { name: "gov-office".parse().unwrap(), commitment: Digest::of(b"office") };
    let failed = deliver(&mut destination, 0, Err("not for us".to_owned()));
    assert_eq!(custody(&failed).len(), 1);
    let size = destination.node.state().ledger_size();
    for (attempt, result) in [(1, Err("not for us".to_owned())), (2, Ok(vec![office]))] {
        assert_eq!(custody(&deliver(&mut destination, attempt, result)).len(), 1);
        let entered = destination.node.state().ledger_size() - size;
        assert_eq!(
            entered,
            u64::from(attempt),
            "an acceptance and nothing else for attempt {attempt} (MUST-15)"
        );
        assert!(
            destination.node.state().inboxes().is_empty(),
            "attempt {attempt} is shown after the failure"
        );
    }
}

#[test]
fn an_office_gets_the_same_receipt_each_time_and_a_further_attempt_is_not_delivered_again() {
    let mut destination = Alone::start(PREFECTURE);
    let name = "gov-office";
    let office = || Ok(vec![Office { name: name.parse().unwrap(), commitment: Digest::of(b"office") }]);
    deliver(&mut destination, 0, office());
    let inbox =
        |node: &Alone| node.node.state().inboxes().iter().next().map(|(.., entry)| entry.consignment.index);
    let first = inbox(&destination);
    assert!(first.is_some());
    deliver(&mut destination, 1, office());
    assert_eq!(inbox(&destination), first, "an office sees an envelope once, for ever (MUST-15)");

    let id = id(COUNTY, 0);
    let take = |request| Event::Taken { request, office: name.parse().unwrap(), id };
    let signs = |request| {
        let (office, statement) = (name.parse().unwrap(), Digest::of(b"statement"));
        Event::Acted { request, office, id, act: Act::SignedFor, statement, staged: super::STAGED }
    };
    let answered = |effects: &[Effect]| {
        effects.iter().find_map(|effect| match effect {
            Effect::Answer { answer: Answer::Handed { index, .. }, .. }
            | Effect::Answer { answer: Answer::Acted { index }, .. } => Some(*index),
            _ => None,
        })
    };
    let handed = answered(&destination.settle(take(1)));
    assert!(handed.is_some());
    assert_eq!(answered(&destination.settle(take(2))), handed, "one ContentHandover");
    let signed = answered(&destination.settle(signs(3)));
    assert!(signed.is_some());
    assert_eq!(answered(&destination.settle(signs(4))), signed, "one SignedFor");
}
