//! `yizhan certificate`: the delivery certificate of a document, from its origin: shown, and written to be checked elsewhere.

use crate::failure::Failure;
use crate::output::Output;
use crate::reach::Reach;
use crate::table::table;
use clap::Args;
use serde::Serialize;
use std::fs;
use std::path::PathBuf;
use yizhan_document::{EnvelopeId, WallTime};
use yizhan_ledger::{DeliveryStatement, DestinationStanding};

/// One statement, signed by the node that accepted the document: to how many destinations it was delivered, how many signed for it,
/// with the receipts that prove it, and the missing ones, each with the node that holds it and since when. It can be asked for at
/// any time; later ones say more. Check it away from all nodes with `yizhan-audit certificate`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// The document, as `send` named it
    #[arg(value_name = "ID")]
    id: EnvelopeId,
    /// The file to write the certificate to, with its receipts
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    reach: Reach,
}

/// What the certificate says.
#[derive(Debug, Serialize)]
struct Shown {
    document: EnvelopeId,
    time: WallTime,
    destinations: usize,
    delivered: usize,
    signed_for: usize,
    missing: Vec<DestinationStanding>,
    receipts: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
}

pub(crate) async fn run(typed: Typed, output: Output) -> Result<(), Failure> {
    let certificate = typed.reach.client(Some(typed.id.origin)).await?.certificate(typed.id).await?;
    let unreadable = |error: yizhan_ledger::CertificateError| {
        Failure::Usage(format!("the node's answer cannot be used: {error}"))
    };
    let (_, statement) = certificate.unverified().map_err(unreadable)?;
    if let Some(path) = &typed.out {
        let bytes = certificate.to_json().map_err(unreadable)?;
        fs::write(path, bytes).map_err(Failure::file(path, "cannot be written"))?;
    }
    output.show(&shown(&statement, certificate.receipts.len(), typed.out), words)
}

fn shown(statement: &DeliveryStatement, receipts: usize, file: Option<PathBuf>) -> Shown {
    Shown {
        document: statement.document,
        time: statement.time,
        destinations: statement.destinations.len(),
        delivered: statement.delivered(),
        signed_for: statement.signed_for(),
        missing: statement.missing().copied().collect(),
        receipts,
        file,
    }
}

fn words(shown: &Shown) -> String {
    let mut text = format!(
        "{} at {}: {} of {} delivered 送达, {} signed for 签收; {} receipts 回执\n",
        shown.document, shown.time, shown.delivered, shown.destinations, shown.signed_for, shown.receipts
    );
    if !shown.missing.is_empty() {
        let mut rows = table(&["Missing 未达", "State 状态", "With 现在何处", "Since 自"]);
        for missing in &shown.missing {
            rows.add_row([
                missing.node.to_string(),
                missing.standing.as_str().to_owned(),
                missing.holder.to_string(),
                missing.since.to_string(),
            ]);
        }
        text.push_str(&format!("{rows}\n"));
    }
    if let Some(file) = &shown.file {
        text.push_str(&format!("written to {}; check it with yizhan-audit certificate\n", file.display()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use yizhan_document::Digest;
    use yizhan_ledger::Standing;

    #[test]
    fn the_missing_are_named_with_whoever_holds_them() {
        let standing = |node: &str, standing, holder: &str| DestinationStanding {
            node: node.parse().unwrap(),
            standing,
            holder: holder.parse().unwrap(),
            since: WallTime::EPOCH,
        };
        let statement = DeliveryStatement {
            network: "test".into(),
            ledger: "65.0".parse().unwrap(),
            document: "65.0.7".parse().unwrap(),
            envelope: Digest::of(b"header"),
            time: WallTime::EPOCH,
            receipts: 3,
            digest: Digest::of(b"receipts"),
            destinations: vec![
                standing("652301", Standing::SignedFor, "652301"),
                standing("652302", Standing::AtNode, "6523"),
            ],
        };
        let shown = shown(&statement, 3, None);
        assert_eq!((shown.delivered, shown.destinations, shown.missing.len()), (1, 2, 1));
        let words = words(&shown);
        assert!(words.contains("1 of 2 delivered") && words.contains("6523 "), "{words}");
    }
}
