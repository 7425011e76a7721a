//! A delivery certificate, checked offline: its signature, each receipt in it, and that what it states is what these come to.

use crate::ledger_check::ledger_key;
use crate::receipt::{ReceiptError, verify_receipt};
use serde::Serialize;
use yizhan_document::{EnvelopeId, LedgerId, NodeId, WallTime};
use yizhan_hierarchy::Directory;
use yizhan_identity::NoteError;
use yizhan_ledger::{
    CertificateError, DeliveryCertificate, DeliveryStatement, DestinationStanding, PlacedEntry, Stating,
};

/// What a certificate proves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CertificateFinding {
    /// The document.
    pub document: EnvelopeId,
    /// The ledger whose key signed.
    pub ledger: LedgerId,
    /// When it was stated, by its node's clock.
    pub time: WallTime,
    /// How many destination nodes the document has, by its `SubmissionAcceptance`.
    pub destinations: usize,
    /// To how many it was delivered, each proven by a receipt of its own ledger.
    pub delivered: usize,
    /// At how many every office signed for it, proven likewise.
    pub signed_for: usize,
    /// Who does not have it, with the last that was known to the origin: there may be later receipts that it has not got, or not shown.
    pub missing: Vec<DestinationStanding>,
    /// The receipts, all good.
    pub receipts: usize,
    /// Those of them that no other node has cosigned.
    pub unwitnessed: usize,
}

/// Checks a certificate: the content of its file.
pub fn verify_certificate(
    directory: &Directory,
    file: &[u8],
) -> Result<CertificateFinding, CertificateRefused> {
    let certificate = DeliveryCertificate::from_json(file)?;
    let (note, statement) = certificate.unverified()?;
    let node = statement.ledger.node;
    if statement.network != directory.network_of(node) {
        let (network, directory) = (statement.network, directory.network_of(node).to_owned());
        return Err(CertificateRefused::OtherNetwork { network, directory });
    }
    let key = ledger_key(directory, statement.ledger).ok_or(CertificateRefused::UnknownNode { node })??;
    if !note.verified_by(&key) {
        return Err(CertificateRefused::Unsigned { ledger: statement.ledger });
    }
    let mut entries = Vec::with_capacity(certificate.receipts.len());
    let mut unwitnessed = 0;
    for (number, receipt) in (1..).zip(&certificate.receipts) {
        let entry = receipt.entry.as_bytes();
        let refused = |error| CertificateRefused::Receipt { number, error: Box::new(error) };
        let finding = verify_receipt(directory, receipt.proof.as_bytes(), entry.to_vec()).map_err(refused)?;
        unwitnessed += usize::from(finding.witnessed_by.is_empty());
        entries.extend(PlacedEntry::read(finding.ledger, finding.index, entry));
    }
    let stating =
        Stating { network: statement.network.clone(), ledger: statement.ledger, time: statement.time };
    let (proven, needed) = DeliveryStatement::of(&stating, statement.document, &entries)?;
    if needed.len() != certificate.receipts.len() {
        return Err(CertificateRefused::Superfluous {
            given: certificate.receipts.len(),
            needed: needed.len(),
        });
    }
    if proven != statement {
        return Err(CertificateRefused::NotBorneOut {
            stated: summary(&statement),
            proven: summary(&proven),
        });
    }
    Ok(finding(&statement, certificate.receipts.len(), unwitnessed))
}

fn finding(statement: &DeliveryStatement, receipts: usize, unwitnessed: usize) -> CertificateFinding {
    CertificateFinding {
        document: statement.document,
        ledger: statement.ledger,
        time: statement.time,
        destinations: statement.destinations.len(),
        delivered: statement.delivered(),
        signed_for: statement.signed_for(),
        missing: statement.missing().copied().collect(),
        receipts,
        unwitnessed,
    }
}

fn summary(statement: &DeliveryStatement) -> String {
    let (delivered, all) = (statement.delivered(), statement.destinations.len());
    format!("{delivered} of {all} delivered, {} signed for", statement.signed_for())
}

/// What a certificate proves, as text.
pub fn render_certificate(finding: &CertificateFinding, directory: &Directory) -> String {
    let name = |node: NodeId| {
        directory
            .division(node)
            .map_or_else(|| node.to_string(), |division| format!("{node} {}", division.name("zh")))
    };
    let mut text = format!(
        "VALID 有效: {} of {} delivered 送达, {} signed for 签收\ndocument {}, stated by {} at {}; {} receipts, {} of them unwitnessed\n",
        finding.delivered,
        finding.destinations,
        finding.signed_for,
        finding.document,
        name(finding.ledger.node),
        finding.time,
        finding.receipts,
        finding.unwitnessed,
    );
    for missing in &finding.missing {
        text.push_str(&format!(
            "missing 未达 {}: {}, with {} since {}\n",
            name(missing.node),
            missing.standing.as_str(),
            name(missing.holder),
            missing.since
        ));
    }
    text
}

/// Why a certificate is not believed. Whoever made it is to blame, or whoever copied it; ask the origin for it again.
#[derive(Debug, thiserror::Error)]
pub enum CertificateRefused {
    /// It is none, or does not have the proof of origin.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The directory's key cannot bear the name of this ledger.
    #[error(transparent)]
    Key(#[from] NoteError),
    /// Of another network.
    #[error("the certificate is of the network {network}, the directory of {directory}")]
    OtherNetwork {
        /// What it names.
        network: String,
        /// The network of the directory.
        directory: String,
    },
    /// No such node.
    #[error(
        "the directory has no node {node}; take the directory that was in force when the certificate was made"
    )]
    UnknownNode {
        /// The node.
        node: NodeId,
    },
    /// Not signed by whom it names.
    #[error("the key of ledger {ledger} did not sign this")]
    Unsigned {
        /// The ledger.
        ledger: LedgerId,
    },
    /// A receipt in it is not good.
    #[error("receipt {number} of the certificate: {error}")]
    Receipt {
        /// Which, counted from 1.
        number: usize,
        /// Why.
        error: Box<ReceiptError>,
    },
    /// Receipts that prove nothing of what is stated: the digest in the statement is not over them.
    #[error("{given} receipts are given, and {needed} of them are about what is stated")]
    Superfluous {
        /// So many are there.
        given: usize,
        /// So many are needed.
        needed: usize,
    },
    /// The receipts come to something else than is stated.
    #[error("it states {stated}, and its receipts come to {proven}, or to the same elsewhere or otherwise")]
    NotBorneOut {
        /// What is stated.
        stated: String,
        /// What they come to.
        proven: String,
    },
}
