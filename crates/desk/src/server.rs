//! Serving the API on a Unix domain socket: connections, their limits, and an orderly end.

mod batch;
mod documents;
mod events;
mod input;
mod listen;
mod network;
mod offices;
mod operation;
mod routes;
mod upload;

pub use listen::{BindError, bind};

use crate::NodeDoor;
use crate::limits::{
    BATCHES_MAX, CONNECTIONS_MAX, HEAD_BYTES_MAX, HEAD_TIMEOUT, HEADERS_MAX, READ_BUFFER_BYTES,
    STOPPING_GRACE,
};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

/// How long to wait after the system refused to hand over a connection, as it does when file descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// After so many refusals in a row the socket is given up.
const ACCEPT_FAILURES_MAX: u32 = 100;

/// Serves the API until `shutdown`, then lets answers under way end (10 s at the most) and ends event streams.
///
/// The authentication for now is the socket itself: whoever may open it may do everything. Errors: the socket stays unusable; the
/// door is then closed, and starting it again needs a new socket.
pub async fn serve(
    socket: UnixListener,
    door: Arc<dyn NodeDoor>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let (stop, stopping) = watch::channel(false);
    let router = router(door, &stopping);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let mut failures = 0;
    let mut shutdown = pin!(shutdown);
    let outcome = loop {
        tokio::select! {
            () = &mut shutdown => break Ok(()),
            accepted = accept(&socket, &places) => match accepted {
                Ok((stream, place)) => {
                    failures = 0;
                    let conversation = converse(stream, router.clone(), stopping.clone());
                    connections.spawn(async move {
                        conversation.await;
                        drop(place);
                    });
                }
                Err(error) if failures >= ACCEPT_FAILURES_MAX => break Err(error),
                Err(error) => {
                    failures += 1;
                    tracing::warn!(%error, "the desk could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a connection of the desk ended in a fault");
                }
            }
        }
    };
    drop(socket);
    stop.send_replace(true);
    let rest = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(STOPPING_GRACE, rest).await.is_err() {
        connections.shutdown().await;
    }
    outcome
}

/// Serves one connection that did not come through a socket.
#[cfg(feature = "fuzzing")]
pub(crate) async fn serve_one(stream: impl AsyncRead + AsyncWrite + Unpin, door: Arc<dyn NodeDoor>) {
    // Nobody stops it: the sender is held until the end.
    let (_stop, stopping) = watch::channel(false);
    converse(stream, router(door, &stopping), stopping).await;
}

fn router(door: Arc<dyn NodeDoor>, stopping: &watch::Receiver<bool>) -> Router {
    routes::router(routes::Desk {
        door,
        stopping: stopping.clone(),
        batches: Arc::new(Semaphore::new(BATCHES_MAX)),
    })
}

/// Resolves when the server stops.
async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that the server is gone, which is stopped too.
    drop(stopping.wait_for(|stop| *stop).await);
}

async fn accept(
    socket: &UnixListener,
    places: &Arc<Semaphore>,
) -> io::Result<(UnixStream, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = socket.accept().await?;
    Ok((stream, place))
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    router: Router,
    stopping: watch::Receiver<bool>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_header_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .max_buf_size(READ_BUFFER_BYTES);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // As a rule the client went away in the middle; whoever worked for it has learnt of that by its stream.
        tracing::debug!(%error, "a connection of the desk broke off");
    }
}
