//! A county for tests of what workers do: it holds a part of the directory, nobody is linked with it, and its rules do not run.

use crate::clock::Clock;
use crate::closing::Closer;
use crate::config::{Config, Hold};
use crate::current::Current;
use crate::epoch::Epoch;
use crate::feed::Feed;
use crate::index::Index;
use crate::input::Input;
use crate::keeper::LedgerKeeper;
use crate::keys::Keys;
use crate::knowing::Waiting;
use crate::network::create_network;
use crate::opening::Opener;
use crate::proofs::ProofChecker;
use crate::recovery::{Recovered, recover};
use crate::remembered::Remembered;
use crate::shared::Shared;
use crate::versions::begin::{anchor, history, newest};
use crate::versions::{MATTERS_MAX, Matter, Versions, fit::OwnKeys};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};
use yizhan_document::NodeId;
use yizhan_exchange::Profile;
use yizhan_hierarchy::{NetworkPlan, Parcel};
use yizhan_identity::{Cosigner, NoteSigner};
use yizhan_ledger::origin_of;
use yizhan_link::{LinkEvent, Links};
use yizhan_spool::{BodyStore, JournalReader, Quarantine};

/// The county of the demonstration network.
pub(crate) const COUNTY: &str = "652301";

/// It, and what it hands on.
pub(crate) struct County {
    pub(crate) shared: Arc<Shared>,
    /// What goes to its rules.
    pub(crate) inputs: mpsc::Receiver<Input>,
    /// What goes to its task of the versions.
    matters: mpsc::Receiver<Matter>,
    /// The files of all divisions.
    pub(crate) files: BTreeMap<NodeId, Vec<u8>>,
    pub(crate) folder: TempDir,
    _link_events: mpsc::Receiver<LinkEvent>,
}

pub(crate) fn node(text: &str) -> NodeId {
    text.parse().unwrap()
}

impl County {
    /// It holds what it needs always, and has fetched the files of `met`. Needs a tokio runtime around it.
    pub(crate) fn that_met(met: &[&str]) -> Self {
        Self::that_is_to_hold(Hold::Part, met)
    }

    /// The same, to hold the whole again from now on if that is said.
    pub(crate) fn that_is_to_hold(hold: Hold, met: &[&str]) -> Self {
        let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::start());
        let plan = NetworkPlan { base_port: 0, ..NetworkPlan::demo() };
        create_network(&plan, &folder.path().join("net"), clock.wall()).unwrap();
        let mut config = Self::config(folder.path(), COUNTY);
        crate::start::prepare_data_folder(&config.data).unwrap();
        let files = Parcel::read(&config.directory.folder).unwrap().files;
        let newest = || newest(&config, &anchor(&config).unwrap(), clock.wall()).unwrap();
        newest();
        let fetched: BTreeMap<NodeId, Vec<u8>> =
            met.iter().map(|met| (node(met), files[&node(met)].clone())).collect();
        if !fetched.is_empty() {
            history(&config).fetched().keep(&fetched).unwrap();
        }
        let directory = Arc::new(newest());
        config.directory.hold = hold;
        let (events, link_events) = mpsc::channel(1);
        let links = link(&config, clock, &directory, events);
        let (inputs, queue_of_inputs) = mpsc::channel(64);
        let (versions, matters) = mpsc::channel(MATTERS_MAX);
        let (ledger, bodies) = (Epoch::first(config.node).ledger, bodies(&config));
        let (index, keeper) = records(&config, &directory);
        let remembered =
            Remembered::open(&config.data.join("heads"), &[], &ProofChecker::new(Arc::clone(&directory)));
        let shared = Arc::new(Shared {
            clock,
            ledger,
            started: clock.wall(),
            confirmed: AtomicBool::new(true),
            quarantine: Quarantine::open(&config.data.join("quarantine")).unwrap(),
            room: Mutex::default(),
            journal_bytes: AtomicU64::default(),
            remembered: Arc::new(remembered.unwrap()),
            current: current(&config, directory, &bodies),
            told: Mutex::default(),
            versions,
            waiting: Waiting::default(),
            bodies,
            index,
            keeper: Arc::new(Mutex::new(keeper)),
            cosigned: Arc::default(),
            feed: Feed::new(clock.wall()),
            links,
            inputs,
            traffic: Arc::default(),
            wanted: Mutex::default(),
            config,
        });
        Self { shared, inputs: queue_of_inputs, matters, files, folder, _link_events: link_events }
    }

    /// The nodes that are to be known next, and where that is told; dropped, it is not to be.
    pub(crate) async fn need(&mut self) -> (Vec<NodeId>, oneshot::Sender<()>) {
        loop {
            if let Matter::Need { nodes, reply, .. } = self.matters.recv().await.unwrap() {
                return (nodes, reply);
            }
        }
    }

    /// Its task of the versions, which does not run.
    pub(crate) fn versions(&self) -> Versions {
        let config = &self.shared.config;
        let own = OwnKeys::of(config, &Keys::load(config).unwrap());
        Versions::new(Arc::clone(&self.shared), own, anchor(config).unwrap())
    }

    /// The keys of any node of its network.
    pub(crate) fn keys_of(&self, of: &str) -> Keys {
        Keys::load(&Self::config(self.folder.path(), of)).unwrap()
    }

    /// The files of these nodes, as they come.
    pub(crate) fn files_of(&self, nodes: &[&str]) -> BTreeMap<NodeId, Vec<u8>> {
        nodes.iter().map(|name| (node(name), self.files[&node(name)].clone())).collect()
    }

    fn config(folder: &Path, of: &str) -> Config {
        let mut config = Config::load(&folder.join("net/nodes").join(of).join("node.toml")).unwrap();
        config.directory.hold = Hold::Part;
        config
    }
}

fn link(
    config: &Config,
    clock: Clock,
    directory: &yizhan_hierarchy::Directory,
    events: mpsc::Sender<LinkEvent>,
) -> Links {
    let mut link = crate::start::link_config(config, &Keys::load(config).unwrap(), directory, clock);
    link.neighbours.clear();
    Links::start(link, Arc::new(|neighbour| panic!("{neighbour} is linked")), events).unwrap()
}

fn bodies(config: &Config) -> Arc<BodyStore> {
    Arc::new(BodyStore::open(&config.data.join("bodies")).unwrap())
}

fn current(
    config: &Config,
    directory: Arc<yizhan_hierarchy::Directory>,
    bodies: &Arc<BodyStore>,
) -> Arc<Current> {
    let (me, keys) = (config.node, Keys::load(config).unwrap());
    let opener = Opener::new(me, Arc::clone(&directory), Arc::new(keys.opening)).unwrap();
    let (offices, bodies) = (Arc::new(keys.offices), Arc::clone(bodies));
    let closer = Closer { me, directory: Arc::clone(&directory), offices, bodies, keys: Arc::default() };
    Arc::new(Current::new(directory, opener, closer))
}

/// Journal and ledger, with nothing in them.
fn records(config: &Config, directory: &Arc<yizhan_hierarchy::Directory>) -> (Index, LedgerKeeper) {
    let (network, keys) = (config.network.clone(), Keys::load(config).unwrap());
    let Epoch { ledger, previous } = Epoch::first(config.node);
    let signer = NoteSigner::new(origin_of(&network, ledger), keys.ledger).unwrap();
    let cosigner = Cosigner::new(format!("{network}/{}/witness", config.node), keys.witness).unwrap();
    let quarantine = Quarantine::open(&config.data.join("quarantine")).unwrap();
    let max_classification = config.max_classification;
    let profile = Profile { network: network.clone(), ledger, max_classification, previous };
    let recovered = recover(&config.data, profile, directory, &quarantine, &signer.verifier()).unwrap();
    let Recovered { log, journal, queue, .. } = recovered;
    let reader = JournalReader::new(journal.folder().clone(), journal.reader());
    (Index::new(ledger, queue, reader), LedgerKeeper::new(&network, ledger, log, signer, cosigner))
}
