//! What was tried, and what came of it: counts over all worlds, and how they are distributed.

use serde::Serialize;
use std::fmt;
use yizhan_simulator::Outcome;

/// What was tried, and what came of it.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Summary {
    /// Worlds that were run.
    pub(crate) seeds: u64,
    /// Worlds in which a promise was broken.
    pub(crate) failures: u64,
    /// Documents accepted, in all of them.
    pub(crate) documents: u64,
    /// Faults that struck, in all of them.
    pub(crate) faults: u64,
    /// Virtual time, of all of them.
    pub(crate) virtual_seconds: u64,
    /// Things that happened, in all of them.
    pub(crate) happenings: u64,
    /// Ledger entries, in all of them.
    pub(crate) entries: u64,
    /// How nodes, documents, faults and virtual time of a world are distributed.
    pub(crate) distribution: Distribution,
    /// The seeds that broke a promise, and which.
    pub(crate) failed: Vec<Failed>,
}

/// A world in which a promise was broken.
#[derive(Debug, Serialize)]
pub(crate) struct Failed {
    pub(crate) seed: u64,
    pub(crate) check: &'static str,
    pub(crate) what: String,
}

/// How what a world is made of is distributed over all worlds.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Distribution {
    nodes: Spread,
    documents: Spread,
    faults: Spread,
    virtual_seconds: Spread,
}

/// The least, the median, what nine of ten do not pass, and the most.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Spread {
    min: u64,
    median: u64,
    p90: u64,
    max: u64,
}

impl Summary {
    /// Counts what came of all worlds.
    pub(crate) fn of(outcomes: &[Outcome]) -> Self {
        let sum = |of: fn(&Outcome) -> u64| outcomes.iter().map(of).sum();
        let spread = |of: fn(&Outcome) -> u64| Spread::of(outcomes.iter().map(of).collect());
        let failed = outcomes.iter().filter_map(|outcome| {
            let failure = outcome.failures.first()?;
            Some(Failed { seed: outcome.seed, check: failure.check, what: failure.what.clone() })
        });
        let failed: Vec<Failed> = failed.collect();
        Self {
            seeds: outcomes.len() as u64,
            failures: failed.len() as u64,
            documents: sum(|outcome| outcome.documents),
            faults: sum(|outcome| outcome.faults),
            virtual_seconds: sum(|outcome| outcome.virtual_ms) / 1000,
            happenings: sum(|outcome| outcome.happenings),
            entries: sum(|outcome| outcome.entries),
            distribution: Distribution {
                nodes: spread(|outcome| outcome.nodes),
                documents: spread(|outcome| outcome.documents),
                faults: spread(|outcome| outcome.faults),
                virtual_seconds: spread(|outcome| outcome.virtual_ms / 1000),
            },
            failed,
        }
    }
}

impl Spread {
    fn of(mut values: Vec<u64>) -> Self {
        values.sort_unstable();
        let last = values.len().saturating_sub(1);
        let at = |place: usize| values.get(place).copied().unwrap_or(0);
        // Of an even number the lower middle, so that a median is never flattered.
        Self { min: at(0), median: at(last / 2), p90: at(last * 9 / 10), max: at(last) }
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { nodes, documents, faults, virtual_seconds } = self;
        write!(f, "{:<20}{:>8}{:>8}{:>8}{:>8}", "a world had", "min", "median", "p90", "max")?;
        let rows = [
            ("nodes", nodes),
            ("documents", documents),
            ("faults", faults),
            ("virtual seconds", virtual_seconds),
        ];
        for (what, Spread { min, median, p90, max }) in rows {
            write!(f, "\n{what:<20}{min:>8}{median:>8}{p90:>8}{max:>8}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use yizhan_simulator::{Plan, Trees, run};

    #[test]
    fn a_spread_has_the_least_the_middle_the_ninth_of_ten_and_the_most() {
        let of_hundred = Spread { min: 1, median: 50, p90: 90, max: 100 };
        assert_eq!(Spread::of((1..=100).rev().collect()), of_hundred);
        assert_eq!(Spread::of(Vec::new()), Spread::default());
    }

    #[test]
    fn the_median_world_has_seven_nodes_twenty_documents_and_ten_faults() {
        let trees = Trees::new(None);
        let outcomes: Vec<Outcome> =
            (0..128).map(|seed| run(seed, &Plan::of_seed(seed), &trees.of_seed(seed))).collect();
        let Distribution { nodes, documents, faults, .. } = Summary::of(&outcomes).distribution;
        assert!(
            nodes.median >= 7 && documents.median >= 20 && faults.median >= 10,
            "{nodes:?} {documents:?} {faults:?}"
        );
    }
}
