//! Content that does not repeat within a piece, so that nothing could make it smaller; the same bytes every time.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Content is made in pieces of this size, all the same.
const PIECE_BYTES: usize = 1024 * 1024;

/// Writes a file of so many bytes.
pub(crate) fn write(path: &Path, bytes: u64) -> io::Result<()> {
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    // xorshift64 (Marsaglia, 2003). Nothing secret.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    while piece.len() < PIECE_BYTES && (piece.len() as u64) < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        piece.extend_from_slice(&state.to_le_bytes());
    }
    let mut out = BufWriter::new(File::create(path)?);
    let mut left = bytes;
    while left > 0 {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        out.write_all(piece.get(..count).unwrap_or_default())?;
        left -= count as u64;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_has_the_size_that_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        for bytes in [1, 4096, PIECE_BYTES as u64 + 5] {
            let path = folder.path().join("content");
            write(&path, bytes).unwrap();
            assert_eq!(path.metadata().unwrap().len(), bytes);
        }
    }
}
