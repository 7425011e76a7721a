//! Bodies on their way to one neighbour: some at once, the most urgent of the waiting ones next.

use crate::event::LinkEvent;
use crate::limits::{BODIES_AT_ONCE_MAX, BODIES_WAITING_MAX, BODY_CHUNK_BYTES};
use crate::shared::Shared;
use bytes::{Bytes, BytesMut};
use quinn::{Connection, SendStream, VarInt};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use yizhan_document::NodeId;

/// A body to send.
pub(crate) struct BodyJob {
    /// The offer it belongs to.
    pub(crate) link: u64,
    /// Its head, encoded.
    pub(crate) head: Bytes,
    /// Its bytes.
    pub(crate) body: Box<dyn AsyncRead + Send + Unpin>,
    /// Greater goes first; above 0 it may use the last place.
    pub(crate) priority: i32,
}

/// A job with its place in the queue: the more urgent first, then the earlier.
struct Waiting {
    rank: (i32, Reverse<u64>),
    job: BodyJob,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

/// Sends what comes through `jobs` until the connection has ended, and tells of each job how it went. One place is kept
/// for priorities above 0, so that large ordinary bodies on a thin line do not hold up an urgent one.
pub(crate) async fn send_bodies(
    shared: &Shared,
    neighbour: NodeId,
    connection: Connection,
    mut jobs: mpsc::Receiver<BodyJob>,
) {
    let mut waiting = BinaryHeap::new();
    let mut running = JoinSet::new();
    let mut count = 0;
    loop {
        while let Some(job) = next_job(&mut waiting, running.len()) {
            running.spawn(send_one(connection.clone(), job));
        }
        tokio::select! {
            _ = connection.closed() => break,
            Some(job) = jobs.recv(), if waiting.len() < BODIES_WAITING_MAX / 2 => {
                waiting.push(Waiting { rank: (job.priority, Reverse(count)), job });
                count += 1;
            }
            Some(Ok((link, ok))) = running.join_next() => shared.tell(LinkEvent::BodySent { neighbour, link, ok }).await,
        }
    }
    // Every job that was taken is answered, also those that never began.
    jobs.close();
    while let Some(Ok((link, ok))) = running.join_next().await {
        shared.tell(LinkEvent::BodySent { neighbour, link, ok }).await;
    }
    while let Some(job) = jobs.recv().await {
        shared.tell(LinkEvent::BodySent { neighbour, link: job.link, ok: false }).await;
    }
    for Waiting { job, .. } in waiting {
        shared.tell(LinkEvent::BodySent { neighbour, link: job.link, ok: false }).await;
    }
}

/// The next job if there is a place for it.
fn next_job(waiting: &mut BinaryHeap<Waiting>, running: usize) -> Option<BodyJob> {
    let urgent = waiting.peek()?.job.priority > 0;
    let places = if urgent { BODIES_AT_ONCE_MAX } else { BODIES_AT_ONCE_MAX - 1 };
    if running < places { waiting.pop().map(|waiting| waiting.job) } else { None }
}

/// Sends one body and waits until the neighbour's QUIC has all of it.
async fn send_one(connection: Connection, job: BodyJob) -> (u64, bool) {
    let link = job.link;
    // A body that cannot be read must not outlive the connection.
    let ok = tokio::select! {
        _ = connection.closed() => false,
        ok = stream_body(&connection, job) => ok,
    };
    (link, ok)
}

async fn stream_body(connection: &Connection, job: BodyJob) -> bool {
    let Ok(mut stream) = connection.open_uni().await else {
        return false;
    };
    // Below the control stream in any case.
    let priority = job.priority.min(i32::MAX - 1);
    if stream.set_priority(priority).is_err() || stream.write_chunk(job.head).await.is_err() {
        return false;
    }
    if !copy(job.body, &mut stream).await {
        // So that the neighbour does not take a part for the whole.
        return stream.reset(VarInt::from_u32(1)).is_ok_and(|()| false);
    }
    stream.finish().is_ok() && matches!(stream.stopped().await, Ok(None))
}

async fn copy(mut body: Box<dyn AsyncRead + Send + Unpin>, stream: &mut SendStream) -> bool {
    let mut buffer = BytesMut::new();
    loop {
        // What is left of a chunk is used up first: small reads must not each pin a whole chunk until acknowledged.
        if buffer.capacity() < BODY_CHUNK_BYTES / 16 {
            buffer.reserve(BODY_CHUNK_BYTES);
        }
        match body.read_buf(&mut buffer).await {
            Ok(0) => return true,
            Ok(_) if stream.write_chunk(buffer.split().freeze()).await.is_ok() => {}
            Ok(_) | Err(_) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(priorities: &[i32]) -> BinaryHeap<Waiting> {
        let job = |link, priority| BodyJob {
            link,
            head: Bytes::new(),
            body: Box::new(tokio::io::empty()),
            priority,
        };
        let numbered = (0..).zip(priorities);
        numbered.map(|(n, p)| Waiting { rank: (*p, Reverse(n)), job: job(n, *p) }).collect()
    }

    #[test]
    fn the_most_urgent_goes_first_and_among_equals_the_earliest() {
        let mut waiting = queue(&[0, 5, 0, 5, -1]);
        let order: Vec<u64> = std::iter::from_fn(|| next_job(&mut waiting, 0)).map(|job| job.link).collect();
        assert_eq!(order, [1, 3, 0, 2, 4]);
    }

    #[test]
    fn the_last_place_is_kept_for_the_urgent() {
        assert!(next_job(&mut queue(&[0]), BODIES_AT_ONCE_MAX - 2).is_some());
        assert!(next_job(&mut queue(&[0]), BODIES_AT_ONCE_MAX - 1).is_none());
        assert!(next_job(&mut queue(&[0, 1]), BODIES_AT_ONCE_MAX - 1).is_some_and(|job| job.priority == 1));
        assert!(next_job(&mut queue(&[1]), BODIES_AT_ONCE_MAX).is_none());
    }
}
