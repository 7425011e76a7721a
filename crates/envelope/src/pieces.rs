//! Pieces: the encrypted body in cuts of 1 MiB, the units of transfer and resumption, under one RFC 6962 root.

use crate::limits::PIECE_BYTES;
use yizhan_document::{Digest, merkle};

/// How many pieces a body of `size` bytes has.
pub fn piece_count(size: u64) -> u64 {
    size.div_ceil(PIECE_BYTES)
}

/// The length in bytes of piece `index`, counted from 0, of a body of `size` bytes; `None` if there is no such piece.
pub fn piece_len(size: u64, index: u64) -> Option<u64> {
    let start = index.checked_mul(PIECE_BYTES)?;
    (start < size).then(|| (size - start).min(PIECE_BYTES))
}

/// The root over the leaf hashes of all pieces; what `body.pieces` of the header holds. A body is never without a piece.
pub fn pieces_root(pieces: &[Digest]) -> Digest {
    merkle::root(pieces)
}

/// Leaf hashes (SHA-256 of 0x00 and the piece) of all pieces of a body that comes by in any portions. Keeps 32 bytes a
/// piece.
pub struct PieceHasher {
    done: Vec<Digest>,
    current: merkle::LeafHasher,
    /// Bytes in the current piece.
    filled: u64,
    size: u64,
}

impl PieceHasher {
    /// A hasher that has seen nothing.
    pub fn new() -> Self {
        Self { done: Vec::new(), current: merkle::LeafHasher::new(), filled: 0, size: 0 }
    }

    /// Takes the next bytes of the body in.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.size += bytes.len() as u64;
        while !bytes.is_empty() {
            // The room left is at most PIECE_BYTES, which a usize holds.
            let room = usize::try_from(PIECE_BYTES - self.filled).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(bytes.len().min(room));
            self.current.update(now);
            self.filled += now.len() as u64;
            bytes = later;
            if self.filled == PIECE_BYTES {
                self.end_piece();
            }
        }
    }

    /// How many bytes came by.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The leaf hashes of all pieces, in order.
    pub fn finish(mut self) -> Vec<Digest> {
        if self.filled > 0 {
            self.end_piece();
        }
        self.done
    }

    fn end_piece(&mut self) {
        let piece = std::mem::replace(&mut self.current, merkle::LeafHasher::new());
        self.done.push(piece.finish());
        self.filled = 0;
    }
}

impl Default for PieceHasher {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PIECE: usize = PIECE_BYTES as usize;

    #[test]
    fn pieces_cover_a_body_exactly() {
        for size in [1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES, u64::MAX] {
            let count = piece_count(size);
            let last = piece_len(size, count - 1).unwrap();
            assert_eq!((count - 1) * PIECE_BYTES + last, size);
            assert_eq!(piece_len(size, count), None);
        }
        assert_eq!((piece_count(0), piece_len(0, 0), piece_len(9, u64::MAX)), (0, None, None));
    }

    #[test]
    fn each_piece_is_hashed_as_a_leaf_of_its_own() {
        let body: Vec<u8> = (0..2 * PIECE + 5).map(|i| (i % 253) as u8).collect();
        let mut hasher = PieceHasher::new();
        hasher.update(&body);
        assert_eq!(hasher.size(), body.len() as u64);
        let pieces = hasher.finish();
        let alone: Vec<_> = body.chunks(PIECE).map(merkle::leaf_hash).collect();
        assert_eq!(pieces, alone);
        let top = merkle::node_hash(&merkle::node_hash(&pieces[0], &pieces[1]), &pieces[2]);
        assert_eq!(pieces_root(&pieces), top);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn portions_make_no_difference(cuts in proptest::collection::vec(0usize..PIECE, 0..8), size in 1usize..3 * PIECE) {
            let body = vec![9; size];
            let mut hasher = PieceHasher::new();
            let mut rest = body.as_slice();
            for cut in cuts {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                hasher.update(now);
                rest = later;
            }
            hasher.update(rest);
            prop_assert_eq!(hasher.finish(), body.chunks(PIECE).map(merkle::leaf_hash).collect::<Vec<_>>());
        }
    }
}
