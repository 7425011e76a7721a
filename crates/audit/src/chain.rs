//! One chain, followed back from an entry to the proof of origin.

use crate::evidence::Seen;
use crate::limits::HOPS_MAX;
use crate::report::HopLine;
use crate::trail::{Origin, Prior, Trail, takes_custody};
use yizhan_document::{NodeId, WallTime};
use yizhan_ledger::{EntryRef, Event};

/// The steps that lead to an entry.
pub(crate) struct Chain {
    /// From the origin on, as far as could be seen.
    pub(crate) lines: Vec<HopLine>,
    /// What in it cannot be true.
    pub(crate) forged: Option<String>,
    /// Whether it reaches the proof of origin, and everybody in it attests it.
    pub(crate) proven: bool,
}

impl Trail<'_> {
    /// The chain that leads to the entry at `place`, of a unit for `node`.
    pub(crate) fn chain_to(&self, place: usize, node: NodeId) -> Chain {
        let mut chain = Chain { lines: Vec::new(), forged: None, proven: true };
        let mut at = Some(place);
        while let Some((place, step)) = at.and_then(|at| Some((at, self.steps.get(at)?))) {
            if chain.lines.len() >= HOPS_MAX {
                chain.forged = Some("the chain goes through more steps than any path has".to_owned());
                break;
            }
            if let Some(line) = self.line(place) {
                chain.lines.push(line);
            }
            chain.forged = chain.forged.or_else(|| step.forged.clone());
            chain.proven &= step.attested;
            at = match step.prior {
                Prior::Entry(prior) => Some(prior),
                Prior::Absent(reference) => {
                    chain.proven = false;
                    let (line, before) = self.absent_line(&reference, node);
                    chain.lines.push(line);
                    before
                }
                Prior::Nothing => {
                    chain.proven &= self.origin == Origin::At(place);
                    None
                }
                Prior::Broken => None,
            };
        }
        if self.origin == Origin::Never {
            let text = format!("the origin {} never accepted such an envelope", self.id.origin);
            chain.forged.get_or_insert(text);
        }
        chain.proven &= chain.forged.is_none();
        chain.lines.reverse();
        chain
    }

    /// The line for the entry at `place`.
    pub(crate) fn line(&self, place: usize) -> Option<HopLine> {
        let (seen, step) = (self.seen.get(place)?, self.steps.get(place)?);
        let at = self.evidence.reference(seen)?;
        let (from, link) = match &seen.entry.event {
            Event::RelayAcceptance { from, link, .. } => (Some(*from), Some(*link)),
            _ => (None, None),
        };
        Some(HopLine {
            node: at.ledger.node,
            kind: seen.entry.event.kind(),
            ledger: at.ledger,
            index: at.index,
            time: Some(seen.entry.time),
            from,
            link,
            provided: true,
            attested_by_both: step.attested,
            witnessed: self.evidence.is_witnessed(seen.ledger, at.index),
        })
    }

    /// The line for an entry that is not there, and where the chain goes on before it: to the giver who says that this
    /// entry acknowledged its offer.
    fn absent_line(&self, at: &EntryRef, node: NodeId) -> (HopLine, Option<usize>) {
        let giver = self.evidence.passed_to(at.ledger, at.index).find_map(|(claim, link)| {
            let (first, own) = self.in_ledger(claim.by);
            let place = first + own.iter().position(|seen| self.takes(seen, node))?;
            Some((self.evidence.id(claim.by)?.node, link, place))
        });
        let is_origin = at.ledger == self.id.ledger();
        let line = HopLine {
            node: at.ledger.node,
            kind: if is_origin { "SubmissionAcceptance" } else { "RelayAcceptance" },
            ledger: at.ledger,
            index: at.index,
            time: None,
            from: giver.map(|(from, ..)| from),
            link: giver.map(|(_, link, _)| link),
            provided: false,
            attested_by_both: false,
            witnessed: false,
        };
        (line, giver.map(|(.., place)| place))
    }
}

impl Chain {
    /// In whose custody the document was at `moment`, and whether both sides attest where that custody began and ended.
    pub(crate) fn custody_at(&self, moment: WallTime) -> Option<(NodeId, bool)> {
        let custody: Vec<&HopLine> = self.lines.iter().filter(|line| is_custody(line)).collect();
        let began = |line: &&HopLine| line.time.is_some_and(|time| time <= moment);
        // Handed in after the deadline: the time had passed before anybody could keep it.
        let place = custody.iter().rposition(began).unwrap_or(0);
        let holder = custody.get(place)?;
        let sure = |line: &HopLine| line.provided && line.attested_by_both;
        let attested = sure(holder) && custody.get(place + 1).is_none_or(|next| sure(next));
        Some((holder.node, attested))
    }
}

fn is_custody(line: &HopLine) -> bool {
    matches!(line.kind, "SubmissionAcceptance" | "RelayAcceptance")
}

/// Whether an entry of the trail takes custody of a unit for `node`, at which place and in which attempts.
pub(crate) fn custody_of(seen: &Seen, node: NodeId) -> Vec<u16> {
    match &seen.entry.event {
        Event::RelayAcceptance { units, .. } => {
            let first = units.partition_point(|target| target.node < node);
            units
                .iter()
                .skip(first)
                .take_while(|target| target.node == node)
                .map(|target| target.attempt)
                .collect()
        }
        event if takes_custody(event) => vec![0],
        _ => Vec::new(),
    }
}
