//! Receipts for offices: own entries and received ones about a document, with proofs to take away.

use crate::knowing;
use crate::shared::Shared;
use crate::tracking::KnownReceipt;
use serde::{Deserialize, Serialize};
use yizhan_desk::ExportedReceipt;
use yizhan_document::{Digest, EnvelopeId, LedgerId, NodeId};
use yizhan_envelope::open_attachment;
use yizhan_ledger::{Entry, Receipt, SignedCheckpoint};
use yizhan_protocol::{ProofBundle, ProvenEntry};

/// An office's statement with its signature, as it travels closed to the origin.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SignedStatement {
    /// The canonical text.
    pub(crate) statement: String,
    /// The detached CMS signature, DER.
    #[serde(with = "der_text")]
    pub(crate) cms: Vec<u8>,
}

impl SignedStatement {
    /// As JSON, to be closed.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        // Two texts always have a JSON form.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

mod der_text {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Whether this is the statement, closed to this node, that an entry names by its digest.
pub(crate) fn is_statement(shared: &Shared, attachment: &[u8], digest: Digest) -> bool {
    let Ok(plain) = open_attachment(attachment, &shared.by().opener.key) else { return false };
    serde_json::from_slice::<SignedStatement>(&plain)
        .is_ok_and(|signed| Digest::of_all(&[signed.statement.as_bytes(), &signed.cms]) == digest)
}

/// Why a receipt cannot be given.
#[derive(Debug, thiserror::Error)]
#[error("a receipt cannot be given: {0}")]
pub(crate) struct ReceiptError(String);

/// The receipt for an own entry.
pub(crate) fn own(shared: &Shared, index: u64) -> Result<ExportedReceipt, ReceiptError> {
    Ok(own_about(shared, index)?.0)
}

/// The receipt for an own entry, and the envelope that it is about.
pub(crate) fn own_about(
    shared: &Shared,
    index: u64,
) -> Result<(ExportedReceipt, Option<EnvelopeId>), ReceiptError> {
    let (receipt, witnessed) = shared.keeper().receipt(index).map_err(failed)?;
    let entry = Entry::from_bytes(&receipt.entry).map_err(failed)?;
    Ok((export_read(shared.ledger, &receipt, &entry, witnessed)?, entry.event.envelope_id()))
}

/// Everything known here about a document.
pub(crate) fn known(shared: &Shared, id: EnvelopeId) -> Result<Vec<KnownReceipt>, ReceiptError> {
    let mut known = Vec::new();
    let own = shared.index.own_entries(id).map_err(failed)?;
    {
        let keeper = shared.keeper();
        let ledger = keeper.head().ledger;
        for index in own {
            let entry = keeper.entry(index).ok().and_then(|bytes| Entry::from_bytes(&bytes).ok());
            if let Some(entry) = entry {
                known.push(KnownReceipt { ledger, index, entry, witnessed: keeper.is_witnessed(index) });
            }
        }
    }
    for (bundle, proven) in received(shared, id)? {
        if let Ok(entry) = Entry::from_bytes(&proven.entry) {
            let witnessed = is_cosigned(shared, &bundle);
            known.push(KnownReceipt { ledger: bundle.ledger, index: proven.index, entry, witnessed });
        }
    }
    Ok(known)
}

/// The same as receipts to take away, in the order of their time.
pub(crate) fn exported(shared: &Shared, id: EnvelopeId) -> Result<Vec<ExportedReceipt>, ReceiptError> {
    let mut out = Vec::new();
    for index in shared.index.own_entries(id).map_err(failed)? {
        out.push(own(shared, index)?);
    }
    for (bundle, proven) in received(shared, id)? {
        let witnessed = is_cosigned(shared, &bundle);
        let checkpoint = String::from_utf8(bundle.checkpoint).map_err(failed)?;
        let ProvenEntry { index, entry, path, attachment } = proven;
        let mut exported = export(bundle.ledger, &Receipt { entry, index, path, checkpoint }, witnessed)?;
        if !attachment.is_empty() {
            let plain = open_attachment(&attachment, &shared.by().opener.key).map_err(failed)?;
            let signed: SignedStatement = serde_json::from_slice(&plain).map_err(failed)?;
            exported.statement = Some(signed.statement);
            exported.cms = Some(signed.cms);
        }
        out.push(exported);
    }
    out.sort_by_key(|receipt| (receipt.time, receipt.ledger, receipt.index));
    Ok(out)
}

/// Everything known here about a document as receipts, without what offices signed: for a delivery certificate.
pub(crate) fn proven(shared: &Shared, id: EnvelopeId) -> Result<Vec<(LedgerId, Receipt)>, ReceiptError> {
    let mut out = Vec::new();
    let own = shared.index.own_entries(id).map_err(failed)?;
    {
        let keeper = shared.keeper();
        let ledger = keeper.head().ledger;
        for index in own {
            out.push((ledger, keeper.receipt(index).map_err(failed)?.0));
        }
    }
    for (bundle, proven) in received(shared, id)? {
        let checkpoint = String::from_utf8(bundle.checkpoint).map_err(failed)?;
        let ProvenEntry { index, entry, path, .. } = proven;
        out.push((bundle.ledger, Receipt { entry, index, path, checkpoint }));
    }
    Ok(out)
}

/// Who made and cosigned the received receipts about a document.
pub(crate) fn makers(shared: &Shared, id: EnvelopeId) -> Result<Vec<NodeId>, ReceiptError> {
    let bundles = received(shared, id)?.into_iter().map(|(bundle, _)| bundle);
    Ok(bundles.flat_map(|bundle| knowing::of_receipts(shared, &bundle)).collect())
}

/// Received receipts about a document, each with the bundle it came in (without the others).
fn received(shared: &Shared, id: EnvelopeId) -> Result<Vec<(ProofBundle, ProvenEntry)>, ReceiptError> {
    let mut out = Vec::new();
    for (ledger, index, bundle) in shared.index.received(id).map_err(failed)? {
        let ProofBundle { checkpoint, entries, .. } = bundle;
        if let Some(proven) = entries.into_iter().find(|proven| proven.index == index) {
            out.push((ProofBundle { ledger, checkpoint, entries: Vec::new() }, proven));
        }
    }
    Ok(out)
}

/// Whether a neighbour of the ledger's node cosigned the checkpoint of a bundle.
pub(crate) fn is_cosigned(shared: &Shared, bundle: &ProofBundle) -> bool {
    let Ok(verifier) = shared.by().proofs.verifier(bundle.ledger) else { return false };
    let Ok(signed) = SignedCheckpoint::verify(&bundle.checkpoint, &verifier) else { return false };
    let directory = shared.directory();
    let neighbours = directory.neighbours(bundle.ledger.node);
    let witnesses = neighbours.iter().filter_map(|node| directory.division(*node));
    witnesses.into_iter().any(|division| signed.cosigned_by(&division.witness).is_some())
}

/// The same where the key of whoever cosigned may not be here: a neighbour of the ledger's node that the checkpoint names and that is not
/// known yet counts. What is stored for that is judged again whenever it is shown.
pub(crate) fn may_be_cosigned(shared: &Shared, bundle: &ProofBundle) -> bool {
    let unknown = || knowing::absent(shared, &knowing::of_receipts(shared, bundle));
    is_cosigned(shared, bundle) || !unknown().is_empty()
}

fn export(ledger: LedgerId, receipt: &Receipt, witnessed: bool) -> Result<ExportedReceipt, ReceiptError> {
    let entry = Entry::from_bytes(&receipt.entry).map_err(failed)?;
    export_read(ledger, receipt, &entry, witnessed)
}

fn export_read(
    ledger: LedgerId,
    receipt: &Receipt,
    entry: &Entry,
    witnessed: bool,
) -> Result<ExportedReceipt, ReceiptError> {
    Ok(ExportedReceipt {
        kind: entry.event.kind().to_owned(),
        ledger,
        index: receipt.index,
        time: entry.time,
        witnessed,
        entry: String::from_utf8(receipt.entry.clone()).map_err(failed)?,
        proof: receipt.to_proof(),
        statement: None,
        cms: None,
    })
}

fn failed(error: impl std::fmt::Display) -> ReceiptError {
    ReceiptError(error.to_string())
}
