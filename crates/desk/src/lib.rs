//! Door: HTTP API, events and client library for office software.
//!
//! The API is served on a Unix domain socket in the node's data folder, which only the user who runs the node can open
//! ([`bind`], [`serve`]); what is behind it is asked through [`NodeDoor`]. [`DeskClient`] is the other side of the same API. All
//! refusals are problem details (RFC 9457). Content streams both ways through [`ContentStream`] in bounded memory.

mod client;
mod content;
mod door;
mod fault;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod inbox;
pub mod limits;
mod network;
#[cfg(test)]
mod over_the_socket;
mod problem;
mod recall;
mod receipt;
mod server;
mod status;
mod submission;
mod track;

pub use client::{ClientError, DeskClient};
pub use content::{ContentError, ContentSender, ContentStream, ContentUnwanted, content_channel};
pub use door::{Answer, NodeDoor};
pub use fault::{DoorCode, DoorError};
pub use inbox::{ActDone, ActRequest, InboxItem, InboxPart, InboxState, Taken};
pub use network::{
    DelegatedSubtree, DirectoryNode, DirectoryOffice, DirectoryView, GroupView, Holding, JoinedVersion,
    JoinedView, ListVersion, PolicyView, PublishedDirectory, RouteStep,
};
pub use problem::{PROBLEM_MEDIA_TYPE, Problem};
pub use recall::{RecallDone, RecallRequest, RecallState};
pub use receipt::ExportedReceipt;
pub use server::{BindError, bind, serve};
pub use status::{DirectoryAlarm, DiskRoom, NeighbourStatus, NodeEvent, NodeStatus, QueueItem};
pub use submission::{BatchOutcome, FileDeclaration, SentNotice, Submission, Submitted};
pub use track::{DestinationTrack, Stage, Track, TrackReceipt};
