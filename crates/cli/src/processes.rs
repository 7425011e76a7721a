//! Nodes as processes of the operating system: started, killed, started again, stopped. Only own children are touched.

use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::time::timeout;
use yizhan_document::NodeId;
use yizhan_node::CreatedNetwork;

/// How long a node may take to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(20);
/// How much of the end of a log is shown, in lines.
const TAIL_LINES: usize = 8;

/// What became of a process, or of the wish to do something with it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProcessFault {
    /// It cannot be started, asked after or stopped.
    #[error("the process of node {node}: {source}")]
    System {
        /// Which.
        node: NodeId,
        /// What the system says.
        source: io::Error,
    },
    /// It ended though nobody had stopped it, or not as it should.
    #[error("node {node} ended with {status}; its log {} ends so:\n{tail}", .log.display())]
    Ended {
        /// Which.
        node: NodeId,
        /// How.
        status: String,
        /// Where its log is.
        log: PathBuf,
        /// How the log ends.
        tail: String,
    },
    /// There is no such node, or it does not run; a defect of this program.
    #[error("there is no running node {node}")]
    NotRunning {
        /// Which.
        node: NodeId,
    },
}

/// All nodes of a network.
pub(crate) struct Processes {
    program: PathBuf,
    nodes: BTreeMap<NodeId, Place>,
}

struct Place {
    config: PathBuf,
    log: PathBuf,
    /// None before it is started, and after it was killed or stopped on purpose.
    child: Option<Child>,
}

impl Processes {
    /// The nodes of `network`, none started yet; `program` is this one.
    pub(crate) fn new(program: PathBuf, network: &CreatedNetwork) -> Self {
        let place = |config: &Path| Place {
            config: config.to_owned(),
            log: config.with_file_name("node.log"),
            child: None,
        };
        let nodes = network.nodes.iter().map(|created| (created.node, place(&created.config))).collect();
        Self { program, nodes }
    }

    /// Which nodes there are.
    pub(crate) fn nodes(&self) -> Vec<NodeId> {
        self.nodes.keys().copied().collect()
    }

    /// Starts a node that does not run. What it says goes to `node.log` in its folder.
    pub(crate) fn start(&mut self, node: NodeId) -> Result<(), ProcessFault> {
        let fault = |source| ProcessFault::System { node, source };
        let Self { program, nodes } = self;
        let place = nodes.get_mut(&node).ok_or(ProcessFault::NotRunning { node })?;
        let log: File = OpenOptions::new().append(true).create(true).open(&place.log).map_err(fault)?;
        let child = Command::new(program)
            .args(["node", "run", "--stop-with-stdin", "--config"])
            .arg(&place.config)
            // Held open as long as this process lives: its end is theirs, even if it is killed.
            .stdin(Stdio::piped())
            .stdout(log.try_clone().map_err(fault)?)
            .stderr(log)
            // Ctrl-C is for this process, which then stops its nodes in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(fault)?;
        place.child = Some(child);
        Ok(())
    }

    /// Kills a node with SIGKILL.
    pub(crate) async fn kill(&mut self, node: NodeId) -> Result<(), ProcessFault> {
        let child = self.nodes.get_mut(&node).and_then(|place| place.child.take());
        let mut child = child.ok_or(ProcessFault::NotRunning { node })?;
        child.kill().await.map_err(|source| ProcessFault::System { node, source })
    }

    /// Looks for a node that ended though nobody stopped it.
    pub(crate) fn check(&mut self) -> Result<(), ProcessFault> {
        for (node, place) in &mut self.nodes {
            let Some(child) = &mut place.child else { continue };
            match child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => return Err(ended(*node, status.to_string(), &place.log)),
                Err(source) => return Err(ProcessFault::System { node: *node, source }),
            }
        }
        Ok(())
    }

    /// The process id of a node that runs.
    pub(crate) fn pid(&self, node: NodeId) -> Result<u32, ProcessFault> {
        let child = self.nodes.get(&node).and_then(|place| place.child.as_ref());
        child.and_then(Child::id).ok_or(ProcessFault::NotRunning { node })
    }

    /// Lets a node stand still (SIGSTOP): to its neighbours it is there and says nothing.
    pub(crate) fn freeze(&self, node: NodeId) -> Result<(), ProcessFault> {
        self.signal(node, Signal::STOP)
    }

    /// Lets a node go on that stands still.
    pub(crate) fn thaw(&self, node: NodeId) -> Result<(), ProcessFault> {
        self.signal(node, Signal::CONT)
    }

    /// Stops one node with SIGTERM and waits for it; if it does not stop in time it is killed. None that runs is fine.
    pub(crate) async fn stop_one(&mut self, node: NodeId) -> Result<(), ProcessFault> {
        self.terminate(node)?;
        self.await_end(node).await
    }

    /// Stops all nodes at the same time.
    pub(crate) async fn stop(&mut self) -> Result<(), ProcessFault> {
        let nodes = self.nodes();
        nodes.iter().try_for_each(|node| self.terminate(*node))?;
        let mut outcome = Ok(());
        for node in nodes {
            outcome = outcome.and(self.await_end(node).await);
        }
        outcome
    }

    fn terminate(&self, node: NodeId) -> Result<(), ProcessFault> {
        // Who stands still cannot stop.
        self.signal(node, Signal::TERM).and_then(|()| self.signal(node, Signal::CONT))
    }

    /// A process that is gone, or ended by itself, is passed over: waiting for it will tell how.
    fn signal(&self, node: NodeId, signal: Signal) -> Result<(), ProcessFault> {
        let child = self.nodes.get(&node).and_then(|place| place.child.as_ref());
        let id = child.and_then(Child::id).and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        match id.map(|id| kill_process(id, signal)) {
            None | Some(Err(rustix::io::Errno::SRCH) | Ok(())) => Ok(()),
            Some(Err(error)) => Err(ProcessFault::System { node, source: error.into() }),
        }
    }

    async fn await_end(&mut self, node: NodeId) -> Result<(), ProcessFault> {
        let Some(place) = self.nodes.get_mut(&node) else { return Ok(()) };
        let Some(mut child) = place.child.take() else { return Ok(()) };
        match timeout(STOP_PATIENCE, child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(ended(node, status.to_string(), &place.log)),
            Ok(Err(source)) => Err(ProcessFault::System { node, source }),
            Err(_) => {
                let killed = child.kill().await;
                let status = if killed.is_ok() { "SIGKILL, as it did not stop on SIGTERM" } else { "no end" };
                Err(ended(node, status.to_owned(), &place.log))
            }
        }
    }
}

fn ended(node: NodeId, status: String, log: &Path) -> ProcessFault {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines.get(lines.len().saturating_sub(TAIL_LINES)..).unwrap_or_default();
    let tail = tail.iter().map(|line| format!("    {}\n", crate::table::shown(line))).collect();
    ProcessFault::Ended { node, status, log: log.to_owned(), tail }
}
