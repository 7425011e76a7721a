//! The shape of the network: who is whose parent, who stands in, who is linked directly.

use crate::limits::{DEPTH_MAX, DIVISIONS_MAX};
use std::collections::BTreeSet;
use yizhan_document::NodeId;

/// Where one node stands, as the directory says.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The node.
    pub node: NodeId,
    /// The node above it; none for a root.
    pub parent: Option<NodeId>,
    /// Who stands in when the parent is away, the most preferred first.
    pub backup_parents: &'a [NodeId],
    /// Whom it talks to directly besides parent and children.
    pub direct_links: &'a [NodeId],
}

/// One tree, or several side by side, checked: every parent exists, no node is above itself, none is deeper than
/// [`DEPTH_MAX`].
///
/// Nodes are numbered in ascending order of their ids. A look-up is two binary searches and a walk upwards: O(log n +
/// depth), no allocation.
#[derive(Clone, Debug)]
pub struct Tree {
    nodes: Vec<NodeId>,
    stations: Vec<Station>,
    children: Adjacency,
    backup_parents: Adjacency,
    backed_up: Adjacency,
    direct_links: Adjacency,
}

/// A node by number.
pub(crate) type Number = u32;

#[derive(Clone, Copy, Debug)]
struct Station {
    parent: Option<Number>,
    root: Number,
    depth: u32,
}

impl Tree {
    /// Builds the tree and checks it as a whole.
    pub fn build<'a>(places: impl IntoIterator<Item = Place<'a>>) -> Result<Self, TreeError> {
        let mut places: Vec<Place<'a>> = places.into_iter().take(DIVISIONS_MAX + 1).collect();
        if places.len() > DIVISIONS_MAX {
            return Err(TreeError::TooMany);
        }
        places.sort_by_key(|place| place.node);
        let twice =
            places.iter().zip(places.iter().skip(1)).find(|(first, second)| first.node == second.node);
        if let Some((place, _)) = twice {
            return Err(TreeError::Duplicate { node: place.node });
        }
        let nodes: Vec<NodeId> = places.iter().map(|place| place.node).collect();
        let stations = stations(&nodes, &places)?;
        let (backups, links) = side_edges(&nodes, &stations, &places)?;

        let numbered = || (0..).zip(&stations);
        let children = numbered().filter_map(|(number, s)| s.parent.map(|parent| (parent, number))).collect();
        let backed_up = backups.iter().map(|(node, backup)| (*backup, *node)).collect();
        Ok(Self {
            children: Adjacency::new(nodes.len(), children),
            backup_parents: Adjacency::new(nodes.len(), backups),
            backed_up: Adjacency::new(nodes.len(), backed_up),
            direct_links: Adjacency::new(nodes.len(), links.into_iter().collect()),
            stations,
            nodes,
        })
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// All nodes, ascending.
    pub fn nodes(&self) -> &[NodeId] {
        &self.nodes
    }

    /// Whether `node` is in it.
    pub fn contains(&self, node: NodeId) -> bool {
        self.number(node).is_some()
    }

    /// The node above `node`; none if `node` is a root or unknown.
    pub fn parent(&self, node: NodeId) -> Option<NodeId> {
        self.node(self.parent_of(self.number(node)?)?)
    }

    /// The nodes right below `node`, ascending.
    pub fn children(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let children = self.number(node).map(|number| self.children.of(number)).unwrap_or_default();
        children.iter().filter_map(|child| self.node(*child))
    }

    /// The nodes without a parent, ascending.
    pub fn roots(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.nodes
            .iter()
            .zip(&self.stations)
            .filter(|(_, station)| station.parent.is_none())
            .map(|(node, _)| *node)
    }

    /// Everybody `me` keeps a link with, ascending: parent, children, direct links whichever side named them, and
    /// backup parents either way (a link that is only opened when it is needed cannot be known to be up).
    pub fn neighbours(&self, me: NodeId) -> Vec<NodeId> {
        let Some(number) = self.number(me) else { return Vec::new() };
        let lists = [&self.children, &self.direct_links, &self.backup_parents, &self.backed_up];
        let numbers: BTreeSet<Number> =
            lists.iter().flat_map(|list| list.of(number)).copied().chain(self.parent_of(number)).collect();
        numbers.into_iter().filter_map(|number| self.node(number)).collect()
    }

    /// Whether `below` lies under `above`; a node does not lie under itself.
    pub fn is_below(&self, below: NodeId, above: NodeId) -> bool {
        let both = self.number(below).zip(self.number(above));
        both.is_some_and(|(below, above)| self.chain(below).skip(1).any(|node| node == above))
    }

    /// Whether each step of `path` goes from a node to its parent or to a child of it. What does not is a detour or a
    /// direct link, which the directory has to grant.
    pub fn path_is_tree(&self, path: &[NodeId]) -> bool {
        let next = path.iter().skip(1);
        path.iter().all(|node| self.contains(*node))
            && path.iter().zip(next).all(|(a, b)| self.parent(*a) == Some(*b) || self.parent(*b) == Some(*a))
    }

    pub(crate) fn number(&self, node: NodeId) -> Option<Number> {
        number_in(&self.nodes, node)
    }

    pub(crate) fn node(&self, number: Number) -> Option<NodeId> {
        self.nodes.get(number as usize).copied()
    }

    pub(crate) fn parent_of(&self, number: Number) -> Option<Number> {
        self.stations.get(number as usize)?.parent
    }

    pub(crate) fn same_tree(&self, a: Number, b: Number) -> bool {
        let root = |number| self.stations.get(number as usize).map(|station: &Station| station.root);
        root(a) == root(b)
    }

    /// `number`, the node above it, and so on up to the root.
    pub(crate) fn chain(&self, number: Number) -> impl Iterator<Item = Number> + '_ {
        std::iter::successors(Some(number), |at| self.parent_of(*at))
    }

    pub(crate) fn backup_parents_of(&self, number: Number) -> &[Number] {
        self.backup_parents.of(number)
    }

    /// Ascending.
    pub(crate) fn direct_links_of(&self, number: Number) -> &[Number] {
        self.direct_links.of(number)
    }
}

/// Why places do not make a tree. Whoever drafted the directory is to blame; nothing of it is used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Too many nodes.
    #[error("a directory has at most {DIVISIONS_MAX} divisions")]
    TooMany,
    /// A node given twice.
    #[error("{node} stands in it twice")]
    Duplicate {
        /// The node.
        node: NodeId,
    },
    /// A parent that does not exist.
    #[error("{node} is an orphan: its parent {parent} is not in the directory")]
    Orphan {
        /// The node.
        node: NodeId,
        /// The parent it names.
        parent: NodeId,
    },
    /// A node above itself.
    #[error("{node} is above itself: follow its parents")]
    Cycle {
        /// A node of the circle, or below it.
        node: NodeId,
    },
    /// A chain of parents that is too long.
    #[error("{node} has more than {DEPTH_MAX} nodes on its way up, itself counted")]
    TooDeep {
        /// The node.
        node: NodeId,
    },
    /// A link to itself, to nobody, or named twice.
    #[error("{node} names {other} as {what}, {reason}")]
    Link {
        /// The node.
        node: NodeId,
        /// Whom it names.
        other: NodeId,
        /// What as.
        what: &'static str,
        /// Why it cannot be.
        reason: &'static str,
    },
}

const BACKUP: &str = "backup parent";
const DIRECT: &str = "direct link";

fn number_in(nodes: &[NodeId], node: NodeId) -> Option<Number> {
    nodes.binary_search(&node).ok().and_then(|at| Number::try_from(at).ok())
}

/// Parent, root and depth of every node.
fn stations(nodes: &[NodeId], places: &[Place<'_>]) -> Result<Vec<Station>, TreeError> {
    let parent = |place: &Place<'_>| match place.parent {
        None => Ok(None),
        Some(parent) => match number_in(nodes, parent) {
            None => Err(TreeError::Orphan { node: place.node, parent }),
            number => Ok(number),
        },
    };
    let parents = places.iter().map(parent).collect::<Result<Vec<_>, _>>()?;
    let above = |number: Number| parents.get(number as usize).copied().flatten();
    let station = |(number, place): (Number, &Place<'_>)| {
        let mut chain = std::iter::successors(Some(number), |at| above(*at));
        let within: Vec<Number> = chain.by_ref().take(DEPTH_MAX).collect();
        if chain.next().is_some() {
            // A chain longer than there are nodes never ends.
            let ends = chain.take(nodes.len()).count() < nodes.len();
            let node = place.node;
            return Err(if ends { TreeError::TooDeep { node } } else { TreeError::Cycle { node } });
        }
        let root = within.last().copied().unwrap_or(number);
        Ok(Station { parent: above(number), root, depth: within.len() as u32 })
    };
    (0..).zip(places).map(station).collect()
}

type Edges = Vec<(Number, Number)>;

/// Backup parents as edges in order of preference, direct links as edges in both directions.
fn side_edges(
    nodes: &[NodeId],
    stations: &[Station],
    places: &[Place<'_>],
) -> Result<(Edges, BTreeSet<(Number, Number)>), TreeError> {
    let depth = |number: Number| stations.get(number as usize).map(|station| station.depth);
    let parent = |number: Number| stations.get(number as usize).and_then(|station| station.parent);
    let (mut backups, mut links) = (Vec::new(), BTreeSet::new());
    for (number, place) in (0..).zip(places) {
        let node = place.node;
        let named = |what, others: &[NodeId], position: usize, other: NodeId| {
            let refuse = |reason| Err(TreeError::Link { node, other, what, reason });
            let Some(found) = number_in(nodes, other) else { return refuse("which is not in the directory") };
            if found == number {
                return refuse("which is itself");
            }
            if others.iter().take(position).any(|earlier| *earlier == other) {
                return refuse("which it names twice");
            }
            Ok(found)
        };
        for (position, other) in place.backup_parents.iter().copied().enumerate() {
            let found = named(BACKUP, place.backup_parents, position, other)?;
            let refuse = |reason| Err(TreeError::Link { node, other, what: BACKUP, reason });
            if place.parent == Some(other) {
                return refuse("which is its parent");
            }
            // The rule that keeps a detour from ever becoming a circle: each hop upwards, by parent or backup parent,
            // ends nearer to a root.
            if depth(found) >= depth(number) {
                return refuse("which is not nearer to a root than it is");
            }
            backups.push((number, found));
        }
        for (position, other) in place.direct_links.iter().copied().enumerate() {
            let found = named(DIRECT, place.direct_links, position, other)?;
            if parent(found) == Some(number) || parent(number) == Some(found) {
                let reason = "which is its parent or child";
                return Err(TreeError::Link { node, other, what: DIRECT, reason });
            }
            links.extend([(number, found), (found, number)]);
        }
    }
    Ok((backups, links))
}

/// For every node the numbers of some others, in one piece of memory.
#[derive(Clone, Debug)]
struct Adjacency {
    starts: Vec<u32>,
    targets: Vec<Number>,
}

impl Adjacency {
    /// Keeps the order of edges that leave the same node.
    fn new(nodes: usize, mut edges: Edges) -> Self {
        edges.sort_by_key(|(from, _)| *from);
        let mut starts = vec![0; nodes + 1];
        for (from, _) in &edges {
            if let Some(count) = starts.get_mut(*from as usize + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        Self { starts, targets: edges.into_iter().map(|(_, to)| to).collect() }
    }

    fn of(&self, number: Number) -> &[Number] {
        let start = |at: usize| self.starts.get(at).map(|start| *start as usize);
        let number = number as usize;
        let range = start(number).zip(start(number + 1));
        range.and_then(|(from, to)| self.targets.get(from..to)).unwrap_or_default()
    }
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
