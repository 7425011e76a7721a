//! The numbers of offers on each link: each given once, none left out.

use crate::evidence::Evidence;
use crate::limits::GAPS_NAMED_MAX;
use crate::problem::{Fault, Problem, Problems};
use std::collections::BTreeMap;
use yizhan_document::{LedgerId, NodeId};

/// An answer's link number, the ledger it stands in, its index, and whether it accepts.
type Answer = (u64, LedgerId, u64, bool);

/// Checks the numbers on every link where the ledgers of both sides are there.
pub(crate) fn check_links(evidence: &Evidence<'_>, problems: &mut Problems) {
    let mut links: BTreeMap<(NodeId, NodeId), Vec<Answer>> = BTreeMap::new();
    for ledger in &evidence.ledgers {
        let id = ledger.copy.id;
        for answer in &ledger.answers {
            let link = links.entry((answer.from, id.node)).or_default();
            link.push((answer.link, id, answer.index, answer.accepted));
        }
    }
    for ((from, to), mut answers) in links {
        answers.sort_unstable();
        check_doubles(from, &answers, problems);
        if evidence.has(from) && !evidence.has_holes(to) {
            check_gaps(evidence, from, to, &answers, problems);
        }
    }
}

/// A number accepted twice in one ledger. (A later epoch may hold again what an earlier one did, and a refusal is
/// repeated as often as the offer is.)
fn check_doubles(from: NodeId, answers: &[Answer], problems: &mut Problems) {
    let accepted = || answers.iter().filter(|(.., accepted)| *accepted);
    for ((link, ledger, index, _), (next, other, again, _)) in accepted().zip(accepted().skip(1)) {
        if link == next && ledger == other {
            let text = format!("offer {link} of {from} was accepted at entry {index} and again here");
            problems.push(Problem::at(Fault::LinkTwice, *ledger, *again, text));
        }
    }
}

fn check_gaps(
    evidence: &Evidence<'_>,
    from: NodeId,
    to: NodeId,
    answers: &[Answer],
    problems: &mut Problems,
) {
    let begins = evidence.ledgers_of(to).any(|ledger| ledger.copy.id.epoch == 0);
    let Some((first, ledger, ..)) = answers.first().copied() else { return };
    // Without the node's first ledger the first numbers lie where nobody looked.
    let mut expected = if begins { 0 } else { first };
    let (mut gaps, mut missing) = (Vec::new(), 0u64);
    for (link, ..) in answers {
        // An offer of a later epoch of the giver: the numbers begin anew there, and where the ones before ended nobody knows.
        if LedgerId::epoch_of_offer(*link) > LedgerId::epoch_of_offer(expected) {
            let epoch = LedgerId::epoch_of_offer(*link);
            expected = LedgerId { node: from, epoch }.first_offer();
        }
        if *link > expected {
            missing = missing.saturating_add(link - expected);
            let last = link - 1;
            gaps.push(if expected == last { last.to_string() } else { format!("{expected} to {last}") });
        }
        expected = expected.max(link.saturating_add(1));
    }
    if gaps.is_empty() {
        return;
    }
    let more = if gaps.len() > GAPS_NAMED_MAX { " …" } else { "" };
    gaps.truncate(GAPS_NAMED_MAX);
    let text = format!(
        "{missing} numbers of offers from {from} to {to} have no answer ({}{more}): still under way, taken back, or hidden",
        gaps.join(", ")
    );
    problems.push(Problem::of(Fault::LinkGap, Some(ledger), text));
}
