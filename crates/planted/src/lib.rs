//! Bugs planted on purpose: without the feature `planted` none is there, with it at most one, named by the environment.
//!
//! The tests are tried by them: `yizhan-campaign planted` runs the tests against each bug and tells which one found it. A bug is a
//! place in the code that asks [`on`]. In every other build the answer is a constant `false`, and nothing is left of the question.

#![cfg_attr(not(feature = "planted"), no_std)]

mod bugs;

pub use bugs::Bug;

/// The variable that names the one bug of a process, read once.
pub const VARIABLE: &str = "YIZHAN_PLANTED";

/// Whether this bug is there.
#[cfg(not(feature = "planted"))]
#[inline(always)]
#[must_use]
pub const fn on(_bug: Bug) -> bool {
    false
}

/// Whether this bug is there: the one that [`VARIABLE`] named when it was first asked for.
///
/// # Panics
/// If the variable names no bug: a misspelt one must not look like one that nobody finds.
#[cfg(feature = "planted")]
#[must_use]
pub fn on(bug: Bug) -> bool {
    static ACTIVE: std::sync::OnceLock<Option<Bug>> = std::sync::OnceLock::new();
    let named = || {
        let name = std::env::var(VARIABLE).ok().filter(|name| !name.is_empty())?;
        let found = Bug::ALL.into_iter().find(|bug| bug.name() == name);
        #[expect(clippy::panic, reason = "no product has this; see above")]
        if found.is_none() {
            panic!("{VARIABLE} names no bug: {name}");
        }
        found
    };
    *ACTIVE.get_or_init(named) == Some(bug)
}
