//! What all disks hold in the end, read anew from the journals after the power of every machine was cut.

use crate::faulty_folder::FaultyFolder;
use crate::ledger::Ledger;
use crate::station::Station;
use std::collections::BTreeMap;
use yizhan_document::{Digest, LedgerId, NodeId, merkle};
use yizhan_exchange::Fact;
use yizhan_journal::{Journal, JournalOptions, Record};
use yizhan_ledger::{Entry, EntryRef, Event, PlacedEntry};
use yizhan_protocol::ProofBundle;

/// What all disks hold.
pub(crate) struct Survey {
    pub(crate) nodes: BTreeMap<NodeId, Holdings>,
    /// What disks held that are lost for good: what the receipts of others speak of.
    pub(crate) lost: BTreeMap<LedgerId, Holdings>,
    /// Where the acceptances of what each node offered stand, those on lost disks among them.
    accepted_from: BTreeMap<NodeId, Vec<(LedgerId, u64)>>,
    /// Where the entries about envelopes of each origin stand.
    of_origin: BTreeMap<NodeId, Vec<(NodeId, u64)>>,
}

/// What the disk of one node holds.
pub(crate) struct Holdings {
    facts: Vec<Fact>,
    entries: Vec<Entry>,
    leaves: Vec<Digest>,
    pub(crate) receipts: Vec<ProofBundle>,
    pub(crate) ledger: Ledger,
}

impl Survey {
    /// Reads all journals.
    pub(crate) fn of<'a>(
        stations: impl Iterator<Item = &'a mut Station>,
        network: &str,
    ) -> Result<Self, String> {
        let (mut nodes, mut lost) = (BTreeMap::new(), BTreeMap::new());
        let (mut accepted_from, mut of_origin) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::<_, Vec<_>>::new());
        for station in stations {
            for (ledger, folder) in &station.lost {
                let held = Holdings::of(*ledger, folder, network)?;
                held.accepted().for_each(|(from, at)| accepted_from.entry(from).or_default().push(at));
                lost.insert(*ledger, held);
            }
            let held = Holdings::of(station.ledger, &station.folder, network)?;
            held.accepted().for_each(|(from, at)| accepted_from.entry(from).or_default().push(at));
            for (index, entry) in (0..).zip(&held.entries) {
                if let Some(id) = entry.event.envelope_id() {
                    of_origin.entry(id.origin).or_default().push((station.node, index));
                }
            }
            nodes.insert(station.node, held);
        }
        Ok(Self { nodes, lost, accepted_from, of_origin })
    }

    /// The acceptances of what a node offered, whoever entered them, with their entry.
    pub(crate) fn accepted_from(&self, offerer: NodeId) -> impl Iterator<Item = (NodeId, &Entry)> {
        let places = self.accepted_from.get(&offerer).into_iter().flatten();
        places.filter_map(|(ledger, index)| Some((ledger.node, self.entry(*ledger, *index)?.0)))
    }

    /// All entries about envelopes of an origin: who entered them, where, what.
    pub(crate) fn of_origin(&self, origin: NodeId) -> impl Iterator<Item = (NodeId, u64, &Entry)> {
        let places = self.of_origin.get(&origin).into_iter().flatten();
        places.filter_map(|(node, index)| Some((*node, *index, self.at(*node, *index)?.0)))
    }

    /// The facts in the journal of a node.
    pub(crate) fn facts(&self, node: NodeId) -> impl Iterator<Item = &Fact> {
        self.nodes.get(&node).into_iter().flat_map(|held| &held.facts)
    }

    /// The entries in the ledger of a node.
    pub(crate) fn entries(&self, node: NodeId) -> impl Iterator<Item = &Entry> {
        self.nodes.get(&node).into_iter().flat_map(|held| &held.entries)
    }

    /// An entry, with its leaf hash.
    pub(crate) fn entry(&self, ledger: LedgerId, index: u64) -> Option<(&Entry, Digest)> {
        let held = self.held(ledger)?;
        let index = usize::try_from(index).ok()?;
        Some((held.entries.get(index)?, *held.leaves.get(index)?))
    }

    /// What the disk holds, or held, on which a ledger is or was.
    pub(crate) fn held(&self, ledger: LedgerId) -> Option<&Holdings> {
        let now = self.nodes.get(&ledger.node).filter(|held| held.ledger.head().ledger == ledger);
        now.or_else(|| self.lost.get(&ledger))
    }

    /// The ledger that a node keeps now.
    pub(crate) fn ledger_of(&self, node: NodeId) -> LedgerId {
        self.nodes.get(&node).map_or(LedgerId { node, epoch: 0 }, |held| held.ledger.head().ledger)
    }

    /// Everything that any disk held or holds, with whose it is; lost ones first.
    pub(crate) fn all(&self) -> impl Iterator<Item = (NodeId, &Holdings)> {
        let lost = self.lost.iter().map(|(ledger, held)| (ledger.node, held));
        lost.chain(self.nodes.iter().map(|(node, held)| (*node, held)))
    }

    fn at(&self, node: NodeId, index: u64) -> Option<(&Entry, Digest)> {
        self.entry(self.ledger_of(node), index)
    }
}

impl Holdings {
    /// Reads the journal in a folder, with all that was ever let go of.
    pub(crate) fn of(id: LedgerId, folder: &FaultyFolder, network: &str) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| format!("{id}: {error}");
        let ledger = Ledger::new(network, id).map_err(|error| failed(&error))?;
        let mut held =
            Self { facts: Vec::new(), entries: Vec::new(), leaves: Vec::new(), receipts: Vec::new(), ledger };
        let mut visit = |_, kind: u8, payload: &[u8]| held.take(Record::decode(kind, payload)?);
        let options = JournalOptions::new(0);
        Journal::open(folder.with_attic(), options, &mut visit).map_err(|error| failed(&error))?;
        held.ledger.seal();
        Ok(held)
    }

    /// The facts in its journal.
    pub(crate) fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// The entries in its ledger.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// By which others name an entry of its ledger.
    pub(crate) fn reference(&self, index: u64) -> Option<EntryRef> {
        let leaf = *self.leaves.get(usize::try_from(index).ok()?)?;
        Some(EntryRef { ledger: self.ledger.head().ledger, index, leaf })
    }

    /// Where the acceptances in its ledger stand, with whose offers they accept.
    fn accepted(&self) -> impl Iterator<Item = (NodeId, (LedgerId, u64))> {
        let ledger = self.ledger.head().ledger;
        (0..).zip(&self.entries).filter_map(move |(index, entry)| match &entry.event {
            Event::RelayAcceptance { from, .. } => Some((*from, (ledger, index))),
            _ => None,
        })
    }

    /// Its own entries and those that it has receipts of.
    pub(crate) fn placed_entries(&self) -> Vec<PlacedEntry> {
        let own =
            (0..).zip(self.entries.iter().zip(&self.leaves)).map(|(index, (entry, leaf))| PlacedEntry {
                at: EntryRef { ledger: self.ledger.head().ledger, index, leaf: *leaf },
                entry: entry.clone(),
            });
        let received = self.receipts.iter().flat_map(|bundle| {
            bundle
                .entries
                .iter()
                .filter_map(|proven| PlacedEntry::read(bundle.ledger, proven.index, &proven.entry))
        });
        own.chain(received).collect()
    }

    fn take(&mut self, record: Record) -> Result<(), yizhan_journal::VisitError> {
        match record {
            Record::Facts(facts) => {
                for fact in facts {
                    if let Fact::Entered(entered) = &fact {
                        self.ledger.append(entered.index, &entered.bytes)?;
                        self.leaves.push(merkle::leaf_hash(&entered.bytes));
                        self.entries.push(Entry::from_bytes(&entered.bytes)?);
                    }
                    self.facts.push(fact);
                }
            }
            Record::Receipts(bundle) => self.receipts.push(*bundle),
            Record::Envelope(_) | Record::Attachment(_) => {}
        }
        Ok(())
    }
}
