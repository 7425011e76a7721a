//! Settling: making full tiles and entry bundles durable and reading them back; then the journal may let go of their entries.

use crate::entry_bundle;
use crate::limits::TILE_WIDTH;
use crate::log::{Log, LogError, read, read_hashes};
use crate::recent::{LEVELS, TILE_HEIGHT, hashes_on_level};
use crate::tiles::{TileStore, tile_path};
use yizhan_document::{Digest, merkle};

/// Files to sync and to read back, ready to be carried out where waiting for the disk does no harm.
#[derive(Debug)]
pub struct Settlement {
    size: u64,
    /// Level, index and root of every full tile in question; bundles lie beside those of level 0.
    tiles: Vec<(u32, u64, Digest)>,
}

impl Log {
    /// Syncs and reads back every full tile and bundle that is written and not settled yet. Returns how many entries now
    /// lie in durable, checked tiles: the journal may reclaim below that index.
    pub fn settle(&mut self) -> Result<u64, LogError> {
        let settlement = self.settlement()?;
        settlement.carry_out(self.store.as_mut())?;
        self.settled(&settlement);
        Ok(self.settled)
    }

    /// Tells the log, after [`Self::open`], how many entries an earlier run settled, so that they are not read again.
    pub fn believe_settled(&mut self, size: u64) {
        self.settled = (size - size % TILE_WIDTH as u64).min(self.stored);
    }

    /// The first step of [`Self::settle`], for a caller that syncs elsewhere. Then [`Settlement::carry_out`], then
    /// [`Self::settled`].
    pub fn settlement(&self) -> Result<Settlement, LogError> {
        let mut tiles = Vec::new();
        for level in 0..LEVELS {
            for index in hashes_on_level(self.settled, level + 1)..hashes_on_level(self.stored, level + 1) {
                tiles.push((level, index, self.node((level + 1) * TILE_HEIGHT, index)?));
            }
        }
        Ok(Settlement { size: self.stored, tiles })
    }

    /// The last step: `settlement` was carried out without an error.
    pub fn settled(&mut self, settlement: &Settlement) {
        self.settled = self.settled.max(settlement.size);
    }
}

impl Settlement {
    /// How many entries will be settled.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Syncs the store and checks what it gives back.
    pub fn carry_out(&self, store: &mut dyn TileStore) -> Result<(), LogError> {
        let mut paths = Vec::new();
        for (level, index, _) in &self.tiles {
            paths.push(tile_path(Some(*level), *index, None));
            if *level == 0 {
                paths.push(tile_path(None, *index, None));
            }
        }
        store.sync(&paths).map_err(|source| LogError::Io { path: "tile".to_owned(), source })?;
        for (level, index, root) in &self.tiles {
            let path = tile_path(Some(*level), *index, None);
            if merkle::root(&read_hashes(store, &path, TILE_WIDTH)?) != *root {
                return Err(LogError::damaged(&path, "what was read back is not what was written"));
            }
            if *level == 0 {
                check_bundle(store, *index, root)?;
            }
        }
        Ok(())
    }
}

fn check_bundle(store: &dyn TileStore, index: u64, root: &Digest) -> Result<(), LogError> {
    let path = tile_path(None, index, None);
    let bundle = read(store, &path)?;
    let entries =
        entry_bundle::decode(&bundle, TILE_WIDTH).map_err(|reason| LogError::damaged(&path, reason))?;
    let leaves: Vec<Digest> = entries.into_iter().map(merkle::leaf_hash).collect();
    if merkle::root(&leaves) != *root {
        return Err(LogError::damaged(&path, "what was read back is not what was written"));
    }
    Ok(())
}
