//! Truth: records and their codec, segments, group commit, recovery, reclaim.
//!
//! A [`Journal`] is a row of append-only segments in one [`Folder`]; each holds numbered, checksummed batches of records.
//! A batch is there as a whole or not at all, damage stays where it is and never reaches its neighbours, and nothing is
//! promised before [`Journal::sync`] has returned. Recovery is the same code every day, clean stop or not. What the records
//! mean is the business of [`Record`] and of [`Journal::condense`]; the rest of the crate sees kinds and bytes.
//!
//! This crate knows neither threads nor clocks nor the file system: the real folder is in `spool`, a faulty one in the
//! simulator.

mod condense;
#[cfg(test)]
mod condense_tests;
mod copy;
#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod damage_tests;
mod error;
mod folder;
mod frame;
#[cfg(test)]
mod given_up_tests;
mod journal;
#[cfg(test)]
mod journal_tests;
mod kept;
#[cfg(test)]
mod kept_tests;
pub mod limits;
mod location;
#[cfg(test)]
mod memory_folder;
mod reader;
mod reclaim;
mod record;
mod recovery;
mod report;
mod scan;
mod segment_header;
#[cfg(test)]
mod twice_opened_tests;
mod walk;
mod window;

pub use condense::{Carried, Condensation, CondenseError};
pub use error::{JournalError, VisitError};
pub use folder::Folder;
pub use frame::RawRecord;
pub use journal::{Journal, JournalOptions, Segment, check_batch};
pub use kept::{Copied, Copies};
pub use location::{Location, Position};
pub use reader::RecordReader;
pub use record::{Owner, Record, RecordError, StoredAttachment, StoredBody, StoredEnvelope};
pub use report::{Damage, DamageReason, RecoveryReport, TornTail};
pub use scan::Visit;
