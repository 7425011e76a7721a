//! What can be wrong with ledgers and with what they say of documents: kinds, how grave each is, and one finding.

use crate::limits::PROBLEMS_PER_FAULT_MAX;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use yizhan_document::{EnvelopeId, LedgerId};

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; proves nothing against anyone and spoils nothing.
    Notice,
    /// Something is not there: a ledger, a statement, a document. Nobody needs to have lied.
    Incomplete,
    /// Something is there and cannot be true, or is damaged.
    Forged,
}

/// Kinds of findings. The text names are stable; `docs/receipts.md` has the rule behind each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The folder holds no ledger of this network that can be read.
    NoLedger,
    /// The directory has no node by the name in the checkpoint.
    UnknownNode,
    /// The checkpoint is not one, or the key in the directory did not sign it.
    CheckpointRefused,
    /// A tile, bundle or root does not fit the rest.
    LedgerDamaged,
    /// An entry has its hash and is no entry of a known kind, or is not where such an entry may be.
    EntryRefused,
    /// The key in the folder is another one than the directory's, or cannot be read.
    KeyInFolder,
    /// A cosignature under the name of a neighbour is wrong.
    CosignatureWrong,
    /// Two heads of one ledger that cannot both be true.
    Fork,
    /// The copy ends before an entry or head that somebody attests, although it shows the ledger at a later time.
    Cut,
    /// The copy ends before an entry or head that somebody attests; it may merely be older.
    Short,
    /// A ledger, or its end, is not there, and its node has begun a later one since: as far as anybody knows it was lost.
    EpochLost,
    /// The ledger of a node that had, or was to have, custody is not among those given.
    NotProvided,
    /// The times in a ledger run backwards.
    TimeRunsBack,
    /// An entry is dated well before the one it rests on.
    ClocksDisagree,
    /// An envelope was submitted twice, or in the ledger of another node than its id names.
    SubmissionMisplaced,
    /// An entry about an envelope that its origin never accepted.
    NoSubmission,
    /// An entry rests on something that is not there, or is not what it has to be.
    BrokenReference,
    /// The entry names another header than the proof of origin.
    OtherHeader,
    /// Custody was passed between nodes that are no neighbours.
    NotNeighbours,
    /// Custody was accepted of units that the giver did not have.
    NotItsUnits,
    /// One link number was given to two offers.
    LinkTwice,
    /// Link numbers were given and nothing was entered for them.
    LinkGap,
    /// A node says that custody was taken from it, and the ledger it names says otherwise.
    CustodyClaimFalse,
    /// Custody was accepted, and the giver does not say that it passed it on.
    CustodyMissing,
    /// One envelope reached the inboxes of one node twice.
    ConsignmentTwice,
    /// A node shows, hands over or enters a signature for what it had recalled, or denies a recall that nothing stood against.
    RecallBroken,
    /// A node says that it lost, or ran out of time with, a unit it never had.
    EndWithoutCustody,
}

impl Fault {
    /// How grave it is.
    pub fn severity(self) -> Severity {
        match self {
            Self::TimeRunsBack | Self::ClocksDisagree => Severity::Notice,
            Self::Short | Self::EpochLost | Self::NotProvided | Self::LinkGap | Self::CustodyMissing => {
                Severity::Incomplete
            }
            _ => Severity::Forged,
        }
    }

    /// Its name in reports, such as `custody-missing`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoLedger => "no-ledger",
            Self::UnknownNode => "unknown-node",
            Self::CheckpointRefused => "checkpoint-refused",
            Self::LedgerDamaged => "ledger-damaged",
            Self::EntryRefused => "entry-refused",
            Self::KeyInFolder => "key-in-folder",
            Self::CosignatureWrong => "cosignature-wrong",
            Self::Fork => "fork",
            Self::Cut => "cut",
            Self::Short => "short",
            Self::EpochLost => "epoch-lost",
            Self::NotProvided => "not-provided",
            Self::TimeRunsBack => "time-runs-back",
            Self::ClocksDisagree => "clocks-disagree",
            Self::SubmissionMisplaced => "submission-misplaced",
            Self::NoSubmission => "no-submission",
            Self::BrokenReference => "broken-reference",
            Self::OtherHeader => "other-header",
            Self::NotNeighbours => "not-neighbours",
            Self::NotItsUnits => "not-its-units",
            Self::LinkTwice => "link-twice",
            Self::LinkGap => "link-gap",
            Self::CustodyClaimFalse => "custody-claim-false",
            Self::CustodyMissing => "custody-missing",
            Self::ConsignmentTwice => "consignment-twice",
            Self::RecallBroken => "recall-broken",
            Self::EndWithoutCustody => "end-without-custody",
        }
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What kind.
    pub fault: Fault,
    /// How grave.
    pub severity: Severity,
    /// The ledger it was found in, or that is not there.
    pub ledger: Option<LedgerId>,
    /// The entry it was found at.
    pub index: Option<u64>,
    /// The document it touches.
    pub document: Option<EnvelopeId>,
    /// What is wrong, for people.
    pub text: String,
}

impl Problem {
    /// A finding about a ledger as a whole, or about none.
    pub fn of(fault: Fault, ledger: Option<LedgerId>, text: impl Into<String>) -> Self {
        Self { fault, severity: fault.severity(), ledger, index: None, document: None, text: text.into() }
    }

    /// A finding at an entry.
    pub fn at(fault: Fault, ledger: LedgerId, index: u64, text: impl Into<String>) -> Self {
        Self { index: Some(index), ..Self::of(fault, Some(ledger), text) }
    }

    /// The same, touching a document.
    pub fn about(self, document: EnvelopeId) -> Self {
        Self { document: Some(document), ..self }
    }
}

/// Findings, of every kind only so many: a forged ledger must not fill the memory of its auditor.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<Problem>,
    counts: BTreeMap<Fault, usize>,
}

impl Problems {
    pub(crate) fn push(&mut self, problem: Problem) {
        let count = self.counts.entry(problem.fault).or_default();
        *count += 1;
        if *count <= PROBLEMS_PER_FAULT_MAX {
            self.list.push(problem);
        }
    }

    /// The findings kept, and how many were only counted.
    pub(crate) fn finish(self) -> (Vec<Problem>, u64) {
        let found: usize = self.counts.values().sum();
        let left_out = (found - self.list.len()) as u64;
        (self.list, left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_kind_drowns_no_other() {
        let mut problems = Problems::default();
        for _ in 0..PROBLEMS_PER_FAULT_MAX + 7 {
            problems.push(Problem::of(Fault::ClocksDisagree, None, "clock"));
        }
        problems.push(Problem::of(Fault::Fork, None, "fork"));
        let (list, left_out) = problems.finish();
        assert_eq!((list.len(), left_out), (PROBLEMS_PER_FAULT_MAX + 1, 7));
        assert_eq!(list.last().unwrap().severity, Severity::Forged);
    }
}
