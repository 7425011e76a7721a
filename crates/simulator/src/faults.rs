//! Faults: which strike when, and what each does to the world.

use crate::faulty_folder::SyncFault;
use crate::happening::Happening;
use crate::limits::{BAD_CLOCK_SKEW_MS, GOOD_CLOCK_SKEW_MS};
use crate::plan::FaultCounts;
use crate::random::Random;
use crate::world::World;
use yizhan_document::{Digest, NodeId};
use yizhan_exchange::{Holding, Room};

/// The longest a machine stays down, in milliseconds.
const DOWN_MS_MAX: u64 = 8_000;
/// The longest two neighbours are kept apart, in milliseconds.
const APART_MS_MAX: u64 = 30_000;
/// The longest a disk stays full, in milliseconds.
const FULL_MS_MAX: u64 = 30_000;
/// How often a connection that flutters breaks, at the most, and how long it lasts in between, in milliseconds.
const FLUTTERS_MAX: u64 = 20;
const FLUTTER_MS_MAX: u64 = 4_000;

/// A fault that strikes.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The process of a node ends; with `power`, the machine too.
    Stop { node: NodeId, power: bool },
    /// The connection between two neighbours breaks.
    Flap { one: NodeId, other: NodeId },
    /// Two neighbours cannot reach each other.
    Partition { one: NodeId, other: NodeId },
    /// What one neighbour sends to another does not arrive for a while.
    OneWay { from: NodeId, to: NodeId },
    /// The connection between two neighbours breaks again and again.
    Flutter { one: NodeId, other: NodeId },
    /// The next sync of a node's journal fails.
    Sync { node: NodeId, how: SyncFault },
    /// Something that a node has in custody becomes unreadable.
    Damage { node: NodeId },
    /// The next piece of any body arrives wrong.
    BadPiece,
    /// The disk of a node is lost for good; it comes back in a new epoch.
    DiskLost { node: NodeId },
    /// The disks of these nodes have no more room than this for a while.
    FullDisks { nodes: Vec<NodeId>, room: Room },
}

/// All faults of a run, each with its moment.
pub(crate) fn faults(
    counts: FaultCounts,
    until: u64,
    nodes: &[NodeId],
    pairs: &[(NodeId, NodeId)],
    random: &mut Random,
) -> Vec<(u64, Fault)> {
    let FaultCounts {
        power_cuts,
        kills,
        flaps,
        partitions,
        sync_faults,
        damages,
        bad_pieces,
        one_ways,
        flutters,
        full_disks,
        lost_disks,
    } = counts;
    let mut faults = Vec::new();
    let mut add = |count: u64, make: &mut dyn FnMut(&mut Random) -> Option<Fault>| {
        for _ in 0..count {
            let at = random.within(200..=until.max(200));
            faults.extend(make(random).map(|fault| (at, fault)));
        }
    };
    let node = |random: &mut Random| random.pick(nodes).copied();
    add(power_cuts, &mut |random| Some(Fault::Stop { node: node(random)?, power: true }));
    add(kills, &mut |random| Some(Fault::Stop { node: node(random)?, power: false }));
    add(flaps, &mut |random| random.pick(pairs).map(|(one, other)| Fault::Flap { one: *one, other: *other }));
    add(partitions, &mut |random| {
        random.pick(pairs).map(|(one, other)| Fault::Partition { one: *one, other: *other })
    });
    add(sync_faults, &mut |random| {
        let how = if random.chance(500) { SyncFault::Done } else { SyncFault::NotDone };
        Some(Fault::Sync { node: node(random)?, how })
    });
    add(damages, &mut |random| Some(Fault::Damage { node: node(random)? }));
    add(bad_pieces, &mut |_| Some(Fault::BadPiece));
    add(lost_disks, &mut |random| Some(Fault::DiskLost { node: node(random)? }));
    add(full_disks, &mut |random| {
        let rooms =
            [Room::NoSubmissions, Room::OnlyFromAbove, Room::NoDocuments, Room::Nothing, Room::Nothing];
        let room = random.pick(&rooms).copied()?;
        // Every other time two neighbours face each other like that.
        let (one, other) = *random.pick(pairs)?;
        let nodes = if random.chance(500) { vec![one, other] } else { vec![node(random)?] };
        Some(Fault::FullDisks { nodes, room })
    });
    add(one_ways, &mut |random| {
        let (one, other) = *random.pick(pairs)?;
        let (from, to) = if random.chance(500) { (one, other) } else { (other, one) };
        Some(Fault::OneWay { from, to })
    });
    add(flutters, &mut |random| {
        random.pick(pairs).map(|(one, other)| Fault::Flutter { one: *one, other: *other })
    });
    faults
}

impl World {
    /// A fault strikes, if there is anything for it to strike.
    pub(crate) fn strike(&mut self, fault: Fault) {
        let struck = match fault.clone() {
            Fault::Stop { node, power } => self.stop(node, power, "killed"),
            Fault::Flap { one, other } => {
                self.out.wire.cut(self.out.now, &mut self.out.agenda, one, other);
                true
            }
            Fault::Partition { one, other } => {
                self.out.wire.block(self.out.now, &mut self.out.agenda, one, other);
                let mended = self.out.now + self.random.within(1_000..=APART_MS_MAX);
                self.out.agenda.at(mended, Happening::Mend { one, other });
                true
            }
            Fault::OneWay { from, to } => {
                self.out.wire.silence(self.out.now, &mut self.out.agenda, from, to);
                let heard = self.out.now + self.random.within(1_000..=APART_MS_MAX);
                self.out.agenda.at(heard, Happening::Heard { from, to });
                true
            }
            Fault::Flutter { one, other } => {
                let mut at = self.out.now;
                for _ in 0..self.random.within(3..=FLUTTERS_MAX) {
                    self.out.agenda.at(at, Happening::Break { one, other, connection: None });
                    at += self.random.within(1..=FLUTTER_MS_MAX);
                }
                true
            }
            Fault::Sync { node, how } => {
                let process = self.stations.get(&node).and_then(|station| station.process.as_ref());
                process.map(|process| process.folder.fail_next_sync(how)).is_some()
            }
            Fault::Damage { node } => self.damage(node),
            Fault::DiskLost { node } => self.lose_disk(node),
            Fault::FullDisks { nodes, room } => {
                let again = self.out.now + self.random.within(1_000..=FULL_MS_MAX);
                nodes.iter().for_each(|node| self.set_room(*node, room));
                self.out.agenda.at(again, Happening::Room { nodes });
                true
            }
            Fault::BadPiece => {
                self.out.bad_pieces += 1;
                true
            }
        };
        if struck {
            self.faults += 1;
            self.out.note(|| format!("FAULT {fault:?}"));
        }
    }

    /// The disk of a node has so much room from now on.
    pub(crate) fn set_room(&mut self, node: NodeId, room: Room) {
        let Self { out, stations, .. } = self;
        let Some(station) = stations.get_mut(&node) else { return };
        station.folder.set_room(room);
        if let Some(process) = &mut station.process {
            process.look_later(out);
        }
    }

    /// How long a machine stays down this time.
    pub(crate) fn down_ms(&mut self) -> u64 {
        self.random.within(50..=DOWN_MS_MAX)
    }

    /// Makes the content of something in custody unreadable. What lies in an inbox is let be: it has no other copy that the
    /// rules could fetch.
    fn damage(&mut self, node: NodeId) -> bool {
        let Some(process) = self.stations.get_mut(&node).and_then(|station| station.process.as_mut()) else {
            return false;
        };
        let durable = process.core.durable_size();
        let may = |(index, held): (&u64, &Holding)| {
            let shown = process
                .core
                .state()
                .inboxes()
                .iter()
                .any(|(.., entry)| entry.header == held.acceptance.header);
            (!shown && !held.open.is_empty() && *index < durable).then_some(*index)
        };
        let holdings: Vec<u64> = process.core.state().holdings().iter().filter_map(may).collect();
        let Some(holding) = self.random.pick(&holdings).copied() else { return false };
        let Some(stored) = process.contents.get(&holding) else { return false };
        let envelope = Digest::of(&stored.header);
        let id = process.core.state().holdings().get(&holding).map(|held| held.acceptance.id);
        if !process.store.bodies.damage(envelope) {
            process.store.unreadable.insert(holding);
            process.contents.remove(&holding);
        }
        self.out.book.damaged_at_origin.extend(id.filter(|id| id.origin == node));
        true
    }
}

/// How far a clock is off, in milliseconds.
pub(crate) fn skew(random: &mut Random, bad: bool) -> i64 {
    let most = if bad { BAD_CLOCK_SKEW_MS } else { random.below(GOOD_CLOCK_SKEW_MS) };
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    if random.chance(500) { most } else { -most }
}
