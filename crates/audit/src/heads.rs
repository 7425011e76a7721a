//! What ledgers state of each other, held against the ledgers meant: heads, and custody passed on.

use crate::evidence::{Evidence, HeadClaim, Ledger};
use crate::problem::{Fault, Problem, Problems};
use std::collections::BTreeMap;
use yizhan_document::{Digest, LedgerId, NodeId, merkle};
use yizhan_planted::{Bug, on};

/// Checks every head that an entry states, and marks those that are borne out. A borne-out head that another node states
/// is a witness to everything under it.
pub(crate) fn check_heads(evidence: &mut Evidence<'_>, problems: &mut Problems) {
    let mut by_ledger: BTreeMap<LedgerId, Vec<usize>> = BTreeMap::new();
    for (number, claim) in evidence.claims.iter().enumerate() {
        by_ledger.entry(claim.of).or_default().push(number);
    }
    for (ledger, mut claims) in by_ledger {
        claims.sort_by_key(|number| evidence.claims.get(*number).map(|claim| claim.size));
        let Some(number) = evidence.number(ledger) else { continue };
        let sizes = claims.iter().filter_map(|number| evidence.claims.get(*number)).map(|claim| claim.size);
        let roots =
            evidence.ledger(number).map(|ledger| roots_at(&ledger.copy.leaves, sizes)).unwrap_or_default();
        for claim in claims {
            let Some(stated) = evidence.claims.get(claim).copied() else { continue };
            let outcome = weigh(evidence, number, &stated, roots.get(&stated.size).copied(), problems);
            if !outcome {
                continue;
            }
            if let Some(claim) = evidence.claims.get_mut(claim) {
                claim.borne_out = true;
            }
            let by = evidence.id(stated.by).map(|id| id.node);
            if let Some(meant) = evidence.ledgers.get_mut(number).filter(|_| by != Some(ledger.node)) {
                meant.witnessed_to = meant.witnessed_to.max(stated.size);
            }
        }
    }
}

/// Checks that every entry which is said to acknowledge an offer does so.
pub(crate) fn check_passed(evidence: &Evidence<'_>, problems: &mut Problems) {
    for (to, passed) in &evidence.passed {
        let ledger = evidence.number(*to).and_then(|number| evidence.ledger(number));
        for passed in passed {
            let Some(claim) = evidence.claims.get(passed.claim) else { continue };
            let Some(by) = evidence.id(claim.by) else { continue };
            if let Some(text) = false_claim(evidence, by.node, *to, ledger, claim, passed.index, passed.link)
            {
                problems.push(Problem::at(Fault::CustodyClaimFalse, by, claim.index, text));
            }
        }
    }
}

fn false_claim(
    evidence: &Evidence<'_>,
    by: NodeId,
    to: LedgerId,
    ledger: Option<&Ledger>,
    claim: &HeadClaim,
    index: u64,
    link: u64,
) -> Option<String> {
    if !evidence.are_neighbours(by, to.node) {
        return Some(format!("it says that {} took custody, which is no neighbour of it", to.node));
    }
    if index >= claim.size {
        return Some(format!("it names entry {index} of {to} under a head of only {} entries", claim.size));
    }
    let ledger = ledger?;
    if index >= ledger.copy.size || ledger.holes.contains(&index) {
        return None; // not there to be looked at: the head, or the hole, is reported
    }
    let at = ledger.answers.binary_search_by_key(&index, |answer| answer.index).ok();
    match at.and_then(|at| ledger.answers.get(at)).filter(|answer| answer.accepted) {
        Some(answer) if answer.from == by && answer.link == link => None,
        Some(answer) => Some(format!(
            "it says that entry {index} of {to} acknowledges its offer {link}; that entry acknowledges offer {} of {}",
            answer.link, answer.from
        )),
        None => Some(format!(
            "it says that entry {index} of {to} acknowledges its offer {link}; it acknowledges none"
        )),
    }
}

/// Whether a stated head is borne out; says so if it is not.
fn weigh(
    evidence: &Evidence<'_>,
    number: usize,
    stated: &HeadClaim,
    found: Option<Digest>,
    problems: &mut Problems,
) -> bool {
    let (Some(ledger), Some(by)) = (evidence.ledger(number), evidence.id(stated.by)) else { return false };
    let (of, size) = (stated.of, stated.size);
    match found {
        Some(root) if root == stated.root || on(Bug::ForkIgnored) => true,
        Some(_) => {
            let text = format!(
                "{by} saw another ledger {of} than this copy: at {size} entries it had the root {}. Either {} keeps two \
                 histories, or {} entered a head it never saw",
                stated.root, of.node, by.node
            );
            problems.push(Problem::at(Fault::Fork, by, stated.index, text));
            false
        }
        None => {
            let fault = evidence.ends_early(ledger, stated.time);
            let text = format!(
                "this copy ends at {} entries, but {by} saw {size} at {}: {}",
                ledger.copy.size,
                stated.time,
                Evidence::why_short(fault)
            );
            problems.push(Problem::of(fault, Some(of), text));
            false
        }
    }
}

/// The roots at the given ascending sizes, as far as the leaves go.
pub(crate) fn roots_at(leaves: &[Digest], sizes: impl Iterator<Item = u64>) -> BTreeMap<u64, Digest> {
    let mut edge = merkle::RightEdge::new();
    let mut roots = BTreeMap::new();
    let mut leaves = leaves.iter();
    for size in sizes {
        while edge.size() < size {
            let Some(leaf) = leaves.next() else { return roots };
            edge.push(*leaf);
        }
        roots.entry(size).or_insert_with(|| edge.root());
    }
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_along_the_way_are_those_of_the_trees_of_that_size() {
        let leaves: Vec<Digest> = (0u8..9).map(|n| merkle::leaf_hash(&[n])).collect();
        let roots = roots_at(&leaves, [0, 1, 5, 5, 9, 12].into_iter());
        for size in [0usize, 1, 5, 9] {
            assert_eq!(roots[&(size as u64)], merkle::root(&leaves[..size]), "{size}");
        }
        assert_eq!(roots.len(), 4, "a size beyond the leaves has no root");
    }
}
