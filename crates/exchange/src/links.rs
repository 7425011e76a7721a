//! The links of a node: what waits for each neighbour, what is under way to it, what it refused for now.

use crate::clocks::SaidClock;
use crate::limits::DETOUR_MS;
use crate::state::State;
use crate::waiting::{UnderWay, Waiting};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use yizhan_document::{LedgerId, NodeId, Urgency, WallTime};
use yizhan_ledger::Target;

/// A link to a neighbour: what waits for it, what is under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    pub(crate) next: u64,
    pub(crate) outbound: BTreeMap<u64, Outbound>,
    /// What may be offered, in the order of `waiting.rs`.
    pub(crate) waiting: Waiting,
    /// What was refused for now and waits for its time, by uptime: it holds up nothing else.
    pub(crate) refused: BTreeSet<(u64, u64)>,
    pub(crate) in_flight: BTreeSet<u64>,
    pub(crate) bytes_in_flight: u64,
    pub(crate) up: bool,
    /// Since when it is down, by uptime; 0: since the start.
    pub(crate) down_since: u64,
    /// Whether it was looked for detours around it since it is down.
    pub(crate) detours_looked_for: bool,
    /// What the neighbour's clock showed when it last said hello since the start.
    pub(crate) said_clock: Option<SaidClock>,
    /// The epochs told on this connection, by node.
    pub(crate) epochs: BTreeMap<NodeId, ToldEpoch>,
}

/// How far a neighbour knows of an epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ToldEpoch {
    pub(crate) ledger: LedgerId,
    /// When it was told last, by uptime.
    pub(crate) told_at: u64,
    /// It told this node of it, so it knows.
    pub(crate) heard: bool,
}

/// Units of a holding assigned to a link.
#[derive(Clone, Debug)]
pub(crate) struct Outbound {
    pub(crate) holding: u64,
    pub(crate) units: Vec<Target>,
    pub(crate) urgency: Urgency,
    pub(crate) deadline: WallTime,
    pub(crate) bytes: u64,
    /// Until the batch with this ticket is durable it must not be offered.
    pub(crate) ticket: u64,
    pub(crate) sent_at: u64,
    pub(crate) not_before: u64,
    pub(crate) rejections: u32,
    /// Whether an offer may have reached the neighbour; after a restart nobody knows, so it may.
    pub(crate) perhaps_offered: bool,
}

impl State {
    /// What waits for a neighbour or is under way to it: link number, holding, units.
    pub fn outbound(&self, neighbour: NodeId) -> impl Iterator<Item = (u64, u64, &[Target])> + '_ {
        let link = self.links.get(&neighbour);
        link.into_iter()
            .flat_map(|link| link.outbound.iter().map(|(n, out)| (*n, out.holding, out.units.as_slice())))
    }
}

impl Link {
    /// Whether it has been down for so long that what waits for it may go another way.
    pub(crate) fn is_long_gone(&self, now: u64) -> bool {
        !self.up && now >= self.down_since.saturating_add(DETOUR_MS)
    }

    /// What was assigned under a number may be offered, or offered again.
    pub(crate) fn wait(&mut self, number: u64) {
        if let Some(out) = self.outbound.get(&number) {
            self.waiting.insert(number, out.urgency, out.deadline);
        }
    }

    /// What is under way.
    pub(crate) fn under_way(&self) -> UnderWay {
        UnderWay { offers: self.in_flight.len(), bytes: self.bytes_in_flight }
    }

    /// Takes away what was assigned under a number, wherever it stands.
    pub(crate) fn take(&mut self, number: u64) -> Option<Outbound> {
        let out = self.outbound.remove(&number)?;
        self.waiting.remove(number);
        self.refused.remove(&(out.not_before, number));
        if self.in_flight.remove(&number) {
            self.bytes_in_flight = self.bytes_in_flight.saturating_sub(out.bytes);
        }
        Some(out)
    }
}
