//! The node's Merkle log: appends entries, knows every root, proves inclusion and consistency.
//!
//! The newest hashes and entries are in memory; older ones are read from full tiles and entry bundles. Every tile read is
//! checked against the hash above it, up to what is in memory, so a damaged tile is an error and never a wrong proof.
//! Appending touches no disk: [`Log::publish`] writes.

use crate::checkpoint::CheckpointError;
use crate::limits::{HASH_BYTES, OLDER_TILES, RECENT_ENTRIES_BYTES, RECENT_TILES, TILE_WIDTH};
use crate::recent::{LEVELS, RecentEntries, RecentHashes, TILE_HEIGHT, hashes_on_level};
use crate::tiles::{TileStore, tile_path};
use crate::{ENTRY_BYTES_MAX, entry_bundle};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use yizhan_document::{Digest, merkle};

/// A tile's level and index.
type TilePlace = (u32, u64);

/// An append-only log of entries.
pub struct Log {
    pub(crate) store: Box<dyn TileStore>,
    pub(crate) recent: RecentHashes,
    pub(crate) entries: RecentEntries,
    /// Entries below this index lie in full tiles and bundles, written but maybe not synced; a multiple of 256.
    pub(crate) stored: u64,
    /// Entries below this index lie in full tiles and bundles that were synced and read back; a multiple of 256.
    pub(crate) settled: u64,
    /// The size of the checkpoint that stands in the folder.
    pub(crate) published: u64,
    /// Full tiles that were read and checked, oldest first.
    older: Mutex<VecDeque<(TilePlace, Arc<merkle::Tree>)>>,
}

impl Log {
    pub(crate) fn from_edge(store: Box<dyn TileStore>, size: u64, edges: &[Vec<Digest>]) -> Self {
        let stored = size - size % TILE_WIDTH as u64;
        Self {
            store,
            recent: RecentHashes::at_edge(size, edges),
            entries: RecentEntries::from(stored, Vec::new()),
            stored,
            settled: 0,
            published: 0,
            older: Mutex::default(),
        }
    }

    /// How many entries there are.
    pub fn size(&self) -> u64 {
        self.recent.size()
    }

    /// The size of the checkpoint published last, 0 if there is none.
    pub fn published(&self) -> u64 {
        self.published
    }

    /// Appends an entry; tells its index and leaf hash. In memory only: the journal has to hold it already or soon.
    pub fn append(&mut self, entry: &[u8]) -> Result<(u64, Digest), LogError> {
        if entry.len() > ENTRY_BYTES_MAX {
            return Err(LogError::EntryTooLong { bytes: entry.len() });
        }
        let index = self.size();
        let leaf = merkle::leaf_hash(entry);
        self.recent.push(leaf);
        self.entries.push(entry.to_vec());
        Ok((index, leaf))
    }

    /// The root over all entries.
    pub fn root(&self) -> Digest {
        // The right edge is always in memory.
        self.root_at(self.size()).unwrap_or_else(|_| merkle::root(&[]))
    }

    /// The root over the first `size` entries.
    pub fn root_at(&self, size: u64) -> Result<Digest, LogError> {
        self.check_size(size)?;
        self.root_of(0..size)
    }

    /// The inclusion path of the entry at `index` in the tree of the first `size` entries, from its sibling up.
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Digest>, LogError> {
        self.check_size(size)?;
        let ranges = merkle::inclusion_ranges(index, size).ok_or(LogError::NoSuchEntry { index, size })?;
        ranges.into_iter().map(|range| self.root_of(range)).collect()
    }

    /// The path from the tree of the first `old` entries to that of the first `new` ones; empty if `old` is 0 or `new`.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<Digest>, LogError> {
        self.check_size(new)?;
        let ranges =
            merkle::consistency_ranges(old, new).ok_or(LogError::NoSuchSize { asked: old, size: new })?;
        ranges.into_iter().map(|range| self.root_of(range)).collect()
    }

    /// The leaf hash of the entry at `index`.
    pub fn leaf(&self, index: u64) -> Result<Digest, LogError> {
        self.check_index(index)?;
        self.node(0, index)
    }

    /// The bytes of the entry at `index`.
    pub fn entry(&self, index: u64) -> Result<Vec<u8>, LogError> {
        self.check_index(index)?;
        if let Some(entry) = self.entries.get(index) {
            return Ok(entry.to_vec());
        }
        let path = tile_path(None, index / TILE_WIDTH as u64, None);
        let bundle = read(self.store.as_ref(), &path)?;
        let entries =
            entry_bundle::decode(&bundle, TILE_WIDTH).map_err(|reason| LogError::damaged(&path, reason))?;
        let entry = entries.get((index % TILE_WIDTH as u64) as usize).copied().unwrap_or_default();
        if merkle::leaf_hash(entry) != self.leaf(index)? {
            return Err(LogError::damaged(&path, &format!("entry {index} does not have its leaf hash")));
        }
        Ok(entry.to_vec())
    }

    /// The entries of a full bundle, in order; `None` for one that is not what the ledger says. The bundle must be stored.
    pub fn bundle(&self, index: u64) -> Result<Vec<Option<Vec<u8>>>, LogError> {
        let path = tile_path(None, index, None);
        let bundle = read(self.store.as_ref(), &path)?;
        let entries =
            entry_bundle::decode(&bundle, TILE_WIDTH).map_err(|reason| LogError::damaged(&path, reason))?;
        let first = index.saturating_mul(TILE_WIDTH as u64);
        let checked = (first..).zip(entries).map(|(index, entry)| {
            let fits = merkle::leaf_hash(entry) == self.leaf(index)?;
            Ok(fits.then(|| entry.to_vec()))
        });
        checked.collect()
    }

    /// Forgets what is stored and old.
    pub(crate) fn trim(&mut self) {
        for level in 0..LEVELS {
            let tiles = hashes_on_level(self.stored, level + 1);
            let keep = if level == 0 { RECENT_TILES } else { 1 };
            self.recent.forget(level, tiles.saturating_sub(keep));
        }
        self.entries.forget(self.stored, RECENT_ENTRIES_BYTES);
    }

    /// The root over a range of leaves that begins at a multiple of a power of two no smaller than it.
    fn root_of(&self, range: Range<u64>) -> Result<Digest, LogError> {
        let mut subtrees = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let height = (range.end - at).ilog2();
            subtrees.push(self.node(height, at >> height)?);
            at += 1 << height;
        }
        let folded = subtrees.into_iter().rev().reduce(|right, left| merkle::node_hash(&left, &right));
        Ok(folded.unwrap_or_else(|| merkle::root(&[])))
    }

    /// The root of the complete subtree `index` of those at `height`.
    pub(crate) fn node(&self, height: u32, index: u64) -> Result<Digest, LogError> {
        if let Some(hash) = self.recent.node(height, index) {
            return Ok(hash);
        }
        let (level, within) = (height / TILE_HEIGHT, height % TILE_HEIGHT);
        let in_tile = TILE_HEIGHT - within;
        let tile = self.older_tile(level, index >> in_tile)?;
        let place = (index % (1 << in_tile)) as usize;
        tile.node(within as usize, place).ok_or(LogError::NoSuchEntry { index, size: self.size() })
    }

    /// A full tile from the store, checked.
    fn older_tile(&self, level: u32, index: u64) -> Result<Arc<merkle::Tree>, LogError> {
        let place = (level, index);
        let known =
            self.with_older(|older| older.iter().find(|(at, _)| *at == place).map(|(_, tile)| tile.clone()));
        if let Some(tile) = known {
            return Ok(tile);
        }
        let path = tile_path(Some(level), index, None);
        let tile = merkle::Tree::new(read_hashes(self.store.as_ref(), &path, TILE_WIDTH)?);
        // The hash above is in memory or in a tile one level up, so this ends at the top level.
        if tile.root() != self.node((level + 1) * TILE_HEIGHT, index)? {
            return Err(LogError::damaged(
                &path,
                "its hashes do not have the root that the tile above it holds",
            ));
        }
        let tile = Arc::new(tile);
        self.with_older(|older| {
            if older.len() >= OLDER_TILES {
                older.pop_front();
            }
            older.push_back((place, tile.clone()));
        });
        Ok(tile)
    }

    fn with_older<T>(&self, act: impl FnOnce(&mut VecDeque<(TilePlace, Arc<merkle::Tree>)>) -> T) -> T {
        act(&mut self.older.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn check_index(&self, index: u64) -> Result<(), LogError> {
        let size = self.size();
        if index < size { Ok(()) } else { Err(LogError::NoSuchEntry { index, size }) }
    }

    fn check_size(&self, asked: u64) -> Result<(), LogError> {
        let size = self.size();
        if asked <= size { Ok(()) } else { Err(LogError::NoSuchSize { asked, size }) }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stored, settled, published, .. } = self;
        write!(
            f,
            "Log {{ size: {}, stored: {stored}, settled: {settled}, published: {published} }}",
            self.size()
        )
    }
}

/// Reads a file that must be there.
pub(crate) fn read(store: &dyn TileStore, path: &str) -> Result<Vec<u8>, LogError> {
    let found = store.read(path).map_err(|source| LogError::Io { path: path.to_owned(), source })?;
    found.ok_or_else(|| LogError::damaged(path, "it is missing"))
}

/// Reads a tile of exactly `width` hashes.
pub(crate) fn read_hashes(store: &dyn TileStore, path: &str, width: usize) -> Result<Vec<Digest>, LogError> {
    hashes(&read(store, path)?, width).map_err(|reason| LogError::damaged(path, reason))
}

/// The hashes of a tile that must hold `width` of them.
pub(crate) fn hashes(tile: &[u8], width: usize) -> Result<Vec<Digest>, &'static str> {
    let (hashes, rest) = tile.as_chunks::<HASH_BYTES>();
    if hashes.len() != width || !rest.is_empty() {
        return Err("it does not have the length that its width asks for");
    }
    Ok(hashes.iter().copied().map(Digest).collect())
}

/// Why a log cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The disk is to blame: after a failed write or sync make no more promises.
    #[error("the ledger file {path} cannot be read or written: {source}")]
    Io {
        /// Which file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// A file of the ledger is missing or holds something else than was written. Rebuild the log from the journal
    /// ([`Log::rebuild`]) or, where the journal no longer reaches, put the file back from a backup.
    #[error("the ledger file {path} is damaged: {reason}")]
    Damaged {
        /// Which file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The caller is to blame: an entry is at most [`ENTRY_BYTES_MAX`] bytes long.
    #[error("an entry of {bytes} bytes does not fit a ledger")]
    EntryTooLong {
        /// Its length.
        bytes: usize,
    },
    /// The asker is to blame, or is ahead of this log.
    #[error("the ledger has {size} entries, none has index {index}")]
    NoSuchEntry {
        /// The index asked for.
        index: u64,
        /// How many there are.
        size: u64,
    },
    /// The asker is to blame, or is ahead of this log.
    #[error("the ledger has {size} entries, fewer than {asked}")]
    NoSuchSize {
        /// The size asked for.
        asked: u64,
        /// How many there are.
        size: u64,
    },
    /// The note given to publish is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint given to publish has another root than the log at its size. Publishing it would fork the ledger.
    #[error("the checkpoint of size {size} does not have the root of this ledger at that size")]
    OtherRoot {
        /// Its size.
        size: u64,
    },
    /// The checkpoint given to publish is older than the one published last.
    #[error("a checkpoint of size {published} is published; {offered} would go back")]
    Backwards {
        /// The size of the checkpoint in the folder.
        published: u64,
        /// The size offered.
        offered: u64,
    },
    /// A log is taken up again only where a full entry bundle ends.
    #[error("a ledger is rebuilt from a multiple of {TILE_WIDTH} entries, not from {size}")]
    OffBundle {
        /// The size asked for.
        size: u64,
    },
    /// Entries that were published are not among those given to rebuild from: the journal is damaged or restored from an
    /// old backup. The ledger must not shrink; begin a new epoch.
    #[error("{published} entries were published, but only {found} are there to rebuild the ledger from")]
    Shrunk {
        /// The size of the checkpoint in the folder.
        published: u64,
        /// How many there are.
        found: u64,
    },
}

impl LogError {
    pub(crate) fn damaged(path: &str, reason: &str) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.to_owned() }
    }
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
