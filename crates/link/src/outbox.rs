//! Frames waiting for one neighbour: queues by priority, bounded together by number and bytes (MUST-04), filled without waiting.

use crate::limits::{BYTES_QUEUED_MAX, FRAMES_QUEUED_MAX, WRITE_BATCH_BYTES};
use bytes::Bytes;
use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use yizhan_document::NodeId;
use yizhan_protocol::CodecError;

/// Why something was not taken for sending. Nothing of it was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// There is no connection to it, or it is no neighbour. Offer it again after its `Up`.
    #[error("neighbour {0} is not up; send again when it is")]
    NotUp(NodeId),
    /// The neighbour takes less than it is given. Try again later.
    #[error("the queue for neighbour {0} is full; try again later")]
    Full(NodeId),
    /// This node made something that no neighbour takes.
    #[error(transparent)]
    TooLarge(#[from] CodecError),
    /// The links say hello themselves, once for each connection; this node is to blame.
    #[error("a hello is sent by the links alone")]
    Hello,
}

/// The queue.
#[derive(Default)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    filled: Notify,
}

#[derive(Default)]
struct Queue {
    /// By priority, the greatest first, each frame with its number; none is empty.
    lanes: BTreeMap<Reverse<i32>, VecDeque<(u64, Bytes)>>,
    frames: usize,
    bytes: usize,
    next: u64,
}

impl Outbox {
    /// Appends an encoded frame to those of its priority; `false` if there is no room for it.
    pub(crate) fn push(&self, priority: i32, frame: Bytes) -> bool {
        let mut queue = self.lock();
        if queue.frames >= FRAMES_QUEUED_MAX || queue.bytes.saturating_add(frame.len()) > BYTES_QUEUED_MAX {
            return false;
        }
        queue.bytes += frame.len();
        queue.frames += 1;
        let number = queue.next;
        queue.next += 1;
        queue.lanes.entry(Reverse(priority)).or_default().push_back((number, frame));
        drop(queue);
        self.filled.notify_one();
        true
    }

    /// Waits for frames and takes those of the greatest priority, the oldest first, at least one and otherwise at the most
    /// [`WRITE_BATCH_BYTES`]; and behind them the one that has waited longest, if it is of another priority.
    pub(crate) async fn take(&self) -> Vec<Bytes> {
        loop {
            let batch = self.lock().batch();
            if !batch.is_empty() {
                return batch;
            }
            // A push between the look and this wait left its permit behind.
            self.filled.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it is held.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn batch(&mut self) -> Vec<Bytes> {
        let mut batch = Vec::new();
        let mut taken = 0;
        while let Some(next) = self.lanes.first_entry().and_then(|lane| Some(lane.get().front()?.1.len())) {
            if taken > 0 && taken + next > WRITE_BATCH_BYTES {
                break;
            }
            taken += next;
            let first = self.lanes.first_key_value().map(|(lane, _)| *lane);
            batch.extend(first.and_then(|lane| self.pop(lane)));
        }
        // So that it need not wait for the end of all that is more urgent: in each batch one frame of those that were passed over.
        let oldest = self.lanes.iter().min_by_key(|(_, frames)| frames.front().map(|(number, _)| *number));
        let oldest = oldest.map(|(lane, _)| *lane);
        if oldest != self.lanes.first_key_value().map(|(lane, _)| *lane) {
            batch.extend(oldest.and_then(|lane| self.pop(lane)));
        }
        batch
    }

    fn pop(&mut self, lane: Reverse<i32>) -> Option<Bytes> {
        let frames = self.lanes.get_mut(&lane)?;
        let frame = frames.pop_front().map(|(_, frame)| frame)?;
        if frames.is_empty() {
            self.lanes.remove(&lane);
        }
        self.frames -= 1;
        self.bytes = self.bytes.saturating_sub(frame.len());
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_frames_up_to_their_number_and_their_bytes() {
        let outbox = Outbox::default();
        assert!((0..FRAMES_QUEUED_MAX).all(|_| outbox.push(0, Bytes::from_static(b"f"))));
        assert!(!outbox.push(0, Bytes::from_static(b"f")));

        let outbox = Outbox::default();
        let big = Bytes::from(vec![0; BYTES_QUEUED_MAX / 3]);
        assert!((0..3).all(|_| outbox.push(0, big.clone())));
        assert!(!outbox.push(0, big));
    }

    #[tokio::test]
    async fn frames_leave_in_order_in_small_batches_and_make_room() {
        let outbox = Outbox::default();
        let long = Bytes::from(vec![1; WRITE_BATCH_BYTES + 1]);
        for frame in [long.clone(), Bytes::from_static(b"a"), Bytes::from_static(b"b"), long.clone()] {
            assert!(outbox.push(0, frame));
        }
        assert_eq!(outbox.take().await, vec![long.clone()]);
        assert_eq!(outbox.take().await, vec![Bytes::from_static(b"a"), Bytes::from_static(b"b")]);
        assert_eq!(outbox.take().await, vec![long]);
        assert!((0..FRAMES_QUEUED_MAX).all(|_| outbox.push(0, Bytes::from_static(b"f"))));
    }

    #[tokio::test]
    async fn the_more_urgent_leaves_first_and_each_batch_takes_the_one_that_waited_longest_along() {
        let outbox = Outbox::default();
        let long = |byte| Bytes::from(vec![byte; WRITE_BATCH_BYTES]);
        for (priority, byte) in [(0, 1), (0, 2), (1, 3), (4, 4), (4, 5), (4, 6)] {
            assert!(outbox.push(priority, long(byte)));
        }
        let mut batches = Vec::new();
        for _ in 0..4 {
            batches.push(outbox.take().await.iter().map(|frame| frame[0]).collect::<Vec<_>>());
        }
        assert_eq!(batches, [vec![4, 1], vec![5, 2], vec![6], vec![3]]);
        assert!(
            (0..FRAMES_QUEUED_MAX).all(|_| outbox.push(0, Bytes::from_static(b"f"))),
            "there is room again"
        );
        assert!(!outbox.push(4, Bytes::from_static(b"f")));
    }

    #[tokio::test]
    async fn a_frame_wakes_the_one_who_waits() {
        let outbox = Outbox::default();
        let (batch, taken) = tokio::join!(outbox.take(), async { outbox.push(0, Bytes::from_static(b"x")) });
        assert!(taken);
        assert_eq!(batch, vec![Bytes::from_static(b"x")]);
    }
}
