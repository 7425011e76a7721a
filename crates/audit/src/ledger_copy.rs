//! One copied ledger folder: found, read bundle by bundle, and which leaf hashes hold where two files disagree.

use std::path::{Path, PathBuf};
use yizhan_document::{Digest, LedgerId, merkle};
use yizhan_ledger::limits::{HASH_BYTES, MISSING_IN_A_ROW_MAX, TILE_WIDTH};
use yizhan_ledger::tiles::{CHECKPOINT_PATH, FolderTiles, TileStore, tile_path};

const WIDTH: u64 = TILE_WIDTH as u64;

/// A copy whose checkpoint was read; see [`LedgerCopy::settle`] for when its entries may be believed.
#[derive(Debug)]
pub(crate) struct LedgerCopy {
    /// Which ledger.
    pub(crate) id: LedgerId,
    /// How many entries its checkpoint covers.
    pub(crate) size: u64,
    /// The root its checkpoint states.
    pub(crate) root: Digest,
    /// The leaf hash of every entry, once settled.
    pub(crate) leaves: Vec<Digest>,
    tiles: FolderTiles,
}

/// The ledger's own folder: the one given, or `ledger` in it where a node's data folder was given.
pub(crate) fn ledger_folder(given: &Path) -> PathBuf {
    let inside = given.join("ledger");
    if !given.join(CHECKPOINT_PATH).exists() && inside.is_dir() { inside } else { given.to_owned() }
}

impl LedgerCopy {
    pub(crate) fn new(folder: &Path, id: LedgerId, size: u64, root: Digest) -> Self {
        Self { id, size, root, leaves: Vec::new(), tiles: FolderTiles::new(folder) }
    }

    pub(crate) fn tiles(&self) -> &FolderTiles {
        &self.tiles
    }

    /// Finds the leaf hashes that come to the checkpoint's root, and whether there are any: in the entries, or, where an
    /// entry is damaged, in the tiles. One damaged file so costs what was in it and nothing else.
    pub(crate) fn settle(&mut self) -> bool {
        let mut leaves = Vec::new();
        let mut edge_of_tile = None;
        let mut missing = 0;
        for bundle in 0..self.size.div_ceil(WIDTH) {
            let width = self.width(bundle);
            let (from_entries, from_tile) = (self.hashed_entries(bundle), self.hashes(0, bundle, width));
            missing = if from_entries.is_empty() && from_tile.is_none() { missing + 1 } else { 0 };
            if missing == MISSING_IN_A_ROW_MAX {
                return false; // a forged size would make us walk for ever
            }
            let by_entries = either(&from_entries, from_tile.as_deref(), width);
            let disagree = from_tile.as_ref().is_some_and(|tile| *tile != by_entries);
            let by_tile = from_tile.filter(|_| disagree);
            let Some(by_tile) = by_tile else {
                leaves.extend(by_entries);
                continue;
            };
            if width < TILE_WIDTH {
                edge_of_tile = Some((leaves.len(), by_tile));
                leaves.extend(by_entries);
            } else if self.hash_above(bundle) == Some(merkle::root(&by_tile)) {
                leaves.extend(by_tile);
            } else {
                leaves.extend(by_entries);
            }
        }
        let mut sound = self.comes_to_root(&leaves);
        if let (false, Some((at, by_tile))) = (sound, edge_of_tile) {
            leaves.truncate(at);
            leaves.extend(by_tile);
            sound = self.comes_to_root(&leaves);
        }
        self.leaves = leaves;
        sound
    }

    /// Hands over every entry in order: its bytes if they have the settled leaf hash, else nothing.
    pub(crate) fn for_each_entry(&self, mut take: impl FnMut(u64, Option<&[u8]>)) {
        for (bundle, leaves) in (0..).zip(self.leaves.chunks(TILE_WIDTH)) {
            let bytes = self.bundle(bundle).unwrap_or_default();
            let mut entries = Entries(&bytes);
            for (index, leaf) in (bundle * WIDTH..).zip(leaves) {
                take(index, entries.next().filter(|entry| merkle::leaf_hash(entry) == *leaf));
            }
        }
    }

    /// The leaf hash of an entry, if the ledger reaches so far.
    pub(crate) fn leaf(&self, index: u64) -> Option<&Digest> {
        self.leaves.get(usize::try_from(index).ok()?)
    }

    fn comes_to_root(&self, leaves: &[Digest]) -> bool {
        leaves.len() as u64 == self.size && merkle::root(leaves) == self.root
    }

    fn width(&self, bundle: u64) -> usize {
        // At most 256, so it fits.
        self.size.saturating_sub(bundle.saturating_mul(WIDTH)).min(WIDTH) as usize
    }

    fn bundle(&self, bundle: u64) -> Option<Vec<u8>> {
        self.read(None, bundle, self.width(bundle)).map(|(bytes, _)| bytes)
    }

    fn hashed_entries(&self, bundle: u64) -> Vec<Digest> {
        let bytes = self.bundle(bundle).unwrap_or_default();
        Entries(&bytes).take(self.width(bundle)).map(merkle::leaf_hash).collect()
    }

    /// The first `width` hashes of a tile, if it is there and of its form.
    fn hashes(&self, level: u32, index: u64, width: usize) -> Option<Vec<Digest>> {
        let (bytes, count) = self.read(Some(level), index, width)?;
        let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
        let fits = hashes.len() == count && rest.is_empty();
        fits.then(|| hashes.iter().take(width).copied().map(Digest).collect())
    }

    /// What the tile above says that a full bundle hashes to.
    fn hash_above(&self, bundle: u64) -> Option<Digest> {
        let above = bundle / WIDTH;
        let width = (self.size / WIDTH).saturating_sub(above * WIDTH).min(WIDTH) as usize;
        self.hashes(1, above, width)?.get((bundle % WIDTH) as usize).copied()
    }

    /// A tile or bundle; the full one stands in for a missing partial one. With how many items the file must hold.
    fn read(&self, level: Option<u32>, index: u64, width: usize) -> Option<(Vec<u8>, usize)> {
        let read = |width: Option<usize>| self.tiles.read(&tile_path(level, index, width)).ok().flatten();
        let full = || read(None).map(|bytes| (bytes, TILE_WIDTH));
        if width == TILE_WIDTH { full() } else { read(Some(width)).map(|bytes| (bytes, width)).or_else(full) }
    }
}

/// The hashes of the entries, and where there is none the tile's.
fn either(entries: &[Digest], tile: Option<&[Digest]>, width: usize) -> Vec<Digest> {
    let rest = tile.and_then(|tile| tile.get(entries.len()..)).unwrap_or_default();
    entries.iter().chain(rest).take(width).copied().collect()
}

/// The entries of a bundle (C2SP `tlog-tiles`, "Log Entries"), as far as it reads.
struct Entries<'a>(&'a [u8]);

impl<'a> Iterator for Entries<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<2>()?;
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        self.0 = rest;
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_that_is_cut_gives_its_whole_entries() {
        let bundle = [0, 2, b'a', b'b', 0, 0, 0, 3, b'c'];
        assert_eq!(Entries(&bundle).collect::<Vec<_>>(), [b"ab".as_slice(), b""]);
        assert_eq!(Entries(&[0]).next(), None);
    }

    #[test]
    fn a_size_that_nothing_bears_out_ends_the_walk() {
        let folder = tempfile::tempdir().unwrap();
        let id = "65.0".parse().unwrap();
        let mut copy = LedgerCopy::new(folder.path(), id, u64::MAX, Digest::of(b"root"));
        assert!(!copy.settle());
        assert!(copy.leaves.is_empty());
    }
}
