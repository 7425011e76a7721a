//! Why a command failed, in words and as an exit code.

use crate::archive::ArchiveError;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use yizhan_desk::ClientError;
use yizhan_hierarchy::{
    AnchorError, DirectoryError, DraftError, HistoryError, ParcelError, PlanError, PublishError,
};
use yizhan_node::{ConfigError, NetworkError, NodeError};

/// What the exit codes mean, as the help says it.
pub(crate) const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 not as it should be (a ledger that does not verify, a demo that failed); 2 wrong arguments,
configuration or plan; 3 the node refused; 4 no node answers, or it asks to try again later; 5 a file or folder of this
machine; 130 stopped by Ctrl-C. `node run` adds those of the daemon, which its error message names.";

const NOT_AS_IT_SHOULD_BE: u8 = 1;
/// Wrong arguments; also clap's.
pub(crate) const USAGE: u8 = 2;
const REFUSED: u8 = 3;
const TRY_LATER: u8 = 4;
const FILES: u8 = 5;
const INTERRUPTED: u8 = 130;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The arguments, together or with the environment, mean nothing that could be done.
    #[error("{0}")]
    Usage(String),
    /// A plan that makes no network.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A `node.toml` that cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No network was made.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The node, or the way to it.
    #[error(transparent)]
    Desk(#[from] ClientError),
    /// What was taken is not the document.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A trust anchor that holds nothing.
    #[error(transparent)]
    Anchor(#[from] AnchorError),
    /// A directory that is not believed.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// A draft that cannot be written, read or signed.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// An archive that holds no directory.
    #[error(transparent)]
    Parcel(#[from] ParcelError),
    /// Versions that a node keeps.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// A version that was not put into a network's folder.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// A daemon that ended.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// Something was looked into, and is not as it should be.
    #[error("{0}")]
    NotAsItShouldBe(String),
    /// The same, and all words are said already.
    #[error("not as it should be")]
    AlreadySaid,
    /// A file or folder.
    #[error("{} {doing}: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What could not be done, as `cannot be read`.
        doing: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// Standard output is gone or full.
    #[error("standard output cannot be written: {0}")]
    Output(#[source] io::Error),
    /// The system gives no threads or timers.
    #[error("the system lets this program not begin: {0}")]
    Runtime(#[source] io::Error),
    /// Ctrl-C.
    #[error("stopped")]
    Interrupted,
}

impl Failure {
    /// A file that could not be used.
    pub(crate) fn file(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, doing, source }
    }

    /// The exit code; 0 where the reader of standard output went away, which is its right.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Plan(_) | Self::Config(_) | Self::Anchor(_) => USAGE,
            Self::Network(NetworkError::Plan(_) | NetworkError::NotEmpty { .. }) => USAGE,
            Self::Desk(error) => desk_code(error),
            Self::Node(error) => error.exit_code(),
            Self::Directory(DirectoryError::Read { .. }) | Self::Archive(ArchiveError::Disk { .. }) => FILES,
            Self::Draft(DraftError::Disk { .. })
            | Self::History(HistoryError::Disk { .. })
            | Self::Publish(PublishError::Write { .. }) => FILES,
            Self::Draft(_) | Self::Parcel(_) | Self::History(_) | Self::Publish(_) => NOT_AS_IT_SHOULD_BE,
            Self::Directory(_) | Self::Archive(_) | Self::NotAsItShouldBe(_) | Self::AlreadySaid => {
                NOT_AS_IT_SHOULD_BE
            }
            Self::Output(error) if error.kind() == ErrorKind::BrokenPipe => 0,
            Self::Network(_) | Self::File { .. } | Self::Output(_) | Self::Runtime(_) => FILES,
            Self::Interrupted => INTERRUPTED,
        }
    }

    /// What is said on standard error, if anything.
    pub(crate) fn words(&self) -> Option<String> {
        match self {
            Self::AlreadySaid => None,
            Self::Output(error) if error.kind() == ErrorKind::BrokenPipe => None,
            other => Some(other.to_string()),
        }
    }
}

fn desk_code(error: &ClientError) -> u8 {
    match error {
        error if error.retryable() => TRY_LATER,
        ClientError::Problem(_) | ClientError::NotAllowed { .. } => REFUSED,
        ClientError::File { .. } | ClientError::Sink(_) => FILES,
        _ => NOT_AS_IT_SHOULD_BE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_went_away_is_no_failure_and_gets_no_words() {
        let gone = Failure::Output(ErrorKind::BrokenPipe.into());
        assert_eq!((gone.exit_code(), gone.words()), (0, None));
        let full = Failure::Output(ErrorKind::StorageFull.into());
        assert_eq!(full.exit_code(), FILES);
        assert!(full.words().is_some());
    }

    #[test]
    fn a_node_that_is_not_running_is_another_code_than_one_that_refuses() {
        let away = Failure::Desk(ClientError::NotRunning { socket: "desk.sock".into() });
        let refused = Failure::Desk(ClientError::NotAllowed { socket: "desk.sock".into() });
        assert_eq!((away.exit_code(), refused.exit_code()), (TRY_LATER, REFUSED));
    }
}
