//! Who had custody of what an origin sent, as far as it has heard: an end that somebody tells of counts only if it was theirs to tell
//! (MUST-68).
//!
//! The end may come before the acceptance that it rests on. It is kept, and counts once that is heard.

use crate::condensed::Condensed;
use crate::fact::{End, Fact};
use crate::node::Node;
use crate::state::{Outgoing, State};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use yizhan_document::{EnvelopeId, NodeId};
use yizhan_ledger::Target;
use yizhan_planted::{Bug, on};

/// What was heard about the units of an envelope that are under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Custodians {
    /// Who accepted which, ascending.
    accepted: Vec<(NodeId, Target)>,
    /// What ended, or expired, by the word of nodes whose acceptance was not heard.
    claims: BTreeSet<(NodeId, Target, bool)>,
}

impl Outgoing {
    fn is_under_way(&self, unit: &Target) -> bool {
        self.targets.get(&unit.node) == Some(&unit.attempt)
    }

    fn under_way(&self, units: &[Target]) -> Vec<Target> {
        units.iter().copied().filter(|unit| self.is_under_way(unit)).collect()
    }

    fn had_custody(&self, maker: NodeId, unit: Target) -> bool {
        self.custodians.as_ref().is_some_and(|known| known.accepted.binary_search(&(maker, unit)).is_ok())
    }

    /// A destination came to an end or gets another attempt: what was heard of the one before is of no use any more.
    pub(crate) fn forget_custodians(&mut self, node: NodeId) {
        let Some(known) = &mut self.custodians else { return };
        known.accepted.retain(|(_, unit)| unit.node != node);
        known.claims.retain(|(_, unit, _)| unit.node != node);
        if known.accepted.is_empty() && known.claims.is_empty() {
            self.custodians = None;
        }
    }

    /// Parts of a condensed state.
    pub(crate) fn custodian_parts(&self, id: EnvelopeId) -> Vec<Condensed> {
        let Some(known) = &self.custodians else { return Vec::new() };
        let mut accepted: BTreeMap<NodeId, Vec<Target>> = BTreeMap::new();
        known.accepted.iter().for_each(|(node, unit)| accepted.entry(*node).or_default().push(*unit));
        let mut claims: BTreeMap<(NodeId, bool), Vec<Target>> = BTreeMap::new();
        let claimed = |(node, unit, expired): &(NodeId, Target, bool)| {
            claims.entry((*node, *expired)).or_default().push(*unit);
        };
        known.claims.iter().for_each(claimed);
        let accepted = accepted.into_iter().map(|(node, units)| Condensed::Custodian { id, node, units });
        let claims = claims.into_iter().map(|((node, expired), units)| Condensed::Claimed {
            id,
            node,
            units,
            expired,
        });
        accepted.chain(claims).collect()
    }
}

impl State {
    /// A node had custody of these units.
    pub(crate) fn custodian(&mut self, id: EnvelopeId, node: NodeId, units: &[Target]) {
        let Some(outgoing) = self.outgoing.get_mut(&id) else { return };
        let under_way = outgoing.under_way(units);
        if under_way.is_empty() {
            return;
        }
        let known = outgoing.custodians.get_or_insert_default();
        for unit in under_way {
            if let Err(place) = known.accepted.binary_search(&(node, unit)) {
                known.accepted.insert(place, (node, unit));
            }
            known.claims.retain(|(by, of, _)| (*by, *of) != (node, unit));
        }
    }

    /// A node whose acceptance of these units was not heard says that they came to an end.
    pub(crate) fn claimed(&mut self, id: EnvelopeId, node: NodeId, units: &[Target], expired: bool) {
        let Some(outgoing) = self.outgoing.get_mut(&id) else { return };
        let under_way = outgoing.under_way(units);
        if !under_way.is_empty() {
            let known = outgoing.custodians.get_or_insert_default();
            known.claims.extend(under_way.into_iter().map(|unit| (node, unit, expired)));
        }
    }
}

impl Node {
    /// A node told that its custody of units ended without being passed on.
    pub(crate) fn custody_ended(&mut self, id: EnvelopeId, maker: NodeId, units: &[Target], expired: bool) {
        let Some(outgoing) = self.state.outgoing.get(&id) else { return };
        let known = |unit: &Target| outgoing.had_custody(maker, *unit) || on(Bug::ClaimBelieved);
        let (ended, claimed): (Vec<Target>, Vec<Target>) =
            outgoing.under_way(units).into_iter().partition(known);
        if !claimed.is_empty() {
            self.fact(Fact::Claimed { id, node: maker, units: claimed, expired });
        }
        for unit in ended {
            self.unit_ended(id, unit, expired);
        }
    }

    /// A node's acceptance of units was heard: what it told of them before counts now.
    pub(crate) fn custody_heard(&mut self, id: EnvelopeId, maker: NodeId, units: &[Target]) {
        let Some(outgoing) = self.state.outgoing.get(&id) else { return };
        let new = |unit: &Target| outgoing.is_under_way(unit) && !outgoing.had_custody(maker, *unit);
        let units: Vec<Target> = units.iter().copied().filter(new).collect();
        if units.is_empty() {
            return;
        }
        let claims = self.claims_of(id, maker, &units);
        self.fact(Fact::Custodian { id, node: maker, units });
        self.count(id, claims);
    }

    /// What a node claimed of these units, before it is known to have had custody of them.
    pub(crate) fn claims_of(&self, id: EnvelopeId, maker: NodeId, units: &[Target]) -> Vec<(Target, bool)> {
        let known = self.state.outgoing.get(&id).and_then(|outgoing| outgoing.custodians.as_ref());
        let claims = known.into_iter().flat_map(|known| known.claims.iter());
        let of_it = claims.filter(|(by, unit, _)| *by == maker && units.contains(unit));
        of_it.map(|(_, unit, expired)| (*unit, *expired)).collect()
    }

    /// These claims count now.
    pub(crate) fn count(&mut self, id: EnvelopeId, claims: Vec<(Target, bool)>) {
        for (unit, expired) in claims {
            self.unit_ended(id, unit, expired);
        }
    }

    fn unit_ended(&mut self, id: EnvelopeId, unit: Target, expired: bool) {
        if !expired {
            self.destination_failed(id, unit, true);
        } else if self.under_way(id, unit.node) == Some(unit.attempt) {
            self.end(id, unit.node, End::Expired);
        }
    }
}
