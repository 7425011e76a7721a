//! A world for tests: virtual time, network, disk with faults, clerks, checks.
//!
//! [`run`] runs the world of one seed: a whole network of nodes with the real rules over the real journal, on disks that lose
//! what was not synced, with clerks who hand in, resubmit, take and sign, and faults of all kinds, until everything has come
//! to rest; then the power of every machine is cut and the checks in `checks/`, each named after the promise it defends, look
//! at what is left. One seed and [`Plan`] always give the same run. Signatures and encryption are left out: they are
//! somebody else's to prove, and would make a run slow.

mod agenda;
mod book;
mod brief;
mod checks;
mod clerks;
mod clerks_recall;
mod clock_steps;
mod country;
mod dialling;
mod faults;
mod faulty_folder;
mod happening;
mod hostile;
mod last_look;
mod ledger;
mod liar;
pub mod limits;
mod lost_disk;
mod network;
mod new_directory;
#[cfg(test)]
mod outage;
mod outcome;
mod outside;
mod plan;
mod random;
mod rare_link;
#[cfg(test)]
mod recall_tests;
#[cfg(test)]
mod scenarios;
mod shapes;
mod station;
mod survey;
mod trace;
mod traffic;
mod wire;
mod world;

pub use book::Document;
pub use country::{CountryPlan, CountryReport, Transport, run_country};
pub use faulty_folder::SyncFault;
pub use network::{Trees, directory_of, network_of_seven};
pub use outcome::{Failure, Outcome};
pub use outside::Tamper;
pub use plan::{CommitMoment, CrashRule, FaultCounts, Hostile, Mangling, Plan};
pub use random::Random;
pub use shapes::region_of_xinjiang;
pub use world::{World, run};
