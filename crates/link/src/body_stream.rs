//! A body as it arrives: its head, then its bytes, never more than its pieces can hold.

use crate::closing::{Refusal, in_words};
use quinn::{ReadError, ReadExactError, RecvStream};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf, Take};
use yizhan_protocol::limits::PIECE_BYTES;
use yizhan_protocol::{BodyHead, FRAME_HEAD_BYTES, FrameHead, decode_body_head};

/// The bytes of a body. Reading ends with an error if the connection ends before the body, if the neighbour breaks it
/// off, or if it is longer than the pieces in its head; it is for the reader to check every piece against the head.
pub struct BodyStream {
    stream: Take<RecvStream>,
    left: u64,
}

impl BodyStream {
    fn new(stream: RecvStream, head: &BodyHead) -> Self {
        // The head was checked: it begins within its pieces.
        let left = (head.pieces.len() as u64).saturating_sub(head.from_piece).saturating_mul(PIECE_BYTES);
        // One byte more than there may be shows that there are more.
        Self { stream: stream.take(left + 1), left }
    }
}

impl AsyncRead for BodyStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, into))?;
        let came = (into.filled().len() - before) as u64;
        let Some(left) = self.left.checked_sub(came) else {
            let reason = "the neighbour sends a body that is longer than its pieces";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, reason)));
        };
        self.left = left;
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for BodyStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BodyStream(..)")
    }
}

/// Reads the head of a body stream; none if the neighbour breaks the body off before, which is its right.
pub(crate) async fn read_body(mut stream: RecvStream) -> Result<Option<(BodyHead, BodyStream)>, Refusal> {
    let mut head = [0; FRAME_HEAD_BYTES];
    if !filled(&mut stream, &mut head).await? {
        return Ok(None);
    }
    let head = FrameHead::parse_body(&head).map_err(|error| Refusal::protocol(error.to_string()))?;
    let mut payload = vec![0; head.payload_bytes()];
    if !filled(&mut stream, &mut payload).await? {
        return Ok(None);
    }
    let head = decode_body_head(&head, &payload).map_err(|error| Refusal::protocol(error.to_string()))?;
    let body = BodyStream::new(stream, &head);
    Ok(Some((head, body)))
}

/// Fills `buffer`; `false` if the neighbour broke the stream off.
async fn filled(stream: &mut RecvStream, buffer: &mut [u8]) -> Result<bool, Refusal> {
    match stream.read_exact(buffer).await {
        Ok(()) => Ok(true),
        Err(ReadExactError::ReadError(ReadError::Reset(_))) => Ok(false),
        Err(ReadExactError::ReadError(ReadError::ConnectionLost(error))) => {
            Err(Refusal::protocol(in_words(&error)))
        }
        Err(_) => Err(Refusal::protocol("the neighbour ended a body before its head was complete")),
    }
}
