//! `yizhan directory sign`: one authority's signature on a draft.

use crate::failure::Failure;
use crate::output::Output;
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use yizhan_hierarchy::{Draft, Rendered};
use yizhan_identity::{NoteSigner, SigningKey, read_secret};

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Sign {
    /// The folder of the draft
    #[arg(value_name = "DRAFT")]
    draft: PathBuf,
    /// The authority's secret key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The name in the signature, as in the authority's vkey [default: <network>/authority]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

#[derive(Debug, Serialize)]
struct Signed {
    draft: PathBuf,
    version: u64,
    signatures: Vec<String>,
    threshold: usize,
    complete: bool,
}

pub(super) fn run(sign: &Sign, output: Output) -> Result<(), Failure> {
    let draft = Draft::read(&sign.draft)?;
    let name = sign.name.clone().unwrap_or_else(|| format!("{}/authority", draft.network));
    let wrong =
        |reason: String| Failure::Usage(format!("{} is no key that signs: {reason}", sign.key.display()));
    let text = read_secret(&sign.key).map_err(|e| wrong(e.to_string()))?;
    let key = SigningKey::from_text(&String::from_utf8_lossy(&text)).map_err(|e| wrong(e.to_string()))?;
    let signer = NoteSigner::new(name, key).map_err(|e| wrong(e.to_string()))?;
    let note = Rendered::sign(&sign.draft, &signer)?;
    let signatures: Vec<String> = note.signatures.iter().map(|line| line.name.clone()).collect();
    let complete = signatures.len() >= draft.threshold;
    let folder = sign.draft.clone();
    let signed =
        Signed { draft: folder, version: draft.version, signatures, threshold: draft.threshold, complete };
    output.show(&signed, words)
}

fn words(signed: &Signed) -> String {
    let next = if signed.complete {
        format!("complete: yizhan directory publish {}", signed.draft.display())
    } else {
        "the next authority has to sign the same folder".to_owned()
    };
    format!(
        "Version {} is signed 已签署 by {} of {}: {}; {next}",
        signed.version,
        signed.signatures.len(),
        signed.threshold,
        signed.signatures.join(", ")
    )
}
