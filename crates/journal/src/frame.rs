//! The layout of a batch on disk, big-endian throughout: batch header, records, trailer.
//!
//! Every frame begins with the journal's *marker*, a random number, and the checksums of records are seeded with it. A
//! payload comes from strangers: without the marker, one that imitates frames could pass for records once damage makes
//! recovery search for the next frame.
//!
//! | frame | fields |
//! |---|---|
//! | batch header | marker 8, flags 4 (1 = clean stop), records 4, sequence 8, durable 8, floor 8, bytes of records 4, CRC32C 4 |
//! | record | kind 1, `rec` 3, payload length 4, CRC32C of these 4, CRC32C of these and the payload 4, payload |
//! | trailer | marker inverted 8, sequence 8, CRC32C of batch header and record headers 4 |

use crate::limits::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX, RECORD_BYTES_MAX};
use crc32c::{crc32c, crc32c_append};
use yizhan_planted::{Bug, on};

pub(crate) const BATCH_HEADER_LEN: usize = 48;
pub(crate) const RECORD_HEADER_LEN: usize = 16;
pub(crate) const TRAILER_LEN: usize = 20;

const RECORD_TAG: [u8; 3] = *b"rec";
const FLAG_CLEAN_STOP: u32 = 1;

/// One record: what it is, and its bytes. Both mean nothing to the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawRecord {
    /// What kind of record it is.
    pub kind: u8,
    /// Its bytes, at most [`RECORD_BYTES_MAX`].
    pub payload: Vec<u8>,
}

impl RawRecord {
    /// How many bytes it takes in a batch.
    pub fn framed_len(&self) -> usize {
        RECORD_HEADER_LEN.saturating_add(self.payload.len())
    }
}

/// The journal's random number and the checksum seeds that follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    bytes: [u8; 8],
    header_seed: u32,
    payload_seed: u32,
}

impl Marker {
    pub(crate) fn new(number: u64) -> Self {
        let bytes = number.to_be_bytes();
        let [a, b, c, d, e, f, g, h] = bytes;
        Self { bytes, header_seed: crc32c(&[a, b, c, d]), payload_seed: crc32c(&[e, f, g, h]) }
    }

    pub(crate) fn number(&self) -> u64 {
        u64::from_be_bytes(self.bytes)
    }

    fn inverted(&self) -> [u8; 8] {
        self.bytes.map(|byte| !byte)
    }
}

/// Takes fixed-width fields off the front of a slice.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    pub(crate) fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.bytes().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_be_bytes)
    }
}

/// What a batch says of itself before its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchHeader {
    /// The journal was closed after this batch.
    pub(crate) clean_stop: bool,
    /// How many records follow.
    pub(crate) count: u32,
    /// Its number, gap-free over the whole journal, from 1.
    pub(crate) sequence: u64,
    /// The highest sequence number known durable when this was written.
    pub(crate) durable: u64,
    /// Batches below this number were reclaimed.
    pub(crate) floor: u64,
    /// How many bytes the records take.
    pub(crate) bytes: u32,
}

impl BatchHeader {
    fn encode(&self, marker: &Marker) -> [u8; BATCH_HEADER_LEN] {
        let flags = if self.clean_stop { FLAG_CLEAN_STOP } else { 0 };
        let mut out = Vec::with_capacity(BATCH_HEADER_LEN);
        out.extend_from_slice(&marker.bytes);
        out.extend_from_slice(&flags.to_be_bytes());
        out.extend_from_slice(&self.count.to_be_bytes());
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.durable.to_be_bytes());
        out.extend_from_slice(&self.floor.to_be_bytes());
        out.extend_from_slice(&self.bytes.to_be_bytes());
        let crc = crc32c_append(marker.header_seed, &out);
        out.extend_from_slice(&crc.to_be_bytes());
        fixed(&out)
    }

    /// Reads the header at the beginning of `bytes`; lengths in it are within limits.
    pub(crate) fn decode(bytes: &[u8], marker: &Marker) -> Option<Self> {
        let head = bytes.get(..BATCH_HEADER_LEN)?;
        if !head.starts_with(&marker.bytes) {
            return None;
        }
        let (covered, crc) = head.split_last_chunk::<4>()?;
        if crc32c_append(marker.header_seed, covered) != u32::from_be_bytes(*crc) {
            return None;
        }
        let mut fields = Fields(covered);
        fields.bytes::<8>()?;
        let flags = fields.u32()?;
        let (count, sequence, durable, floor) = (fields.u32()?, fields.u64()?, fields.u64()?, fields.u64()?);
        let header = Self {
            clean_stop: flags & FLAG_CLEAN_STOP != 0,
            count,
            sequence,
            durable,
            floor,
            bytes: fields.u32()?,
        };
        let fits =
            header.bytes as usize <= BATCH_BYTES_MAX && count as usize <= BATCH_RECORDS_MAX && sequence > 0;
        fits.then_some(header)
    }

    /// The marker of the batch at the beginning of `bytes`, if it fits the header's checksum: a second copy of what the
    /// segment header says.
    pub(crate) fn marker_of(bytes: &[u8]) -> Option<Marker> {
        let marker = Marker::new(Fields(bytes).u64()?);
        Self::decode(bytes, &marker).map(|_| marker)
    }

    /// The length of header, records and trailer.
    pub(crate) fn frame_len(&self) -> usize {
        BATCH_HEADER_LEN + self.bytes as usize + TRAILER_LEN
    }
}

/// What a record says of itself before its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    pub(crate) kind: u8,
    pub(crate) len: u32,
    prefix: [u8; 8],
    payload_crc: u32,
}

impl RecordHeader {
    fn encode(record: &RawRecord, marker: &Marker) -> [u8; RECORD_HEADER_LEN] {
        let [t, a, g] = RECORD_TAG;
        // The journal has checked the length against RECORD_BYTES_MAX before it encodes.
        let [l0, l1, l2, l3] = u32::try_from(record.payload.len()).unwrap_or(u32::MAX).to_be_bytes();
        let prefix = [record.kind, t, a, g, l0, l1, l2, l3];
        let header_crc = crc32c_append(marker.header_seed, &prefix);
        let payload_crc = payload_crc(marker, &prefix, &record.payload);
        let mut out = Vec::with_capacity(RECORD_HEADER_LEN);
        out.extend_from_slice(&prefix);
        out.extend_from_slice(&header_crc.to_be_bytes());
        out.extend_from_slice(&payload_crc.to_be_bytes());
        fixed(&out)
    }

    /// Reads the header at the beginning of `bytes`; its length is within limits, its payload not yet checked.
    pub(crate) fn decode(bytes: &[u8], marker: &Marker) -> Option<Self> {
        if bytes.get(1..4)? != RECORD_TAG.as_slice() {
            return None;
        }
        let mut fields = Fields(bytes);
        let prefix: [u8; 8] = fields.bytes()?;
        if crc32c_append(marker.header_seed, &prefix) != fields.u32()? {
            return None;
        }
        let [kind, _, _, _, len @ ..] = prefix;
        let len = u32::from_be_bytes(len);
        (len as usize <= RECORD_BYTES_MAX).then_some(Self { kind, len, prefix, payload_crc: fields.u32()? })
    }

    /// Whether this is the payload that was written.
    pub(crate) fn fits(&self, payload: &[u8], marker: &Marker) -> bool {
        payload.len() == self.len as usize
            && (payload_crc(marker, &self.prefix, payload) == self.payload_crc || on(Bug::ChecksumSkipped))
    }

    /// The length of header and payload.
    pub(crate) fn frame_len(&self) -> usize {
        RECORD_HEADER_LEN + self.len as usize
    }
}

/// A batch as it is to be written, apart from the payloads.
pub(crate) struct EncodedBatch {
    pub(crate) header: [u8; BATCH_HEADER_LEN],
    pub(crate) records: Vec<[u8; RECORD_HEADER_LEN]>,
    pub(crate) trailer: [u8; TRAILER_LEN],
}

impl EncodedBatch {
    pub(crate) fn new<'a>(
        header: &BatchHeader,
        records: impl Iterator<Item = &'a RawRecord>,
        marker: &Marker,
    ) -> Self {
        let head = header.encode(marker);
        let records: Vec<_> = records.map(|record| RecordHeader::encode(record, marker)).collect();
        let crc = records.iter().fold(crc32c(&head), |crc, record| crc32c_append(crc, record));
        let mut trailer = Vec::with_capacity(TRAILER_LEN);
        trailer.extend_from_slice(&marker.inverted());
        trailer.extend_from_slice(&header.sequence.to_be_bytes());
        trailer.extend_from_slice(&crc.to_be_bytes());
        Self { header: head, records, trailer: fixed(&trailer) }
    }
}

/// Whether a trailer begins here; its checksum can only be checked with the batch before it.
pub(crate) fn is_trailer(bytes: &[u8], marker: &Marker) -> bool {
    bytes.len() >= TRAILER_LEN && bytes.starts_with(&marker.inverted())
}

/// The records of a whole frame, each with its offset in the frame; `None` if anything in the frame is not what was written.
pub(crate) fn whole_batch<'a>(
    frame: &'a [u8],
    header: &BatchHeader,
    marker: &Marker,
) -> Option<Vec<(usize, u8, &'a [u8])>> {
    let head = frame.get(..BATCH_HEADER_LEN)?;
    let (body, trailer) = frame.get(BATCH_HEADER_LEN..)?.split_last_chunk::<TRAILER_LEN>()?;
    let mut crc = crc32c(head);
    let mut records = Vec::with_capacity((header.count as usize).min(body.len() / RECORD_HEADER_LEN));
    let mut at = 0;
    while at < body.len() {
        let rest = body.get(at..)?;
        let record = RecordHeader::decode(rest, marker)?;
        let payload = rest.get(RECORD_HEADER_LEN..record.frame_len())?;
        if !record.fits(payload, marker) {
            return None;
        }
        crc = crc32c_append(crc, rest.get(..RECORD_HEADER_LEN)?);
        records.push((BATCH_HEADER_LEN + at, record.kind, payload));
        at += record.frame_len();
    }
    let mut fields = Fields(trailer);
    let fits =
        fields.bytes::<8>()? == marker.inverted() && fields.u64()? == header.sequence && fields.u32()? == crc;
    (fits && records.len() == header.count as usize).then_some(records)
}

fn payload_crc(marker: &Marker, prefix: &[u8; 8], payload: &[u8]) -> u32 {
    crc32c_append(crc32c_append(marker.payload_seed, prefix), payload)
}

/// The bytes as an array; the encoders above fill exactly as many.
pub(crate) fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    debug_assert_eq!(bytes.len(), N);
    let mut out = [0; N];
    out.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(records: &[RawRecord], marker: &Marker) -> (BatchHeader, Vec<u8>) {
        let bytes = records.iter().map(RawRecord::framed_len).sum::<usize>() as u32;
        let header = BatchHeader {
            clean_stop: false,
            count: records.len() as u32,
            sequence: 7,
            durable: 6,
            floor: 1,
            bytes,
        };
        let parts = EncodedBatch::new(&header, records.iter(), marker);
        let mut frame = parts.header.to_vec();
        for (head, record) in parts.records.iter().zip(records) {
            frame.extend_from_slice(head);
            frame.extend_from_slice(&record.payload);
        }
        frame.extend_from_slice(&parts.trailer);
        (header, frame)
    }

    proptest! {
        #[test]
        fn a_batch_reads_back_as_written_and_no_changed_byte_passes(
            payloads in proptest::collection::vec((any::<u8>(), proptest::collection::vec(any::<u8>(), 0..40)), 0..5),
            number: u64, at: usize, flip in 1u8..,
        ) {
            let marker = Marker::new(number);
            let records: Vec<_> = payloads.into_iter().map(|(kind, payload)| RawRecord { kind, payload }).collect();
            let (header, mut frame) = encoded(&records, &marker);
            prop_assert_eq!(BatchHeader::decode(&frame, &marker), Some(header));
            prop_assert_eq!(BatchHeader::marker_of(&frame), Some(marker));
            prop_assert_eq!(frame.len(), header.frame_len());
            let read = whole_batch(&frame, &header, &marker).unwrap();
            let read: Vec<_> = read.into_iter().map(|(_, kind, p)| RawRecord { kind, payload: p.to_vec() }).collect();
            prop_assert_eq!(read, records);
            let at = at % frame.len();
            frame[at] ^= flip;
            let header = BatchHeader::decode(&frame, &marker);
            prop_assert!(header.is_none_or(|header| whole_batch(&frame, &header, &marker).is_none()));
        }

        #[test]
        fn frames_of_another_journal_are_not_taken(one: u64, other: u64) {
            prop_assume!(one != other);
            let (_, frame) = encoded(&[RawRecord { kind: 1, payload: b"forged".to_vec() }], &Marker::new(one));
            prop_assert_eq!(BatchHeader::decode(&frame, &Marker::new(other)), None);
        }
    }
}
