//! The honest are unharmed: whatever one node or its disk does, what goes from honest to honest over honest roads arrives, once,
//! with its receipts; and nobody keeps a receipt of an honest node that it did not give.

use crate::outside::Outside;
use crate::survey::Survey;
use std::collections::BTreeSet;
use yizhan_document::NodeId;
use yizhan_ledger::{EntryRef, Event};

/// Looks at what the disks of the honest hold.
pub(crate) fn check(survey: &Survey, out: &Outside) -> Vec<String> {
    let mut wrong = Vec::new();
    for origin in survey.nodes.keys() {
        for entry in survey.entries(*origin) {
            let Event::SubmissionAcceptance { id, manifest, .. } = &entry.event else { continue };
            let Some(document) = out.book.by_manifest(*manifest) else { continue };
            for node in document.to.keys().filter(|node| is_honest_road(out, *origin, **node)) {
                let ends = ends_at(survey, *node, |event| event.envelope_id() == Some(*id));
                let elsewhere = survey.nodes.keys().any(|by| ended_before(survey, *by, *id, *node));
                if ends == 0 && !elsewhere {
                    wrong.push(format!("{id} for {node}, over an honest road, neither arrived nor ended"));
                }
                if ends > 1 {
                    wrong.push(format!("{id} came to {ends} ends at {node}"));
                }
            }
        }
        wrong.extend(false_receipts(survey, *origin));
    }
    wrong.extend(lost_words(survey, out));
    wrong
}

/// Whether every node from one to the other is honest.
fn is_honest_road(out: &Outside, from: NodeId, to: NodeId) -> bool {
    let road = out.directory.route(from, to).unwrap_or_default();
    !road.iter().any(|hop| out.distrusted.contains(&hop.node))
}

fn ends_at(survey: &Survey, node: NodeId, of: impl Fn(&Event) -> bool) -> usize {
    let is_end = |event: &Event| {
        matches!(event, Event::ContentConsignment { .. } | Event::ContentConsignmentFailure { .. })
    };
    survey.entries(node).filter(|entry| is_end(&entry.event) && of(&entry.event)).count()
}

/// Whether a node ended an envelope for a destination on the way, with an entry that says why.
fn ended_before(survey: &Survey, by: NodeId, id: yizhan_document::EnvelopeId, to: NodeId) -> bool {
    survey.entries(by).any(|entry| match &entry.event {
        Event::AcceptanceRejectionExpiry { id: of, units, .. }
        | Event::RelayFailure { id: of, units, .. } => *of == id && units.iter().any(|unit| unit.node == to),
        // By the origin before it was offered, or by the destination, to which it need not come any more.
        Event::Recalled(answer) => answer.id == id && answer.to.contains(&to),
        _ => false,
    })
}

/// Receipts kept here in the name of an honest node that does not have them.
fn false_receipts(survey: &Survey, me: NodeId) -> Vec<String> {
    let Some(held) = survey.nodes.get(&me) else { return Vec::new() };
    let kept = held.receipts.iter().flat_map(|bundle| {
        bundle.entries.iter().map(|proven| EntryRef::to(bundle.ledger, proven.index, &proven.entry))
    });
    let honest = kept.filter(|at| survey.nodes.contains_key(&at.ledger.node));
    honest
        .filter(|at| survey.entry(at.ledger, at.index).map(|(_, leaf)| leaf) != Some(at.leaf))
        .map(|at| format!("{me} keeps a receipt {} of {}, which never gave it", at.index, at.ledger))
        .collect()
}

/// Receipts that honest nodes owe honest origins over honest roads, and that never came home; and what clerks were told.
fn lost_words(survey: &Survey, out: &Outside) -> Vec<String> {
    let mut wrong = Vec::new();
    for (origin, held) in &survey.nodes {
        let bundles = held.receipts.iter();
        let kept: BTreeSet<(NodeId, u64)> = bundles
            .flat_map(|bundle| bundle.entries.iter().map(|proven| (bundle.ledger.node, proven.index)))
            .collect();
        for maker in
            survey.nodes.keys().filter(|maker| *maker != origin && is_honest_road(out, **maker, *origin))
        {
            for (index, entry) in (0..).zip(survey.entries(*maker)) {
                let mine = entry.event.envelope_id().is_some_and(|id| id.origin == *origin);
                let owed = matches!(
                    entry.event,
                    Event::ContentConsignment { .. } | Event::ContentHandover(_) | Event::SignedFor(_)
                );
                if mine && owed && !kept.contains(&(*maker, index)) {
                    wrong.push(format!("{origin}: receipt {index} of {maker} has not come home"));
                }
            }
        }
    }
    let accepted: BTreeSet<_> = survey
        .nodes
        .keys()
        .flat_map(|node| survey.entries(*node))
        .filter(|entry| matches!(entry.event, Event::SubmissionAcceptance { .. }))
        .filter_map(|entry| entry.event.envelope_id())
        .collect();
    let told = out.book.told.iter();
    let lost = told.filter(|(_, id)| !out.distrusted.contains(&id.origin) && !accepted.contains(id));
    wrong.extend(
        lost.map(|(document, id)| format!("document {document} was accepted as {id}, and is not there")),
    );
    wrong
}
