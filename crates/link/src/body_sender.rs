//! Bodies on their way to one neighbour: some at once, the most urgent of the waiting ones next (MUST-43), and none left waiting for
//! ever (MUST-44).

use crate::body_queue::{BodyJob, BodyQueue};
use crate::event::LinkEvent;
use crate::limits::BODY_CHUNK_BYTES;
use crate::shared::Shared;
use crate::turns::{Turn, Turns};
use bytes::BytesMut;
use quinn::{Connection, SendStream, VarInt};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::task::JoinSet;
use yizhan_document::NodeId;

/// Sends what comes into the queue until the connection has ended, and tells of each job how it went. A place is kept for each
/// priority above 0, so that large bodies on a thin line do not hold up a more urgent one.
pub(crate) async fn send_bodies(
    shared: &Shared,
    neighbour: NodeId,
    connection: Connection,
    queue: &BodyQueue,
) {
    let mut running = JoinSet::new();
    let turns = Arc::new(Turns::default());
    loop {
        while let Some(job) = queue.next(running.len()) {
            let turn = turns.begin(job.priority);
            running.spawn(send_one(connection.clone(), job, turn));
        }
        tokio::select! {
            _ = connection.closed() => break,
            () = queue.filled() => {}
            Some(Ok((link, ok))) = running.join_next() => shared.tell(LinkEvent::BodySent { neighbour, link, ok }).await,
        }
    }
    // Every job that was taken is answered, also those that never began.
    let left = queue.close();
    while let Some(Ok((link, ok))) = running.join_next().await {
        shared.tell(LinkEvent::BodySent { neighbour, link, ok }).await;
    }
    for job in left {
        shared.tell(LinkEvent::BodySent { neighbour, link: job.link, ok: false }).await;
    }
}

/// Sends one body and waits until the neighbour's QUIC has all of it.
async fn send_one(connection: Connection, job: BodyJob, turn: Turn) -> (u64, bool) {
    let link = job.link;
    // A body that cannot be read must not outlive the connection.
    let ok = tokio::select! {
        _ = connection.closed() => false,
        ok = stream_body(&connection, job, &turn) => ok,
    };
    (link, ok)
}

async fn stream_body(connection: &Connection, job: BodyJob, turn: &Turn) -> bool {
    let Ok(mut stream) = connection.open_uni().await else {
        return false;
    };
    if stream.set_priority(below_control(job.priority)).is_err()
        || stream.write_chunk(job.head).await.is_err()
    {
        return false;
    }
    if !copy(job.body, &mut stream, turn).await {
        // So that the neighbour does not take a part for the whole.
        return stream.reset(VarInt::from_u32(1)).is_ok_and(|()| false);
    }
    stream.finish().is_ok() && matches!(stream.stopped().await, Ok(None))
}

/// Below the control stream in any case.
fn below_control(priority: i32) -> i32 {
    priority.min(i32::MAX - 1)
}

async fn copy(mut body: Box<dyn AsyncRead + Send + Unpin>, stream: &mut SendStream, turn: &Turn) -> bool {
    let mut buffer = BytesMut::new();
    loop {
        // What is left of a chunk is used up first: small reads must not each pin a whole chunk until acknowledged.
        if buffer.capacity() < BODY_CHUNK_BYTES / 16 {
            buffer.reserve(BODY_CHUNK_BYTES);
        }
        match body.read_buf(&mut buffer).await {
            Ok(0) => return true,
            Ok(read) if stream.write_chunk(buffer.split().freeze()).await.is_ok() => {
                if stream.set_priority(below_control(turn.wrote(read as u64))).is_err() {
                    return false;
                }
            }
            Ok(_) | Err(_) => return false,
        }
    }
}
