//! `yizhan directory sign`: the signature of one authority or delegate on a draft.

use crate::failure::Failure;
use crate::output::Output;
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use yizhan_document::NodeId;
use yizhan_hierarchy::{Draft, Rendered, Signatures};
use yizhan_identity::{NoteSigner, SigningKey, read_secret};

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Sign {
    /// The folder of the draft
    #[arg(value_name = "DRAFT")]
    draft: PathBuf,
    /// Sign the list of this node's delegated subtree instead of the root
    #[arg(long, value_name = "NODE")]
    delegate: Option<NodeId>,
    /// The authority's or delegate's secret key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The name in the signature, as in the vkey [default: <network>/authority, <network>/NODE/delegate]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

#[derive(Debug, Serialize)]
struct Signed {
    draft: PathBuf,
    version: u64,
    /// The subtree whose list was signed; none where it was the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    delegation: Option<NodeId>,
    signatures: Vec<String>,
    threshold: usize,
    /// Whether nothing in the folder waits for a signature any more.
    complete: bool,
    /// What waits for signatures still.
    missing: Vec<Missing>,
}

#[derive(Debug, Serialize)]
struct Missing {
    /// The subtree whose list it is; none for the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    delegation: Option<NodeId>,
    have: usize,
    need: usize,
}

pub(super) fn run(sign: &Sign, output: Output) -> Result<(), Failure> {
    let draft = Draft::read(&sign.draft)?;
    let name = sign.name.clone().unwrap_or_else(|| match sign.delegate {
        None => format!("{}/authority", draft.network),
        Some(node) => format!("{}/{node}/delegate", draft.network),
    });
    let wrong =
        |reason: String| Failure::Usage(format!("{} is no key that signs: {reason}", sign.key.display()));
    let text = read_secret(&sign.key).map_err(|e| wrong(e.to_string()))?;
    let key = SigningKey::from_text(&String::from_utf8_lossy(&text)).map_err(|e| wrong(e.to_string()))?;
    let signer = NoteSigner::new(name, key).map_err(|e| wrong(e.to_string()))?;
    let (note, version) = match sign.delegate {
        None => (Rendered::sign(&sign.draft, &signer)?, draft.version),
        Some(node) => {
            let note = Rendered::sign_list(&sign.draft, node, &signer)?;
            (note, draft.delegations.get(&node).map_or(0, |list| list.version))
        }
    };
    let all = Rendered::signatures(&sign.draft)?;
    let threshold = all.iter().find(|one| one.delegation == sign.delegate).map_or(0, |one| one.need);
    let missing: Vec<Missing> = all
        .into_iter()
        .filter(|one| one.have < one.need)
        .map(|Signatures { delegation, have, need }| Missing { delegation, have, need })
        .collect();
    let signed = Signed {
        draft: sign.draft.clone(),
        version,
        delegation: sign.delegate,
        signatures: note.signatures.iter().map(|line| line.name.clone()).collect(),
        threshold,
        complete: missing.is_empty(),
        missing,
    };
    output.show(&signed, words)
}

fn words(signed: &Signed) -> String {
    let missing = |one: &Missing| match one.delegation {
        None => format!(
            "\n{} of {} authorities have signed: the next one has to sign the same folder",
            one.have, one.need
        ),
        Some(node) => format!(
            "\n{} of {} delegates of {node} have signed its list: the next one has to, with --delegate {node}",
            one.have, one.need
        ),
    };
    let next = if signed.complete {
        format!("\ncomplete: yizhan directory publish {}", signed.draft.display())
    } else {
        signed.missing.iter().map(missing).collect()
    };
    let what = match signed.delegation {
        None => format!("Version {}", signed.version),
        Some(node) => format!("Version {} of the list of {node}", signed.version),
    };
    format!(
        "{what} is signed 已签署 by {} of {}: {}{next}",
        signed.signatures.len(),
        signed.threshold,
        signed.signatures.join(", ")
    )
}
