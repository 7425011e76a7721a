//! Frames waiting for one neighbour: a queue bounded by number and bytes (MUST-04), filled without waiting.

use crate::limits::{BYTES_QUEUED_MAX, FRAMES_QUEUED_MAX, WRITE_BATCH_BYTES};
use bytes::Bytes;
use std::collections::VecDeque;
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
    frames: VecDeque<Bytes>,
    bytes: usize,
}

impl Outbox {
    /// Appends an encoded frame; `false` if there is no room for it.
    pub(crate) fn push(&self, frame: Bytes) -> bool {
        let mut queue = self.lock();
        if queue.frames.len() >= FRAMES_QUEUED_MAX
            || queue.bytes.saturating_add(frame.len()) > BYTES_QUEUED_MAX
        {
            return false;
        }
        queue.bytes += frame.len();
        queue.frames.push_back(frame);
        drop(queue);
        self.filled.notify_one();
        true
    }

    /// Waits for frames and takes the oldest, at least one and otherwise at the most [`WRITE_BATCH_BYTES`].
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
        while let Some(next) = self.frames.front() {
            if taken > 0 && taken + next.len() > WRITE_BATCH_BYTES {
                break;
            }
            taken += next.len();
            batch.extend(self.frames.pop_front());
        }
        self.bytes = self.bytes.saturating_sub(taken);
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_frames_up_to_their_number_and_their_bytes() {
        let outbox = Outbox::default();
        assert!((0..FRAMES_QUEUED_MAX).all(|_| outbox.push(Bytes::from_static(b"f"))));
        assert!(!outbox.push(Bytes::from_static(b"f")));

        let outbox = Outbox::default();
        let big = Bytes::from(vec![0; BYTES_QUEUED_MAX / 3]);
        assert!((0..3).all(|_| outbox.push(big.clone())));
        assert!(!outbox.push(big));
    }

    #[tokio::test]
    async fn frames_leave_in_order_in_small_batches_and_make_room() {
        let outbox = Outbox::default();
        let long = Bytes::from(vec![1; WRITE_BATCH_BYTES + 1]);
        for frame in [long.clone(), Bytes::from_static(b"a"), Bytes::from_static(b"b"), long.clone()] {
            assert!(outbox.push(frame));
        }
        assert_eq!(outbox.take().await, vec![long.clone()]);
        assert_eq!(outbox.take().await, vec![Bytes::from_static(b"a"), Bytes::from_static(b"b")]);
        assert_eq!(outbox.take().await, vec![long]);
        assert!((0..FRAMES_QUEUED_MAX).all(|_| outbox.push(Bytes::from_static(b"f"))));
    }

    #[tokio::test]
    async fn a_frame_wakes_the_one_who_waits() {
        let outbox = Outbox::default();
        let (batch, taken) = tokio::join!(outbox.take(), async { outbox.push(Bytes::from_static(b"x")) });
        assert!(taken);
        assert_eq!(batch, vec![Bytes::from_static(b"x")]);
    }
}
