//! Chains verify: every receipt rests on one that exists and covers it, down to the submission; both sides of a hop attest
//! it; every receipt kept at an origin stands in the ledger of its maker.

use crate::survey::Survey;
use std::collections::BTreeSet;
use yizhan_document::{Digest, EnvelopeId, LedgerId, NodeId};
use yizhan_exchange::Fact;
use yizhan_ledger::{Entry, EntryRef, Event, Head, Passed, Target};

/// Looks at what all disks hold.
pub(crate) fn check(survey: &Survey) -> Vec<String> {
    let mut wrong = Vec::new();
    for (node, held) in survey.all() {
        for (index, entry) in held.entries().iter().enumerate() {
            if let Err(reason) = rests(survey, node, entry) {
                wrong.push(format!("{node}: entry {index}, {}: {reason}", entry.event.kind()));
            }
            match &entry.event {
                Event::CustodyPassed { to, size, root, passed } => {
                    let head = Head { ledger: *to, size: *size, root: *root };
                    wrong.extend(passed_on(survey, node, head, passed));
                }
                Event::EpochOpened { ledger, previous, .. } => {
                    wrong.extend(begun(survey, held.ledger.head().ledger, *ledger, previous));
                }
                _ => {}
            }
        }
    }
    for node in survey.nodes.keys() {
        wrong.extend(hops_attested_once(survey, *node));
        wrong.extend(kept_receipts(survey, *node));
    }
    wrong
}

/// Whether what an entry rests on exists and covers it.
fn rests(survey: &Survey, me: NodeId, entry: &Entry) -> Result<(), String> {
    let Some(at) = entry.event.rests_on() else { return Ok(()) };
    let (below, leaf) = survey.entry(at.ledger, at.index).ok_or("rests on an entry that does not exist")?;
    if leaf != at.leaf {
        return Err("rests on an entry that says something else".to_owned());
    }
    if below.event.envelope_id() != entry.event.envelope_id()
        || below.event.header_digest() != entry.event.header_digest()
    {
        return Err("rests on an entry about another envelope".to_owned());
    }
    let covered = match (&entry.event, &below.event) {
        (Event::RelayAcceptance { units, from, .. }, _) => {
            at.ledger.node == *from && units.iter().all(|unit| accepts(&below.event, *unit))
        }
        (
            Event::ContentConsignment { attempt, .. } | Event::ContentConsignmentFailure { attempt, .. },
            Event::RelayAcceptance { .. } | Event::SubmissionAcceptance { .. },
        ) => at.ledger.node == me && accepts(&below.event, Target { node: me, attempt: *attempt }),
        (
            Event::ContentHandover(event)
            | Event::SignedFor(event)
            | Event::Refused(event)
            | Event::Returned(event),
            Event::ContentConsignment { attempt, offices, .. },
        ) => at.ledger.node == me && event.attempt == *attempt && offices.contains(&event.office),
        (Event::RecallRequested(request), Event::SubmissionAcceptance { .. }) => {
            at.ledger.node == me && request.id.ledger() == at.ledger
        }
        (Event::Recalled(answer), Event::RecallRequested(_)) => {
            answer.id.origin == at.ledger.node && (answer.to == [me] || me == at.ledger.node)
        }
        (Event::RecallDenied(answer), Event::RecallRequested(_)) => {
            answer.id.origin == at.ledger.node && answer.to == [me]
        }
        _ => false,
    };
    if covered { Ok(()) } else { Err(format!("does not follow from the {} it rests on", below.event.kind())) }
}

/// Whether an acceptance covers a unit. An origin may open further attempts for what it accepted.
fn accepts(event: &Event, unit: Target) -> bool {
    match event {
        Event::RelayAcceptance { units, .. } => units.contains(&unit),
        Event::SubmissionAcceptance { to, .. } => to.contains(&unit.node),
        _ => false,
    }
}

/// Whether a ledger says of itself which one it is, and names only heads that the one before it had.
fn begun(survey: &Survey, of: LedgerId, says: LedgerId, previous: &[Head]) -> Vec<String> {
    let mut wrong = Vec::new();
    if of != says {
        wrong.push(format!("{of} begins as {says}"));
    }
    for head in previous {
        if survey.held(head.ledger).and_then(|held| held.ledger.root_at(head.size)) != Some(head.root) {
            wrong.push(format!("{of} names a head of {} that it never had, size {}", head.ledger, head.size));
        }
    }
    wrong
}

/// Whether the neighbour had that head, and accepted what an entry says it accepted.
fn passed_on(survey: &Survey, me: NodeId, head: Head, passed: &[Passed]) -> Vec<String> {
    let mut wrong = Vec::new();
    let to = head.ledger.node;
    if survey.held(head.ledger).and_then(|held| held.ledger.root_at(head.size)) != Some(head.root) {
        wrong.push(format!("{me}: passed custody under a head that {to} never had, size {}", head.size));
    }
    for Passed { link, index } in passed {
        let accepted = survey.entry(head.ledger, *index).filter(|_| *index < head.size);
        let fits = accepted.is_some_and(|(entry, _)| match &entry.event {
            Event::RelayAcceptance { from, link: number, .. } => *from == me && number == link,
            _ => false,
        });
        if !fits {
            wrong.push(format!(
                "{me}: passed offer {link} to {to} by entry {index}, which does not accept it"
            ));
        }
    }
    wrong
}

/// Each hop is attested by both sides: what a neighbour accepted was passed, once, or withdrawn before that was known. What was
/// offered from a disk that is lost is attested by one side only.
fn hops_attested_once(survey: &Survey, me: NodeId) -> Vec<String> {
    let mut passed = BTreeSet::new();
    let mut wrong = Vec::new();
    for entry in survey.entries(me) {
        let Event::CustodyPassed { to, passed: batch, .. } = &entry.event else { continue };
        for Passed { link, .. } in batch {
            if !passed.insert((to.node, *link)) {
                wrong.push(format!("{me}: passed offer {link} to {} twice", to.node));
            }
        }
    }
    let withdrawn: BTreeSet<(NodeId, u64)> = survey
        .facts(me)
        .filter_map(|fact| match fact {
            Fact::Withdrawn { hop, link } => Some((*hop, *link)),
            _ => None,
        })
        .collect();
    let epoch = survey.ledger_of(me).epoch;
    for (hop, entry) in survey.accepted_from(me) {
        let Event::RelayAcceptance { link, .. } = &entry.event else { continue };
        if LedgerId::epoch_of_offer(*link) < epoch {
            continue;
        }
        let key = (hop, *link);
        if !passed.contains(&key) && !withdrawn.contains(&key) {
            wrong.push(format!("{hop} accepted offer {link} of {me}, and {me} does not say so"));
        }
    }
    wrong
}

/// Every receipt kept here stands in the ledger of its maker.
fn kept_receipts(survey: &Survey, me: NodeId) -> Vec<String> {
    let Some(held) = survey.nodes.get(&me) else { return Vec::new() };
    let kept = held.receipts.iter().flat_map(|bundle| {
        bundle.entries.iter().map(|proven| EntryRef::to(bundle.ledger, proven.index, &proven.entry))
    });
    kept.filter(|at| survey.entry(at.ledger, at.index).map(|(_, leaf)| leaf) != Some(at.leaf))
        .map(|at| format!("{me}: keeps a receipt {} of {} that its maker does not have", at.index, at.ledger))
        .collect()
}

/// The chain of an entry down to the submission, as an auditor walks it; none if it breaks off.
pub(crate) fn reaches_submission(survey: &Survey, id: EnvelopeId, header: Digest, from: EntryRef) -> bool {
    let mut at = from;
    // A chain has no more links than there are nodes, twice, and its two ends.
    for _ in 0..survey.nodes.len() * 2 + 2 {
        let Some((entry, _)) = survey.entry(at.ledger, at.index) else { return false };
        if entry.event.envelope_id() != Some(id) || entry.event.header_digest() != Some(header) {
            return false;
        }
        match entry.event.rests_on() {
            Some(below) => at = below,
            None => return matches!(entry.event, Event::SubmissionAcceptance { .. }),
        }
    }
    false
}
