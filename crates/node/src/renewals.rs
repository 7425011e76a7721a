//! Receipts on their way home: under a checkpoint that somebody has cosigned, if that comes soon; else at once, and once more
//! when somebody has (renewal, MUST-28).
//!
//! Nothing is promised here: what is lost with a stop stays `unwitnessed` at its origin, and the ledger of its maker still
//! shows who cosigned it.

use crate::daemon::Daemon;
use crate::fault::NodeError;
use crate::perform::halves;
use std::collections::BTreeMap;
use yizhan_document::NodeId;
use yizhan_exchange::limits::{HOPS_MAX, RECEIPTS_PER_BUNDLE_MAX};
use yizhan_ledger::Entry;
use yizhan_protocol::{Frame, ProofBundle, ReceiptsHome, limits};

/// Receipts that wait for a cosignature, at the most; the oldest are let go.
const WAITING_MAX: usize = 65_536;
/// Receipts renewed in one round, at the most: what is new goes first.
pub(crate) const ROUND_MAX: usize = 4_096;
/// How long a receipt waits at home for the cosignature of a head that is just being shown, in milliseconds.
const COSIGN_PATIENCE_MS: u64 = 100;

/// A receipt that nobody has cosigned.
#[derive(Debug)]
struct Bare {
    origin: NodeId,
    /// Until when it waits to be sent at all, by uptime; if it was sent, it is sent once more when somebody has cosigned it.
    held_until: Option<u64>,
}

/// What is to be sent when it is cosigned: own entries, and the origins that they are for.
#[derive(Debug, Default)]
pub(crate) struct Renewals {
    waiting: BTreeMap<u64, Bare>,
    /// No held receipt is due before, by uptime.
    held_until: Option<u64>,
    /// What is being performed shows a neighbour the newest head.
    pub(crate) head_is_shown: bool,
}

impl Renewals {
    /// A receipt was sent without a cosignature.
    fn note(&mut self, index: u64, origin: NodeId) {
        self.insert(index, Bare { origin, held_until: None });
    }

    /// A receipt waits for a cosignature before it is sent.
    fn hold(&mut self, index: u64, origin: NodeId, until: u64) {
        self.held_until = Some(self.held_until.map_or(until, |known| known.min(until)));
        self.insert(index, Bare { origin, held_until: Some(until) });
    }

    fn insert(&mut self, index: u64, bare: Bare) {
        // What is let go without having been sent is due again soon (MUST-19).
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.pop_first();
        }
        self.waiting.insert(index, bare);
    }

    /// Of the first so many those that `ready` says may go, by origin, taken out.
    fn take(
        &mut self,
        looked_at_max: usize,
        ready: impl Fn(u64, NodeId) -> bool,
    ) -> BTreeMap<NodeId, Vec<u64>> {
        let mut home: BTreeMap<NodeId, Vec<u64>> = BTreeMap::new();
        let due: Vec<(u64, NodeId)> = self
            .waiting
            .iter()
            .take(looked_at_max)
            .map(|(index, bare)| (*index, bare.origin))
            .filter(|(index, origin)| ready(*index, *origin))
            .take(ROUND_MAX)
            .collect();
        for (index, origin) in due {
            self.waiting.remove(&index);
            home.entry(origin).or_default().push(index);
        }
        home
    }

    /// When the next held receipt is due at the latest, by uptime; some may have gone meanwhile.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.held_until
    }

    /// Held receipts that have waited long enough, by origin: from now on they count as sent.
    fn take_overdue(&mut self, now: u64) -> BTreeMap<NodeId, Vec<u64>> {
        let mut home: BTreeMap<NodeId, Vec<u64>> = BTreeMap::new();
        if self.held_until.is_none_or(|until| until > now) {
            return home;
        }
        self.held_until = None;
        for (index, bare) in &mut self.waiting {
            match bare.held_until {
                Some(until) if until <= now => {
                    bare.held_until = None;
                    home.entry(bare.origin).or_default().push(*index);
                }
                Some(until) => {
                    self.held_until = Some(self.held_until.map_or(until, |known| known.min(until)));
                }
                None => {}
            }
        }
        home
    }
}

impl Daemon {
    /// Receipts are to go home. While a neighbour is shown the head that they stand under, its cosignature is a few milliseconds
    /// away: they wait for it, and go once instead of twice.
    pub(crate) fn receipts_are_due(
        &mut self,
        hop: NodeId,
        origin: NodeId,
        indexes: &[u64],
    ) -> Result<(), NodeError> {
        if !self.renewals.head_is_shown {
            return self.send_receipts(hop, origin, indexes);
        }
        let until = self.shared.clock.uptime_ms() + COSIGN_PATIENCE_MS;
        let keeper = self.shared.keeper();
        let (witnessed, bare): (Vec<u64>, Vec<u64>) =
            indexes.iter().partition(|index| keeper.is_witnessed(**index));
        drop(keeper);
        bare.iter().for_each(|index| self.renewals.hold(*index, origin, until));
        if witnessed.is_empty() { Ok(()) } else { self.send_receipts(hop, origin, &witnessed) }
    }

    /// Sends those home whose head nobody has cosigned in time.
    pub(crate) fn send_what_waited_long_enough(&mut self) -> Result<(), NodeError> {
        let overdue = self.renewals.take_overdue(self.shared.clock.uptime_ms());
        for (origin, indexes) in overdue {
            let Some(hop) = self.node.way_to(origin) else { continue };
            for chunk in indexes.chunks(RECEIPTS_PER_BUNDLE_MAX) {
                self.send_receipts(hop, origin, chunk)?;
            }
        }
        Ok(())
    }

    fn send_receipts(&mut self, hop: NodeId, origin: NodeId, indexes: &[u64]) -> Result<(), NodeError> {
        let proof = self.shared.keeper().bundle_of_readable(indexes).map_err(NodeError::Ledger)?;
        let Some(proof) = proof else { return Ok(()) };
        let readable: Vec<u64> = proof.entries.iter().map(|entry| entry.index).collect();
        let indexes = readable.as_slice();
        let frame = self.homeward(origin, proof);
        if let Some((first, second)) = halves(indexes, &frame, limits::RECEIPTS_HOME_BYTES_MAX) {
            self.send_receipts(hop, origin, first)?;
            return self.send_receipts(hop, origin, second);
        }
        self.send(hop, frame);
        self.renew_later(origin, indexes);
        Ok(())
    }

    /// Receipts with what goes home beside them.
    fn homeward(&self, origin: NodeId, mut proof: ProofBundle) -> Frame {
        for entry in &mut proof.entries {
            entry.attachment = crate::recalling::sent_home_with(&self.shared, entry).unwrap_or_default();
        }
        Frame::ReceiptsHome(Box::new(ReceiptsHome { origin, hops_left: HOPS_MAX, proof }))
    }

    /// Receipts went home; those that nobody has cosigned are to be renewed.
    fn renew_later(&mut self, origin: NodeId, indexes: &[u64]) {
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
            entry.and_then(|bytes| Entry::envelope_id_in(&bytes)).is_some_and(|id| id.origin == neighbour)
        };
        let mine: Vec<u64> = indexes.iter().filter(of_neighbour).copied().collect();
        self.renew_later(neighbour, &mine);
    }

    /// Of the oldest so many, sends home (once more) what is cosigned by now and has a way.
    pub(crate) fn renew(&mut self, looked_at_max: usize) -> Result<(), NodeError> {
        let (shared, node) = (&self.shared, &self.node);
        let keeper = shared.keeper();
        let may_go = |index, origin| keeper.is_witnessed(index) && node.way_to(origin).is_some();
        let home = self.renewals.take(looked_at_max, may_go);
        drop(keeper);
        for (origin, indexes) in home {
            let Some(hop) = self.node.way_to(origin) else { continue };
            for chunk in indexes.chunks(RECEIPTS_PER_BUNDLE_MAX) {
                let bundle = self.shared.keeper().witnessed_bundle(chunk).map_err(NodeError::Ledger)?;
                let Some(proof) = bundle else { continue };
                // Too long or too many: what was sent before is not renewed, which loses nothing; what was held is due again (MUST-19).
                self.send(hop, self.homeward(origin, proof));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> (NodeId, NodeId) {
        ("652301".parse().unwrap(), "652324".parse().unwrap())
    }

    #[test]
    fn what_waits_is_bounded_and_leaves_by_origin_once() {
        let (one, other) = two();
        let mut renewals = Renewals::default();
        for index in 0..WAITING_MAX as u64 + 10 {
            renewals.note(index, if index % 2 == 0 { one } else { other });
        }
        assert_eq!(renewals.waiting.len(), WAITING_MAX);
        let ready = |index, origin| index < 20 && origin == one;
        assert_eq!(renewals.take(3, ready), BTreeMap::from([(one, vec![10, 12])]), "the oldest were let go");
        assert_eq!(renewals.take(usize::MAX, ready), BTreeMap::from([(one, vec![14, 16, 18])]));
        assert!(renewals.take(usize::MAX, ready).is_empty());
    }

    #[test]
    fn what_is_held_goes_once_when_it_is_cosigned_and_in_time_if_it_is_not() {
        let (one, other) = two();
        let mut renewals = Renewals::default();
        renewals.hold(1, one, 150);
        renewals.hold(2, other, 100);
        renewals.hold(3, one, 200);
        assert_eq!(renewals.next_due(), Some(100));
        assert_eq!(renewals.take(usize::MAX, |index, _| index == 1), BTreeMap::from([(one, vec![1])]));
        assert!(renewals.take_overdue(99).is_empty());
        assert_eq!(renewals.take_overdue(150), BTreeMap::from([(other, vec![2])]));
        assert_eq!(renewals.next_due(), Some(200));
        // Sent by now, and once more when it is cosigned.
        assert!(renewals.take_overdue(150).is_empty());
        assert_eq!(
            renewals.take(usize::MAX, |_, _| true),
            BTreeMap::from([(one, vec![3]), (other, vec![2])])
        );
        assert!(renewals.take_overdue(300).is_empty());
        assert_eq!(renewals.next_due(), None);
    }
}
