//! Believing a directory: signatures, and every check that takes the whole of it.

use crate::anchor::{AnchorError, TrustAnchor};
use crate::delegated_error::DelegatedError;
use crate::division::{Division, DivisionError};
use crate::endpoint::Endpoint;
use crate::head::Head;
use crate::joined_error::JoinedError;
use crate::outline::Places;
use crate::parts::Certificates;
use crate::policy::PolicyError;
use crate::root::{Root, RootError};
use crate::scope::check_scopes;
use crate::tree::{Tree, TreeError};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use yizhan_document::{NodeId, OfficeAddress, WallTime};
use yizhan_identity::{
    CertificateError, NoteError, NoteVerifier, SignedNote, check_issued_by, office_of_certificate,
    validity_of_certificate,
};

/// What takes the whole of a directory to check: everybody spoke of what is theirs, no orphan and no circle, no address or key
/// given twice, certificates. Where a part is held, tree and scopes are those of the whole, by the outline; endpoints, keys and
/// certificates are those of the files that are held, and nobody uses others.
pub(crate) fn check_whole(
    head: &Head,
    ca: &[u8],
    places: Places<'_>,
    certificates: Certificates,
) -> Result<Tree, DirectoryError> {
    let root = &head.root;
    check_scopes(head, places)?;
    let tree = Tree::build(places.all())?;
    check_unique(places.held.values())?;
    head.policy.check_names(&root.delegations, places, &tree)?;
    check_ca(root, ca)?;
    if certificates == Certificates::Now {
        let lists = head.branches.iter().map(|branch| (&branch.divisions, branch.issued));
        for (listed, issued) in lists.chain([(&root.divisions, root.issued)]) {
            let divisions = listed.iter().filter_map(|(node, _)| places.held.get(node));
            divisions.into_iter().try_for_each(|one| check_offices(one, &root.network, issued, ca))?;
        }
    }
    Ok(tree)
}

/// The root, if enough authorities signed it. Nothing is read from it before that, but for its own threshold and the keys it
/// revokes after. `revoked` are keys that the version before had revoked.
pub(crate) fn signed_root(
    note: &SignedNote,
    anchor: &TrustAnchor,
    revoked: &[NoteVerifier],
) -> Result<Root, DirectoryError> {
    anchor.check()?;
    let have = anchor.signatures_on(note, &[]);
    if have < anchor.threshold {
        return Err(DirectoryError::Signatures { have, need: anchor.threshold });
    }
    let root = Root::parse(&note.text)?;
    let need = anchor.threshold.max(root.threshold);
    if have < need {
        return Err(DirectoryError::Signatures { have, need });
    }
    let revoked = [revoked, &root.revoked].concat();
    let have = anchor.signatures_on(note, &revoked);
    if have < need {
        return Err(DirectoryError::Revoked { have, need });
    }
    Ok(root)
}

/// No two nodes share an endpoint or a key: a receipt, a cosignature or an opened envelope must point to one of them.
pub(crate) fn check_unique<'a>(divisions: impl Iterator<Item = &'a Division>) -> Result<(), DirectoryError> {
    let mut endpoints: BTreeMap<&Endpoint, NodeId> = BTreeMap::new();
    let mut keys: BTreeMap<[u8; 32], NodeId> = BTreeMap::new();
    for division in divisions {
        let node = division.node;
        for endpoint in &division.endpoints {
            if let Some(first) = endpoints.insert(endpoint, node) {
                let endpoint = endpoint.clone();
                return Err(DirectoryError::SharedEndpoint { endpoint, first, second: node });
            }
        }
        // One key for two purposes of the same node is that node's affair, so they are compared as a set.
        let own = [division.ledger.public().0, division.witness.public().0, division.opening.0];
        for key in BTreeSet::from(own) {
            if let Some(first) = keys.insert(key, node) {
                return Err(DirectoryError::SharedKey { first, second: node });
            }
        }
    }
    Ok(())
}

/// The CA certificate was valid when the directory was issued.
fn check_ca(root: &Root, ca: &[u8]) -> Result<(), DirectoryError> {
    let (from, until) = validity_of_certificate(ca).map_err(DirectoryError::Ca)?;
    if root.issued < from || root.issued > until {
        return Err(DirectoryError::CaNotValid { from, until });
    }
    Ok(())
}

/// The certificate of each office of a division names that office and was issued by the network's CA; it was valid when the
/// directory was issued. Certificates of suspended offices are no exception: they still explain what was signed before.
pub(crate) fn check_offices(
    division: &Division,
    network: &str,
    issued: WallTime,
    ca: &[u8],
) -> Result<(), DirectoryError> {
    for record in &division.offices {
        let office = record.address(division.node);
        let refuse = |reason| DirectoryError::Certificate { office: office.clone(), reason };
        let named = office_of_certificate(&record.certificate, network).map_err(refuse)?;
        if named != office {
            return Err(DirectoryError::WrongOffice { office, named });
        }
        check_issued_by(&record.certificate, ca, issued).map_err(refuse)?;
    }
    Ok(())
}

/// Why a directory is not believed. Keep the last one that was; whom to ask stands with each reason.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The operator's trust anchor cannot be used.
    #[error("the trust anchor cannot be used: {0}")]
    Anchor(#[from] AnchorError),
    /// The disk, or the folder given.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// More bytes than such a thing may have.
    #[error("the {what} is larger than {most} bytes; fetch the directory again")]
    TooLarge {
        /// What.
        what: String,
        /// The most it may have.
        most: usize,
    },
    /// The root is no signed note.
    #[error("the root is not a signed note: {0}; fetch the directory again")]
    Note(#[from] NoteError),
    /// Too few of the authorities signed it.
    #[error(
        "{have} of the configured authorities signed the root, and {need} have to; ask the authority for it anew"
    )]
    Signatures {
        /// How many did.
        have: usize,
        /// How many have to.
        need: usize,
    },
    /// Enough authorities signed it, but the keys of some are revoked.
    #[error(
        "{have} of those who signed the root are authorities still, and {need} have to be: keys of the others are revoked; \
         ask the authorities for it anew, and who else holds a revoked key"
    )]
    Revoked {
        /// How many of those who signed are authorities still.
        have: usize,
        /// How many have to be.
        need: usize,
    },
    /// The authorities signed something that is no root.
    #[error("the root is signed, but wrong: {0}; tell the authority")]
    Root(#[from] RootError),
    /// Something about a delegated subtree.
    #[error(transparent)]
    Delegated(#[from] DelegatedError),
    /// Something about a joined network.
    #[error(transparent)]
    Joined(#[from] JoinedError),
    /// Something about the policy.
    #[error("the policy is refused: {0}; tell the authority")]
    Policy(#[from] PolicyError),
    /// It is past its time.
    #[error(
        "the directory expired at {at}; get a newer one from the parent or the authority, or check the clock"
    )]
    Expired {
        /// When.
        at: WallTime,
    },
    /// `ca.pem` holds no certificate.
    #[error("ca.pem is not one certificate in PEM; fetch the directory again")]
    CaPem,
    /// Another certificate than the signed one.
    #[error("the CA certificate is not the one the root names; fetch the directory again")]
    CaMismatch,
    /// The authorities signed a CA certificate that is none.
    #[error("the CA certificate is signed, but wrong: {0}; tell the authority")]
    Ca(#[source] CertificateError),
    /// The CA certificate was not valid when the directory was issued.
    #[error(
        "the CA certificate is valid from {from} to {until}, not when the directory was issued; tell the authority"
    )]
    CaNotValid {
        /// Its first moment.
        from: WallTime,
        /// Its last moment.
        until: WallTime,
    },
    /// A division that the root lists is not there.
    #[error("the file of division {node} is missing; fetch the directory again")]
    MissingDivision {
        /// The division.
        node: NodeId,
    },
    /// Damaged, forged, or of another version.
    #[error("the file of division {node} is not the one the root names; fetch the directory again")]
    DigestMismatch {
        /// The division.
        node: NodeId,
    },
    /// What was kept of a file says something else than the file.
    #[error(
        "the outline kept here says something else of division {node} than its file; move data/directory away and start the node \
         again with a whole directory in its folder"
    )]
    Outline {
        /// The division.
        node: NodeId,
    },
    /// The authorities signed a division that is none.
    #[error("division {node} is signed, but wrong: {reason}; tell the authority")]
    Division {
        /// The division.
        node: NodeId,
        /// What is wrong.
        reason: DivisionError,
    },
    /// A file says it is another division.
    #[error("the file listed as division {listed} says it is {inside}; tell the authority")]
    WrongNode {
        /// As the root says.
        listed: NodeId,
        /// As the file says.
        inside: NodeId,
    },
    /// The divisions make no tree.
    #[error("the divisions make no tree: {0}; tell the authority")]
    Tree(#[from] TreeError),
    /// Two places at one address.
    #[error("the endpoint {endpoint} is given to {first} and {second}; tell the authority")]
    SharedEndpoint {
        /// The endpoint.
        endpoint: Endpoint,
        /// One node (or the same one twice).
        first: NodeId,
        /// The other.
        second: NodeId,
    },
    /// Two nodes with one key.
    #[error("{first} and {second} share a key; tell the authority")]
    SharedKey {
        /// One node.
        first: NodeId,
        /// The other.
        second: NodeId,
    },
    /// An office's certificate is not the network's, not valid, or not a certificate.
    #[error("the certificate of {office}: {reason}; tell the authority")]
    Certificate {
        /// The office.
        office: OfficeAddress,
        /// What is wrong.
        reason: CertificateError,
    },
    /// An office's certificate is another office's.
    #[error("the certificate of {office} says {named}; tell the authority")]
    WrongOffice {
        /// Whom the record is of.
        office: OfficeAddress,
        /// Whom the certificate is of.
        named: OfficeAddress,
    },
}

impl DirectoryError {
    /// A stable name of the reason, for software and for logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Anchor(_) => "anchor",
            Self::Read { .. } => "unreadable",
            Self::TooLarge { .. } => "too-large",
            Self::Note(_) => "not-a-note",
            Self::Signatures { .. } => "signatures",
            Self::Revoked { .. } => "revoked-authority",
            Self::Root(_) => "root",
            Self::Delegated(error) => error.code(),
            Self::Joined(error) => error.code(),
            Self::Policy(error) => error.code(),
            Self::Expired { .. } => "expired",
            Self::CaPem | Self::CaMismatch => "tampered-ca",
            Self::Ca(_) | Self::CaNotValid { .. } => "ca",
            Self::MissingDivision { .. } => "missing-division",
            Self::DigestMismatch { .. } => "tampered-division",
            Self::Outline { .. } => "outline",
            Self::Division { .. } | Self::WrongNode { .. } => "division",
            Self::Tree(_) => "tree",
            Self::SharedEndpoint { .. } => "shared-endpoint",
            Self::SharedKey { .. } => "shared-key",
            Self::Certificate { .. } | Self::WrongOffice { .. } => "certificate",
        }
    }
}

#[cfg(test)]
#[path = "verification_tests.rs"]
mod tests;
