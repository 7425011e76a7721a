//! The outer header: one line of canonical JSON that names origin, destinations and deadline and commits to all else.
//!
//! Its bytes are hashed, never encoded anew: SHA-256 over them is the envelope digest of receipts. A text that would not be
//! written again byte for byte is refused, so the parsed form and the bytes say the same.

use crate::limits::{BODY_BYTES_MAX, BODY_BYTES_MIN, HEADER_BYTES_MAX};
use crate::pieces::{piece_count, pieces_root};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use yizhan_document::limits::{DEADLINE_AHEAD_MS_MAX, DESTINATIONS_MAX};
use yizhan_document::{Classification, Digest, EnvelopeId, Manifest, NodeId, Urgency, WallTime};
use yizhan_identity::suite;

/// What a relay knows of an envelope. Immutable once it is closed; the same for every destination and every attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Version of this format: [`Header::VERSION`].
    #[serde(rename = "v")]
    pub version: u8,
    /// How slips and body are encrypted: `identity::suite::ENVELOPE`.
    pub suite: String,
    /// The envelope's permanent id; names its origin.
    pub id: EnvelopeId,
    /// When it was closed, by the origin's clock.
    pub created: WallTime,
    /// Until when it is to be delivered; never before `created`, at most 366 days after it.
    pub deadline: WallTime,
    /// How urgent it is.
    pub urgency: Urgency,
    /// The classification that links and nodes must be fit to carry.
    pub classification: Classification,
    /// The directory version against which the origin looked the destinations up.
    pub directory: u64,
    /// The destination nodes, in the order of their ids, each once. Slip `i` is for destination `i`.
    pub to: Vec<Destination>,
    /// The encrypted body.
    pub body: Body,
    /// RFC 6962 root over the slips, in the order of `to`; a leaf is a slip's age header.
    pub slips: Digest,
    /// Commitment to the file key, see `FileKey::commitment`.
    pub key: Digest,
}

/// One destination of an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// The node.
    pub node: NodeId,
    /// Numbers the origin's envelopes for this node without a gap, so that the node can tell when one is missing.
    pub number: u64,
}

/// The encrypted body, as the header commits to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// Its size in bytes.
    pub size: u64,
    /// RFC 6962 root over its pieces of 1 MiB.
    pub pieces: Digest,
}

/// Why a header is refused. Its origin is to blame; trying again does not help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Too many bytes.
    #[error("the header is larger than {HEADER_BYTES_MAX} bytes")]
    TooLarge,
    /// Not the JSON object of a header.
    #[error("this is no header of an envelope, from byte {column} on")]
    Form {
        /// Where reading ended, counted from 1.
        column: usize,
    },
    /// It reads, but would be written differently.
    #[error("the header is not in its canonical form")]
    NotCanonical,
    /// Written by a newer program.
    #[error("the header has format version {found}, this program knows {}; update it", Header::VERSION)]
    Version {
        /// The version it has.
        found: u8,
    },
    /// Another cipher suite.
    #[error(
        "the envelope is encrypted with a suite this program does not know; it knows {}",
        suite::ENVELOPE
    )]
    Suite,
    /// None, too many, out of order, or one twice.
    #[error("an envelope has 1 to {DESTINATIONS_MAX} destinations, in the order of their ids, each once")]
    Destinations,
    /// The deadline lies before the envelope's making or too far after it.
    #[error("a deadline lies at most 366 days after the envelope was closed, and not before")]
    Deadline,
    /// Smaller or larger than a body can be.
    #[error("a body has {BODY_BYTES_MIN} to {BODY_BYTES_MAX} bytes")]
    BodySize,
}

/// Where header and manifest contradict each other. The origin is to blame: it closed one thing and declared another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderMismatch {
    /// The manifest was signed for another envelope.
    #[error("the manifest was signed for another envelope id")]
    Envelope,
    /// The signing office belongs to another node than the one that accepted the document.
    #[error("the manifest comes from an office of another node than the envelope")]
    Origin,
    /// Directory versions differ.
    #[error("manifest and header name different directory versions")]
    Directory,
    /// The nodes of the recipients are not the destinations.
    #[error("the recipients in the manifest are not at the destinations in the header")]
    Destinations,
    /// Urgency differs.
    #[error("label and header name different urgencies")]
    Urgency,
    /// Classification differs: relays were told another one.
    #[error("label and header name different classifications")]
    Classification,
}

impl Header {
    /// The version of the format that this program writes and reads.
    pub const VERSION: u8 = 1;

    /// The canonical bytes: keep them, and hash them, as they are.
    pub fn to_bytes(&self) -> Result<Vec<u8>, HeaderError> {
        self.check()?;
        let bytes = serde_json::to_vec(self).map_err(|_| HeaderError::NotCanonical)?;
        if bytes.len() > HEADER_BYTES_MAX {
            return Err(HeaderError::TooLarge);
        }
        Ok(bytes)
    }

    /// Reads the canonical bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, HeaderError> {
        if bytes.len() > HEADER_BYTES_MAX {
            return Err(HeaderError::TooLarge);
        }
        let header: Self =
            serde_json::from_slice(bytes).map_err(|error| HeaderError::Form { column: error.column() })?;
        if header.to_bytes()? != bytes {
            return Err(HeaderError::NotCanonical);
        }
        Ok(header)
    }

    /// The envelope digest in receipts: SHA-256 over the canonical bytes. Whoever holds them hashes them directly.
    pub fn digest(&self) -> Result<Digest, HeaderError> {
        Ok(Digest::of(&self.to_bytes()?))
    }

    /// The index in `to`, and so of its slip, of this destination.
    pub fn index_of(&self, destination: &NodeId) -> Option<u32> {
        let index = self.to.binary_search_by(|to| to.node.cmp(destination)).ok()?;
        u32::try_from(index).ok()
    }

    /// Whether these leaf hashes are the pieces of the body, all of them, in order.
    pub fn has_pieces(&self, pieces: &[Digest]) -> bool {
        pieces.len() as u64 == piece_count(self.body.size) && pieces_root(pieces) == self.body.pieces
    }

    /// Whether header and manifest speak of the same envelope: id, origin, directory version, destinations, urgency and
    /// classification. Called on opening; call it before sending, too.
    pub fn check_manifest(&self, manifest: &Manifest) -> Result<(), HeaderMismatch> {
        if manifest.envelope != self.id {
            return Err(HeaderMismatch::Envelope);
        }
        if manifest.from.node != self.id.origin {
            return Err(HeaderMismatch::Origin);
        }
        if manifest.directory != self.directory {
            return Err(HeaderMismatch::Directory);
        }
        let nodes: BTreeSet<NodeId> = manifest.recipients().map(|office| office.node).collect();
        if !nodes.iter().eq(self.to.iter().map(|to| &to.node)) {
            return Err(HeaderMismatch::Destinations);
        }
        if manifest.label.urgency != self.urgency {
            return Err(HeaderMismatch::Urgency);
        }
        if manifest.label.classification != self.classification {
            return Err(HeaderMismatch::Classification);
        }
        Ok(())
    }

    fn check(&self) -> Result<(), HeaderError> {
        if self.version != Self::VERSION {
            return Err(HeaderError::Version { found: self.version });
        }
        if self.suite != suite::ENVELOPE {
            return Err(HeaderError::Suite);
        }
        let in_order = self.to.is_sorted_by(|earlier, later| earlier.node < later.node);
        if !in_order || !(1..=DESTINATIONS_MAX).contains(&self.to.len()) {
            return Err(HeaderError::Destinations);
        }
        if self.deadline < self.created || self.deadline.ms_since(self.created) > DEADLINE_AHEAD_MS_MAX {
            return Err(HeaderError::Deadline);
        }
        if !(BODY_BYTES_MIN..=BODY_BYTES_MAX).contains(&self.body.size) {
            return Err(HeaderError::BodySize);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LINE: &str = concat!(
        r#"{"v":1,"suite":"age-x25519","id":"652301.0.42","created":"2026-11-20T08:00:00.000Z","#,
        r#""deadline":"2026-12-20T08:00:00.000Z","urgency":"urgent","classification":"unclassified","directory":1,"#,
        r#""to":[{"node":"653101","number":17},{"node":"653130","number":0}],"#,
        r#""body":{"size":4000,"pieces":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},"#,
        r#""slips":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","#,
        r#""key":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}"#
    );

    fn example() -> Header {
        Header::from_bytes(LINE.as_bytes()).unwrap()
    }

    #[test]
    fn a_header_reads_back_as_written_and_is_one_line() {
        let header = example();
        assert_eq!(header.to_bytes().unwrap(), LINE.as_bytes());
        assert_eq!(header.digest().unwrap(), Digest::of(LINE.as_bytes()));
        assert_eq!(header.index_of(&"653130".parse().unwrap()), Some(1));
        assert_eq!(header.index_of(&"65".parse().unwrap()), None);
    }

    #[test]
    fn a_second_spelling_of_the_same_header_is_refused() {
        let spellings = [
            (":1,", ": 1,"),
            ("652301.0", "652301.\\u0030"),
            ("08:00:00.000Z\",\"d", "16:00:00+08:00\",\"d"),
            (",\"suite\":\"age-x25519\"", ""),
            ("{\"v\":1,\"suite\":\"age-x25519\"", "{\"suite\":\"age-x25519\",\"v\":1"),
            ("\"v\":1", "\"v\":1,\"v\":1"),
            ("}]", ",\"x\":1}]"),
            ("\"}", "\"}\n"),
            ("e3b0", "E3B0"),
        ];
        for (from, to) in spellings {
            let text = LINE.replacen(from, to, 1);
            assert_ne!(text, LINE, "{from}");
            assert!(Header::from_bytes(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn what_no_envelope_can_be_is_refused() {
        let header = example();
        let refused = |change: fn(&mut Header)| {
            let mut changed = header.clone();
            change(&mut changed);
            // What is not written must not be read either.
            assert!(Header::from_bytes(&serde_json::to_vec(&changed).unwrap()).is_err());
            changed.to_bytes().unwrap_err()
        };
        assert_eq!(refused(|h| h.version = 2), HeaderError::Version { found: 2 });
        assert_eq!(refused(|h| h.suite = "rot13".into()), HeaderError::Suite);
        assert_eq!(refused(|h| h.to.reverse()), HeaderError::Destinations);
        assert_eq!(refused(|h| h.to[1] = h.to[0]), HeaderError::Destinations);
        assert_eq!(refused(|h| h.to.clear()), HeaderError::Destinations);
        assert_eq!(refused(|h| h.deadline = WallTime::EPOCH), HeaderError::Deadline);
        assert_eq!(
            refused(|h| h.deadline = h.deadline.plus_ms(DEADLINE_AHEAD_MS_MAX)),
            HeaderError::Deadline
        );
        assert_eq!(refused(|h| h.body.size = 31), HeaderError::BodySize);
        assert_eq!(refused(|h| h.body.size = u64::MAX), HeaderError::BodySize);
    }

    #[test]
    fn the_most_destinations_with_the_longest_names_fit_and_one_more_is_refused() {
        let destination =
            |i: usize| Destination { node: format!("{i:016}").parse().unwrap(), number: u64::MAX };
        let mut header = Header { to: (0..DESTINATIONS_MAX).map(destination).collect(), ..example() };
        assert_eq!(Header::from_bytes(&header.to_bytes().unwrap()).unwrap(), header);
        header.to.push(destination(DESTINATIONS_MAX));
        assert_eq!(header.to_bytes(), Err(HeaderError::Destinations));
        let large = [LINE.as_bytes(), &vec![b' '; HEADER_BYTES_MAX]].concat();
        assert_eq!(Header::from_bytes(&large), Err(HeaderError::TooLarge));
    }

    proptest! {
        #[test]
        fn a_changed_byte_never_reads_as_the_same_header(at in 0..LINE.len(), flip in 1u8..=255) {
            let mut bytes = LINE.as_bytes().to_vec();
            bytes[at] ^= flip;
            // Some changed bytes make another valid header; it then has another digest.
            if let Ok(header) = Header::from_bytes(&bytes) {
                prop_assert_ne!(&header, &example());
                prop_assert_eq!(header.digest().unwrap(), Digest::of(&bytes));
            }
        }
    }
}
