//! A world: machines, wire, clerks and faults, run from a seed until all has come to rest; then everybody looks what is left.

use crate::agenda::Agenda;
use crate::book::Book;
use crate::checks::queues_stay_bounded::{QueuesStayBounded, Weight};
use crate::checks::{Checks, drains_by_itself};
use crate::clerks::Clerks;
use crate::clerks_recall::Recalling;
use crate::clock_steps;
use crate::faults::{faults, skew};
use crate::faulty_folder::{Backup, DISK_FAULT, DISK_FULL, FaultyFolder};
use crate::happening::Happening;
use crate::limits::{DRAIN_MS_MAX, IDLE_MS, TRACE_LINES_MAX};
use crate::new_directory;
use crate::outcome::Outcome;
use crate::outside::{Outside, Tamper};
use crate::plan::{Hostile, Plan};
use crate::random::Random;
use crate::rare_link;
use crate::station::{Process, Station, Store};
use crate::survey::Survey;
use crate::trace::Trace;
use crate::wire::Wire;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use yizhan_document::{LedgerId, NodeId};
use yizhan_exchange::Room;
use yizhan_hierarchy::Directory;

/// How often a world that should come to rest is looked at, in milliseconds.
const LOOK_MS: u64 = 1_000;

/// A world of nodes.
pub struct World {
    pub(crate) out: Outside,
    pub(crate) stations: BTreeMap<NodeId, Station>,
    pub(crate) random: Random,
    pub(crate) faults: u64,
    pub(crate) entries: u64,
    seed: u64,
    active_ms: u64,
    pub(crate) bad_clocks: BTreeSet<NodeId>,
    /// Two neighbours that meet for two minutes a day, and whether they do now.
    pub(crate) rare: Option<(NodeId, NodeId)>,
    pub(crate) rare_open: bool,
    /// What is not to be trusted, whether its disk has turned, and the copy made of it.
    pub(crate) hostile: Option<Hostile>,
    pub(crate) disk_turned: bool,
    pub(crate) backup: Option<(Backup, Store)>,
}

/// Runs the world of a seed. If a promise is broken, it is run again to tell how that came.
pub fn run(seed: u64, plan: &Plan, directory: &Arc<Directory>) -> Outcome {
    let outcome = World::new(seed, plan, Arc::clone(directory), 0).run();
    if outcome.failures.is_empty() {
        return outcome;
    }
    World::new(seed, plan, Arc::clone(directory), TRACE_LINES_MAX).run()
}

impl World {
    /// The world of a seed at its beginning; so many of the last lines of what happens are kept.
    pub fn new(seed: u64, plan: &Plan, directory: Arc<Directory>, trace: usize) -> Self {
        let mut random = Random::new(seed);
        let nodes = directory.tree().nodes().to_vec();
        let neighbours =
            |node: NodeId| directory.neighbours(node).into_iter().map(move |other| (node, other));
        let pairs: Vec<(NodeId, NodeId)> = nodes.iter().flat_map(|node| neighbours(*node)).collect();
        let wire = Wire::new(pairs, plan.mangling, random.fork());
        let book = Book::by_chance(&directory, plan, &mut random);
        let mut checks = Checks::default();
        checks.queues_stay_bounded.documents = usize::try_from(book.len()).unwrap_or(usize::MAX);
        let bad_clock = random.pick(&nodes).copied().filter(|_| plan.bad_clock);
        let station = |node: &NodeId, random: &mut Random| Station {
            node: *node,
            life: 0,
            skew_ms: skew(random, bad_clock == Some(*node)),
            stepped_ms: 0,
            directory: Arc::clone(&directory),
            folder: FaultyFolder::default(),
            ledger: LedgerId { node: *node, epoch: 0 },
            previous: Vec::new(),
            lost: Vec::new(),
            waits_for_epoch: false,
            store: Store::default(),
            quota: plan.quota,
            process: None,
            random: random.fork(),
        };
        let stations = nodes.iter().map(|node| (*node, station(node, &mut random))).collect();
        let mut agenda = Agenda::new();
        for (at, fault) in faults(plan.faults, plan.active_ms, &nodes, &wire.pairs(), &mut random) {
            agenda.at(at, Happening::Fault(fault));
        }
        let steps = clock_steps::happenings(plan, seed, &nodes);
        for (at, happening) in new_directory::happenings(plan, seed).into_iter().chain(steps) {
            agenda.at(at, happening);
        }
        let clerks_until = if plan.clerks_act { plan.active_ms } else { 0 };
        let out = Outside {
            now: 0,
            agenda,
            wire,
            book,
            clerks: Clerks::new(clerks_until, random.fork(), Recalling::new(plan.recalled_per_mille, seed)),
            checks,
            directories: vec![Arc::clone(&directory)],
            directory,
            trace: Trace::new(trace),
            failures: Vec::new(),
            tamper: None,
            liar: None,
            crash_rule: plan.crash_rule,
            sync_ms_max: plan.sync_ms_max,
            condensed_freely_bytes: plan.condensed_freely_bytes,
            rows: plan.rows,
            bad_pieces: 0,
            ending: Vec::new(),
            set_back: BTreeSet::new(),
            held_down: BTreeSet::new(),
            distrusted: BTreeSet::new(),
        };
        let bad_clocks = bad_clock.into_iter().collect();
        let mut world = Self {
            out,
            stations,
            random,
            faults: 0,
            entries: 0,
            seed,
            active_ms: plan.active_ms,
            bad_clocks,
            rare: None,
            rare_open: false,
            hostile: None,
            disk_turned: false,
            backup: None,
        };
        if let Some(hostile) = plan.hostile {
            world.make_hostile(hostile, plan.active_ms);
        }
        let pairs = world.out.wire.pairs();
        if let Some((one, other)) = world.random.pick(&pairs).copied().filter(|_| plan.rare_link) {
            world.make_rare(one, other);
        }
        world.begin();
        world
    }

    /// Lets somebody change frames on their way out, as a lying neighbour would.
    pub fn tamper(&mut self, tamper: Tamper) {
        self.out.tamper = Some(tamper);
    }

    /// Runs to the end: the active time, then until all is at rest, then idle, then the power of every machine is cut.
    pub fn run(mut self) -> Outcome {
        drop(self.finish());
        self.outcome()
    }

    /// Runs to the end; gives what all disks hold then, unless a promise was broken before.
    pub(crate) fn finish(&mut self) -> Option<Survey> {
        self.until(self.active_ms);
        self.mend_all();
        if self.hostile.is_some() {
            self.finish_hostile();
            return None;
        }
        self.drain();
        self.idle();
        self.look_at_all_disks()
    }

    /// What came of it.
    pub(crate) fn outcome(self) -> Outcome {
        Outcome {
            seed: self.seed,
            nodes: self.stations.len() as u64,
            documents: self.out.book.told.len() as u64,
            faults: self.faults,
            virtual_ms: self.out.now,
            happenings: self.out.agenda.count(),
            entries: self.entries,
            failures: self.out.failures,
            trace: self.out.trace.into_lines(),
        }
    }

    fn begin(&mut self) {
        let nodes: Vec<NodeId> = self.stations.keys().copied().collect();
        nodes.into_iter().for_each(|node| self.start(node));
        for (one, other) in self.out.wire.pairs() {
            let at = self.random.within(1..=200);
            self.out.agenda.at(at, Happening::Dial { one, other });
        }
        self.out.clerks_begin();
    }

    /// Lets everything happen that is to happen up to a moment; a broken promise ends it.
    pub(crate) fn until(&mut self, moment: u64) {
        while self.out.failures.is_empty() && self.out.agenda.next_time().is_some_and(|next| next <= moment) {
            let Some((at, happening)) = self.out.agenda.pop() else { break };
            self.out.now = at;
            self.happens(happening);
            for (node, why) in std::mem::take(&mut self.out.ending) {
                let power = self.random.chance(500);
                self.stop(node, power, &why);
                self.faults += 1;
            }
        }
        self.out.now = self.out.now.max(moment);
    }

    fn happens(&mut self, happening: Happening) {
        let Self { out, stations, .. } = self;
        fn running(stations: &mut BTreeMap<NodeId, Station>, node: NodeId) -> Option<&mut Process> {
            stations.get_mut(&node).and_then(|station| station.process.as_mut())
        }
        match happening {
            Happening::Inside { node, life, step } => {
                if let Some(process) = running(stations, node).filter(|process| process.life == life) {
                    process.step(out, step);
                }
            }
            Happening::Dial { one, other } => self.dial(one, other),
            Happening::Up { node, neighbour, connection, hello } => {
                if let Some(process) =
                    running(stations, node).filter(|_| out.wire.stands(node, neighbour, connection))
                {
                    process.up(out, neighbour, connection, hello);
                }
            }
            Happening::Down { node, neighbour, connection } => {
                if let Some(process) = running(stations, node) {
                    process.down(out, neighbour, connection);
                }
            }
            Happening::Arrival { from, to, connection, message } => {
                let stands = out.wire.stands(from, to, connection);
                if let Some(process) = running(stations, to).filter(|_| stands) {
                    process.arrives(out, from, message);
                }
            }
            Happening::Fault(fault) => self.strike(fault),
            Happening::Start { node } => self.start(node),
            Happening::NewEpoch { node } => self.begin_epoch(node),
            Happening::Publish { kind } => self.publish(kind),
            Happening::GoBy { node, directory } => self.go_by(node, directory),
            Happening::Mend { one, other } => out.wire.unblock(out.now, &mut out.agenda, one, other),
            Happening::Heard { from, to } => out.wire.hear(out.now, &mut out.agenda, from, to),
            Happening::Break { one, other, connection } => {
                out.wire.break_off(out.now, &mut out.agenda, (one, other), connection);
            }
            Happening::Room { nodes } => nodes.into_iter().for_each(|node| self.set_room(node, Room::Ample)),
            Happening::ClockSet { node, off_ms } => self.set_clock(node, off_ms),
            Happening::DiskTurns { node } => self.disk_turns(node),
            Happening::Window { one, other, opens } => self.window(one, other, opens),
            Happening::HandIn { document } => {
                let from = out.book.document(document).map(|document| document.from);
                match from.and_then(|node| running(stations, node)) {
                    Some(process) => process.submit(out, document),
                    // Nobody answers: the clerk tries again later.
                    None => out.hand_in_later(document),
                }
            }
            Happening::Recall { document } => {
                let from = out.book.document(document).map(|document| document.from);
                out.recall(from.and_then(|node| running(stations, node)), document);
            }
            Happening::Visit { node, office } => out.visit(running(stations, node), node, office),
        }
    }

    pub(crate) fn start(&mut self, node: NodeId) {
        if self.out.set_back.contains(&node) || self.out.held_down.contains(&node) {
            return;
        }
        let Some(station) = self.stations.get_mut(&node).filter(|station| station.process.is_none()) else {
            return;
        };
        let Err(reason) = station.start(&mut self.out) else { return };
        if reason.contains(DISK_FAULT) || reason.contains(DISK_FULL) {
            // The disk failed or was full in the middle of recovery: whoever watches over the process starts it again.
            let at = self.out.now + self.down_ms();
            self.out.agenda.at(at, Happening::Start { node });
        } else if self.out.distrusted.contains(&node) {
            // It has noticed what its disk did, and waits for a person.
            self.out.set_back.insert(node);
        } else {
            self.out.fail("drains_by_itself", format!("{node} does not start again: {reason}"));
        }
    }

    /// Ends the process of a node; it is started again after a while. Says whether it ran.
    pub(crate) fn stop(&mut self, node: NodeId, power: bool, why: &str) -> bool {
        let Some(process) = self.stations.get_mut(&node).and_then(|station| station.stop(power)) else {
            return false;
        };
        self.out.note(|| format!("{node}: ENDS ({why}; power gone: {power})"));
        for question in process.counter.questions.values() {
            self.out.clerk_hears_nothing(node, question);
        }
        for neighbour in self.out.wire.ends(node) {
            self.out.wire.cut(self.out.now, &mut self.out.agenda, node, neighbour);
        }
        let at = self.out.now + self.down_ms();
        self.out.agenda.at(at, Happening::Start { node });
        true
    }

    /// From now on nothing goes wrong.
    fn mend_all(&mut self) {
        self.out.wire.stop_mangling();
        self.out.crash_rule = None;
        self.out.bad_pieces = 0;
        self.stations.values().for_each(|station| station.folder.fail_no_sync());
        let nodes: Vec<NodeId> = self.stations.keys().copied().collect();
        for node in nodes {
            self.set_room(node, Room::Ample);
            self.set_clock(node, 0);
        }
        self.out.note(|| "all faults end".to_owned());
    }

    /// Waits for rest.
    fn drain(&mut self) {
        let (most, look) = match self.rare {
            Some(_) => (rare_link::DRAIN_MS_MAX, rare_link::LOOK_MS),
            None => (DRAIN_MS_MAX, LOOK_MS),
        };
        let deadline = self.out.now + most;
        loop {
            // Before the next thing happens nothing changes.
            let next = self.out.agenda.next_time().unwrap_or(0).min(deadline);
            self.until((self.out.now + look).max(next));
            let left = self.left_over();
            if left.is_empty() || !self.out.failures.is_empty() {
                return;
            }
            if self.out.now >= deadline {
                left.into_iter().for_each(|what| self.out.fail("drains_by_itself", what));
                return;
            }
        }
    }

    fn left_over(&self) -> Vec<String> {
        let of = |station: &Station| match &station.process {
            Some(process) => drains_by_itself::left_over(process),
            // It waits for a person.
            None if self.out.set_back.contains(&station.node) => Vec::new(),
            None => vec![format!("{} is down", station.node)],
        };
        self.stations.values().flat_map(of).collect()
    }

    /// A world at rest neither grows nor keeps anything undecided.
    fn idle(&mut self) {
        if !self.out.failures.is_empty() {
            return;
        }
        self.end_rare();
        // The ledgers are shown, and what was cosigned is noted, for a last time.
        self.until(self.out.now + IDLE_MS / 10);
        let weights: BTreeMap<NodeId, Weight> =
            self.processes().map(|process| (process.node, QueuesStayBounded::weigh(process))).collect();
        self.until(self.out.now + IDLE_MS);
        let wrong: Vec<String> = self
            .processes()
            .flat_map(|process| QueuesStayBounded::at_rest(process, weights.get(&process.node)))
            .collect();
        wrong.into_iter().for_each(|what| self.out.fail("queues_stay_bounded", what));
    }

    fn processes(&self) -> impl Iterator<Item = &Process> {
        self.stations.values().filter_map(|station| station.process.as_ref())
    }
}
