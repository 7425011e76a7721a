//! Whoever watches that the promises are kept: one file for each promise, named after it. Some look at every word that
//! leaves a node, some at what all disks hold in the end.

pub(crate) mod chains_verify;
pub(crate) mod drains_by_itself;
pub(crate) mod honest_are_unharmed;
pub(crate) mod ledgers_never_fork;
pub(crate) mod no_word_before_disk;
pub(crate) mod nothing_lost;
pub(crate) mod nothing_twice;
pub(crate) mod numbers_have_no_gaps;
pub(crate) mod queues_stay_bounded;
pub(crate) mod recalled_stay_unseen;

use crate::station::Process;
use ledgers_never_fork::LedgersNeverFork;
use no_word_before_disk::NoWordBeforeDisk;
use numbers_have_no_gaps::NumbersHaveNoGaps;
use queues_stay_bounded::QueuesStayBounded;
use yizhan_document::NodeId;
use yizhan_exchange::Answer;
use yizhan_protocol::Frame;

/// A check and what it found to be wrong.
pub(crate) type Broken = (&'static str, String);

/// The checks that watch while the world runs.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    pub(crate) no_word_before_disk: NoWordBeforeDisk,
    pub(crate) ledgers_never_fork: LedgersNeverFork,
    pub(crate) queues_stay_bounded: QueuesStayBounded,
    pub(crate) numbers_have_no_gaps: NumbersHaveNoGaps,
}

impl Checks {
    /// A frame is about to leave a node.
    pub(crate) fn frame_leaves(&mut self, process: &Process, to: NodeId, frame: &Frame) -> Vec<Broken> {
        let early = self.no_word_before_disk.frame_leaves(process, to, frame);
        let forked = self.ledgers_never_fork.frame_leaves(process.node, frame);
        early.into_iter().chain(forked).collect()
    }

    /// An answer is about to reach a clerk.
    pub(crate) fn answer_leaves(&mut self, process: &Process, answer: &Answer) -> Vec<Broken> {
        self.no_word_before_disk.answer_leaves(process, answer).into_iter().collect()
    }
}
