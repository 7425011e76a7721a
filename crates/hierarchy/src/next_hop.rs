//! Where a document goes next, and why.
//!
//! No hop leads in a circle, whatever links come and go on the way and whatever each node believes of them. As long as the
//! destination is not below the node that holds the document, a hop goes to a node nearer to a root (parent or backup
//! parent), or to one that has the destination below it or is the destination (direct link). Once the destination is
//! below, every hop goes down the chain that leads to it. So a document sees at most twice [`DEPTH_MAX`] nodes.
//!
//! [`DEPTH_MAX`]: crate::limits::DEPTH_MAX

use crate::tree::{Number, Tree};
use serde::Serialize;
use std::fmt;
use yizhan_document::NodeId;

/// The next node and the reason for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Hop {
    /// Where to.
    pub node: NodeId,
    /// Why there.
    pub why: HopReason,
}

/// Why a document goes to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HopReason {
    /// It is where it was going.
    Here,
    /// The destination is that child, or below it.
    Down,
    /// A direct link leads to the destination or to a node above it.
    Direct,
    /// The destination is elsewhere: to the parent.
    Up,
    /// A detour by the link between a node and its backup parent, since a parent is away.
    BackupParent,
}

impl HopReason {
    /// The name in formats and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Down => "down",
            Self::Direct => "direct",
            Self::Up => "up",
            Self::BackupParent => "backup-parent",
        }
    }
}

impl fmt::Display for HopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why there is no next hop. The directory is to blame, or an address that is not in it; trying again helps only with a
/// newer directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// Not in the directory.
    #[error("there is no node {node} in the directory; check the code, or wait for a directory that has it")]
    UnknownNode {
        /// The node.
        node: NodeId,
    },
    /// In another tree, to which nothing leads from here.
    #[error(
        "nothing leads from {from} to {to}: their trees are not linked; the directory has to grant a direct link"
    )]
    NoRoute {
        /// From where.
        from: NodeId,
        /// Where to.
        to: NodeId,
    },
}

impl Tree {
    /// The node that `me` passes a document for `destination` to, given which neighbours are `up`.
    ///
    /// Down if the destination is below `me`, by the tree, or past a child that is away over a direct or backup link that
    /// is up. Else a direct link towards the destination if one is up (a link to a node above `me` counts only if that is
    /// the destination). Else up; to a backup parent, else over any direct link, if the parent is away and they are up. If
    /// nobody is up, the answer is the node to wait for.
    pub fn next_hop(
        &self,
        me: NodeId,
        destination: NodeId,
        up: &dyn Fn(NodeId) -> bool,
    ) -> Result<Hop, RouteError> {
        let at = self.number(me).ok_or(RouteError::UnknownNode { node: me })?;
        let to = self.number(destination).ok_or(RouteError::UnknownNode { node: destination })?;
        let up = |number: Number| self.node(number).is_some_and(up);
        let step = if at == to {
            Some((at, HopReason::Here))
        } else if let Some(child) = self.child_towards(at, to) {
            Some(self.step_down(at, to, child, &up))
        } else {
            self.step_away(at, to, &up)
        };
        step.and_then(|(number, why)| Some(Hop { node: self.node(number)?, why }))
            .ok_or(RouteError::NoRoute { from: me, to: destination })
    }

    /// The hops from `from` to `to` while every node is up, the last one being `to`; a single `Here` if they are one.
    pub fn route(&self, from: NodeId, to: NodeId) -> Result<Vec<Hop>, RouteError> {
        let mut hops = vec![self.next_hop(from, to, &|_| true)?];
        while let Some(last) = hops.last().filter(|last| last.node != to) {
            hops.push(self.next_hop(last.node, to, &|_| true)?);
        }
        Ok(hops)
    }

    /// The child of `me` that is `to` or has it below.
    fn child_towards(&self, me: Number, to: Number) -> Option<Number> {
        self.chain(to).find(|node| self.parent_of(*node) == Some(me))
    }

    fn step_down(
        &self,
        me: Number,
        to: Number,
        child: Number,
        up: &dyn Fn(Number) -> bool,
    ) -> (Number, HopReason) {
        if up(child) {
            return (child, HopReason::Down);
        }
        let past = self.chain(to).take_while(|node| *node != child).find_map(|node| {
            let why = if self.is_linked(me, node) {
                HopReason::Direct
            } else if self.backup_parents_of(node).contains(&me) {
                HopReason::BackupParent
            } else {
                return None;
            };
            up(node).then_some((node, why))
        });
        past.unwrap_or((child, HopReason::Down))
    }

    // Open: a backup parent that is not above the node it backs carries only upwards. It cannot see whether that node's
    // own parent is away, so what comes down goes by the tree and waits there. Grants in the directory will tell it.
    fn step_away(&self, me: Number, to: Number, up: &dyn Fn(Number) -> bool) -> Option<(Number, HopReason)> {
        let direct = |number| (number, HopReason::Direct);
        // A link to a node above `me` is for what concerns that node (直报); the rest passes the parent, as it should.
        let aside = |node: Number| node == to || self.chain(me).all(|above| above != node);
        if let Some(link) = self.link_towards(me, to, &|node| aside(node) && up(node)) {
            return Some(direct(link));
        }
        let parent = self.parent_of(me).filter(|parent| self.leads_to(*parent, to));
        if let Some(parent) = parent.filter(|parent| up(*parent)) {
            return Some((parent, HopReason::Up));
        }
        let backups =
            || self.backup_parents_of(me).iter().copied().filter(|backup| self.leads_to(*backup, to));
        if let Some(backup) = backups().find(|backup| up(*backup)) {
            return Some((backup, HopReason::BackupParent));
        }
        if let Some(link) = self.link_towards(me, to, up) {
            return Some(direct(link));
        }
        // Nobody is up: whom to wait for. A direct link only if the parent leads nowhere, since waiting at a root for
        // what only a node below it can reach would be for ever.
        parent
            .map(|parent| (parent, HopReason::Up))
            .or_else(|| self.link_towards(me, to, &|_| true).map(direct))
            .or_else(|| backups().next().map(|backup| (backup, HopReason::BackupParent)))
    }

    /// The direct link of `me` that is nearest to `to`, among those that are `to` or above it and are `wanted`.
    fn link_towards(&self, me: Number, to: Number, wanted: &dyn Fn(Number) -> bool) -> Option<Number> {
        if self.direct_links_of(me).is_empty() {
            return None;
        }
        self.chain(to).find(|node| self.is_linked(me, *node) && wanted(*node))
    }

    fn is_linked(&self, me: Number, other: Number) -> bool {
        self.direct_links_of(me).binary_search(&other).is_ok()
    }

    /// Whether a document for `to` arrives if it is passed upwards from `at`.
    fn leads_to(&self, at: Number, to: Number) -> bool {
        self.same_tree(at, to) || self.chain(at).any(|node| self.link_towards(node, to, &|_| true).is_some())
    }
}

#[cfg(test)]
#[path = "next_hop_tests.rs"]
mod tests;
