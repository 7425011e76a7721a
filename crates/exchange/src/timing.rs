//! What time brings: repeated offers, receipts due again, deadlines, new attempts.

use crate::fact::{End, Fact};
use crate::limits::{DEADLINE_ROUND_MS, EXPIRED_IN_A_ROUND_MAX, EXPIRY_WEIGHT, OFFER_PATIENCE_MS, ROUND_MS};
use crate::links::{Link, Outbound};
use crate::node::Node;
use alloc::vec::Vec;
use yizhan_document::NodeId;
use yizhan_ledger::{Event as LedgerEvent, Target};
use yizhan_planted::{Bug, on};

impl Node {
    /// Does what is due; runs after every event.
    pub(crate) fn tick(&mut self) {
        self.open_attempts();
        self.send_owed();
        self.ask_recalls();
        let now = self.now().uptime;
        if now >= self.looked_at + ROUND_MS {
            self.looked_at = now;
            self.pump_due = true;
            self.expire();
            self.look_for_detours();
            self.tell_epochs_again();
            self.repeat_offers();
            self.forget_silent_offers();
        }
        if core::mem::take(&mut self.pump_due) {
            self.pump();
        }
    }

    /// The uptime at which the node wants to be woken if nothing happens before, in milliseconds.
    pub fn next_wake(&self) -> Option<u64> {
        // What is not durable yet is looked at when it is.
        let due = self.state.due.iter().find(|(_, _, index)| self.is_durable(*index)).map(|(due, _, _)| *due);
        let recall = self.next_recall();
        let retry = self.retries.first_key_value().map(|((due, _, _), _)| *due);
        let up = self.state.links.values().filter(|link| link.up);
        let room = |link: &&Link| link.waiting.may_go(link.under_way());
        let held_back = up.clone().any(|link| room(&link)).then_some(self.looked_at + ROUND_MS);
        let refused = up.clone().filter_map(|link| link.refused.first()).map(|(due, _)| *due).min();
        let refused = refused.map(|due| due.max(self.looked_at + ROUND_MS));
        // What is under way to a neighbour is held, so this round finds as well what is to be offered again.
        let deadlines =
            (!self.state.holdings.is_empty()).then_some(self.deadlines_looked_at + DEADLINE_ROUND_MS);
        let silent = (!self.incoming.is_empty()).then_some(self.looked_at + DEADLINE_ROUND_MS);
        let detours = self.next_detours();
        let telling = self.next_telling().map(|at| at.max(self.looked_at + ROUND_MS));
        [due, telling, recall, detours, retry, held_back, refused, deadlines, silent, self.lazy_due()]
            .into_iter()
            .flatten()
            .min()
    }

    fn repeat_offers(&mut self) {
        let now = self.now().uptime;
        let epochs = &self.state.epochs;
        let anew = |node: &NodeId| !(on(Bug::NotOfferedAnew) && epochs.contains_key(node));
        let up = self.state.links.iter_mut().filter(|(node, link)| link.up && anew(node));
        for (_, link) in up {
            let impatient: Vec<u64> = link
                .in_flight
                .iter()
                .copied()
                .filter(|n| link.outbound.get(n).is_some_and(|out| out.sent_at + OFFER_PATIENCE_MS <= now))
                .collect();
            for number in impatient {
                link.in_flight.remove(&number);
                if let Some(out) = link.outbound.get(&number) {
                    link.bytes_in_flight = link.bytes_in_flight.saturating_sub(out.bytes);
                }
                link.wait(number);
            }
        }
    }

    /// Ends units whose deadline has passed: only where no offer may be unanswered, and only while neighbours bear the own
    /// clock out; all others are in doubt and stay (MUST-17).
    fn expire(&mut self) {
        let now = self.now();
        if now.uptime < self.deadlines_looked_at + DEADLINE_ROUND_MS {
            return;
        }
        self.deadlines_looked_at = now.uptime;
        if !self.clock_is_borne_out() {
            return;
        }
        let overdue =
            |out: &Outbound| out.deadline < now.wall && (!out.perhaps_offered || on(Bug::ExpiryInDoubt));
        let mut weight = 0;
        let expired: Vec<(NodeId, u64, u64, Vec<Target>)> = self
            .state
            .links
            .iter()
            .flat_map(|(hop, link)| link.outbound.iter().map(move |(number, out)| (*hop, *number, out)))
            .filter(|(_, _, out)| overdue(out))
            .take_while(|(_, _, out)| {
                let before = weight;
                weight += out.units.len() + EXPIRY_WEIGHT;
                before < EXPIRED_IN_A_ROUND_MAX
            })
            .map(|(hop, number, out)| (hop, number, out.holding, out.units.clone()))
            .collect();
        if weight >= EXPIRED_IN_A_ROUND_MAX {
            // The rest of a backlog that became overdue at once goes with the next round, in a batch of its own.
            self.deadlines_looked_at = now.uptime.saturating_sub(DEADLINE_ROUND_MS);
        }
        for (hop, link, holding, units) in expired {
            let Some(held) = self.state.holdings.get(&holding) else { continue };
            let (id, envelope) = (held.acceptance.id, held.acceptance.header);
            let home = (id.origin != self.me()).then_some(id.origin);
            self.enter(LedgerEvent::AcceptanceRejectionExpiry { id, envelope, units: units.clone() }, home);
            self.fact(Fact::Withdrawn { hop, link });
            if home.is_none() {
                for target in &units {
                    self.fact(Fact::Ended { id, node: target.node, end: End::Expired });
                }
            }
            self.fact(Fact::Discharged { holding, units });
        }
    }
}
