//! Why the list of a delegated subtree is refused: each attack on a delegation has its own name.

use crate::branch::BranchError;
use yizhan_document::{NodeId, WallTime};

/// Why a delegated list is not believed, or does not take the place of the one held, which stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DelegatedError {
    /// Too few delegates signed.
    #[error(
        "the list of {delegation}: {have} of its delegates signed it, and {need} have to; ask the delegates for it anew"
    )]
    Signatures {
        /// The division whose subtree is delegated.
        delegation: NodeId,
        /// How many did.
        have: usize,
        /// How many have to.
        need: usize,
    },
    /// Somebody signed to whom the subtree is not delegated.
    #[error(
        "the list of {delegation} is signed by {name}, to whom it is not delegated; ask the delegates that the root names"
    )]
    Stranger {
        /// The division whose subtree is delegated.
        delegation: NodeId,
        /// The name in the signature.
        name: String,
    },
    /// The root delegates a subtree and nobody's list of it is there.
    #[error("the list of {delegation}, which the root delegates, is missing; fetch the directory again")]
    Missing {
        /// The division whose subtree is delegated.
        delegation: NodeId,
    },
    /// A list that the root delegates to nobody.
    #[error("there is a list that the root delegates to nobody; whoever put it there is to blame")]
    Unasked,
    /// The delegates signed something that is no list.
    #[error("the list of {delegation} is signed, but wrong: {reason}; tell its delegates")]
    Text {
        /// The division whose subtree is delegated.
        delegation: NodeId,
        /// What is wrong.
        reason: BranchError,
    },
    /// The list of another subtree or network.
    #[error("in the place of the list of {delegation} stands that of {of}; whoever put it there is to blame")]
    Elsewhere {
        /// The division whose subtree is delegated.
        delegation: NodeId,
        /// Of what it is.
        of: String,
    },
    /// The delegates speak of what was not delegated to them.
    #[error("the delegates of {delegation} name {node}, {reason}; they speak for their subtree alone")]
    Outside {
        /// The division whose subtree is delegated.
        delegation: NodeId,
        /// The division that they name.
        node: NodeId,
        /// Why it is not theirs.
        reason: &'static str,
    },
    /// The authorities list what they delegated.
    #[error(
        "the root lists {node}, which lies below {delegation} and is for its delegates to name; tell the authorities"
    )]
    ByRoot {
        /// The division whose subtree is delegated.
        delegation: NodeId,
        /// The division that the root lists.
        node: NodeId,
    },
    /// The list is past its time.
    #[error(
        "the list of {delegation} expired at {at}, and is taken as new no more; its delegates have to sign a new one"
    )]
    Expired {
        /// The division whose subtree is delegated.
        delegation: NodeId,
        /// When.
        at: WallTime,
    },
    /// The delegation is past its time.
    #[error(
        "the delegation of {delegation} expired at {at}; the authorities have to renew it, or sign for it themselves"
    )]
    DelegationExpired {
        /// The division whose subtree is delegated.
        delegation: NodeId,
        /// When.
        at: WallTime,
    },
    /// An older list, or one from before the delegation.
    #[error(
        "the list of {delegation} is version {offered}, and no version before {known} counts any more; whoever offers it is \
         behind, or holds back"
    )]
    Rollback {
        /// The division whose subtree is delegated.
        delegation: NodeId,
        /// The known version, or the first that counts.
        known: u64,
        /// The offered one.
        offered: u64,
    },
    /// Two of the same number: the delegates signed two truths.
    #[error("the list of {delegation} is another version {version} than the known one; tell its delegates")]
    TwoOfOneVersion {
        /// The division whose subtree is delegated.
        delegation: NodeId,
        /// The version.
        version: u64,
    },
}

impl DelegatedError {
    /// A stable name of the reason, for software and for logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Signatures { .. } => "delegate-signatures",
            Self::Stranger { .. } => "delegate-stranger",
            Self::Missing { .. } => "delegated-missing",
            Self::Unasked | Self::Elsewhere { .. } => "delegated-elsewhere",
            Self::Text { .. } => "delegated-list",
            Self::Outside { .. } => "delegated-outside",
            Self::ByRoot { .. } => "delegated-by-root",
            Self::Expired { .. } => "delegated-expired",
            Self::DelegationExpired { .. } => "delegation-expired",
            Self::Rollback { .. } => "delegated-rollback",
            Self::TwoOfOneVersion { .. } => "delegated-two-of-one-version",
        }
    }
}
