//! Nothing twice: an office sees an envelope once, a submission is accepted once, an offer is accepted once, and a unit
//! that ended has not arrived as well.

use crate::book::Book;
use crate::survey::Survey;
use std::collections::{BTreeMap, BTreeSet};
use yizhan_document::{LedgerId, NodeId};
use yizhan_exchange::Fact;
use yizhan_ledger::Event;

/// Looks at what all disks hold. `rerouted` says that there were several versions of the directory.
pub(crate) fn check(survey: &Survey, book: &Book, rerouted: bool) -> Vec<String> {
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
                    // A giver that lost its disk offers anew what it took in its new epoch; what is still held here gets a receipt of its
                    // own, and no second custody (MUST-11), which `custody_once` holds it to.
                    let epoch = LedgerId::epoch_of_offer(*link);
                    if let Some(twice) =
                        accepted.iter().find(|unit| !units.insert((*id, **unit, *from, epoch)))
                    {
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
        wrong.extend(custody_once(survey, *node));
        wrong.extend(inboxes(survey, *node));
    }
    wrong.extend(ended_and_arrived(survey, rerouted));
    wrong
}

/// Whoever offers it, and however often: custody of a unit is taken once.
fn custody_once(survey: &Survey, node: NodeId) -> Vec<String> {
    let mut units = BTreeSet::new();
    let mut wrong = Vec::new();
    for fact in survey.facts(node) {
        let Fact::Accepted(accepted) = fact else { continue };
        if let Some(twice) = accepted.units.iter().find(|unit| !units.insert((accepted.id, **unit))) {
            wrong.push(format!(
                "{node}: custody of {} for {}/{} was taken twice",
                accepted.id, twice.node, twice.attempt
            ));
        }
    }
    wrong
}

fn inboxes(survey: &Survey, node: NodeId) -> Vec<String> {
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

/// An expiry says that the unit went nowhere: it may not have arrived, before or later. Where there were two copies of one attempt the
/// expiry is that of one of them, and no word on the other; what arrived counts, for the auditor, too:
///
/// * A node that lost its disk cannot know what it had. Offered again what was not acknowledged, it takes it for new (decision 0017). So
///   there were two copies of what a node accepted in two of its epochs.
/// * What was offered without an answer goes another way under a new directory (MUST-40). So there were two of what two nodes accepted
///   from one giver, where the directory changed.
fn ended_and_arrived(survey: &Survey, rerouted: bool) -> Vec<String> {
    let (mut expired, mut arrived) = (BTreeSet::new(), BTreeSet::new());
    let (mut by_node, mut by_giver) = (BTreeMap::<_, BTreeSet<_>>::new(), BTreeMap::<_, BTreeSet<_>>::new());
    for (node, held) in survey.all() {
        let ledger = held.ledger.head().ledger;
        for entry in held.entries() {
            match &entry.event {
                Event::AcceptanceRejectionExpiry { id, units, .. } => {
                    expired.extend(units.iter().map(|unit| ((*id, unit.node, unit.attempt), ledger)));
                }
                Event::RelayAcceptance { id, units, from, .. } => {
                    for unit in units.iter().map(|unit| (*id, unit.node, unit.attempt)) {
                        by_node.entry((unit, node)).or_default().insert(ledger);
                        by_giver.entry((unit, *from)).or_default().insert(node);
                    }
                }
                Event::ContentConsignment { id, attempt, .. }
                | Event::ContentConsignmentFailure { id, attempt, .. } => {
                    arrived.insert((*id, node, *attempt));
                }
                _ => {}
            }
        }
    }
    let again = by_node.into_iter().filter(|(_, ledgers)| ledgers.len() > 1).map(|((unit, _), _)| unit);
    let elsewhere = by_giver.into_iter().filter(|(_, nodes)| rerouted && nodes.len() > 1);
    let copied: BTreeSet<_> = again.chain(elsewhere.map(|((unit, _), _)| unit)).collect();
    let both = expired.iter().filter(|(unit, _)| arrived.contains(unit) && !copied.contains(unit));
    both.map(|((id, node, attempt), by)| format!("{id} for {node}/{attempt} expired at {by}, and arrived"))
        .collect()
}
