//! What every example needs: a small network whose nodes run inside this process, in a folder of its own.
//!
//! In production each node is a process (`yizhan node run --config node.toml`) on a machine of its own. Office software
//! never starts nodes: it only opens the socket in the data folder of the node that serves its office.

// Each example uses what it needs of this.
#![allow(dead_code, reason = "not every example uses every function")]

use anyhow::Context;
use futures_util::StreamExt;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use yizhan_desk::{DeskClient, NodeEvent, Submission};
use yizhan_document::{EnvelopeId, Label, NodeId};
use yizhan_hierarchy::NetworkPlan;
use yizhan_node::{Clock, Config, CreatedNetwork, NodeError, create_network};

/// How long anything in an example may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A network, running.
pub(crate) struct SmallNetwork {
    /// Where everything lies; removed at the end.
    pub(crate) folder: TempDir,
    /// Its nodes.
    pub(crate) created: CreatedNetwork,
    running: Vec<RunningNode>,
}

struct RunningNode {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), NodeError>>,
}

impl SmallNetwork {
    /// Makes the network of a plan, as `yizhan network create` does, starts its nodes and waits until all links are up.
    pub(crate) async fn start(plan: &str) -> anyhow::Result<Self> {
        let mut plan = NetworkPlan::from_toml(plan)?;
        // Whatever ports are free, so that this can run anywhere.
        plan.base_port = 0;
        let folder = tempfile::Builder::new().prefix("yizhan-").tempdir()?;
        let created = create_network(&plan, &folder.path().join("net"), Clock::start().wall())?;
        let mut running = Vec::new();
        for node in &created.nodes {
            let config = Config::load(&node.config)?;
            let (stop, stopped) = oneshot::channel::<()>();
            let until_stopped = async move { stopped.await.unwrap_or_default() };
            running.push(RunningNode { stop, task: tokio::spawn(yizhan_node::run(config, until_stopped)) });
        }
        let network = Self { folder, created, running };
        in_time("the nodes and their links come up", network.until_ready()).await??;
        Ok(network)
    }

    /// A client of one node's desk: what office software holds.
    pub(crate) async fn client(&self, node: &str) -> anyhow::Result<DeskClient> {
        let id: NodeId = node.parse()?;
        let found = self.created.nodes.iter().find(|created| created.node == id);
        Ok(DeskClient::connect(&found.with_context(|| format!("the plan has no node {node}"))?.socket)
            .await?)
    }

    /// Waits until nothing is under way any more: every hop is then entered by its giver and its taker.
    pub(crate) async fn until_at_rest(&self) -> anyhow::Result<()> {
        let rest = async {
            for node in &self.created.nodes {
                let client = DeskClient::connect(&node.socket).await?;
                while !client.queue(1).await?.is_empty() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            anyhow::Ok(())
        };
        in_time("the nodes come to rest", rest).await?
    }

    /// Stops all nodes; what they wrote stays in the folder, which is given back.
    pub(crate) async fn stop(self) -> anyhow::Result<(TempDir, CreatedNetwork)> {
        let Self { folder, created, running } = self;
        for RunningNode { stop, task } in running {
            // A node that ended by itself is not there to be told; its task says why.
            stop.send(()).unwrap_or_default();
            in_time("a node stops", task).await???;
        }
        Ok((folder, created))
    }

    async fn until_ready(&self) -> anyhow::Result<()> {
        for (node, running) in self.created.nodes.iter().zip(&self.running) {
            loop {
                anyhow::ensure!(!running.task.is_finished(), "node {} ended by itself", node.node);
                if is_ready(&node.socket).await {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }
}

async fn is_ready(socket: &Path) -> bool {
    let Ok(client) = DeskClient::connect(socket).await else { return false };
    let Ok(status) = client.status().await else { return false };
    status.ready && status.neighbours.iter().all(|neighbour| neighbour.up)
}

/// Waits for something, but not for ever.
pub(crate) async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> anyhow::Result<T> {
    tokio::time::timeout(PATIENCE, work)
        .await
        .with_context(|| format!("waited {PATIENCE:?} in vain until {what}"))
}

/// Follows the events of a node until one says that `kind` happened to the document at `node`.
///
/// The client asks for the events after number 0, so one that was there before the question is seen too. A stream ends when
/// the reader falls behind; then one asks again, with the last number seen. It ends too when the node stops. A node that was
/// started again counts from 1 anew and has forgotten earlier events: then ask from 0, and look at inbox and track.
pub(crate) async fn wait_for_event(
    client: &DeskClient,
    document: EnvelopeId,
    kind: &str,
    node: &str,
) -> anyhow::Result<NodeEvent> {
    let waiting = async {
        let mut last_seen = 0;
        loop {
            let mut events = client.events(last_seen).await?;
            while let Some(event) = events.next().await.transpose()? {
                last_seen = event.sequence;
                if event.envelope == document && event.kind == kind && event.node.as_str() == node {
                    return anyhow::Ok(event);
                }
            }
        }
    };
    in_time(&format!("{node} enters {kind} for {document}"), waiting).await?
}

/// A document with a title only; the files come with the call that sends it.
pub(crate) fn document(from: &str, to: &[&str], title: &str) -> anyhow::Result<Submission> {
    Ok(Submission {
        from: from.parse()?,
        to: to.iter().map(|office| office.parse()).collect::<Result<_, _>>()?,
        cc: Vec::new(),
        groups: yizhan_document::Groups::default(),
        label: Label { title: title.to_owned(), ..Label::default() },
        deadline: None,
        files: Vec::new(),
        key: None,
    })
}
