//! The rules of a node, without clock, disk, socket, threads or cryptographic work.
//!
//! `Node::handle(now, event)` takes what happened and returns what to do. The daemon does it in the real world, the
//! simulator in a made-up one. Three rules shape everything here:
//!
//! * **Event-sourced.** What must survive is said as [`Fact`]s. State changes only by applying facts, live and in
//!   recovery alike, so recovery is the code that runs every day.
//! * **No word before disk.** Every effect that tells anyone anything waits for the ticket of the facts it rests on.
//! * **Ordered containers only**, so that one seed gives one run.
//!
//! Content never enters: the core knows digests, sizes and handles of what the shell has staged or stored.
#![no_std]

extern crate alloc;

mod clocks;
mod condensed;
mod custodians;
mod custody;
mod delivery;
mod effect;
mod epoch;
mod event;
mod evidence;
mod fact;
mod forwarding;
mod inboxes;
mod incoming;
mod intake;
pub mod limits;
mod links;
mod node;
mod now;
mod offer_proofs;
mod origin;
mod quota;
mod recall;
mod recall_facts;
mod receipts;
mod replay;
mod rerouting;
mod reserved;
mod room;
mod state;
mod submission;
mod timing;
mod waiting;

pub use condensed::{Condensed, CondensedInbox, KeptSegment, NumberSet};
pub use effect::{Answer, Effect, Kept, Stored, Ticket};
pub use epoch::{EpochStatement, proves_epoch};
pub use event::{Closed, Event, HeardEntry, OfferedEnvelope, Office, Past, RecallOrder, Request, Staged};
pub use fact::{Acceptance, Consigned, End, Entered, Fact, Source, SubmissionKey};
pub use inboxes::Inboxes;
pub use node::{Node, Profile, TakenIn};
pub use now::Now;
pub use offer_proofs::{proves_custody, proves_origin};
pub use quota::{Load, Quota};
pub use recall::{HeardRecall, proves_recall};
pub use recall_facts::{RecallFact, RecallOutcome, Recalls};
pub use room::Room;
pub use state::{Holding, InboxEntry, State};
