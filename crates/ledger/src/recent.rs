//! What a log keeps in memory: the hashes of its newest tiles on every level, with the nodes inside them, and its newest
//! entries.

use crate::limits::TILE_WIDTH;
use std::collections::VecDeque;
use yizhan_document::{Digest, merkle};

/// Levels of tiles that a tree of 2^64 leaves has.
pub(crate) const LEVELS: u32 = 8;
/// Binary heights in one tile.
pub(crate) const TILE_HEIGHT: u32 = 8;

/// How many hashes of tile level `level` a tree of `size` leaves has.
pub(crate) fn hashes_on_level(size: u64, level: u32) -> u64 {
    size.checked_shr(level * TILE_HEIGHT).unwrap_or(0)
}

/// The index of the tile on `level` that is being filled in a tree of `size` leaves, and how many hashes it has (0 to 255).
pub(crate) fn edge_tile(size: u64, level: u32) -> (u64, usize) {
    let hashes = hashes_on_level(size, level);
    (hashes / TILE_WIDTH as u64, (hashes % TILE_WIDTH as u64) as usize)
}

/// Roots of complete subtrees, by height above the leaves, from some tile on to the right edge.
pub(crate) struct RecentHashes {
    /// For every height the index of the first kept node, and the nodes.
    heights: Vec<(u64, VecDeque<Digest>)>,
    size: u64,
}

impl RecentHashes {
    /// The hashes of a tree of `size` leaves of which only the tiles being filled are kept: `edges` are their hashes, by
    /// level, as many as [`edge_tile`] says.
    pub(crate) fn at_edge(size: u64, edges: &[Vec<Digest>]) -> Self {
        let first = |height: u32| {
            let (tile, _) = edge_tile(size, height / TILE_HEIGHT);
            tile << (TILE_HEIGHT - height % TILE_HEIGHT)
        };
        let heights = (0..LEVELS * TILE_HEIGHT).map(|height| (first(height), VecDeque::new())).collect();
        let mut recent = Self { heights, size };
        for (level, hashes) in (0..).zip(edges) {
            // Fewer than 256 hashes never complete the tile, so no node above it appears.
            hashes.iter().for_each(|hash| recent.add(level * TILE_HEIGHT, *hash));
        }
        recent
    }

    /// How many leaves there are.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf hash.
    pub(crate) fn push(&mut self, leaf: Digest) {
        self.add(0, leaf);
        self.size += 1;
    }

    /// The node `index` of those at `height`, if it is complete and kept.
    pub(crate) fn node(&self, height: u32, index: u64) -> Option<Digest> {
        let (first, nodes) = self.heights.get(height as usize)?;
        nodes.get(usize::try_from(index.checked_sub(*first)?).ok()?).copied()
    }

    /// The first `width` hashes of tile `index` on `level`, if all are kept.
    pub(crate) fn tile(&self, level: u32, index: u64, width: usize) -> Option<Vec<Digest>> {
        let start = index * TILE_WIDTH as u64;
        (start..start + width as u64).map(|at| self.node(level * TILE_HEIGHT, at)).collect()
    }

    /// Forgets the tiles of `level` before tile `first`.
    pub(crate) fn forget(&mut self, level: u32, first: u64) {
        for within in 0..TILE_HEIGHT {
            let Some((start, nodes)) = self.heights.get_mut((level * TILE_HEIGHT + within) as usize) else {
                return;
            };
            let wanted = first << (TILE_HEIGHT - within);
            let surplus = usize::try_from(wanted.saturating_sub(*start)).unwrap_or(usize::MAX);
            let surplus = surplus.min(nodes.len());
            nodes.drain(..surplus);
            *start += surplus as u64;
        }
    }

    /// Adds the next node at `height`, and every node above that it completes.
    fn add(&mut self, height: u32, hash: Digest) {
        let mut hash = hash;
        for (first, nodes) in self.heights.iter_mut().skip(height as usize) {
            let index = *first + nodes.len() as u64;
            let left = nodes.back().copied();
            nodes.push_back(hash);
            match left {
                Some(left) if index & 1 == 1 => hash = merkle::node_hash(&left, &hash),
                _ => return,
            }
        }
    }
}

/// The newest entries.
#[derive(Default)]
pub(crate) struct RecentEntries {
    first: u64,
    entries: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl RecentEntries {
    /// These entries, of which the first has this index.
    pub(crate) fn from(first: u64, entries: Vec<Vec<u8>>) -> Self {
        let bytes = entries.iter().map(Vec::len).sum();
        Self { first, entries: entries.into(), bytes }
    }

    /// Appends an entry.
    pub(crate) fn push(&mut self, entry: Vec<u8>) {
        self.bytes += entry.len();
        self.entries.push_back(entry);
    }

    /// The entry at `index`, if it is kept.
    pub(crate) fn get(&self, index: u64) -> Option<&[u8]> {
        let at = usize::try_from(index.checked_sub(self.first)?).ok()?;
        self.entries.get(at).map(Vec::as_slice)
    }

    /// `width` entries from `start` on, if all are kept.
    pub(crate) fn range(&self, start: u64, width: usize) -> Option<impl Iterator<Item = &[u8]>> {
        let at = usize::try_from(start.checked_sub(self.first)?).ok()?;
        let end = at.checked_add(width).filter(|end| *end <= self.entries.len())?;
        Some(self.entries.range(at..end).map(Vec::as_slice))
    }

    /// Forgets the oldest entries below index `stored`, as long as more than `bytes_max` bytes are kept.
    pub(crate) fn forget(&mut self, stored: u64, bytes_max: usize) {
        while self.first < stored && self.bytes > bytes_max {
            let Some(entry) = self.entries.pop_front() else { return };
            self.bytes -= entry.len();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: usize) -> Vec<Digest> {
        (0..count).map(|n| merkle::leaf_hash(&n.to_be_bytes())).collect()
    }

    #[test]
    fn kept_nodes_are_the_roots_of_their_subtrees() {
        let leaves = leaves(700);
        let mut recent = RecentHashes::at_edge(0, &[]);
        leaves.iter().for_each(|leaf| recent.push(*leaf));
        recent.forget(0, 1);
        assert_eq!(recent.node(0, 255), None);
        assert_eq!(recent.node(7, 1), None);
        for height in 0..9 {
            for (index, chunk) in leaves.chunks_exact(1 << height).enumerate() {
                if height == 8 || index >= 256 >> height {
                    assert_eq!(
                        recent.node(height, index as u64),
                        Some(merkle::root(chunk)),
                        "{height} {index}"
                    );
                }
            }
        }
        assert_eq!(recent.node(8, 2), None);
        assert_eq!(recent.tile(0, 1, 256).unwrap(), &leaves[256..512]);
        assert_eq!(recent.tile(0, 2, 189), None);
    }

    #[test]
    fn a_tree_goes_on_from_its_edge() {
        let leaves = leaves(1030);
        let mut whole = RecentHashes::at_edge(0, &[]);
        leaves.iter().for_each(|leaf| whole.push(*leaf));
        let edges = [leaves[768..800].to_vec(), leaves[..768].chunks(256).map(merkle::root).collect()];
        let mut resumed = RecentHashes::at_edge(800, &edges);
        leaves[800..].iter().for_each(|leaf| resumed.push(*leaf));
        assert_eq!(resumed.size(), 1030);
        for height in 0..=10 {
            assert_eq!(resumed.node(height, (1030 >> height) - 1), whole.node(height, (1030 >> height) - 1));
        }
        assert_eq!(resumed.node(0, 700), None);
    }

    #[test]
    fn only_stored_entries_are_forgotten() {
        let mut entries = RecentEntries::from(5, vec![vec![5; 10], vec![6; 10]]);
        entries.push(vec![7; 10]);
        entries.forget(6, 0);
        assert_eq!(entries.get(5), None);
        assert_eq!(entries.get(6), Some(&[6; 10][..]));
        entries.forget(8, 15);
        assert_eq!(entries.get(6), None);
        assert_eq!(entries.range(7, 1).unwrap().count(), 1);
        assert!(entries.range(7, 2).is_none() && entries.range(6, 1).is_none());
    }
}
