//! One ledger by itself, without a directory: whether its files bear out its signed checkpoint. Whose ledger it is, and what
//! ledgers say of each other, takes a directory.

use crate::ledger_copy::ledger_folder;
use serde::Serialize;
use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};
use yizhan_document::{Digest, WallTime};
use yizhan_identity::NoteVerifier;
use yizhan_ledger::tiles::FolderTiles;
use yizhan_ledger::verify_ledger;

/// How many problems are named; all are counted.
const PROBLEMS_NAMED_MAX: usize = 100;

/// What a ledger came to by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AloneFinding {
    /// Whether nothing is wrong.
    pub ok: bool,
    /// Where it lies.
    pub folder: PathBuf,
    /// The origin that its checkpoint names.
    pub ledger: Option<String>,
    /// How many entries the checkpoint covers.
    pub size: Option<u64>,
    /// The root it states.
    pub root: Option<Digest>,
    /// Entries that were read.
    pub entries: u64,
    /// Whether a key from elsewhere was given. If not, the one in the folder was believed, which proves nothing about whose
    /// ledger it is.
    pub key_given: bool,
    /// Who cosigned the checkpoint, of those whose keys were given.
    pub witnesses: Vec<AloneWitness>,
    /// How many problems there are.
    pub problem_count: u64,
    /// The first of them.
    pub problems: Vec<String>,
}

/// A cosignature on a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AloneWitness {
    /// The name of the witness's key.
    pub name: String,
    /// When, by its clock.
    pub time: WallTime,
}

/// Verifies one ledger by itself: the signature of its checkpoint, every tile, every entry. `trusted` are keys of the ledger
/// or of witnesses, from the directory; with none the key in the folder is believed.
pub fn verify_alone(given: &Path, trusted: &[NoteVerifier]) -> AloneFinding {
    let folder = ledger_folder(given);
    let mut problems = Vec::new();
    let verified = verify_ledger(&FolderTiles::new(&folder), trusted, &mut |problem| {
        if problems.len() < PROBLEMS_NAMED_MAX {
            problems.push(problem.to_string());
        }
    });
    let witness = |(name, seconds): &(String, u64)| AloneWitness {
        name: name.clone(),
        time: WallTime::from_ms(seconds.saturating_mul(1000)),
    };
    let checkpoint = verified.checkpoint.as_ref();
    AloneFinding {
        ok: verified.problems == 0,
        ledger: checkpoint.map(|checkpoint| checkpoint.origin.clone()),
        size: checkpoint.map(|checkpoint| checkpoint.size),
        root: checkpoint.map(|checkpoint| checkpoint.root),
        entries: verified.entries,
        key_given: !trusted.is_empty(),
        witnesses: verified.witnesses.iter().map(witness).collect(),
        problem_count: verified.problems,
        problems,
        folder,
    }
}

impl Display for AloneFinding {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "Verified 核验: {}", if self.ok { "yes 是" } else { "NO 否" })?;
        match (&self.ledger, self.size, self.root) {
            (Some(ledger), Some(size), Some(root)) => {
                writeln!(f, "Ledger 台账 {ledger}: {} of {size} entries read, root {root}", self.entries)?;
            }
            _ => writeln!(f, "Ledger 台账 in {}", self.folder.display())?,
        }
        if !self.key_given {
            writeln!(
                f,
                "The key in the folder was believed: give the directory's to know whose ledger it is."
            )?;
        }
        for AloneWitness { name, time } in &self.witnesses {
            writeln!(f, "Witnessed 见证 by {name} at {time}")?;
        }
        for problem in &self.problems {
            writeln!(f, "  ✗ {problem}")?;
        }
        match self.problem_count.saturating_sub(self.problems.len() as u64) {
            0 => Ok(()),
            more => writeln!(f, "  and {more} more"),
        }
    }
}
