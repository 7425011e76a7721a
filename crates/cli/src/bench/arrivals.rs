//! When documents arrive: the events of a destination, as office software there would follow them.

use super::fault::BenchFault;
use futures_util::StreamExt;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use yizhan_desk::{DeskClient, NodeEvent};
use yizhan_document::{EnvelopeId, NodeId};
use yizhan_node::Clock;

/// How long to wait before a node that is away is asked again.
const PAUSE: Duration = Duration::from_millis(10);
/// The event that says that a document lies in the inbox, durably.
const IN_THE_INBOX: &str = "ContentConsignment";

/// What arrives at one node, from the moment this is made until it is dropped.
pub(crate) struct Arrivals {
    shared: Arc<Shared>,
    _reader: JoinSet<()>,
}

struct Shared {
    node: NodeId,
    clock: Clock,
    seen: Mutex<Seen>,
    count: watch::Sender<u64>,
}

#[derive(Default)]
struct Seen {
    /// When the event of each document was here, by the clock of this program, in microseconds.
    at_us: HashMap<EnvelopeId, u64>,
    /// The latest of them.
    last_us: u64,
    /// The last event of any kind.
    last: u64,
    /// Whether events were missed: the node keeps a bounded number of them, and none over a restart.
    gaps: bool,
    /// Documents of which the event was missed, and the arrival is known as an upper bound.
    bounded: u64,
}

impl Arrivals {
    /// Begins to follow the events of `node`, which need not run yet.
    pub(crate) fn follow(node: NodeId, socket: PathBuf, clock: Clock) -> Self {
        let seen = Mutex::new(Seen::default());
        let shared = Arc::new(Shared { node, clock, seen, count: watch::channel(0).0 });
        let mut reader = JoinSet::new();
        reader.spawn(read(Arc::clone(&shared), socket));
        Self { shared, _reader: reader }
    }

    /// How many documents were seen to arrive, and whether some may have been missed.
    pub(crate) fn count(&self) -> (u64, bool) {
        let seen = self.shared.seen();
        (seen.at_us.len() as u64, seen.gaps)
    }

    /// When the last one was seen to arrive, in microseconds of the clock.
    pub(crate) fn last_us(&self) -> u64 {
        self.shared.seen().last_us
    }

    /// When a document arrived, in microseconds of the clock.
    pub(crate) fn at_us(&self, id: EnvelopeId) -> Option<u64> {
        self.shared.seen().at_us.get(&id).copied()
    }

    /// Waits until a document has arrived.
    pub(crate) async fn until_there(&self, id: EnvelopeId) -> Result<u64, BenchFault> {
        let mut count = self.shared.count.subscribe();
        loop {
            if let Some(at) = self.at_us(id) {
                return Ok(at);
            }
            count.changed().await.map_err(|error| BenchFault::Itself(error.to_string()))?;
        }
    }

    /// Closes the gaps: `order` is the inbox as it lies there, oldest first. Whatever was not seen to arrive was there when the next
    /// one was seen, or, behind the last one, at `end_us`. The bound is above what is true, never below.
    pub(crate) fn close_gaps(&self, order: &[EnvelopeId], end_us: u64) -> u64 {
        let mut seen = self.shared.seen();
        let mut next = end_us;
        for id in order.iter().rev() {
            match seen.at_us.get(id) {
                Some(at) => next = *at,
                None => {
                    seen.at_us.insert(*id, next);
                    seen.bounded += 1;
                }
            }
        }
        seen.bounded
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        // Nothing that holds this lock can leave it half done.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, event: &NodeEvent) {
        let now = self.clock.uptime_us();
        let mut seen = self.seen();
        seen.gaps |= seen.last != 0 && event.sequence != seen.last + 1;
        seen.last = event.sequence;
        if event.kind == IN_THE_INBOX && event.node == self.node {
            seen.at_us.entry(event.envelope).or_insert(now);
            seen.last_us = now;
            drop(seen);
            self.count.send_modify(|count| *count += 1);
        }
    }
}

async fn read(shared: Arc<Shared>, socket: PathBuf) {
    loop {
        let last = shared.seen().last;
        let connecting = async || DeskClient::connect(&socket).await?.events(last).await;
        if let Ok(mut events) = connecting().await {
            while let Some(Ok(event)) = events.next().await {
                shared.note(&event);
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(sequence: u64, envelope: &str, kind: &str) -> NodeEvent {
        NodeEvent {
            sequence,
            time: "2026-11-20T08:00:00.000Z".parse().unwrap(),
            envelope: envelope.parse().unwrap(),
            kind: kind.to_owned(),
            node: "6523".parse().unwrap(),
            unit: None,
        }
    }

    #[tokio::test]
    async fn a_missed_arrival_is_never_told_earlier_than_it_was() {
        let node = "6523".parse().unwrap();
        let arrivals = Arrivals::follow(node, "no-such-socket".into(), Clock::start());
        let ids: Vec<EnvelopeId> = (1..=4).map(|n| format!("652301.0.{n}").parse().unwrap()).collect();
        arrivals.shared.note(&event(10, "652301.0.1", IN_THE_INBOX));
        arrivals.shared.note(&event(11, "652301.0.1", "RelayAcceptance"));
        assert_eq!(arrivals.count(), (1, false));
        arrivals.shared.note(&event(14, "652301.0.3", IN_THE_INBOX));
        assert_eq!(arrivals.count(), (2, true));
        assert_eq!(arrivals.at_us(ids[1]), None);
        assert_eq!(arrivals.close_gaps(&ids, 77_000_000), 2);
        assert_eq!(
            arrivals.at_us(ids[1]),
            arrivals.at_us(ids[2]),
            "the second was there when the third was seen"
        );
        assert_eq!(arrivals.at_us(ids[3]), Some(77_000_000));
    }
}
