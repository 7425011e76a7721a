//! `yizhan ledger show|verify`: a ledger on disk, of a running node or copied away.

use crate::failure::Failure;
use crate::output::Output;
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use yizhan_audit::{ShowError, show_ledger, verify_alone};
use yizhan_identity::NoteVerifier;

#[derive(Debug, Subcommand)]
pub(crate) enum Typed {
    /// Show the entries of a ledger (台账)
    Show(Show),
    /// Verify a ledger: signature of its checkpoint, every tile, every entry
    ///
    /// Without --vkey the key that lies in the folder is believed: that shows damage, but not whose ledger it is. What ledgers
    /// say of each other is checked by `yizhan-audit verify`.
    Verify(Verify),
}

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Show {
    /// The ledger's folder, or the data folder or node folder that holds it
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Verify {
    /// The ledger's folder, or the data folder or node folder that holds it
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// The key of the ledger or of a witness, from the directory (name+hash+key); may be given many times
    #[arg(long, value_name = "VKEY")]
    vkey: Vec<NoteVerifier>,
}

pub(crate) fn run(typed: Typed, output: Output) -> Result<(), Failure> {
    match typed {
        Typed::Show(show) => show_all(&ledger_folder(&show.folder)?, output),
        Typed::Verify(verify) => {
            let finding = verify_alone(&ledger_folder(&verify.folder)?, &verify.vkey);
            output.show(&finding, ToString::to_string)?;
            if finding.ok { Ok(()) } else { Err(Failure::AlreadySaid) }
        }
    }
}

fn show_all(folder: &Path, output: Output) -> Result<(), Failure> {
    show_ledger(folder, output.is_json(), &mut std::io::stdout().lock()).map_err(|error| match error {
        ShowError::Io(error) => Failure::Output(error),
        other => Failure::NotAsItShouldBe(other.to_string()),
    })
}

/// The ledger in a folder that was named: itself, or below a data folder or a node's.
fn ledger_folder(given: &Path) -> Result<PathBuf, Failure> {
    given.metadata().map_err(Failure::file(given, "cannot be read"))?;
    let places = [given.to_owned(), given.join("ledger"), given.join("data").join("ledger")];
    places
        .into_iter()
        .find(|place| place.join("checkpoint").exists() || place.join("tile").exists())
        .ok_or_else(|| {
            Failure::Usage(format!(
                "there is no ledger in {}; name a folder with a checkpoint",
                given.display()
            ))
        })
}
