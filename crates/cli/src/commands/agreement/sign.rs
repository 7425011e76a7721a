//! `yizhan agreement sign`: the signature of one authority of either network.

use super::show::Shown;
use super::{read, write};
use crate::failure::Failure;
use crate::output::Output;
use clap::Args;
use std::path::PathBuf;
use yizhan_identity::{NoteSigner, SigningKey, read_secret};

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Sign {
    /// The file of the agreement
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The authority's secret key; the agreement names the authority
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

pub(super) fn run(sign: &Sign, output: Output) -> Result<(), Failure> {
    let mut agreement = read(&sign.file)?;
    let wrong = |reason: String| Failure::Usage(format!("{} cannot sign this: {reason}", sign.key.display()));
    let text = read_secret(&sign.key).map_err(|e| wrong(e.to_string()))?;
    let key = SigningKey::from_text(&String::from_utf8_lossy(&text)).map_err(|e| wrong(e.to_string()))?;
    let parties = &agreement.agreement.parties;
    let named = parties.iter().flat_map(|party| &party.anchor.authorities);
    let named = named.into_iter().find(|authority| authority.public() == key.public());
    let name = named.map(|authority| authority.name().to_owned());
    let name = name.ok_or_else(|| wrong("it is the key of none of the authorities that it names".into()))?;
    let signer = NoteSigner::new(name, key).map_err(|e| wrong(e.to_string()))?;
    agreement.sign(&signer).map_err(|e| wrong(e.to_string()))?;
    write(&sign.file, &agreement)?;
    output.show(&Shown::of(&sign.file, &agreement), Shown::words)
}
