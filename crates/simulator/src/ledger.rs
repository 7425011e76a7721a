//! The ledger of a simulated node: the real log with real roots and proofs; only the signatures are left out.

use std::collections::BTreeMap;
use yizhan_document::{Digest, EnvelopeId, LedgerId, NodeId, merkle};
use yizhan_exchange::{HeardEntry, Past};
use yizhan_ledger::{Checkpoint, Entry, EntryRef, Event, Head, Log, LogError, origin_of, tiles::MemoryTiles};
use yizhan_protocol::{ProofBundle, ProvenEntry};

/// A node's ledger, durable entries only.
pub(crate) struct Ledger {
    network: String,
    id: LedgerId,
    log: Log,
    head: Head,
    checkpoint: Vec<u8>,
    /// The acceptances of each envelope.
    acceptances: BTreeMap<EnvelopeId, Vec<u64>>,
    submissions: BTreeMap<EnvelopeId, u64>,
}

/// Why a bundle is not believed.
pub(crate) type Disbelief = String;

impl Ledger {
    pub(crate) fn new(network: &str, id: LedgerId) -> Result<Self, LogError> {
        let (log, _) = Log::open(MemoryTiles::new())?;
        let head = Head { ledger: id, size: 0, root: log.root() };
        let network = network.to_owned();
        let (acceptances, submissions) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { network, id, log, head, checkpoint: Vec::new(), acceptances, submissions })
    }

    /// Takes a durable entry in. Entries come without a gap.
    pub(crate) fn append(&mut self, index: u64, bytes: &[u8]) -> Result<(), String> {
        if index != self.log.size() {
            return Err(format!("entry {index} came where entry {} belongs", self.log.size()));
        }
        let entry = Entry::from_bytes(bytes).map_err(|error| format!("entry {index}: {error}"))?;
        self.log.append(bytes).map_err(|error| error.to_string())?;
        if let (Event::RelayAcceptance { .. }, Some(id)) = (&entry.event, entry.event.envelope_id()) {
            self.acceptances.entry(id).or_default().push(index);
        }
        if let Event::SubmissionAcceptance { id, .. } = &entry.event {
            self.submissions.insert(*id, index);
        }
        Ok(())
    }

    /// Makes the present size the head under which everything is proven.
    pub(crate) fn seal(&mut self) {
        if self.head.size != self.log.size() || self.checkpoint.is_empty() {
            self.head = Head { ledger: self.id, size: self.log.size(), root: self.log.root() };
            let origin = origin_of(&self.network, self.id);
            let text = Checkpoint { origin, size: self.head.size, root: self.head.root }.to_text();
            self.checkpoint = signed_by(self.id.node, &text);
        }
    }

    pub(crate) fn head(&self) -> Head {
        self.head
    }

    pub(crate) fn size(&self) -> u64 {
        self.log.size()
    }

    /// The root over its first `size` entries; none if it is smaller.
    pub(crate) fn root_at(&self, size: u64) -> Option<Digest> {
        self.log.root_at(size).ok()
    }

    pub(crate) fn entry(&self, index: u64) -> Option<Vec<u8>> {
        self.log.entry(index).ok()
    }

    /// Entries with proofs under the head.
    pub(crate) fn bundle(&self, indexes: impl Iterator<Item = u64>) -> Result<ProofBundle, LogError> {
        let entries = indexes.map(|index| {
            let (entry, path) = (self.log.entry(index)?, self.log.inclusion(index, self.head.size)?);
            Ok(ProvenEntry { index, entry, path, attachment: Vec::new() })
        });
        let entries = entries.collect::<Result<_, LogError>>()?;
        Ok(ProofBundle { ledger: self.id, checkpoint: self.checkpoint.clone(), entries })
    }

    /// The consistency path from an earlier size to the head.
    pub(crate) fn consistency(&self, from: u64) -> Result<Vec<Digest>, LogError> {
        self.log.consistency(from, self.head.size)
    }

    /// The `SubmissionAcceptance` of an envelope.
    pub(crate) fn submission(&self, id: EnvelopeId) -> Option<(EntryRef, Event)> {
        let index = *self.submissions.get(&id)?;
        let bytes = self.entry(index)?;
        Some((EntryRef::to(self.id, index, &bytes), Entry::from_bytes(&bytes).ok()?.event))
    }

    /// The acceptances entered for an envelope.
    pub(crate) fn past(&self, id: EnvelopeId) -> Vec<Past> {
        let indexes = self.acceptances.get(&id).into_iter().flatten();
        indexes
            .filter_map(|index| {
                let entry = Entry::from_bytes(&self.entry(*index)?).ok()?;
                match entry.event {
                    Event::RelayAcceptance { units, from, link, .. } => {
                        Some(Past { index: *index, from, link, units })
                    }
                    _ => None,
                }
            })
            .collect()
    }
}

/// A text with what stands for a node's signature. Nobody calls this for another node: that is what having a key means here.
pub(crate) fn signed_by(node: NodeId, text: &str) -> Vec<u8> {
    format!("{text}\n{}", signature(node, text)).into_bytes()
}

fn signature(node: NodeId, text: &str) -> Digest {
    Digest::of(format!("{node} signs {text}").as_bytes())
}

/// The head that a bundle's checkpoint states, if the node whose ledger it is has signed it.
pub(crate) fn head_of(bundle: &ProofBundle) -> Result<Head, Disbelief> {
    let note = std::str::from_utf8(&bundle.checkpoint).map_err(|error| error.to_string())?;
    let (text, signed) = note.rsplit_once('\n').ok_or("a checkpoint that nobody signed")?;
    if signed != signature(bundle.ledger.node, text).to_string() {
        return Err(format!("a checkpoint that {} did not sign", bundle.ledger.node));
    }
    let checkpoint = Checkpoint::from_text(text).map_err(|error| error.to_string())?;
    if checkpoint.ledger() != Some(bundle.ledger) {
        return Err(format!("a checkpoint of {} for {}", checkpoint.origin, bundle.ledger));
    }
    Ok(Head { ledger: bundle.ledger, size: checkpoint.size, root: checkpoint.root })
}

/// All entries of a bundle, proven.
pub(crate) fn entries_of(bundle: &ProofBundle) -> Result<Vec<HeardEntry>, Disbelief> {
    let head = head_of(bundle)?;
    let proven = bundle.entries.iter().map(|proven| {
        let at = EntryRef::to(bundle.ledger, proven.index, &proven.entry);
        if !merkle::verify_inclusion(&head.root, head.size, at.index, &at.leaf, &proven.path) {
            return Err(format!("entry {} is not in ledger {} of size {}", at.index, at.ledger, head.size));
        }
        let entry = Entry::from_bytes(&proven.entry).map_err(|error| error.to_string())?;
        Ok(HeardEntry { at, time: entry.time, event: entry.event })
    });
    proven.collect()
}
