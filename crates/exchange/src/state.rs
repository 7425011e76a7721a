//! The state of a node, made from facts and nothing else, and what is known only since the last start.

use crate::custodians::Custodians;
use crate::epoch::EpochStatement;
use crate::event::Office;
use crate::evidence::Counts;
use crate::fact::{Acceptance, Consigned, Entered, Fact};
use crate::inboxes::Inboxes;
use crate::links::{Link, Outbound};
use crate::quota::Loads;
use crate::recall_facts::Recalls;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use yizhan_document::{Act, Attempt, Digest, EnvelopeId, IntervalSet, LedgerId, NodeId, Unit};
use yizhan_ledger::{EntryRef, Head, Target};

/// Custody that this node accepted and has not wholly ended.
#[derive(Clone, Debug)]
pub struct Holding {
    /// The acceptance by which it began.
    pub acceptance: Acceptance,
    /// The units that are still in this node's custody.
    pub open: BTreeSet<Target>,
    /// Whether the content lies in an inbox here, which keeps it.
    pub consigned: bool,
}

/// A document in the inbox of an office.
#[derive(Clone, Debug)]
pub struct InboxEntry {
    /// Where the content is.
    pub holding: u64,
    /// Digest of the header.
    pub header: Digest,
    /// The attempt that brought it.
    pub attempt: Attempt,
    /// The `ContentConsignment`.
    pub consignment: EntryRef,
    /// What receipts call the office.
    pub commitment: Digest,
    /// The `ContentHandover`, once taken over.
    pub handed: Option<u64>,
    /// What the office did, in order, with the entries.
    pub acts: Vec<(Act, u64)>,
}

/// Everything a node knows that must survive a stop.
#[derive(Clone, Debug)]
pub struct State {
    pub(crate) me: NodeId,
    pub(crate) ledger: LedgerId,
    pub(crate) next_index: u64,
    pub(crate) counters: IntervalSet,
    pub(crate) numbers: BTreeMap<NodeId, IntervalSet>,
    pub(crate) holdings: BTreeMap<u64, Holding>,
    pub(crate) units: BTreeMap<Unit, u64>,
    pub(crate) offers: BTreeMap<(NodeId, u64), u64>,
    pub(crate) seen: BTreeMap<LedgerId, IntervalSet>,
    pub(crate) consigned: BTreeMap<LedgerId, IntervalSet>,
    pub(crate) outgoing: BTreeMap<EnvelopeId, Outgoing>,
    pub(crate) links: BTreeMap<NodeId, Link>,
    /// What each neighbour handed over and is still held; and by destination, where it is not this node.
    pub(crate) custody: Loads<NodeId>,
    pub(crate) custody_for: Loads<(NodeId, NodeId)>,
    pub(crate) inboxes: Inboxes,
    pub(crate) owed: BTreeMap<(NodeId, u64), Owed>,
    pub(crate) due: BTreeSet<(u64, NodeId, u64)>,
    /// Entries that are owed and were not durable yet when they were entered, ascending: due once they are.
    pub(crate) owed_soon: VecDeque<(u64, NodeId)>,
    pub(crate) heard: BTreeMap<LedgerId, IntervalSet>,
    pub(crate) renewed: BTreeMap<LedgerId, IntervalSet>,
    /// What follows from `numbers` and `heard`.
    pub(crate) counts: Counts,
    pub(crate) witnessed: BTreeMap<LedgerId, Head>,
    /// The newest epoch of each node that began one.
    pub(crate) epochs: BTreeMap<NodeId, EpochStatement>,
    pub(crate) recalls: Recalls,
    /// Holdings whose content nobody needs any more; drained by the node.
    pub(crate) released: Vec<Released>,
}

/// An envelope of this origin whose destinations have not all come to an end.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) holding: u64,
    pub(crate) header: Digest,
    /// Destination -> attempt under way.
    pub(crate) targets: BTreeMap<NodeId, Attempt>,
    /// Destination -> attempt that failed and is to be followed by another.
    pub(crate) failed: BTreeMap<NodeId, Attempt>,
    /// Who had custody of what of it, once anything was heard of that.
    pub(crate) custodians: Option<Box<Custodians>>,
}

/// A holding whose content it needs no more; and the envelope with the digest of its header, unless the body was inline.
pub(crate) type Released = (u64, Option<(EnvelopeId, Digest)>);

/// An entry that is owed to an origin.
#[derive(Clone, Debug)]
pub(crate) struct Owed {
    pub(crate) due: u64,
    pub(crate) tries: u32,
}

impl State {
    /// The state of a node that has done nothing yet.
    pub fn new(ledger: LedgerId) -> Self {
        Self {
            me: ledger.node,
            ledger,
            next_index: 0,
            counters: IntervalSet::new(),
            numbers: BTreeMap::new(),
            holdings: BTreeMap::new(),
            units: BTreeMap::new(),
            offers: BTreeMap::new(),
            seen: BTreeMap::new(),
            consigned: BTreeMap::new(),
            outgoing: BTreeMap::new(),
            links: BTreeMap::new(),
            custody: Loads::default(),
            custody_for: Loads::default(),
            inboxes: Inboxes::default(),
            owed: BTreeMap::new(),
            due: BTreeSet::new(),
            owed_soon: VecDeque::new(),
            heard: BTreeMap::new(),
            renewed: BTreeMap::new(),
            counts: Counts::default(),
            witnessed: BTreeMap::new(),
            epochs: BTreeMap::new(),
            recalls: Recalls::default(),
            released: Vec::new(),
        }
    }

    /// The ledger it keeps.
    pub fn ledger(&self) -> LedgerId {
        self.ledger
    }

    /// How many entries it has decided, durable or not.
    pub fn ledger_size(&self) -> u64 {
        self.next_index
    }

    /// The custody that has not wholly ended, by holding.
    pub fn holdings(&self) -> &BTreeMap<u64, Holding> {
        &self.holdings
    }

    /// The documents in inboxes.
    pub fn inboxes(&self) -> &Inboxes {
        &self.inboxes
    }

    /// The last checkpoint of a neighbour's ledger that this node cosigned.
    pub fn witnessed(&self, ledger: LedgerId) -> Option<Head> {
        self.witnessed.get(&ledger).copied()
    }

    /// What is known of recalls.
    pub fn recalls(&self) -> &Recalls {
        &self.recalls
    }

    /// Whether the content of an envelope is needed here: for a unit in custody, for an origin that waits for an end, or for an
    /// inbox.
    pub fn needs_content(&self, id: EnvelopeId) -> bool {
        // No name of a node stands before this one.
        let first = "0".parse().map(|destination| Unit { envelope: id, destination, attempt: 0 });
        let in_custody = first
            .is_ok_and(|first| self.units.range(first..).next().is_some_and(|(unit, _)| unit.envelope == id));
        in_custody || self.outgoing.contains_key(&id) || self.inboxes.of(id).next().is_some()
    }

    /// How many entries are owed to origins.
    pub fn owed(&self) -> usize {
        self.owed.len()
    }

    /// How many envelopes of this origin have not come to an end everywhere.
    pub fn outgoing(&self) -> usize {
        self.outgoing.len()
    }

    /// For each neighbour: whether it is up, how many offers wait and how many are under way.
    pub fn links(&self) -> impl Iterator<Item = (NodeId, bool, usize, usize)> + '_ {
        self.links.iter().map(|(node, link)| {
            (*node, link.up, link.waiting.len() + link.refused.len(), link.in_flight.len())
        })
    }

    /// Takes a fact in; the only way in which this state changes. `ticket` is that of the fact's batch, 0 in recovery.
    pub(crate) fn apply(&mut self, fact: &Fact, ticket: u64) {
        match fact {
            Fact::Entered(entered) => self.entered(entered, ticket),
            Fact::Accepted(acceptance) => self.accepted(acceptance.as_ref()),
            Fact::Assigned { holding, hop, link, units } => {
                self.assigned(*holding, *hop, *link, units, ticket)
            }
            Fact::Passed { hop, link } => {
                if let Some(out) = self.take_outbound(*hop, *link) {
                    if let Some(id) = self.holdings.get(&out.holding).map(|held| held.acceptance.id) {
                        self.custodian(id, *hop, &out.units);
                    }
                    self.discharge(out.holding, &out.units);
                }
            }
            Fact::Withdrawn { hop, link } => {
                let _withdrawn = self.take_outbound(*hop, *link);
            }
            Fact::Discharged { holding, units } => self.discharge(*holding, units),
            Fact::Consigned(consigned) => self.consigned(consigned),
            Fact::Ended { id, node, .. } => self.ended(*id, *node),
            Fact::Attempted { id, node, attempt } => self.attempted(*id, *node, *attempt),
            Fact::Heard { ledger, indexes } => self.hear(*ledger, indexes),
            Fact::Renewed { ledger, indexes } => {
                insert_all(self.renewed.entry(*ledger).or_default(), indexes)
            }
            Fact::Kept { origin, indexes } => {
                indexes.iter().for_each(|index| self.forget_owed(*origin, *index))
            }
            Fact::Owed { origin, indexes } => indexes.iter().for_each(|index| self.owe(*origin, *index)),
            Fact::Witnessed(head) => {
                self.witnessed.insert(head.ledger, *head);
            }
            Fact::AttemptFailed { id, node, attempt } => {
                if let Some(outgoing) = self.outgoing.get_mut(id) {
                    outgoing.failed.insert(*node, *attempt);
                }
            }
            Fact::Handed { office, id, index } => {
                self.inboxes.handed(office, *id, *index);
            }
            Fact::Acted { office, id, act, index } => {
                self.inboxes.acted(office, *id, *act, *index);
            }
            Fact::Recall(recall) => self.recall(recall),
            Fact::Condensed(part) => self.apply_part(part),
            Fact::EpochOpened(opened) => self.epoch_opened(opened),
            Fact::Custodian { id, node, units } => self.custodian(*id, *node, units),
            Fact::Claimed { id, node, units, expired } => self.claimed(*id, *node, units, *expired),
        }
    }

    fn entered(&mut self, entered: &Entered, ticket: u64) {
        self.next_index = self.next_index.max(entered.index + 1);
        match entered.home {
            // Recovered, hence durable.
            Some(origin) if ticket == 0 => self.owe(origin, entered.index),
            Some(origin) => {
                self.owed.insert((origin, entered.index), Owed { due: 0, tries: 0 });
                self.owed_soon.push_back((entered.index, origin));
            }
            None => {}
        }
    }

    pub(crate) fn owe(&mut self, origin: NodeId, index: u64) {
        self.forget_owed(origin, index);
        self.owed.insert((origin, index), Owed { due: 0, tries: 0 });
        self.due.insert((0, origin, index));
    }

    fn forget_owed(&mut self, origin: NodeId, index: u64) {
        if let Some(owed) = self.owed.remove(&(origin, index)) {
            self.due.remove(&(owed.due, origin, index));
        }
    }

    pub(crate) fn assigned(&mut self, holding: u64, hop: NodeId, link: u64, units: &[Target], ticket: u64) {
        let Some(held) = self.holdings.get(&holding) else { return };
        let to = self.links.entry(hop).or_default();
        to.next = to.next.max(link + 1);
        let out = Outbound {
            holding,
            units: units.to_vec(),
            urgency: held.acceptance.urgency,
            deadline: held.acceptance.deadline,
            bytes: if held.acceptance.inline { held.acceptance.size } else { 0 },
            ticket,
            sent_at: 0,
            not_before: 0,
            rejections: 0,
            perhaps_offered: ticket == 0,
        };
        to.outbound.insert(link, out);
        to.wait(link);
    }

    fn take_outbound(&mut self, hop: NodeId, link: u64) -> Option<Outbound> {
        self.links.get_mut(&hop)?.take(link)
    }

    fn consigned(&mut self, consigned: &Consigned) {
        let Some(held) = self.holdings.get_mut(&consigned.holding) else { return };
        let (id, header) = (held.acceptance.id, held.acceptance.header);
        if consigned.at.is_some() {
            // A failure is an end as much as a consignment: another attempt comes to no second one.
            self.consigned.entry(id.ledger()).or_default().insert(id.counter);
        }
        if let (Some(at), false) = (consigned.at, consigned.offices.is_empty()) {
            held.consigned = true;
            for Office { name, commitment } in &consigned.offices {
                let entry = InboxEntry {
                    holding: consigned.holding,
                    header,
                    attempt: consigned.attempt,
                    consignment: at,
                    commitment: *commitment,
                    handed: None,
                    acts: Vec::new(),
                };
                self.inboxes.insert(name.clone(), id, entry);
            }
        }
        self.discharge(consigned.holding, &[Target { node: self.me, attempt: consigned.attempt }]);
    }

    fn ended(&mut self, id: EnvelopeId, node: NodeId) {
        let Some(outgoing) = self.outgoing.get_mut(&id) else { return };
        let holding = outgoing.holding;
        outgoing.targets.remove(&node);
        outgoing.failed.remove(&node);
        outgoing.forget_custodians(node);
        if outgoing.targets.is_empty() {
            self.outgoing.remove(&id);
        }
        // A unit that was offered stays open until the neighbour's acknowledgement: both sides attest each hop.
        self.settle(holding);
    }

    fn attempted(&mut self, id: EnvelopeId, node: NodeId, attempt: Attempt) {
        let Some(outgoing) = self.outgoing.get_mut(&id) else { return };
        outgoing.targets.insert(node, attempt);
        outgoing.failed.remove(&node);
        outgoing.forget_custodians(node);
        let holding = outgoing.holding;
        if let Some(held) = self.holdings.get_mut(&holding) {
            held.open.insert(Target { node, attempt });
            self.units.insert(Unit { envelope: id, destination: node, attempt }, holding);
        }
    }
}

fn insert_all(into: &mut IntervalSet, indexes: &[u64]) {
    indexes.iter().for_each(|index| {
        into.insert(*index);
    });
}
