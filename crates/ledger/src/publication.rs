//! Publishing: writing the tiles and entry bundles of a checkpoint, then the checkpoint itself.
//!
//! The order matters to readers and after a stop in the middle: full tiles, partial tiles, removal of the partial versions
//! that a full tile replaces, and the checkpoint last. Until then the old checkpoint stands, and full tiles serve it too.

use crate::checkpoint::Checkpoint;
use crate::entry_bundle;
use crate::limits::TILE_WIDTH;
use crate::log::{Log, LogError};
use crate::recent::{LEVELS, TILE_HEIGHT, edge_tile, hashes_on_level};
use crate::tiles::{CHECKPOINT_PATH, TileStore, VKEY_PATH, partials_folder, tile_path};
use crate::verifier_keys_text;
use yizhan_document::Digest;
use yizhan_identity::NoteVerifier;
use yizhan_planted::{Bug, on};

/// Files to write and folders to remove, ready to be carried out where waiting for the disk does no harm.
#[derive(Debug)]
pub struct Publication {
    size: u64,
    files: Vec<(String, Vec<u8>)>,
    obsolete: Vec<String>,
    checkpoint: Option<String>,
}

impl Log {
    /// Publishes a signed checkpoint of this log: full tiles and bundles that became full, partial ones for its size, the
    /// file `checkpoint`. Nothing is synced, see [`Self::settle`]: the journal is the truth until then.
    pub fn publish(&mut self, checkpoint_note: &str) -> Result<(), LogError> {
        let publication = self.publication(checkpoint_note)?;
        publication.write(self.store.as_mut())?;
        self.written(&publication);
        Ok(())
    }

    /// The first step of [`Self::publish`], for a caller that writes elsewhere: what is to be written. Then
    /// [`Publication::write`], then [`Self::written`], before the next publication is asked for.
    pub fn publication(&self, checkpoint_note: &str) -> Result<Publication, LogError> {
        let checkpoint = Checkpoint::from_unverified_note(checkpoint_note.as_bytes())?;
        let size = checkpoint.size;
        if self.root_at(size)? != checkpoint.root {
            return Err(LogError::OtherRoot { size });
        }
        if size < self.published {
            return Err(LogError::Backwards { published: self.published, offered: size });
        }
        let mut files = self.full_files(size)?;
        let mut obsolete = Vec::new();
        for level in 0..LEVELS {
            let (tile, width) = edge_tile(size, level);
            if width > 0 {
                files.push((tile_path(Some(level), tile, Some(width)), self.tile_bytes(level, tile, width)?));
                if level == 0 {
                    files.push((tile_path(None, tile, Some(width)), self.bundle_bytes(tile, width)?));
                }
            }
            let (before, width) = edge_tile(self.published, level);
            if width > 0 && before < tile {
                obsolete.push(partials_folder(Some(level), before));
                if level == 0 {
                    obsolete.push(partials_folder(None, before));
                }
            }
        }
        Ok(Publication { size, files, obsolete, checkpoint: Some(checkpoint_note.to_owned()) })
    }

    /// The last step: what `publication` holds is written.
    pub fn written(&mut self, publication: &Publication) {
        self.stored = self.stored.max(publication.size - publication.size % TILE_WIDTH as u64);
        if publication.checkpoint.is_some() {
            self.published = self.published.max(publication.size);
        }
        self.trim();
    }

    /// Writes the full tiles and bundles of all entries so far, without a checkpoint, and so frees their memory.
    pub fn store_full_tiles(&mut self) -> Result<(), LogError> {
        let (size, files) = (self.size(), self.full_files(self.size())?);
        let publication = Publication { size, files, obsolete: Vec::new(), checkpoint: None };
        publication.write(self.store.as_mut())?;
        self.written(&publication);
        Ok(())
    }

    /// Writes the file `vkey`: the ledger's own key and those of its witnesses, for readers who have no directory.
    pub fn write_verifier_keys(&mut self, keys: &[NoteVerifier]) -> Result<(), LogError> {
        let written = self.store.write(VKEY_PATH, verifier_keys_text(keys).as_bytes());
        written.map_err(|source| LogError::Io { path: VKEY_PATH.to_owned(), source })
    }

    /// The full tiles and bundles of a log of `size` entries that are not stored yet.
    fn full_files(&self, size: u64) -> Result<Vec<(String, Vec<u8>)>, LogError> {
        let mut files = Vec::new();
        for level in 0..LEVELS {
            for tile in hashes_on_level(self.stored, level + 1)..hashes_on_level(size, level + 1) {
                files.push((tile_path(Some(level), tile, None), self.tile_bytes(level, tile, TILE_WIDTH)?));
                if level == 0 {
                    files.push((tile_path(None, tile, None), self.bundle_bytes(tile, TILE_WIDTH)?));
                }
            }
        }
        Ok(files)
    }

    fn tile_bytes(&self, level: u32, tile: u64, width: usize) -> Result<Vec<u8>, LogError> {
        let hashes = match self.recent.tile(level, tile, width) {
            Some(hashes) => hashes,
            // Stored already and forgotten: a checkpoint older than what `store_full_tiles` wrote.
            None => {
                let first = tile * TILE_WIDTH as u64;
                let places = first..first + width as u64;
                places.map(|at| self.node(level * TILE_HEIGHT, at)).collect::<Result<_, _>>()?
            }
        };
        Ok(hashes.iter().flat_map(Digest::as_bytes).copied().collect())
    }

    fn bundle_bytes(&self, tile: u64, width: usize) -> Result<Vec<u8>, LogError> {
        let first = tile * TILE_WIDTH as u64;
        if let Some(entries) = self.entries.range(first, width) {
            return Ok(entry_bundle::encode(entries));
        }
        let entries =
            (first..first + width as u64).map(|index| self.entry(index)).collect::<Result<Vec<_>, _>>()?;
        Ok(entry_bundle::encode(entries.iter().map(Vec::as_slice)))
    }
}

impl Publication {
    /// The size of the checkpoint.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Writes it all to the store of the log, in the order that keeps readers and recovery right.
    pub fn write(&self, store: &mut dyn TileStore) -> Result<(), LogError> {
        let at = |path: &str| {
            let path = path.to_owned();
            move |source| LogError::Io { path, source }
        };
        if let Some(checkpoint) = self.checkpoint.as_ref().filter(|_| on(Bug::PublishedBeforeTiles)) {
            store.write(CHECKPOINT_PATH, checkpoint.as_bytes()).map_err(at(CHECKPOINT_PATH))?;
        }
        for (path, bytes) in &self.files {
            store.write(path, bytes).map_err(at(path))?;
        }
        for folder in &self.obsolete {
            store.remove_folder(folder).map_err(at(folder))?;
        }
        if let Some(checkpoint) = &self.checkpoint {
            store.write(CHECKPOINT_PATH, checkpoint.as_bytes()).map_err(at(CHECKPOINT_PATH))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};

    /// Remembers the order in which files were written, and keeps none.
    struct Order(Arc<Mutex<Vec<String>>>);

    impl TileStore for Order {
        fn read(&self, _path: &str) -> io::Result<Option<Vec<u8>>> {
            Ok(None)
        }
        fn write(&mut self, path: &str, _bytes: &[u8]) -> io::Result<()> {
            self.0.lock().unwrap().push(path.to_owned());
            Ok(())
        }
        fn remove_folder(&mut self, _path: &str) -> io::Result<()> {
            Ok(())
        }
        fn sync(&mut self, _paths: &[String]) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_checkpoint_is_written_once_and_last() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let tiles = ["tile/0/000.p/3".to_owned(), "tile/entries/000.p/3".to_owned()];
        let publication = Publication {
            size: 3,
            files: tiles.iter().map(|path| (path.clone(), Vec::new())).collect(),
            obsolete: Vec::new(),
            checkpoint: Some("note".to_owned()),
        };
        publication.write(&mut Order(Arc::clone(&written))).unwrap();
        // A reader that finds a checkpoint finds the tiles under it.
        let [first, second] = tiles;
        assert_eq!(*written.lock().unwrap(), [first, second, CHECKPOINT_PATH.to_owned()]);
    }
}
