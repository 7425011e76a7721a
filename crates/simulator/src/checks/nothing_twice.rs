//! Nothing twice: an office sees an envelope once, a submission is accepted once, an offer is accepted once, and a unit
//! that ended has not arrived as well.

use crate::book::Book;
use crate::survey::Survey;
use std::collections::{BTreeMap, BTreeSet};
use yizhan_document::LedgerId;
use yizhan_exchange::Fact;
use yizhan_ledger::Event;

/// Looks at what all disks hold.
pub(crate) fn check(survey: &Survey, book: &Book) -> Vec<String> {
    let mut wrong = Vec::new();
    for node in survey.nodes.keys() {
        let (mut consigned, mut offers, mut units) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut submissions = BTreeMap::new();
        for entry in survey.entries(*node) {
            match &entry.event {
                Event::ContentConsignment { id, .. } if !consigned.insert(*id) => {
                    wrong.push(format!("{node}: {id} was consigned twice"));
                }
                Event::RelayAcceptance { id, from, link, units: accepted, .. } => {
                    if !offers.insert((*from, *link)) {
                        wrong.push(format!("{node}: offer {link} of {from} was accepted twice"));
                    }
                    // A giver that lost its disk may have to offer anew what is still held here: a receipt of its own (MUST-11).
                    let epoch = LedgerId::epoch_of_offer(*link);
                    if let Some(twice) = accepted.iter().find(|unit| !units.insert((*id, **unit, epoch))) {
                        wrong.push(format!(
                            "{node}: {id} for {}/{} was accepted twice",
                            twice.node, twice.attempt
                        ));
                    }
                }
                Event::SubmissionAcceptance { id, manifest, .. } => {
                    let keyed = book.by_manifest(*manifest).is_some_and(|document| document.keyed);
                    if submissions.insert(*manifest, *id).is_some() && keyed {
                        wrong.push(format!("{node}: a document was accepted again, as {id}"));
                    }
                }
                _ => {}
            }
        }
        wrong.extend(inboxes(survey, *node));
    }
    wrong.extend(ended_and_arrived(survey));
    wrong
}

fn inboxes(survey: &Survey, node: yizhan_document::NodeId) -> Vec<String> {
    let mut holdings = BTreeMap::new();
    let mut shown = BTreeSet::new();
    let mut wrong = Vec::new();
    for fact in survey.facts(node) {
        match fact {
            Fact::Accepted(accepted) => {
                holdings.insert(accepted.at.index, accepted.id);
            }
            Fact::Consigned(consigned) => {
                let Some(id) = holdings.get(&consigned.holding) else { continue };
                for office in &consigned.offices {
                    if !shown.insert((*id, &office.name)) {
                        wrong.push(format!("{node}: {} sees {id} twice", office.name));
                    }
                }
            }
            _ => {}
        }
    }
    wrong
}

/// An expiry says that the unit went nowhere: it may not have arrived, then or later. A node that lost its disk cannot know what it
/// passed on before, and is offered again what was not acknowledged.
fn ended_and_arrived(survey: &Survey) -> Vec<String> {
    let (mut expired, mut arrived) = (BTreeMap::new(), BTreeSet::new());
    for node in survey.nodes.keys() {
        for entry in survey.entries(*node) {
            match &entry.event {
                Event::AcceptanceRejectionExpiry { id, units, .. } if survey.ledger_of(*node).epoch == 0 => {
                    expired.extend(units.iter().map(|unit| ((*id, unit.node, unit.attempt), *node)));
                }
                Event::ContentConsignment { id, attempt, .. }
                | Event::ContentConsignmentFailure { id, attempt, .. } => {
                    arrived.insert((*id, *node, *attempt));
                }
                _ => {}
            }
        }
    }
    let both = expired.iter().filter(|(unit, _)| arrived.contains(unit));
    both.map(|((id, node, attempt), by)| format!("{id} for {node}/{attempt} expired at {by}, and arrived"))
        .collect()
}
