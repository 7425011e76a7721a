//! What is true of the documents of a run, known to nobody inside it.

use crate::plan::Plan;
use crate::random::Random;
use std::collections::{BTreeMap, BTreeSet};
use yizhan_document::{Classification, Digest, EnvelopeId, NodeId, OfficeName, Urgency, merkle};
use yizhan_envelope::{limits::PIECE_BYTES, pieces_root};
use yizhan_hierarchy::Directory;

/// The deadline of a document that is in no hurry, in milliseconds.
const FAR_MS: u64 = 30 * 24 * 3600 * 1000;

/// A document that somebody hands in.
#[derive(Clone, Debug)]
pub struct Document {
    /// Which.
    pub number: u64,
    /// The node at which it is handed in.
    pub from: NodeId,
    /// The offices it is for, by node.
    pub to: BTreeMap<NodeId, Vec<OfficeName>>,
    /// Whether its office hands it in with an idempotency key.
    pub keyed: bool,
    /// How many pieces a body has that travels by itself; 0 for one that rides with offers.
    pub pieces: u64,
    /// Urgency.
    pub urgency: Urgency,
    /// Classification.
    pub classification: Classification,
    /// How long after closing its deadline is, in milliseconds.
    pub deadline_ms: u64,
    /// Where it will be found to be undeliverable.
    pub bad_at: BTreeSet<NodeId>,
}

/// All documents of a run.
#[derive(Debug, Default)]
pub(crate) struct Book {
    documents: Vec<Document>,
    by_manifest: BTreeMap<Digest, u64>,
    by_root: BTreeMap<Digest, u64>,
    /// The envelope that each accepted document became, as its clerk was told first.
    pub(crate) told: BTreeMap<u64, EnvelopeId>,
    /// Documents that the node refused at the door.
    pub(crate) refused: BTreeSet<u64>,
    /// Envelopes whose last copy, at the origin, a fault made unreadable.
    pub(crate) damaged_at_origin: BTreeSet<EnvelopeId>,
}

impl Document {
    /// A plain one from one office to the government offices of some nodes.
    pub fn plain(number: u64, from: NodeId, to: &[NodeId], office: &OfficeName) -> Self {
        Self {
            number,
            from,
            to: to.iter().map(|node| (*node, vec![office.clone()])).collect(),
            keyed: true,
            pieces: 0,
            urgency: Urgency::Normal,
            classification: Classification::Unclassified,
            deadline_ms: FAR_MS,
            bad_at: BTreeSet::new(),
        }
    }

    fn by_chance(number: u64, from: NodeId, directory: &Directory, plan: &Plan, random: &mut Random) -> Self {
        let nodes = directory.tree().nodes();
        let count =
            if random.chance(150) { random.within(1..=nodes.len() as u64) } else { random.within(1..=2) };
        let mut to = BTreeMap::new();
        for _ in 0..count {
            let division = random.pick(nodes).and_then(|node| directory.division(*node));
            let Some(division) = division else { continue };
            let mut offices: Vec<OfficeName> =
                division.offices.iter().map(|office| office.office.clone()).collect();
            offices.truncate(if random.chance(300) { 2 } else { 1 });
            to.insert(division.node, offices);
        }
        let urgencies =
            [Urgency::Normal, Urgency::RoutineUrgent, Urgency::Urgent, Urgency::MostUrgent, Urgency::Flash];
        let bad = random.chance(plan.bad_per_mille);
        let destinations: Vec<NodeId> = to.keys().copied().collect();
        Self {
            number,
            from,
            keyed: random.chance(600),
            pieces: if random.chance(plan.large_per_mille) { random.within(1..=5) } else { 0 },
            urgency: random.pick(&urgencies).copied().unwrap_or_default(),
            classification: if random.chance(plan.classified_per_mille) {
                Classification::Secret
            } else {
                Classification::Unclassified
            },
            deadline_ms: if random.chance(plan.short_deadline_per_mille) {
                random.within(1_000..=20_000)
            } else {
                FAR_MS
            },
            bad_at: random.pick(&destinations).copied().filter(|_| bad).into_iter().collect(),
            to,
        }
    }

    /// The digest of its manifest: by it entries are traced back to documents.
    pub(crate) fn manifest(&self) -> Digest {
        Digest::of(format!("manifest of document {}", self.number).as_bytes())
    }

    /// Its idempotency key.
    pub(crate) fn key(&self) -> Option<Digest> {
        self.keyed.then(|| Digest::of(format!("key of document {}", self.number).as_bytes()))
    }

    /// A body that rides with offers.
    pub(crate) fn inline_body(&self) -> Vec<u8> {
        format!("the body of document {:020}, closed", self.number).into_bytes()
    }

    /// The leaf hashes of the pieces of its body.
    pub(crate) fn piece_digests(&self) -> Vec<Digest> {
        if self.pieces == 0 {
            return vec![merkle::leaf_hash(&self.inline_body())];
        }
        let piece = |index| Digest::of(format!("document {} piece {index}", self.number).as_bytes());
        (0..self.pieces).map(piece).collect()
    }

    /// The size of its body, in bytes.
    pub(crate) fn size(&self) -> u64 {
        if self.pieces == 0 { self.inline_body().len() as u64 } else { self.pieces * PIECE_BYTES }
    }
}

impl Book {
    /// As many documents as the plan wants.
    pub(crate) fn by_chance(directory: &Directory, plan: &Plan, random: &mut Random) -> Self {
        let mut book = Self::default();
        for number in 0..plan.documents {
            // A directory has at least one node.
            let Some(from) = random.pick(directory.tree().nodes()).copied() else { break };
            book.add(Document::by_chance(number, from, directory, plan, random));
        }
        book
    }

    /// Adds a document, which gets the next number.
    pub(crate) fn add(&mut self, document: Document) -> u64 {
        let number = self.documents.len() as u64;
        let document = Document { number, ..document };
        self.by_manifest.insert(document.manifest(), number);
        self.by_root.insert(pieces_root(&document.piece_digests()), number);
        self.documents.push(document);
        number
    }

    pub(crate) fn document(&self, number: u64) -> Option<&Document> {
        self.documents.get(usize::try_from(number).ok()?)
    }

    pub(crate) fn by_manifest(&self, manifest: Digest) -> Option<&Document> {
        self.document(*self.by_manifest.get(&manifest)?)
    }

    /// The document whose body has this root.
    pub(crate) fn by_root(&self, root: Digest) -> Option<&Document> {
        self.document(*self.by_root.get(&root)?)
    }

    pub(crate) fn len(&self) -> u64 {
        self.documents.len() as u64
    }
}
