//! What all parts of the demonstration share: the network, its processes, the documents, and what is known of them so far.

use super::errands::Errand;
use super::fault::DemoFault;
use super::show::Show;
use crate::failure::Failure;
use crate::processes::Processes;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::{Mutex, watch};
use yizhan_desk::{DeskClient, Stage, TrackReceipt};
use yizhan_document::{EnvelopeId, LedgerId, NodeId, OfficeAddress, WallTime};

/// How long to wait before a node that is away is asked again.
const PAUSE: Duration = Duration::from_millis(30);

/// The demonstration as it runs.
pub(super) struct World {
    /// The running commentary.
    pub(super) show: Show,
    /// The folder with everything in it.
    pub(super) folder: PathBuf,
    /// Where the desk of each node listens.
    pub(super) sockets: BTreeMap<NodeId, PathBuf>,
    /// The processes.
    pub(super) processes: Mutex<Processes>,
    /// The documents to be sent.
    pub(super) errands: Vec<Errand>,
    /// What is known so far.
    pub(super) tally: watch::Sender<Tally>,
}

/// What is known so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// The documents handed in: which errand each is, and the ways it takes.
    pub(super) sent: BTreeMap<EnvelopeId, Sent>,
    /// Every receipt that its origin has.
    pub(super) receipts: BTreeMap<(LedgerId, u64), (EnvelopeId, TrackReceipt)>,
    /// How far each document has come towards each node, as its origin knows.
    pub(super) stages: BTreeMap<(EnvelopeId, NodeId), Stage>,
    /// What the recipients got.
    pub(super) taken: BTreeMap<(EnvelopeId, OfficeAddress), Taken>,
    /// How often each document lies in the inbox of its recipient, counted at the end.
    pub(super) inboxes: BTreeMap<(EnvelopeId, OfficeAddress), usize>,
    /// The node that was killed.
    pub(super) killed: Option<Killed>,
}

/// A document that was handed in.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    /// Which errand, from 0.
    pub(super) errand: usize,
    /// When its clerk began to hand it in.
    pub(super) at: WallTime,
    /// The nodes on the way to each destination, origin first.
    pub(super) ways: BTreeMap<NodeId, Vec<NodeId>>,
}

/// A document that a recipient took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    /// Whether every byte is as it was sent.
    pub(super) equal: bool,
    /// When it was put into the inbox.
    pub(super) arrived: WallTime,
    /// Whether the recipient has signed for it.
    pub(super) signed: bool,
}

/// A node that was killed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Killed {
    /// How many deliveries were under way through it.
    pub(super) under_way: usize,
    /// Whether it runs again, and is ready.
    pub(super) restarted: bool,
}

impl World {
    /// A client of a node that answers.
    pub(super) async fn client(&self, node: NodeId) -> Result<DeskClient, Failure> {
        let socket =
            self.sockets.get(&node).ok_or_else(|| Failure::Usage(format!("there is no node {node}")))?;
        Ok(DeskClient::connect(socket).await?)
    }

    /// Changes what is known.
    pub(super) fn note(&self, change: impl FnOnce(&mut Tally)) {
        self.tally.send_modify(change);
    }

    /// Waits until what is known satisfies `wanted`.
    pub(super) async fn until(&self, wanted: impl FnMut(&Tally) -> bool) {
        // The sender lives as long as this does, so waiting cannot end in an error.
        drop(self.tally.subscribe().wait_for(wanted).await);
    }

    /// Documents that a node sends.
    pub(super) fn errands_from(&self, node: NodeId) -> usize {
        self.errands.iter().filter(|errand| errand.from.node == node).count()
    }

    /// Documents that an office gets.
    pub(super) fn errands_to(&self, office: &OfficeAddress) -> usize {
        self.errands.iter().filter(|errand| errand.to.contains(office)).count()
    }
}

/// Asks again for as long as a node is away, as it is while it is being started again. Whoever calls sets the deadline.
pub(super) async fn patiently<T>(mut ask: impl AsyncFnMut() -> Result<T, Failure>) -> Result<T, Failure> {
    loop {
        match ask().await {
            Err(Failure::Desk(error)) if error.retryable() => tokio::time::sleep(PAUSE).await,
            answered => return answered,
        }
    }
}

/// Waits until a node is ready and all its links are up.
pub(super) async fn ready(world: &World, node: NodeId) -> Result<(), DemoFault> {
    loop {
        let status = patiently(async || Ok(world.client(node).await?.status().await?)).await;
        let status = status.map_err(DemoFault::of(node))?;
        if status.ready && status.neighbours.iter().all(|neighbour| neighbour.up) {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}
