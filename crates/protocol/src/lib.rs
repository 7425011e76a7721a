//! What neighbours say to each other: frames, versions, refusals, and limits that hold before anything is allocated.
//!
//! Frames are serde + bincode in one fixed configuration, never signed; what is signed travels inside them as the bytes
//! that were signed. This crate knows nothing of sockets, keys or rules.

mod check;
mod codec;
#[cfg(test)]
mod codec_tests;
#[cfg(test)]
mod example;
mod frame;
mod kind;
pub mod limits;
#[cfg(test)]
mod limits_tests;

pub use check::{Breach, check, check_body_head};
pub use codec::{
    CodecError, FRAME_HEAD_BYTES, FrameHead, WIRE_VERSION, decode, decode_body_head, encode,
    encode_body_head, encoded_bytes,
};
pub use frame::{
    Acknowledgement, BodyHead, BodyPlace, Cosign, Custody, DirectoryHeld, DirectoryPart, DirectoryWanted,
    DivisionFile, Frame, Hello, Kept, ListHeld, Offer, OfferedSlip, ProofBundle, ProvenEntry, Recall,
    ReceiptsHome, Rejection, Wanted,
};
pub use kind::FrameKind;
