//! The campaigns, one room for each kind of fault.

pub mod boundaries;
pub mod errors;
pub mod flips;
pub mod kills;
pub mod power_cuts;
