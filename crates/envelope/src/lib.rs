//! Closing and opening: header, slips, body encryption, piece digests.
//!
//! An envelope is three things. The **body** is an age v1 payload whose plaintext is a tar archive: the files by number,
//! the manifest, the office's signature over it. A **slip** is a complete age v1 header for that payload with one X25519
//! stanza, so that slip and body one after the other are an ordinary age file: `cat slip body | age -d -i key | tar x`.
//! The **header** is one line of canonical JSON that commits to both and is all a relay needs.
//!
//! Everything streams in one pass and holds a few chunks of 64 KiB at the most, whatever the size of the document. The
//! age format is <https://age-encryption.org/v1>; trees are those of RFC 6962, section 2.1.

mod age_header;
#[cfg(test)]
mod age_tool_tests;
mod archive;
#[cfg(test)]
mod archive_tests;
mod attachment;
mod close;
#[cfg(test)]
mod example;
mod file_key;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod header;
pub mod limits;
mod member;
mod office_signature;
mod open;
mod own_box;
mod pieces;
mod slip_opener;
mod slips;
mod stream;
#[cfg(test)]
mod whole_envelope_tests;

pub use archive::{ArchiveReader, open_archive};
pub use attachment::{AttachmentError, close_attachment, open_attachment};
pub use close::{BodyCloser, CloseError, ClosedBody};
pub use file_key::{FileKey, RandomError};
pub use header::{Body, Destination, Header, HeaderError, HeaderMismatch};
pub use office_signature::{OfficeSignature, OfficeSignatureError, SignedTree};
pub use open::{NullSink, OpenError, Opened, PartSink, open_body};
pub use own_box::OwnBox;
pub use pieces::{PieceHasher, piece_count, piece_len, pieces_root};
pub use slip_opener::SlipOpener;
pub use slips::{Slip, SlipError, Slips, SlipsError, close_slips};
pub use stream::StreamError;
