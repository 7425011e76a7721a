//! Counts the bytes of bodies on each link, both ways, since the start: a circular is to cross each link once.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, ReadBuf};
use yizhan_document::NodeId;

/// What went over one link, in bytes of encrypted bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// To the neighbour.
    pub(crate) sent: u64,
    /// From it.
    pub(crate) received: u64,
}

/// The counts of all links.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    links: Mutex<HashMap<NodeId, Counts>>,
}

impl Traffic {
    /// What went over the link to a neighbour so far.
    pub(crate) fn counts(&self, neighbour: NodeId) -> Counts {
        self.links().get(&neighbour).copied().unwrap_or_default()
    }

    /// So many bytes were given to the link.
    pub(crate) fn sent(&self, neighbour: NodeId, bytes: u64) {
        let mut links = self.links();
        let counts = links.entry(neighbour).or_default();
        counts.sent = counts.sent.saturating_add(bytes);
    }

    /// So many bytes came from it.
    pub(crate) fn received(&self, neighbour: NodeId, bytes: u64) {
        let mut links = self.links();
        let counts = links.entry(neighbour).or_default();
        counts.received = counts.received.saturating_add(bytes);
    }

    fn links(&self) -> MutexGuard<'_, HashMap<NodeId, Counts>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body that is counted as the link reads it.
pub(crate) struct CountedBody<R> {
    /// The body.
    pub(crate) body: R,
    /// The neighbour that gets it.
    pub(crate) neighbour: NodeId,
    /// Where it is counted.
    pub(crate) traffic: Arc<Traffic>,
}

impl<R: AsyncRead + Unpin> AsyncRead for CountedBody<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.body).poll_read(context, buffer);
        let bytes = buffer.filled().len().saturating_sub(before);
        if bytes > 0 {
            self.traffic.sent(self.neighbour, bytes as u64);
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn a_body_is_counted_as_far_as_it_was_read_and_for_its_neighbour_alone() {
        let (one, other): (NodeId, NodeId) = ("6523".parse().unwrap(), "6531".parse().unwrap());
        let traffic = Arc::new(Traffic::default());
        let body = [7; 1000];
        let mut counted =
            CountedBody { body: body.as_slice(), neighbour: one, traffic: Arc::clone(&traffic) };
        let mut part = [0; 300];
        counted.read_exact(&mut part).await.unwrap();
        assert_eq!(traffic.counts(one).sent, 300);
        let mut rest = Vec::new();
        counted.read_to_end(&mut rest).await.unwrap();
        traffic.received(one, 5);
        assert_eq!(traffic.counts(one), Counts { sent: 1000, received: 5 });
        assert_eq!(traffic.counts(other), Counts::default());
    }
}
