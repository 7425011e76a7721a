//! `yizhan receipts export`: receipts as files that are checked without any node.

use crate::failure::Failure;
use crate::output::Output;
use crate::reach::Reach;
use clap::{Args, Subcommand};
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use yizhan_desk::ExportedReceipt;
use yizhan_document::EnvelopeId;

#[derive(Debug, Subcommand)]
pub(crate) enum Typed {
    /// Write every receipt (回执) about a document into a folder, to be checked elsewhere
    ///
    /// For each receipt: <ledger>-<index>.tlog-proof, the proof in the C2SP form, beside <ledger>-<index>.json, the entry byte
    /// for byte; where an office acted also .statement, what it signed, and .p7s, its detached signature. Check them with
    /// `yizhan-audit receipt`, and signatures with `openssl cms -verify -binary -inform DER`.
    Export(Export),
}

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Export {
    /// The document
    #[arg(value_name = "ID")]
    id: EnvelopeId,
    /// The folder to write to; files of earlier exports are written anew, since their proofs may be better now
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    reach: Reach,
}

/// One receipt that was written.
#[derive(Debug, Serialize)]
struct Written {
    kind: String,
    witnessed: bool,
    files: Vec<PathBuf>,
}

pub(crate) async fn run(typed: Typed, output: Output) -> Result<(), Failure> {
    let Typed::Export(export) = typed;
    let client = export.reach.client(Some(export.id.origin)).await?;
    let receipts = client.receipts(export.id).await?;
    fs::create_dir_all(&export.out).map_err(Failure::file(&export.out, "cannot be made"))?;
    let written =
        receipts.iter().map(|receipt| write(receipt, &export.out)).collect::<Result<Vec<_>, _>>()?;
    output.show(&written, |written| {
        let unwitnessed = written.iter().filter(|receipt| !receipt.witnessed).count();
        let files: usize = written.iter().map(|receipt| receipt.files.len()).sum();
        let later = match unwitnessed {
            0 => String::new(),
            count => format!("; {count} not yet witnessed (见证), export again later"),
        };
        format!("{} receipts in {files} files in {}{later}", written.len(), export.out.display())
    })
}

fn write(receipt: &ExportedReceipt, folder: &Path) -> Result<Written, Failure> {
    let stem = format!("{}-{}", receipt.ledger, receipt.index);
    let mut files = vec![
        (format!("{stem}.json"), receipt.entry.as_bytes()),
        (format!("{stem}.tlog-proof"), receipt.proof.as_bytes()),
    ];
    files.extend(receipt.statement.as_ref().map(|text| (format!("{stem}.statement"), text.as_bytes())));
    files.extend(receipt.cms.as_ref().map(|der| (format!("{stem}.p7s"), der.as_slice())));
    let mut paths = Vec::with_capacity(files.len());
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::write(&path, bytes).map_err(Failure::file(&path, "cannot be written"))?;
        paths.push(path);
    }
    Ok(Written { kind: receipt.kind.clone(), witnessed: receipt.witnessed, files: paths })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_becomes_proof_beside_entry_and_an_act_its_statement_and_signature_too() {
        let folder = tempfile::tempdir().unwrap();
        let mut receipt = ExportedReceipt {
            kind: "SignedFor".into(),
            ledger: "653101.0".parse().unwrap(),
            index: 7,
            time: "2026-11-20T08:00:00Z".parse().unwrap(),
            witnessed: true,
            entry: "{\"kind\":\"SignedFor\"}".into(),
            proof: "c2sp.org/tlog-proof@v1\n".into(),
            statement: Some("yizhan act v1\n".into()),
            cms: Some(vec![0x30, 0x82]),
        };
        write(&receipt, folder.path()).unwrap();
        let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
        assert_eq!(read("653101.0-7.json"), receipt.entry.as_bytes());
        assert_eq!(read("653101.0-7.tlog-proof"), receipt.proof.as_bytes());
        assert_eq!(read("653101.0-7.statement"), b"yizhan act v1\n");
        assert_eq!(read("653101.0-7.p7s"), [0x30, 0x82]);
        receipt.statement = None;
        receipt.cms = None;
        receipt.index = 8;
        assert_eq!(write(&receipt, folder.path()).unwrap().files.len(), 2);
    }
}
