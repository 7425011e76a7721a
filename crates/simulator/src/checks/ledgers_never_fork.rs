//! Ledgers never fork: no node ever shows two roots for one size of its ledger, and no ledger is smaller after a crash
//! than it was shown before.

use super::Broken;
use crate::ledger::{Ledger, head_of};
use std::collections::BTreeMap;
use yizhan_document::{Digest, LedgerId, NodeId};
use yizhan_ledger::Head;
use yizhan_protocol::Frame;

const NAME: &str = "ledgers_never_fork";

/// The root that was shown for each size of each ledger.
#[derive(Debug, Default)]
pub(crate) struct LedgersNeverFork {
    shown: BTreeMap<LedgerId, BTreeMap<u64, Digest>>,
}

impl LedgersNeverFork {
    pub(crate) fn frame_leaves(&mut self, me: NodeId, frame: &Frame) -> Option<Broken> {
        let bundle = match frame {
            Frame::Offer(offer) => &offer.custody,
            Frame::Custody(custody) => &custody.proof,
            Frame::ReceiptsHome(frame) => &frame.proof,
            Frame::Rejection(rejection) => rejection.proof.as_ref()?,
            Frame::EpochOpened(bundle) => bundle,
            _ => return None,
        };
        let head = head_of(bundle).ok().filter(|head| head.ledger.node == me)?;
        self.shows(head).map(|what| (NAME, what))
    }

    fn shows(&mut self, Head { ledger, size, root }: Head) -> Option<String> {
        let known = *self.shown.entry(ledger).or_default().entry(size).or_insert(root);
        (known != root).then(|| format!("{} shows two roots for size {size}", ledger.node))
    }

    /// After a crash: what is wrong with the ledger that was found.
    pub(crate) fn recovered(&self, node: NodeId, ledger: &Ledger) -> Vec<String> {
        let shown = self.shown.get(&ledger.head().ledger).into_iter().flatten();
        shown
            .filter(|(size, root)| ledger.root_at(**size) != Some(**root))
            .map(|(size, _)| {
                format!("{node} showed its ledger with size {size}, and has another one after a crash")
            })
            .collect()
    }
}
