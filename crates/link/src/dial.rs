//! Dialling one neighbour, for ever: resolve, connect, hello; wait and again.

use crate::backoff::Backoff;
use crate::closing::{Closing, in_words};
use crate::event::LinkEvent;
use crate::handshake::{Session, dialled};
use crate::shared::{Neighbour, Shared};
use quinn::Connection;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::lookup_host;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use yizhan_document::NodeId;

/// Dials whenever the neighbour is not up, be it through our call or its own. The waits begin anew after each session,
/// except one that gave way to a newer connection: if both sides dial at once, each may give up the call the other
/// kept, and only growing, unequal waits end that.
pub(crate) async fn dial_for_ever(shared: Arc<Shared>, node: NodeId, endpoint: String) {
    let Some(neighbour) = shared.neighbour(node) else {
        return;
    };
    let mut backoff = Backoff::new(shared.timing.backoff_first, shared.timing.backoff_max);
    let mut told = None;
    let mut up = neighbour.up.subscribe();
    // The sender lives in `neighbour`, so this waits until it is down.
    while up.wait_for(Option::is_none).await.is_ok() {
        match dial(&shared, node, &endpoint).await {
            Ok(session) => {
                told = None;
                if !hand_over(&neighbour, session).await {
                    backoff.reset();
                }
            }
            Err(reason) if told.as_ref() != Some(&reason) => {
                tracing::info!(neighbour = %node, %reason, "neighbour cannot be reached");
                shared.tell(LinkEvent::Unreachable { neighbour: node, reason: reason.clone() }).await;
                told = Some(reason);
            }
            Err(_) => {}
        }
        sleep(backoff.next()).await;
    }
}

/// Gives the session to the task of the neighbour and waits until it has ended; whether a newer one replaced it.
async fn hand_over(neighbour: &Neighbour, mut session: Session) -> bool {
    let (replaced, ended) = oneshot::channel();
    session.replaced = Some(replaced);
    if neighbour.sessions.send(session).await.is_err() {
        return false;
    }
    ended.await.unwrap_or(false)
}

/// Tries every address behind the endpoint in turn; the reason of the last one says why none would do.
async fn dial(shared: &Shared, node: NodeId, endpoint: &str) -> Result<Session, String> {
    let addresses =
        lookup_host(endpoint).await.map_err(|error| format!("{endpoint} cannot be resolved: {error}"))?;
    let mut reason = format!("{endpoint} has no address");
    for address in addresses {
        match timeout(shared.timing.handshake, call(shared, node, address)).await {
            Ok(Ok(session)) => return Ok(session),
            Ok(Err(why)) => reason = format!("{address}: {why}"),
            Err(_) => reason = format!("{address}: no hello in time"),
        }
    }
    Err(reason)
}

async fn call(shared: &Shared, node: NodeId, address: SocketAddr) -> Result<Session, String> {
    // The name in the certificate, never the address (design, section 4.5).
    let foreign = shared.foreign();
    let connecting = match foreign.dialling(node) {
        Some((client, network)) => {
            shared.endpoint.connect_with(client, address, &format!("{node}.{network}"))
        }
        None => shared.endpoint.connect(address, &format!("{node}.{}", shared.given.network)),
    };
    let connecting = connecting.map_err(|error| error.to_string())?;
    let connection = connecting.await.map_err(|error| in_words(&error))?;
    let closer = CloseOnDrop(Some(connection.clone()));
    match dialled(shared, connection.clone(), node).await {
        Ok(session) => {
            closer.keep();
            Ok(session)
        }
        Err(refusal) => {
            closer.keep();
            // If the other side refused first, its words count.
            let said = connection.close_reason().map(|error| in_words(&error));
            refusal.closing.close(&connection, &refusal.reason);
            Err(said.unwrap_or(refusal.reason))
        }
    }
}

/// Says why a connection ends whose hello did not come in time.
pub(crate) struct CloseOnDrop(pub(crate) Option<Connection>);

impl CloseOnDrop {
    pub(crate) fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        if let Some(connection) = &self.0 {
            Closing::Slow.close(connection, "no hello in time");
        }
    }
}
