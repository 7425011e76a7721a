//! How a document fares at each destination, told from entries about it alone, and which of them bear that out.

use crate::entry::{Entry, EntryRef, Event};
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use yizhan_document::{Attempt, EnvelopeId, LedgerId, NodeId, WallTime, merkle};

/// An entry with its place. Whether it is believed is for the caller to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedEntry {
    /// Where it stands, and what it hashes to.
    pub at: EntryRef,
    /// What it says.
    pub entry: Entry,
}

impl PlacedEntry {
    /// Reads the bytes of an entry at its place; none if they are no entry of a kind known here.
    pub fn read(ledger: LedgerId, index: u64, bytes: &[u8]) -> Option<Self> {
        let at = EntryRef { ledger, index, leaf: merkle::leaf_hash(bytes) };
        Some(Self { at, entry: Entry::from_bytes(bytes).ok()? })
    }
}

/// How far a document has come at one destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// With the origin: not yet passed on, or to be sent anew.
    Accepted,
    /// In the custody of a node on the way, or of the destination, and in nobody's inbox yet.
    AtNode,
    /// In the inbox of every office it names there.
    Delivered,
    /// 签收 by every office it names there.
    SignedFor,
    /// 拒收 by one of them at least, and returned by none.
    Refused,
    /// 退回 by one of them at least.
    Returned,
    /// It cannot be delivered.
    Failed,
    /// The deadline passed before it was delivered.
    Expired,
    /// 撤回: shown to nobody there.
    Recalled,
}

impl Standing {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Accepted,
        Self::AtNode,
        Self::Delivered,
        Self::SignedFor,
        Self::Refused,
        Self::Returned,
        Self::Failed,
        Self::Expired,
        Self::Recalled,
    ];

    /// The word in a certificate.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::AtNode => "at-node",
            Self::Delivered => "delivered",
            Self::SignedFor => "signed-for",
            Self::Refused => "refused",
            Self::Returned => "returned",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Recalled => "recalled",
        }
    }

    /// Whether it was delivered, whatever its offices did then.
    pub fn is_delivered(self) -> bool {
        matches!(self, Self::Delivered | Self::SignedFor | Self::Refused | Self::Returned)
    }

    /// Whether it was not delivered, and not recalled either.
    pub fn is_missing(self) -> bool {
        !self.is_delivered() && self != Self::Recalled
    }
}

/// One destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DestinationStanding {
    /// The destination node.
    pub node: NodeId,
    /// How far it has come; in JSON the word in a certificate, under `state`.
    #[serde(rename = "state", serialize_with = "as_word")]
    pub standing: Standing,
    /// The node that is known to have it, or to have had it last.
    pub holder: NodeId,
    /// Since when, by that node's clock.
    pub since: WallTime,
}

fn as_word<S: Serializer>(standing: &Standing, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(standing.as_str())
}

/// Tells how a document fares at each destination, ascending, and by which entries: those that are needed for all this to come
/// out of them again. None without its `SubmissionAcceptance`. Entries about other documents, and those that name another header,
/// are passed over.
pub(crate) fn standings(
    document: EnvelopeId,
    entries: &[PlacedEntry],
) -> Option<(Vec<DestinationStanding>, BTreeSet<EntryRef>)> {
    let accepted = entries.iter().find(|placed| {
        let is_it = matches!(&placed.entry.event, Event::SubmissionAcceptance { id, .. } if *id == document);
        is_it && placed.at.ledger == document.ledger()
    })?;
    let Event::SubmissionAcceptance { to, envelope, .. } = &accepted.entry.event else { return None };
    let about = entries.iter().filter(|placed| {
        let event = &placed.entry.event;
        event.envelope_id() == Some(document) && event.header_digest() == Some(*envelope)
    });
    let sorted = Sorted::of(document.origin, about);
    let mut evidence = BTreeSet::from([accepted.at]);
    let mut standings: Vec<DestinationStanding> =
        to.iter().map(|node| sorted.standing(*node, accepted, &mut evidence)).collect();
    standings.sort_by_key(|standing| standing.node);
    Some((standings, evidence))
}

/// Entries about one document, by what they say of whom. Of several of one sort the later ones stand behind.
struct Sorted<'a> {
    origin: NodeId,
    consigned: BTreeMap<NodeId, &'a PlacedEntry>,
    undeliverable: BTreeMap<NodeId, &'a PlacedEntry>,
    recalled: BTreeMap<NodeId, &'a PlacedEntry>,
    acts: BTreeMap<NodeId, Vec<&'a PlacedEntry>>,
    /// By destination: attempt, how many acceptances lie below, the acceptance.
    custody: BTreeMap<NodeId, (Attempt, usize, &'a PlacedEntry)>,
    ends: BTreeMap<NodeId, (Attempt, &'a PlacedEntry)>,
    relays: BTreeMap<EntryRef, &'a PlacedEntry>,
}

impl<'a> Sorted<'a> {
    fn of(origin: NodeId, about: impl Iterator<Item = &'a PlacedEntry>) -> Self {
        let mut all: Vec<&PlacedEntry> = about.collect();
        // So that the outcome hangs on what there is, not on the order in which it came.
        all.sort_by_key(|placed| placed.at);
        let relay = |placed: &&&PlacedEntry| matches!(placed.entry.event, Event::RelayAcceptance { .. });
        let relays: BTreeMap<EntryRef, &PlacedEntry> =
            all.iter().filter(relay).map(|placed| (placed.at, *placed)).collect();
        let mut sorted = Self {
            origin,
            consigned: BTreeMap::new(),
            undeliverable: BTreeMap::new(),
            recalled: BTreeMap::new(),
            acts: BTreeMap::new(),
            custody: BTreeMap::new(),
            ends: BTreeMap::new(),
            relays,
        };
        all.into_iter().for_each(|placed| sorted.take(placed));
        sorted
    }

    fn take(&mut self, placed: &'a PlacedEntry) {
        let node = placed.at.ledger.node;
        match &placed.entry.event {
            Event::ContentConsignment { .. } => {
                self.consigned.entry(node).or_insert(placed);
            }
            Event::ContentConsignmentFailure { .. } => {
                self.undeliverable.insert(node, placed);
            }
            Event::SignedFor(_) | Event::Refused(_) | Event::Returned(_) => {
                self.acts.entry(node).or_default().push(placed);
            }
            Event::Recalled(answer) if answer.to.contains(&node) || node == self.origin => {
                answer.to.iter().filter(|to| **to == node || node == self.origin).for_each(|to| {
                    self.recalled.insert(*to, placed);
                });
            }
            Event::RelayAcceptance { units, .. } => {
                let depth = self.way(placed).count();
                for unit in units {
                    let known = self.custody.entry(unit.node).or_insert((unit.attempt, depth, placed));
                    // Of two that are as far (a detour, and nobody has both), the younger.
                    let rank =
                        |at: Attempt, depth: usize, by: &PlacedEntry| (at, depth, by.entry.time, by.at);
                    if rank(unit.attempt, depth, placed) > rank(known.0, known.1, known.2) {
                        *known = (unit.attempt, depth, placed);
                    }
                }
            }
            Event::RelayFailure { units, .. } | Event::AcceptanceRejectionExpiry { units, .. } => {
                for unit in units {
                    let known = self.ends.entry(unit.node).or_insert((unit.attempt, placed));
                    let later = |end: &PlacedEntry| (end.entry.time, end.at);
                    if (unit.attempt, later(placed)) > (known.0, later(known.1)) {
                        *known = (unit.attempt, placed);
                    }
                }
            }
            _ => {}
        }
    }

    /// An acceptance and those it rests on, as far as they are here.
    fn way(&self, from: &'a PlacedEntry) -> impl Iterator<Item = &'a PlacedEntry> {
        let below = |placed: &&'a PlacedEntry| {
            placed.entry.event.rests_on().and_then(|at| self.relays.get(&at).copied())
        };
        // What rests on something comes after it: nothing honest goes in circles, and what is not honest ends too.
        std::iter::successors(Some(from), below).take(self.relays.len().max(1))
    }

    fn standing(
        &self,
        node: NodeId,
        accepted: &PlacedEntry,
        evidence: &mut BTreeSet<EntryRef>,
    ) -> DestinationStanding {
        let mut told = |standing, holder, by: &PlacedEntry| {
            evidence.insert(by.at);
            DestinationStanding { node, standing, holder, since: by.entry.time }
        };
        if let Some(recalled) = self.recalled.get(&node) {
            return told(Standing::Recalled, recalled.at.ledger.node, recalled);
        }
        if let Some(consigned) = self.consigned.get(&node) {
            let delivered = told(Standing::Delivered, node, consigned);
            return match self.acted(consigned) {
                Some((standing, acts)) => {
                    let since = acts.iter().map(|act| act.entry.time).max().unwrap_or(delivered.since);
                    evidence.extend(acts.iter().map(|act| act.at));
                    DestinationStanding { standing, since, ..delivered }
                }
                None => delivered,
            };
        }
        if let Some(failed) = self.undeliverable.get(&node) {
            return told(Standing::Failed, node, failed);
        }
        let held = self.custody.get(&node);
        let end = self.ends.get(&node).filter(|end| held.is_none_or(|held| end.0 >= held.0));
        if let Some((_, end)) = end {
            let ender = end.at.ledger.node;
            return match &end.entry.event {
                Event::AcceptanceRejectionExpiry { .. } => told(Standing::Expired, ender, end),
                _ if ender == self.origin => told(Standing::Failed, ender, end),
                // Lost on the way: the origin has kept a copy, and sends it anew.
                _ => told(Standing::Accepted, self.origin, end),
            };
        }
        match held {
            Some((_, _, acceptance)) => {
                let told = told(Standing::AtNode, acceptance.at.ledger.node, acceptance);
                evidence.extend(self.way(acceptance).map(|placed| placed.at));
                told
            }
            None => told(Standing::Accepted, self.origin, accepted),
        }
    }

    /// What the offices of a consignment did with it, all of them together, and the acts that count.
    fn acted(&self, consigned: &PlacedEntry) -> Option<(Standing, Vec<&'a PlacedEntry>)> {
        let Event::ContentConsignment { offices, .. } = &consigned.entry.event else { return None };
        let (mut signed, mut refused, mut returned) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for act in self.acts.get(&consigned.at.ledger.node).into_iter().flatten() {
            let (sort, event) = match &act.entry.event {
                Event::SignedFor(event) => (&mut signed, event),
                Event::Refused(event) => (&mut refused, event),
                Event::Returned(event) => (&mut returned, event),
                _ => continue,
            };
            if event.rests_on == consigned.at && offices.contains(&event.office) {
                sort.entry(event.office).or_insert(*act);
            }
        }
        let all = |sort: BTreeMap<_, &'a PlacedEntry>| sort.into_values().collect();
        if !returned.is_empty() {
            Some((Standing::Returned, all(returned)))
        } else if !refused.is_empty() {
            Some((Standing::Refused, all(refused)))
        } else if !signed.is_empty() && offices.iter().all(|office| signed.contains_key(office)) {
            Some((Standing::SignedFor, all(signed)))
        } else {
            None
        }
    }
}
