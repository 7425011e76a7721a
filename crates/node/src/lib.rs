//! The daemon: event loop, performs effects, workers, config, clock.
//!
//! Everything that decides is in `exchange`; everything that touches disk, wire, keys or time on its behalf is here or in
//! the crates below. One task owns the rules and handles one event at a time; workers check what comes in before the rules
//! see it, and open and close documents.

mod addressing;
mod batch;
mod bodies;
mod body_intake;
mod card;
mod carriage;
mod certifying;
mod clock;
mod closing;
mod closing_batch;
mod committing;
mod config;
mod confirmation;
#[cfg(test)]
mod county;
mod current;
mod daemon;
mod dispatching;
mod door;
mod epoch;
mod epochs;
mod fault;
mod feed;
mod file_keys;
mod gathering;
mod handover;
mod inbox;
mod index;
mod input;
mod keeper;
mod keys;
mod knowing;
mod neighbours;
mod network;
mod network_growth;
mod network_parts;
mod new_epoch;
mod offers;
mod opening;
mod perform;
mod placement;
mod proofs;
mod recalling;
mod receipts;
mod reclaiming;
mod recovery;
mod refusals;
mod released;
mod relog;
mod remembered;
mod renewals;
mod row;
mod shared;
mod stage;
mod start;
mod submitting;
mod tracking;
mod traffic;
mod versions;
mod views;

pub use clock::Clock;
pub use config::{Config, ConfigError, DirectoryConfig, Hold, JournalConfig, KeyConfig, LinkConfig};
pub use fault::NodeError;
pub use keeper::KeeperError;
pub use keys::KeysError;
pub use network::{CreatedNetwork, CreatedNode, NetworkError, create_network};
pub use network_growth::Growing;
pub use network_parts::hold_parts;
pub use new_epoch::{NewEpoch, new_epoch};
pub use start::run;
pub use views::{directory_view, group_view};
