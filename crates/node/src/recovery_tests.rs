//! Starts on folders that were left at a bad moment: what the journal holds is known again.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::config::Config;
use crate::network::create_network;
use std::path::PathBuf;
use tempfile::TempDir;
use yizhan_document::{Classification, Digest, EnvelopeId, WallTime};
use yizhan_exchange::{Entered, Fact};
use yizhan_hierarchy::{NetworkPlan, TrustAnchor};
use yizhan_identity::{NoteSigner, SigningKey};
use yizhan_journal::RawRecord;
use yizhan_ledger::{Entry, Event, Target, origin_of};

const ME: &str = "6523";
const NETWORK: &str = "xinjiang.example";

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
