//! What all disks hold in the end, read anew from the journals after the power of every machine was cut.

use crate::faulty_folder::FaultyFolder;
use crate::ledger::Ledger;
use crate::station::Station;
use std::collections::BTreeMap;
use yizhan_document::{Digest, LedgerId, NodeId, merkle};
use yizhan_exchange::Fact;
use yizhan_journal::{Journal, JournalOptions, Record};
use yizhan_ledger::{Entry, EntryRef, PlacedEntry};
use yizhan_protocol::ProofBundle;

/// What all disks hold.
pub(crate) struct Survey {
    pub(crate) nodes: BTreeMap<NodeId, Holdings>,
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
        let mut nodes = BTreeMap::new();
        for station in stations {
            nodes.insert(station.node, Holdings::of(station.node, station.folder.clone(), network)?);
        }
        Ok(Self { nodes })
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
        let held = self.nodes.get(&ledger.node).filter(|_| ledger.epoch == 0)?;
        let index = usize::try_from(index).ok()?;
        Some((held.entries.get(index)?, *held.leaves.get(index)?))
    }
}

impl Holdings {
    /// Reads the journal in a folder.
    pub(crate) fn of(node: NodeId, folder: FaultyFolder, network: &str) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| format!("{node}: {error}");
        let id = LedgerId { node, epoch: 0 };
        let ledger = Ledger::new(network, id).map_err(|error| failed(&error))?;
        let mut held =
            Self { facts: Vec::new(), entries: Vec::new(), leaves: Vec::new(), receipts: Vec::new(), ledger };
        let mut visit = |_, kind: u8, payload: &[u8]| held.take(Record::decode(kind, payload)?);
        let options = JournalOptions::new(0);
        Journal::open(folder, options, &mut visit).map_err(|error| failed(&error))?;
        held.ledger.seal();
        Ok(held)
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
