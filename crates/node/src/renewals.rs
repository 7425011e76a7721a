//! Renewal (MUST-28): a receipt that was sent home before anybody had cosigned its checkpoint is sent once more when somebody
//! has.
//!
//! Nothing is promised here: what is lost with a stop stays `unwitnessed` at its origin, and the ledger of its maker still
//! shows who cosigned it.

use crate::daemon::Daemon;
use crate::fault::NodeError;
use std::collections::BTreeMap;
use yizhan_document::NodeId;
use yizhan_exchange::limits::{HOPS_MAX, RECEIPTS_PER_BUNDLE_MAX};
use yizhan_ledger::Entry;
use yizhan_protocol::{Frame, ReceiptsHome};

/// Receipts that wait for a cosignature, at the most; the oldest are let go.
const WAITING_MAX: usize = 65_536;
/// Receipts renewed in one round, at the most: what is new goes first.
const ROUND_MAX: usize = 4_096;

/// What is to be renewed: own entries, and the origins they were sent to.
#[derive(Debug, Default)]
pub(crate) struct Renewals {
    waiting: BTreeMap<u64, NodeId>,
}

impl Renewals {
    fn note(&mut self, index: u64, origin: NodeId) {
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.pop_first();
        }
        self.waiting.insert(index, origin);
    }

    /// Those that `ready` says may go, by origin, taken out.
    fn take(&mut self, ready: impl Fn(u64, NodeId) -> bool) -> BTreeMap<NodeId, Vec<u64>> {
        let mut home: BTreeMap<NodeId, Vec<u64>> = BTreeMap::new();
        let due: Vec<(u64, NodeId)> = self
            .waiting
            .iter()
            .map(|(i, o)| (*i, *o))
            .filter(|(i, o)| ready(*i, *o))
            .take(ROUND_MAX)
            .collect();
        for (index, origin) in due {
            self.waiting.remove(&index);
            home.entry(origin).or_default().push(index);
        }
        home
    }
}

impl Daemon {
    /// Receipts went home; those that nobody has cosigned are to be renewed.
    pub(crate) fn renew_later(&mut self, origin: NodeId, indexes: &[u64]) {
        let keeper = self.shared.keeper();
        let bare = indexes.iter().filter(|index| !keeper.is_witnessed(**index));
        bare.for_each(|index| self.renewals.note(*index, origin));
    }

    /// Acceptances went to the neighbour that offered; where that is the origin, they are its receipts.
    pub(crate) fn renew_acceptances_later(&mut self, neighbour: NodeId, indexes: &[u64]) {
        let of_neighbour = |index: &&u64| {
            // While it is held the rules know it; later only the ledger does.
            if let Some(held) = self.node.state().holdings().get(*index) {
                return held.acceptance.id.origin == neighbour;
            }
            let entry = self.shared.keeper().entry(**index).ok();
            let entry = entry.and_then(|bytes| Entry::from_bytes(&bytes).ok());
            entry.and_then(|entry| entry.event.envelope_id()).is_some_and(|id| id.origin == neighbour)
        };
        let mine: Vec<u64> = indexes.iter().filter(of_neighbour).copied().collect();
        self.renew_later(neighbour, &mine);
    }

    /// Sends home once more what is cosigned by now and has a way.
    pub(crate) fn renew(&mut self) -> Result<(), NodeError> {
        let (shared, node) = (&self.shared, &self.node);
        let keeper = shared.keeper();
        let home =
            self.renewals.take(|index, origin| keeper.is_witnessed(index) && node.way_to(origin).is_some());
        drop(keeper);
        for (origin, indexes) in home {
            let Some(hop) = self.node.way_to(origin) else { continue };
            for chunk in indexes.chunks(RECEIPTS_PER_BUNDLE_MAX) {
                let bundle = self.shared.keeper().witnessed_bundle(chunk).map_err(NodeError::Ledger)?;
                let Some(mut proof) = bundle else { continue };
                for entry in &mut proof.entries {
                    entry.attachment =
                        crate::recalling::sent_home_with(&self.shared, entry).unwrap_or_default();
                }
                let frame = ReceiptsHome { origin, hops_left: HOPS_MAX, proof };
                // Too long or too many: then it is not renewed, which loses nothing.
                self.send(hop, Frame::ReceiptsHome(Box::new(frame)));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_bounded_and_leaves_by_origin_once() {
        let (one, other): (NodeId, NodeId) = ("652301".parse().unwrap(), "652324".parse().unwrap());
        let mut renewals = Renewals::default();
        for index in 0..WAITING_MAX as u64 + 10 {
            renewals.note(index, if index % 2 == 0 { one } else { other });
        }
        assert_eq!(renewals.waiting.len(), WAITING_MAX);
        let home = renewals.take(|index, origin| index < 20 && origin == one);
        assert_eq!(home, BTreeMap::from([(one, vec![10, 12, 14, 16, 18])]), "the oldest were let go");
        assert!(renewals.take(|index, origin| index < 20 && origin == one).is_empty());
    }
}
