//! Why the client library could not do what it was asked: no node, a refusal, or a fault on the way.

use crate::Problem;
use crate::limits::{ANSWER_BYTES_MAX, EVENT_LINE_BYTES_MAX};
use std::error::Error;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Why a call of the client library failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No node listens there.
    #[error("no node is running at {socket}; start it with `yizhan node run --config FILE`")]
    NotRunning {
        /// The socket.
        socket: PathBuf,
    },
    /// The socket belongs to another user.
    #[error("you may not use the node at {socket}; run this as the user who runs the node")]
    NotAllowed {
        /// The socket.
        socket: PathBuf,
    },
    /// The node refused; it says why, and what to do.
    #[error(transparent)]
    Problem(#[from] Box<Problem>),
    /// The node refused without saying why, as it does to what is hardly HTTP.
    #[error("the node answered with HTTP status {0} and no reason; use the same version of node and client")]
    Status(u16),
    /// The connection failed in the middle. Whether the node did what it was asked is unknown: ask it, or repeat with the same key.
    #[error("the connection to the node broke off: {0}; look at the node's log, then try again")]
    Transport(#[source] reqwest::Error),
    /// The answer is in no form that this version knows.
    #[error("the node's answer cannot be read: {0}; use the same version of node and client")]
    Unreadable(#[source] serde_json::Error),
    /// The answer is larger than the client takes.
    #[error(
        "the node's answer is larger than {ANSWER_BYTES_MAX} bytes, or an event than {EVENT_LINE_BYTES_MAX}; ask for less at once"
    )]
    TooLarge,
    /// A file to send cannot be read.
    #[error("{path} cannot be read: {source}; check its name and permission")]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// What was taken cannot be written.
    #[error("what was taken cannot be written: {0}; the document stays in the inbox and may be taken again")]
    Sink(#[source] io::Error),
}

impl ClientError {
    /// What the node said, if it refused.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            _ => None,
        }
    }

    /// Whether the same call may succeed later.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Problem(problem) => problem.retryable,
            Self::NotRunning { .. } | Self::Transport(_) => true,
            _ => false,
        }
    }

    pub(super) fn of(error: reqwest::Error, socket: &Path) -> Self {
        let causes = std::iter::successors(error.source(), |cause| (*cause).source());
        let kinds: Vec<ErrorKind> =
            causes.filter_map(|cause| cause.downcast_ref()).map(io::Error::kind).collect();
        let named = |kind| error.is_connect() && kinds.contains(&kind);
        if named(ErrorKind::NotFound) || named(ErrorKind::ConnectionRefused) {
            return Self::NotRunning { socket: socket.to_owned() };
        }
        if named(ErrorKind::PermissionDenied) {
            return Self::NotAllowed { socket: socket.to_owned() };
        }
        Self::Transport(error)
    }
}
