//! The tests tried: each planted bug in turn is given to the tests that should find it, until one does.
//!
//! A bug that no test finds is a finding about the tests. The programs are built once with the feature `planted`; which bug is
//! there, the environment says. `docs/planted-bugs.md` has the table.

mod building;
mod catchers;
mod trial;

pub use catchers::{Catcher, catchers_of};

use crate::failure::Failure;
use building::Built;
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;
use trial::{Verdict, run};
use yizhan_planted::Bug;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The sources of the project.
    pub sources: PathBuf,
    /// Where the programs with the feature are built, seen from there: beside those without it, never among them.
    pub target: PathBuf,
    /// The bugs.
    pub bugs: Vec<Bug>,
}

/// What came of one bug.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The bug.
    pub name: &'static str,
    /// The rule that it breaks.
    pub rule: &'static str,
    /// What caught it; nothing if nothing did.
    pub caught_by: Option<String>,
    /// How long it took until it was caught, or until nothing had.
    pub seconds: u64,
}

/// Builds, shows that every test passes without a bug, and gives each bug to its catchers; `told` hears of each at once.
pub fn try_all(wanted: &Wanted, mut told: impl FnMut(&Found)) -> Result<Vec<Found>, Failure> {
    let mut catchers: Vec<Catcher> = Vec::new();
    for catcher in wanted.bugs.iter().flat_map(|bug| catchers_of(*bug)) {
        if !catchers.contains(catcher) {
            catchers.push(*catcher);
        }
    }
    let built = Built::build(&wanted.sources, &wanted.target, &catchers)?;
    for catcher in &catchers {
        if let (Verdict::Caught(how), _) = run(&built, *catcher, None)? {
            return Err(Failure::broken("every test passes where no bug is planted", how));
        }
    }
    let mut found = Vec::with_capacity(wanted.bugs.len());
    for bug in &wanted.bugs {
        let (mut caught_by, mut waited) = (None, std::time::Duration::ZERO);
        for catcher in catchers_of(*bug) {
            let (verdict, took) = run(&built, *catcher, Some(*bug))?;
            waited += took;
            if let Verdict::Caught(how) = verdict {
                caught_by = Some(how);
                break;
            }
        }
        let seconds = waited.as_secs_f64().ceil() as u64;
        let one = Found { name: bug.name(), rule: bug.rule(), caught_by, seconds };
        told(&one);
        found.push(one);
    }
    Ok(found)
}

/// Writes what came of one bug in a line.
pub fn write_found(out: &mut impl Write, found: &Found) -> io::Result<()> {
    let Found { name, rule, caught_by, seconds } = found;
    let caught = caught_by.as_ref().map_or("NOT CAUGHT".to_owned(), |how| format!("caught by {how}"));
    writeln!(out, "{name} ({rule}): {caught}, {seconds} s")
}

/// Writes the table of all bugs as `docs/planted-bugs.md` has it.
pub fn write_table(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "| bug | rule | what it does | catcher |\n|---|---|---|---|")?;
    for bug in Bug::ALL {
        let catchers: Vec<String> = catchers_of(bug).iter().map(|catcher| format!("`{catcher}`")).collect();
        writeln!(out, "| `{}` | {} | {} | {} |", bug.name(), bug.rule(), bug.what(), catchers.join(", "))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bug_has_a_name_of_its_own_and_somebody_to_catch_it() {
        let mut names: Vec<&str> = Bug::ALL.iter().map(|bug| bug.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Bug::ALL.len(), "two bugs share a name");
        assert!(names.len() >= 20, "only {} bugs", names.len());
        for bug in Bug::ALL {
            assert!(!catchers_of(bug).is_empty(), "nobody is to catch {}", bug.name());
        }
    }

    #[test]
    fn the_table_in_the_documentation_is_that_of_the_code() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/planted-bugs.md");
        let page = std::fs::read_to_string(page).unwrap();
        let mut table = Vec::new();
        write_table(&mut table).unwrap();
        let table = String::from_utf8(table).unwrap();
        assert!(
            page.contains(&table),
            "put `yizhan-campaign planted --list` into docs/planted-bugs.md:\n{table}"
        );
    }
}
