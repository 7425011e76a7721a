//! What the tasks of the links share: who the neighbours are, who is up, and where events go.

use crate::body_queue::BodyQueue;
use crate::config::{LinkConfig, LinkTiming, WallClock};
use crate::event::LinkEvent;
use crate::foreign::Foreign;
use crate::handshake::Session;
use crate::links::HelloSource;
use crate::outbox::Outbox;
use quinn::Endpoint;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{mpsc, watch};
use yizhan_document::NodeId;

/// One for all links of a node.
pub(crate) struct Shared {
    /// What the node was given, but for the neighbours.
    pub(crate) given: LinkConfig,
    pub(crate) me: NodeId,
    /// Those of the neighbours that are of other networks; changed with them.
    pub(crate) foreign: RwLock<Foreign>,
    /// Those who may be up; changed only by [`crate::Links::set_neighbours`].
    pub(crate) neighbours: RwLock<BTreeMap<NodeId, Arc<Neighbour>>>,
    pub(crate) endpoint: Endpoint,
    pub(crate) hello: HelloSource,
    pub(crate) events: mpsc::Sender<LinkEvent>,
    pub(crate) wall: WallClock,
    pub(crate) timing: LinkTiming,
}

/// One who may be up.
pub(crate) struct Neighbour {
    /// Where new connections that have their hellos go: to the task of the neighbour.
    pub(crate) sessions: mpsc::Sender<Session>,
    /// Its queues while it is up.
    pub(crate) up: watch::Sender<Option<Arc<Outbound>>>,
}

/// What is on its way to a neighbour that is up.
pub(crate) struct Outbound {
    pub(crate) outbox: Outbox,
    pub(crate) bodies: BodyQueue,
}

impl Shared {
    /// Tells the node, waiting until it has room to hear. If nobody listens any more, nothing is left to be told: the
    /// links are about to be closed.
    pub(crate) async fn tell(&self, event: LinkEvent) {
        if self.events.send(event).await.is_err() {
            tracing::debug!("nobody takes the events of the links any more");
        }
    }

    /// The queues of a neighbour, while it is up.
    pub(crate) fn outbound(&self, node: NodeId) -> Option<Arc<Outbound>> {
        self.neighbours.read().unwrap_or_else(PoisonError::into_inner).get(&node)?.up.borrow().clone()
    }

    /// The neighbours of other networks.
    pub(crate) fn foreign(&self) -> Foreign {
        self.foreign.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One who may be up. Nothing that could panic is done under the lock, so what it guards is whole.
    pub(crate) fn neighbour(&self, node: NodeId) -> Option<Arc<Neighbour>> {
        self.neighbours.read().unwrap_or_else(PoisonError::into_inner).get(&node).cloned()
    }
}
