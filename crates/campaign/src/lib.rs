//! Faults for real processes on real disks: a network of `yizhan` nodes under load is killed, cut off from power, given errors
//! and damage, and every promise is held against it afterwards.
//!
//! [`faults`] has one room for each kind of fault, [`checks`] one for each promise. The whole-system tests use [`network`],
//! [`random`] and [`programs`] as well.

pub mod book;
pub mod checks;
pub mod clerk;
pub mod errand;
pub mod failure;
pub mod faults;
pub mod injection;
mod needed;
pub mod network;
pub mod papers;
pub mod planted;
pub mod programs;
pub mod random;
pub mod retention;
pub mod tally;
pub mod volume;
pub mod world;
