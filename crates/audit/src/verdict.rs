//! What became of one document, destination by destination.

use crate::chain::{Chain, custody_of};
use crate::evidence::{Evidence, Seen};
use crate::problem::{Fault, Problem};
use crate::report::{ChainVerdict, DocumentVerdict, Verdict};
use crate::trail::{Findings, Origin, Trail};
use std::collections::{BTreeMap, BTreeSet};
use yizhan_document::{EnvelopeId, LedgerId, NodeId, WallTime};
use yizhan_ledger::Event;

/// Judges one envelope from everything that was seen of it; `at` is the time of the audit, where one is given.
pub(crate) fn judge(
    evidence: &Evidence<'_>,
    id: EnvelopeId,
    seen: &[Seen],
    at: Option<WallTime>,
    findings: &mut Findings,
) -> Option<DocumentVerdict> {
    let trail = Trail::examine(evidence, id, seen, findings);
    let places = Places::of(&trail, findings);
    let submission = match &trail.origin {
        Origin::At(place) => seen.get(*place),
        _ => None,
    };
    let (mut destinations, mut deadline) = (places.nodes(), None);
    if let Some(Event::SubmissionAcceptance { to, deadline: until, .. }) =
        submission.map(|seen| &seen.entry.event)
    {
        destinations.extend(to);
        deadline = Some(*until);
    }
    if destinations.is_empty() {
        return None; // only refused, never accepted anywhere: no custody, no document
    }
    let judged = Judged { trail: &trail, places: &places, deadline, at };
    let destinations = destinations.into_iter().map(|node| judged.destination(node, findings)).collect();
    let submitted = submission.map(|seen| seen.entry.time);
    Some(DocumentVerdict { id, submitted, deadline, destinations })
}

/// The entries of a trail by destination.
#[derive(Default)]
struct Places {
    /// Acceptances of a unit for a destination.
    custody: BTreeMap<NodeId, Vec<usize>>,
    /// Failures and expiries of a unit for a destination.
    ends: BTreeMap<NodeId, Vec<usize>>,
    /// Consignments at a destination.
    consigned: BTreeMap<NodeId, Vec<usize>>,
    /// Failed consignments at a destination.
    refused: BTreeMap<NodeId, Vec<usize>>,
    /// Handovers and acts at a destination.
    acts: BTreeMap<NodeId, Vec<usize>>,
    /// Recalls of a unit for a destination.
    recalled: BTreeMap<NodeId, Vec<usize>>,
}

impl Places {
    fn of(trail: &Trail<'_>, findings: &mut Findings) -> Self {
        let mut places = Self::default();
        for (place, seen) in trail.seen.iter().enumerate() {
            let Some(node) = trail.node(seen) else { continue };
            match &seen.entry.event {
                Event::RelayAcceptance { units, .. } => {
                    units.iter().for_each(|target| add(&mut places.custody, target.node, place));
                }
                Event::RelayFailure { units, .. } | Event::AcceptanceRejectionExpiry { units, .. } => {
                    units.iter().for_each(|target| add(&mut places.ends, target.node, place));
                }
                Event::ContentConsignment { .. } => {
                    add(&mut places.consigned, node, place);
                    places.report_second(trail, node, seen, findings);
                }
                Event::ContentConsignmentFailure { .. } => add(&mut places.refused, node, place),
                Event::Recalled(answer) => {
                    answer.to.iter().for_each(|to| add(&mut places.recalled, *to, place));
                }
                Event::RecallRequested(_) => {}
                event if event.rests_on().is_some() => add(&mut places.acts, node, place),
                _ => {}
            }
        }
        places
    }

    /// An office sees an envelope once, for ever. (A later epoch may hold again what an earlier one did.)
    fn report_second(&self, trail: &Trail<'_>, node: NodeId, seen: &Seen, findings: &mut Findings) {
        let all = self.consigned.get(&node).into_iter().flatten().filter_map(|place| trail.seen.get(*place));
        let mut here = all.filter(|other| other.ledger == seen.ledger);
        if let (Some(first), Some(_), Some(ledger)) =
            (here.next(), here.next(), trail.evidence.id(seen.ledger))
        {
            let text = format!("the envelope was put into the inboxes here before, at entry {}", first.index);
            let problem = Problem::at(Fault::ConsignmentTwice, ledger, seen.index, text);
            findings.problems.push(problem.about(trail.id));
        }
    }

    fn nodes(&self) -> BTreeSet<NodeId> {
        [&self.custody, &self.ends, &self.consigned, &self.refused]
            .into_iter()
            .flat_map(|map| map.keys().copied())
            .collect()
    }
}

fn add(map: &mut BTreeMap<NodeId, Vec<usize>>, node: NodeId, place: usize) {
    let places = map.entry(node).or_default();
    // A unit may stand in one entry in several attempts.
    if places.last() != Some(&place) {
        places.push(place);
    }
}

struct Judged<'a> {
    trail: &'a Trail<'a>,
    places: &'a Places,
    deadline: Option<WallTime>,
    at: Option<WallTime>,
}

impl Judged<'_> {
    fn destination(&self, node: NodeId, findings: &mut Findings) -> ChainVerdict {
        if !self.trail.evidence.has(node) {
            findings.absent.insert(LedgerId { node, epoch: 0 });
        }
        let (verdict, chain) = match (self.recalled(node), self.arrived(node)) {
            (Some(recalled), arrived) => self.recall(node, recalled, arrived, findings),
            (None, Some((place, chain))) => (self.arrival(place, &chain), chain),
            (None, None) => self.not_arrived(node, findings),
        };
        let verdict = match chain.forged.clone() {
            Some(what) => Verdict::Forged { what },
            None if self.trail.origin == Origin::Never => {
                Verdict::Forged { what: "its origin never accepted it".to_owned() }
            }
            None => verdict,
        };
        let arrived = matches!(verdict, Verdict::Complete | Verdict::Late { .. });
        ChainVerdict { node, verdict, proven: arrived && chain.proven, hops: chain.lines }
    }

    /// The first consignment whose chain is not forged, else the first, with what the offices did after it.
    fn arrived(&self, node: NodeId) -> Option<(usize, Chain)> {
        let places = self.places.consigned.get(&node)?;
        let chains = || places.iter().map(|place| (*place, self.trail.chain_to(*place, node)));
        let (place, mut chain) =
            chains().find(|(_, chain)| chain.forged.is_none()).or_else(|| chains().next())?;
        let acts = self.places.acts.get(&node).into_iter().flatten();
        let good = acts.filter(|act| self.trail.steps.get(**act).is_some_and(|step| step.forged.is_none()));
        chain.lines.extend(good.filter_map(|act| self.trail.line(*act)));
        Some((place, chain))
    }

    /// The first recall for a destination that breaks no rule, by the destination or by an origin whose document never left it.
    fn recalled(&self, node: NodeId) -> Option<usize> {
        let good = |place: &&usize| {
            let Some(seen) = self.trail.seen.get(**place) else { return false };
            let kept_back = !self.places.custody.contains_key(&node);
            let may_say = self.trail.node(seen) == Some(node) || kept_back;
            may_say && self.trail.steps.get(**place).is_some_and(|step| step.forged.is_none())
        };
        self.places.recalled.get(&node)?.iter().find(good).copied()
    }

    /// The verdict on what was recalled; its chain is the way the document went all the same.
    fn recall(
        &self,
        node: NodeId,
        place: usize,
        arrived: Option<(usize, Chain)>,
        findings: &mut Findings,
    ) -> (Verdict, Chain) {
        let mut chain = arrived.map_or_else(|| self.not_arrived(node, findings).1, |(_, chain)| chain);
        chain.lines.extend(self.trail.line(place));
        let said =
            self.trail.seen.get(place).and_then(|seen| Some((self.trail.node(seen)?, seen.entry.time)));
        let (by, at) = said.unwrap_or((node, WallTime::EPOCH));
        (Verdict::Recalled { by, at }, chain)
    }

    fn arrival(&self, place: usize, chain: &Chain) -> Verdict {
        let consigned = self.trail.seen.get(place).map(|seen| seen.entry.time);
        let late = self.deadline.zip(consigned).filter(|(deadline, consigned)| consigned > deadline);
        let Some((deadline, consigned)) = late else { return Verdict::Complete };
        let (in_custody_of, attested) = chain.custody_at(deadline).unwrap_or((self.trail.id.origin, false));
        Verdict::Late { deadline, consigned, in_custody_of, attested }
    }

    fn not_arrived(&self, node: NodeId, findings: &mut Findings) -> (Verdict, Chain) {
        let refused = self.places.refused.get(&node).and_then(|places| places.last());
        if let Some((place, seen)) = refused.and_then(|place| Some((*place, self.trail.seen.get(*place)?))) {
            return (ended(node, &seen.entry.event, seen.entry.time), self.trail.chain_to(place, node));
        }
        if let Some(place) = self.last_holder(node) {
            let chain = self.trail.chain_to(place, node);
            return (self.held(place, node, findings), chain);
        }
        let ends = self.places.ends.get(&node).into_iter().flatten();
        let last = ends.filter_map(|place| self.trail.seen.get(*place)).max_by_key(|seen| seen.entry.time);
        if let Some((by, seen)) = last.and_then(|seen| Some((self.trail.node(seen)?, seen))) {
            let held =
                |other: &&usize| self.trail.seen.get(**other).is_some_and(|held| held.ledger == seen.ledger);
            let place = self.places.custody.get(&node).into_iter().flatten().rfind(held).copied();
            let origin = || if let Origin::At(place) = self.trail.origin { Some(place) } else { None };
            let chain = place.or_else(origin).map(|place| self.trail.chain_to(place, node));
            return (ended(by, &seen.entry.event, seen.entry.time), chain.unwrap_or_else(nothing));
        }
        let because = match &self.trail.origin {
            Origin::Unknown(why) => why.clone(),
            _ => "the ledgers given do not show who has it".to_owned(),
        };
        (Verdict::Unknown { last_held_by: None, since: None, because }, nothing())
    }

    /// Where the last custody that neither passed on nor ended was taken: in the highest attempt, then the latest.
    fn last_holder(&self, node: NodeId) -> Option<usize> {
        let trail = self.trail;
        let origin = if let Origin::At(place) = trail.origin { Some(place) } else { None };
        let taken = self.places.custody.get(&node).into_iter().flatten().copied().chain(origin);
        let taken = taken.filter_map(|place| Some((place, trail.seen.get(place)?)));
        let mut holders: Vec<(u16, NodeId, usize, WallTime)> = Vec::new();
        let mut gone: BTreeSet<(u16, NodeId)> = BTreeSet::new();
        for (place, seen) in taken.filter(|(_, seen)| trail.takes(seen, node)) {
            let Some(holder) = trail.node(seen) else { continue };
            for attempt in custody_of(seen, node) {
                holders.push((attempt, holder, place, seen.entry.time));
                if let Event::RelayAcceptance { from, .. } = &seen.entry.event {
                    gone.insert((attempt, *from));
                }
            }
        }
        for seen in
            self.places.ends.get(&node).into_iter().flatten().filter_map(|place| trail.seen.get(*place))
        {
            let Some(by) = trail.node(seen) else { continue };
            let units = seen.entry.event.units(by);
            gone.extend(units.iter().filter(|unit| unit.destination == node).map(|unit| (unit.attempt, by)));
        }
        holders.retain(|(attempt, holder, ..)| !gone.contains(&(*attempt, *holder)));
        holders
            .into_iter()
            .max_by_key(|(attempt, _, _, time)| (*attempt, *time))
            .map(|(_, _, place, _)| place)
    }

    /// The verdict on a unit that somebody still holds, as far as the ledgers given go.
    fn held(&self, place: usize, node: NodeId, findings: &mut Findings) -> Verdict {
        let evidence = self.trail.evidence;
        let held =
            self.trail.seen.get(place).and_then(|seen| Some((self.trail.node(seen)?, seen.entry.time)));
        let Some((holder, since)) = held else {
            return Verdict::Unknown { last_held_by: None, since: None, because: "no entry says".to_owned() };
        };
        let next = evidence.directory.next_hop(holder, node, &|_| true).ok().map(|hop| hop.node);
        let next = next.filter(|_| holder != node);
        let unknown = |because| Verdict::Unknown { last_held_by: Some(holder), since: Some(since), because };
        if let Some(next) = next.filter(|next| !evidence.has(*next)) {
            findings.absent.insert(LedgerId { node: next, epoch: 0 });
            return unknown(format!("it goes on to {next}, whose ledger was not provided"));
        }
        if let Some(damaged) = [Some(holder), next].into_iter().flatten().find(|at| evidence.has_holes(*at)) {
            return unknown(format!("entries in the ledger of {damaged} are damaged"));
        }
        match self.deadline.zip(self.at) {
            Some((deadline, at)) if at <= deadline => Verdict::UnderWay { held_by: holder, since },
            _ => Verdict::Missing { last_held_by: holder, since },
        }
    }
}

/// The verdict that an entry gives which ends custody.
fn ended(by: NodeId, event: &Event, at: WallTime) -> Verdict {
    match event {
        Event::AcceptanceRejectionExpiry { .. } => Verdict::Expired { held_by: by, at },
        Event::RelayFailure { reason, .. } | Event::ContentConsignmentFailure { reason, .. } => {
            Verdict::Failed { at: by, reason: reason.clone() }
        }
        _ => Verdict::Failed { at: by, reason: event.kind().to_owned() },
    }
}

fn nothing() -> Chain {
    Chain { lines: Vec::new(), forged: None, proven: false }
}
