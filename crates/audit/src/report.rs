//! What an audit comes to: for every ledger what was found, for every document and destination a verdict.

use crate::problem::{Problem, Severity};
use serde::Serialize;
use std::path::PathBuf;
use yizhan_document::{Digest, EnvelopeId, LedgerId, NodeId, OfficeAddress, WallTime};

/// The outcome of an audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The network.
    pub network: String,
    /// The version of the directory that was believed.
    pub directory: u64,
    /// Offices whose signing key their node holds (custodial): what is signed in their name may be that node's word.
    pub custodial_offices: Vec<OfficeAddress>,
    /// The ledgers given, in the order given.
    pub ledgers: Vec<LedgerFinding>,
    /// The documents found in them, ascending by id.
    pub documents: Vec<DocumentVerdict>,
    /// Chains with verdict `Complete` or `Late` in which every step is proven by the ledgers of all who took part.
    pub chains_verified: u64,
    /// Chains in all: one for each document and destination.
    pub chains: u64,
    /// What is wrong between ledgers. What is wrong within one stands with that ledger.
    pub problems: Vec<Problem>,
    /// Findings of kinds already reported often enough, which were only counted.
    pub problems_left_out: u64,
}

/// What was found about one ledger by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LedgerFinding {
    /// Where the copy lies.
    pub folder: PathBuf,
    /// Which ledger, if its checkpoint says so.
    pub ledger: Option<LedgerId>,
    /// How many entries its checkpoint covers.
    pub size: u64,
    /// The root its checkpoint states.
    pub root: Option<Digest>,
    /// Whether the key in the directory signed the checkpoint and the entries have its root. Only then is anything in
    /// the ledger believed.
    pub checkpoint_ok: bool,
    /// The neighbours that cosigned the checkpoint.
    pub witnessed_by: Vec<WitnessedBy>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// A neighbour's cosignature on a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WitnessedBy {
    /// The neighbour.
    pub node: NodeId,
    /// When, by its clock.
    pub time: WallTime,
}

/// What became of one document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DocumentVerdict {
    /// The envelope.
    pub id: EnvelopeId,
    /// When its origin accepted it; absent where the origin's ledger is.
    pub submitted: Option<WallTime>,
    /// Until when it was to be delivered.
    pub deadline: Option<WallTime>,
    /// One verdict for each destination.
    pub destinations: Vec<ChainVerdict>,
}

/// What became of one document on the way to one destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainVerdict {
    /// The destination.
    pub node: NodeId,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether it arrived and every step is proven by the ledgers of all who took part.
    pub proven: bool,
    /// The steps, from the origin on.
    pub hops: Vec<HopLine>,
}

/// The verdict on one chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Verdict {
    /// It lay in the inboxes of the destination in time, or no deadline is known.
    Complete,
    /// It lay there after its deadline.
    Late {
        /// The deadline.
        deadline: WallTime,
        /// When it lay there.
        consigned: WallTime,
        /// In whose custody the deadline passed.
        in_custody_of: NodeId,
        /// Whether both sides attest where that custody began and ended: only then is it a fault of that node.
        attested: bool,
    },
    /// It has not arrived, and at the time of the audit it need not have.
    UnderWay {
        /// Who has custody.
        held_by: NodeId,
        /// Since when, by that node's clock.
        since: WallTime,
    },
    /// It has not arrived, and nobody entered why.
    Missing {
        /// Who had custody last.
        last_held_by: NodeId,
        /// Since when, by that node's clock.
        since: WallTime,
    },
    /// Not to be told from the ledgers given.
    Unknown {
        /// Who had custody last as far as they go.
        last_held_by: Option<NodeId>,
        /// Since when.
        since: Option<WallTime>,
        /// What is not there.
        because: String,
    },
    /// It could not be delivered.
    Failed {
        /// Who entered that.
        at: NodeId,
        /// The code it gave.
        reason: String,
    },
    /// The deadline passed, and the node with custody gave up.
    Expired {
        /// That node.
        held_by: NodeId,
        /// When it entered so.
        at: WallTime,
    },
    /// Its sender recalled it, and nobody there is shown it.
    Recalled {
        /// Who entered that: the destination, or an origin that never let it go.
        by: NodeId,
        /// When, by that node's clock.
        at: WallTime,
    },
    /// The chain holds something that cannot be true.
    Forged {
        /// What.
        what: String,
    },
}

/// One step of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HopLine {
    /// Who.
    pub node: NodeId,
    /// The kind of the entry, as it stands in it.
    pub kind: &'static str,
    /// In which ledger.
    pub ledger: LedgerId,
    /// Where in it.
    pub index: u64,
    /// When, by that node's clock; absent where the entry is not there to be read.
    pub time: Option<WallTime>,
    /// For a step of custody: from whom it was taken.
    pub from: Option<NodeId>,
    /// And under which number of the link.
    pub link: Option<u64>,
    /// Whether the entry is there and proven by its ledger. If not, the step is known from what others say.
    pub provided: bool,
    /// Whether everybody who took part in the step says so: for custody the giver and the taker; for other entries, in
    /// which one node alone takes part, that node.
    pub attested_by_both: bool,
    /// Whether somebody else signed for a head of the ledger that covers the entry: a neighbour's cosignature, or a head
    /// that a neighbour wrote into its own ledger.
    pub witnessed: bool,
}

impl Report {
    /// Whether nothing is missing, late, forged or damaged.
    pub fn ok(&self) -> bool {
        self.severity() <= Severity::Notice
    }

    /// The gravest there is in it.
    pub fn severity(&self) -> Severity {
        let problems = self.problems.iter().chain(self.ledgers.iter().flat_map(|ledger| &ledger.problems));
        let verdicts = self.documents.iter().flat_map(|document| &document.destinations);
        let verdicts = verdicts.map(|chain| chain.verdict.severity());
        problems.map(|problem| problem.severity).chain(verdicts).max().unwrap_or(Severity::Notice)
    }

    /// What it says of one document: the ledgers stay, other documents and their problems go.
    pub fn only(mut self, id: EnvelopeId) -> Self {
        self.documents.retain(|document| document.id == id);
        self.problems.retain(|problem| problem.document.is_none_or(|document| document == id));
        self.count();
        self
    }

    /// Counts the chains anew.
    pub(crate) fn count(&mut self) {
        let chains = || self.documents.iter().flat_map(|document| &document.destinations);
        let (all, verified) = (chains().count() as u64, chains().filter(|chain| chain.proven).count() as u64);
        (self.chains, self.chains_verified) = (all, verified);
    }
}

impl Verdict {
    /// How grave it is.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Complete | Self::UnderWay { .. } | Self::Recalled { .. } => Severity::Notice,
            Self::Forged { .. } => Severity::Forged,
            Self::Late { .. }
            | Self::Missing { .. }
            | Self::Unknown { .. }
            | Self::Failed { .. }
            | Self::Expired { .. } => Severity::Incomplete,
        }
    }
}
