//! Offers that are being looked at: fetched, opened or compared with the past; and how much of it each neighbour has here.

use crate::event::{OfferedEnvelope, Staged};
use crate::limits::{OFFER_BYTES_LOOKED_AT_MAX, OFFERS_LOOKED_AT_MAX};
use crate::quota::{Load, Loads};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use yizhan_document::{EnvelopeId, NodeId};

/// An offer that is being looked at.
pub(crate) struct Incoming {
    pub(crate) offered: OfferedEnvelope,
    pub(crate) staged: Staged,
    /// When it was offered last, by uptime.
    pub(crate) heard_at: u64,
    /// Whether some of its units were accepted by another offer since it was compared with the past.
    pub(crate) met_since: bool,
}

/// All of them, by neighbour and number of the offer.
#[derive(Default)]
pub(crate) struct Incomings {
    offers: BTreeMap<(NodeId, u64), Incoming>,
    /// Those of one envelope.
    by_envelope: BTreeMap<EnvelopeId, Vec<(NodeId, u64)>>,
    loads: Loads<NodeId>,
    /// Of bodies that came with their offer: they are in memory.
    inline: Loads<NodeId>,
}

impl Incomings {
    pub(crate) fn get(&self, neighbour: NodeId, link: u64) -> Option<&Incoming> {
        self.offers.get(&(neighbour, link))
    }

    pub(crate) fn get_mut(&mut self, neighbour: NodeId, link: u64) -> Option<&mut Incoming> {
        self.offers.get_mut(&(neighbour, link))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (NodeId, u64, &Incoming)> {
        self.offers.iter().map(|((neighbour, link), incoming)| (*neighbour, *link, incoming))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.offers.is_empty()
    }

    /// Begins to look at an offer, which must not be looked at already.
    pub(crate) fn insert(&mut self, neighbour: NodeId, incoming: Incoming) {
        let (link, size) = (incoming.offered.link, incoming.offered.size);
        self.loads.add(neighbour, size);
        if incoming.offered.inline {
            self.inline.add(neighbour, size);
        }
        self.by_envelope.entry(incoming.offered.id).or_default().push((neighbour, link));
        self.offers.insert((neighbour, link), incoming);
    }

    pub(crate) fn remove(&mut self, neighbour: NodeId, link: u64) -> Option<Incoming> {
        let incoming = self.offers.remove(&(neighbour, link))?;
        if let Some(same) = self.by_envelope.get_mut(&incoming.offered.id) {
            same.retain(|offer| *offer != (neighbour, link));
            if same.is_empty() {
                self.by_envelope.remove(&incoming.offered.id);
            }
        }
        self.loads.take(neighbour, incoming.offered.size);
        if incoming.offered.inline {
            self.inline.take(neighbour, incoming.offered.size);
        }
        Some(incoming)
    }

    /// Units of an envelope were accepted: other offers of any of them have to be compared with the past once more.
    pub(crate) fn met(&mut self, accepted: &OfferedEnvelope) {
        for offer in self.by_envelope.get(&accepted.id).into_iter().flatten() {
            if let Some(incoming) = self.offers.get_mut(offer)
                && incoming.offered.units.iter().any(|unit| accepted.units.contains(unit))
            {
                incoming.met_since = true;
            }
        }
    }

    /// What of a neighbour is being looked at.
    pub(crate) fn load(&self, neighbour: NodeId) -> Load {
        self.loads.of(neighbour)
    }

    /// Whether so much of a neighbour is being looked at that it cannot have kept to its window.
    pub(crate) fn is_flooded(&self, neighbour: NodeId) -> bool {
        self.loads.of(neighbour).documents >= OFFERS_LOOKED_AT_MAX
            || self.inline.of(neighbour).bytes >= OFFER_BYTES_LOOKED_AT_MAX
    }
}
