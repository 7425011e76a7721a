//! File keys that serve more than one envelope: only under backlog, for one sending office, one set of destinations and one version of
//! the directory, for a minute or 4,096 bodies, each with a fresh payload nonce (decision 0013).

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use yizhan_document::{NodeId, OfficeName, WallTime};
use yizhan_envelope::{FileKey, Slips, SlipsError, close_slips};
use yizhan_hierarchy::{Directory, Edition};

/// How long a file key may serve, in milliseconds.
const KEPT_MS_MAX: u64 = 60_000;
/// How many bodies a file key may serve.
const BODIES_MAX: u32 = 4096;
/// Sets of destinations remembered, at the most; then all are forgotten.
const SETS_MAX: usize = 256;
/// Submissions under way at once from which on there is a backlog.
const BACKLOG: usize = 8;

/// A file key and the slips that hold it.
pub(crate) struct SharedKey {
    /// The key.
    pub(crate) key: FileKey,
    /// Its slips, in the order of the destinations.
    pub(crate) slips: Slips,
}

/// The file keys in use. Shared between workers.
#[derive(Default)]
pub(crate) struct FileKeys {
    kept: Mutex<HashMap<Served, Kept>>,
    under_way: AtomicUsize,
}

/// Whom a file key serves. Directory version and destinations fix the opening keys.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Served {
    office: OfficeName,
    directory: Edition,
    to: Vec<NodeId>,
}

struct Kept {
    key: Arc<SharedKey>,
    since: WallTime,
    bodies: u32,
}

/// Counts a submission as under way for as long as it lives.
pub(crate) struct UnderWay(Arc<FileKeys>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileKeyError {
    /// A destination is not in the directory any more.
    #[error("a destination left the directory")]
    Destination,
    /// No slips can be made.
    #[error(transparent)]
    Slips(#[from] SlipsError),
    /// No randomness.
    #[error(transparent)]
    Random(#[from] yizhan_envelope::RandomError),
}

impl FileKeys {
    /// A submission is under way.
    pub(crate) fn begin(self: &Arc<Self>) -> UnderWay {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(Arc::clone(self))
    }

    /// A key for one more body of `office` to the nodes `to`: a fresh one, or under backlog (`many`, or many under way at once)
    /// one that served before.
    pub(crate) fn for_body(
        &self,
        directory: &Directory,
        office: &OfficeName,
        to: &[NodeId],
        now: WallTime,
        many: bool,
    ) -> Result<Arc<SharedKey>, FileKeyError> {
        if !many && self.under_way.load(Ordering::Relaxed) < BACKLOG {
            return fresh(directory, to);
        }
        let served = Served { office: office.clone(), directory: directory.edition(), to: to.to_vec() };
        // A worker that panicked while it held the lock left keys that are as good as before.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.get_mut(&served) {
            // A clock that was set back ends a key as well.
            let young = now >= kept.since && now.ms_since(kept.since) < KEPT_MS_MAX;
            if young && kept.bodies < BODIES_MAX {
                kept.bodies += 1;
                return Ok(Arc::clone(&kept.key));
            }
        }
        let key = fresh(directory, to)?;
        if kept.len() >= SETS_MAX {
            kept.clear();
        }
        kept.insert(served, Kept { key: Arc::clone(&key), since: now, bodies: 1 });
        Ok(key)
    }
}

fn fresh(directory: &Directory, to: &[NodeId]) -> Result<Arc<SharedKey>, FileKeyError> {
    let opening = |node: &NodeId| directory.division(*node).map(|division| division.opening);
    let recipients = to.iter().map(opening).collect::<Option<Vec<_>>>().ok_or(FileKeyError::Destination)?;
    let key = FileKey::generate()?;
    let slips = close_slips(&key, &recipients)?;
    Ok(Arc::new(SharedKey { key, slips }))
}
