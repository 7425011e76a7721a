//! Where a ledger's tiles lie: the storage trait, the folder that implements it, and a store in memory.
//!
//! Paths are those of C2SP `tlog-tiles`, relative to the ledger's folder: `checkpoint`, `tile/0/x001/x234/067`,
//! `tile/1/000.p/17`, `tile/entries/000`; ours is `vkey`.

use crate::limits::LEDGER_FILE_BYTES_MAX;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The path of the checkpoint.
pub const CHECKPOINT_PATH: &str = "checkpoint";
/// The path of the verifier key of the ledger, one vkey a line.
pub const VKEY_PATH: &str = "vkey";
/// What is being written, before it gets its name.
const WRITING: &str = ".writing";

/// Files of one ledger, read whole and replaced whole. One writer at a time; readers may be many.
pub trait TileStore: Send + Sync {
    /// The file, or `None` if there is none. A file longer than [`LEDGER_FILE_BYTES_MAX`] is an error.
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>>;
    /// Puts the file there, whole or not at all for any reader. It is durable after [`Self::sync`].
    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()>;
    /// Removes a folder with what is in it; no error if there is none.
    fn remove_folder(&mut self, path: &str) -> io::Result<()>;
    /// Makes these files durable, and the folders on the way to them, whoever wrote them.
    fn sync(&mut self, paths: &[String]) -> io::Result<()>;
}

/// The path of tile `index` on `level`, or of the entry bundle for level `None`; partial if `width` is given.
pub fn tile_path(level: Option<u32>, index: u64, width: Option<usize>) -> String {
    let level = level.map_or_else(|| "entries".to_owned(), |level| level.to_string());
    let mut number = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        number = format!("x{:03}/{number}", rest % 1000);
        rest /= 1000;
    }
    let width = width.map_or_else(String::new, |width| format!(".p/{width}"));
    format!("tile/{level}/{number}{width}")
}

/// The folder of the partial versions of a tile or entry bundle.
pub(crate) fn partials_folder(level: Option<u32>, index: u64) -> String {
    format!("{}.p", tile_path(level, index, None))
}

/// A folder of the file system.
///
/// Writing goes through a file `.writing` and a rename, without fsync.
#[derive(Clone, Debug)]
pub struct FolderTiles {
    root: PathBuf,
}

impl FolderTiles {
    /// The ledger in this folder; it is created with the first file.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn full(&self, path: &str) -> io::Result<PathBuf> {
        let inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        if path.is_empty() || !inside {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a path that leaves the ledger's folder",
            ));
        }
        Ok(self.root.join(path))
    }
}

impl TileStore for FolderTiles {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let path = self.full(path)?;
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, "not a file")),
            Err(e) if is_absent(&e) => return Ok(None),
            Err(e) => return Err(e),
        }
        let mut bytes = Vec::new();
        File::open(&path)?.take(LEDGER_FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > LEDGER_FILE_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "longer than any file of a ledger"));
        }
        Ok(Some(bytes))
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let target = self.full(path)?;
        let temporary = self.root.join(WRITING);
        let create = || File::create(&temporary);
        let mut file = match create() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(&self.root)?;
                create()?
            }
            created => created?,
        };
        file.write_all(bytes)?;
        drop(file);
        match fs::rename(&temporary, &target) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(target.parent().unwrap_or(&self.root))?;
                fs::rename(&temporary, &target)
            }
            renamed => renamed,
        }
    }

    fn remove_folder(&mut self, path: &str) -> io::Result<()> {
        let folder = self.full(path)?;
        match fs::remove_dir_all(&folder) {
            Err(e) if !is_absent(&e) => Err(e),
            _ => Ok(()),
        }
    }

    fn sync(&mut self, paths: &[String]) -> io::Result<()> {
        let mut folders = BTreeSet::new();
        for path in paths {
            let file = self.full(path)?;
            File::open(&file)?.sync_all()?;
            // Every folder up to the ledger's own and the one it stands in: any of them may be new.
            let inside = file.ancestors().skip(1).take_while(|folder| folder.starts_with(&self.root));
            folders.extend(inside.map(Path::to_path_buf));
        }
        if !folders.is_empty() {
            let outside = self.root.parent().filter(|parent| !parent.as_os_str().is_empty());
            folders.extend(outside.map(Path::to_path_buf));
        }
        folders.into_iter().try_for_each(|folder| File::open(folder)?.sync_all())
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A store in memory, for tests and the simulator; clones share their content.
#[derive(Clone, Debug, Default)]
pub struct MemoryTiles(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl MemoryTiles {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// The paths of all files, in order.
    pub fn paths(&self) -> Vec<String> {
        self.with(|files| files.keys().cloned().collect())
    }

    /// Removes one file, as a fault of a disk would.
    pub fn lose(&self, path: &str) {
        self.with(|files| files.remove(path));
    }

    /// A copy that shares nothing with this one.
    pub fn snapshot(&self) -> Self {
        Self(Arc::new(Mutex::new(self.with(|files| files.clone()))))
    }

    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl TileStore for MemoryTiles {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.with(|files| files.get(path).cloned()))
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.with(|files| files.insert(path.to_owned(), bytes.to_vec()));
        Ok(())
    }

    fn remove_folder(&mut self, path: &str) -> io::Result<()> {
        let inside = format!("{path}/");
        self.with(|files| files.retain(|path, _| !path.starts_with(&inside)));
        Ok(())
    }

    fn sync(&mut self, _paths: &[String]) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tile_paths_are_those_of_tlog_tiles() {
        assert_eq!(tile_path(Some(0), 0, None), "tile/0/000");
        assert_eq!(tile_path(Some(0), 273, Some(112)), "tile/0/273.p/112");
        assert_eq!(tile_path(Some(2), 1_234_067, None), "tile/2/x001/x234/067");
        assert_eq!(tile_path(None, 1000, Some(1)), "tile/entries/x001/000.p/1");
        assert_eq!(partials_folder(None, 1), "tile/entries/001.p");
    }

    #[test]
    fn a_folder_holds_what_was_written_and_forgets_what_was_removed() {
        let folder = tempfile::tempdir().unwrap();
        let mut tiles = FolderTiles::new(folder.path().join("ledger"));
        assert_eq!(tiles.read("checkpoint").unwrap(), None);
        tiles.write("tile/0/000.p/3", b"abc").unwrap();
        tiles.write("tile/0/000.p/4", b"abcd").unwrap();
        tiles.write("checkpoint", b"1").unwrap();
        tiles.write("checkpoint", b"2").unwrap();
        tiles.sync(&["tile/0/000.p/3".to_owned(), "checkpoint".to_owned()]).unwrap();
        assert_eq!(tiles.read("tile/0/000.p/3").unwrap().unwrap(), b"abc");
        assert_eq!(tiles.read("checkpoint").unwrap().unwrap(), b"2");
        assert_eq!(tiles.read("checkpoint/x").unwrap(), None);
        tiles.write("tile/0/000.p/5", b"abcde").unwrap();
        tiles.remove_folder("tile/0/000.p").unwrap();
        tiles.remove_folder("tile/0/000.p").unwrap();
        assert_eq!(tiles.read("tile/0/000.p/4").unwrap(), None);
        assert!(tiles.sync(&["tile/0/000.p/4".to_owned()]).is_err());
    }

    #[test]
    fn paths_out_of_the_folder_and_files_too_long_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut tiles = FolderTiles::new(folder.path());
        for path in ["", "..", "../x", "/etc/passwd", "tile/../../x"] {
            assert!(tiles.read(path).is_err(), "{path}");
            assert!(tiles.write(path, b"").is_err(), "{path}");
            assert!(tiles.remove_folder(path).is_err(), "{path}");
        }
        File::create(folder.path().join("long")).unwrap().set_len(LEDGER_FILE_BYTES_MAX as u64 + 1).unwrap();
        assert!(tiles.read("long").is_err());
        fs::create_dir(folder.path().join("folder")).unwrap();
        assert!(tiles.read("folder").is_err());
    }
}
