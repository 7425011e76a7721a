//! The acts of the demonstration in order: start, send, kill, restart, receive, stop, audit.

use super::errands::Errand;
use super::fault::DemoFault;
use super::follow::follow;
use super::recipients::{attend, count_inboxes};
use super::world::{Killed, Sent, World, patiently, ready};
use crate::commands::directory;
use crate::failure::Failure;
use crate::table::shown;
use futures_util::future::{try_join, try_join_all};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;
use yizhan_audit::{Report, verify_network};
use yizhan_desk::{Stage, Submission};
use yizhan_document::{EnvelopeId, NodeId, OfficeAddress, PartName};

/// The prefecture that is killed, and the neighbour whose receipt shows that the large body is about to reach it.
const KILLED: &str = "6531";
const BEFORE_KILLED: &str = "65";
/// How often the processes are looked after, and nodes asked whether anything waits there still.
const LOOK: Duration = Duration::from_millis(100);

/// Plays the whole road and gives the audit.
pub(super) async fn conduct(world: &World) -> Result<Report, DemoFault> {
    world.show.step("Seven nodes 驿站, each a process with its own port and data folder");
    start_all(world).await?;
    world.show.step(
        "Documents 公文 go out; every receipt 回执 as its origin gets it; recipients take and sign for 签收",
    );
    let origins: BTreeSet<NodeId> = world.errands.iter().map(|errand| errand.from.node).collect();
    let offices: BTreeSet<&OfficeAddress> = world.errands.iter().flat_map(|errand| &errand.to).collect();
    let following = try_join_all(origins.into_iter().map(|origin| follow(world, origin)));
    let attending = try_join_all(offices.into_iter().map(|office| attend(world, office)));
    try_join(send_and_kill(world), try_join(following, attending)).await?;
    world.show.step("All is signed for; what lies in the inboxes is counted");
    count_inboxes(world).await?;
    come_to_rest(world).await?;
    world.show.step("The nodes are stopped; the auditor 审计 reads copies of their ledgers, offline");
    world.processes.lock().await.stop().await?;
    audit(world).await
}

/// Waits until a node ends that nobody stopped.
pub(super) async fn watch(world: &World) -> DemoFault {
    loop {
        tokio::time::sleep(LOOK).await;
        if let Err(fault) = world.processes.lock().await.check() {
            return fault.into();
        }
    }
}

async fn start_all(world: &World) -> Result<(), DemoFault> {
    let nodes = {
        let mut processes = world.processes.lock().await;
        let nodes = processes.nodes();
        nodes.iter().try_for_each(|node| processes.start(*node))?;
        nodes
    };
    try_join_all(nodes.iter().map(|node| ready(world, *node))).await?;
    world.show.line(&format!("{} nodes are ready, all links are up", nodes.len()));
    Ok(())
}

/// Sends what is to be sent, kills a prefecture while that is under way, and starts it again.
async fn send_and_kill(world: &World) -> Result<(), DemoFault> {
    let numbered = || world.errands.iter().enumerate();
    let first = numbered().filter(|(_, errand)| !errand.while_down);
    try_join_all(first.map(|(number, errand)| send(world, number, errand))).await?;
    let node = id(KILLED)?;
    before_it_arrives(world).await?;
    world.processes.lock().await.kill(node).await?;
    let under_way = under_way_through(world, node);
    world.show.line(&format!(
        "KILLED 断电: node {node} by SIGKILL, with {under_way} deliveries under way through it"
    ));
    world.note(|tally| tally.killed = Some(Killed { under_way, restarted: false }));
    let late = numbered().filter(|(_, errand)| errand.while_down);
    try_join_all(late.map(|(number, errand)| send(world, number, errand))).await?;
    world.processes.lock().await.start(node)?;
    ready(world, node).await?;
    world.show.line(&format!("RESTARTED 重启: node {node} has recovered from its journal and is ready"));
    world.note(|tally| {
        if let Some(killed) = &mut tally.killed {
            killed.restarted = true;
        }
    });
    Ok(())
}

async fn send(world: &World, number: usize, errand: &Errand) -> Result<(), DemoFault> {
    let origin = errand.from.node;
    let at = world.show.wall();
    let named = errand.files.iter().map(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let name = name.parse().map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
        Ok((name, path.clone()))
    });
    let files: Vec<(PartName, PathBuf)> = named.collect::<Result<_, Failure>>()?;
    let submission = || Submission {
        from: errand.from.clone(),
        to: errand.to.clone(),
        cc: Vec::new(),
        groups: yizhan_document::Groups::default(),
        label: errand.label.clone(),
        deadline: None,
        files: Vec::new(),
        // Handed in again under the same key it is still one document.
        key: Some(format!("demo-{number}")),
    };
    let sending =
        patiently(async || Ok(world.client(origin).await?.send(submission(), files.clone()).await?));
    let submitted = sending.await.map_err(DemoFault::of(origin))?;
    let client = world.client(origin).await.map_err(DemoFault::of(origin))?;
    let mut sent = Sent { errand: number, at, ways: Default::default() };
    for destination in errand.to.iter().map(|office| office.node) {
        let way = client.route(destination).await.map_err(|error| DemoFault::of(origin)(error.into()))?;
        sent.ways.insert(destination, way.into_iter().map(|step| step.node).collect());
    }
    let to: Vec<String> = errand.to.iter().map(|office| office.node.to_string()).collect();
    world.show.line(&format!(
        "{:<12} {origin:<7} SENT 发出 to {}: {}",
        submitted.id,
        to.join(" "),
        errand.shows
    ));
    world.note(|tally| {
        tally.sent.insert(submitted.id, sent);
    });
    Ok(())
}

/// Waits until the largest document is about to reach the prefecture that is to be killed.
async fn before_it_arrives(world: &World) -> Result<(), DemoFault> {
    let (node, before) = (id(KILLED)?, id(BEFORE_KILLED)?);
    let circular = {
        let tally = world.tally.borrow();
        let widest = tally.sent.iter().max_by_key(|(_, sent)| sent.ways.len());
        widest.map(|(id, _)| *id).ok_or_else(|| DemoFault::Plan("circular".to_owned()))?
    };
    world
        .until(|tally| {
            tally.receipts.values().any(|(id, receipt)| {
                *id == circular
                    && (receipt.node == before || receipt.node == node)
                    && receipt.kind == "RelayAcceptance"
            })
        })
        .await;
    Ok(())
}

fn under_way_through(world: &World, node: NodeId) -> usize {
    let tally = world.tally.borrow();
    let arrived = |id: EnvelopeId, to: NodeId| {
        tally.stages.get(&(id, to)).is_some_and(|stage| !matches!(stage, Stage::Accepted | Stage::AtNode))
    };
    let ways = tally.sent.iter().flat_map(|(id, sent)| sent.ways.iter().map(|(to, way)| (*id, *to, way)));
    ways.filter(|(id, to, way)| way.contains(&node) && !arrived(*id, *to)).count()
}

/// Waits until nothing waits anywhere, so that each hop is attested by both sides.
async fn come_to_rest(world: &World) -> Result<(), DemoFault> {
    for node in world.sockets.keys() {
        let mut said = false;
        loop {
            let waiting = patiently(async || Ok(world.client(*node).await?.queue(1).await?)).await;
            let Some(item) = waiting.map_err(DemoFault::of(*node))?.into_iter().next() else { break };
            if !said {
                world.show.line(&format!("node {node} still has {}: {}", item.unit, shown(&item.why)));
                said = true;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(())
}

async fn audit(world: &World) -> Result<Report, DemoFault> {
    let directory = directory::load(&world.folder)?;
    let ledgers: Vec<PathBuf> =
        world.sockets.values().map(|socket| socket.with_file_name("ledger")).collect();
    let auditing = tokio::task::spawn_blocking(move || verify_network(&directory, &ledgers, None));
    auditing.await.map_err(|error| DemoFault::Step(Failure::Runtime(error.into())))
}

fn id(node: &str) -> Result<NodeId, DemoFault> {
    node.parse().map_err(|_| DemoFault::Plan(format!("node {node}")))
}
