//! A small network for tests: seven nodes whose ledgers are written entry by entry, honestly or not.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;
use yizhan_audit::{ChainVerdict, Fault, Report, Verdict, verify_network};
use yizhan_document::{
    Attempt, Classification, Digest, EnvelopeId, LedgerId, NodeId, Urgency, WallTime, merkle,
};
use yizhan_hierarchy::{Directory, Division, Draft};
use yizhan_identity::{CertificateAuthority, Cosigner, NoteSigner, OpeningKey, SigningKey};
use yizhan_ledger::tiles::{FolderTiles, VKEY_PATH};
use yizhan_ledger::{
    Entry, EntryRef, Event, Head, Log, OfficeEvent, Passed, Target, origin_of, sign_checkpoint,
    verifier_keys_text,
};

pub(crate) const NETWORK: &str = "xinjiang.example";
/// Node and parent.
const NODES: [(&str, Option<&str>); 7] = [
    ("65", None),
    ("6523", Some("65")),
    ("6531", Some("65")),
    ("652301", Some("6523")),
    ("652324", Some("6523")),
    ("653101", Some("6531")),
    ("653130", Some("6531")),
];

/// The network, its directory, and what each node wrote.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) directory: Directory,
    pub(crate) authority: NoteSigner,
    pub(crate) scribes: BTreeMap<NodeId, Scribe>,
}

/// One node's ledger in the making.
pub(crate) struct Scribe {
    pub(crate) ledger: LedgerId,
    key: SigningKey,
    pub(crate) signer: NoteSigner,
    pub(crate) cosigner: Cosigner,
    /// The entries as bytes; a test that plays a lying node changes them before they are published.
    pub(crate) entries: Vec<Vec<u8>>,
    /// Who cosigns the checkpoint.
    pub(crate) witnesses: Vec<NodeId>,
}

pub(crate) fn node(text: &str) -> NodeId {
    text.parse().unwrap()
}

/// So many seconds into the story.
pub(crate) fn at(seconds: u64) -> WallTime {
    "2026-11-20T08:00:00Z".parse::<WallTime>().unwrap().plus_ms(seconds * 1000)
}

/// Until when documents of the story are to be delivered.
pub(crate) fn deadline() -> WallTime {
    at(1000)
}

pub(crate) fn unit(destination: &str, attempt: Attempt) -> Target {
    Target { node: node(destination), attempt }
}

pub(crate) fn header(id: EnvelopeId) -> Digest {
    Digest::of(format!("header of {id}").as_bytes())
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority =
            NoteSigner::new("authority.xinjiang.example", SigningKey::generate().unwrap()).unwrap();
        let mut scribes = BTreeMap::new();
        for (id, _) in NODES {
            let ledger = LedgerId { node: node(id), epoch: 0 };
            let key = SigningKey::generate().unwrap();
            let signer = NoteSigner::new(origin_of(NETWORK, ledger), key.clone()).unwrap();
            let cosigner =
                Cosigner::new(format!("{NETWORK}/{id}/witness"), SigningKey::generate().unwrap()).unwrap();
            let scribe = Scribe { ledger, key, signer, cosigner, entries: Vec::new(), witnesses: Vec::new() };
            scribes.insert(ledger.node, scribe);
        }
        let ca = CertificateAuthority::create(NETWORK, at(0), 10).unwrap();
        let divisions =
            NODES.iter().map(|(id, parent)| (node(id), division(&scribes[&node(id)], *parent))).collect();
        let draft = Draft {
            network: NETWORK.to_owned(),
            version: 1,
            issued: at(0),
            expires: at(365 * 24 * 3600),
            threshold: 1,
            ca: ca.certificate_der().to_vec(),
            revoked: std::collections::BTreeSet::new(),
            delegations: BTreeMap::new(),
            policy: yizhan_hierarchy::Policy::default(),
            joined: BTreeMap::new(),
            divisions,
        };
        let directory =
            Directory::publish(&folder.path().join("directory"), &draft, std::slice::from_ref(&authority))
                .unwrap();
        let mut world = Self { folder, directory, authority, scribes };
        for (id, _) in NODES {
            let ledger = world.scribes[&node(id)].ledger;
            let (network, reason) = (NETWORK.to_owned(), "created".to_owned());
            world.enter(id, 0, Event::EpochOpened { network, ledger, reason, previous: Vec::new() });
        }
        world
    }

    /// Enters an event, and says where.
    pub(crate) fn enter(&mut self, by: &str, seconds: u64, event: Event) -> EntryRef {
        let scribe = self.scribes.get_mut(&node(by)).unwrap();
        let bytes = Entry { time: at(seconds), event }.to_bytes().unwrap();
        scribe.entries.push(bytes.clone());
        EntryRef::to(scribe.ledger, scribe.entries.len() as u64 - 1, &bytes)
    }

    /// A node goes on with a new ledger, under the same key; what it wrote before is in no folder any more.
    pub(crate) fn begin_epoch(&mut self, by: &str, seconds: u64, previous: Vec<Head>) {
        let scribe = self.scribes.get_mut(&node(by)).unwrap();
        let ledger = LedgerId { epoch: scribe.ledger.epoch + 1, ..scribe.ledger };
        scribe.signer = NoteSigner::new(origin_of(NETWORK, ledger), scribe.key.clone()).unwrap();
        (scribe.ledger, scribe.entries) = (ledger, Vec::new());
        let (network, reason) = (NETWORK.to_owned(), "restored".to_owned());
        self.enter(by, seconds, Event::EpochOpened { network, ledger, reason, previous });
    }

    pub(crate) fn submit(
        &mut self,
        by: &str,
        seconds: u64,
        counter: u64,
        to: &[&str],
    ) -> (EnvelopeId, EntryRef) {
        let id = EnvelopeId { origin: node(by), epoch: 0, counter };
        let event = Event::SubmissionAcceptance {
            id,
            envelope: header(id),
            manifest: Digest::of(b"manifest"),
            to: to.iter().map(|to| node(to)).collect(),
            urgency: Urgency::Normal,
            deadline: deadline(),
            size: 4096,
            directory: 1,
        };
        (id, self.enter(by, seconds, event))
    }

    /// The taker's half of a hop.
    pub(crate) fn accept(
        &mut self,
        id: EnvelopeId,
        (from, to): (&str, &str),
        seconds: u64,
        link: u64,
        rests_on: EntryRef,
        units: &[Target],
    ) -> EntryRef {
        let (from, units) = (node(from), units.to_vec());
        self.enter(
            to,
            seconds,
            Event::RelayAcceptance { id, envelope: header(id), units, from, link, rests_on },
        )
    }

    /// The giver's half of a hop: under the taker's ledger as it is now.
    pub(crate) fn attest(&mut self, from: &str, seconds: u64, link: u64, taken: EntryRef) {
        let Head { ledger, size, root } = self.head(taken.ledger.node.as_str());
        let passed = vec![Passed { link, index: taken.index }];
        self.enter(from, seconds, Event::CustodyPassed { to: ledger, size, root, passed });
    }

    /// A whole hop; the giver enters its half a second later.
    pub(crate) fn pass(
        &mut self,
        id: EnvelopeId,
        (from, to): (&str, &str),
        seconds: u64,
        link: u64,
        rests_on: EntryRef,
        units: &[Target],
    ) -> EntryRef {
        let taken = self.accept(id, (from, to), seconds, link, rests_on, units);
        self.attest(from, seconds + 1, link, taken);
        taken
    }

    pub(crate) fn consign(
        &mut self,
        id: EnvelopeId,
        by: &str,
        seconds: u64,
        attempt: Attempt,
        rests_on: EntryRef,
    ) -> EntryRef {
        let offices = vec![Digest::of(b"office")];
        self.enter(
            by,
            seconds,
            Event::ContentConsignment { id, envelope: header(id), attempt, offices, rests_on },
        )
    }

    pub(crate) fn sign_for(&mut self, id: EnvelopeId, by: &str, seconds: u64, consigned: EntryRef) {
        let statement = None;
        let event = OfficeEvent {
            id,
            envelope: header(id),
            attempt: 0,
            office: Digest::of(b"office"),
            statement,
            rests_on: consigned,
        };
        self.enter(by, seconds, Event::ContentHandover(event.clone()));
        let statement = Some(Digest::of(b"statement"));
        self.enter(by, seconds + 1, Event::SignedFor(OfficeEvent { statement, ..event }));
    }

    /// The whole road of three hops from 652301 to 6531, signed for; `counter` also numbers the links.
    pub(crate) fn deliver(&mut self, counter: u64) -> EnvelopeId {
        let (id, submitted) = self.submit("652301", 10, counter, &["6531"]);
        let units = [unit("6531", 0)];
        let first = self.pass(id, ("652301", "6523"), 20, counter, submitted, &units);
        let second = self.pass(id, ("6523", "65"), 30, counter, first, &units);
        let third = self.pass(id, ("65", "6531"), 40, counter, second, &units);
        let consigned = self.consign(id, "6531", 40, 0, third);
        self.sign_for(id, "6531", 60, consigned);
        id
    }

    /// The ledger of a node as it is now.
    pub(crate) fn head(&self, of: &str) -> Head {
        let scribe = &self.scribes[&node(of)];
        let leaves: Vec<Digest> = scribe.entries.iter().map(|entry| merkle::leaf_hash(entry)).collect();
        Head { ledger: scribe.ledger, size: leaves.len() as u64, root: merkle::root(&leaves) }
    }

    pub(crate) fn ledger_folder(&self, of: &str) -> PathBuf {
        self.folder.path().join("nodes").join(of).join("ledger")
    }

    /// Writes the ledgers of all nodes and gives their folders.
    pub(crate) fn publish(&self) -> Vec<PathBuf> {
        NODES.iter().map(|(id, _)| self.publish_into(id, self.ledger_folder(id))).collect()
    }

    /// Writes the ledger of one node into a folder of its own.
    pub(crate) fn publish_into(&self, of: &str, folder: PathBuf) -> PathBuf {
        drop(fs::remove_dir_all(&folder));
        let scribe = &self.scribes[&node(of)];
        let (mut log, _) = Log::open(FolderTiles::new(&folder)).unwrap();
        for entry in &scribe.entries {
            log.append(entry).unwrap();
        }
        let mut signed = sign_checkpoint(&scribe.signer, log.size(), log.root());
        for witness in &scribe.witnesses {
            let cosigner = &self.scribes[witness].cosigner;
            let line = cosigner.cosign(signed.signed_text(), at(200).as_seconds());
            signed.add_cosignature(&line, &[cosigner.verifier()]).unwrap();
        }
        log.publish(&signed.to_text()).unwrap();
        fs::write(folder.join(VKEY_PATH), verifier_keys_text(&[scribe.signer.verifier()])).unwrap();
        folder
    }

    /// Publishes and audits all ledgers.
    pub(crate) fn audit(&self) -> Report {
        verify_network(&self.directory, &self.publish(), None)
    }

    /// Publishes and audits all ledgers but those of some nodes.
    pub(crate) fn audit_without(&self, left_out: &[&str]) -> Report {
        self.publish();
        let given = NODES.iter().map(|(id, _)| *id).filter(|id| !left_out.contains(id));
        let folders: Vec<PathBuf> = given.map(|id| self.ledger_folder(id)).collect();
        verify_network(&self.directory, &folders, None)
    }
}

fn division(scribe: &Scribe, parent: Option<&str>) -> Division {
    let id = scribe.ledger.node;
    Division {
        node: id,
        parent: parent.map(node),
        backup_parents: Vec::new(),
        direct_links: Vec::new(),
        names: BTreeMap::from([("zh".to_owned(), format!("{id} 号驿站"))]),
        endpoints: Vec::new(),
        ledger: scribe.signer.verifier(),
        witness: scribe.cosigner.verifier(),
        opening: OpeningKey::generate().unwrap().public(),
        max_classification: Classification::Unclassified,
        offices: Vec::new(),
    }
}

/// The one chain of a report about one document and destination.
pub(crate) fn only_chain(report: &Report) -> &ChainVerdict {
    assert_eq!(report.documents.len(), 1, "{report:#?}");
    assert_eq!(report.documents[0].destinations.len(), 1, "{report:#?}");
    &report.documents[0].destinations[0]
}

/// All faults found between ledgers and within them, each once.
pub(crate) fn faults(report: &Report) -> Vec<Fault> {
    let within = report.ledgers.iter().flat_map(|ledger| &ledger.problems);
    let mut faults: Vec<Fault> = report.problems.iter().chain(within).map(|problem| problem.fault).collect();
    faults.sort();
    faults.dedup();
    faults
}

pub(crate) fn is_forged(chain: &ChainVerdict) -> bool {
    matches!(chain.verdict, Verdict::Forged { .. }) && !chain.proven
}
