//! Content on its way between door and node: a bounded stream of pieces that says how it ended.
//!
//! The sender waits while the channel is full (backpressure), so that a file of any size passes in at most 1 MiB of memory. A
//! stream that merely stops was broken off: only [`ContentSender::finish`] makes it whole.

use crate::limits::{PIECE_BYTES_MAX, PIECES_IN_FLIGHT_MAX};
use bytes::Bytes;
use futures_util::Stream;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use tokio::sync::mpsc;

/// A new channel for the content of one document.
pub fn content_channel() -> (ContentSender, ContentStream) {
    let (to, pieces) = mpsc::channel(PIECES_IN_FLIGHT_MAX);
    let end = Arc::new(OnceLock::new());
    (ContentSender { pieces: to, end: end.clone() }, ContentStream { pieces, end, ended: false })
}

/// The sending side. Dropping it without [`finish`](Self::finish) breaks the stream off.
#[derive(Debug)]
pub struct ContentSender {
    pieces: mpsc::Sender<Bytes>,
    end: Arc<OnceLock<Result<(), ContentError>>>,
}

/// The receiving side: pieces of 1 to [`PIECE_BYTES_MAX`] bytes in order; after an error or the end, `None` for ever.
#[derive(Debug)]
pub struct ContentStream {
    pieces: mpsc::Receiver<Bytes>,
    end: Arc<OnceLock<Result<(), ContentError>>>,
    ended: bool,
}

/// Why content did not come to its end. What came before it must not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// The other side went away in the middle. The client may try again.
    #[error("the content was broken off: its sender went away")]
    BrokenOff,
    /// The door refused the upload, such as for a size other than declared, and told the client why.
    #[error("the door refused the upload")]
    Refused,
    /// The node cannot read on; the reason is in its log.
    #[error("the node cannot hand out the rest: {0}")]
    Unreadable(String),
}

/// Nobody reads the content any more: stop sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nobody reads this content any more")]
pub struct ContentUnwanted;

impl ContentSender {
    /// Sends bytes, in pieces if they are many; waits while too much is in flight.
    pub async fn send(&self, mut bytes: Bytes) -> Result<(), ContentUnwanted> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE_BYTES_MAX));
            self.pieces.send(piece).await.map_err(|_| ContentUnwanted)?;
        }
        Ok(())
    }

    /// The same from a worker thread. Must not be called on a thread of the async runtime, where it panics.
    pub fn blocking_send(&self, mut bytes: Bytes) -> Result<(), ContentUnwanted> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE_BYTES_MAX));
            self.pieces.blocking_send(piece).map_err(|_| ContentUnwanted)?;
        }
        Ok(())
    }

    /// Says that all content was sent.
    pub fn finish(self) {
        // Whichever end is said first stands; `self` is consumed, so there is one.
        self.end.get_or_init(|| Ok(()));
    }

    /// Says why there will be no more content.
    pub fn fail(self, error: ContentError) {
        self.end.get_or_init(|| Err(error));
    }
}

impl ContentStream {
    /// The next piece; an error if the content was broken off, `None` at its end.
    pub async fn next_piece(&mut self) -> Option<Result<Bytes, ContentError>> {
        let piece = self.pieces.recv().await;
        self.told(piece)
    }

    /// The same on a worker thread. Must not be called on a thread of the async runtime, where it panics.
    pub fn blocking_next_piece(&mut self) -> Option<Result<Bytes, ContentError>> {
        let piece = self.pieces.blocking_recv();
        self.told(piece)
    }

    fn told(&mut self, piece: Option<Bytes>) -> Option<Result<Bytes, ContentError>> {
        if let Some(piece) = piece {
            return Some(Ok(piece));
        }
        if std::mem::replace(&mut self.ended, true) {
            return None;
        }
        match self.end.get() {
            Some(Ok(())) => None,
            Some(Err(error)) => Some(Err(error.clone())),
            None => Some(Err(ContentError::BrokenOff)),
        }
    }
}

impl Stream for ContentStream {
    type Item = Result<Bytes, ContentError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = ready!(self.pieces.poll_recv(context));
        Poll::Ready(self.told(piece))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn at_most_one_mebibyte_is_in_flight_and_the_rest_waits_at_the_sender() {
        let (sender, mut stream) = content_channel();
        let bytes = Bytes::from(vec![7; 3 * 1024 * 1024]);
        let mut sending = Box::pin(sender.send(bytes.clone()));
        assert_eq!(sending.as_mut().now_or_never(), None);
        let mut waiting = 0;
        while let Some(Some(piece)) = stream.next_piece().now_or_never() {
            waiting += piece.unwrap().len();
        }
        assert_eq!(waiting, PIECE_BYTES_MAX * PIECES_IN_FLIGHT_MAX);
    }

    #[tokio::test]
    async fn pieces_arrive_whole_in_order_and_end_once() {
        let (sender, mut stream) = content_channel();
        let bytes: Bytes = (0..200_000u32).map(|n| (n % 251) as u8).collect();
        sender.send(bytes.clone()).await.unwrap();
        sender.send(Bytes::new()).await.unwrap();
        sender.finish();
        let mut got = Vec::new();
        while let Some(piece) = stream.next_piece().await {
            let piece = piece.unwrap();
            assert!((1..=PIECE_BYTES_MAX).contains(&piece.len()));
            got.extend_from_slice(&piece);
        }
        assert_eq!(got, bytes);
        assert_eq!(stream.next_piece().await, None);
    }

    #[tokio::test]
    async fn a_sender_that_vanishes_leaves_an_error_not_an_end() {
        let (sender, mut stream) = content_channel();
        sender.send(Bytes::from_static(b"half")).await.unwrap();
        drop(sender);
        assert_eq!(stream.next_piece().await, Some(Ok(Bytes::from_static(b"half"))));
        assert_eq!(stream.next_piece().await, Some(Err(ContentError::BrokenOff)));
        assert_eq!(stream.next_piece().await, None);
    }

    #[tokio::test]
    async fn a_reason_arrives_after_what_was_sent_before_it() {
        let (sender, mut stream) = content_channel();
        sender.send(Bytes::from_static(b"a")).await.unwrap();
        sender.fail(ContentError::Refused);
        assert_eq!(stream.next_piece().await, Some(Ok(Bytes::from_static(b"a"))));
        assert_eq!(stream.next_piece().await, Some(Err(ContentError::Refused)));
    }

    #[tokio::test]
    async fn a_sender_learns_that_nobody_reads() {
        let (sender, stream) = content_channel();
        drop(stream);
        assert_eq!(sender.send(Bytes::from_static(b"a")).await, Err(ContentUnwanted));
    }
}
