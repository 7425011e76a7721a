//! One pass over all tiles and entry bundles that a checkpoint demands: recomputes every hash from the entries up.
//!
//! Where an entry and its leaf hash differ, the hash above decides which of the two files to go on with, so that one damaged
//! file is reported once and not at every level above it.

use crate::checkpoint::{Checkpoint, ledger_of};
use crate::limits::{MISSING_IN_A_ROW_MAX, TILE_WIDTH};
use crate::log::hashes;
use crate::recent::{LEVELS, edge_tile};
use crate::tiles::{TileStore, tile_path};
use crate::verify::Problem;
use crate::{Entry, Event, entry_bundle};
use yizhan_document::{Digest, merkle};

/// What a subtree may hash to: as computed from below, and as the tile that covers it says.
#[derive(Clone, Copy, Default)]
struct Claims {
    computed: Option<Digest>,
    stored: Option<Digest>,
}

impl Claims {
    fn either(self) -> Option<Digest> {
        self.computed.or(self.stored)
    }
}

pub(crate) struct TileWalk<'a> {
    store: &'a dyn TileStore,
    checkpoint: &'a Checkpoint,
    report: &'a mut dyn FnMut(Problem),
    /// For every level what is known of the tile being filled on it.
    filling: Vec<Vec<Claims>>,
    entries: u64,
}

impl<'a> TileWalk<'a> {
    pub(crate) fn new(
        store: &'a dyn TileStore,
        checkpoint: &'a Checkpoint,
        report: &'a mut dyn FnMut(Problem),
    ) -> Self {
        Self { store, checkpoint, report, filling: vec![Vec::new(); LEVELS as usize + 1], entries: 0 }
    }

    /// Walks from the first entry to the last, then along the right edge to the root; tells how many entries were read.
    pub(crate) fn walk(mut self) -> u64 {
        let (edge, width) = edge_tile(self.checkpoint.size, 0);
        let mut missing_in_a_row = 0;
        for index in 0..edge {
            let (claims, found) = self.leaves(index, TILE_WIDTH);
            missing_in_a_row = if found { 0 } else { missing_in_a_row + 1 };
            if missing_in_a_row == MISSING_IN_A_ROW_MAX {
                (self.report)(Problem::GaveUp { index: (index + 1) * TILE_WIDTH as u64 });
                return self.entries;
            }
            self.fill(claims, index);
        }
        let leaves = if width > 0 { self.leaves(edge, width).0 } else { Vec::new() };
        self.finish(leaves);
        self.entries
    }

    /// Reads a bundle and its tile of leaf hashes; whether any of the two was there.
    fn leaves(&mut self, index: u64, width: usize) -> (Vec<Claims>, bool) {
        let mut claims = vec![Claims::default(); width];
        let bundle = self.read(None, index, width);
        let mut bundle_path = tile_path(None, index, partial(width));
        if let Some((path, bytes, count)) = &bundle {
            bundle_path.clone_from(path);
            match entry_bundle::decode(bytes, *count) {
                Ok(entries) => {
                    let first = index * TILE_WIDTH as u64;
                    for ((at, entry), claim) in (first..).zip(entries).zip(&mut claims) {
                        claim.computed = Some(merkle::leaf_hash(entry));
                        self.check_entry(at, entry, path);
                    }
                }
                Err(reason) => {
                    (self.report)(Problem::Malformed { path: path.clone(), reason: reason.to_owned() })
                }
            }
        }
        let tile = self.tile(0, index, width);
        if let Some((tile, hashes)) = &tile {
            for ((at, hash), claim) in (index * TILE_WIDTH as u64..).zip(hashes).zip(&mut claims) {
                claim.stored = Some(*hash);
                if claim.computed.is_some_and(|computed| computed != *hash) {
                    let (bundle, tile) = (bundle_path.clone(), tile.clone());
                    (self.report)(Problem::Leaf { index: at, bundle, tile });
                }
            }
        }
        (claims, bundle.is_some() || tile.is_some())
    }

    fn check_entry(&mut self, index: u64, entry: &[u8], bundle: &str) {
        self.entries += 1;
        let reason = match Entry::from_bytes(entry) {
            Err(e) => e.to_string(),
            Ok(entry) if index == 0 => match entry.event {
                Event::EpochOpened { network, ledger, .. }
                    if ledger_of(&self.checkpoint.origin) == Some((network.as_str(), ledger)) =>
                {
                    return;
                }
                Event::EpochOpened { .. } => "it opens another ledger than the checkpoint names".to_owned(),
                _ => "the first entry of a ledger must be EpochOpened".to_owned(),
            },
            Ok(_) => return,
        };
        (self.report)(Problem::Entry { index, bundle: bundle.to_owned(), reason });
    }

    /// Takes in a full tile on level 0, and every tile above that it fills.
    fn fill(&mut self, claims: Vec<Claims>, index: u64) {
        let mut root = roots(&claims);
        let mut index = index;
        for level in 1..=LEVELS {
            let Some(filling) = self.filling.get_mut(level as usize) else { return };
            filling.push(root);
            if filling.len() < TILE_WIDTH {
                return;
            }
            let below = std::mem::take(filling);
            index /= TILE_WIDTH as u64;
            root = roots(&self.check_tile(level, index, below));
        }
    }

    /// Compares a tile with what is known of the tiles below it.
    fn check_tile(&mut self, level: u32, index: u64, below: Vec<Claims>) -> Vec<Claims> {
        let Some((tile, hashes)) = self.tile(level, index, below.len()) else { return below };
        let mut claims = Vec::with_capacity(below.len());
        for (place, (claim, hash)) in below.into_iter().zip(hashes).enumerate() {
            let fits = claim.computed == Some(hash) || claim.stored == Some(hash);
            if !fits && claim.either().is_some() {
                let child = index * TILE_WIDTH as u64 + place as u64;
                let below = tile_path(Some(level - 1), child, None);
                (self.report)(Problem::Hash { tile: tile.clone(), place, below });
            }
            let computed = if fits { Some(hash) } else { claim.either() };
            claims.push(Claims { computed, stored: Some(hash) });
        }
        claims
    }

    /// Compares the partial tiles of the right edge, and the root.
    fn finish(&mut self, leaves: Vec<Claims>) {
        let mut edges = vec![leaves];
        for level in 1..LEVELS {
            let below = self.filling.get_mut(level as usize).map(std::mem::take).unwrap_or_default();
            let (index, _) = edge_tile(self.checkpoint.size, level);
            edges.push(if below.is_empty() { below } else { self.check_tile(level, index, below) });
        }
        let size = self.checkpoint.size;
        let computed = root_of_edges(size, &edges, |claim| claim.either());
        let stored = root_of_edges(size, &edges, |claim| claim.stored);
        let found = [computed, stored];
        if let Some(first) = computed.or(stored).filter(|_| !found.contains(&Some(self.checkpoint.root))) {
            (self.report)(Problem::Root { size, found: first });
        }
        for (level, edge) in (0..).zip(&edges) {
            self.check_earlier_partials(level, edge);
        }
    }

    /// Partial versions that earlier checkpoints left beside the one that is needed.
    fn check_earlier_partials(&mut self, level: u32, edge: &[Claims]) {
        let (index, needed) = edge_tile(self.checkpoint.size, level);
        if needed == 0 {
            return;
        }
        for width in (1..TILE_WIDTH).filter(|width| *width != needed) {
            for kind in [Some(level), None].into_iter().take(if level == 0 { 2 } else { 1 }) {
                let path = tile_path(kind, index, Some(width));
                let Some(bytes) = self.read_file(&path) else { continue };
                let found = match kind {
                    Some(_) => hashes(&bytes, width),
                    None => entry_bundle::decode(&bytes, width)
                        .map(|entries| entries.into_iter().map(merkle::leaf_hash).collect()),
                };
                match found {
                    Err(reason) => (self.report)(Problem::Malformed { path, reason: reason.to_owned() }),
                    Ok(found) => {
                        let differs = |(claim, hash): (&Claims, &Digest)| {
                            claim.either().is_some()
                                && claim.computed != Some(*hash)
                                && claim.stored != Some(*hash)
                        };
                        if let Some(place) = edge.iter().zip(&found).position(differs) {
                            (self.report)(Problem::Partial { path, place });
                        }
                    }
                }
            }
        }
    }

    /// The first `width` hashes of a tile, with the path they were found at.
    fn tile(&mut self, level: u32, index: u64, width: usize) -> Option<(String, Vec<Digest>)> {
        let (path, bytes, count) = self.read(Some(level), index, width)?;
        match hashes(&bytes, count) {
            Ok(mut hashes) => {
                hashes.truncate(width);
                Some((path, hashes))
            }
            Err(reason) => {
                (self.report)(Problem::Malformed { path, reason: reason.to_owned() });
                None
            }
        }
    }

    /// A tile or bundle of this width; the full one may stand in for a partial one. With its path, and how many hashes or
    /// entries the file must hold.
    fn read(&mut self, level: Option<u32>, index: u64, width: usize) -> Option<(String, Vec<u8>, usize)> {
        let wanted = tile_path(level, index, partial(width));
        if let Some(bytes) = self.read_file(&wanted) {
            return Some((wanted, bytes, width));
        }
        if width < TILE_WIDTH {
            let full = tile_path(level, index, None);
            if let Some(bytes) = self.read_file(&full) {
                return Some((full, bytes, TILE_WIDTH));
            }
        }
        (self.report)(Problem::Missing { path: wanted });
        None
    }

    fn read_file(&mut self, path: &str) -> Option<Vec<u8>> {
        let unreadable =
            |e: std::io::Error| Problem::Unreadable { path: path.to_owned(), reason: e.to_string() };
        self.store.read(path).map_err(|e| (self.report)(unreadable(e))).ok().flatten()
    }
}

fn partial(width: usize) -> Option<usize> {
    Some(width).filter(|width| *width < TILE_WIDTH)
}

/// The roots over a full tile, by what is computed (with the tile's own hash where an entry is missing) and as stored.
fn roots(claims: &[Claims]) -> Claims {
    let root = |hashes: Option<Vec<Digest>>| hashes.map(|hashes| merkle::root(&hashes));
    Claims {
        computed: root(claims.iter().map(|claim| claim.either()).collect()),
        stored: root(claims.iter().map(|claim| claim.stored).collect()),
    }
}

/// The root of the tree from the hashes along its right edge, if all are known.
fn root_of_edges(
    size: u64,
    edges: &[Vec<Claims>],
    choose: impl Fn(&Claims) -> Option<Digest>,
) -> Option<Digest> {
    let mut peaks = Vec::new();
    for edge in edges.iter().rev() {
        let hashes: Vec<Digest> = edge.iter().map(&choose).collect::<Option<_>>()?;
        let mut rest = hashes.as_slice();
        while !rest.is_empty() {
            let (peak, after) = rest.split_at(1 << rest.len().ilog2());
            peaks.push(merkle::root(peak));
            rest = after;
        }
    }
    Some(merkle::RightEdge::from_peaks(size, peaks)?.root())
}
