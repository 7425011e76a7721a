//! Taking a log up again: from the last published checkpoint, or, where tiles are damaged or not believed, from an earlier
//! full bundle and the entries after it.

use crate::checkpoint::Checkpoint;
use crate::entry_bundle;
use crate::limits::TILE_WIDTH;
use crate::log::{Log, LogError, hashes, read_hashes};
use crate::recent::{LEVELS, RecentEntries, edge_tile};
use crate::tiles::{CHECKPOINT_PATH, TileStore, tile_path};
use yizhan_document::{Digest, merkle};

/// How many entries a rebuild takes in before it writes the tiles they fill, to bound memory.
const REBUILD_STEP: u64 = 16 * TILE_WIDTH as u64;

/// What [`Log::open`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// How many entries the tiles hold: all of the last published checkpoint. Append the journal's entries from this index.
    pub size: u64,
    /// The note of that checkpoint, if there is one. Its signature was not checked.
    pub checkpoint: Option<String>,
}

impl Log {
    /// Opens the ledger as its last checkpoint left it; without a checkpoint it is empty.
    ///
    /// Only the right edge is read and checked, against the checkpoint's root; older tiles are checked when they are needed,
    /// or by [`crate::verify_ledger`]. After an unclean stop believe only what was settled, and use [`Self::rebuild`].
    pub fn open(store: impl TileStore + 'static) -> Result<(Self, Found), LogError> {
        let store: Box<dyn TileStore> = Box::new(store);
        let Some((checkpoint, note)) = read_checkpoint(store.as_ref())? else {
            return Ok((Self::from_edge(store, 0, &[]), Found { size: 0, checkpoint: None }));
        };
        let size = checkpoint.size;
        let edges = (0..LEVELS)
            .map(|level| edge_hashes(store.as_ref(), size, level))
            .collect::<Result<Vec<_>, _>>()?;
        let entries =
            edge_entries(store.as_ref(), size, edges.first().map(Vec::as_slice).unwrap_or_default())?;
        let mut log = Self::from_edge(store, size, &edges);
        log.entries = RecentEntries::from(log.stored, entries);
        log.published = size;
        if log.root() != checkpoint.root {
            return Err(log.find_damage(&edges));
        }
        Ok((log, Found { size, checkpoint: Some(note) }))
    }

    /// Opens the ledger with only its first `size` entries, from the full tiles that hold them; `size` is a multiple of 256.
    /// Every tile under the right edge is read, none is compared with a checkpoint.
    pub fn open_at(store: impl TileStore + 'static, size: u64) -> Result<Self, LogError> {
        Self::open_boxed_at(Box::new(store), size)
    }

    /// Opens the ledger with its first `settled` entries, which are believed to lie undamaged in full tiles (see
    /// [`Self::settle`]; 0 believes nothing), appends `entries`, and writes all tiles that they fill. What it reaches must
    /// continue the checkpoint in the folder, if one can be read; then publish a checkpoint to finish.
    pub fn rebuild<E: AsRef<[u8]>>(
        store: impl TileStore + 'static,
        settled: u64,
        entries: impl IntoIterator<Item = E>,
    ) -> Result<Self, LogError> {
        let mut log = Self::open_at(store, settled)?;
        for entry in entries {
            log.append(entry.as_ref())?;
            if log.size().is_multiple_of(REBUILD_STEP) {
                log.store_full_tiles()?;
            }
        }
        log.store_full_tiles()?;
        let published = match read_checkpoint(log.store.as_ref()) {
            Ok(found) => found.map(|(checkpoint, _)| checkpoint),
            Err(LogError::Damaged { .. }) => None,
            Err(other) => return Err(other),
        };
        if let Some(checkpoint) = published {
            if checkpoint.size > log.size() {
                return Err(LogError::Shrunk { published: checkpoint.size, found: log.size() });
            }
            if log.root_at(checkpoint.size)? != checkpoint.root {
                return Err(LogError::OtherRoot { size: checkpoint.size });
            }
            log.published = checkpoint.size;
        }
        Ok(log)
    }

    fn open_boxed_at(store: Box<dyn TileStore>, size: u64) -> Result<Self, LogError> {
        if !size.is_multiple_of(TILE_WIDTH as u64) {
            return Err(LogError::OffBundle { size });
        }
        let mut edges = vec![Vec::new()];
        for level in 1..LEVELS {
            let (tile, width) = edge_tile(size, level);
            let first = tile * TILE_WIDTH as u64;
            let below = first..first + width as u64;
            edges.push(
                below.map(|index| tile_root(store.as_ref(), level - 1, index)).collect::<Result<_, _>>()?,
            );
        }
        let mut log = Self::from_edge(store, size, &edges);
        log.settled = size;
        Ok(log)
    }

    /// Names the file that makes the root differ from the checkpoint's.
    fn find_damage(&self, edges: &[Vec<Digest>]) -> LogError {
        for (level, hashes) in (0..).zip(edges).skip(1) {
            let (tile, width) = edge_tile(self.size(), level);
            for (index, hash) in (tile * TILE_WIDTH as u64..).zip(hashes) {
                match tile_root(self.store.as_ref(), level - 1, index) {
                    Ok(root) if root == *hash => {}
                    Ok(_) => {
                        let below = tile_path(Some(level - 1), index, None);
                        let reason = format!(
                            "it holds another root of {below} than that tile has: one of them is wrong"
                        );
                        return LogError::damaged(&tile_path(Some(level), tile, Some(width)), &reason);
                    }
                    Err(error) => return error,
                }
            }
        }
        LogError::damaged(CHECKPOINT_PATH, "its root is not that of the tiles")
    }
}

fn read_checkpoint(store: &dyn TileStore) -> Result<Option<(Checkpoint, String)>, LogError> {
    let io = |source| LogError::Io { path: CHECKPOINT_PATH.to_owned(), source };
    let Some(note) = store.read(CHECKPOINT_PATH).map_err(io)? else { return Ok(None) };
    let damaged = |reason: &str| LogError::damaged(CHECKPOINT_PATH, reason);
    let checkpoint = Checkpoint::from_unverified_note(&note).map_err(|e| damaged(&e.to_string()))?;
    let note = String::from_utf8(note).map_err(|_| damaged("it is not UTF-8"))?;
    Ok(Some((checkpoint, note)))
}

/// The hashes of the tile being filled on `level`.
fn edge_hashes(store: &dyn TileStore, size: u64, level: u32) -> Result<Vec<Digest>, LogError> {
    let (tile, width) = edge_tile(size, level);
    if width == 0 {
        return Ok(Vec::new());
    }
    let (path, bytes, count) = read_edge(store, Some(level), tile, width)?;
    let mut hashes = hashes(&bytes, count).map_err(|reason| LogError::damaged(&path, reason))?;
    hashes.truncate(width);
    Ok(hashes)
}

/// The entries of the bundle being filled, each checked against its leaf hash.
fn edge_entries(store: &dyn TileStore, size: u64, leaves: &[Digest]) -> Result<Vec<Vec<u8>>, LogError> {
    let (tile, width) = edge_tile(size, 0);
    if width == 0 {
        return Ok(Vec::new());
    }
    let (path, bundle, count) = read_edge(store, None, tile, width)?;
    let entries = entry_bundle::decode(&bundle, count).map_err(|reason| LogError::damaged(&path, reason))?;
    for ((index, entry), leaf) in (tile * TILE_WIDTH as u64..).zip(&entries).zip(leaves) {
        if merkle::leaf_hash(entry) != *leaf {
            let tile = tile_path(Some(0), tile, Some(width));
            let reason = format!("entry {index} does not have the leaf hash that stands in {tile}");
            return Err(LogError::damaged(&path, &reason));
        }
    }
    Ok(entries.into_iter().take(width).map(<[u8]>::to_vec).collect())
}

/// A tile or bundle being filled: its partial version or, where that is gone, the full one; with its path, and how many
/// hashes or entries the file must hold.
fn read_edge(
    store: &dyn TileStore,
    level: Option<u32>,
    tile: u64,
    width: usize,
) -> Result<(String, Vec<u8>, usize), LogError> {
    for (path, count) in
        [(tile_path(level, tile, Some(width)), width), (tile_path(level, tile, None), TILE_WIDTH)]
    {
        match store.read(&path) {
            Ok(Some(bytes)) => return Ok((path, bytes, count)),
            Ok(None) => {}
            Err(source) => return Err(LogError::Io { path, source }),
        }
    }
    Err(LogError::damaged(&tile_path(level, tile, Some(width)), "it is missing"))
}

/// The root over a full tile as it lies in the store.
fn tile_root(store: &dyn TileStore, level: u32, index: u64) -> Result<Digest, LogError> {
    Ok(merkle::root(&read_hashes(store, &tile_path(Some(level), index, None), TILE_WIDTH)?))
}
