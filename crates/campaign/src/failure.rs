//! Why a campaign ended early: a promise was broken, or the campaign itself could not go on.

use std::fmt::Display;

/// Why a trial did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The product did not keep what it promises.
    #[error("{promise}: {what}")]
    Broken {
        /// Which promise.
        promise: &'static str,
        /// What was seen.
        what: String,
    },
    /// The campaign could not do its work: a tool, a right or room on the disk is missing.
    #[error("{doing}: {why}")]
    Unable {
        /// What was tried.
        doing: String,
        /// Why it did not work.
        why: String,
    },
}

impl Failure {
    /// A broken promise.
    pub fn broken(promise: &'static str, what: impl Into<String>) -> Self {
        Self::Broken { promise, what: what.into() }
    }

    /// Something that the campaign could not do.
    pub fn unable(doing: impl Into<String>, why: impl Display) -> Self {
        Self::Unable { doing: doing.into(), why: why.to_string() }
    }

    /// Whether the product is to blame.
    pub fn is_broken(&self) -> bool {
        matches!(self, Self::Broken { .. })
    }
}

/// Says what was being done when something failed that has nothing to do with a promise.
pub trait Doing<T> {
    /// The value, or a failure that names what was being done.
    fn doing(self, what: impl Display) -> Result<T, Failure>;
}

impl<T, E: Display> Doing<T> for Result<T, E> {
    fn doing(self, what: impl Display) -> Result<T, Failure> {
        self.map_err(|why| Failure::unable(what.to_string(), why))
    }
}
