//! Hands a document over to an office: the decrypted archive, streamed from a worker.

use crate::input::{Ask, Input};
use crate::shared::Shared;
use bytes::Bytes;
use std::io::{BufReader, Read};
use std::sync::Arc;
use tokio::sync::oneshot;
use yizhan_desk::{ContentError, ContentSender, Taken, content_channel};
use yizhan_document::{EnvelopeId, OfficeName};
use yizhan_envelope::{Header, open_archive};
use yizhan_exchange::Answer;
use yizhan_journal::StoredBody;

/// What is read at once, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// Why a document cannot be handed over.
#[derive(Debug, thiserror::Error)]
#[error("the document cannot be read: {0}")]
pub(crate) struct HandoverError(String);

/// How long to wait for a handover under way, before it is asked for again.
const BUSY: std::time::Duration = std::time::Duration::from_millis(5);

/// Opens a stored document and streams its archive. Every chunk is authenticated before it leaves; the whole was verified
/// when it was consigned. The stream ends well only once all of it left and the `ContentHandover` is durable.
pub(crate) fn hand_over(
    shared: &Arc<Shared>,
    holding: u64,
    office: OfficeName,
    id: EnvelopeId,
) -> Result<Taken, HandoverError> {
    let stored = shared.index.envelope(holding).map_err(failed)?;
    let header = Header::from_bytes(&stored.header).map_err(failed)?;
    let key = shared.by().opener.file_key(&stored, &header).map_err(failed)?;
    let body: Box<dyn Read + Send> = match &stored.body {
        StoredBody::Inline(bytes) => Box::new(std::io::Cursor::new(bytes.clone())),
        StoredBody::File { .. } => {
            let file = crate::bodies::open(shared, &stored).map_err(|error| {
                crate::bodies::examine(shared, holding, &stored, &error);
                failed(error)
            })?;
            Box::new(BufReader::with_capacity(1 << 17, file))
        }
    };
    let (mut sender, content) = content_channel();
    let shared = Arc::clone(shared);
    tokio::task::spawn_blocking(move || {
        let streamed = open_archive(body, &key)
            .map_err(|error| error.to_string())
            .and_then(|archive| stream(archive, &mut sender).map_err(|error| error.to_string()));
        match streamed {
            Ok(true) => match enter(&shared, &office, id) {
                Ok(()) => sender.finish(),
                Err(reason) => sender.fail(ContentError::Unreadable(reason)),
            },
            // The office went away: it takes the document again when it likes.
            Ok(false) => {}
            Err(error) => {
                crate::bodies::examine(&shared, holding, &stored, &error);
                sender.fail(ContentError::Unreadable(error));
            }
        }
    });
    Ok(Taken { size: None, content })
}

/// Whether the office took all of it.
fn stream(mut archive: impl Read, sender: &mut ContentSender) -> std::io::Result<bool> {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let count = archive.read(&mut buffer)?;
        if count == 0 {
            return Ok(true);
        }
        let piece = Bytes::copy_from_slice(buffer.get(..count).unwrap_or_default());
        if sender.blocking_send(piece).is_err() {
            return Ok(false);
        }
    }
}

/// Enters the `ContentHandover`, and waits until it is durable.
fn enter(shared: &Shared, office: &OfficeName, id: EnvelopeId) -> Result<(), String> {
    loop {
        let (reply, answer) = oneshot::channel();
        let ask = Ask::Take { office: office.clone(), id, reply };
        shared.inputs.blocking_send(Input::Ask(ask)).map_err(|_| "the node stops".to_owned())?;
        match answer.blocking_recv() {
            Ok(Answer::Handed { .. }) => return Ok(()),
            Ok(Answer::Refused { reason: "busy" }) => std::thread::sleep(BUSY),
            Ok(other) => return Err(format!("{other:?}")),
            Err(_) => return Err("the node stops".to_owned()),
        }
    }
}

fn failed(error: impl std::fmt::Display) -> HandoverError {
    HandoverError(error.to_string())
}
