//! `yizhan agreement`: two trees are joined by what the authorities of both sign (互通协议): drafted, signed, shown, verified.

mod draft;
mod show;
mod sign;

use crate::failure::Failure;
use crate::output::Output;
use clap::Subcommand;
use std::fs;
use std::path::Path;
use yizhan_hierarchy::{SignedAgreement, limits::ROOT_BYTES_MAX};

#[derive(Debug, Subcommand)]
pub(crate) enum Typed {
    /// Draft an agreement (起草): the two networks, the node of each that has the link, their authorities, what may cross
    Draft(draft::Draft),
    /// Add the signature (签署) of an authority of either network; the file is carried from one to the next
    Sign(sign::Sign),
    /// Show an agreement and who has signed it
    Show(show::Show),
    /// Verify an agreement (验证): exit code 1 if too few authorities of one of the networks have signed
    Verify(show::Show),
}

pub(crate) fn run(typed: Typed, output: Output) -> Result<(), Failure> {
    match typed {
        Typed::Draft(draft) => draft::run(&draft, output),
        Typed::Sign(sign) => sign::run(&sign, output),
        Typed::Show(show) => show::run(&show, output),
        Typed::Verify(show) => show::verify(&show, output),
    }
}

/// An agreement from its file.
pub(crate) fn read(path: &Path) -> Result<SignedAgreement, Failure> {
    let found = path.metadata().map_err(Failure::file(path, "cannot be read"))?;
    if found.len() > ROOT_BYTES_MAX as u64 {
        return Err(Failure::Usage(format!("{} is too large for an agreement", path.display())));
    }
    let bytes = fs::read(path).map_err(Failure::file(path, "cannot be read"))?;
    SignedAgreement::parse(&bytes).map_err(|e| Failure::Usage(format!("{}: {e}", path.display())))
}

/// Writes it beside and puts it in place, so that no signature is lost.
fn write(path: &Path, agreement: &SignedAgreement) -> Result<(), Failure> {
    let beside = path.with_extension("next");
    fs::write(&beside, agreement.to_text()).map_err(Failure::file(&beside, "cannot be written"))?;
    fs::rename(&beside, path).map_err(Failure::file(path, "cannot be written"))
}
