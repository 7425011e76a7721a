//! A large body as it comes in: read from the wire, verified and written piece by piece by one worker.

use crate::input::Input;
use crate::shared::{Shared, WantedBody};
use std::io;
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use yizhan_document::{NodeId, merkle};
use yizhan_envelope::{piece_count, piece_len, pieces_root};
use yizhan_link::BodyStream;
use yizhan_planted::{Bug, on};
use yizhan_protocol::BodyHead;
use yizhan_spool::BodyError;

/// Pieces between the wire and the disk, at the most: with those at either end this is all the memory that a body takes.
const PIECES_WAITING_MAX: usize = 2;

/// Receives a body that was asked for. A stream that breaks is no verdict: the offer comes again, and with it the rest.
pub(crate) async fn receive_body(shared: Arc<Shared>, neighbour: NodeId, head: BodyHead, stream: BodyStream) {
    let link = head.link;
    let wanted = shared.wanted().get(&(neighbour, link)).cloned();
    let Some(wanted) = wanted.filter(|wanted| wanted.envelope == head.envelope) else {
        tracing::warn!(%neighbour, link, "a body that nobody asked for was not read");
        return;
    };
    match receive_pieces(&shared, neighbour, &wanted, &head, stream).await {
        Ok(()) => {
            let pieces = Some(head.pieces);
            shared.inputs.send(Input::Body { neighbour, link, pieces }).await.unwrap_or_default();
        }
        Err(ReceiveError::Broken(error)) => {
            tracing::info!(%neighbour, link, %error, "a body broke off; it goes on from where it broke");
        }
        Err(ReceiveError::NotDurable(error)) => {
            shared.inputs.send(Input::DiskFailed(error)).await.unwrap_or_default();
        }
        Err(ReceiveError::Wrong(reason)) => {
            tracing::warn!(%neighbour, link, reason, "a body is not what its header commits to");
            shared.inputs.send(Input::Body { neighbour, link, pieces: None }).await.unwrap_or_default();
        }
    }
}

enum ReceiveError {
    Broken(io::Error),
    Wrong(&'static str),
    /// The disk may have lost what it took: nothing more is promised.
    NotDurable(BodyError),
}

impl From<io::Error> for ReceiveError {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl From<BodyError> for ReceiveError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::NotDurable(_) => Self::NotDurable(error),
            other => Self::Broken(io::Error::other(other)),
        }
    }
}

/// MUST-12: each piece is kept only after its leaf hash was found in the list whose root the header has.
async fn receive_pieces(
    shared: &Arc<Shared>,
    neighbour: NodeId,
    wanted: &WantedBody,
    head: &BodyHead,
    mut stream: BodyStream,
) -> Result<(), ReceiveError> {
    let count = piece_count(wanted.size);
    if head.pieces.len() as u64 != count || pieces_root(&head.pieces) != wanted.root {
        return Err(ReceiveError::Wrong("the digests of its pieces"));
    }
    let (pieces, waiting) = mpsc::channel(PIECES_WAITING_MAX);
    let (give_back, mut spare) = mpsc::channel(PIECES_WAITING_MAX + 2);
    let (node, wanted, head) = (Arc::clone(shared), wanted.clone(), head.clone());
    let (size, from) = (wanted.size, head.from_piece);
    let writing =
        tokio::task::spawn_blocking(move || write_pieces(&node, &wanted, &head, waiting, &give_back));
    let reading = async {
        for number in from..count {
            let Some(len) = piece_len(size, number).and_then(|len| usize::try_from(len).ok()) else { break };
            let mut piece: Vec<u8> = spare.try_recv().unwrap_or_default();
            piece.resize(len, 0);
            stream.read_exact(&mut piece).await?;
            shared.traffic.received(neighbour, len as u64);
            if pieces.send(piece).await.is_err() {
                // The worker has ended, and says why.
                break;
            }
        }
        drop(pieces);
        Ok::<(), io::Error>(())
    };
    let read = reading.await;
    let written = writing.await.map_err(|fault| ReceiveError::Broken(io::Error::other(fault)))?;
    match (read, written) {
        (_, Err(verdict @ (ReceiveError::Wrong(_) | ReceiveError::NotDurable(_)))) => Err(verdict),
        (Err(error), _) => Err(ReceiveError::Broken(error)),
        (Ok(()), written) => written,
    }
}

/// The worker: verifies and appends pieces until they end, and makes the whole durable.
fn write_pieces(
    shared: &Shared,
    wanted: &WantedBody,
    head: &BodyHead,
    mut pieces: mpsc::Receiver<Vec<u8>>,
    give_back: &mpsc::Sender<Vec<u8>>,
) -> Result<(), ReceiveError> {
    let mut incoming = shared.bodies.incoming(wanted.envelope, wanted.size)?;
    let verified = incoming.verified_pieces(&head.pieces)?;
    let mut next = head.from_piece;
    if next > verified {
        return Err(ReceiveError::Broken(io::Error::other("it begins behind what is good here")));
    }
    while let Some(piece) = pieces.blocking_recv() {
        let expected = usize::try_from(next).ok().and_then(|next| head.pieces.get(next));
        if expected != Some(&merkle::leaf_hash(&piece)) && !on(Bug::PieceUnchecked) {
            return Err(ReceiveError::Wrong("a piece"));
        }
        if next >= verified {
            incoming.append(&piece)?;
        }
        next += 1;
        // Only a buffer saved; without room for it a new one is made.
        give_back.try_send(piece).unwrap_or_default();
    }
    if next < piece_count(wanted.size) {
        return Err(ReceiveError::Broken(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(incoming.finish()?)
}
