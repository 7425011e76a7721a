//! The wire: connections between neighbours that keep order, break at any moment and lose what is in flight; and, where
//! the plan wants it, frames that get lost, doubled and late by themselves.

use crate::agenda::Agenda;
use crate::happening::Happening;
use crate::plan::Mangling;
use crate::random::Random;
use crate::traffic::Traffic;
use std::collections::BTreeMap;
use yizhan_document::{Digest, NodeId};
use yizhan_protocol::{BodyHead, Frame};

/// Something on the wire.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    Frame(Frame),
    /// The head of a body stream.
    BodyHead(BodyHead),
    /// A piece of it, by what it hashes to.
    Piece {
        link: u64,
        envelope: Digest,
        index: u64,
        digest: Digest,
    },
}

/// Frames and body streams do not wait for each other, and neither do the directions.
type Lane = (NodeId, bool);

/// How long a connection on which nothing is heard lasts, in milliseconds.
const IDLE_TIMEOUT_MS: u64 = 10_000;

/// Between two neighbours.
#[derive(Debug, Default)]
struct Cable {
    /// The number of the connection; none while there is none.
    connection: Option<u64>,
    /// How many partitions hold the two apart.
    blocked: u64,
    /// By sender, how many faults keep what it sends from arriving. While there is one, nobody can connect either.
    unheard: BTreeMap<NodeId, u64>,
    /// When either side hears of the connection, and when the last thing on each lane arrives.
    known_at: BTreeMap<NodeId, u64>,
    last: BTreeMap<Lane, u64>,
}

/// All cables.
#[derive(Debug)]
pub(crate) struct Wire {
    cables: BTreeMap<(NodeId, NodeId), Cable>,
    connections: u64,
    mangling: Option<Mangling>,
    delay_max: u64,
    random: Random,
    /// What was sent over it so far.
    pub(crate) traffic: Traffic,
}

fn pair(one: NodeId, other: NodeId) -> (NodeId, NodeId) {
    if one < other { (one, other) } else { (other, one) }
}

impl Wire {
    pub(crate) fn new(
        pairs: impl IntoIterator<Item = (NodeId, NodeId)>,
        mangling: Option<Mangling>,
        mut random: Random,
    ) -> Self {
        let cables = pairs.into_iter().map(|(one, other)| (pair(one, other), Cable::default())).collect();
        let delay_max = if random.chance(200) { 400 } else { random.within(1..=40) };
        Self { cables, connections: 0, mangling, delay_max, random, traffic: Traffic::default() }
    }

    pub(crate) fn pairs(&self) -> Vec<(NodeId, NodeId)> {
        self.cables.keys().copied().collect()
    }

    /// Two nodes may be neighbours from now on.
    pub(crate) fn lay(&mut self, one: NodeId, other: NodeId) {
        self.cables.entry(pair(one, other)).or_default();
    }

    /// Whoever a node is or was a neighbour of, ascending.
    pub(crate) fn ends(&self, node: NodeId) -> Vec<NodeId> {
        let other = |(one, other): &(NodeId, NodeId)| match node {
            node if node == *one => Some(*other),
            node if node == *other => Some(*one),
            _ => None,
        };
        self.cables.keys().filter_map(other).collect()
    }

    /// From now on frames behave as on QUIC.
    pub(crate) fn stop_mangling(&mut self) {
        self.mangling = None;
    }

    /// Connects two neighbours that both run; tells the number, and after how many milliseconds either side knows.
    pub(crate) fn connect(&mut self, now: u64, one: NodeId, other: NodeId) -> Option<(u64, u64, u64)> {
        let cable = self.cables.get_mut(&pair(one, other))?;
        if cable.connection.is_some() || cable.blocked > 0 || !cable.unheard.is_empty() {
            return None;
        }
        self.connections += 1;
        cable.connection = Some(self.connections);
        let mut delay = || 1 + self.random.below(self.delay_max);
        let (at_one, at_other) = (delay(), delay());
        cable.known_at = BTreeMap::from([(one, now + at_one), (other, now + at_other)]);
        // Nothing on a connection is heard before the hello is.
        let lanes = [(one, at_other), (other, at_one)];
        cable.last = lanes
            .into_iter()
            .flat_map(|(from, heard)| [((from, false), now + heard), ((from, true), now + heard)])
            .collect();
        Some((self.connections, at_one, at_other))
    }

    /// Breaks a connection. Both sides hear of it, each in its time; then they dial again.
    pub(crate) fn cut(&mut self, now: u64, agenda: &mut Agenda<Happening>, one: NodeId, other: NodeId) {
        let Some(cable) = self.cables.get_mut(&pair(one, other)) else { return };
        let Some(connection) = cable.connection.take() else { return };
        let mut heard = now;
        for (node, neighbour) in [(one, other), (other, one)] {
            // A broken connection shows at once, or only when the idle timeout has passed.
            let delay = if self.random.chance(300) { IDLE_TIMEOUT_MS } else { self.random.within(0..=200) };
            let known = cable.known_at.get(&node).copied().unwrap_or(0);
            let at = (now + delay).max(known + 1);
            heard = heard.max(at);
            agenda.at(at, Happening::Down { node, neighbour, connection });
        }
        agenda.at(heard + 1 + self.random.within(50..=2_000), Happening::Dial { one, other });
    }

    /// Holds two neighbours apart until [`Wire::unblock`].
    pub(crate) fn block(&mut self, now: u64, agenda: &mut Agenda<Happening>, one: NodeId, other: NodeId) {
        self.cut(now, agenda, one, other);
        if let Some(cable) = self.cables.get_mut(&pair(one, other)) {
            cable.blocked += 1;
        }
    }

    /// Ends one partition between them.
    pub(crate) fn unblock(&mut self, now: u64, agenda: &mut Agenda<Happening>, one: NodeId, other: NodeId) {
        let Some(cable) = self.cables.get_mut(&pair(one, other)) else { return };
        cable.blocked = cable.blocked.saturating_sub(1);
        if cable.blocked == 0 {
            // Later than any word of the last connection's end.
            agenda.at(
                now + IDLE_TIMEOUT_MS + 1 + self.random.within(50..=2_000),
                Happening::Dial { one, other },
            );
        }
    }

    /// What `from` sends does not arrive any more, until [`Wire::hear`]. The connection stands until its idle timeout: the other
    /// direction goes on.
    pub(crate) fn silence(&mut self, now: u64, agenda: &mut Agenda<Happening>, from: NodeId, to: NodeId) {
        let Some(cable) = self.cables.get_mut(&pair(from, to)) else { return };
        *cable.unheard.entry(from).or_default() += 1;
        if let Some(connection) = cable.connection {
            let end = Happening::Break { one: from, other: to, connection: Some(connection) };
            agenda.at(now + IDLE_TIMEOUT_MS, end);
        }
    }

    /// What `from` sends arrives again. What was lost meanwhile is not sent again by a connection: it has broken.
    pub(crate) fn hear(&mut self, now: u64, agenda: &mut Agenda<Happening>, from: NodeId, to: NodeId) {
        self.cut(now, agenda, from, to);
        let Some(cable) = self.cables.get_mut(&pair(from, to)) else { return };
        if let Some(faults) = cable.unheard.get_mut(&from) {
            *faults -= 1;
            if *faults == 0 {
                cable.unheard.remove(&from);
            }
        }
        if cable.unheard.is_empty() {
            let at = now + IDLE_TIMEOUT_MS + 1 + self.random.within(50..=2_000);
            agenda.at(at, Happening::Dial { one: from, other: to });
        }
    }

    /// Breaks a connection: the one with this number, or whichever stands.
    pub(crate) fn break_off(
        &mut self,
        now: u64,
        agenda: &mut Agenda<Happening>,
        (one, other): (NodeId, NodeId),
        connection: Option<u64>,
    ) {
        if connection.is_none_or(|connection| self.stands(one, other, connection)) {
            self.cut(now, agenda, one, other);
        }
    }

    /// Two neighbours that are apart for most of the day meet, and know it at once.
    pub(crate) fn meet(&mut self, now: u64, agenda: &mut Agenda<Happening>, one: NodeId, other: NodeId) {
        if let Some(cable) = self.cables.get_mut(&pair(one, other)) {
            cable.blocked = cable.blocked.saturating_sub(1);
        }
        agenda.at(now + 1, Happening::Dial { one, other });
    }

    /// Whether the connection with this number still stands.
    pub(crate) fn stands(&self, one: NodeId, other: NodeId, connection: u64) -> bool {
        self.cables.get(&pair(one, other)).is_some_and(|cable| cable.connection == Some(connection))
    }

    /// Sends something on a connection; `later` milliseconds after what goes at once.
    pub(crate) fn send(
        &mut self,
        now: u64,
        agenda: &mut Agenda<Happening>,
        (from, to, connection): (NodeId, NodeId, u64),
        message: Message,
        later: u64,
    ) {
        let Some(cable) = self.cables.get_mut(&pair(from, to)) else { return };
        if cable.connection != Some(connection) {
            return;
        }
        self.traffic.count(from, to, &message);
        let stream = !matches!(message, Message::Frame(_));
        let mangling = self.mangling.filter(|_| !stream);
        if cable.unheard.contains_key(&from)
            || mangling.is_some_and(|mangling| self.random.chance(mangling.lost))
        {
            return;
        }
        let last = cable.last.entry((from, stream)).or_insert(now);
        let at = (now + later + 1 + self.random.below(self.delay_max)).max(*last);
        if let Some(mangling) = mangling {
            if self.random.chance(mangling.doubled) {
                let again = at + self.random.within(0..=1_000);
                let message = message.clone();
                agenda.at(again, Happening::Arrival { from, to, connection, message });
            }
            if self.random.chance(mangling.late) {
                let late = at + self.random.within(1..=2_000);
                agenda.at(late, Happening::Arrival { from, to, connection, message });
                return;
            }
        }
        *last = at;
        agenda.at(at, Happening::Arrival { from, to, connection, message });
    }
}
