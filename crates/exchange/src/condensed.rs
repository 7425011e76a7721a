//! The whole state said once more, in few facts: what a journal needs in place of the long history that made it.

use crate::epoch::EpochStatement;
use crate::event::Office;
use crate::fact::{Acceptance, Fact, Source, SubmissionKey};
use crate::links::Link;
use crate::recall_facts::RecallFact;
use crate::state::{Holding, InboxEntry, Outgoing, State};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use yizhan_document::{Act, Attempt, ChunkWords, Digest, EnvelopeId, IntervalSet, LedgerId, NodeId, Unit};
use yizhan_ledger::{EntryRef, Head, Target};

/// Intervals or indexes in one part, at the most: each part stays small, so that damage costs little.
const PART_MAX: usize = 1024;

/// A part of a condensed state. Variants are only ever appended: their order is the journal's format.
///
/// Parts between `Begin` and `End` make up one state. What is written beside them for other readers of the journal, entries
/// and idempotency keys, changes no state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condensed {
    /// A state begins.
    Begin {
        /// How many entries the own ledger has.
        next_index: u64,
        /// Entries below are no longer in the journal but in durable full tiles; a multiple of 256.
        base: u64,
        /// The RFC 6962 root over these entries.
        root: Digest,
    },
    /// More of the same condensation: the first fact of each batch but the first.
    Continued,
    /// Members of a set of numbers.
    Numbers {
        /// Which set.
        of: NumberSet,
        /// First and last member of each interval.
        spans: Vec<(u64, u64)>,
    },
    /// A holding.
    Holding {
        /// The acceptance by which it began.
        acceptance: Box<Acceptance>,
        /// The units still in custody.
        open: Vec<Target>,
        /// Whether the content lies in an inbox here.
        consigned: bool,
    },
    /// An envelope of this origin.
    Outgoing {
        /// The envelope.
        id: EnvelopeId,
        /// Its holding.
        holding: u64,
        /// Digest of the header.
        header: Digest,
        /// The destinations, each with the attempt under way.
        targets: Vec<(NodeId, Attempt)>,
        /// Those whose attempt failed and is to be followed by another.
        failed: Vec<(NodeId, Attempt)>,
    },
    /// The next number of a link.
    Link {
        /// The neighbour.
        hop: NodeId,
        /// The number.
        next: u64,
    },
    /// As [`Fact::Assigned`].
    Assigned {
        /// The holding.
        holding: u64,
        /// The neighbour.
        hop: NodeId,
        /// The number.
        link: u64,
        /// The units.
        units: Vec<Target>,
    },
    /// A document in an inbox.
    Inbox(Box<CondensedInbox>),
    /// As [`Fact::Owed`].
    Owed {
        /// The origin.
        origin: NodeId,
        /// The entries.
        indexes: Vec<u64>,
    },
    /// As [`Fact::Witnessed`].
    Witnessed(Head),
    /// An entry of the own ledger that the tiles do not hold yet.
    Entered {
        /// Its index.
        index: u64,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// An idempotency key that a submission gave.
    Key {
        /// Key and submission.
        key: SubmissionKey,
        /// The acceptance.
        index: u64,
    },
    /// As [`Fact::Recall`].
    Recall(RecallFact),
    /// The state is whole: it replaces what was known before.
    End,
    /// As [`Fact::EpochOpened`].
    EpochOpened(Box<EpochStatement>),
    /// The segments of the journal in which the contents of this copy lie, but for those that were written since: stands in one
    /// record with `End`, so that nobody knows of some of them only.
    Kept(Vec<KeptSegment>),
    /// Members of a set of numbers where there are many gaps: a bit for each of 65,536 numbers in a row.
    NumberBits {
        /// Which set.
        of: NumberSet,
        /// The first of them divided by 65,536.
        chunk: u64,
        /// 1,024 words, the lowest bit first.
        words: Vec<u64>,
    },
    /// As [`Fact::Custodian`].
    Custodian {
        /// The envelope.
        id: EnvelopeId,
        /// The node.
        node: NodeId,
        /// The units.
        units: Vec<Target>,
    },
    /// As [`Fact::Claimed`].
    Claimed {
        /// The envelope.
        id: EnvelopeId,
        /// The node.
        node: NodeId,
        /// The units.
        units: Vec<Target>,
        /// Whether they expired.
        expired: bool,
    },
}

/// A segment that copies leave as it is: of its records contents, receipts, attachments and keys count, nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSegment {
    /// Its number.
    pub number: u64,
    /// Its length, in bytes.
    pub bytes: u64,
}

/// A set of numbers in the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NumberSet {
    /// Counters of own envelopes.
    Counters,
    /// Numbers of units for a destination.
    Numbers(NodeId),
    /// Envelopes of an origin whose custody was accepted.
    Seen(LedgerId),
    /// Envelopes of an origin that were consigned here.
    Consigned(LedgerId),
    /// Receipts of a ledger that are stored.
    Heard(LedgerId),
    /// Those stored under a cosigned checkpoint.
    Renewed(LedgerId),
}

/// A document in an inbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CondensedInbox {
    /// The envelope.
    pub id: EnvelopeId,
    /// The office, and what receipts call it.
    pub office: Office,
    /// The holding with the content.
    pub holding: u64,
    /// Digest of the header.
    pub header: Digest,
    /// The attempt that brought it.
    pub attempt: Attempt,
    /// The `ContentConsignment`.
    pub consignment: EntryRef,
    /// The `ContentHandover`, once taken over.
    pub handed: Option<u64>,
    /// What the office did, with the entries.
    pub acts: Vec<(Act, u64)>,
}

impl State {
    /// Facts that give a new state all that this one must not forget. `base` and `root` are of the entries that the journal
    /// need not hold any more. `End` is not among them: whoever writes them says it when all is written.
    pub fn condensed(&self, base: u64, root: Digest) -> Vec<Fact> {
        let mut parts = Vec::new();
        parts.push(Condensed::Begin { next_index: self.next_index, base, root });
        numbers(&mut parts, NumberSet::Counters, &self.counters);
        self.numbers.iter().for_each(|(node, set)| numbers(&mut parts, NumberSet::Numbers(*node), set));
        self.seen.iter().for_each(|(of, set)| numbers(&mut parts, NumberSet::Seen(*of), set));
        self.consigned.iter().for_each(|(of, set)| numbers(&mut parts, NumberSet::Consigned(*of), set));
        self.heard.iter().for_each(|(of, set)| numbers(&mut parts, NumberSet::Heard(*of), set));
        self.renewed.iter().for_each(|(of, set)| numbers(&mut parts, NumberSet::Renewed(*of), set));
        parts.extend(self.holdings.values().map(holding));
        parts.extend(self.outgoing.iter().map(|(id, out)| outgoing(*id, out)));
        parts.extend(self.outgoing.iter().flat_map(|(id, out)| out.custodian_parts(*id)));
        self.links.iter().for_each(|(hop, link)| link_parts(&mut parts, *hop, link));
        parts.extend(self.inboxes.iter().map(|(id, name, entry)| {
            let office = Office { name: name.clone(), commitment: entry.commitment };
            inbox(id, office, entry)
        }));
        parts.extend(self.recalls.facts().map(Condensed::Recall));
        owed(&mut parts, self.owed.keys());
        parts.extend(self.witnessed.values().map(|head| Condensed::Witnessed(*head)));
        parts.extend(self.epochs.values().map(|opened| Condensed::EpochOpened(Box::new(opened.clone()))));
        parts.into_iter().map(Fact::Condensed).collect()
    }

    /// The holdings whose content must stay: those not ended, and those that inboxes show.
    pub fn live_holdings(&self) -> BTreeSet<u64> {
        self.holdings.keys().copied().chain(self.inboxes.iter().map(|(.., entry)| entry.holding)).collect()
    }

    /// Takes a part in. Parts come before everything else that a state is made of.
    pub(crate) fn apply_part(&mut self, part: &Condensed) {
        match part {
            Condensed::Begin { next_index, .. } => self.next_index = self.next_index.max(*next_index),
            Condensed::Numbers { of, spans } => {
                let set = self.set(*of);
                spans.iter().for_each(|(first, last)| set.insert_span(*first, *last));
            }
            Condensed::NumberBits { of, chunk, words } => self.set(*of).insert_dense(*chunk, words),
            Condensed::Holding { acceptance, open, consigned } => {
                self.take_holding(acceptance, open, *consigned)
            }
            Condensed::Outgoing { id, holding, header, targets, failed } => {
                let (targets, failed) = (targets.iter().copied().collect(), failed.iter().copied().collect());
                let (holding, header) = (*holding, *header);
                self.outgoing.insert(*id, Outgoing { holding, header, targets, failed, custodians: None });
            }
            Condensed::Link { hop, next } => {
                let link = self.links.entry(*hop).or_default();
                link.next = link.next.max(*next);
            }
            Condensed::Assigned { holding, hop, link, units } => {
                self.assigned(*holding, *hop, *link, units, 0)
            }
            Condensed::Inbox(entry) => self.take_inbox(entry),
            Condensed::Owed { origin, indexes } => indexes.iter().for_each(|index| self.owe(*origin, *index)),
            Condensed::Witnessed(head) => {
                self.witnessed.insert(head.ledger, *head);
            }
            Condensed::Recall(fact) => self.recall(fact),
            Condensed::EpochOpened(opened) => self.epoch_opened(opened),
            Condensed::Custodian { id, node, units } => self.custodian(*id, *node, units),
            Condensed::Claimed { id, node, units, expired } => self.claimed(*id, *node, units, *expired),
            Condensed::Entered { index, .. } => self.next_index = self.next_index.max(index + 1),
            Condensed::Continued | Condensed::Key { .. } | Condensed::Kept(_) | Condensed::End => {}
        }
    }

    fn set(&mut self, of: NumberSet) -> &mut IntervalSet {
        match of {
            NumberSet::Counters => &mut self.counters,
            NumberSet::Numbers(node) => self.numbers.entry(node).or_default(),
            NumberSet::Seen(of) => self.seen.entry(of).or_default(),
            NumberSet::Consigned(of) => self.consigned.entry(of).or_default(),
            NumberSet::Heard(of) => self.heard.entry(of).or_default(),
            NumberSet::Renewed(of) => self.renewed.entry(of).or_default(),
        }
    }

    fn take_holding(&mut self, acceptance: &Acceptance, open: &[Target], consigned: bool) {
        let holding = acceptance.at.index;
        for Target { node: destination, attempt } in open.iter().copied() {
            self.units.insert(Unit { envelope: acceptance.id, destination, attempt }, holding);
        }
        if let Source::Neighbour { node, link } = acceptance.source {
            self.offers.insert((node, link), holding);
        }
        let open = open.iter().copied().collect();
        self.hold(Holding { acceptance: acceptance.clone(), open, consigned });
    }

    fn take_inbox(&mut self, entry: &CondensedInbox) {
        let CondensedInbox { id, office, holding, header, attempt, consignment, handed, acts } =
            entry.clone();
        let Office { name, commitment } = office;
        let entry = InboxEntry { holding, header, attempt, consignment, commitment, handed, acts };
        self.inboxes.insert(name, id, entry);
    }
}

fn numbers(parts: &mut Vec<Condensed>, of: NumberSet, set: &IntervalSet) {
    let spans: Vec<(u64, u64)> = set.sparse_spans().collect();
    parts.extend(spans.chunks(PART_MAX).map(|spans| Condensed::Numbers { of, spans: spans.to_vec() }));
    let bits =
        |(chunk, words): (u64, &ChunkWords)| Condensed::NumberBits { of, chunk, words: words.to_vec() };
    parts.extend(set.dense().map(bits));
}

fn holding(held: &Holding) -> Condensed {
    Condensed::Holding {
        acceptance: Box::new(held.acceptance.clone()),
        open: held.open.iter().copied().collect(),
        consigned: held.consigned,
    }
}

fn outgoing(id: EnvelopeId, out: &Outgoing) -> Condensed {
    let list = |of: &BTreeMap<NodeId, Attempt>| of.iter().map(|(node, n)| (*node, *n)).collect();
    Condensed::Outgoing {
        id,
        holding: out.holding,
        header: out.header,
        targets: list(&out.targets),
        failed: list(&out.failed),
    }
}

fn link_parts(parts: &mut Vec<Condensed>, hop: NodeId, link: &Link) {
    parts.push(Condensed::Link { hop, next: link.next });
    parts.extend(link.outbound.iter().map(|(number, out)| Condensed::Assigned {
        holding: out.holding,
        hop,
        link: *number,
        units: out.units.clone(),
    }));
}

fn inbox(id: EnvelopeId, office: Office, entry: &InboxEntry) -> Condensed {
    let InboxEntry { holding, header, attempt, consignment, handed, acts, commitment: _ } = entry.clone();
    Condensed::Inbox(Box::new(CondensedInbox {
        id,
        office,
        holding,
        header,
        attempt,
        consignment,
        handed,
        acts,
    }))
}

fn owed<'a>(parts: &mut Vec<Condensed>, all: impl Iterator<Item = &'a (NodeId, u64)>) {
    let mut by_origin: BTreeMap<NodeId, Vec<u64>> = BTreeMap::new();
    all.for_each(|(origin, index)| by_origin.entry(*origin).or_default().push(*index));
    for (origin, indexes) in by_origin {
        parts.extend(
            indexes.chunks(PART_MAX).map(|indexes| Condensed::Owed { origin, indexes: indexes.to_vec() }),
        );
    }
}
