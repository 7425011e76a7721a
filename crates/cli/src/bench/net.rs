//! A network under measurement: made in a folder of its own, its nodes as processes, each with what is read of it.

use super::arrivals::Arrivals;
use super::fault::BenchFault;
use super::gauge::{self, Memory};
use super::terrain::Terrain;
use crate::commands::network::check_sockets;
use crate::failure::Failure;
use crate::processes::Processes;
use futures_util::future::try_join_all;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::time::timeout;
use yizhan_desk::{DeskClient, NodeStatus};
use yizhan_document::{NodeId, OfficeAddress};
use yizhan_node::{Clock, create_network};

/// How long a node may take until it is ready, and its links are up.
const READY_PATIENCE: Duration = Duration::from_secs(600);
/// How often a node that starts is asked whether it is ready: this much a start may seem longer than it is.
const READY_LOOK: Duration = Duration::from_millis(1);
/// How often a node is asked otherwise.
const LOOK: Duration = Duration::from_millis(20);
/// How often the processes are looked after.
const WATCH_LOOK: Duration = Duration::from_millis(100);
const OFFICE: &str = "gov-office";
/// What statfs(2) says of a tmpfs.
const TMPFS_MAGIC: u64 = 0x0102_1994;

/// The network.
pub(crate) struct Net {
    /// The clock of the whole benchmark.
    pub(crate) clock: Clock,
    /// The processes.
    pub(crate) processes: Mutex<Processes>,
    /// Where documents are handed in.
    pub(crate) origin: NodeId,
    /// Where they arrive.
    pub(crate) destinations: Vec<NodeId>,
    /// The node that passes documents on to the last of these.
    pub(crate) before_last: NodeId,
    /// Everything that arrives there.
    pub(crate) arrivals: BTreeMap<NodeId, Arrivals>,
    sockets: BTreeMap<NodeId, PathBuf>,
    place: Option<TempDir>,
    path: PathBuf,
}

/// What was read of a process at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pid: u32,
    cpu_us: u64,
}

impl Net {
    /// Makes the network in a new folder within `folder`, or where temporary files go. No node runs yet.
    pub(crate) fn create(terrain: Terrain, folder: Option<&Path>) -> Result<Self, BenchFault> {
        let parent = folder.map_or_else(std::env::temp_dir, Path::to_path_buf);
        std::fs::create_dir_all(&parent).map_err(BenchFault::file(&parent))?;
        let place = tempfile::Builder::new().prefix("yzb").tempdir_in(&parent);
        let place = place.map_err(BenchFault::file(&parent))?;
        let path = std::path::absolute(place.path()).map_err(BenchFault::file(place.path()))?;
        let network = path.join("n");
        check_sockets(&terrain.plan, &network)?;
        let clock = Clock::start();
        let made = create_network(&terrain.plan, &network, clock.wall())?;
        let sockets: BTreeMap<NodeId, PathBuf> =
            made.nodes.iter().map(|created| (created.node, created.socket.clone())).collect();
        let program = std::env::current_exe().map_err(Failure::Runtime)?;
        let Terrain { origin, destinations, before_last, .. } = terrain;
        Ok(Self {
            clock,
            processes: Mutex::new(Processes::new(program, &made)),
            origin,
            destinations,
            before_last,
            arrivals: BTreeMap::new(),
            sockets,
            place: Some(place),
            path,
        })
    }

    /// Follows what arrives at the destinations from now on.
    pub(crate) fn follow(&mut self) {
        let follow = |node: &NodeId| {
            let socket = self.sockets.get(node).cloned().unwrap_or_default();
            (*node, Arrivals::follow(*node, socket, self.clock))
        };
        self.arrivals = self.destinations.iter().map(follow).collect();
    }

    /// All nodes.
    pub(crate) fn nodes(&self) -> Vec<NodeId> {
        self.sockets.keys().copied().collect()
    }

    /// Whether the network lies on a disk, not in memory.
    pub(crate) fn on_disk(&self) -> bool {
        rustix::fs::statfs(&self.path)
            .is_ok_and(|found| u64::try_from(found.f_type).ok() != Some(TMPFS_MAGIC))
    }

    /// The folder of the network.
    pub(crate) fn folder(&self) -> PathBuf {
        self.path.join("n")
    }

    /// A place for a file beside the network.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The ledgers of all nodes.
    pub(crate) fn ledgers(&self) -> Vec<PathBuf> {
        self.sockets.values().map(|socket| socket.with_file_name("ledger")).collect()
    }

    /// Leaves everything where it is, and says where.
    pub(crate) fn keep(&mut self) -> PathBuf {
        self.place.take().map_or_else(|| self.path.clone(), TempDir::keep)
    }

    /// The office of a node.
    pub(crate) fn office(&self, node: NodeId) -> Result<OfficeAddress, BenchFault> {
        format!("{OFFICE}@{node}").parse().map_err(|_| BenchFault::Itself(format!("no office at {node}")))
    }

    /// A client of a node that runs.
    pub(crate) async fn client(&self, node: NodeId) -> Result<DeskClient, BenchFault> {
        let socket = self.sockets.get(&node).ok_or_else(|| BenchFault::Itself(format!("no node {node}")))?;
        DeskClient::connect(socket).await.map_err(BenchFault::of(node))
    }

    /// How a node fares.
    pub(crate) async fn status(&self, node: NodeId) -> Result<NodeStatus, BenchFault> {
        self.client(node).await?.status().await.map_err(BenchFault::of(node))
    }

    /// Starts a node and waits until it may promise; gives how long that took, in microseconds.
    pub(crate) async fn start(&self, node: NodeId) -> Result<u64, BenchFault> {
        let began = self.clock.uptime_us();
        self.processes.lock().await.start(node)?;
        let ready = async {
            loop {
                match self.status(node).await {
                    Ok(status) if status.ready => return self.clock.uptime_us() - began,
                    // Not there yet; a process that ended is found by whoever watches them.
                    Ok(_) | Err(_) => tokio::time::sleep(READY_LOOK).await,
                }
            }
        };
        let seconds = READY_PATIENCE.as_secs();
        timeout(READY_PATIENCE, ready).await.map_err(|_| BenchFault::NotReady { node, seconds })
    }

    /// Starts all nodes, one after the other, and waits until their links are up. Gives how long each took to be ready.
    pub(crate) async fn start_all(&self) -> Result<BTreeMap<NodeId, u64>, BenchFault> {
        let mut ready_us = BTreeMap::new();
        for node in self.nodes() {
            ready_us.insert(node, self.start(node).await?);
        }
        self.until_linked(&self.nodes()).await?;
        Ok(ready_us)
    }

    /// Waits until all links between these nodes are up.
    pub(crate) async fn until_linked(&self, nodes: &[NodeId]) -> Result<(), BenchFault> {
        let linked = async |node: NodeId| {
            let client = self.client(node).await?;
            loop {
                let status = client.status().await.map_err(BenchFault::of(node))?;
                if status.neighbours.iter().all(|other| other.up || !nodes.contains(&other.node)) {
                    return Ok(());
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        let all = try_join_all(nodes.iter().map(|node| linked(*node)));
        let seconds = READY_PATIENCE.as_secs();
        let linked = timeout(READY_PATIENCE, all).await;
        linked.map_err(|_| BenchFault::NotReady { node: self.origin, seconds })?.map(drop)
    }

    /// Waits for a node that ended though nobody stopped it.
    pub(crate) async fn watch(&self) -> BenchFault {
        loop {
            tokio::time::sleep(WATCH_LOOK).await;
            if let Err(fault) = self.processes.lock().await.check() {
                return fault.into();
            }
        }
    }

    /// Reads the processor time of every node that runs.
    pub(crate) async fn readings(&self) -> Result<BTreeMap<NodeId, Reading>, BenchFault> {
        let mut readings = BTreeMap::new();
        for (node, pid) in self.running().await {
            readings.insert(node, Reading { pid, cpu_us: gauge::cpu_us(pid)? });
        }
        Ok(readings)
    }

    /// Reads the memory of every node that runs.
    pub(crate) async fn memory(&self) -> Result<BTreeMap<NodeId, Memory>, BenchFault> {
        let running = self.running().await;
        running.into_iter().map(|(node, pid)| Ok((node, gauge::memory(pid)?))).collect()
    }

    /// The nodes that run, with their process ids.
    pub(crate) async fn running(&self) -> Vec<(NodeId, u32)> {
        let processes = self.processes.lock().await;
        let nodes = processes.nodes().into_iter();
        nodes.filter_map(|node| Some((node, processes.pid(node).ok()?))).collect()
    }
}

impl Reading {
    /// The processor time since an earlier reading, in microseconds; all of it where the process is another one.
    pub(crate) fn since(self, before: Option<&Self>) -> u64 {
        let before = before.filter(|before| before.pid == self.pid).map_or(0, |before| before.cpu_us);
        self.cpu_us.saturating_sub(before)
    }
}
