//! The nodes as processes of the operating system: started, killed, started again, stopped. Only own children are touched.

use super::fault::DemoFault;
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

/// All nodes of a network.
pub(super) struct Processes {
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
    pub(super) fn new(program: PathBuf, network: &CreatedNetwork) -> Self {
        let place = |config: &Path| Place {
            config: config.to_owned(),
            log: config.with_file_name("node.log"),
            child: None,
        };
        let nodes = network.nodes.iter().map(|created| (created.node, place(&created.config))).collect();
        Self { program, nodes }
    }

    /// Which nodes there are.
    pub(super) fn nodes(&self) -> Vec<NodeId> {
        self.nodes.keys().copied().collect()
    }

    /// Starts a node that does not run. What it says goes to `node.log` in its folder.
    pub(super) fn start(&mut self, node: NodeId) -> Result<(), DemoFault> {
        let fault = |source| DemoFault::Process { node, source };
        let Self { program, nodes } = self;
        let place = nodes.get_mut(&node).ok_or_else(|| DemoFault::Plan(format!("node {node}")))?;
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
    pub(super) async fn kill(&mut self, node: NodeId) -> Result<(), DemoFault> {
        let child = self.nodes.get_mut(&node).and_then(|place| place.child.take());
        let mut child = child.ok_or_else(|| DemoFault::Plan(format!("running node {node}")))?;
        child.kill().await.map_err(|source| DemoFault::Process { node, source })
    }

    /// Looks for a node that ended though nobody stopped it.
    pub(super) fn check(&mut self) -> Result<(), DemoFault> {
        for (node, place) in &mut self.nodes {
            let Some(child) = &mut place.child else { continue };
            match child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => return Err(ended(*node, status.to_string(), &place.log)),
                Err(source) => return Err(DemoFault::Process { node: *node, source }),
            }
        }
        Ok(())
    }

    /// Stops all nodes with SIGTERM and waits for them; one that does not stop in time is killed.
    pub(super) async fn stop(&mut self) -> Result<(), DemoFault> {
        for (node, place) in &self.nodes {
            if let Some(child) = &place.child {
                terminate(child).map_err(|source| DemoFault::Process { node: *node, source })?;
            }
        }
        let mut outcome = Ok(());
        for (node, place) in &mut self.nodes {
            let Some(mut child) = place.child.take() else { continue };
            let stopped = match timeout(STOP_PATIENCE, child.wait()).await {
                Ok(Ok(status)) if status.success() => Ok(()),
                Ok(Ok(status)) => Err(ended(*node, status.to_string(), &place.log)),
                Ok(Err(source)) => Err(DemoFault::Process { node: *node, source }),
                Err(_) => {
                    let killed = child.kill().await;
                    let status =
                        if killed.is_ok() { "SIGKILL, as it did not stop on SIGTERM" } else { "no end" };
                    Err(ended(*node, status.to_owned(), &place.log))
                }
            };
            outcome = outcome.and(stopped);
        }
        outcome
    }
}

fn terminate(child: &Child) -> io::Result<()> {
    // None, or a process that is gone, ended by itself; waiting for it will tell how.
    let Some(id) = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) else { return Ok(()) };
    match kill_process(id, Signal::TERM) {
        Err(rustix::io::Errno::SRCH) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn ended(node: NodeId, status: String, log: &Path) -> DemoFault {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines.get(lines.len().saturating_sub(TAIL_LINES)..).unwrap_or_default();
    let tail = tail.iter().map(|line| format!("    {}\n", crate::table::shown(line))).collect();
    DemoFault::Ended { node, status, log: log.to_owned(), tail }
}
