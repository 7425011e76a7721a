//! What came of a run.

use serde::Serialize;
use std::fmt;

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// Nodes of the network.
    pub nodes: u64,
    /// Documents that were handed in and accepted.
    pub documents: u64,
    /// Faults that struck.
    pub faults: u64,
    /// How long it took, in virtual milliseconds.
    pub virtual_ms: u64,
    /// How many things happened.
    pub happenings: u64,
    /// Entries in all ledgers together.
    pub entries: u64,
    /// Every promise that was broken.
    pub failures: Vec<Failure>,
    /// The last lines of what happened, if a promise was broken.
    pub trace: Vec<String>,
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The check that noticed.
    pub check: &'static str,
    /// When, in virtual milliseconds.
    pub at_ms: u64,
    /// What was wrong.
    pub what: String,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, nodes, documents, faults, virtual_ms, happenings, entries, failures, trace } = self;
        for line in trace {
            writeln!(f, "{line}")?;
        }
        for Failure { check, at_ms, what } in failures {
            writeln!(f, "BROKEN {check} at {at_ms} ms: {what}")?;
        }
        write!(
            f,
            "seed {seed}: {nodes} nodes, {documents} documents, {faults} faults, {virtual_ms} virtual ms, {happenings} happenings, \
             {entries} entries, {} failures",
            failures.len()
        )
    }
}
