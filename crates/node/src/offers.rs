//! Checks an offer before the rules see it: header, slips, body, proof of origin, proof of the offerer's custody.

use crate::proofs::{ProofChecker, ProofError};
use yizhan_document::{Digest, NodeId};
use yizhan_envelope::{Header, HeaderError, PieceHasher, Slip, SlipError, limits::PIECE_BYTES, pieces_root};
use yizhan_exchange::{OfferedEnvelope, proves_custody, proves_origin};
use yizhan_journal::{StoredBody, StoredEnvelope};
use yizhan_ledger::Target;
use yizhan_planted::{Bug, on};
use yizhan_protocol::{BodyPlace, Offer};

/// An offer whose every byte was checked.
pub(crate) struct CheckedOffer {
    /// What the rules need to know.
    pub(crate) offered: OfferedEnvelope,
    /// What is stored once custody is taken. A body that comes on a stream is not in it yet.
    pub(crate) stored: StoredEnvelope,
}

/// Why an offer is refused. The neighbour is to blame for what it offers; the code is what it is told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OfferError {
    /// The header is not one.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// A slip does not belong to the header.
    #[error("slip {index} does not belong to the envelope: {reason}")]
    Slip {
        /// Which.
        index: u32,
        /// Why.
        reason: SlipError,
    },
    /// The body is not the one the header commits to.
    #[error("the body is not the one that the header commits to")]
    Body,
    /// A proof is not believed.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The proof of origin does not show that the origin accepted this envelope.
    #[error("no proof that {0} accepted this envelope for these destinations")]
    Origin(NodeId),
    /// The offerer does not show that it has custody of what it offers.
    #[error("no proof that {0} has custody of these units")]
    Custody(NodeId),
    /// The path does not lead from the origin to the offerer.
    #[error("the path of the offer does not lead from its origin to {0}")]
    Path(NodeId),
}

impl OfferError {
    /// Whether the same offer may be believed later: the body is read anew, or the directory here was behind, or does not
    /// hold the file of its origin yet.
    pub(crate) fn is_for_now(&self) -> bool {
        matches!(self, Self::Body | Self::Proof(ProofError::UnknownNode(_) | ProofError::Absent(_)))
    }

    /// The stable code told to the neighbour.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Header(_) | Self::Slip { .. } => "malformed",
            Self::Body => "body",
            Self::Proof(ProofError::UnknownNode(_) | ProofError::Absent(_)) => "unknown-node",
            Self::Proof(_) | Self::Origin(_) => "proof-of-origin",
            Self::Custody(_) => "custody",
            Self::Path(_) => "path",
        }
    }
}

/// Checks an offer of `neighbour`, all of it (MUST-10).
pub(crate) fn check_offer(
    proofs: &ProofChecker,
    neighbour: NodeId,
    offer: Offer,
) -> Result<CheckedOffer, OfferError> {
    let header = Header::from_bytes(&offer.header)?;
    let digest = Digest::of(&offer.header);
    let origin = header.id.origin;
    if offer.path.first() != Some(&origin) || offer.path.last() != Some(&neighbour) {
        return Err(OfferError::Path(neighbour));
    }
    let units = check_slips(&header, &offer)?;
    let origins = proofs.entries(&offer.origin)?;
    if !proves_origin(&header, digest, offer.origin.ledger, &origins) {
        return Err(OfferError::Origin(origin));
    }
    // On the first hop both are the same proof.
    let entries = if offer.custody == offer.origin { origins } else { proofs.entries(&offer.custody)? };
    let ledger = offer.custody.ledger;
    let rests_on = proves_custody(&header, digest, &units, neighbour, ledger, &entries)
        .ok_or(OfferError::Custody(neighbour))?;
    let (body, inline) = match offer.body {
        BodyPlace::Inline(bytes) => {
            check_inline(&header, &bytes)?;
            (StoredBody::Inline(bytes), true)
        }
        BodyPlace::Stream => (StoredBody::File { pieces: Vec::new() }, false),
    };
    let offered = OfferedEnvelope {
        link: offer.link,
        id: header.id,
        header: digest,
        units,
        urgency: header.urgency,
        classification: header.classification,
        deadline: header.deadline,
        size: header.body.size,
        inline,
        rests_on,
        path: offer.path,
    };
    let stored = StoredEnvelope {
        holding: 0,
        header: offer.header,
        slips: offer.slips,
        origin: Some(offer.origin),
        body,
        card: Vec::new(),
    };
    Ok(CheckedOffer { offered, stored })
}

fn check_slips(header: &Header, offer: &Offer) -> Result<Vec<Target>, OfferError> {
    offer
        .slips
        .iter()
        .map(|offered| {
            let slip =
                Slip { index: offered.index, header: offered.header.clone(), path: offered.path.clone() };
            let node =
                slip.check(header).map_err(|reason| OfferError::Slip { index: offered.index, reason })?;
            Ok(Target { node, attempt: offered.attempt })
        })
        .collect()
}

fn check_inline(header: &Header, bytes: &[u8]) -> Result<(), OfferError> {
    let mut hasher = PieceHasher::new();
    bytes.chunks(usize::try_from(PIECE_BYTES).unwrap_or(usize::MAX)).for_each(|chunk| hasher.update(chunk));
    let fits = hasher.size() == header.body.size && pieces_root(&hasher.finish()) == header.body.pieces;
    if fits || on(Bug::BodyRootIgnored) { Ok(()) } else { Err(OfferError::Body) }
}

#[cfg(test)]
#[path = "offers_tests.rs"]
mod tests;
