//! Numbers have no gaps: slip numbers from each origin to each destination, link numbers in each direction.

use crate::survey::Survey;
use std::collections::{BTreeMap, BTreeSet};
use yizhan_document::NodeId;
use yizhan_exchange::{Fact, Source};
use yizhan_ledger::{Event, Target};

/// Numbers that were given to submissions that came to nothing.
#[derive(Debug, Default)]
pub(crate) struct NumbersHaveNoGaps {
    lost: BTreeMap<NodeId, u64>,
}

impl NumbersHaveNoGaps {
    /// A submission at this node broke off, or was lost in a crash, with its numbers. They are given anew; until then they
    /// may be missing.
    pub(crate) fn reservation_lost(&mut self, node: NodeId) {
        *self.lost.entry(node).or_default() += 1;
    }

    /// Looks at what all disks hold.
    pub(crate) fn check(&self, survey: &Survey) -> Vec<String> {
        let nodes = survey.nodes.keys();
        nodes.flat_map(|node| [self.slips(survey, *node), links(survey, *node)].concat()).collect()
    }

    fn slips(&self, survey: &Survey, origin: NodeId) -> Vec<String> {
        let mut used: BTreeMap<NodeId, BTreeSet<u64>> = BTreeMap::new();
        let mut counters = BTreeSet::new();
        let mut wrong = Vec::new();
        for fact in survey.facts(origin) {
            let Fact::Accepted(accepted) = fact else { continue };
            if accepted.source != Source::Office {
                continue;
            }
            if !counters.insert(accepted.id.counter) {
                wrong.push(format!("{origin}: two documents are {}", accepted.id));
            }
            for (unit, number) in accepted.units.iter().zip(&accepted.numbers) {
                if !used.entry(unit.node).or_default().insert(*number) {
                    wrong.push(format!("{origin}: two documents for {} have number {number}", unit.node));
                }
            }
        }
        let lost = self.lost.get(&origin).copied().unwrap_or(0);
        let sets = used.into_iter().map(|(node, used)| (format!("for {node}"), used));
        for (what, used) in sets.chain([("of its documents".to_owned(), counters)]) {
            let gaps = used.last().map_or(0, |last| last + 1 - used.len() as u64);
            if gaps > lost {
                wrong.push(format!(
                    "{origin}: {gaps} numbers {what} are missing; {lost} submissions came to nothing"
                ));
            }
        }
        wrong
    }
}

fn links(survey: &Survey, node: NodeId) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut assigned: BTreeMap<NodeId, BTreeMap<u64, &[Target]>> = BTreeMap::new();
    let mut withdrawn = BTreeSet::new();
    let first = survey.ledger_of(node).first_offer();
    for fact in survey.facts(node) {
        match fact {
            Fact::Assigned { hop, link, units, .. } => {
                let numbers = assigned.entry(*hop).or_default();
                if numbers.insert(*link, units).is_some() || *link + 1 != first + numbers.len() as u64 {
                    wrong.push(format!("{node}: number {link} to {hop} is used twice, or follows a gap"));
                }
            }
            Fact::Withdrawn { hop, link } => {
                withdrawn.insert((*hop, *link));
            }
            _ => {}
        }
    }
    let mut accepted = BTreeSet::new();
    for (hop, entry) in survey.accepted_from(node) {
        let Event::RelayAcceptance { link, units, .. } = &entry.event else { continue };
        if *link < first {
            // Offered from a disk that is lost.
            continue;
        }
        let offered = assigned.get(&hop).and_then(|numbers| numbers.get(link));
        if offered.copied() != Some(units.as_slice()) {
            wrong.push(format!("{hop} accepted offer {link} of {node}, which offered something else"));
        }
        accepted.insert((hop, *link));
    }
    for (hop, numbers) in assigned {
        let settled = |link: &u64| accepted.contains(&(hop, *link)) || withdrawn.contains(&(hop, *link));
        let missing = numbers.keys().find(|link| !settled(link));
        wrong.extend(
            missing.map(|link| format!("{hop} never accepted offer {link} of {node}, nor was it withdrawn")),
        );
    }
    wrong
}
