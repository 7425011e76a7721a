//! Bodies on their way to one neighbour: some at once, the most urgent of the waiting ones next (MUST-43), and none left waiting for
//! ever (MUST-44).

use crate::event::LinkEvent;
use crate::limits::{
    BODIES_AT_ONCE_MAX, BODIES_WAITING_MAX, BODY_CHUNK_BYTES, PRIORITY_MAX, TURNS_BY_PRIORITY,
};
use crate::shared::Shared;
use crate::turns::{Turn, Turns};
use bytes::{Bytes, BytesMut};
use quinn::{Connection, SendStream, VarInt};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
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
    /// Greater goes first; each up to `PRIORITY_MAX` has a place of its own.
    pub(crate) priority: i32,
}

/// The jobs that wait: the more urgent first, then the earlier; at every eighth turn the earliest of all.
#[derive(Default)]
struct Waiting {
    jobs: BTreeMap<(Reverse<i32>, u64), BodyJob>,
    count: u64,
    by_priority_since: u64,
}

impl Waiting {
    fn push(&mut self, job: BodyJob) {
        self.jobs.insert((Reverse(job.priority), self.count), job);
        self.count += 1;
    }

    /// The next job, if there is a place for it: each priority finds one that those below it cannot take, and the
    /// earliest, at its turn, takes any.
    fn next(&mut self, running: usize) -> Option<BodyJob> {
        let earliest = self.jobs.keys().min_by_key(|(_, number)| *number).copied()?;
        let is_its_turn = self.by_priority_since >= TURNS_BY_PRIORITY && running < BODIES_AT_ONCE_MAX;
        let first = self.jobs.first_key_value().map(|(key, _)| *key);
        let first = first.filter(|(Reverse(priority), _)| running < places(*priority));
        let key = if is_its_turn { earliest } else { first? };
        self.by_priority_since = if key == earliest { 0 } else { self.by_priority_since + 1 };
        self.jobs.remove(&key)
    }
}

/// How many bodies may be under way so that one of this priority may join.
fn places(priority: i32) -> usize {
    let above = PRIORITY_MAX - priority.clamp(0, PRIORITY_MAX);
    BODIES_AT_ONCE_MAX - usize::try_from(above).unwrap_or(0)
}

/// Sends what comes through `jobs` until the connection has ended, and tells of each job how it went. A place is kept for each
/// priority above 0, so that large bodies on a thin line do not hold up a more urgent one.
pub(crate) async fn send_bodies(
    shared: &Shared,
    neighbour: NodeId,
    connection: Connection,
    mut jobs: mpsc::Receiver<BodyJob>,
) {
    let mut waiting = Waiting::default();
    let mut running = JoinSet::new();
    let turns = Arc::new(Turns::default());
    loop {
        while let Some(job) = waiting.next(running.len()) {
            let turn = turns.begin(job.priority);
            running.spawn(send_one(connection.clone(), job, turn));
        }
        tokio::select! {
            _ = connection.closed() => break,
            Some(job) = jobs.recv(), if waiting.jobs.len() < BODIES_WAITING_MAX / 2 => waiting.push(job),
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
    for job in waiting.jobs.into_values() {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(priorities: &[i32]) -> Waiting {
        let mut waiting = Waiting::default();
        for (link, priority) in (0..).zip(priorities) {
            let body = Box::new(tokio::io::empty());
            waiting.push(BodyJob { link, head: Bytes::new(), body, priority: *priority });
        }
        waiting
    }

    fn order(waiting: &mut Waiting) -> Vec<u64> {
        std::iter::from_fn(|| waiting.next(0)).map(|job| job.link).collect()
    }

    #[test]
    fn the_most_urgent_goes_first_and_among_equals_the_earliest() {
        assert_eq!(order(&mut queue(&[0, 4, 0, 4, -1])), [1, 3, 0, 2, 4]);
    }

    #[test]
    fn the_earliest_begins_after_seven_that_overtook_it() {
        assert_eq!(order(&mut queue(&[0, 1, 1, 1, 1, 1, 1, 1, 1, 1])), [1, 2, 3, 4, 5, 6, 7, 0, 8, 9]);
    }

    #[test]
    fn each_priority_finds_a_place_that_those_below_it_cannot_take() {
        for priority in 0..=PRIORITY_MAX {
            let places = places(priority);
            assert!(queue(&[priority]).next(places - 1).is_some());
            assert!(queue(&[priority]).next(places).is_none());
            assert!(queue(&[priority, priority + 1]).next(places).is_some() == (priority < PRIORITY_MAX));
        }
        assert_eq!(places(i32::MAX), BODIES_AT_ONCE_MAX);
        assert_eq!(places(i32::MIN), places(0));
    }

    #[test]
    fn the_earliest_takes_any_free_place_at_its_turn() {
        let mut waiting = queue(&[0, 1, 1, 1, 1, 1, 1, 1, 1]);
        (0..TURNS_BY_PRIORITY).for_each(|_| drop(waiting.next(0)));
        assert!(waiting.next(BODIES_AT_ONCE_MAX).is_none());
        assert_eq!(waiting.next(BODIES_AT_ONCE_MAX - 1).map(|job| job.link), Some(0));
    }
}
