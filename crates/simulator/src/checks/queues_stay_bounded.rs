//! Queues stay bounded: windows are kept, what is undecided is bounded by what there is to decide, and a world at rest
//! does not grow.

use super::Broken;
use crate::limits::STAGED_PER_DOCUMENT_MAX;
use crate::station::Process;
use yizhan_exchange::limits::OFFERS_IN_FLIGHT_MAX;

const NAME: &str = "queues_stay_bounded";

/// How much there is to decide.
#[derive(Debug, Default)]
pub(crate) struct QueuesStayBounded {
    pub(crate) documents: usize,
}

/// What must not grow while nothing happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Weight {
    journal: u64,
    ledger: u64,
    staged: usize,
    contents: usize,
}

impl QueuesStayBounded {
    /// Looks at a process after each event.
    pub(crate) fn look(&self, process: &Process) -> Option<Broken> {
        let me = process.node;
        let over = process.core.state().links().find(|(.., in_flight)| *in_flight > OFFERS_IN_FLIGHT_MAX);
        if let Some((neighbour, .., in_flight)) = over {
            return Some((NAME, format!("{me}: {in_flight} offers are in flight to {neighbour}")));
        }
        let staged = process.stage.len();
        if staged > (self.documents + 4) * STAGED_PER_DOCUMENT_MAX {
            return Some((NAME, format!("{me}: {staged} things are undecided")));
        }
        None
    }

    /// What a process weighs.
    pub(crate) fn weigh(process: &Process) -> Weight {
        Weight {
            journal: process.journal.bytes(),
            ledger: process.ledger.size(),
            staged: process.stage.len(),
            contents: process.contents.len(),
        }
    }

    /// What a process at rest still holds or has gained.
    pub(crate) fn at_rest(process: &Process, before: Option<&Weight>) -> Vec<String> {
        let me = process.node;
        let mut wrong = Vec::new();
        let now = Self::weigh(process);
        if now.staged > 0 {
            wrong.push(format!("{me}: {} things are undecided although nothing is under way", now.staged));
        }
        if let Some(before) = before.filter(|before| **before != now) {
            wrong.push(format!("{me} grew while nothing happened: from {before:?} to {now:?}"));
        }
        wrong
    }
}
