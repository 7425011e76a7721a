//! `yizhan directory new-authority`: the key of one more authority, or of a delegate.

use crate::failure::Failure;
use crate::output::Output;
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use yizhan_identity::{NoteSigner, SigningKey, write_secret};

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct NewAuthority {
    /// The file for the secret key; it must not be there yet
    #[arg(value_name = "FILE")]
    key: PathBuf,
    /// The name in its signatures, such as xinjiang.example/second-authority or xinjiang.example/6523/delegate
    #[arg(long, value_name = "NAME")]
    name: String,
}

#[derive(Debug, Serialize)]
struct Made {
    key: PathBuf,
    vkey: String,
}

pub(super) fn run(new: &NewAuthority, output: Output) -> Result<(), Failure> {
    let failed = |reason: String| Failure::Usage(format!("no key was made: {reason}"));
    let key = SigningKey::generate().map_err(|e| failed(e.to_string()))?;
    let text = key.to_text();
    let signer = NoteSigner::new(new.name.clone(), key).map_err(|e| failed(e.to_string()))?;
    write_secret(&new.key, text.as_bytes()).map_err(|e| failed(e.to_string()))?;
    output.show(&Made { key: new.key.clone(), vkey: signer.verifier().to_string() }, |made| {
        format!(
            "{} holds the secret key; `authorities` in each node.toml has to name (or `directory delegate --to` for a subtree)\n{}",
            made.key.display(),
            made.vkey
        )
    })
}
