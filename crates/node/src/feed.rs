//! The feed of events for offices: what happened to their documents, in order, from a bounded memory.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use tokio::sync::broadcast;
use yizhan_desk::NodeEvent;
use yizhan_document::WallTime;

/// Events kept for those who come late, at the most.
const KEPT_MAX: usize = 4096;
/// Events in a millisecond over the whole life of a node, at the most; the numbers stay below 2^53, which every JSON reader
/// keeps exact.
const EVENTS_PER_MS_MAX: u64 = 4096;
/// Events a slow listener may fall behind before it must start again from what is kept.
const BEHIND_MAX: usize = 1024;

/// The feed.
pub(crate) struct Feed {
    kept: Mutex<Kept>,
    live: broadcast::Sender<NodeEvent>,
}

struct Kept {
    next: u64,
    events: VecDeque<NodeEvent>,
}

impl Feed {
    /// An empty feed. Its numbers begin with the time, above those of earlier lives of the node: who comes back with the last
    /// number seen gets everything that is new.
    pub(crate) fn new(started: WallTime) -> Self {
        let (live, _) = broadcast::channel(BEHIND_MAX);
        let next = started.as_ms().saturating_mul(EVENTS_PER_MS_MAX);
        Self { kept: Mutex::new(Kept { next, events: VecDeque::new() }), live }
    }

    /// Adds events in their order; their sequence numbers are given here.
    pub(crate) fn add(&self, events: impl Iterator<Item = NodeEvent>) {
        // Nothing that holds this lock can leave it half done.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for mut event in events {
            event.sequence = kept.next;
            kept.next += 1;
            if kept.events.len() >= KEPT_MAX {
                kept.events.pop_front();
            }
            if self.live.receiver_count() > 0 {
                // Whoever has just left gets it no more.
                let _listeners = self.live.send(event.clone());
            }
            kept.events.push_back(event);
        }
    }

    /// What is kept after `sequence`, and whatever comes from then on, without a gap between the two.
    pub(crate) fn after(&self, sequence: u64) -> (Vec<NodeEvent>, broadcast::Receiver<NodeEvent>) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // A number that was not given out yet is one of before the clock was set back: then everything may be new.
        let sequence = if sequence >= kept.next { 0 } else { sequence };
        let past = kept.events.iter().filter(|event| event.sequence > sequence).cloned().collect();
        (past, self.live.subscribe())
    }
}
