//! What can happen at a moment of virtual time.

use crate::faults::Fault;
use crate::wire::Message;
use std::sync::Arc;
use yizhan_document::{NodeId, OfficeName};
use yizhan_exchange::{Request, Staged};
use yizhan_hierarchy::Directory;
use yizhan_ledger::Head;
use yizhan_protocol::Frame;

/// Something that is going to happen.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    /// Within the process of a node; void once that process has ended.
    Inside { node: NodeId, life: u64, step: Step },
    /// Two neighbours try to connect.
    Dial { one: NodeId, other: NodeId },
    /// A node learns that a neighbour is there.
    Up { node: NodeId, neighbour: NodeId, connection: u64, hello: Hello },
    /// A node learns that a neighbour is gone.
    Down { node: NodeId, neighbour: NodeId, connection: u64 },
    /// Something arrives; void if its connection has broken.
    Arrival { from: NodeId, to: NodeId, connection: u64, message: Message },
    /// A fault strikes.
    Fault(Fault),
    /// A node that was down starts.
    Start { node: NodeId },
    /// The operator of a node that lost its disk begins a new epoch, if all its neighbours say what they remember.
    NewEpoch { node: NodeId },
    /// Another version of the directory is published, with a change of this kind.
    Publish { kind: u64 },
    /// A node goes by a version of the directory from now on.
    GoBy { node: NodeId, directory: Arc<Directory> },
    /// A partition ends.
    Mend { one: NodeId, other: NodeId },
    /// What a neighbour sends is heard again.
    Heard { from: NodeId, to: NodeId },
    /// A connection breaks, if it is still the same, or whichever there is.
    Break { one: NodeId, other: NodeId, connection: Option<u64> },
    /// There is room on the disks of these nodes again.
    Room { nodes: Vec<NodeId> },
    /// The clock of a node is set so far off, or right again.
    ClockSet { node: NodeId, off_ms: i64 },
    /// The disk of a node that is not to be trusted does what it was going to do.
    DiskTurns { node: NodeId },
    /// Two neighbours that are apart for most of the day reach each other, or do not any more.
    Window { one: NodeId, other: NodeId, opens: bool },
    /// A clerk hands a document in.
    HandIn { document: u64 },
    /// A clerk recalls a document.
    Recall { document: u64 },
    /// A clerk looks into the inbox.
    Visit { node: NodeId, office: OfficeName },
}

/// What of a hello matters here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hello {
    pub(crate) clock_ms: u64,
    pub(crate) witnessed: u64,
    /// The newest head of the other's ledger that was believed here.
    pub(crate) remembered: Option<Head>,
}

/// A step of a process.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// The rules wanted to be woken.
    Wake,
    /// What came within the last milliseconds is decided together.
    Conclude,
    /// Queued batches are written.
    Write,
    /// What was written is synced.
    Sync,
    /// The event loop hears of it.
    Tell,
    /// A worker has checked a frame.
    Checked { from: NodeId, frame: Box<Frame> },
    /// A worker has opened a document.
    Opened { staged: Staged },
    /// A worker has closed a submission.
    Close { request: Request },
    /// A worker has read a body that a neighbour found wrong.
    Examined { holding: u64 },
    /// The room on the disk is looked at.
    Look,
    /// A neighbour is asked to show its ledger anew, if that is still of use.
    AskAgain { neighbour: NodeId },
    /// The ledger is shown to neighbours that have not cosigned its present size.
    Show,
}
