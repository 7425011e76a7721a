//! Files that are whole or not there: written and synced beside, then renamed.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// How many threads write many files: they wait for the disk, which makes durable at once what all of them have written.
const WRITERS: usize = 16;

/// Writes `bytes` to `path` and syncs them. The file may be torn after a power cut, so nobody may read it by that name
/// without checking what it holds; [`put_in_place`] gives it its real name.
pub(crate) fn write_beside(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// [`write_beside`] for many files; tells which one failed.
pub(crate) fn write_all_beside<'a>(files: &'a [(PathBuf, &[u8])]) -> Result<(), (&'a Path, io::Error)> {
    let write = |files: &'a [(PathBuf, &[u8])]| {
        files
            .iter()
            .try_for_each(|(path, bytes)| write_beside(path, bytes).map_err(|error| (path.as_path(), error)))
    };
    let each = files.len().div_ceil(WRITERS).max(1);
    std::thread::scope(|scope| {
        let writers: Vec<_> = files.chunks(each).map(|part| scope.spawn(move || write(part))).collect();
        let written = writers.into_iter().map(|writer| writer.join());
        written
            .map(|written| written.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .fold(Ok(()), Result::and)
    })
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
