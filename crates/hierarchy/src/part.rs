//! Holding a part of a directory: which nodes are known by their files, which by a sketch alone, and what a node needs always.

use crate::directory::Directory;
use crate::division::Division;
use crate::outline::{Outline, Places, Sketch};
use crate::parcel::Parcel;
use crate::tree::Tree;
use crate::verification::{DirectoryError, check_offices, check_unique};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use yizhan_document::{Classification, Digest, NodeId};

impl Directory {
    /// Whether every file of the own network is held.
    pub fn holds_all(&self) -> bool {
        self.outline.is_empty()
    }

    /// Whether this version lists `node` and its file is not held: its place in the tree is known, its keys and offices are not.
    pub fn is_absent(&self, node: NodeId) -> bool {
        self.outline.get(node).is_some()
    }

    /// Whether this version lists `node` for the own network, be its file held or not.
    pub fn is_own(&self, node: NodeId) -> bool {
        self.divisions.contains_key(&node) || self.is_absent(node)
    }

    /// All nodes of the own network, those first whose files are held.
    pub fn own_nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.divisions.keys().copied().chain(self.absent())
    }

    /// The nodes of the own network whose files are not held, ascending.
    pub fn absent(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.outline.iter().map(|(node, _)| node)
    }

    /// How many divisions of the own network are listed, whether their files are held or not.
    pub fn listed_divisions(&self) -> usize {
        self.divisions.len() + self.outline.len()
    }

    /// The highest classification that a node may carry; none if it is not listed.
    pub fn max_classification(&self, node: NodeId) -> Option<Classification> {
        let own = Places { held: &self.divisions, absent: &self.outline };
        own.max_classification(node)
            .or_else(|| self.division(node).map(|division| division.max_classification))
    }

    /// What an outline keeps of a node of the own network.
    pub fn sketch(&self, node: NodeId) -> Option<Sketch> {
        match self.divisions.get(&node) {
            Some(division) => Some(Sketch::of(division, self.digest_of(node)?)),
            None => self.outline.get(node).cloned(),
        }
    }

    /// The nodes of the own network that `me` has to know always: itself, its road up, all below it, whomever it has a link with.
    pub fn needed_by(&self, me: NodeId) -> BTreeSet<NodeId> {
        let mut needed = needed(self.tree(), me);
        needed.retain(|node| self.is_own(*node));
        needed
    }

    /// The same version with further files, and why each of those that are left out is. A file counts only as the version lists it, and
    /// is held to everything that whoever holds the whole holds it to (MUST-63).
    pub fn with_files(&self, files: &BTreeMap<NodeId, Vec<u8>>) -> (Self, Vec<(NodeId, DirectoryError)>) {
        let (mut read, mut refused) = (Vec::new(), Vec::new());
        for (node, bytes) in files.iter().filter(|(node, _)| self.is_absent(**node)) {
            match self.read(*node, bytes) {
                Ok(division) => read.push(division),
                Err(error) => refused.push((*node, error)),
            }
        }
        let mut whole = self.clone();
        if check_unique(self.divisions_of_all().chain(&read)).is_ok() {
            whole.take(read);
            return (whole, refused);
        }
        // Somebody's key or endpoint is another's: that one is left out, whoever it is.
        for division in read {
            match check_unique(whole.divisions_of_all().chain([&division])) {
                Ok(()) => whole.take(vec![division]),
                Err(error) => refused.push((division.node, error)),
            }
        }
        (whole, refused)
    }

    /// The same version with no files but those of `kept`; of all others the outline is held.
    pub fn reduced_to(&self, kept: &BTreeSet<NodeId>) -> Self {
        let mut part = self.clone();
        let mut outline = Outline::clone(&self.outline);
        for node in self.divisions.keys().filter(|node| !kept.contains(node)) {
            if let Some(sketch) = self.sketch(*node) {
                part.divisions.remove(node);
                outline.insert(*node, sketch);
            }
        }
        part.outline = Arc::new(outline);
        part
    }

    /// The division in the file of an absent node.
    fn read(&self, node: NodeId, bytes: &[u8]) -> Result<Division, DirectoryError> {
        let digest = Digest::of(bytes);
        if self.digest_of(node) != Some(digest) {
            return Err(DirectoryError::DigestMismatch { node });
        }
        let division = division_of(node, bytes)?;
        if self.outline.get(node) != Some(&Sketch::of(&division, digest)) {
            return Err(DirectoryError::Outline { node });
        }
        let issued = self.list_over(node).map_or(self.issued, |list| list.issued);
        check_offices(&division, &self.network, issued, &self.ca)?;
        Ok(division)
    }

    fn take(&mut self, divisions: Vec<Division>) {
        let outline = Arc::make_mut(&mut self.outline);
        for division in divisions {
            outline.remove(division.node);
            self.divisions.insert(division.node, division);
        }
    }
}

impl Parcel {
    /// Lets go of the files that a directory made from it does not hold, and takes its outline: it is a part then, be it of all files.
    pub fn reduce_to(&mut self, part: &Directory) {
        self.files.retain(|node, _| !part.is_absent(*node));
        self.outline = Outline::clone(&part.outline);
        self.is_part = true;
    }
}

impl Sketch {
    /// What is kept of a file, whose digest has been looked at.
    pub fn of_file(node: NodeId, bytes: &[u8]) -> Result<Self, DirectoryError> {
        Ok(Self::of(&division_of(node, bytes)?, Digest::of(bytes)))
    }
}

impl Outline {
    /// The nodes that `me` has to know always if the tree is as these sketches say; nobody if they make no tree.
    pub fn needed_by(&self, me: NodeId) -> BTreeSet<NodeId> {
        let tree = Tree::build(self.iter().map(|(node, sketch)| sketch.place(node)));
        tree.map(|tree| needed(&tree, me)).unwrap_or_default()
    }
}

/// The nodes that `me` has to know whatever anybody asks: itself, its road up, all below it, whomever it has a link with. A node with
/// nobody above it has nobody to ask, and needs all.
fn needed(tree: &Tree, me: NodeId) -> BTreeSet<NodeId> {
    if !tree.contains(me) {
        return BTreeSet::new();
    }
    if tree.parent(me).is_none() {
        return tree.nodes().iter().copied().collect();
    }
    let road = std::iter::successors(Some(me), |node| tree.parent(*node));
    let mut needed: BTreeSet<NodeId> = road.chain(tree.neighbours(me)).collect();
    let mut below: Vec<NodeId> = tree.children(me).collect();
    while let Some(next) = below.pop() {
        below.extend(tree.children(next));
        needed.insert(next);
    }
    needed
}

/// The division that a file says it is.
pub(crate) fn division_of(node: NodeId, bytes: &[u8]) -> Result<Division, DirectoryError> {
    let division = Division::from_json(bytes).map_err(|reason| DirectoryError::Division { node, reason })?;
    if division.node != node {
        return Err(DirectoryError::WrongNode { listed: node, inside: division.node });
    }
    Ok(division)
}

#[cfg(test)]
#[path = "part_tests.rs"]
mod tests;
