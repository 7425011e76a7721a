//! Nothing lost: every accepted document lies in its inboxes, or ended with an entry that says why and was right; its
//! origin knows, and holds every receipt.

use crate::book::{Book, Document};
use crate::checks::chains_verify::reaches_submission;
use crate::survey::{Holdings, Survey};
use std::collections::{BTreeMap, BTreeSet};
use yizhan_document::{Digest, EnvelopeId, LedgerId, NodeId, OfficeName, WallTime};
use yizhan_exchange::Fact;
use yizhan_ledger::{EntryRef, Event, Target};

/// How a destination came to its end, by entries.
#[derive(Default)]
struct Ends {
    /// In each of its destination's epochs once.
    consigned: BTreeMap<(EnvelopeId, NodeId), Vec<EntryRef>>,
    undeliverable: BTreeSet<(EnvelopeId, NodeId)>,
    failed: BTreeMap<(EnvelopeId, NodeId), BTreeSet<NodeId>>,
    expired: BTreeMap<(EnvelopeId, NodeId), BTreeSet<NodeId>>,
    shown: BTreeSet<(EnvelopeId, NodeId, OfficeName)>,
    /// Where a document was recalled, by the word of the destination or of the origin.
    recalled: BTreeSet<(EnvelopeId, NodeId)>,
    inboxes: Vec<String>,
}

/// Whose word on deadlines does not count.
pub(crate) struct BadClocks<'a> {
    /// The clocks of these nodes, always.
    pub(crate) nodes: &'a BTreeSet<NodeId>,
    /// Any clock that shows more than this: it was set wrong.
    pub(crate) beyond: WallTime,
}

impl BadClocks<'_> {
    fn tell(&self, node: NodeId, time: WallTime) -> bool {
        self.nodes.contains(&node) || time > self.beyond
    }
}

/// Looks at what all disks hold.
pub(crate) fn check(survey: &Survey, book: &Book, bad_clocks: &BadClocks) -> Vec<String> {
    let mut ends = Ends::of(survey, bad_clocks);
    let mut wrong = std::mem::take(&mut ends.inboxes);
    let mut accepted = BTreeSet::new();
    for origin in survey.nodes.keys() {
        for entry in survey.entries(*origin) {
            let Event::SubmissionAcceptance { id, manifest, envelope, .. } = &entry.event else { continue };
            accepted.insert(*id);
            let Some(document) = book.by_manifest(*manifest) else {
                wrong.push(format!("{origin}: {id} is a document that nobody handed in"));
                continue;
            };
            for (node, offices) in &document.to {
                let fate = ends.fate(survey, document, (*id, *envelope), *node, offices, book);
                wrong.extend(
                    fate.map(|what| format!("{id} (document {}) for {node}: {what}", document.number)),
                );
            }
        }
        wrong.extend(receipts_at_home(survey, *origin));
    }
    // What was only on a disk that is lost is gone with it, and its office knows that it has to hand it in anew.
    let lost = |id: &EnvelopeId| survey.lost.contains_key(&id.ledger());
    let told = book.told.iter().filter(|(_, id)| !accepted.contains(id) && !lost(id));
    wrong.extend(
        told.map(|(document, id)| format!("document {document} was accepted as {id}, and is not there")),
    );
    wrong
}

impl Ends {
    fn of(survey: &Survey, bad_clocks: &BadClocks) -> Self {
        let mut ends = Self::default();
        // What came to an end on a disk that was lost afterwards came to an end all the same.
        for (node, held) in survey.all() {
            ends.entries(held, node, bad_clocks);
            let mut holdings = BTreeMap::new();
            for fact in held.facts() {
                match fact {
                    Fact::Accepted(accepted) => {
                        holdings.insert(accepted.at.index, accepted.id);
                    }
                    Fact::Consigned(consigned) => {
                        let Some(id) = holdings.get(&consigned.holding) else { continue };
                        let offices = consigned.offices.iter();
                        ends.shown.extend(offices.map(|office| (*id, node, office.name.clone())));
                    }
                    _ => {}
                }
            }
        }
        ends
    }

    fn entries(&mut self, held: &Holdings, node: NodeId, bad_clocks: &BadClocks) {
        let mut deadlines: BTreeMap<EnvelopeId, WallTime> = BTreeMap::new();
        for fact in held.facts() {
            if let Fact::Accepted(accepted) = fact {
                deadlines.insert(accepted.id, accepted.deadline);
            }
        }
        for (index, entry) in (0..).zip(held.entries()) {
            let by_unit = |ends: &mut BTreeMap<_, BTreeSet<NodeId>>, id: &EnvelopeId, units: &[Target]| {
                for unit in units {
                    ends.entry((*id, unit.node)).or_default().insert(node);
                }
            };
            match &entry.event {
                Event::ContentConsignment { id, .. } => {
                    self.consigned.entry((*id, node)).or_default().extend(held.reference(index));
                }
                Event::ContentConsignmentFailure { id, .. } => {
                    self.undeliverable.insert((*id, node));
                }
                Event::Recalled(answer) => {
                    self.recalled.extend(answer.to.iter().map(|to| (answer.id, *to)));
                }
                Event::RelayFailure { id, units, .. } => by_unit(&mut self.failed, id, units),
                Event::AcceptanceRejectionExpiry { id, units, .. } => {
                    let passed = deadlines.get(id).is_some_and(|deadline| *deadline < entry.time);
                    if !passed || bad_clocks.tell(node, entry.time) {
                        self.inboxes
                            .push(format!("{node}: {id} expired before its time, or by a wrong clock"));
                    }
                    by_unit(&mut self.expired, id, units);
                }
                _ => {}
            }
        }
    }

    /// What is wrong with how a document fared at one destination.
    fn fate(
        &self,
        survey: &Survey,
        document: &Document,
        (id, header): (EnvelopeId, Digest),
        node: NodeId,
        offices: &[OfficeName],
        book: &Book,
    ) -> Option<String> {
        let unit = (id, node);
        let bad = document.bad_at.contains(&node);
        // An arrival on a disk that was lost before its origin heard of it is none.
        let counts = |at: &&EntryRef| !survey.lost.contains_key(&at.ledger) || knows(survey, id.origin, **at);
        if let Some(at) = self.consigned.get(&unit).and_then(|all| all.iter().find(counts)) {
            if bad {
                return Some("consigned although it cannot be opened there".to_owned());
            }
            let missing = offices.iter().find(|office| !self.shown.contains(&(id, node, (*office).clone())));
            if let Some(office) = missing {
                return Some(format!("consigned, but {office} does not have it"));
            }
            return (!reaches_submission(survey, id, header, *at))
                .then(|| "its chain does not reach the submission".to_owned());
        }
        if self.recalled.contains(&unit) {
            return None;
        }
        if bad && self.undeliverable.contains(&unit) || self.expired.contains_key(&unit) {
            return None;
        }
        match self.failed.get(&unit) {
            // The last copy was damaged by a fault.
            Some(by) if by.contains(&id.origin) && book.damaged_at_origin.contains(&id) => None,
            Some(_) => Some("failed, although its origin has a copy".to_owned()),
            None => Some("neither arrived nor ended".to_owned()),
        }
    }
}

/// Whether an origin has the receipt for an arrival.
fn knows(survey: &Survey, origin: NodeId, at: EntryRef) -> bool {
    let bundles = survey.nodes.get(&origin).into_iter().flat_map(|held| &held.receipts);
    bundles
        .filter(|bundle| bundle.ledger == at.ledger)
        .any(|bundle| bundle.entries.iter().any(|proven| proven.index == at.index))
}

/// Every receipt that is owed to an origin has come home.
fn receipts_at_home(survey: &Survey, origin: NodeId) -> Vec<String> {
    let Some(held) = survey.nodes.get(&origin) else { return Vec::new() };
    let bundles = held.receipts.iter();
    let kept: BTreeSet<(LedgerId, u64)> = bundles
        .flat_map(|bundle| bundle.entries.iter().map(|proven| (bundle.ledger, proven.index)))
        .collect();
    let now = survey.ledger_of(origin);
    let mut missing = Vec::new();
    for (maker, index, entry) in survey.of_origin(origin).filter(|(maker, ..)| *maker != origin) {
        let owed = match &entry.event {
            // Given to the origin itself as an answer to its offer.
            Event::RelayAcceptance { from, .. } => *from != origin,
            Event::RelayRejection { .. } => false,
            _ => true,
        };
        // What came home before the disk was lost went with it.
        let before = entry.event.envelope_id().is_some_and(|id| id.ledger() < now);
        if owed && !before && !kept.contains(&(survey.ledger_of(maker), index)) {
            missing.push(format!("{origin}: receipt {index} of {maker} has not come home"));
        }
    }
    missing
}
