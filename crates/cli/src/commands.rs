//! The commands, one file each: what is typed, what it means, the act, how the outcome is shown.

pub(crate) mod agreement;
pub(crate) mod bench;
pub(crate) mod certificate;
pub(crate) mod directory;
pub(crate) mod group;
pub(crate) mod inbox;
pub(crate) mod ledger;
pub(crate) mod network;
pub(crate) mod node;
pub(crate) mod queue;
pub(crate) mod recall;
pub(crate) mod receipts;
pub(crate) mod route;
pub(crate) mod send;
pub(crate) mod status;
pub(crate) mod track;
