//! Starts a node: keys, directory, lock, recovery, links, desk, event loop; and ends it in the opposite order.

use crate::clock::Clock;
use crate::closing::Closer;
use crate::config::Config;
use crate::current::Current;
use crate::daemon::Daemon;
use crate::door::Door;
use crate::epoch::Epoch;
use crate::epochs::cosigned_before;
use crate::fault::NodeError;
use crate::feed::Feed;
use crate::index::Index;
use crate::keeper::LedgerKeeper;
use crate::keys::Keys;
use crate::knowing::Waiting;
use crate::opening::Opener;
use crate::placement;
use crate::proofs::ProofChecker;
use crate::reclaiming::{Reclaiming, Told};
use crate::recovery::{Recovered, recover};
use crate::remembered::Remembered;
use crate::shared::Shared;
use crate::versions::{self, Versions, fit::OwnKeys};
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use yizhan_document::{LedgerId, NodeId};
use yizhan_exchange::{Profile, Quota};
use yizhan_hierarchy::Directory;
use yizhan_identity::{Cosigner, NoteSigner, certificate_to_pem, check_issued_by};
use yizhan_ledger::{Log, origin_of, tiles::CHECKPOINT_PATH};
use yizhan_link::{ForeignNetwork, LinkConfig, LinkEvent, LinkTiming, Links, NeighbourConfig};
use yizhan_protocol::Hello;
use yizhan_spool::{
    BodyStore, Committer, FolderLock, JournalReader, Quarantine, create_folder, write_atomically,
};

/// Inputs that wait for the event loop, at the most.
const INPUTS_MAX: usize = 1024;
/// Of the file system, so large a part may hold what one neighbour handed over for one destination.
const DISK_SHARE: u64 = 32;
/// How long answers of the desk may take once the node stops.
const DESK_PATIENCE: Duration = Duration::from_secs(2);
/// Link events that wait to be looked at, at the most.
const LINK_EVENTS_MAX: usize = 256;
/// What stands in `format` of a data folder that this release reads.
const DATA_FORMAT: &str = "yizhan data folder v1\n";
/// The protocol versions this release speaks.
pub(crate) const VERSIONS: &[u16] = &[1];

/// Runs a node until `stop` is done, or until it may promise nothing more. A restart continues where it ended.
pub async fn run(config: Config, stop: impl Future<Output = ()> + Send) -> Result<(), NodeError> {
    let clock = Clock::start();
    let keys = Keys::load(&config)?;
    let anchor = versions::begin::anchor(&config)?;
    prepare_data_folder(&config.data)?;
    let _lock = FolderLock::acquire(&config.data)?;
    let directory = Arc::new(versions::begin::newest(&config, &anchor, clock.wall())?);
    let own = OwnKeys::of(&config, &keys);
    check_fit(&config, &keys, &own, &directory, &clock)?;
    let quarantine = Quarantine::open(&config.data.join("quarantine"))?;
    let place = placement::look(&config.data)?;
    let epoch = Epoch::read(&config.data, config.node)?;
    let (ledger, previous) = (epoch.ledger, epoch.previous.clone());
    let (network, max_classification) = (config.network.clone(), config.max_classification);
    let profile = Profile { network, ledger, max_classification, previous };
    let misfit = |e: yizhan_identity::NoteError| NodeError::Misfit(e.to_string());
    let signer = NoteSigner::new(origin_of(&config.network, ledger), keys.ledger.clone()).map_err(misfit)?;
    let recovered = recover(&config.data, profile, &directory, &quarantine, &signer.verifier())?;
    let Recovered { mut node, lost, log, journal, queue, whole } = recovered;
    node.set_quota(quota(&config)?);
    epoch.check(&log)?;
    let keeper = Arc::new(Mutex::new(keep_ledger(&config, &keys, &directory, ledger, (log, signer))?));
    let cosigned = Arc::new(Mutex::new(cosigned_before(&node, &directory.neighbours(config.node))));
    let (link_events, link_inputs) = mpsc::channel::<LinkEvent>(LINK_EVENTS_MAX);
    let proofs = ProofChecker::new(Arc::clone(&directory));
    let heads = config.data.join("heads");
    let remembered = Arc::new(Remembered::open(&heads, &directory.neighbours(config.node), &proofs)?);
    node.state().epochs().values().for_each(|opened| remembered.remember_epoch(opened, &proofs));
    let bodies = Arc::new(BodyStore::open(&config.data.join("bodies"))?);
    let me = config.node;
    let link_config = link_config(&config, &keys, &directory, clock);
    let opener = Opener::new(me, Arc::clone(&directory), Arc::new(keys.opening))
        .map_err(|e| NodeError::Misfit(e.to_string()))?;
    let offices = Arc::new(keys.offices);
    let (bodies_of_closer, keys) = (Arc::clone(&bodies), Arc::default());
    let closer = Closer { me, directory: Arc::clone(&directory), offices, bodies: bodies_of_closer, keys };
    let current = Arc::new(Current::new(directory, opener, closer));
    let hello = hello(&config, ledger, &current, clock, &keeper, &cosigned, &remembered);
    let links = Links::start(link_config, hello, link_events)?;
    // A folder that was put back may be older than its bodies.
    if whole && place == placement::Place::Known {
        crate::released::sweep(&bodies, node.state())?;
    }
    let path = config.data.join("journal");
    let at = |source| NodeError::Folder { path: path.clone(), source };
    let reader = JournalReader::new(journal.folder().clone(), journal.reader());
    let journal_bytes = AtomicU64::new(journal.bytes());
    let reclaiming = Reclaiming::beginning(journal.kept_bytes(), &config);
    let (commit_tell, mut commits) = mpsc::unbounded_channel();
    let told = move |outcome| {
        // The loop is gone: nothing waits for this any more, and the journal has it.
        commit_tell.send(Told::of(outcome)).unwrap_or_default();
    };
    let committer = Committer::spawn(journal, told).map_err(at)?;
    let (inputs, queue_of_inputs) = mpsc::channel(INPUTS_MAX);
    let (versions, matters) = mpsc::channel(versions::MATTERS_MAX);
    let shared = Arc::new(Shared {
        clock,
        ledger,
        started: clock.wall(),
        confirmed: AtomicBool::new(false),
        quarantine,
        room: Mutex::default(),
        journal_bytes,
        remembered,
        current,
        told: Mutex::default(),
        versions,
        waiting: Waiting::default(),
        bodies,
        index: Index::new(ledger, queue, reader),
        keeper,
        cosigned,
        feed: Feed::new(clock.wall()),
        links,
        inputs,
        traffic: Arc::default(),
        wanted: Mutex::default(),
        config,
    });
    let mut daemon = Daemon::new(Arc::clone(&shared), node, committer, reclaiming);
    let socket = yizhan_desk::bind(&shared.config.desk_socket()).await?;
    let (close_desk, desk_closes) = tokio::sync::oneshot::channel::<()>();
    let door = Arc::new(Door::new(Arc::clone(&shared)));
    let desk = tokio::spawn(yizhan_desk::serve(socket, door, async move {
        desk_closes.await.unwrap_or_default();
    }));
    let listening = tokio::spawn(crate::neighbours::listen(Arc::clone(&shared), link_inputs));
    let taking_versions = tokio::spawn(Versions::new(Arc::clone(&shared), own, anchor).run(matters));
    tracing::info!(node = %me, address = %shared.links.local_addr(), "the node runs");
    let outcome = daemon.run(queue_of_inputs, (place, lost), &mut commits, stop).await;
    tracing::info!(node = %me, "the node stops");
    close_desk.send(()).unwrap_or_default();
    listening.abort();
    taking_versions.abort();
    // The loop is gone: what the desk still asks is answered with "stopping", and answers under way leave.
    let mut desk = desk;
    if tokio::time::timeout(DESK_PATIENCE, &mut desk).await.is_err() {
        desk.abort();
    }
    match outcome {
        Ok(()) => daemon.close(commits).await,
        Err(error) => {
            tracing::error!(%error, "ALARM: the node promises nothing more");
            Err(error)
        }
    }
}

/// What each neighbour may make this node hold, on this disk.
fn quota(config: &Config) -> Result<Quota, NodeError> {
    let bytes = match config.quota.neighbour_bytes {
        Some(bytes) => bytes,
        None => {
            let at =
                |error: yizhan_spool::DiskError| NodeError::Folder { path: error.path, source: error.source };
            yizhan_spool::capacity_bytes(&config.data).map_err(at)? / DISK_SHARE
        }
    };
    Ok(Quota { documents: config.quota.neighbour_documents, bytes })
}

/// The ledger as it is kept from now on: with the keys that speak for it and the cosignatures that were published.
fn keep_ledger(
    config: &Config,
    keys: &Keys,
    directory: &Directory,
    ledger: LedgerId,
    (log, signer): (Log, NoteSigner),
) -> Result<LedgerKeeper, NodeError> {
    let folder = config.data.join("ledger");
    let witness = format!("{}/{}/witness", config.network, config.node);
    let cosigner =
        Cosigner::new(witness, keys.witness.clone()).map_err(|e| NodeError::Misfit(e.to_string()))?;
    let mut keeper = LedgerKeeper::new(&config.network, ledger, log, signer, cosigner);
    let neighbours = directory.neighbours(config.node);
    let witnesses: Vec<_> =
        neighbours.iter().filter_map(|node| Some(directory.division(*node)?.witness.clone())).collect();
    keeper.remember(&std::fs::read(folder.join(CHECKPOINT_PATH)).unwrap_or_default(), &witnesses);
    keeper.write_vkey(&folder).map_err(NodeError::Ledger)?;
    Ok(keeper)
}

/// The directory must be of this network, and its record of this node must name the keys that the node has.
pub(crate) fn check_fit(
    config: &Config,
    keys: &Keys,
    own: &OwnKeys,
    directory: &Directory,
    clock: &Clock,
) -> Result<(), NodeError> {
    let misfit = |reason: String| Err(NodeError::Misfit(reason));
    if directory.network != config.network {
        return misfit(format!(
            "it is of network {}, the configuration of {}",
            directory.network, config.network
        ));
    }
    if let Some(reason) = own.misfit(directory) {
        return misfit(reason);
    }
    // Those of others are checked with their signatures.
    directory.check_offices(config.node).or_else(|e| misfit(e.to_string()))?;
    check_issued_by(&keys.certificate, &directory.ca, clock.wall()).or_else(|e| {
        let pem = certificate_to_pem(&keys.certificate);
        misfit(format!("the certificate of this node is not good: {e}\n{pem}"))
    })
}

/// Looks whether the data folder is of a form that this release reads, and begins it where it is empty. It is never made: a
/// misspelt path or a disk that is not mounted would else begin a second history.
pub(crate) fn prepare_data_folder(data: &Path) -> Result<(), NodeError> {
    if !data.is_dir() {
        return Err(NodeError::Data(format!(
            "{} is no folder: mount its disk or put `data` in node.toml right; for a node that never ran, make it (mkdir)",
            data.display()
        )));
    }
    let format = data.join("format");
    match std::fs::read_to_string(&format) {
        Ok(found) if found == DATA_FORMAT => {}
        Ok(found) => {
            return Err(NodeError::Data(format!(
                "{} says `{}`, this release reads `{}`; run the release that wrote it",
                format.display(),
                found.trim_end().escape_debug(),
                DATA_FORMAT.trim_end()
            )));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            write_atomically(&format, DATA_FORMAT.as_bytes())?;
        }
        Err(source) => return Err(NodeError::Folder { path: format, source }),
    }
    Ok(create_folder(&data.join("journal"))?)
}

pub(crate) fn link_config(config: &Config, keys: &Keys, directory: &Directory, clock: Clock) -> LinkConfig {
    let link = config.link;
    LinkConfig {
        network: config.network.clone(),
        me: config.node,
        certificate: keys.certificate.clone(),
        key_pkcs8: keys.tls.pkcs8_der(),
        ca: directory.ca.clone(),
        crls: Vec::new(),
        listen: config.listen,
        neighbours: neighbours(directory, config.node, &[]),
        wall: Arc::new(move || clock.wall()),
        timing: LinkTiming {
            backoff_first: Duration::from_millis(link.backoff_ms_min),
            backoff_max: Duration::from_millis(link.backoff_ms_max),
            ..LinkTiming::default()
        },
    }
}

/// The neighbours of `me`, and whoever of `also` is none.
pub(crate) fn neighbours(directory: &Directory, me: NodeId, also: &[NodeId]) -> Vec<NeighbourConfig> {
    let mut nodes = directory.neighbours(me);
    for node in also {
        if !nodes.contains(node) {
            nodes.push(*node);
        }
    }
    let foreign = |node| {
        let other = &directory.joined_with(node)?.directory;
        Some(ForeignNetwork { network: other.network.clone(), ca: other.ca.clone() })
    };
    let config =
        |node| NeighbourConfig { node, endpoint: endpoint(directory, me, node), foreign: foreign(node) };
    nodes.into_iter().map(config).collect()
}

/// Where to dial a neighbour: whoever is below dials, and between equals the one with the smaller id.
fn endpoint(directory: &Directory, me: NodeId, neighbour: NodeId) -> Option<String> {
    let above = |node: NodeId, other: NodeId| {
        let division = directory.division(node)?;
        Some(division.parent == Some(other) || division.backup_parents.contains(&other))
    };
    let dial = above(me, neighbour) == Some(true) || (above(neighbour, me) != Some(true) && me < neighbour);
    let address = directory.division(neighbour)?.endpoints.first()?.to_string();
    dial.then_some(address)
}

type HelloMaker = Arc<dyn Fn(NodeId) -> Hello + Send + Sync>;

fn hello(
    config: &Config,
    ledger: LedgerId,
    current: &Arc<Current>,
    clock: Clock,
    keeper: &Arc<Mutex<LedgerKeeper>>,
    cosigned: &Arc<Mutex<HashMap<NodeId, u64>>>,
    remembered: &Arc<Remembered>,
) -> HelloMaker {
    let (node, current) = (config.node, Arc::clone(current));
    let (keeper, cosigned, remembered) = (Arc::clone(keeper), Arc::clone(cosigned), Arc::clone(remembered));
    Arc::new(move |neighbour| {
        let cosigned = cosigned.lock().unwrap_or_else(PoisonError::into_inner);
        let keeper = keeper.lock().unwrap_or_else(PoisonError::into_inner);
        Hello {
            versions: VERSIONS.to_vec(),
            node,
            ledger,
            checkpoint: keeper.checkpoint().into_bytes(),
            witnessed: cosigned.get(&neighbour).copied().unwrap_or(0),
            directory: current.held().version,
            clock_ms: clock.wall().as_ms(),
            remembered: remembered.of(neighbour),
        }
    })
}
