//! The header of a segment: which it is, what it replaces, and the journal's marker.
//!
//! Layout, big-endian: `YZJOURNL` 8, format version 4, CRC32C of these 4 (so much stays the same in every version);
//! segment 8, replaces 8, first sequence 8, marker 8, CRC32C of all before 4.

use crate::frame::{Fields, Marker, fixed};
use crc32c::crc32c;

pub(crate) const SEGMENT_HEADER_LEN: usize = 52;
/// The format version that this release writes and reads; history: 1 = yizhan 0.1.
pub(crate) const FORMAT_VERSION: u32 = 1;

/// Says of a segment that took over one without a header that nobody knows with which batch it begins.
pub(crate) const FIRST_UNTOLD: u64 = 0;

const MAGIC: [u8; 8] = *b"YZJOURNL";

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    /// Its number.
    pub(crate) segment: u64,
    /// The segment whose good part it took over in a recovery; 0 if none.
    pub(crate) replaces: u64,
    /// The sequence number of its first batch, or [`FIRST_UNTOLD`].
    pub(crate) first: u64,
    /// The journal's marker.
    pub(crate) marker: Marker,
}

/// What stands at the beginning of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// A header.
    Header(SegmentHeader),
    /// A header of another version.
    Version(u32),
    /// No header.
    Bad,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; SEGMENT_HEADER_LEN] {
        let mut out = Vec::with_capacity(SEGMENT_HEADER_LEN);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&FORMAT_VERSION.to_be_bytes());
        out.extend_from_slice(&crc32c(&out).to_be_bytes());
        for number in [self.segment, self.replaces, self.first, self.marker.number()] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(&crc32c(&out).to_be_bytes());
        fixed(&out)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Beginning {
        match version(bytes) {
            Some(FORMAT_VERSION) => Self::decode_fields(bytes).map_or(Beginning::Bad, Beginning::Header),
            Some(other) => Beginning::Version(other),
            None => Beginning::Bad,
        }
    }

    fn decode_fields(bytes: &[u8]) -> Option<Self> {
        let (covered, crc) = bytes.get(..SEGMENT_HEADER_LEN)?.split_last_chunk::<4>()?;
        if crc32c(covered) != u32::from_be_bytes(*crc) {
            return None;
        }
        let mut fields = Fields(covered.get(16..)?);
        let (segment, replaces, first) = (fields.u64()?, fields.u64()?, fields.u64()?);
        Some(Self { segment, replaces, first, marker: Marker::new(fields.u64()?) })
    }
}

fn version(bytes: &[u8]) -> Option<u32> {
    let mut fields = Fields(bytes);
    let (magic, version, crc) = (fields.bytes::<8>()?, fields.u32()?, fields.u32()?);
    (magic == MAGIC && crc32c(bytes.get(..12)?) == crc).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_back_and_no_changed_byte_passes() {
        let header = SegmentHeader { segment: 3, replaces: 2, first: 40, marker: Marker::new(99) };
        let bytes = header.encode();
        assert_eq!(SegmentHeader::decode(&bytes), Beginning::Header(header));
        for at in 0..bytes.len() {
            for flip in 1..=255 {
                let mut changed = bytes;
                changed[at] ^= flip;
                assert_eq!(SegmentHeader::decode(&changed), Beginning::Bad, "byte {at} changed by {flip}");
            }
        }
        assert_eq!(SegmentHeader::decode(&bytes[..51]), Beginning::Bad);
    }

    #[test]
    fn a_later_version_is_recognised_as_such() {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&9u32.to_be_bytes());
        bytes.extend_from_slice(&crc32c(&bytes).to_be_bytes());
        assert_eq!(SegmentHeader::decode(&bytes), Beginning::Version(9));
    }
}
