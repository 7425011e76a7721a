//! What a campaign was asked for, how far it has come, and what it tells while it runs.

use crate::programs::Programs;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What a campaign is asked for.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The programs to run.
    pub programs: Programs,
    /// Where networks are made; where temporary files go if nothing is said.
    pub folder: Option<PathBuf>,
    /// The seed of everything that is random.
    pub seed: u64,
    /// How many trials, at the most.
    pub count: u64,
    /// Whether progress is told on standard error.
    pub tell: bool,
}

/// How far a campaign has come.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Tally {
    /// Trials begun.
    pub trials: u64,
    /// What happened in them, by name.
    pub counts: BTreeMap<&'static str, u64>,
    /// Promises that were broken in a way that lets a campaign go on.
    pub findings: Vec<String>,
    /// Folders that were left to be looked into.
    pub kept: Vec<PathBuf>,
    #[serde(skip)]
    tell: bool,
}

impl Tally {
    /// Nothing yet.
    pub fn new(setup: &Setup) -> Self {
        Self { tell: setup.tell, ..Self::default() }
    }

    /// Counts something.
    pub fn add(&mut self, what: &'static str, count: u64) {
        *self.counts.entry(what).or_default() += count;
    }

    /// How often something happened.
    pub fn count(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or(0)
    }

    /// Notes a broken promise after which the campaign goes on, and says so.
    pub fn find(&mut self, finding: String) {
        self.say(&format!("BROKEN: {finding}"));
        self.findings.push(finding);
    }

    /// Notes a folder that stays, and says so.
    pub fn keep(&mut self, folder: &Path) {
        self.kept.push(folder.to_owned());
        self.say(&format!("everything is left in {}", folder.display()));
    }

    /// Tells where the campaign is.
    pub fn say(&self, line: &str) {
        if self.tell {
            // Progress is for whoever looks; it may as well not be seen.
            drop(writeln!(std::io::stderr(), "[{}] {line}", self.trials));
        }
    }

    /// Tells the counts every so many trials.
    pub fn say_every(&self, trials: u64) {
        if self.trials.is_multiple_of(trials) {
            self.say(&self.counted());
        }
    }

    /// The counts in a line.
    pub fn counted(&self) -> String {
        let counts = self.counts.iter().map(|(what, count)| format!("{count} {what}"));
        counts.collect::<Vec<_>>().join(", ")
    }
}
