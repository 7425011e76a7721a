//! The mark of a clean stop: which position of the journal the queue belongs to, and what its files held then.

use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use yizhan_document::{Digest, Hasher};
use yizhan_journal::Position;

/// The layout of keys and values. A database of another one is not believed.
const FORMAT: u32 = 3;
/// The files of sled that hold entries; snapshots are made anew from them.
const FILES: [&str; 2] = ["conf", "db"];
/// How much is read at once, in bytes.
const STEP_BYTES: usize = 256 * 1024;

#[derive(Serialize, Deserialize)]
struct Mark {
    format: u32,
    position: Position,
    /// Digest of the files; absent in the mark within the database, which cannot hold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    files: Option<Digest>,
}

pub(crate) fn encode(position: Position, files: Option<Digest>) -> Vec<u8> {
    // A few numbers always serialize; if not, the mark is not believed.
    serde_json::to_vec(&Mark { format: FORMAT, position, files }).unwrap_or_default()
}

/// `None` for anything that is no mark of this format.
pub(crate) fn decode(bytes: &[u8]) -> Option<(Position, Option<Digest>)> {
    let mark: Mark = serde_json::from_slice(bytes).ok()?;
    (mark.format == FORMAT).then_some((mark.position, mark.files))
}

/// What the files of a database hold: sled itself believes a log that has lost a block, and is then silently without the
/// entries in it.
pub(crate) fn digest_of_files(folder: &Path) -> io::Result<Digest> {
    let mut hasher = Hasher::new();
    let mut step = vec![0; STEP_BYTES];
    for name in FILES {
        let mut file = File::open(folder.join(name))?;
        hasher.update(name.as_bytes());
        hasher.update(&file.metadata()?.len().to_be_bytes());
        loop {
            let count = file.read(&mut step)?;
            let Some(read) = step.get(..count).filter(|read| !read.is_empty()) else { break };
            hasher.update(read);
        }
    }
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back_and_other_formats_do_not() {
        let position = Position { journal: u64::MAX, segment: 2, bytes: 3, sequence: 4 };
        for files in [None, Some(Digest::of(b"files"))] {
            let bytes = encode(position, files);
            assert_eq!(decode(&bytes), Some((position, files)));
            let text = String::from_utf8(bytes).unwrap();
            assert_eq!(decode(text.replace("\"format\":3", "\"format\":2").as_bytes()), None);
        }
        assert_eq!(decode(b""), None);
        assert_eq!(decode(&[0; 100]), None);
    }
}
