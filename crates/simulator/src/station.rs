//! A node: the machine with its disk, which lasts, and the process on it, which does not. The process drives the real
//! rules over the real journal and does what the daemon does, in its order, without threads and signatures.

mod bodies;
mod committing;
mod desk;
mod performing;
mod receiving;
mod recovery;
mod room;

use crate::faulty_folder::FaultyFolder;
use crate::happening::{Hello, Step};
use crate::ledger::Ledger;
use crate::limits::ROW_MS_MAX;
use crate::outside::Outside;
use crate::random::Random;
pub(crate) use bodies::Bodies;
use committing::Commits;
use desk::Counter;
pub(crate) use desk::Question;
use room::RoomKnown;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use yizhan_document::{LedgerId, NodeId, WallTime};
use yizhan_exchange::{Event, Node, Now, Quota, Staged};
use yizhan_hierarchy::Directory;
use yizhan_journal::{Journal, StoredEnvelope};
use yizhan_ledger::{Asking, Following, Head};
use yizhan_protocol::{BodyHead, Recall, ReceiptsHome};

/// A machine, running or not.
pub(crate) struct Station {
    pub(crate) node: NodeId,
    /// Counts the processes that ran on it.
    pub(crate) life: u64,
    /// How far its clock is ahead of true time, in milliseconds.
    pub(crate) skew_ms: i64,
    /// How far it was set off from there, for a while.
    pub(crate) stepped_ms: i64,
    /// The version of the directory that it goes by.
    pub(crate) directory: Arc<Directory>,
    pub(crate) folder: FaultyFolder,
    /// The ledger it keeps, and what was remembered of the one before when that began.
    pub(crate) ledger: LedgerId,
    pub(crate) previous: Vec<Head>,
    /// Its disks that are lost for good, by ledger; nobody inside knows them.
    pub(crate) lost: Vec<(LedgerId, FaultyFolder)>,
    /// It waits for its operator to begin a new epoch.
    pub(crate) waits_for_epoch: bool,
    /// What lasts besides the journal, while no process holds it.
    pub(crate) store: Store,
    /// What each neighbour may make the node hold.
    pub(crate) quota: Quota,
    pub(crate) process: Option<Process>,
    pub(crate) random: Random,
}

/// What lasts besides the journal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    pub(crate) bodies: Bodies,
    /// Holdings whose journal record a fault made unreadable.
    pub(crate) unreadable: BTreeSet<u64>,
    /// The newest head of each neighbour's ledger that was believed.
    pub(crate) remembered: BTreeMap<NodeId, Head>,
}

/// Something that came in and is not decided on yet.
pub(crate) enum Item {
    Envelope(Arc<StoredEnvelope>),
    Receipts(Box<ReceiptsHome>),
    Attachment(Vec<u8>),
    Recall(Box<Recall>),
}

/// A running node.
pub(crate) struct Process {
    pub(crate) node: NodeId,
    pub(crate) life: u64,
    pub(crate) core: Node,
    pub(crate) journal: Journal<FaultyFolder>,
    /// How long the journal was when it was condensed last, or when the process began, in bytes.
    condensed_bytes: u64,
    pub(crate) folder: FaultyFolder,
    pub(crate) ledger: Ledger,
    pub(crate) store: Store,
    /// The content of holdings and inboxes.
    pub(crate) contents: BTreeMap<u64, Arc<StoredEnvelope>>,
    attachments: BTreeMap<u64, Vec<u8>>,
    pub(crate) stage: BTreeMap<Staged, Item>,
    next_staged: Staged,
    pub(crate) counter: Counter,
    pub(crate) commits: Commits,
    /// The connection to each neighbour that this process knows of.
    pub(crate) connected: BTreeMap<NodeId, u64>,
    /// The size of this ledger that each neighbour last cosigned, and the size last shown to it.
    cosigned_by: BTreeMap<NodeId, u64>,
    shown_to: BTreeMap<NodeId, u64>,
    /// Neighbours' ledgers as they were shown.
    following: BTreeMap<NodeId, Following>,
    /// When each neighbour is asked to show its ledger anew.
    asking: BTreeMap<NodeId, Asking>,
    /// When the last acknowledgement of each neighbour will have been checked.
    lanes: BTreeMap<NodeId, u64>,
    /// Large bodies that were asked for, and streams that bring them.
    fetching: BTreeMap<(NodeId, u64), Staged>,
    streams: BTreeMap<(NodeId, u64), BodyHead>,
    started_at: u64,
    pub(crate) skew_ms: i64,
    room: RoomKnown,
    wake_at: Option<u64>,
    /// Something was taken in and is not concluded.
    row: bool,
    show_at: Option<u64>,
    random: Random,
}

impl Station {
    /// How far its clock is off now, in milliseconds.
    pub(crate) fn off_ms(&self) -> i64 {
        self.skew_ms.saturating_add(self.stepped_ms)
    }
}

impl Process {
    /// The process by node and life: what steps of it are addressed to.
    pub(crate) fn name(&self) -> (NodeId, u64) {
        (self.node, self.life)
    }

    /// The wall clock of this machine.
    pub(crate) fn wall(&self, out: &Outside) -> WallTime {
        WallTime::from_ms(out.wall().as_ms().saturating_add_signed(self.skew_ms))
    }

    fn now(&self, out: &Outside) -> Now {
        Now { wall: self.wall(out), uptime: out.now - self.started_at }
    }

    /// Lets the rules handle an event, by itself or with others that come soon, and does what they say.
    pub(crate) fn handle(&mut self, out: &mut Outside, event: Event) {
        let by_itself = matches!(
            event,
            Event::Tick
                | Event::Persisted { .. }
                | Event::LinkUp { .. }
                | Event::LinkDown { .. }
                | Event::DirectoryChanged { .. }
                | Event::Room(_)
        );
        if by_itself && self.row {
            self.conclude(out);
        }
        let node = self.node;
        out.note(|| format!("{node}: {}", crate::brief::event(&event)));
        self.core.take_in(self.now(out), event);
        if out.rows && !by_itself && self.random.chance(700) {
            if !std::mem::replace(&mut self.row, true) {
                let delay = self.random.within(0..=ROW_MS_MAX);
                out.later(self.name(), delay, Step::Conclude);
            }
        } else {
            self.conclude(out);
        }
    }

    /// Does what the rules say of everything that they took in.
    pub(crate) fn conclude(&mut self, out: &mut Outside) {
        self.row = false;
        let effects = self.core.conclude(self.now(out));
        self.perform(out, effects);
        out.checks.queues_stay_bounded.look(self).into_iter().for_each(|(check, what)| out.fail(check, what));
        self.plan_wake(out);
    }

    /// Takes a step that was on the agenda.
    pub(crate) fn step(&mut self, out: &mut Outside, step: Step) {
        match step {
            Step::Wake if self.wake_at == Some(out.now) => {
                self.wake_at = None;
                self.handle(out, Event::Tick);
            }
            // An earlier wake made this one void.
            Step::Wake => {}
            Step::Conclude if self.row => self.conclude(out),
            // It was concluded before, with something that is decided by itself.
            Step::Conclude => {}
            Step::Write => self.write(out),
            Step::Sync => self.sync(out),
            Step::Tell => self.tell(out),
            Step::Checked { from, frame } => self.checked(out, from, *frame),
            Step::Opened { staged } => self.opened(out, staged),
            Step::Close { request } => self.close(out, request),
            Step::Examined { holding } => self.examined(out, holding),
            Step::Show => self.show(out),
            Step::Look => self.look(out),
            Step::AskAgain { neighbour } => self.ask_again(out, neighbour),
        }
    }

    /// A neighbour is there.
    pub(crate) fn up(
        &mut self,
        out: &mut Outside,
        neighbour: NodeId,
        connection: u64,
        Hello { clock_ms, witnessed, remembered }: Hello,
    ) {
        let own = self.ledger.head().ledger;
        let beyond = |head: &Head| {
            head.ledger > own || head.ledger == own && self.ledger.root_at(head.size) != Some(head.root)
        };
        // Of the epoch before it may remember whatever it likes; what it cosigned of that is not of this one.
        let witnessed = if remembered.is_some_and(|head| head.ledger < own) { 0 } else { witnessed };
        if remembered.as_ref().is_some_and(beyond) {
            // It has said more than it knows: rather than tell a second history it stops, until somebody has seen to it.
            if !out.distrusted.contains(&self.node) {
                out.fail("ledgers_never_fork", format!("{} is set back although nobody did it", self.node));
            }
            out.set_back.insert(self.node);
            out.ending.push((self.node, format!("set back: {neighbour} remembers more")));
            return;
        }
        self.connected.insert(neighbour, connection);
        self.cosigned_by.insert(neighbour, witnessed);
        self.shown_to.remove(&neighbour);
        self.following.entry(neighbour).or_default().begin_anew();
        self.handle(out, Event::LinkUp { neighbour, clock_ms });
        self.show_soon(out);
    }

    /// A neighbour is gone.
    pub(crate) fn down(&mut self, out: &mut Outside, neighbour: NodeId, connection: u64) {
        if self.connected.get(&neighbour) == Some(&connection) {
            self.connected.remove(&neighbour);
            self.streams.retain(|(from, _), _| *from != neighbour);
            self.handle(out, Event::LinkDown { neighbour });
        }
    }

    /// The size of a neighbour's ledger that this node last cosigned.
    pub(crate) fn witnessed(&self, neighbour: NodeId) -> u64 {
        let state = self.core.state();
        state.witnessed(state.ledger_of(neighbour)).map_or(0, |head| head.size)
    }

    pub(crate) fn put(&mut self, item: Item) -> Staged {
        self.next_staged += 1;
        self.stage.insert(self.next_staged, item);
        self.next_staged
    }

    pub(crate) fn staged_envelope(&self, staged: Staged) -> Option<&Arc<StoredEnvelope>> {
        match self.stage.get(&staged) {
            Some(Item::Envelope(envelope)) => Some(envelope),
            _ => None,
        }
    }

    fn plan_wake(&mut self, out: &mut Outside) {
        let Some(uptime) = self.core.next_wake() else { return };
        let at = self.started_at.saturating_add(uptime).max(out.now + 1);
        if self.wake_at.is_none_or(|planned| at < planned || planned <= out.now) {
            self.wake_at = Some(at);
            out.later(self.name(), at - out.now, Step::Wake);
        }
    }
}
