//! The task that owns a neighbour: one session at a time, from its `Up` to its `Down`.

use crate::body_queue::BodyQueue;
use crate::body_sender::send_bodies;
use crate::body_stream::read_body;
use crate::closing::{Closing, Refusal, in_words, was_replaced};
use crate::control::{FrameReader, write_frames};
use crate::event::LinkEvent;
use crate::handshake::Session;
use crate::limits::BODIES_AT_ONCE_MAX;
use crate::outbox::Outbox;
use crate::shared::{Outbound, Shared};
use quinn::{Connection, RecvStream};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use yizhan_document::NodeId;
use yizhan_protocol::{Frame, Hello};

/// Runs the sessions of one neighbour one after the other, until it is a neighbour no more. A newer session ends the one before it: the
/// neighbour has restarted, or knows that the older connection is dead before we do.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    up: watch::Sender<Option<Arc<Outbound>>>,
    mut sessions: Sessions,
) {
    let mut newer = None;
    while let Some(session) = match newer.take() {
        Some(session) => Some(session),
        None => sessions.recv().await.map(Box::new),
    } {
        newer = run(&shared, &up, session, &mut sessions).await;
    }
}

/// Where the connections of one neighbour arrive.
pub(crate) type Sessions = mpsc::Receiver<Session>;

/// How a session ended.
enum End {
    /// The neighbour has made another one.
    Newer(Box<Session>),
    /// The connection is gone.
    Lost,
    /// This side ends it.
    Refused(Refusal),
}

/// Runs one session to its end; gives the one that replaces it, if that was the reason.
async fn run(
    shared: &Arc<Shared>,
    up: &watch::Sender<Option<Arc<Outbound>>>,
    session: Box<Session>,
    sessions: &mut Sessions,
) -> Option<Box<Session>> {
    let Session { neighbour, connection, frames_out, frames_in, hello, lifetime, replaced } = *session;
    let outbound = Arc::new(Outbound { outbox: Outbox::default(), bodies: BodyQueue::default() });
    announce(shared, up, neighbour, &connection, &outbound, hello).await;

    // Whatever reads tells the node by itself and is stopped before `Down` is told, so that nothing follows it.
    let mut reading = JoinSet::new();
    reading.spawn(read_frames(shared.clone(), neighbour, frames_in));
    reading.spawn(read_bodies(shared.clone(), neighbour, connection.clone()));
    let mut writing = JoinSet::new();
    let (sender, on, of) = (shared.clone(), connection.clone(), outbound.clone());
    writing.spawn(async move { write_frames(frames_out, &outbound.outbox).await });
    let mut sending = JoinSet::new();
    sending.spawn(async move { send_bodies(&sender, neighbour, on, &of.bodies).await });

    let end = tokio::select! {
        biased;
        newer = sessions.recv() => match newer {
            Some(newer) => End::Newer(Box::new(newer)),
            // Nobody can hand a session to this task any more.
            None => End::Refused(Refusal {
                closing: Closing::NotNeighbour,
                reason: "the directory names it as a neighbour no more".to_owned(),
            }),
        },
        _ = connection.closed() => End::Lost,
        Some(Ok(refusal)) = reading.join_next() => End::Refused(refusal),
        Some(Ok(refusal)) = writing.join_next() => End::Refused(refusal),
        () = sleep(lifetime) => {
            let reason = "the connection is due to be made anew".to_owned();
            End::Refused(Refusal { closing: Closing::Aged, reason })
        }
    };

    up.send_replace(None);
    let (reason, gave_way, newer) = conclude(&connection, end);
    reading.shutdown().await;
    writing.shutdown().await;
    while sending.join_next().await.is_some() {}
    tracing::info!(%neighbour, %reason, "neighbour is down");
    shared.tell(LinkEvent::Down { neighbour, reason }).await;
    if replaced.is_some_and(|replaced| replaced.send(gave_way).is_err()) {
        tracing::debug!(%neighbour, "its dialler is gone");
    }
    newer
}

/// The neighbour is up: first its queues open, then the node hears of it.
async fn announce(
    shared: &Shared,
    up: &watch::Sender<Option<Arc<Outbound>>>,
    neighbour: NodeId,
    connection: &Connection,
    outbound: &Arc<Outbound>,
    hello: Hello,
) {
    up.send_replace(Some(outbound.clone()));
    tracing::info!(%neighbour, remote = %connection.remote_address(), "neighbour is up");
    shared.tell(LinkEvent::Up { neighbour, hello }).await;
}

/// Closes the connection as its end asks: the reason in words, whether a newer one is the reason, and the newer one.
fn conclude(connection: &Connection, end: End) -> (String, bool, Option<Box<Session>>) {
    // Where the connection is gone already, its own reason says more than what followed from it.
    if let Some(error) = connection.close_reason() {
        let newer = if let End::Newer(newer) = end { Some(newer) } else { None };
        return (in_words(&error), newer.is_some() || was_replaced(&error), newer);
    }
    match end {
        End::Newer(newer) => {
            let reason = "the neighbour has a newer connection".to_owned();
            Closing::Replaced.close(connection, "there is a newer connection");
            (reason, true, Some(newer))
        }
        End::Refused(refusal) => {
            refusal.closing.close(connection, &refusal.reason);
            (refusal.reason, false, None)
        }
        End::Lost => ("the connection is gone".to_owned(), false, None),
    }
}

/// Hands on frames until the stream ends or the neighbour breaks the protocol.
async fn read_frames(shared: Arc<Shared>, neighbour: NodeId, mut frames: FrameReader) -> Refusal {
    loop {
        match frames.next().await {
            Ok(Frame::Hello(_)) => return Refusal::protocol(format!("{neighbour} said hello twice")),
            Ok(frame) => shared.tell(LinkEvent::Frame { neighbour, frame }).await,
            Err(refusal) => return refusal,
        }
    }
}

/// Hands on body streams until the connection ends or the neighbour breaks the protocol.
async fn read_bodies(shared: Arc<Shared>, neighbour: NodeId, connection: Connection) -> Refusal {
    let mut heads = JoinSet::new();
    loop {
        tokio::select! {
            Some(done) = heads.join_next() => if let Ok(Err(refusal)) = done {
                return refusal;
            },
            stream = connection.accept_uni(), if heads.len() < BODIES_AT_ONCE_MAX => match stream {
                Ok(stream) => {
                    heads.spawn(hand_on_body(shared.clone(), neighbour, stream));
                }
                Err(error) => return Refusal::protocol(in_words(&error)),
            },
        }
    }
}

async fn hand_on_body(shared: Arc<Shared>, neighbour: NodeId, stream: RecvStream) -> Result<(), Refusal> {
    let slow = |_| Refusal { closing: Closing::Slow, reason: "the head of a body took too long".to_owned() };
    if let Some((head, stream)) =
        timeout(shared.timing.handshake, read_body(stream)).await.map_err(slow)??
    {
        shared.tell(LinkEvent::Body { neighbour, head, stream }).await;
    }
    Ok(())
}
