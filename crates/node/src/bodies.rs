//! Large bodies that are stored here: sent from any piece on, asked for where they are missing, looked at where they are doubted.

use crate::daemon::Daemon;
use crate::input::Input;
use crate::shared::{Shared, WantedBody};
use crate::traffic::CountedBody;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;
use yizhan_document::{Digest, NodeId};
use yizhan_envelope::{Header, PieceHasher, pieces_root};
use yizhan_journal::{StoredBody, StoredEnvelope};
use yizhan_protocol::{BodyHead, Frame, Wanted, limits::PIECE_BYTES};
use yizhan_spool::{BodyError, Note};

/// What is read from a file at once, in bytes.
const READ_BYTES: usize = 128 * 1024;
/// What Linux calls a medium that does not give back what was written.
const EIO: i32 = 5;

impl Daemon {
    /// Streams a body that a neighbour asked for.
    pub(crate) fn send_body(&mut self, neighbour: NodeId, wanted: Wanted) {
        let state = self.node.state();
        let holding =
            state.outbound(neighbour).find(|(link, _, _)| *link == wanted.link).map(|(_, of, _)| of);
        let Some(holding) = holding else { return };
        let Some(held) = state.holdings().get(&holding) else { return };
        if held.acceptance.header != wanted.envelope {
            return;
        }
        let priority = held.acceptance.urgency as i32;
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            match stream_body(&shared, neighbour, holding, wanted, priority).await {
                Ok(()) => {}
                Err(SendBodyError::Lost(why)) => {
                    tracing::error!(holding, why, "ALARM: a stored body is gone; its units are lost here");
                    shared.inputs.send(Input::Damaged { holding }).await.unwrap_or_default();
                }
                Err(SendBodyError::Later(error)) => {
                    tracing::warn!(%neighbour, holding, %error, "a body could not be sent; the offer is repeated");
                }
            }
        });
    }

    /// A neighbour says that a body is not what its header commits to: if that is so on this disk, it is damaged here.
    pub(crate) fn examine_body(&mut self, neighbour: NodeId, link: u64) {
        let holding = self.node.state().outbound(neighbour).find(|(n, _, _)| *n == link).map(|(_, of, _)| of);
        let Some(holding) = holding else { return };
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || {
            let Ok(stored) = shared.index.envelope(holding) else { return };
            let StoredBody::File { pieces } = &stored.body else { return };
            if let Verdict::Damaged(why) = verify_file(&shared, &stored, pieces) {
                put_body_aside(&shared, &stored, &why);
                tracing::error!(holding, why, "ALARM: a stored body is damaged; its units are lost here");
                shared.inputs.blocking_send(Input::Damaged { holding }).unwrap_or_default();
            }
        });
    }
}

/// Looks at a body that could not be read to its end; damage goes to quarantine and is named.
pub(crate) fn examine(shared: &Shared, holding: u64, stored: &StoredEnvelope, error: &dyn std::fmt::Display) {
    if let StoredBody::File { pieces } = &stored.body
        && let Verdict::Damaged(why) = verify_file(shared, stored, pieces)
    {
        put_body_aside(shared, stored, &why);
        return tracing::error!(
            holding,
            why,
            "ALARM: a stored body is damaged; the document cannot be handed over"
        );
    }
    tracing::error!(holding, %error, "ALARM: a stored document cannot be read");
}

/// A damaged body goes to quarantine; nothing is deleted on doubt.
fn put_body_aside(shared: &Shared, stored: &StoredEnvelope, why: &str) {
    let path = shared.bodies.path_of(Digest::of(&stored.header));
    if !path.exists() {
        return;
    }
    let found_at = path.display().to_string();
    let note = Note { what: "body".to_owned(), found_at, why: why.to_owned() };
    if let Err(error) = shared.quarantine.move_in(&path, &note) {
        tracing::error!(%error, "a damaged body could not be put aside");
    }
}

/// Why a body is not sent.
enum SendBodyError {
    /// It is not here any more, or not whole.
    Lost(String),
    /// Nothing is known to be lost.
    Later(std::io::Error),
}

impl From<std::io::Error> for SendBodyError {
    fn from(error: std::io::Error) -> Self {
        Self::Later(error)
    }
}

impl From<BodyError> for SendBodyError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Missing { .. } | BodyError::Length { .. } => Self::Lost(error.to_string()),
            other => Self::Later(std::io::Error::other(other)),
        }
    }
}

async fn stream_body(
    shared: &Shared,
    neighbour: NodeId,
    holding: u64,
    wanted: Wanted,
    priority: i32,
) -> Result<(), SendBodyError> {
    let stored = shared.index.envelope(holding).map_err(|error| match error.is_damage() {
        true => SendBodyError::Lost(error.to_string()),
        false => SendBodyError::Later(std::io::Error::other(error)),
    })?;
    let StoredBody::File { pieces } = &stored.body else { return Ok(()) };
    let mut file = match open(shared, &stored) {
        Err(BodyError::Length { have, .. }) => {
            let why = format!("it has {have} bytes, which is not its length");
            put_body_aside(shared, &stored, &why);
            return Err(SendBodyError::Lost(why));
        }
        opened => opened?,
    };
    file.seek(SeekFrom::Start(wanted.from_piece.saturating_mul(PIECE_BYTES)))?;
    let head = BodyHead {
        link: wanted.link,
        envelope: wanted.envelope,
        from_piece: wanted.from_piece,
        pieces: pieces.clone(),
    };
    let body = tokio::io::BufReader::with_capacity(READ_BYTES, tokio::fs::File::from_std(file));
    let body = Box::new(CountedBody { body, neighbour, traffic: Arc::clone(&shared.traffic) });
    Ok(shared.links.send_body(neighbour, &head, body, priority).map_err(std::io::Error::other)?)
}

/// Asks for the body of an offer from the first piece that is not here. If all of it is here already, because another
/// offer of the same envelope brought it, the offer has it at once.
pub(crate) fn ask_for_body(shared: &Shared, neighbour: NodeId, link: u64, envelope: Digest) {
    let Some(wanted) = shared.wanted().get(&(neighbour, link)).cloned() else { return };
    let from_piece = match shared.bodies.incoming(envelope, wanted.size) {
        // The digests of the pieces are known only from the stream; what is not what they say is fetched again then.
        Ok(incoming) => incoming.on_disk() / PIECE_BYTES,
        Err(BodyError::AlreadyThere { .. }) => {
            return here_already(shared, neighbour, link, envelope, &wanted);
        }
        // Another neighbour is sending it: the offer is repeated, and then it is here or can be asked for.
        Err(BodyError::Busy { .. }) => return,
        Err(error) => return tracing::error!(%error, "a body cannot be received"),
    };
    let frame = Frame::Wanted(Wanted { link, envelope, from_piece });
    if let Err(error) = shared.links.send(neighbour, frame) {
        tracing::debug!(%neighbour, %error, "a body was not asked for; the offer comes again");
    }
}

fn here_already(shared: &Shared, neighbour: NodeId, link: u64, envelope: Digest, wanted: &WantedBody) {
    let why = match shared.bodies.open_body(envelope, wanted.size).map(|mut file| hash_pieces(&mut file)) {
        Ok(Ok(pieces)) if pieces_root(&pieces) == wanted.root => {
            let body = Input::Body { neighbour, link, pieces: Some(pieces) };
            return shared.inputs.blocking_send(body).unwrap_or_default();
        }
        Ok(Ok(_)) => "its pieces are not those that the header commits to".to_owned(),
        Err(error @ BodyError::Length { .. }) => error.to_string(),
        // Nothing is known of it now; the offer comes again.
        Ok(Err(error)) => return tracing::error!(%error, "ALARM: a body that is here cannot be read"),
        Err(error) => return tracing::error!(%error, "ALARM: a body that is here cannot be opened"),
    };
    // The neighbour is not to blame for what this disk lost since: without this the offer would be refused for ever.
    let path = shared.bodies.path_of(envelope);
    let note = Note { what: "body".to_owned(), found_at: path.display().to_string(), why };
    match shared.quarantine.move_in(&path, &note) {
        Ok(_) => {
            let frame = Frame::Wanted(Wanted { link, envelope, from_piece: 0 });
            if let Err(error) = shared.links.send(neighbour, frame) {
                tracing::debug!(%neighbour, %error, "a body was not asked for; the offer comes again");
            }
        }
        Err(error) => tracing::error!(%error, "a damaged body could not be put aside"),
    }
}

/// Opens the body file of a stored envelope.
pub(crate) fn open(shared: &Shared, stored: &StoredEnvelope) -> Result<File, BodyError> {
    let digest = Digest::of(&stored.header);
    let size = Header::from_bytes(&stored.header).map(|header| header.body.size);
    shared.bodies.open_body(digest, size.map_err(|_| BodyError::Missing { digest })?)
}

/// What a look at a stored body found.
enum Verdict {
    Sound,
    Damaged(String),
    /// It could not be looked at now, as when too many files are open: nothing is given up for that.
    Unknown,
}

/// Compares a body on disk with the digests of its pieces.
fn verify_file(shared: &Shared, stored: &StoredEnvelope, pieces: &[Digest]) -> Verdict {
    let found = match open(shared, stored).map(|mut file| hash_pieces(&mut file)) {
        Ok(Ok(found)) => found,
        Err(error @ (BodyError::Missing { .. } | BodyError::Length { .. })) => {
            return Verdict::Damaged(error.to_string());
        }
        Ok(Err(error)) if error.raw_os_error() == Some(EIO) => return Verdict::Damaged(error.to_string()),
        Ok(Err(error)) => return unknown(&error),
        Err(error) => return unknown(&error),
    };
    match found.iter().zip(pieces).position(|(found, expected)| found != expected) {
        Some(number) => Verdict::Damaged(format!("piece {number} of the body is not what was stored")),
        None if found.len() != pieces.len() => {
            Verdict::Damaged("the body has another length than was stored".to_owned())
        }
        None => Verdict::Sound,
    }
}

fn unknown(error: &dyn std::fmt::Display) -> Verdict {
    tracing::error!(%error, "ALARM: a stored body cannot be looked at now");
    Verdict::Unknown
}

/// The leaf hashes of the pieces of a file.
fn hash_pieces(file: &mut File) -> std::io::Result<Vec<Digest>> {
    let mut hasher = PieceHasher::new();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => hasher.update(buffer.get(..count).unwrap_or_default()),
        }
    }
    Ok(hasher.finish())
}
