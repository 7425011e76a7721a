//! What a document is: addresses, permanent ids, label, manifest, urgency, classification, limits.
//!
//! Everything here is plain data with one textual form each. This crate knows nothing of keys, disks, wires or clocks;
//! every other crate may use it.

mod act;
mod address;
mod classification;
mod digest;
mod group;
mod ids;
mod interval_chunk;
mod intervals;
mod label;
pub mod limits;
mod list_name;
mod manifest;
mod manifest_tree;
pub mod merkle;
mod moment;
mod urgency;

pub use act::{Act, ActError, Statement};
pub use address::{AddressError, NodeId, OfficeAddress, OfficeName};
pub use classification::Classification;
pub use digest::{Digest, DigestError, Hasher};
pub use group::{Group, GroupError, GroupKind, Groups, LeftOut, LeftOutWhy, Meant, NodeOrOffice};
pub use ids::{Attempt, EPOCH_MAX, EnvelopeId, IdError, LedgerId, Unit};
pub use intervals::{ChunkWords, IntervalSet};
pub use label::{Label, LabelError, Title};
pub use list_name::{ListName, ListNameError};
pub use manifest::{Manifest, ManifestError, Part, PartName};
pub use manifest_tree::{ManifestPath, ManifestTree};
pub use moment::{MomentError, WallTime};
pub use urgency::Urgency;
