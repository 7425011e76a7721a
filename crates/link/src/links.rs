//! The links of a node: started, sent through, closed.

use crate::accept::accept_for_ever;
use crate::body_queue::{BodyJob, NotTaken};
use crate::closing::Closing;
use crate::config::{LinkConfig, LinkError, NeighbourConfig, check_neighbours};
use crate::dial::dial_for_ever;
use crate::event::LinkEvent;
use crate::foreign::Foreign;
use crate::limits::{CLOSE_PATIENCE, SESSIONS_WAITING_MAX};
use crate::neighbour::{Sessions, serve};
use crate::outbox::SendError;
use crate::shared::{Neighbour, Shared};
use crate::transport::{client, endpoint, server};
use quinn::{Endpoint, TokioRuntime};
use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::io::AsyncRead;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use yizhan_document::NodeId;
use yizhan_protocol::{BodyHead, Frame, Hello, encode, encode_body_head};

/// Makes the hello for a neighbour at the moment it is needed.
pub type HelloSource = Arc<dyn Fn(NodeId) -> Hello + Send + Sync>;

/// The links to all neighbours. Dropping it ends them as well, without waiting for the neighbours to hear of it.
pub struct Links {
    shared: Arc<Shared>,
    address: SocketAddr,
    tasks: Mutex<Tasks>,
}

/// What runs: all tasks, and who is dialled where by which of them.
#[derive(Default)]
struct Tasks {
    all: JoinSet<()>,
    dialled: BTreeMap<NodeId, (String, AbortHandle)>,
}

impl Links {
    /// Listens, and dials every neighbour that has an endpoint, until closed. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// [`LinkError`]: the configuration is wrong or the address in use; nothing was started.
    pub fn start(
        config: LinkConfig,
        hello: HelloSource,
        events: mpsc::Sender<LinkEvent>,
    ) -> Result<Self, LinkError> {
        config.check()?;
        let (endpoint, address) = listen(&config)?;
        let mut given = config;
        let neighbours = std::mem::take(&mut given.neighbours);
        let (me, wall, timing) = (given.me, given.wall.clone(), given.timing);
        let shared = Arc::new(Shared {
            given,
            me,
            foreign: RwLock::default(),
            neighbours: RwLock::default(),
            endpoint,
            hello,
            events,
            wall,
            timing,
        });
        let mut tasks = Tasks::default();
        tasks.all.spawn(accept_for_ever(shared.clone()));
        let links = Self { shared, address, tasks: Mutex::new(tasks) };
        links.set_neighbours(&neighbours)?;
        Ok(links)
    }

    /// Makes these the neighbours, and nobody else: new ones are listened to and dialled, those who are no more are told so and
    /// go down, and who is reached elsewhere is dialled there from the next time on. Links of the others stay as they are.
    ///
    /// # Errors
    /// [`LinkError`]: a neighbour is named wrongly; nothing was changed.
    pub fn set_neighbours(&self, wanted: &[NeighbourConfig]) -> Result<(), LinkError> {
        check_neighbours(self.shared.me, wanted)?;
        self.know_foreign(wanted)?;
        // Nothing that could panic is done under the locks, so what they guard is whole.
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = self.shared.neighbours.write().unwrap_or_else(PoisonError::into_inner);
        let same = |node: &NodeId, endpoint: &str| {
            wanted.iter().any(|one| one.node == *node && one.endpoint.as_deref() == Some(endpoint))
        };
        tasks.dialled.retain(|node, (endpoint, task)| {
            let stays = same(node, endpoint);
            if !stays {
                task.abort();
            }
            stays
        });
        // With the last sender of sessions the task of a neighbour ends, and its connection.
        known.retain(|node, _| wanted.iter().any(|one| one.node == *node));
        for NeighbourConfig { node, .. } in wanted {
            if !known.contains_key(node) {
                let (sessions, inbox): (_, Sessions) = mpsc::channel(SESSIONS_WAITING_MAX);
                let up = watch::Sender::new(None);
                tasks.all.spawn(serve(self.shared.clone(), up.clone(), inbox));
                known.insert(*node, Arc::new(Neighbour { sessions, up }));
            }
        }
        for NeighbourConfig { node, endpoint, .. } in wanted {
            if let Some(endpoint) = endpoint
                && !tasks.dialled.contains_key(node)
            {
                let task = tasks.all.spawn(dial_for_ever(self.shared.clone(), *node, endpoint.clone()));
                tasks.dialled.insert(*node, (endpoint.clone(), task));
            }
        }
        // Tasks that have ended are forgotten.
        while tasks.all.try_join_next().is_some() {}
        Ok(())
    }

    /// Calls from and to neighbours of other networks are judged by these networks' authorities from now on; connections that are up
    /// stay.
    fn know_foreign(&self, wanted: &[NeighbourConfig]) -> Result<(), LinkError> {
        let foreign = Foreign::of(&self.shared.given, wanted);
        if foreign.is(&self.shared.foreign()) {
            return Ok(());
        }
        let server = foreign.server(&self.shared.given)?;
        *self.shared.foreign.write().unwrap_or_else(PoisonError::into_inner) = foreign;
        self.shared.endpoint.set_server_config(Some(server));
        Ok(())
    }

    /// Queues a frame for a neighbour, without waiting. Frames arrive in order or, with the connection, not at all.
    ///
    /// # Errors
    /// [`SendError`]; the frame was not taken.
    pub fn send(&self, to: NodeId, frame: Frame) -> Result<(), SendError> {
        self.send_behind(to, frame, i32::MAX)
    }

    /// As [`Links::send`], behind all frames sent that way that still wait. Of those sent this way frames of greater `priority` go
    /// first, but whichever frame has waited longest goes along with the next that are written.
    ///
    /// # Errors
    /// [`SendError`]; the frame was not taken.
    pub fn send_behind(&self, to: NodeId, frame: Frame, priority: i32) -> Result<(), SendError> {
        if matches!(frame, Frame::Hello(_)) {
            return Err(SendError::Hello);
        }
        let outbound = self.shared.outbound(to).ok_or(SendError::NotUp(to))?;
        let frame = encode(&frame)?;
        if outbound.outbox.push(priority, frame.into()) { Ok(()) } else { Err(SendError::Full(to)) }
    }

    /// Sends a body on a stream of its own, without waiting; [`LinkEvent::BodySent`] tells how it went. `body` gives the
    /// bytes from the head's first piece on. Bodies of greater `priority` go first, control frames before all; a place
    /// is kept for each priority from 1 to 4, and who was overtaken for long goes along for a while.
    ///
    /// # Errors
    /// [`SendError`]; the body was not taken, no event will tell of it.
    pub fn send_body(
        &self,
        to: NodeId,
        head: &BodyHead,
        body: Box<dyn AsyncRead + Send + Unpin>,
        priority: i32,
    ) -> Result<(), SendError> {
        let outbound = self.shared.outbound(to).ok_or(SendError::NotUp(to))?;
        let job = BodyJob { link: head.link, head: encode_body_head(head)?.into(), body, priority };
        outbound.bodies.push(job).map_err(|error| match error {
            NotTaken::Full => SendError::Full(to),
            NotTaken::Closed => SendError::NotUp(to),
        })
    }

    /// Whether a neighbour is up, that is: may be sent to.
    pub fn is_up(&self, node: NodeId) -> bool {
        self.shared.outbound(node).is_some()
    }

    /// The address it listens on, with the port the system chose where the configuration said 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Ends all connections and waits a moment for the neighbours to hear of it. No event follows.
    pub async fn close(self) {
        self.shared.endpoint.close(Closing::Stopping.code(), b"the node stops");
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.all.shutdown().await;
        if timeout(CLOSE_PATIENCE, self.shared.endpoint.wait_idle()).await.is_err() {
            tracing::debug!("not all neighbours heard that the node stops");
        }
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        self.shared.endpoint.close(Closing::Stopping.code(), b"the node stops");
    }
}

fn listen(config: &LinkConfig) -> Result<(Endpoint, SocketAddr), LinkError> {
    let (server, client) = (server(config, &[&config.ca])?, client(config, &config.ca)?);
    let failed = |source| LinkError::Listen { address: config.listen, source };
    let settings = endpoint(&config.key_pkcs8)?;
    let socket = UdpSocket::bind(config.listen).map_err(failed)?;
    let mut endpoint =
        Endpoint::new(settings, Some(server), socket, Arc::new(TokioRuntime)).map_err(failed)?;
    endpoint.set_default_client_config(client);
    let address = endpoint.local_addr().map_err(failed)?;
    Ok((endpoint, address))
}
