//! Why a node ends other than by being told to, and with which exit code.

use crate::config::ConfigError;
use crate::keeper::KeeperError;
use crate::keys::KeysError;
use yizhan_desk::BindError;
use yizhan_hierarchy::{AnchorError, DirectoryError};
use yizhan_journal::{JournalError, RecordError};
use yizhan_link::LinkError;
use yizhan_spool::{BodyError, DiskError, LockError, QueueError, SubmitError};

/// Why a node ended.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The trust anchor in the configuration.
    #[error(transparent)]
    Anchor(#[from] AnchorError),
    /// The directory.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The directory does not fit this node's keys or network.
    #[error("the directory does not fit this node: {0}")]
    Misfit(String),
    /// The data folder is not what one node left there.
    #[error("the data folder cannot be used: {0}")]
    Data(String),
    /// A neighbour remembers a checkpoint that this node signed and does not have.
    #[error(
        "{neighbour} shows a checkpoint of {said} entries that this node signed, and the data folder knows of {known} or of others: \
         it was restored from an old copy, or the machine was set back. Put the newest data folder there; going on from this one \
         would tell a second history. If that is lost for good: `yizhan node new-epoch`"
    )]
    SetBack {
        /// Who shows it.
        neighbour: yizhan_document::NodeId,
        /// Entries that the checkpoint speaks of.
        said: u64,
        /// Entries that are known here.
        known: u64,
    },
    /// The index does not know what the rules know: the queue is not to be believed, and is made anew by a restart.
    #[error("the queue does not know holding {0}; a restart makes it anew from the journal")]
    Unindexed(u64),
    /// The disk: nothing more is promised.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The journal takes nothing more.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The queue, which holds nothing that the journal does not hold.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The body store.
    #[error(transparent)]
    Bodies(#[from] BodyError),
    /// Another daemon has the data folder.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers, without which nothing is safe")]
    Random,
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A record cannot be read or written.
    #[error("{0}")]
    Record(#[source] RecordError),
    /// The ledger.
    #[error("{0}")]
    Ledger(#[source] KeeperError),
    /// The links.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The desk.
    #[error(transparent)]
    Desk(#[from] BindError),
    /// A folder of the node.
    #[error("{path}: {source}")]
    Folder {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl NodeError {
    /// The documented exit code: 75 (sysexits `EX_TEMPFAIL`) where a restart may help once the disk is well, 78
    /// (`EX_CONFIG`) where the operator must change something, 70 (`EX_SOFTWARE`) for a fault of the program.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Disk(_)
            | Self::Submit(_)
            | Self::Queue(_)
            | Self::Unindexed(_)
            | Self::Bodies(_)
            | Self::Lock(_)
            | Self::Random
            | Self::Journal(_)
            | Self::Folder { .. }
            | Self::Desk(BindError::Io { .. })
            | Self::Link(_) => 75,
            Self::Config(_)
            | Self::Keys(_)
            | Self::Anchor(_)
            | Self::Directory(_)
            | Self::Misfit(_)
            | Self::Data(_)
            | Self::SetBack { .. }
            | Self::Desk(_) => 78,
            Self::Record(_) => 70,
            Self::Ledger(KeeperError::Log(_) | KeeperError::KeyFile(_)) => 75,
            Self::Ledger(_) => 70,
        }
    }
}
