//! Why what a directory holds of another network is refused.

use crate::acceptance::VersionRefused;
use crate::agreement::AgreementError;
use yizhan_document::{Digest, NodeId};

/// Why the part of a directory that is of another network is refused; whom to ask stands with each reason.
#[derive(Debug, thiserror::Error)]
pub enum JoinedError {
    /// The root names an agreement that did not come with it.
    #[error("the agreement {digest} that the root names is missing; fetch the directory again")]
    Missing {
        /// Its digest.
        digest: Digest,
    },
    /// Something came along that no agreement of the root calls for.
    #[error(
        "it has a part of another network for which the root names no agreement; fetch the directory again"
    )]
    Unasked,
    /// Damaged, forged, or another one.
    #[error("the agreement that came is not {digest}, which the root names; fetch the directory again")]
    Tampered {
        /// As the root names it.
        digest: Digest,
    },
    /// What is signed is no agreement, or too few signed it.
    #[error("the agreement {digest} is refused: {reason}; tell the authorities")]
    Agreement {
        /// Its digest.
        digest: Digest,
        /// What is wrong.
        reason: AgreementError,
    },
    /// An agreement of two other networks.
    #[error("the agreement {digest} is none of {network}; tell the authorities")]
    Elsewhere {
        /// Its digest.
        digest: Digest,
        /// The network of the directory.
        network: String,
    },
    /// Two agreements with one network.
    #[error("two agreements are with {network}; name the newer one alone")]
    Twice {
        /// The other network.
        network: String,
    },
    /// The directory that came is not of the network that the agreement is with.
    #[error(
        "the agreement is with {network}, and the directory that came with it is of {found}; fetch it again"
    )]
    OtherNetwork {
        /// As agreed on.
        network: String,
        /// What came.
        found: String,
    },
    /// One id in two networks.
    #[error(
        "{node} is a node of {first} and of {second}; the ids of networks that are joined have to differ: one of them has to rename \
         its node, or the agreement has to be ended"
    )]
    Clash {
        /// The node.
        node: NodeId,
        /// One network.
        first: String,
        /// The other.
        second: String,
    },
    /// The node with the link to the other network is none, or has a parent.
    #[error(
        "{node} has the link to the other network and is not the root of a tree of {network}; tell its authorities"
    )]
    NotRoot {
        /// The network.
        network: String,
        /// The node.
        node: NodeId,
    },
    /// More of something than a joined network may have, so that it takes nothing away from the own one.
    #[error("the directory of {network} has more {what} than a joined one may; tell its authorities")]
    Counts {
        /// The other network.
        network: String,
        /// Of what.
        what: &'static str,
    },
    /// Their directory may not take the place of the one that is held.
    #[error("the directory of {network}: {reason}")]
    Refused {
        /// The other network.
        network: String,
        /// Why.
        reason: Box<VersionRefused>,
    },
}

impl JoinedError {
    /// A stable name of the reason, for software and for logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "agreement-missing",
            Self::Tampered { .. } => "agreement-tampered",
            Self::Agreement { reason: AgreementError::Signatures { .. }, .. } => "agreement-signatures",
            Self::Agreement { .. } | Self::Twice { .. } => "agreement",
            Self::Unasked | Self::Elsewhere { .. } => "agreement-elsewhere",
            Self::OtherNetwork { .. } => "joined-other-network",
            Self::Clash { .. } => "joined-clash",
            Self::NotRoot { .. } => "joined-root",
            Self::Counts { .. } => "joined-counts",
            Self::Refused { reason, .. } => match reason.code() {
                "rollback" => "joined-rollback",
                "two-of-one-version" => "joined-two-of-one-version",
                "unrevoked" => "joined-unrevoked",
                "expired" => "joined-expired",
                "signatures" => "joined-signatures",
                "revoked-authority" => "joined-revoked-authority",
                "tampered-ca" => "joined-tampered-ca",
                _ => "joined-directory",
            },
        }
    }
}
