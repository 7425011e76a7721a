//! What stands in the journal, and the only place that turns it into bytes.
//!
//! bincode in one fixed configuration behind a kind byte: fixed-width, big-endian, limited, without trailing bytes. None of
//! it is ever signed; what is signed lies inside as the bytes that were signed.

use crate::limits::RECORD_BYTES_MAX;
use bincode::Options;
use serde::{Deserialize, Serialize};
use yizhan_document::Digest;
use yizhan_exchange::Fact;
use yizhan_protocol::{OfferedSlip, ProofBundle};

const FACTS: u8 = 1;
const ENVELOPE: u8 = 2;
const RECEIPTS: u8 = 3;
const ATTACHMENT: u8 = 4;

/// One record of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// What the core decided.
    Facts(Vec<Fact>),
    /// The content of a holding.
    Envelope(Box<StoredEnvelope>),
    /// Receipts of another ledger, kept at their origin.
    Receipts(Box<ProofBundle>),
    /// What goes home beside an own entry.
    Attachment(StoredAttachment),
}

/// The content of a holding, as it came or was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredEnvelope {
    /// The holding: the index of its acceptance in the own ledger.
    pub holding: u64,
    /// The header's bytes, verbatim.
    #[serde(with = "serde_bytes")]
    pub header: Vec<u8>,
    /// The slips.
    pub slips: Vec<OfferedSlip>,
    /// Proof of origin; none at the origin, which proves it from its own ledger.
    pub origin: Option<ProofBundle>,
    /// The body.
    pub body: StoredBody,
    /// At a destination: what an inbox shows of it, closed to the node itself; else empty.
    #[serde(with = "serde_bytes")]
    pub card: Vec<u8>,
}

/// Where the body of a stored envelope is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoredBody {
    /// Here.
    Inline(#[serde(with = "serde_bytes")] Vec<u8>),
    /// A file of the body store, named by the digest of the header.
    File {
        /// The leaf hashes of its pieces.
        pieces: Vec<Digest>,
    },
}

/// An attachment to an own entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAttachment {
    /// The entry.
    pub index: u64,
    /// An age file, closed to the origin.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// Whose place in the journal a record has: what is told of one that lies elsewhere now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The content of this holding.
    Holding(u64),
    /// Receipts of another ledger.
    Receipts(Box<ProofBundle>),
    /// The attachment to this own entry.
    Attachment(u64),
}

/// Why bytes are no record, or a record cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A kind of a later release.
    #[error("journal record of kind {0}: written by a later release; start the release that wrote it")]
    Kind(u8),
    /// The bytes do not read.
    #[error("a journal record does not read back, so it is damaged: {0}")]
    Damaged(#[source] bincode::Error),
    /// Too large to write.
    #[error("a journal record would be longer than {RECORD_BYTES_MAX} bytes; nothing was promised for it")]
    TooLarge(#[source] bincode::Error),
}

impl Record {
    /// Kind and payload.
    pub fn encode(&self) -> Result<(u8, Vec<u8>), RecordError> {
        Ok(match self {
            Self::Facts(facts) => Self::encode_facts(facts)?,
            Self::Envelope(envelope) => Self::encode_envelope(envelope)?,
            Self::Receipts(receipts) => Self::encode_receipts(receipts)?,
            Self::Attachment(attachment) => (ATTACHMENT, write(attachment)?),
        })
    }

    /// [`Self::encode`] of facts that stay where they are.
    pub fn encode_facts(facts: &[Fact]) -> Result<(u8, Vec<u8>), RecordError> {
        Ok((FACTS, write(facts)?))
    }

    /// [`Self::encode`] of an envelope that stays where it is.
    pub fn encode_envelope(envelope: &StoredEnvelope) -> Result<(u8, Vec<u8>), RecordError> {
        Ok((ENVELOPE, write(envelope)?))
    }

    /// [`Self::encode`] of receipts that stay where they are.
    pub fn encode_receipts(receipts: &ProofBundle) -> Result<(u8, Vec<u8>), RecordError> {
        Ok((RECEIPTS, write(receipts)?))
    }

    /// Reads what [`Record::encode`] wrote.
    pub fn decode(kind: u8, payload: &[u8]) -> Result<Self, RecordError> {
        Ok(match kind {
            FACTS => Self::Facts(read(payload)?),
            ENVELOPE => Self::Envelope(read(payload)?),
            RECEIPTS => Self::Receipts(read(payload)?),
            ATTACHMENT => Self::Attachment(read(payload)?),
            other => return Err(RecordError::Kind(other)),
        })
    }

    /// Whose content a record is, if it is one; read without the rest of it.
    pub(crate) fn holding(kind: u8, payload: &[u8]) -> Option<u64> {
        let number = payload.first_chunk().copied().map(u64::from_be_bytes);
        number.filter(|_| kind == ENVELOPE)
    }

    /// Whether a record is one of facts.
    pub(crate) fn is_facts(kind: u8) -> bool {
        kind == FACTS
    }

    /// Whose place it is that a record has; none for facts. Contents are not read: they may be large, and only the number
    /// before them is asked for.
    pub fn owner(kind: u8, payload: &[u8]) -> Result<Option<Owner>, RecordError> {
        let number = || {
            let first = payload.first_chunk().copied();
            first.map(u64::from_be_bytes).ok_or_else(|| RecordError::Damaged(end_of_file()))
        };
        Ok(match kind {
            FACTS => None,
            ENVELOPE => Some(Owner::Holding(number()?)),
            RECEIPTS => Some(Owner::Receipts(read(payload)?)),
            ATTACHMENT => Some(Owner::Attachment(number()?)),
            other => return Err(RecordError::Kind(other)),
        })
    }
}

fn end_of_file() -> bincode::Error {
    std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()
}

fn configuration() -> impl Options {
    bincode::DefaultOptions::new()
        .with_fixint_encoding()
        .with_big_endian()
        .with_limit(RECORD_BYTES_MAX as u64)
        .reject_trailing_bytes()
}

fn write<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, RecordError> {
    configuration().serialize(value).map_err(RecordError::TooLarge)
}

fn read<'de, T: Deserialize<'de>>(payload: &'de [u8]) -> Result<T, RecordError> {
    configuration().deserialize(payload).map_err(RecordError::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use yizhan_exchange::Entered;

    fn example() -> Record {
        Record::Envelope(Box::new(StoredEnvelope {
            holding: 7,
            header: b"header".to_vec(),
            slips: vec![OfferedSlip {
                index: 0,
                attempt: 0,
                header: b"slip".to_vec(),
                path: vec![Digest::of(b"")],
            }],
            origin: None,
            body: StoredBody::File { pieces: vec![Digest::of(b"piece")] },
            card: Vec::new(),
        }))
    }

    #[test]
    fn every_kind_reads_back_as_written() {
        let entered =
            Fact::Entered(Entered { index: 3, bytes: b"{}".to_vec(), home: Some("65".parse().unwrap()) });
        let attachment = StoredAttachment { index: 3, bytes: b"age".to_vec() };
        for record in [example(), Record::Facts(vec![entered]), Record::Attachment(attachment)] {
            let (kind, payload) = record.encode().unwrap();
            assert_eq!(Record::decode(kind, &payload).unwrap(), record);
        }
    }

    #[test]
    fn the_owner_of_a_place_is_read_without_the_content() {
        let attachment = StoredAttachment { index: 3, bytes: b"age".to_vec() };
        let owned = [
            (example(), Some(Owner::Holding(7))),
            (Record::Attachment(attachment), Some(Owner::Attachment(3))),
            (Record::Facts(Vec::new()), None),
        ];
        for (record, owner) in owned {
            let (kind, payload) = record.encode().unwrap();
            assert_eq!(Record::owner(kind, &payload).unwrap(), owner);
        }
        assert!(matches!(Record::owner(ENVELOPE, b"short"), Err(RecordError::Damaged(_))));
        assert!(matches!(Record::owner(99, &[0; 8]), Err(RecordError::Kind(99))));
    }

    #[test]
    fn a_later_kind_a_cut_and_a_longer_record_are_refused() {
        let (kind, payload) = example().encode().unwrap();
        assert!(matches!(Record::decode(99, &payload), Err(RecordError::Kind(99))));
        assert!(matches!(Record::decode(kind, &payload[..payload.len() - 1]), Err(RecordError::Damaged(_))));
        let longer = [payload.as_slice(), b"x"].concat();
        assert!(matches!(Record::decode(kind, &longer), Err(RecordError::Damaged(_))));
    }
}
