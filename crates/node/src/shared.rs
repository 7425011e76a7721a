//! What the workers of a node share: keys, directory, stores, links. Everything that decides lies with the event loop.

use crate::clock::Clock;
use crate::config::Config;
use crate::current::{Current, GoesBy};
use crate::feed::Feed;
use crate::index::Index;
use crate::input::Input;
use crate::keeper::LedgerKeeper;
use crate::knowing::Waiting;
use crate::remembered::Remembered;
use crate::traffic::Traffic;
use crate::versions::{Matter, told::Told};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;
use yizhan_document::{Digest, LedgerId, NodeId, WallTime};
use yizhan_exchange::Room;
use yizhan_hierarchy::Directory;
use yizhan_link::Links;
use yizhan_spool::{BodyStore, Quarantine};

/// Shared by the event loop and its workers.
pub(crate) struct Shared {
    /// The configuration.
    pub(crate) config: Config,
    /// The ledger this node keeps.
    pub(crate) ledger: LedgerId,
    /// The clock.
    pub(crate) clock: Clock,
    /// The directory and what follows from it.
    pub(crate) current: Arc<Current>,
    /// Which versions of it the neighbours hold.
    pub(crate) told: Mutex<Told>,
    /// The way to the task that takes new versions.
    pub(crate) versions: mpsc::Sender<Matter>,
    /// Room for what waits until nodes are known.
    pub(crate) waiting: Waiting,
    /// The newest checkpoint that was seen of each neighbour.
    pub(crate) remembered: Arc<Remembered>,
    /// Large bodies.
    pub(crate) bodies: Arc<BodyStore>,
    /// Where damaged things go.
    pub(crate) quarantine: Quarantine,
    /// How much room the disk has.
    pub(crate) room: Mutex<Room>,
    /// How long the journal is, in bytes.
    pub(crate) journal_bytes: AtomicU64,
    /// Journal and queue, for reading.
    pub(crate) index: Index,
    /// The ledger.
    pub(crate) keeper: Arc<Mutex<LedgerKeeper>>,
    /// The size of each neighbour's ledger that this node last cosigned: said in the next hello.
    pub(crate) cosigned: Arc<Mutex<HashMap<NodeId, u64>>>,
    /// The data folder is known to be the newest: the node may promise.
    pub(crate) confirmed: AtomicBool,
    /// Since when the node runs.
    pub(crate) started: WallTime,
    /// Events for offices.
    pub(crate) feed: Feed,
    /// The neighbours.
    pub(crate) links: Links,
    /// The way into the event loop.
    pub(crate) inputs: mpsc::Sender<Input>,
    /// What went over the links.
    pub(crate) traffic: Arc<Traffic>,
    /// Large bodies that were asked for, by neighbour and offer.
    pub(crate) wanted: Mutex<HashMap<(NodeId, u64), WantedBody>>,
}

/// A large body that was asked for.
#[derive(Clone, Debug)]
pub(crate) struct WantedBody {
    /// Digest of the envelope's header.
    pub(crate) envelope: Digest,
    /// The root over its pieces.
    pub(crate) root: Digest,
    /// Its size, in bytes.
    pub(crate) size: u64,
}

impl Shared {
    /// This node.
    pub(crate) fn me(&self) -> NodeId {
        self.config.node
    }

    /// What the node goes by at this moment. Whoever asks several things that belong together asks them of one answer.
    pub(crate) fn by(&self) -> Arc<GoesBy> {
        self.current.by()
    }

    /// The directory that the node goes by at this moment.
    pub(crate) fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.by().directory)
    }

    /// What the neighbours say of their directories.
    pub(crate) fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a checkpoint that a neighbour showed of its own ledger, if its signature is good.
    pub(crate) fn remember(&self, neighbour: NodeId, ledger: LedgerId, note: &[u8]) {
        if ledger.node == neighbour
            && let Ok(checkpoint) = self.by().proofs.checkpoint(ledger, note)
        {
            self.remembered.remember(ledger, checkpoint.size, note);
        }
    }

    /// How much room the disk has.
    pub(crate) fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ledger. A thread that panicked while it held the lock has ended the node (see `daemon`), so the lock is good.
    pub(crate) fn keeper(&self) -> MutexGuard<'_, LedgerKeeper> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far this node cosigned its neighbours' ledgers.
    pub(crate) fn cosigned(&self) -> MutexGuard<'_, HashMap<NodeId, u64>> {
        self.cosigned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bodies that were asked for.
    pub(crate) fn wanted(&self) -> MutexGuard<'_, HashMap<(NodeId, u64), WantedBody>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
