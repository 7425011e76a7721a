//! Why a benchmark gives no figures.

use crate::failure::Failure;
use crate::processes::ProcessFault;
use std::io;
use std::path::{Path, PathBuf};
use yizhan_desk::ClientError;
use yizhan_document::NodeId;
use yizhan_node::NetworkError;

/// Why a benchmark gives no figures. Each is a defect of this program, or of the machine it runs on, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchFault {
    /// A step that a command would do as well.
    #[error(transparent)]
    Step(#[from] Failure),
    /// There is no network to run.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A process.
    #[error(transparent)]
    Process(#[from] ProcessFault),
    /// A node did not do what it was asked.
    #[error("node {node}: {source}")]
    Node {
        /// Which.
        node: NodeId,
        /// What it said.
        source: ClientError,
    },
    /// A node did not get ready.
    #[error("node {node} was not ready after {seconds} s")]
    NotReady {
        /// Which.
        node: NodeId,
        /// How long it had.
        seconds: u64,
    },
    /// Documents that were accepted do not arrive.
    #[error("{there} of {expected} documents arrived at {node}, then nothing for {seconds} s")]
    Standstill {
        /// Where.
        node: NodeId,
        /// How many arrived.
        there: u64,
        /// How many were accepted.
        expected: u64,
        /// How long nothing came.
        seconds: u64,
    },
    /// What the system tells of a process or file.
    #[error("{} cannot be used: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The auditor, a task of this program, or the plan of the network: a defect.
    #[error("the benchmark itself failed: {0}")]
    Itself(String),
}

impl BenchFault {
    /// What a node did not do.
    pub(crate) fn of(node: NodeId) -> impl Fn(ClientError) -> Self {
        move |source| Self::Node { node, source }
    }

    /// A file that cannot be used.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}

impl From<tokio::task::JoinError> for BenchFault {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Itself(error.to_string())
    }
}
