//! The control stream: frames read one by one, frames written in batches.

use crate::closing::{Refusal, in_words};
use crate::limits::READ_BUFFER_BYTES;
use crate::outbox::Outbox;
use quinn::{ConnectionError, ReadError, RecvStream, SendStream, WriteError};
use std::io;
use tokio::io::{AsyncReadExt, BufReader};
use yizhan_protocol::{FRAME_HEAD_BYTES, Frame, FrameHead, decode};

/// Reads the frames of one connection.
pub(crate) struct FrameReader(BufReader<RecvStream>);

impl FrameReader {
    pub(crate) fn new(stream: RecvStream) -> Self {
        Self(BufReader::with_capacity(READ_BUFFER_BYTES, stream))
    }

    /// The next frame. The length in its head was judged before room is made for it (MUST-05). Not cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Frame, Refusal> {
        let mut head = [0; FRAME_HEAD_BYTES];
        self.0.read_exact(&mut head).await.map_err(ended)?;
        let head = FrameHead::parse(&head).map_err(|error| Refusal::protocol(error.to_string()))?;
        let mut payload = vec![0; head.payload_bytes()];
        self.0.read_exact(&mut payload).await.map_err(ended)?;
        decode(&head, &payload).map_err(|error| Refusal::protocol(error.to_string()))
    }
}

/// Writes what comes into the outbox until the connection ends.
pub(crate) async fn write_frames(mut stream: SendStream, outbox: &Outbox) -> Refusal {
    loop {
        let mut batch = outbox.take().await;
        if let Err(error) = stream.write_all_chunks(&mut batch).await {
            return match error {
                WriteError::ConnectionLost(error) => Refusal::protocol(in_words(&error)),
                _ => Refusal::protocol("the neighbour does not take frames any more"),
            };
        }
    }
}

/// Why a stream ended, in words.
fn ended(error: io::Error) -> Refusal {
    let lost = error.get_ref().and_then(|inner| inner.downcast_ref::<ReadError>());
    Refusal::protocol(match lost {
        Some(ReadError::ConnectionLost(error)) => in_words(error),
        _ => "the neighbour ended the control stream".to_owned(),
    })
}

/// A refusal for a connection that was lost.
pub(crate) fn lost(error: &ConnectionError) -> Refusal {
    Refusal::protocol(in_words(error))
}
