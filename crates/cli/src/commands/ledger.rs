//! `yizhan ledger show|verify`: a ledger on disk, of a running node or copied away.

use crate::failure::Failure;
use crate::output::Output;
use crate::table::{moment, yes_or_no};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::path::{Path, PathBuf};
use yizhan_audit::{ShowError, show_ledger};
use yizhan_document::{Digest, WallTime};
use yizhan_identity::NoteVerifier;
use yizhan_ledger::tiles::FolderTiles;
use yizhan_ledger::verify_ledger;

/// How many problems are shown; all are counted.
const PROBLEMS_SHOWN_MAX: usize = 100;

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

/// What a verification came to, as it is shown.
#[derive(Debug, Serialize)]
struct Finding {
    ok: bool,
    folder: PathBuf,
    ledger: Option<String>,
    size: Option<u64>,
    root: Option<Digest>,
    entries: u64,
    key_given: bool,
    witnesses: Vec<Witness>,
    problem_count: u64,
    problems: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Witness {
    name: String,
    time: WallTime,
}

pub(crate) fn run(typed: Typed, output: Output) -> Result<(), Failure> {
    match typed {
        Typed::Show(show) => show_all(&ledger_folder(&show.folder)?, output),
        Typed::Verify(verify) => {
            let finding = finding(&ledger_folder(&verify.folder)?, &verify.vkey);
            output.show(&finding, words)?;
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

fn finding(folder: &Path, trusted: &[NoteVerifier]) -> Finding {
    let mut problems = Vec::new();
    let verified = verify_ledger(&FolderTiles::new(folder), trusted, &mut |problem| {
        if problems.len() < PROBLEMS_SHOWN_MAX {
            problems.push(problem.to_string());
        }
    });
    let witness = |(name, seconds): &(String, u64)| Witness {
        name: name.clone(),
        time: WallTime::from_ms(seconds.saturating_mul(1000)),
    };
    let checkpoint = verified.checkpoint.as_ref();
    Finding {
        ok: verified.problems == 0,
        folder: folder.to_owned(),
        ledger: checkpoint.map(|checkpoint| checkpoint.origin.clone()),
        size: checkpoint.map(|checkpoint| checkpoint.size),
        root: checkpoint.map(|checkpoint| checkpoint.root),
        entries: verified.entries,
        key_given: !trusted.is_empty(),
        witnesses: verified.witnesses.iter().map(witness).collect(),
        problem_count: verified.problems,
        problems,
    }
}

fn words(finding: &Finding) -> String {
    let mut text = format!("Verified 核验: {}\n", yes_or_no(finding.ok));
    if let (Some(ledger), Some(size), Some(root)) = (&finding.ledger, finding.size, finding.root) {
        text += &format!("Ledger 台账 {ledger}: {} of {size} entries read, root {root}\n", finding.entries);
    }
    if !finding.key_given {
        text += "The key in the folder was believed; give --vkey from the directory to know whose ledger it is.\n";
    }
    for witness in &finding.witnesses {
        text += &format!("Witnessed 见证 by {} at {} UTC\n", witness.name, moment(witness.time));
    }
    for problem in &finding.problems {
        text += &format!("  ✗ {problem}\n");
    }
    let more = finding.problem_count.saturating_sub(finding.problems.len() as u64);
    if more > 0 {
        text += &format!("  and {more} more\n");
    }
    text
}
