//! Taking calls: through the lobby, the handshake and the hellos to the task of the neighbour.

use crate::closing::in_words;
use crate::dial::CloseOnDrop;
use crate::event::LinkEvent;
use crate::handshake::accepted;
use crate::lobby::{Lobby, Verdict};
use crate::shared::Shared;
use quinn::Incoming;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Takes calls until the endpoint is closed.
pub(crate) async fn accept_for_ever(shared: Arc<Shared>) {
    let mut lobby = Lobby::default();
    let mut callers: JoinSet<IpAddr> = JoinSet::new();
    loop {
        tokio::select! {
            // Callers that are done make room before new ones are judged.
            biased;
            Some(Ok(address)) = callers.join_next() => lobby.leave(address),
            incoming = shared.endpoint.accept() => match incoming {
                Some(incoming) => admit(&shared, &mut lobby, &mut callers, incoming),
                None => return,
            },
        }
    }
}

fn admit(shared: &Arc<Shared>, lobby: &mut Lobby, callers: &mut JoinSet<IpAddr>, incoming: Incoming) {
    let remote = incoming.remote_address();
    let proven = incoming.remote_address_validated() || !incoming.may_retry();
    match lobby.judge(remote.ip(), proven) {
        Verdict::Enter => {
            callers.spawn(receive(shared.clone(), incoming, remote));
        }
        Verdict::Prove => {
            if incoming.retry().is_err() {
                tracing::debug!(%remote, "caller could not be asked to prove its address");
            }
        }
        Verdict::Refuse => {
            incoming.refuse();
            refused(shared, remote, "too many callers have not said hello yet".to_owned());
        }
    }
}

/// One call; gives back whose place in the lobby is free again.
async fn receive(shared: Arc<Shared>, incoming: Incoming, remote: SocketAddr) -> IpAddr {
    match timeout(shared.timing.handshake, greet(&shared, incoming)).await {
        Ok(Ok(session)) => {
            // Not the neighbour itself is kept while this waits, so that one who is none any more is let go of.
            let sessions = shared.neighbour(session.neighbour).map(|neighbour| neighbour.sessions.clone());
            if let Some(sessions) = sessions
                && sessions.send(session).await.is_err()
            {
                tracing::debug!(%remote, "the links are closing, or it is no neighbour any more");
            }
        }
        Ok(Err(reason)) => refused(&shared, remote, reason),
        Err(_) => refused(&shared, remote, "no hello in time".to_owned()),
    }
    remote.ip()
}

async fn greet(shared: &Shared, incoming: Incoming) -> Result<crate::handshake::Session, String> {
    let connecting = incoming.accept().map_err(|error| in_words(&error))?;
    // Awaited to the end: before that, the client is not authenticated (0.5-RTT).
    let connection = connecting.await.map_err(|error| in_words(&error))?;
    let closer = CloseOnDrop(Some(connection.clone()));
    let session = accepted(shared, connection.clone()).await;
    closer.keep();
    session.map_err(|refusal| {
        let said = connection.close_reason().map(|error| in_words(&error));
        refusal.closing.close(&connection, &refusal.reason);
        said.unwrap_or(refusal.reason)
    })
}

/// Strangers must not hold up the neighbours: where the node is behind with its events, this one is left out.
fn refused(shared: &Shared, remote: SocketAddr, reason: String) {
    tracing::info!(%remote, %reason, "caller refused");
    if let Err(TrySendError::Full(_)) = shared.events.try_send(LinkEvent::Refused { remote, reason }) {
        tracing::debug!(%remote, "the refusal was not told, the node is behind");
    }
}
