//! Hands a document over to an office: the decrypted archive, streamed from a worker.

use crate::shared::Shared;
use bytes::Bytes;
use std::io::{BufReader, Read};
use std::sync::Arc;
use yizhan_desk::{ContentError, ContentSender, Taken, content_channel};
use yizhan_envelope::{Header, open_archive};
use yizhan_journal::StoredBody;

/// What is read at once, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// Why a document cannot be handed over.
#[derive(Debug, thiserror::Error)]
#[error("the document cannot be read: {0}")]
pub(crate) struct HandoverError(String);

/// Opens a stored document and streams its archive. Every chunk is authenticated before it leaves; the whole was verified
/// when it was consigned.
pub(crate) fn hand_over(shared: &Arc<Shared>, holding: u64) -> Result<Taken, HandoverError> {
    let stored = shared.index.envelope(holding).map_err(failed)?;
    let header = Header::from_bytes(&stored.header).map_err(failed)?;
    let key = shared.opener.file_key(&stored, &header).map_err(failed)?;
    let body: Box<dyn Read + Send> = match &stored.body {
        StoredBody::Inline(bytes) => Box::new(std::io::Cursor::new(bytes.clone())),
        StoredBody::File { .. } => {
            let file = crate::bodies::open(shared, &stored).map_err(failed)?;
            Box::new(BufReader::with_capacity(1 << 17, file))
        }
    };
    let (sender, content) = content_channel();
    tokio::task::spawn_blocking(move || match open_archive(body, &key) {
        Ok(archive) => stream(archive, sender),
        Err(error) => sender.fail(ContentError::Unreadable(error.to_string())),
    });
    Ok(Taken { size: None, content })
}

fn stream(mut archive: impl Read, sender: ContentSender) {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match archive.read(&mut buffer) {
            Ok(0) => return sender.finish(),
            Ok(count) => {
                let piece = Bytes::copy_from_slice(buffer.get(..count).unwrap_or_default());
                if sender.blocking_send(piece).is_err() {
                    // The office went away: it takes the document again when it likes.
                    return;
                }
            }
            Err(error) => return sender.fail(ContentError::Unreadable(error.to_string())),
        }
    }
}

fn failed(error: impl std::fmt::Display) -> HandoverError {
    HandoverError(error.to_string())
}
