//! Starts on folders that were left at a bad moment: what the journal holds is known again, and nothing of it goes.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::config::Config;
use crate::network::create_network;
use std::path::PathBuf;
use tempfile::TempDir;
use yizhan_document::{Classification, Digest, EnvelopeId, LedgerId, Urgency, WallTime, merkle};
use yizhan_exchange::{Acceptance, Condensed, Entered, Fact, Source};
use yizhan_hierarchy::{NetworkPlan, TrustAnchor};
use yizhan_identity::{NoteSigner, SigningKey};
use yizhan_journal::{Condensation, Owner, RawRecord, StoredBody, StoredEnvelope};
use yizhan_ledger::{Entry, EntryRef, Event, Target, origin_of};
use yizhan_protocol::{ProofBundle, ProvenEntry};
use yizhan_spool::{Changes, ReceiptKey};

const ME: &str = "6523";
const NETWORK: &str = "xinjiang.example";
const DOCUMENTS: u64 = 40;

fn now() -> WallTime {
    "2026-11-20T08:00:00Z".parse().unwrap()
}

fn own() -> LedgerId {
    LedgerId { node: ME.parse().unwrap(), epoch: 0 }
}

fn id(counter: u64) -> EnvelopeId {
    EnvelopeId { origin: ME.parse().unwrap(), epoch: 0, counter }
}

fn raw(record: &Record) -> RawRecord {
    let (kind, payload) = record.encode().unwrap();
    RawRecord { kind, payload }
}

fn entered(index: u64) -> Fact {
    let (id, envelope) = (id(index), Digest::of(&index.to_be_bytes()));
    let event = Event::AcceptanceRejectionExpiry { id, envelope, units: units() };
    let bytes = Entry { time: now(), event }.to_bytes().unwrap();
    Fact::Entered(Entered { index, bytes, home: None })
}

fn units() -> Vec<Target> {
    vec![Target { node: "652301".parse().unwrap(), attempt: 0 }]
}

/// Custody of a document, with its entry.
fn accepted(index: u64) -> Vec<Fact> {
    let acceptance = Acceptance {
        at: EntryRef { ledger: own(), index, leaf: Digest::of(b"leaf") },
        id: id(index),
        header: Digest::of(&index.to_be_bytes()),
        source: Source::Office,
        units: units(),
        numbers: vec![index],
        urgency: Urgency::default(),
        deadline: now(),
        size: 4,
        inline: true,
        path: Vec::new(),
        key: None,
    };
    vec![entered(index), Fact::Accepted(Box::new(acceptance))]
}

/// What another node says of the first document, in the bundle it came in.
fn receipt() -> (ReceiptKey, Record) {
    let ledger = LedgerId { node: "65".parse().unwrap(), epoch: 0 };
    let Fact::Entered(Entered { bytes: entry, .. }) = entered(0) else { panic!("an entry") };
    let proven = ProvenEntry { index: 5, entry, path: Vec::new(), attachment: Vec::new() };
    let bundle = ProofBundle { ledger, checkpoint: Vec::new(), entries: vec![proven] };
    let key = ReceiptKey { envelope: id(0), destination: None, ledger, index: 5 };
    (key, Record::Receipts(Box::new(bundle)))
}

fn content(holding: u64) -> Record {
    Record::Envelope(Box::new(StoredEnvelope {
        holding,
        header: format!("header {holding}").into_bytes(),
        slips: Vec::new(),
        origin: None,
        body: StoredBody::Inline(vec![7; 60]),
        card: Vec::new(),
    }))
}

/// A data folder of a node that has a directory.
struct Made {
    folder: TempDir,
    directory: Arc<Directory>,
    verifier: NoteVerifier,
}

impl Made {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plan = NetworkPlan { base_port: 0, ..NetworkPlan::demo() };
        create_network(&plan, &folder.path().join("net"), now()).unwrap();
        let config = Config::load(&folder.path().join(format!("net/nodes/{ME}/node.toml"))).unwrap();
        let vkeys = config.directory.authorities.iter().map(String::as_str);
        let anchor = TrustAnchor::from_vkeys(vkeys, config.directory.threshold).unwrap();
        let directory = Arc::new(Directory::load(&config.directory.folder, &anchor, now()).unwrap());
        let key = SigningKey::generate().unwrap();
        let verifier = NoteSigner::new(origin_of(NETWORK, own()), key).unwrap().verifier();
        std::fs::create_dir_all(folder.path().join("data/journal")).unwrap();
        Self { folder, directory, verifier }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn profile(&self) -> Profile {
        let max_classification = Classification::Unclassified;
        Profile { network: NETWORK.to_owned(), ledger: own(), max_classification, previous: Vec::new() }
    }

    fn quarantine(&self) -> Quarantine {
        Quarantine::open(&self.data().join("quarantine")).unwrap()
    }

    /// The journal, and where each of its records lies.
    fn journal(&self) -> (Journal<RealFolder>, Vec<(Location, Record)>) {
        let mut seen = Vec::new();
        let folder = RealFolder::open(&self.data().join("journal")).unwrap();
        let (journal, _) = Journal::open(folder, JournalOptions::new(7), &mut |at, kind, payload| {
            seen.push((at, Record::decode(kind, payload)?));
            Ok(())
        })
        .unwrap();
        (journal, seen)
    }

    fn recover(&self) -> Result<Recovered, NodeError> {
        recover(&self.data(), self.profile(), &self.directory, &self.quarantine(), &self.verifier)
    }

    fn segments(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.data().join("journal")).unwrap();
        let mut names: Vec<_> = names.map(|name| name.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn flip(&self, at: Location) {
        let path = self.data().join("journal").join(format!("{:012}.seg", at.segment));
        let mut bytes = std::fs::read(&path).unwrap();
        // The header of a record is shorter than any record here.
        bytes[at.offset as usize + at.len as usize] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }

    /// So many documents, and a whole copy of all of them; then a clean stop, before anything of the originals went. The queue
    /// knows each content by its place in the copy. Returns where each record of the copy lies.
    fn stopped_behind_a_copy(&self) -> Vec<(Location, Record)> {
        let (mut journal, _) = self.journal();
        let mut node = Node::new(self.profile(), Arc::clone(&self.directory));
        for index in 0..DOCUMENTS {
            let facts = accepted(index);
            facts.iter().for_each(|fact| node.recall(fact));
            journal.append(&[raw(&content(index)), raw(&Record::Facts(facts))]).unwrap();
            journal.sync().unwrap();
        }
        node.recalled();
        let (key, received) = receipt();
        let places_of_receipts = journal.append(&[raw(&received)]).unwrap();
        journal.sync().unwrap();
        let (state, root) = (node.state(), merkle::root(&[]));
        let (facts, live) = (state.condensed(0, root), state.live_holdings());
        let what = Condensation { facts, live, base: 0, living_percent: 50, room: None };
        let mut places = Changes::new();
        places.put_receipt(&key, places_of_receipts[0]).unwrap();
        let mut carried = |told: yizhan_journal::Carried| {
            for (owner, at) in told {
                match owner {
                    Owner::Holding(holding) => places.put_holding(holding, at).unwrap(),
                    _ => places.put_receipt(&key, at).unwrap(),
                }
            }
        };
        let copied = journal.condense(&what, &mut carried).unwrap();
        let position = journal.close().unwrap();
        let (queue, _) = Queue::open(&self.data().join("queue"), position, &self.quarantine()).unwrap();
        queue.write(places).unwrap();
        queue.close(position).unwrap();
        let (_, seen) = self.journal();
        seen.into_iter().filter(|(at, _)| at.segment >= copied.segment).collect()
    }
}

fn assert_all_is_there(recovered: &Recovered) {
    let known: Vec<u64> = recovered.node.state().holdings().keys().copied().collect();
    assert_eq!(known, (0..DOCUMENTS).collect::<Vec<_>>());
    assert_eq!((recovered.lost.as_slice(), recovered.log.size()), (&[][..], DOCUMENTS));
    for holding in known {
        let at = recovered.queue.holding(holding).unwrap().unwrap();
        let (kind, payload) = recovered.journal.read(at).unwrap();
        assert_eq!(Record::decode(kind, &payload).unwrap(), content(holding));
    }
    let (key, received) = receipt();
    let found = recovered.queue.receipts(&id(0)).unwrap();
    let places: Vec<_> = found.into_iter().filter(|(found, _)| *found == key).map(|(_, at)| at).collect();
    let (kind, payload) = recovered.journal.read(places[0]).unwrap();
    assert_eq!((Record::decode(kind, &payload).unwrap(), places.len()), (received, 1));
}

#[test]
fn a_queue_takes_in_a_record_of_many_facts() {
    let made = Made::new();
    let (mut journal, _) = made.journal();
    const ENTRIES: u64 = 1_100;
    journal.append(&[raw(&Record::Facts((0..ENTRIES).map(entered).collect()))]).unwrap();
    journal.sync().unwrap();
    drop(journal);
    let recovered = made.recover().unwrap();
    assert_eq!(recovered.log.size(), ENTRIES);
    for index in 0..ENTRIES {
        let found = recovered.queue.receipts(&id(index)).unwrap();
        assert_eq!(found.iter().map(|(key, _)| key.index).collect::<Vec<_>>(), [index]);
    }
}

#[test]
fn originals_go_once_their_copy_is_whole() {
    let made = Made::new();
    made.stopped_behind_a_copy();
    let recovered = made.recover().unwrap();
    assert_all_is_there(&recovered);
    assert!(recovered.whole);
    assert!(!made.segments().contains(&format!("{:012}.seg", 1)));
}

#[test]
fn a_damaged_copy_yields_to_its_originals() {
    let is_facts = |record: &Record, of: fn(&Condensed) -> bool| match record {
        Record::Facts(facts) => {
            matches!(facts.first(), Some(Fact::Condensed(part)) if of(part)) && facts.len() > 1
        }
        _ => false,
    };
    type Harmed<'a> = (&'a str, Box<dyn Fn(&Record) -> bool>);
    let harms: [Harmed<'_>; 4] = [
        ("state", Box::new(move |r| is_facts(r, |part| matches!(part, Condensed::Holding { .. })))),
        ("content", Box::new(|record| *record == content(17))),
        ("receipts", Box::new(|record| matches!(record, Record::Receipts(_)))),
        ("entries", Box::new(move |r| is_facts(r, |part| matches!(part, Condensed::Entered { .. })))),
    ];
    for (what, harmed) in harms {
        let made = Made::new();
        let copy = made.stopped_behind_a_copy();
        let (at, _) = copy.iter().find(|(_, record)| harmed(record)).unwrap();
        made.flip(*at);
        let before = made.segments();
        for round in 0..3 {
            let recovered = made.recover().unwrap();
            assert_all_is_there(&recovered);
            assert!(!recovered.whole, "{what}, round {round}");
            let now = made.segments();
            assert!(before.iter().all(|name| now.contains(name)), "{what}, round {round}: {now:?}");
        }
    }
}

#[test]
fn a_record_that_does_not_read_leaves_every_body_where_it_is() {
    let made = Made::new();
    let (mut journal, _) = made.journal();
    let facts = raw(&Record::Facts(accepted(0)));
    let unread = RawRecord { payload: facts.payload[..facts.payload.len() - 1].to_vec(), ..facts };
    journal.append(&[unread]).unwrap();
    journal.sync().unwrap();
    drop(journal);
    // What it decided is not known: a body that only it needed must not go.
    assert!(!made.recover().unwrap().whole);
}

#[test]
fn a_queue_that_was_not_told_all_of_a_copy_is_not_believed_when_its_originals_go() {
    let made = Made::new();
    made.stopped_behind_a_copy();
    let (journal, seen) = made.journal();
    let (original, _) = seen.iter().find(|(_, record)| *record == content(17)).unwrap();
    let position = journal.close().unwrap();
    let (queue, _) = Queue::open(&made.data().join("queue"), position, &made.quarantine()).unwrap();
    let mut places = Changes::new();
    places.put_holding(17, *original).unwrap();
    queue.write(places).unwrap();
    queue.close(position).unwrap();
    drop(queue);
    assert_all_is_there(&made.recover().unwrap());
    assert!(!made.segments().contains(&format!("{:012}.seg", 1)));
}
