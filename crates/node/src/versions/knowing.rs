//! Which files of divisions a node that holds a part is asking for, of whom, and who waits for them.

use crate::config::Hold;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tokio::sync::oneshot;
use yizhan_document::NodeId;
use yizhan_hierarchy::{Directory, DirectoryError, Edition, VersionRefused, limits::FETCHED_MAX};
use yizhan_protocol::{DirectoryPart, DirectoryWanted, DivisionFile, limits::DIVISIONS_WANTED_MAX};

/// How long a neighbour may take to send files, in milliseconds. One that does not hold them itself asks on, and says nothing before.
const PATIENCE_MS: u64 = 5_000;
/// For how long a neighbour is not asked again that did not send what it was asked for, in milliseconds.
const SHUNNED_MS: u64 = 2_000;
/// For how long a file is not asked for again that is signed and wrong, in milliseconds.
const REFUSED_MS: u64 = 60_000;
/// Nodes that are to be asked for, at the most; whoever needs more comes again.
const WANTED_MAX: usize = 65_536;
/// The time over which it is counted what neighbours make this node fetch, in milliseconds.
const SPAN_MS: u64 = 60_000;
/// Nodes that one neighbour may make this node know in that time, at the most, by what it offers and tells.
pub(super) const KNOWN_FOR_A_NEIGHBOUR_MAX: usize = 512;
/// Files that one neighbour may have passed on to it in that time, at the most.
pub(super) const PASSED_ON_MAX: usize = 8_192;

const _: () = assert!(WANTED_MAX >= yizhan_hierarchy::limits::DIVISIONS_MAX);
const _: () = assert!(KNOWN_FOR_A_NEIGHBOUR_MAX < FETCHED_MAX);

/// What is being asked for.
#[derive(Default)]
pub(super) struct Knowing {
    hold: Hold,
    /// Nodes to be asked for, and whether this node itself needs them.
    wanted: BTreeMap<NodeId, bool>,
    waiting: Vec<Waiting>,
    asked: Option<Asked>,
    /// Who did not send what they were asked for, until when they are left alone.
    shunned: BTreeMap<NodeId, u64>,
    /// Nodes whose files are signed and wrong, until when they are not asked for.
    refused: BTreeMap<NodeId, u64>,
    /// What each neighbour made this node fetch: since when, how many to know, how many to pass on.
    spent: BTreeMap<NodeId, (u64, [usize; 2])>,
    /// What was fetched of nodes that are not needed always, the first first.
    fetched: VecDeque<NodeId>,
}

/// Somebody who waits until nodes are known.
struct Waiting {
    nodes: BTreeSet<NodeId>,
    reply: oneshot::Sender<()>,
}

/// An ask that is under way.
struct Asked {
    from: NodeId,
    edition: Edition,
    /// What has not come yet.
    nodes: BTreeMap<NodeId, bool>,
    files: BTreeMap<NodeId, (bool, Vec<u8>)>,
    at: u64,
}

/// What a neighbour is fetched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    /// So that this node knows.
    Knowing,
    /// So that it is passed on.
    Passing,
}

/// How far an ask has come.
#[derive(Debug)]
pub(super) enum Come {
    /// More is to come: ask for it.
    More(DirectoryWanted),
    /// All that there was to come, each with whether this node itself needs it.
    All(BTreeMap<NodeId, (bool, Vec<u8>)>),
}

impl Knowing {
    /// As a node starts that holds this.
    pub(super) fn beginning(held: &Directory, me: NodeId, hold: Hold) -> Self {
        let mut knowing = Self { hold, ..Self::default() };
        if hold == Hold::Part {
            let needed = held.needed_by(me);
            let others = held.divisions().map(|division| division.node);
            knowing.fetched = others.filter(|node| !needed.contains(node)).collect();
        }
        knowing
    }

    /// Whether a neighbour may make this node fetch so many more now.
    pub(super) fn may_spend(&mut self, neighbour: NodeId, count: usize, what: For, now: u64) -> bool {
        let spent = self.spent.entry(neighbour).or_insert((now, [0, 0]));
        if now >= spent.0 + SPAN_MS {
            *spent = (now, [0, 0]);
        }
        let (number, most) = match what {
            For::Knowing => (0, KNOWN_FOR_A_NEIGHBOUR_MAX),
            For::Passing => (1, PASSED_ON_MAX),
        };
        let Some(counted) = spent.1.get_mut(number) else { return false };
        let may = *counted + count <= most;
        *counted += if may { count } else { 0 };
        may
    }

    /// Nodes that are not being asked for yet.
    pub(super) fn unasked(&self, nodes: &[NodeId]) -> usize {
        let asked = |node: &&NodeId| {
            self.wanted.contains_key(node)
                || self.asked.as_ref().is_some_and(|it| it.nodes.contains_key(node))
        };
        nodes.iter().filter(|node| !asked(node)).count()
    }

    /// These are to be asked for; false if that is too many, or the file of one of them is known to be wrong.
    pub(super) fn want(&mut self, nodes: &[NodeId], own: bool, now: u64) -> bool {
        self.refused.retain(|_, until| *until > now);
        if self.wanted.len() + nodes.len() > WANTED_MAX {
            return false;
        }
        let good = nodes.iter().filter(|node| !self.refused.contains_key(node));
        let good: Vec<NodeId> = good.copied().collect();
        for node in &good {
            let under_way = self.asked.as_mut().and_then(|asked| asked.nodes.get_mut(node));
            let wanted = under_way.unwrap_or_else(|| self.wanted.entry(*node).or_default());
            *wanted |= own;
        }
        good.len() == nodes.len()
    }

    /// Somebody waits until all of these are known.
    pub(super) fn wait(&mut self, nodes: &[NodeId], reply: oneshot::Sender<()>) {
        self.waiting.push(Waiting { nodes: nodes.iter().copied().collect(), reply });
    }

    /// Whom to ask for what next, of those that are up.
    pub(super) fn next(
        &mut self,
        sources: &[NodeId],
        edition: Edition,
        now: u64,
    ) -> Option<(NodeId, DirectoryWanted)> {
        self.shunned.retain(|_, until| *until > now);
        if self.asked.is_some() || self.wanted.is_empty() {
            return None;
        }
        let from = *sources.iter().find(|source| !self.shunned.contains_key(source))?;
        let later = self.wanted.keys().nth(DIVISIONS_WANTED_MAX).copied();
        let later = later.map(|first| self.wanted.split_off(&first)).unwrap_or_default();
        let nodes = std::mem::replace(&mut self.wanted, later);
        let wanted = wanted(edition, &nodes);
        self.asked = Some(Asked { from, edition, nodes, files: BTreeMap::new(), at: now });
        Some((from, wanted))
    }

    /// Whether a part answers what is asked for here. Whatever else a neighbour sends is left aside.
    pub(super) fn waits_for(&self, from: NodeId, part: &DirectoryPart) -> bool {
        let edition = Edition { version: part.version, delegated: part.delegated };
        let asked = self.asked.as_ref().filter(|asked| asked.from == from && asked.edition == edition);
        asked.is_some() && part.root.is_empty()
    }

    /// Files have come. Each is held against its digest in the version that is held, before anything is read of it (MUST-37).
    pub(super) fn take(
        &mut self,
        files: Vec<DivisionFile>,
        held: &Directory,
        now: u64,
    ) -> Result<Come, VersionRefused> {
        let version = held.version;
        let asked = self.asked.as_mut().ok_or(VersionRefused::NotSent { version })?;
        let before = asked.nodes.len();
        for DivisionFile { node, content } in files {
            if held.digest_of(node) != Some(yizhan_document::Digest::of(&content)) {
                return Err(DirectoryError::DigestMismatch { node }.into());
            }
            if let Some(own) = asked.nodes.remove(&node) {
                asked.files.insert(node, (own, content));
            }
        }
        if asked.nodes.len() == before {
            return Err(VersionRefused::NotSent { version });
        }
        asked.at = now;
        if !asked.nodes.is_empty() {
            return Ok(Come::More(wanted(asked.edition, &asked.nodes)));
        }
        let files = std::mem::take(&mut asked.files);
        self.asked = None;
        Ok(Come::All(files))
    }

    /// Who is asked and has not answered for too long.
    pub(super) fn silent(&self, now: u64) -> Option<NodeId> {
        self.asked.as_ref().filter(|asked| now >= asked.at + PATIENCE_MS).map(|asked| asked.from)
    }

    /// What was asked of a neighbour does not come from it now: gives what did come, and the rest is asked for elsewhere.
    pub(super) fn failed(&mut self, from: NodeId, now: u64) -> BTreeMap<NodeId, (bool, Vec<u8>)> {
        let Some(asked) = self.asked.take_if(|asked| asked.from == from) else { return BTreeMap::new() };
        self.shunned.insert(from, now + SHUNNED_MS);
        for (node, own) in asked.nodes {
            *self.wanted.entry(node).or_default() |= own;
        }
        asked.files
    }

    /// A file is signed and wrong: nobody waits for it in vain.
    pub(super) fn refuse(&mut self, node: NodeId, now: u64) {
        self.refused.insert(node, now + REFUSED_MS);
        self.waiting.retain(|waiting| !waiting.nodes.contains(&node));
    }

    /// More is held now: whoever waited for that is told, and whoever waits no more is forgotten.
    pub(super) fn known(&mut self, held: &Directory) {
        self.wanted.retain(|node, _| held.is_absent(*node));
        for mut waiting in std::mem::take(&mut self.waiting) {
            waiting.nodes.retain(|node| held.is_absent(*node));
            if waiting.nodes.is_empty() {
                // Whoever has gone asks again.
                waiting.reply.send(()).unwrap_or_default();
            } else if !waiting.reply.is_closed() {
                self.waiting.push(waiting);
            }
        }
    }

    /// Another version is held: what is under way is of the one before.
    pub(super) fn begin_anew(&mut self, held: &Directory, me: NodeId) {
        if let Some(asked) = self.asked.take() {
            let files = asked.files.into_iter().map(|(node, (own, _))| (node, own));
            self.wanted.extend(asked.nodes.into_iter().chain(files));
        }
        self.shunned.clear();
        self.refused.clear();
        let needed = held.needed_by(me);
        self.fetched.retain(|node| held.division(*node).is_some() && !needed.contains(node));
        self.known(held);
    }

    /// What was fetched, these with it, and what is let go of for them. Whoever is to hold the whole lets go of nothing.
    pub(super) fn with_fetched(
        &self,
        nodes: impl Iterator<Item = NodeId>,
    ) -> (VecDeque<NodeId>, Vec<NodeId>) {
        if self.hold == Hold::Whole {
            return (VecDeque::new(), Vec::new());
        }
        let mut fetched: VecDeque<NodeId> = self.fetched.iter().copied().chain(nodes).collect();
        let over = fetched.len().saturating_sub(FETCHED_MAX);
        let let_go = fetched.drain(..over).collect();
        (fetched, let_go)
    }

    /// Notes that, once it is durable.
    pub(super) fn note_fetched(&mut self, fetched: VecDeque<NodeId>) {
        self.fetched = fetched;
    }
}

fn wanted(edition: Edition, nodes: &BTreeMap<NodeId, bool>) -> DirectoryWanted {
    let Edition { version, delegated } = edition;
    DirectoryWanted { version, delegated, divisions: nodes.keys().copied().collect(), root_from: 0 }
}

#[cfg(test)]
#[path = "knowing_tests.rs"]
mod tests;
