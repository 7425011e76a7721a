//! The mark of a clean stop: which position of the journal the queue belongs to.

use serde::{Deserialize, Serialize};
use yizhan_journal::Position;

/// The layout of keys and values. A database of another one is not believed.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Mark {
    format: u32,
    position: Position,
}

pub(crate) fn encode(position: Position) -> Vec<u8> {
    // A few numbers always serialize; if not, the mark is not believed.
    serde_json::to_vec(&Mark { format: FORMAT, position }).unwrap_or_default()
}

/// `None` for anything that is no mark of this format.
pub(crate) fn decode(bytes: &[u8]) -> Option<Position> {
    let mark: Mark = serde_json::from_slice(bytes).ok()?;
    (mark.format == FORMAT).then_some(mark.position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back_and_other_formats_do_not() {
        let position = Position { journal: u64::MAX, segment: 2, bytes: 3, sequence: 4 };
        let bytes = encode(position);
        assert_eq!(decode(&bytes), Some(position));
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(decode(text.replace("\"format\":1", "\"format\":2").as_bytes()), None);
        assert_eq!(decode(b""), None);
        assert_eq!(decode(&[0; 100]), None);
    }
}
