//! Merkle trees as in RFC 6962 section 2.1, with SHA-256: hashes, roots, inclusion and consistency paths and their checks.
//!
//! The checks follow RFC 9162 sections 2.1.3.2 and 2.1.4.2: they loop at most once per path element and refuse a path that is
//! too long or too short for the sizes. Sizes and indexes may come from anyone.

use crate::{Digest, Hasher};
use std::collections::HashMap;
use std::ops::Range;

/// The longest path of any kind, in hashes: a tree of 2^64 - 1 leaves needs no more.
pub const PATH_MAX: usize = 65;

const LEAF: &[u8] = &[0];
const NODE: &[u8] = &[1];

/// The hash of a leaf that holds `bytes`: SHA-256(0x00 || bytes).
pub fn leaf_hash(bytes: &[u8]) -> Digest {
    Digest::of_all(&[LEAF, bytes])
}

/// The hash of an inner node: SHA-256(0x01 || left || right).
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    Digest::of_all(&[NODE, left.as_bytes(), right.as_bytes()])
}

/// The leaf hash of bytes that come piece by piece.
#[derive(Clone)]
pub struct LeafHasher(Hasher);

impl LeafHasher {
    /// A hasher of a leaf that is empty so far.
    pub fn new() -> Self {
        let mut hasher = Hasher::new();
        hasher.update(LEAF);
        Self(hasher)
    }

    /// Takes the next bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The leaf hash of all that was fed in.
    pub fn finish(self) -> Digest {
        self.0.finish()
    }
}

impl Default for LeafHasher {
    fn default() -> Self {
        Self::new()
    }
}

/// The root over leaf hashes; over none, the SHA-256 of nothing.
pub fn root(leaves: &[Digest]) -> Digest {
    let mut edge = RightEdge::new();
    leaves.iter().for_each(|leaf| edge.push(*leaf));
    edge.root()
}

/// The inclusion path of the leaf at `index`, from its sibling up; `None` if there is no such leaf.
///
/// Hashes the whole tree: for many paths over the same leaves keep a [`Tree`].
pub fn inclusion_path(leaves: &[Digest], index: usize) -> Option<Vec<Digest>> {
    Tree::new(leaves.to_vec()).inclusion_path(index)
}

/// The path that shows the tree over all `leaves` to continue the tree over the first `old_size`; empty for 0 and for
/// all; `None` if there are not so many leaves.
pub fn consistency_path(leaves: &[Digest], old_size: usize) -> Option<Vec<Digest>> {
    let ranges = consistency_ranges(old_size as u64, leaves.len() as u64)?;
    ranges
        .into_iter()
        .map(|range| {
            leaves.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?).map(root)
        })
        .collect()
}

/// Which subtrees make up the inclusion path of the leaf at `index` in a tree of `size` leaves: the leaves under each, in
/// path order. `None` if there is no such leaf. Every range begins at a multiple of a power of two no smaller than it.
pub fn inclusion_ranges(index: u64, size: u64) -> Option<Vec<Range<u64>>> {
    if index >= size {
        return None;
    }
    let (mut low, mut high) = (0, size);
    let mut ranges = Vec::new();
    while high - low > 1 {
        let middle = low + left_size(high - low);
        if index < middle {
            ranges.push(middle..high);
            high = middle;
        } else {
            ranges.push(low..middle);
            low = middle;
        }
    }
    ranges.reverse();
    Some(ranges)
}

/// Which subtrees make up the consistency path from `old_size` to `new_size` leaves, in path order; none for old size 0
/// and for equal sizes. `None` if the tree would shrink.
pub fn consistency_ranges(old_size: u64, new_size: u64) -> Option<Vec<Range<u64>>> {
    if old_size > new_size {
        return None;
    }
    let mut ranges = Vec::new();
    if old_size == 0 {
        return Some(ranges);
    }
    let (mut low, mut high) = (0, new_size);
    while high != old_size {
        let middle = low + left_size(high - low);
        if old_size <= middle {
            ranges.push(middle..high);
            high = middle;
        } else {
            ranges.push(low..middle);
            low = middle;
        }
    }
    if low > 0 {
        ranges.push(low..high); // the verifier knows the old root itself, but not the right end of the old tree
    }
    ranges.reverse();
    Some(ranges)
}

/// Whether `path` shows that the tree with this root and size has `leaf` at `index`.
pub fn verify_inclusion(root: &Digest, size: u64, index: u64, leaf: &Digest, path: &[Digest]) -> bool {
    leads_to_root(root, size, index, leaf, path, node_hash)
}

/// Verifies many entries of one tree: their paths share most of their nodes, and each pair is hashed once.
#[derive(Debug, Default)]
pub struct InclusionVerifier {
    parents: HashMap<(Digest, Digest), Digest>,
}

impl InclusionVerifier {
    /// As [`verify_inclusion`].
    pub fn verify(&mut self, root: &Digest, size: u64, index: u64, leaf: &Digest, path: &[Digest]) -> bool {
        leads_to_root(root, size, index, leaf, path, |left, right| {
            *self.parents.entry((*left, *right)).or_insert_with(|| node_hash(left, right))
        })
    }
}

fn leads_to_root(
    root: &Digest,
    size: u64,
    index: u64,
    leaf: &Digest,
    path: &[Digest],
    mut parent: impl FnMut(&Digest, &Digest) -> Digest,
) -> bool {
    if index >= size || path.len() > PATH_MAX {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in path {
        if last == 0 {
            return false; // the path goes on above the root
        }
        if node & 1 == 1 || node == last {
            hash = parent(sibling, &hash);
            skip_levels_without_sibling(&mut node, &mut last);
        } else {
            hash = parent(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether `path` shows that the tree of `new_size` leaves continues the tree of `old_size` leaves.
///
/// Every tree continues the empty tree, by the empty path; a tree continues itself, by the empty path.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Digest,
    new_size: u64,
    new_root: &Digest,
    path: &[Digest],
) -> bool {
    if old_size > new_size || path.len() > PATH_MAX {
        return false;
    }
    if old_size == 0 {
        return path.is_empty() && *old_root == root(&[]) && (new_size > 0 || old_root == new_root);
    }
    if old_size == new_size {
        return path.is_empty() && old_root == new_root;
    }
    let (mut node, mut last) = (old_size - 1, new_size - 1);
    let shift = node.trailing_ones();
    node >>= shift;
    last >>= shift;
    // A complete old tree is itself a node of the new one, so the path leaves it out.
    let (first, rest) = match path.split_first() {
        _ if old_size.is_power_of_two() => (old_root, path),
        Some((first, rest)) => (first, rest),
        None => return false,
    };
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            skip_levels_without_sibling(&mut node, &mut last);
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == *old_root && new_hash == *new_root
}

/// A tree held whole, for many paths over the same leaves: twice their memory, a path in the logarithm of their number.
#[derive(Clone, Debug)]
pub struct Tree {
    /// Leaves first; above, pairs hashed and an odd last node carried up as it is, which gives the shape of RFC 6962.
    levels: Vec<Vec<Digest>>,
}

impl Tree {
    /// The tree over these leaf hashes.
    pub fn new(leaves: Vec<Digest>) -> Self {
        let mut levels = Vec::new();
        let mut level = leaves;
        while level.len() > 1 {
            let above = level
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => node_hash(left, right),
                    rest => rest.first().copied().unwrap_or_else(|| root(&[])), // one node: chunks are never empty
                })
                .collect();
            levels.push(std::mem::replace(&mut level, above));
        }
        levels.push(level);
        Self { levels }
    }

    /// The root.
    pub fn root(&self) -> Digest {
        self.levels.last().and_then(|top| top.first()).copied().unwrap_or_else(|| root(&[]))
    }

    /// The leaf hashes.
    pub fn leaves(&self) -> &[Digest] {
        self.levels.first().map(Vec::as_slice).unwrap_or_default()
    }

    /// The node `index` of those `height` above the leaves, which are at height 0.
    pub fn node(&self, height: usize, index: usize) -> Option<Digest> {
        self.levels.get(height)?.get(index).copied()
    }

    /// The inclusion path of the leaf at `index`, from its sibling up; `None` if there is no such leaf.
    pub fn inclusion_path(&self, index: usize) -> Option<Vec<Digest>> {
        self.leaves().get(index)?;
        let siblings = self.levels.iter().enumerate().filter_map(|(n, level)| level.get((index >> n) ^ 1));
        Some(siblings.copied().collect())
    }
}

/// The right edge of a growing tree: enough to append leaves and to know the root, in at most 64 hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RightEdge {
    /// Roots of the complete subtrees that the leaves fall into, largest first: one for each 1 in the binary size.
    peaks: Vec<Digest>,
    size: u64,
}

impl RightEdge {
    /// The edge of the empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// The edge of a tree of `size` leaves from the roots of its complete subtrees, largest first; `None` if their number
    /// does not fit the size.
    pub fn from_peaks(size: u64, peaks: Vec<Digest>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { peaks, size })
    }

    /// Appends a leaf hash.
    pub fn push(&mut self, leaf: Digest) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root.
    pub fn root(&self) -> Digest {
        let folded = self.peaks.iter().rev().copied().reduce(|right, left| node_hash(&left, &right));
        folded.unwrap_or_else(|| Digest::of(b""))
    }
}

/// The size of the left subtree under a node over `size` leaves, at least two: the largest power of two below it.
fn left_size(size: u64) -> u64 {
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}

/// A last node without sibling is the same node one level up: go up to where it has one on its left. It is never node 0,
/// as that would be the root.
fn skip_levels_without_sibling(node: &mut u64, last: &mut u64) {
    let levels = node.trailing_zeros().min(u64::BITS - 1);
    *node >>= levels;
    *last >>= levels;
}

#[cfg(test)]
mod tests;
