//! Recalls in a trail: what each rests on, and that a destination keeps to what it entered.

use crate::evidence::Seen;
use crate::trail::{Prior, Step, Trail};
use yizhan_document::NodeId;
use yizhan_ledger::{Event, RecallAnswer};

impl Trail<'_> {
    /// What is wrong with a `RecallRequested` or with an answer to one, by what it rests on.
    pub(crate) fn wrong_recall(&self, seen: &Seen, step: &Step) -> Option<&'static str> {
        let node = self.node(seen)?;
        let prior = match step.prior {
            Prior::Entry(place) => Some(&self.seen.get(place)?.entry.event),
            _ => None,
        };
        let rests_at = seen.entry.event.rests_on()?.ledger.node;
        let origin = self.id.origin;
        match &seen.entry.event {
            Event::RecallRequested(_) => {
                let fits = prior.is_none_or(|prior| matches!(prior, Event::SubmissionAcceptance { .. }));
                (node != origin || rests_at != origin || !fits)
                    .then_some("it does not rest on this node's own acceptance of the document")
            }
            Event::Recalled(answer) | Event::RecallDenied(answer) => {
                let fits = prior.is_none_or(|prior| matches!(prior, Event::RecallRequested(_)));
                if rests_at != origin || !fits {
                    return Some("it does not rest on a recall by the origin");
                }
                let taken_back = node == origin && matches!(seen.entry.event, Event::Recalled(_));
                (answer.to != [node] && !taken_back)
                    .then_some("it answers for destinations that are not its own")
            }
            _ => None,
        }
    }

    /// What is wrong with an entry of a destination, by what it had entered about a recall before.
    pub(crate) fn against_recall(&self, seen: &Seen) -> Option<&'static str> {
        let node = self.node(seen)?;
        let before = self.in_ledger(seen.ledger).1.iter().filter(|other| other.index < seen.index);
        let mut events = before.map(|other| &other.entry.event);
        match &seen.entry.event {
            Event::ContentConsignment { .. }
            | Event::ContentHandover(_)
            | Event::SignedFor(_)
            | Event::Refused(_)
            | Event::Returned(_) => {
                events.any(|event| recalls(event, node)).then_some("the document was recalled here before")
            }
            Event::RecallDenied(_) => {
                let signed = events.any(|event| matches!(event, Event::SignedFor(_)));
                // What was entered in an earlier epoch, or is damaged, is not seen here.
                let whole = seen_whole(self, seen, node);
                (!signed && whole)
                    .then_some("the recall is denied, and nobody here had signed for the document")
            }
            Event::Recalled(_) => {
                let signed = events.any(|event| matches!(event, Event::SignedFor(_)));
                (signed && recalls(&seen.entry.event, node))
                    .then_some("the document was signed for here before it was recalled")
            }
            _ => None,
        }
    }
}

fn seen_whole(trail: &Trail<'_>, seen: &Seen, node: NodeId) -> bool {
    trail.evidence.id(seen.ledger).is_some_and(|id| id.epoch == 0) && !trail.evidence.has_holes(node)
}

/// Whether an entry says that the document is shown to nobody at `node`.
pub(crate) fn recalls(event: &Event, node: NodeId) -> bool {
    matches!(event, Event::Recalled(RecallAnswer { to, .. }) if to.contains(&node))
}
