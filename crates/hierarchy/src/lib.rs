//! Where: the administrative tree, the signed directory, next hop.
//!
//! A [`Directory`] is what the authorities of a network signed: who is whose parent, where each node is reached, with
//! which keys it signs and opens, and which offices it serves. It is believed only through a [`TrustAnchor`], which
//! comes from the configuration of the node and never from the directory itself. [`Tree`] holds the shape alone: it
//! answers where a document goes next, without allocating, from plain numbers. [`NetworkPlan`] is what a new network is
//! made from, and [`DivisionTable`] who administers whom in the country.
//!
//! Nowhere is a parent guessed from a division code: `6542` may stand under `6540`, a town under a prefecture.

mod acceptance;
mod agreement;
mod anchor;
mod area;
mod branch;
mod changes;
mod crossing;
mod delegated_error;
mod delegation;
mod directory;
mod dispatch;
mod division;
mod divisions;
mod draft;
mod draft_folder;
mod durable;
mod edit;
mod edition;
mod endpoint;
mod fetched;
mod flags;
mod folder;
mod grant;
mod groups;
mod head;
mod history;
mod joined;
mod joined_error;
mod joined_head;
mod joint;
mod json_forms;
mod kept_files;
pub mod limits;
mod lines;
mod link_ends;
mod network_name;
mod next_hop;
mod outline;
mod parcel;
mod part;
mod parts;
mod plan;
mod policy;
mod policy_changes;
mod policy_edit;
mod roads;
mod root;
mod scope;
mod tree;
mod verification;
mod version;

#[cfg(test)]
mod joined_sample;
#[cfg(test)]
mod sample;

pub use acceptance::{Acceptance, VersionRefused};
pub use agreement::{Agreement, AgreementError, Party, SignedAgreement};
pub use anchor::{AnchorError, TrustAnchor};
pub use area::{Area, AreaError};
pub use branch::{Branch, BranchError};
pub use changes::{Change, changes};
pub use crossing::{Crossing, CrossingError};
pub use delegated_error::DelegatedError;
pub use delegation::Delegation;
pub use directory::{DelegatedList, Directory, RecipientError};
pub use dispatch::{DispatchRefused, PassedOver};
pub use division::{Division, DivisionError, NameError, OfficeRecord, OfficeState};
pub use divisions::{
    CodeError, DivisionCounts, DivisionKind, DivisionTable, ListedDivision, ResolvedCode, RetiredCode,
    TableError,
};
pub use draft::{Delegated, Draft, DraftJoined, Rendered};
pub use draft_folder::{DraftError, Signatures};
pub use edit::{Edit, EditError};
pub use edition::{Edition, EditionError};
pub use endpoint::{Endpoint, EndpointError};
pub use fetched::Fetched;
pub use flags::{FlagError, PlanFlags};
pub use folder::PublishError;
pub use grant::{Grant, GrantError, Granted};
pub use groups::{Members, ResolveError, Resolved};
pub use head::Head;
pub use history::{History, HistoryError};
pub use joined::{Joined, Standing};
pub use joined_error::JoinedError;
pub use joined_head::JoinedHead;
pub use joint::CrossingRefused;
pub use kept_files::KeptFiles;
pub use lines::LineError;
pub use link_ends::{LinkEnds, LinkEndsError};
pub use network_name::NetworkNameError;
pub use next_hop::{Hop, HopReason, RouteError};
pub use outline::{Outline, Sketch};
pub use parcel::{Parcel, ParcelError};
pub use plan::{NetworkPlan, PlanError, PlannedNode, PlannedOffice, Ports};
pub use policy::{Policy, PolicyError, SkipLevel, SkipRule};
pub use policy_edit::PolicyEdit;
pub use root::{NamedAgreement, Root, RootError};
pub use tree::{Place, Tree, TreeError};
pub use verification::DirectoryError;
pub use version::{SuccessorError, VersionStamp, check_successor};
