//! All entries about one envelope, each held against the entries it rests on.

use crate::evidence::{Evidence, Seen, holds};
use crate::limits::CLOCK_TOLERANCE_MS;
use crate::problem::{Fault, Problem, Problems};
use std::collections::BTreeSet;
use yizhan_document::{Digest, EnvelopeId, LedgerId, NodeId};
use yizhan_ledger::{EntryRef, Event, Target};
use yizhan_planted::{Bug, on};

/// What an entry rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prior {
    /// Nothing: the proof of origin, or an entry that names none.
    Nothing,
    /// The entry at this place of the trail.
    Entry(usize),
    /// An entry that is not there to be looked at.
    Absent(EntryRef),
    /// Something else than it must.
    Broken,
}

/// What was found about one entry.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) prior: Prior,
    /// What in it cannot be true.
    pub(crate) forged: Option<String>,
    /// Whether all who took part say so; see [`crate::HopLine::attested_by_both`].
    pub(crate) attested: bool,
}

/// The proof of origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It stands at this place of the trail.
    At(usize),
    /// Not to be looked at, and why.
    Unknown(String),
    /// The origin never accepted such an envelope.
    Never,
}

/// One envelope with everything that the ledgers say of it.
pub(crate) struct Trail<'a> {
    pub(crate) evidence: &'a Evidence<'a>,
    pub(crate) id: EnvelopeId,
    pub(crate) seen: &'a [Seen],
    /// One for each entry.
    pub(crate) steps: Vec<Step>,
    pub(crate) origin: Origin,
}

/// Where findings go, and the ledgers that were needed and not there.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) problems: Problems,
    pub(crate) absent: BTreeSet<LedgerId>,
}

impl<'a> Trail<'a> {
    /// Examines every entry of `seen`, which is about the envelope `id`.
    pub(crate) fn examine(
        evidence: &'a Evidence<'a>,
        id: EnvelopeId,
        seen: &'a [Seen],
        findings: &mut Findings,
    ) -> Self {
        let mut trail =
            Self { evidence, id, seen, steps: Vec::with_capacity(seen.len()), origin: Origin::Never };
        trail.origin = trail.find_origin(findings);
        let header = trail.header();
        for (place, entry) in seen.iter().enumerate() {
            let mut step = trail.examine_entry(place, entry, findings);
            let named = entry.entry.event.header_digest();
            if named.is_some() && named != header {
                let text =
                    "it names another header than the proof of origin: another envelope under the same id";
                trail.accuse(&mut step, Fault::OtherHeader, entry, text, findings);
            }
            trail.steps.push(step);
        }
        trail
    }

    /// The node in whose ledger an entry stands.
    pub(crate) fn node(&self, seen: &Seen) -> Option<NodeId> {
        self.evidence.id(seen.ledger).map(|id| id.node)
    }

    /// Whether an entry takes custody of the unit for `node` in some attempt.
    pub(crate) fn takes(&self, seen: &Seen, node: NodeId) -> bool {
        match &seen.entry.event {
            Event::SubmissionAcceptance { to, .. } => to.binary_search(&node).is_ok(),
            Event::RelayAcceptance { units, .. } => {
                let first = units.partition_point(|target| target.node < node);
                units.get(first).is_some_and(|target| target.node == node)
            }
            _ => false,
        }
    }

    /// The entries that stand in one ledger, and the place of the first.
    pub(crate) fn in_ledger(&self, number: usize) -> (usize, &'a [Seen]) {
        let first = self.seen.partition_point(|seen| seen.ledger < number);
        let after = self.seen.partition_point(|seen| seen.ledger <= number);
        (first, self.seen.get(first..after).unwrap_or_default())
    }

    fn find_origin(&self, findings: &mut Findings) -> Origin {
        let ledger = self.id.ledger();
        let number = self.evidence.number(ledger);
        let submissions = self.seen.iter().enumerate();
        let mut submissions =
            submissions.filter(|(_, seen)| matches!(seen.entry.event, Event::SubmissionAcceptance { .. }));
        if let Some((place, _)) = submissions.find(|(_, seen)| Some(seen.ledger) == number) {
            return Origin::At(place);
        }
        let Some(kept) = number.and_then(|number| self.evidence.ledger(number)) else {
            findings.absent.insert(ledger);
            return Origin::Unknown(format!("the ledger {ledger} of the origin was not provided"));
        };
        if !kept.holes.is_empty() {
            return Origin::Unknown(format!("entries of the origin's ledger {ledger} are damaged"));
        }
        // Who refuses what was never submitted does right.
        let believing = self.seen.iter().filter(|seen| seen.entry.event.header_digest().is_some());
        let earliest = believing.min_by_key(|seen| seen.entry.time);
        let Some((earliest, by)) = earliest.and_then(|seen| Some((seen, self.evidence.id(seen.ledger)?)))
        else {
            return Origin::Never;
        };
        if self.evidence.ends_early(kept, earliest.entry.time) != Fault::Cut && self.beyond_the_end(ledger) {
            return Origin::Unknown(format!("the copy of {ledger} ends before the document was submitted"));
        }
        let text = format!("the ledger {ledger} has no such envelope: the origin never accepted it");
        findings.problems.push(Problem::at(Fault::NoSubmission, by, earliest.index, text).about(self.id));
        Origin::Never
    }

    /// Whether some entry rests on one that the copy of this ledger does not reach.
    fn beyond_the_end(&self, ledger: LedgerId) -> bool {
        let size =
            self.evidence.number(ledger).and_then(|number| self.evidence.ledger(number)).map(|l| l.copy.size);
        let rests = self.seen.iter().filter_map(|seen| seen.entry.event.rests_on());
        rests.filter(|at| at.ledger == ledger).any(|at| size.is_some_and(|size| at.index >= size))
    }

    /// The digest of the header that every entry has to name.
    fn header(&self) -> Option<Digest> {
        match self.origin {
            Origin::At(place) => self.seen.get(place).and_then(|seen| seen.entry.event.header_digest()),
            _ => self.seen.iter().find_map(|seen| seen.entry.event.header_digest()),
        }
    }

    fn examine_entry(&self, place: usize, seen: &Seen, findings: &mut Findings) -> Step {
        let mut step = Step { prior: Prior::Nothing, forged: None, attested: true };
        if let Some(rests_on) = seen.entry.event.rests_on() {
            step.prior = self.resolve(seen, &rests_on, &mut step, findings);
        }
        match &seen.entry.event {
            Event::SubmissionAcceptance { .. } if self.origin != Origin::At(place) => {
                let text = "the envelope was submitted a second time, or in another ledger than its id names";
                self.accuse(&mut step, Fault::SubmissionMisplaced, seen, text, findings);
            }
            Event::RelayAcceptance { units, from, link, rests_on, .. } => {
                self.examine_hop(seen, &mut step, (*from, *link), rests_on.ledger.node, findings);
                self.examine_units(seen, &mut step, units, findings);
            }
            Event::ContentConsignment { attempt, .. } | Event::ContentConsignmentFailure { attempt, .. } => {
                self.examine_own(seen, &mut step, *attempt, findings);
            }
            Event::ContentHandover(act)
            | Event::SignedFor(act)
            | Event::Refused(act)
            | Event::Returned(act) => {
                self.examine_act(seen, &mut step, act, findings);
            }
            Event::RelayFailure { units, .. } | Event::AcceptanceRejectionExpiry { units, .. } => {
                self.examine_end(seen, &mut step, units, findings);
            }
            _ => {}
        }
        if let Some(text) = self.wrong_recall(seen, &step) {
            self.accuse(&mut step, Fault::BrokenReference, seen, text, findings);
        }
        if let Some(text) = self.against_recall(seen) {
            self.accuse(&mut step, Fault::RecallBroken, seen, text, findings);
        }
        step
    }

    /// Custody taken from a neighbour: along a link of the directory, and by the neighbour's word too.
    fn examine_hop(
        &self,
        seen: &Seen,
        step: &mut Step,
        (from, link): (NodeId, u64),
        rests_at: NodeId,
        findings: &mut Findings,
    ) {
        let Some(at) = self.evidence.id(seen.ledger) else { return };
        if !self.evidence.are_neighbours(at.node, from) {
            let text = format!(
                "custody was taken from {from}, which is no neighbour of {} in the directory",
                at.node
            );
            self.accuse(step, Fault::NotNeighbours, seen, &text, findings);
        }
        if rests_at != from {
            let text = format!("custody was taken from {from}, but it rests on an entry of {rests_at}");
            self.accuse(step, Fault::BrokenReference, seen, &text, findings);
        }
        let passed = self.evidence.passed_to(at, seen.index);
        let mut said = passed.filter(|(claim, number)| {
            let by = self.evidence.id(claim.by).map(|id| id.node);
            by == Some(from) && *number == link
        });
        let first = said.next();
        step.attested = first.into_iter().chain(said).any(|(claim, _)| claim.borne_out);
        if first.is_some() {
            return; // where its head is not borne out, that was reported
        }
        if !self.evidence.has(from) {
            findings.absent.insert(LedgerId { node: from, epoch: 0 });
        } else if !self.evidence.has_holes(from)
            && matches!(step.prior, Prior::Entry(_))
            && step.forged.is_none()
        {
            let text = format!(
                "{} accepted custody from {from} (offer {link}); the ledger of {from} does not say that it passed it on",
                at.node
            );
            self.report(Fault::CustodyMissing, seen, &text, findings);
        }
    }

    /// Whether custody was taken only of what the giver had.
    fn examine_units(&self, seen: &Seen, step: &mut Step, units: &[Target], findings: &mut Findings) {
        let Prior::Entry(prior) = step.prior else { return };
        let Some(prior) = self.seen.get(prior) else { return };
        if !takes_custody(&prior.entry.event) {
            let text = format!("it rests on a {}, which holds no custody", prior.entry.event.kind());
            self.accuse(step, Fault::BrokenReference, seen, &text, findings);
        } else if let Some(target) = units.iter().find(|target| !gives(&prior.entry.event, target)) {
            let text =
                format!("it takes custody of {}/{}, which the giver never had", target.node, target.attempt);
            self.accuse(step, Fault::NotItsUnits, seen, &text, findings);
        }
    }

    /// A consignment, or its failure, rests on this node's own acceptance of the unit.
    fn examine_own(&self, seen: &Seen, step: &mut Step, attempt: u16, findings: &mut Findings) {
        let Some(node) = self.node(seen) else { return };
        let own = seen.entry.event.rests_on().is_some_and(|at| at.ledger.node == node);
        let target = Target { node, attempt };
        let prior = match step.prior {
            Prior::Entry(place) => {
                self.seen.get(place).is_some_and(|prior| gives(&prior.entry.event, &target))
            }
            _ => true,
        };
        if !own || !prior {
            let text = "it does not rest on this node's own acceptance of that unit";
            self.accuse(step, Fault::BrokenReference, seen, text, findings);
        }
    }

    /// Handover and acts rest on the consignment to that office.
    fn examine_act(
        &self,
        seen: &Seen,
        step: &mut Step,
        act: &yizhan_ledger::OfficeEvent,
        findings: &mut Findings,
    ) {
        let own = self.node(seen) == Some(act.rests_on.ledger.node);
        let fits = match step.prior {
            Prior::Entry(place) => match self.seen.get(place).map(|prior| &prior.entry.event) {
                Some(Event::ContentConsignment { attempt, offices, .. }) => {
                    *attempt == act.attempt && offices.contains(&act.office)
                }
                _ => false,
            },
            _ => true,
        };
        if !own || !fits {
            let text = "it does not rest on a consignment to that office here";
            self.accuse(step, Fault::BrokenReference, seen, text, findings);
        }
    }

    /// Custody ends only where it was.
    fn examine_end(&self, seen: &Seen, step: &mut Step, units: &[Target], findings: &mut Findings) {
        let Some(at) = self.evidence.id(seen.ledger) else { return };
        // Custody taken in an earlier epoch, or in an entry that is damaged, is not seen here.
        if at.epoch > 0 || self.evidence.has_holes(at.node) {
            return;
        }
        let own = self.in_ledger(seen.ledger).1;
        let had = |target: &Target| own.iter().any(|other| gives(&other.entry.event, target));
        if !units.iter().all(had) {
            let text = "it ends custody of units that this node never had";
            self.accuse(step, Fault::EndWithoutCustody, seen, text, findings);
        }
    }

    /// Finds what an entry rests on.
    fn resolve(&self, seen: &Seen, at: &EntryRef, step: &mut Step, findings: &mut Findings) -> Prior {
        let Some((number, ledger)) =
            self.evidence.number(at.ledger).and_then(|number| Some((number, self.evidence.ledger(number)?)))
        else {
            findings.absent.insert(at.ledger);
            return Prior::Absent(*at);
        };
        let Some(leaf) = ledger.copy.leaf(at.index) else {
            let fault = self.evidence.ends_early(ledger, seen.entry.time);
            let text = format!(
                "it rests on entry {} of {}, whose copy ends at {} entries: {}",
                at.index,
                at.ledger,
                ledger.copy.size,
                Evidence::why_short(fault)
            );
            self.report(fault, seen, &text, findings);
            return Prior::Absent(*at);
        };
        if *leaf != at.leaf && !on(Bug::RestsOnUncompared) {
            let text =
                format!("it rests on entry {} of {}, and another entry stands there", at.index, at.ledger);
            self.accuse(step, Fault::BrokenReference, seen, &text, findings);
            return Prior::Broken;
        }
        let place = self.seen.binary_search_by_key(&(number, at.index), |other| (other.ledger, other.index));
        match place.ok().and_then(|place| Some((place, self.seen.get(place)?))) {
            Some((place, prior)) => {
                if seen.entry.time.plus_ms(CLOCK_TOLERANCE_MS) < prior.entry.time {
                    let text = format!(
                        "it is dated {} and rests on an entry dated {}",
                        seen.entry.time, prior.entry.time
                    );
                    self.report(Fault::ClocksDisagree, seen, &text, findings);
                }
                Prior::Entry(place)
            }
            None if ledger.holes.contains(&at.index) => Prior::Absent(*at),
            None => {
                let text = format!(
                    "it rests on entry {} of {}, which is not about this envelope",
                    at.index, at.ledger
                );
                self.accuse(step, Fault::BrokenReference, seen, &text, findings);
                Prior::Broken
            }
        }
    }

    fn accuse(&self, step: &mut Step, fault: Fault, seen: &Seen, text: &str, findings: &mut Findings) {
        self.report(fault, seen, text, findings);
        step.forged.get_or_insert_with(|| text.to_owned());
    }

    fn report(&self, fault: Fault, seen: &Seen, text: &str, findings: &mut Findings) {
        if let Some(ledger) = self.evidence.id(seen.ledger) {
            findings.problems.push(Problem::at(fault, ledger, seen.index, text).about(self.id));
        }
    }
}

/// Whether an entry takes custody.
pub(crate) fn takes_custody(event: &Event) -> bool {
    matches!(event, Event::SubmissionAcceptance { .. } | Event::RelayAcceptance { .. })
}

/// Whether an acceptance holds a unit, so that it can be passed on. The origin opens further attempts for its
/// destinations without an entry of their own.
fn gives(event: &Event, target: &Target) -> bool {
    match event {
        Event::SubmissionAcceptance { to, .. } => to.binary_search(&target.node).is_ok(),
        Event::RelayAcceptance { units, .. } => holds(units, target),
        _ => false,
    }
}
