//! Everything around the processes: time, wire, documents, clerks, and whoever watches that the promises are kept.

use crate::agenda::Agenda;
use crate::book::Book;
use crate::checks::Checks;
use crate::clerks::Clerks;
use crate::happening::{Happening, Step};
use crate::liar::Liar;
use crate::network::BEGINNING_MS;
use crate::outcome::Failure;
use crate::plan::CrashRule;
use crate::trace::Trace;
use crate::wire::{Message, Wire};
use std::collections::BTreeSet;
use std::sync::Arc;
use yizhan_document::{NodeId, WallTime};
use yizhan_hierarchy::Directory;
use yizhan_protocol::Frame;

/// Changes frames on their way out, as a lying neighbour or a wire under attack would; says whether to send them.
pub type Tamper = Box<dyn FnMut(NodeId, NodeId, &mut Frame) -> bool>;

/// What all processes share.
pub(crate) struct Outside {
    pub(crate) now: u64,
    pub(crate) agenda: Agenda<Happening>,
    pub(crate) wire: Wire,
    pub(crate) book: Book,
    pub(crate) clerks: Clerks,
    pub(crate) checks: Checks,
    /// The newest version of the directory, and all that there were, the first one first.
    pub(crate) directory: Arc<Directory>,
    pub(crate) directories: Vec<Arc<Directory>>,
    pub(crate) trace: Trace,
    pub(crate) failures: Vec<Failure>,
    pub(crate) tamper: Option<Tamper>,
    pub(crate) liar: Option<Liar>,
    pub(crate) crash_rule: Option<CrashRule>,
    pub(crate) sync_ms_max: u64,
    pub(crate) condensed_freely_bytes: u64,
    /// Whether nodes decide what comes within a few milliseconds together.
    pub(crate) rows: bool,
    pub(crate) bad_pieces: u64,
    /// Processes that have to end now: the node, and why.
    pub(crate) ending: Vec<(NodeId, String)>,
    /// Nodes that were told that they have said more than they know, and have stopped.
    pub(crate) set_back: BTreeSet<NodeId>,
    /// Machines that stay down until somebody brings them up.
    pub(crate) held_down: BTreeSet<NodeId>,
    /// Nodes that lie, or whose disk does: of these nothing is demanded, and nobody may be harmed by them.
    pub(crate) distrusted: BTreeSet<NodeId>,
}

impl Outside {
    /// Puts a step of a process on the agenda.
    pub(crate) fn later(&mut self, (node, life): (NodeId, u64), delay: u64, step: Step) {
        self.agenda.at(self.now + delay, Happening::Inside { node, life, step });
    }

    /// Sends something on the connection that the sender believes in.
    pub(crate) fn send(&mut self, way: (NodeId, NodeId, u64), message: Message, later: u64) {
        self.wire.send(self.now, &mut self.agenda, way, message, later);
    }

    /// True time; the clocks of nodes differ from it.
    pub(crate) fn wall(&self) -> WallTime {
        WallTime::from_ms(BEGINNING_MS + self.now)
    }

    pub(crate) fn note(&mut self, line: impl FnOnce() -> String) {
        self.trace.note(self.now, line);
    }

    /// A promise to a clerk was broken; one of a node that is not trusted says nothing.
    pub(crate) fn fail_at(&mut self, node: NodeId, check: &'static str, what: String) {
        if !self.distrusted.contains(&node) {
            self.fail(check, what);
        }
    }

    /// A promise was broken.
    pub(crate) fn fail(&mut self, check: &'static str, what: String) {
        self.note(|| format!("FAILURE {check}: {what}"));
        if self.failures.len() < crate::limits::FAILURES_MAX {
            self.failures.push(Failure { check, at_ms: self.now, what });
        }
    }
}
