//! No word before disk: every frame and answer names only what is synced in the node's folder at that moment, by the
//! folder's own count; and after every crash all that was ever named is still there.

use super::Broken;
use crate::faulty_folder::FaultyFolder;
use crate::ledger::Ledger;
use crate::station::Process;
use std::collections::BTreeMap;
use yizhan_document::{Digest, LedgerId, NodeId, merkle};
use yizhan_exchange::{Answer, Condensed, Fact};
use yizhan_journal::Record;
use yizhan_protocol::{Frame, ProofBundle};

const NAME: &str = "no_word_before_disk";

/// A segment of the journal, and where in it a record ends.
type Place = (u64, u64);

/// Where everything that may be named lies.
#[derive(Debug, Default)]
pub(crate) struct NoWordBeforeDisk {
    nodes: BTreeMap<NodeId, Places>,
}

/// Where everything lies in the journal of one node.
#[derive(Debug, Default)]
pub(crate) struct Places {
    entries: BTreeMap<u64, (Place, Digest)>,
    receipts: BTreeMap<(LedgerId, u64), Place>,
    assigned: BTreeMap<(NodeId, u64), Place>,
    witnessed: BTreeMap<(LedgerId, u64), Place>,
    /// Entries below this index are known to be synced.
    synced: u64,
    /// Entries that were named to somebody, with their leaf hashes.
    named: BTreeMap<u64, Digest>,
}

impl NoWordBeforeDisk {
    /// A batch was written, not synced, and ends at this place.
    pub(crate) fn written<'a>(
        &mut self,
        node: NodeId,
        facts: &[Fact],
        receipts: impl Iterator<Item = &'a ProofBundle>,
        place: Place,
    ) {
        let places = self.nodes.entry(node).or_default();
        facts.iter().for_each(|fact| places.fact(fact, place));
        receipts.for_each(|bundle| places.bundle(bundle, place));
    }

    /// A node reads its journal again; what is found counts from now on.
    pub(crate) fn recovery_begins(&mut self, node: NodeId) -> &mut Places {
        let places = self.nodes.entry(node).or_default();
        *places = Places { named: std::mem::take(&mut places.named), ..Places::default() };
        places
    }

    /// The disk of a node is lost for good: whatever it named was on it.
    pub(crate) fn disk_lost(&mut self, node: NodeId) {
        self.nodes.remove(&node);
    }

    /// A node has read its journal: tells what it named before and has lost.
    pub(crate) fn recovered(&self, node: NodeId, ledger: &Ledger) -> Vec<String> {
        let named = self.nodes.get(&node).into_iter().flat_map(|places| &places.named);
        named
            .filter(|(index, leaf)| {
                ledger.entry(**index).map(|bytes| merkle::leaf_hash(&bytes)) != Some(**leaf)
            })
            .map(|(index, _)| {
                format!("{node} named entry {index} to somebody, and after a crash it is not there")
            })
            .collect()
    }

    pub(crate) fn frame_leaves(&mut self, process: &Process, to: NodeId, frame: &Frame) -> Vec<Broken> {
        let me = process.node;
        let places = self.nodes.entry(me).or_default();
        let folder = &process.folder;
        let mut early = Vec::new();
        let mut own = |places: &mut Places, bundle: &ProofBundle, what: &str| {
            if bundle.ledger.node == me {
                early.extend(
                    places.early_in(folder, bundle).map(|missing| format!("{me}: {what} names {missing}")),
                );
            }
        };
        match frame {
            Frame::Offer(offer) => {
                own(places, &offer.custody, "an offer");
                own(places, &offer.origin, "an offer");
                let assigned = places.assigned.get(&(to, offer.link));
                if !assigned.is_some_and(|at| is_synced(folder, *at)) {
                    early.push(format!("{me}: an offer to {to} has number {}, not synced", offer.link));
                }
            }
            Frame::Custody(custody) => own(places, &custody.proof, "custody"),
            Frame::Rejection(rejection) => {
                rejection.proof.iter().for_each(|proof| own(places, proof, "a rejection"));
            }
            Frame::ReceiptsHome(frame) => own(places, &frame.proof, "a receipt"),
            Frame::Recall(frame) => own(places, &frame.proof, "a recall"),
            Frame::EpochOpened(bundle) => own(places, bundle, "a new epoch"),
            Frame::Kept(kept) if kept.origin == me => {
                let missing = kept.indexes.iter().find(|index| {
                    let at = places.receipts.get(&(kept.ledger, **index));
                    at.is_none_or(|at| !is_synced(folder, *at))
                });
                early.extend(missing.map(|index| {
                    format!(
                        "{me}: says that it holds receipt {index} of {}, which is not synced",
                        kept.ledger
                    )
                }));
            }
            Frame::Cosign(cosign) if !cosign.again => {
                let at = places.witnessed.get(&(cosign.ledger, cosign.size));
                if at.is_none_or(|at| !is_synced(folder, *at)) {
                    let (size, ledger) = (cosign.size, cosign.ledger);
                    early.push(format!("{me}: cosigns size {size} of {ledger}, and may forget it"));
                }
            }
            _ => {}
        }
        early.into_iter().map(|what| (NAME, what)).collect()
    }

    pub(crate) fn answer_leaves(&mut self, process: &Process, answer: &Answer) -> Option<Broken> {
        let index = match answer {
            Answer::Submitted { index, .. } | Answer::Handed { index, .. } => *index,
            Answer::Acted { index } | Answer::Recalling { index } => *index,
            Answer::Reserved { .. } | Answer::Refused { .. } => return None,
        };
        let places = self.nodes.entry(process.node).or_default();
        let missing = places.name(&process.folder, index)?;
        Some((NAME, format!("{}: an answer names {missing}", process.node)))
    }
}

impl Places {
    /// A record was found while the journal was read.
    pub(crate) fn found(&mut self, record: &Record, segment: u64, offset: u64) {
        let place = (segment, offset + 1);
        match record {
            Record::Facts(facts) => facts.iter().for_each(|fact| self.fact(fact, place)),
            Record::Receipts(bundle) => self.bundle(bundle, place),
            Record::Envelope(_) | Record::Attachment(_) => {}
        }
    }

    fn fact(&mut self, fact: &Fact, place: Place) {
        match fact {
            Fact::Entered(entered) => {
                self.entries.insert(entered.index, (place, merkle::leaf_hash(&entered.bytes)));
            }
            Fact::Assigned { hop, link, .. } => {
                self.assigned.insert((*hop, *link), place);
            }
            Fact::Witnessed(head) => {
                self.witnessed.insert((head.ledger, head.size), place);
            }
            Fact::Condensed(part) => self.part(part, place),
            _ => {}
        }
    }

    /// A part of a copy, whose original may be gone.
    fn part(&mut self, part: &Condensed, place: Place) {
        match part {
            Condensed::Entered { index, bytes } => {
                self.entries.entry(*index).or_insert_with(|| (place, merkle::leaf_hash(bytes)));
            }
            Condensed::Assigned { hop, link, .. } => {
                self.assigned.entry((*hop, *link)).or_insert(place);
            }
            Condensed::Witnessed(head) => {
                self.witnessed.entry((head.ledger, head.size)).or_insert(place);
            }
            _ => {}
        }
    }

    fn bundle(&mut self, bundle: &ProofBundle, place: Place) {
        let held = bundle.entries.iter().map(|proven| ((bundle.ledger, proven.index), place));
        // The first copy counts: a later one may not be synced yet.
        held.for_each(|(receipt, place)| {
            self.receipts.entry(receipt).or_insert(place);
        });
    }

    /// The first entry of a bundle, or of the head it is proven under, that is not synced.
    fn early_in(&mut self, folder: &FaultyFolder, bundle: &ProofBundle) -> Option<String> {
        let size = crate::ledger::head_of(bundle).map_or(0, |head| head.size);
        let named =
            bundle.entries.iter().map(|proven| proven.index).find_map(|index| self.name(folder, index));
        named.or_else(|| self.name_all_below(folder, size))
    }

    fn name_all_below(&mut self, folder: &FaultyFolder, size: u64) -> Option<String> {
        (self.synced..size).find_map(|index| {
            let missing = self.missing(folder, index);
            if missing.is_none() && index == self.synced {
                self.synced += 1;
            }
            missing
        })
    }

    /// Notes that an entry is named; says so if it is not synced.
    fn name(&mut self, folder: &FaultyFolder, index: u64) -> Option<String> {
        let missing = self.missing(folder, index);
        if let Some((_, leaf)) = self.entries.get(&index) {
            self.named.insert(index, *leaf);
        }
        missing
    }

    fn missing(&self, folder: &FaultyFolder, index: u64) -> Option<String> {
        match self.entries.get(&index) {
            None => Some(format!("entry {index}, which was never written")),
            Some((place, _)) if index >= self.synced && !is_synced(folder, *place) => {
                Some(format!("entry {index}, which is not synced"))
            }
            Some(_) => None,
        }
    }
}

/// Whether a folder has made durable what ends at this place.
fn is_synced(folder: &FaultyFolder, (segment, end): Place) -> bool {
    folder.synced(&format!("{segment:012}.seg")) >= end
}
