//! Recalled stay unseen: every destination of a recalled document answers once, nobody there sees, takes or signs for what
//! was recalled, a recall is denied only after a signature, and each end that an origin notes is one that was entered.

use crate::survey::Survey;
use std::collections::{BTreeMap, BTreeSet};
use yizhan_document::{EnvelopeId, LedgerId, NodeId};
use yizhan_exchange::{End, Fact};
use yizhan_ledger::{Entry, Event, RecallAnswer};

/// What the ledgers say of recalls and of what was done with documents.
#[derive(Default)]
struct Told {
    /// By destination: whether it was recalled or denied, and the ledger that says so.
    answers: BTreeMap<(EnvelopeId, NodeId), Vec<(bool, LedgerId)>>,
    /// What was recalled.
    requested: BTreeSet<EnvelopeId>,
    consigned: BTreeSet<(EnvelopeId, NodeId)>,
    /// Where an office signed.
    signed: BTreeSet<(EnvelopeId, NodeId)>,
    /// Nodes that took custody of a unit for a destination.
    moved: BTreeSet<(EnvelopeId, NodeId)>,
}

/// Looks at what all disks hold.
pub(crate) fn check(survey: &Survey) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut told = Told::default();
    // What was said on a disk that was lost afterwards was said.
    for (node, held) in survey.all() {
        wrong.extend(in_order(held.entries().iter(), node));
        let ledger = held.ledger.head().ledger;
        held.entries().iter().for_each(|entry| told.take(ledger, &entry.event));
    }
    for origin in survey.nodes.keys() {
        wrong.extend(requests(survey, *origin, &told));
        wrong.extend(ends(survey, *origin, &told));
    }
    wrong
}

/// In the ledger of one node nothing follows a recall, and no denial stands before the signature it is for.
fn in_order<'a>(entries: impl Iterator<Item = &'a Entry>, me: NodeId) -> Vec<String> {
    let (mut recalled, mut signed) = (BTreeSet::new(), BTreeSet::new());
    let mut wrong = Vec::new();
    for entry in entries {
        match &entry.event {
            Event::Recalled(RecallAnswer { id, to, .. }) if to.contains(&me) => {
                if signed.contains(id) {
                    wrong.push(format!("{me}: {id} was signed for and then recalled"));
                }
                recalled.insert(*id);
            }
            Event::RecallDenied(answer) if !signed.contains(&answer.id) => {
                wrong.push(format!("{me}: the recall of {} is denied, and nobody signed", answer.id));
            }
            Event::ContentConsignment { id, .. } if recalled.contains(id) => {
                wrong.push(format!("{me}: {id} was recalled and is shown all the same"));
            }
            Event::ContentHandover(act)
            | Event::SignedFor(act)
            | Event::Refused(act)
            | Event::Returned(act) => {
                if recalled.contains(&act.id) {
                    wrong.push(format!("{me}: {} after {} was recalled", entry.event.kind(), act.id));
                }
                if matches!(entry.event, Event::SignedFor(_)) {
                    signed.insert(act.id);
                }
            }
            _ => {}
        }
    }
    wrong
}

impl Told {
    fn take(&mut self, by: LedgerId, event: &Event) {
        let node = by.node;
        match event {
            Event::Recalled(answer) | Event::RecallDenied(answer) => {
                let recalled = matches!(event, Event::Recalled(_));
                for to in &answer.to {
                    self.answers.entry((answer.id, *to)).or_default().push((recalled, by));
                }
            }
            Event::RecallRequested(request) => {
                self.requested.insert(request.id);
            }
            Event::ContentConsignment { id, .. } => {
                self.consigned.insert((*id, node));
            }
            Event::SignedFor(act) => {
                self.signed.insert((act.id, node));
            }
            Event::RelayAcceptance { id, units, .. } => {
                self.moved.extend(units.iter().map(|unit| (*id, unit.node)));
            }
            _ => {}
        }
    }
}

/// Every destination of a recalled document answered once, or signed for it; what its origin took back never left it.
fn requests(survey: &Survey, origin: NodeId, told: &Told) -> Vec<String> {
    let mut destinations = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut requested = BTreeSet::new();
    for entry in survey.entries(origin) {
        match &entry.event {
            Event::SubmissionAcceptance { id, to, .. } => {
                destinations.insert(*id, to.clone());
            }
            Event::RecallRequested(request) => {
                if !requested.insert(request.id) {
                    wrong.push(format!("{origin}: {} is recalled twice", request.id));
                }
                for to in destinations.get(&request.id).into_iter().flatten() {
                    let unit = (request.id, *to);
                    let answers = told.answers.get(&unit).map_or(&[][..], Vec::as_slice);
                    match answers {
                        [] if told.signed.contains(&unit) => {}
                        [(true, by)] if by.node == origin && !told.moved.contains(&unit) => {}
                        // A destination that lost its disk, and its answer with it, is asked anew.
                        [_, ..] if once_in_each_ledger(*to, answers) => {}
                        other => {
                            wrong.push(format!("{} for {to}: the recall has answers {other:?}", request.id))
                        }
                    }
                }
            }
            _ => {}
        }
    }
    let asked_for = told.answers.keys().filter(|(id, _)| id.origin == origin && !told.requested.contains(id));
    wrong
        .extend(asked_for.map(|(id, node)| format!("{node} answers a recall of {id} that nobody asked for")));
    wrong
}

/// Whether all answers are the destination's own, one in each of its ledgers at the most.
fn once_in_each_ledger(to: NodeId, answers: &[(bool, LedgerId)]) -> bool {
    let ledgers: BTreeSet<LedgerId> = answers.iter().map(|(_, by)| *by).collect();
    ledgers.len() == answers.len() && ledgers.iter().all(|by| by.node == to)
}

/// Each end that an origin notes was entered by the node that brought it about.
fn ends(survey: &Survey, origin: NodeId, told: &Told) -> Vec<String> {
    let mut wrong = Vec::new();
    for fact in survey.facts(origin) {
        let Fact::Ended { id, node, end } = fact else { continue };
        let answers = told.answers.get(&(*id, *node)).into_iter().flatten();
        let right = match end {
            End::Consigned => told.consigned.contains(&(*id, *node)),
            End::Recalled => answers.clone().any(|(recalled, _)| *recalled),
            End::Failed | End::Expired => true,
        };
        if !right {
            wrong.push(format!("{origin}: {id} ended at {node} as {end:?}, which nobody entered"));
        }
    }
    wrong
}
