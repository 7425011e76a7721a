//! The campaigns, one room for each kind of fault.

mod at_rest;
pub mod boundaries;
pub mod disk;
pub mod errors;
pub mod flips;
pub mod kills;
pub mod power_cuts;
mod walks;
