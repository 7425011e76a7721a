//! Files that are whole or not there: written and synced beside, then renamed.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

/// Writes `bytes` to `path` and syncs them. The file may be torn after a power cut, so nobody may read it by that name
/// without checking what it holds; [`put_in_place`] gives it its real name.
pub(crate) fn write_beside(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Renames a file that was written and synced. The rename itself is durable after [`sync_folder`].
pub(crate) fn put_in_place(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// Makes renames, creations and removals in `folder` durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The content of a file; `None` if it has more than `most` bytes. Never reads more than that.
pub(crate) fn read_at_most(path: &Path, most: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= most).then_some(bytes))
}
