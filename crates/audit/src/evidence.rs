//! What the believed ledgers say, arranged for looking up: who attests what of whom.

use crate::ledger_copy::LedgerCopy;
use crate::limits::CLOCK_TOLERANCE_MS;
use crate::problem::Fault;
use crate::report::WitnessedBy;
use std::collections::{BTreeMap, BTreeSet};
use yizhan_document::{Digest, EnvelopeId, LedgerId, NodeId, WallTime};
use yizhan_hierarchy::Directory;
use yizhan_ledger::{Entry, EntryRef, Target};

/// A believed ledger with what was noted when it was read.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// The copy.
    pub(crate) copy: LedgerCopy,
    /// Entries that cannot be read, though their leaf hashes are known.
    pub(crate) holes: BTreeSet<u64>,
    /// The latest time that the copy or a cosignature on it states: it shows the ledger no earlier than that.
    pub(crate) as_of: WallTime,
    /// Who cosigned its checkpoint.
    pub(crate) witnesses: Vec<WitnessedBy>,
    /// Entries below this index are covered by a head that somebody else signed for.
    pub(crate) witnessed_to: u64,
    /// Acceptances and rejections of what neighbours offered, ascending by index.
    pub(crate) answers: Vec<LinkAnswer>,
}

/// An answer to an offer: the number it had on the link from that neighbour.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkAnswer {
    pub(crate) index: u64,
    pub(crate) from: NodeId,
    pub(crate) link: u64,
    pub(crate) accepted: bool,
}

/// A head of a ledger that an entry in another one states.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadClaim {
    /// The number of the stating ledger.
    pub(crate) by: usize,
    /// The entry in it.
    pub(crate) index: u64,
    /// Its time.
    pub(crate) time: WallTime,
    /// Whose head.
    pub(crate) of: LedgerId,
    pub(crate) size: u64,
    pub(crate) root: Digest,
    /// Whether the ledger it is about is there and had that root at that size.
    pub(crate) borne_out: bool,
}

/// A giver's word that an entry of a neighbour's ledger acknowledges its offer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PassedOn {
    /// Index of the acceptance.
    pub(crate) index: u64,
    pub(crate) link: u64,
    /// The number of the head claim that came with it.
    pub(crate) claim: usize,
}

/// An entry about the envelope in question.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The number of the ledger.
    pub(crate) ledger: usize,
    pub(crate) index: u64,
    /// With units and destinations sorted: it is never hashed again.
    pub(crate) entry: Entry,
}

/// Entries by the envelope they are about; for each ascending by ledger number and index.
pub(crate) type Trails = BTreeMap<EnvelopeId, Vec<Seen>>;

/// Everything believed.
pub(crate) struct Evidence<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) ledgers: Vec<Ledger>,
    numbers: BTreeMap<LedgerId, usize>,
    neighbours: BTreeMap<NodeId, Vec<NodeId>>,
    pub(crate) claims: Vec<HeadClaim>,
    /// For every ledger what others say it acknowledged, ascending by index once [`Self::arrange`] was called.
    pub(crate) passed: BTreeMap<LedgerId, Vec<PassedOn>>,
}

impl Ledger {
    /// A copy of which nothing was read yet, with the cosignatures on its checkpoint.
    pub(crate) fn new(copy: LedgerCopy, witnesses: Vec<WitnessedBy>) -> Self {
        let as_of = witnesses.iter().map(|witness| witness.time).max().unwrap_or(WallTime::EPOCH);
        let witnessed_to = if witnesses.is_empty() { 0 } else { copy.size };
        Self { copy, holes: BTreeSet::new(), as_of, witnesses, witnessed_to, answers: Vec::new() }
    }
}

impl<'a> Evidence<'a> {
    pub(crate) fn new(directory: &'a Directory, ledgers: Vec<Ledger>) -> Self {
        let numbers = ledgers.iter().enumerate().map(|(number, ledger)| (ledger.copy.id, number)).collect();
        let nodes: BTreeSet<NodeId> = ledgers.iter().map(|ledger| ledger.copy.id.node).collect();
        let neighbours = nodes.into_iter().map(|node| (node, directory.neighbours(node))).collect();
        Self { directory, ledgers, numbers, neighbours, claims: Vec::new(), passed: BTreeMap::new() }
    }

    /// Puts what was gathered in the order that look-ups need.
    pub(crate) fn arrange(&mut self) {
        for passed in self.passed.values_mut() {
            passed.sort_by_key(|passed| (passed.index, passed.claim));
        }
    }

    /// The number of a ledger, if it is given and believed.
    pub(crate) fn number(&self, ledger: LedgerId) -> Option<usize> {
        self.numbers.get(&ledger).copied()
    }

    pub(crate) fn ledger(&self, number: usize) -> Option<&Ledger> {
        self.ledgers.get(number)
    }

    /// Which ledger bears a number; numbers come from this evidence only.
    pub(crate) fn id(&self, number: usize) -> Option<LedgerId> {
        self.ledger(number).map(|ledger| ledger.copy.id)
    }

    /// The believed ledgers of a node.
    pub(crate) fn ledgers_of(&self, node: NodeId) -> impl Iterator<Item = &Ledger> {
        let (first, last) = (LedgerId { node, epoch: 0 }, LedgerId { node, epoch: u32::MAX });
        self.numbers.range(first..=last).filter_map(|(_, number)| self.ledgers.get(*number))
    }

    /// Whether some ledger of the node is given and believed.
    pub(crate) fn has(&self, node: NodeId) -> bool {
        self.ledgers_of(node).next().is_some()
    }

    /// Whether entries of the node's ledgers are lost.
    pub(crate) fn has_holes(&self, node: NodeId) -> bool {
        self.ledgers_of(node).any(|ledger| !ledger.holes.is_empty())
    }

    /// Whether the directory makes the two neighbours; `node` is one whose ledger is given.
    pub(crate) fn are_neighbours(&self, node: NodeId, other: NodeId) -> bool {
        self.neighbours.get(&node).is_some_and(|all| all.binary_search(&other).is_ok())
    }

    /// What others say that this entry acknowledges: the giver's ledger, the link number, whether its head is borne out.
    pub(crate) fn passed_to(&self, ledger: LedgerId, index: u64) -> impl Iterator<Item = (&HeadClaim, u64)> {
        let all = self.passed.get(&ledger).map(Vec::as_slice).unwrap_or_default();
        let first = all.partition_point(|passed| passed.index < index);
        let here = all.iter().skip(first).take_while(move |passed| passed.index == index);
        here.filter_map(|passed| self.claims.get(passed.claim).map(|claim| (claim, passed.link)))
    }

    /// Whether a later ledger of the same node is given and believed.
    pub(crate) fn is_over(&self, ledger: LedgerId) -> bool {
        self.ledgers_of(ledger.node).any(|other| other.copy.id > ledger)
    }

    /// The kind of finding where somebody attests at `time` more of a ledger than the copy holds: the copy may be older,
    /// unless it shows the ledger at a later time. Where its node began a later ledger, the end was lost.
    pub(crate) fn ends_early(&self, ledger: &Ledger, time: WallTime) -> Fault {
        if self.is_over(ledger.copy.id) {
            return Fault::EpochLost;
        }
        if ledger.as_of > time.plus_ms(CLOCK_TOLERANCE_MS) { Fault::Cut } else { Fault::Short }
    }

    /// The same for people.
    pub(crate) fn why_short(fault: Fault) -> &'static str {
        match fault {
            Fault::Cut => "it has been cut",
            Fault::EpochLost => "its node lost the end, and has begun a later ledger since",
            _ => "it is older or has been cut; ask for a new copy",
        }
    }

    /// Whether an entry is covered by a head that somebody else signed for.
    pub(crate) fn is_witnessed(&self, number: usize, index: u64) -> bool {
        self.ledger(number).is_some_and(|ledger| index < ledger.witnessed_to)
    }

    /// The reference by which others name an entry.
    pub(crate) fn reference(&self, seen: &Seen) -> Option<EntryRef> {
        let copy = &self.ledger(seen.ledger)?.copy;
        Some(EntryRef { ledger: copy.id, index: seen.index, leaf: *copy.leaf(seen.index)? })
    }
}

/// Whether sorted units hold a target.
pub(crate) fn holds(units: &[Target], target: &Target) -> bool {
    units.binary_search(target).is_ok()
}
