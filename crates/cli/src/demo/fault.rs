//! Why the demonstration failed.

use super::samples::SamplesError;
use crate::failure::Failure;
use crate::processes::ProcessFault;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use yizhan_desk::Stage;
use yizhan_document::{EnvelopeId, NodeId, OfficeAddress};
use yizhan_node::NetworkError;

/// Why the demonstration failed. Each is a defect of this program, or of the machine it runs on.
#[derive(Debug, thiserror::Error)]
pub(super) enum DemoFault {
    /// The samples were not written.
    #[error(transparent)]
    Samples(#[from] SamplesError),
    /// There is no network to run.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A step that a command would do as well.
    #[error(transparent)]
    Step(#[from] Failure),
    /// A node did not do what it was asked.
    #[error("node {node}: {source}")]
    Node {
        /// Which.
        node: NodeId,
        /// What it said.
        source: Failure,
    },
    /// A process.
    #[error(transparent)]
    Process(#[from] ProcessFault),
    /// A document came to another end than being signed for.
    #[error("document {id} for {destination} came to the end `{}`", .stage.as_str())]
    NotSignedFor {
        /// Which.
        id: EnvelopeId,
        /// For whom.
        destination: NodeId,
        /// What became of it.
        stage: Stage,
    },
    /// Not exactly what was sent lies in an inbox.
    #[error("the inbox of {office} holds document {id} {times} times instead of {expected}")]
    NotOnce {
        /// Whose.
        office: OfficeAddress,
        /// What.
        id: EnvelopeId,
        /// How often it is there.
        times: usize,
        /// How often it should be.
        expected: usize,
    },
    /// A file.
    #[error("{} cannot be read: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The plan of the demonstration lacks something; a defect.
    #[error("the demonstration network has no {0}")]
    Plan(String),
    /// Too slow.
    #[error("not done after {} s", .0.as_secs())]
    Deadline(Duration),
    /// Ctrl-C.
    #[error("stopped by Ctrl-C")]
    Interrupted,
}

impl DemoFault {
    /// What a node did not do.
    pub(super) fn of(node: NodeId) -> impl Fn(Failure) -> Self {
        move |source| Self::Node { node, source }
    }

    /// A file that cannot be read.
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}
