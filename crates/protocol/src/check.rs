//! The limits inside a frame: how many of what, and how long each may be.

use crate::frame::{
    BodyHead, BodyPlace, Custody, DirectoryPart, Frame, Hello, Kept, Offer, ProofBundle, Rejection,
};
use crate::limits::{
    ACKNOWLEDGEMENTS_MAX, ATTACHMENT_BYTES_MAX, CA_BYTES_MAX, CHECKPOINT_BYTES_MAX, COSIGN_LINE_BYTES_MAX,
    DELEGATED_LISTS_MAX, DIRECTORY_ROOT_BYTES_MAX, DIRECTORY_ROOT_PIECE_BYTES_MAX, DIVISION_BYTES_MAX,
    DIVISIONS_WANTED_MAX, ENTRY_BYTES_MAX, HEADER_BYTES_MAX, HOPS_MAX, INLINE_BODY_BYTES_MAX,
    KEPT_INDEXES_MAX, PATH_NODES_MAX, PIECES_MAX, PROOF_ENTRIES_MAX, PROOF_PATH_MAX, REASON_BYTES_MAX,
    SLIP_BYTES_MAX, SLIPS_MAX, VERSIONS_MAX,
};

/// A limit that a frame breaks. Whoever made the frame is to blame; sending the same again does not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {found}, at the most {limit}")]
pub struct Breach {
    /// What there is too much of.
    pub what: &'static str,
    /// How much of it.
    pub found: u64,
    /// How much there may be.
    pub limit: u64,
}

/// Whether a frame keeps every limit of [`crate::limits`] on what is inside it.
///
/// # Errors
/// The first limit it breaks.
pub fn check(frame: &Frame) -> Result<(), Breach> {
    match frame {
        Frame::Hello(hello) => check_hello(hello),
        Frame::Offer(offer) => check_offer(offer),
        Frame::Wanted(wanted) => within("first piece wanted", wanted.from_piece, PIECES_MAX as u64),
        Frame::Custody(custody) => check_custody(custody),
        Frame::Rejection(rejection) => check_rejection(rejection),
        Frame::ReceiptsHome(receipts) => {
            hops(receipts.hops_left)?;
            check_bundle(&receipts.proof)
        }
        Frame::Kept(kept) => check_kept(kept),
        Frame::Cosign(cosign) => {
            at_most("bytes of a signature line", cosign.line.len(), COSIGN_LINE_BYTES_MAX)
        }
        Frame::Recall(recall) => {
            hops(recall.hops_left)?;
            check_bundle(&recall.proof)
        }
        Frame::DirectoryHeld(held) => at_most("delegated lists", held.delegated.len(), DELEGATED_LISTS_MAX),
        Frame::DirectoryWanted(wanted) => {
            at_most("bytes of a root before a piece", wanted.root_from as usize, DIRECTORY_ROOT_BYTES_MAX)?;
            at_most("divisions wanted", wanted.divisions.len(), DIVISIONS_WANTED_MAX)
        }
        Frame::DirectoryPart(part) => check_directory_part(part),
        Frame::EpochOpened(bundle) => {
            at_most("entries that open an epoch", bundle.entries.len(), 1)?;
            check_bundle(bundle)
        }
    }
}

/// Whether the head of a body stream keeps its limits.
///
/// # Errors
/// The first limit it breaks.
pub fn check_body_head(head: &BodyHead) -> Result<(), Breach> {
    at_most("pieces of a body", head.pieces.len(), PIECES_MAX)?;
    within("first piece of a body stream", head.from_piece, head.pieces.len() as u64)
}

fn check_hello(hello: &Hello) -> Result<(), Breach> {
    at_most("protocol versions", hello.versions.len(), VERSIONS_MAX)?;
    at_most("bytes of a remembered checkpoint", hello.remembered.len(), CHECKPOINT_BYTES_MAX)?;
    at_most("bytes of a checkpoint", hello.checkpoint.len(), CHECKPOINT_BYTES_MAX)
}

fn check_offer(offer: &Offer) -> Result<(), Breach> {
    at_most("bytes of a header", offer.header.len(), HEADER_BYTES_MAX)?;
    at_most("slips", offer.slips.len(), SLIPS_MAX)?;
    for slip in &offer.slips {
        at_most("bytes of a slip", slip.header.len(), SLIP_BYTES_MAX)?;
        at_most("hashes in the path of a slip", slip.path.len(), PROOF_PATH_MAX)?;
    }
    check_bundle(&offer.origin)?;
    check_bundle(&offer.custody)?;
    at_most("nodes on the path", offer.path.len(), PATH_NODES_MAX)?;
    match &offer.body {
        BodyPlace::Inline(body) => at_most("bytes of an inline body", body.len(), INLINE_BODY_BYTES_MAX),
        BodyPlace::Stream => Ok(()),
    }
}

fn check_custody(custody: &Custody) -> Result<(), Breach> {
    check_bundle(&custody.proof)?;
    at_most("acknowledgements", custody.acknowledged.len(), ACKNOWLEDGEMENTS_MAX)?;
    at_most("hashes in a consistency path", custody.consistency.len(), PROOF_PATH_MAX)
}

fn check_rejection(rejection: &Rejection) -> Result<(), Breach> {
    at_most("bytes of a reason", rejection.reason.len(), REASON_BYTES_MAX)?;
    rejection.proof.as_ref().map_or(Ok(()), check_bundle)
}

fn check_kept(kept: &Kept) -> Result<(), Breach> {
    hops(kept.hops_left)?;
    at_most("indexes confirmed", kept.indexes.len(), KEPT_INDEXES_MAX)
}

fn check_directory_part(part: &DirectoryPart) -> Result<(), Breach> {
    at_most("bytes of a directory's root", part.root_bytes as usize, DIRECTORY_ROOT_BYTES_MAX)?;
    at_most("bytes of a root before a piece", part.root_from as usize, part.root_bytes as usize)?;
    at_most("bytes of a piece of a root", part.root.len(), DIRECTORY_ROOT_PIECE_BYTES_MAX)?;
    at_most("bytes of a CA certificate", part.ca.len(), CA_BYTES_MAX)?;
    at_most("files of divisions", part.files.len(), DIVISIONS_WANTED_MAX)?;
    part.files
        .iter()
        .try_for_each(|file| at_most("bytes of a division's file", file.content.len(), DIVISION_BYTES_MAX))
}

fn check_bundle(bundle: &ProofBundle) -> Result<(), Breach> {
    at_most("bytes of a checkpoint", bundle.checkpoint.len(), CHECKPOINT_BYTES_MAX)?;
    at_most("entries in a bundle", bundle.entries.len(), PROOF_ENTRIES_MAX)?;
    for entry in &bundle.entries {
        at_most("bytes of an entry", entry.entry.len(), ENTRY_BYTES_MAX)?;
        at_most("hashes in an inclusion path", entry.path.len(), PROOF_PATH_MAX)?;
        at_most("bytes of an attachment", entry.attachment.len(), ATTACHMENT_BYTES_MAX)?;
    }
    Ok(())
}

fn hops(left: u8) -> Result<(), Breach> {
    within("hops left", u64::from(left), u64::from(HOPS_MAX))
}

fn at_most(what: &'static str, found: usize, limit: usize) -> Result<(), Breach> {
    within(what, found as u64, limit as u64)
}

fn within(what: &'static str, found: u64, limit: u64) -> Result<(), Breach> {
    if found <= limit { Ok(()) } else { Err(Breach { what, found, limit }) }
}
