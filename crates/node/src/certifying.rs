//! Delivery certificates: what this node, as origin, knows of a document, stated and signed with the key of its ledger.

use crate::door::{internal, unknown_document};
use crate::receipts;
use crate::shared::Shared;
use yizhan_desk::{DoorCode, DoorError};
use yizhan_document::EnvelopeId;
use yizhan_ledger::{CertificateError, DeliveryCertificate, Stating};

/// Certifies how a document fares, as of now.
pub(crate) fn certificate(shared: &Shared, id: EnvelopeId) -> Result<DeliveryCertificate, DoorError> {
    let receipts = receipts::proven(shared, id).map_err(internal)?;
    if receipts.is_empty() {
        return Err(unknown_document(id));
    }
    let stating =
        Stating { network: shared.config.network.clone(), ledger: shared.ledger, time: shared.clock.wall() };
    let sign = |text: &str| shared.keeper().sign(text);
    DeliveryCertificate::certify(&stating, id, &receipts, sign).map_err(|error| match error {
        CertificateError::NotTheOrigin { .. } => {
            let fix = format!("ask the node {}, which accepted it", id.origin);
            DoorError::new(DoorCode::UnknownDocument, error.to_string(), fix)
        }
        other => internal(other),
    })
}
