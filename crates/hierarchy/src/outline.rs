//! The outline of a directory: where each division stands whose file is not held, and what it may carry; no keys, no offices.
//!
//! Whoever holds a part of a directory has looked at every file once, against its digest, and kept this much of it. So the tree is the
//! whole one wherever a part is held: who is above whom, which way leads where, whose neighbour is whose has one answer for all (MUST-62).

use crate::division::Division;
use crate::limits;
use crate::tree::Place;
use std::collections::BTreeMap;
use std::fmt::Write;
use yizhan_document::{Classification, Digest, NodeId};

/// What is kept of the file of a division that is not held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sketch {
    /// The digest of the file that it was taken from.
    pub digest: Digest,
    /// The node above it; none for the root of a tree.
    pub parent: Option<NodeId>,
    /// Who stands in when the parent is away, the most preferred first.
    pub backup_parents: Vec<NodeId>,
    /// Nodes it names as those it talks to directly.
    pub direct_links: Vec<NodeId>,
    /// The highest classification it may carry.
    pub max_classification: Classification,
}

impl Sketch {
    /// What is kept of a division whose file has this digest.
    pub fn of(division: &Division, digest: Digest) -> Self {
        Self {
            digest,
            parent: division.parent,
            backup_parents: division.backup_parents.clone(),
            direct_links: division.direct_links.clone(),
            max_classification: division.max_classification,
        }
    }

    pub(crate) fn place(&self, node: NodeId) -> Place<'_> {
        let Self { parent, backup_parents, direct_links, .. } = self;
        Place { node, parent: *parent, backup_parents, direct_links }
    }
}

/// The sketches of all divisions of the own network whose files are not held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    sketches: BTreeMap<NodeId, Sketch>,
}

impl Outline {
    /// How many divisions it sketches.
    pub fn len(&self) -> usize {
        self.sketches.len()
    }

    /// Whether it sketches none: every file is held.
    pub fn is_empty(&self) -> bool {
        self.sketches.is_empty()
    }

    /// The sketch of a division, whichever file it was taken from.
    pub fn get(&self, node: NodeId) -> Option<&Sketch> {
        self.sketches.get(&node)
    }

    /// The sketch of a division, if it was taken from the file of this digest.
    pub fn of_file(&self, node: NodeId, digest: &Digest) -> Option<&Sketch> {
        self.get(node).filter(|sketch| sketch.digest == *digest)
    }

    /// Puts a sketch in, in the place of one that is there.
    pub fn insert(&mut self, node: NodeId, sketch: Sketch) {
        self.sketches.insert(node, sketch);
    }

    /// Takes the sketch of a division out.
    pub fn remove(&mut self, node: NodeId) {
        self.sketches.remove(&node);
    }

    /// All of them, ascending by node.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &Sketch)> {
        self.sketches.iter().map(|(node, sketch)| (*node, sketch))
    }

    /// As it is kept: a heading, a line for each division, and the digest of all that.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("{HEADING}\n");
        for (node, sketch) in self.iter() {
            let Sketch { digest, parent, backup_parents, direct_links, max_classification } = sketch;
            let (parent, backups, links) =
                (words(parent.as_slice()), words(backup_parents), words(direct_links));
            let level = max_classification.as_str();
            // Writing to a text does not fail.
            writeln!(text, "{node} {digest} {parent} {backups} {links} {level}").unwrap_or_default();
        }
        let digest = Digest::of(text.as_bytes());
        text.push_str(&format!("{END}{digest}\n"));
        text
    }

    /// Reads what [`Outline::to_text`] wrote; none if it was harmed.
    pub(crate) fn from_text(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (lines, digest) = text.strip_suffix('\n')?.rsplit_once(END)?;
        if digest.parse() != Ok(Digest::of(lines.as_bytes())) {
            return None;
        }
        let mut lines = lines.lines();
        if lines.next() != Some(HEADING) {
            return None;
        }
        let sketches: BTreeMap<NodeId, Sketch> =
            lines.map(line).take(limits::DIVISIONS_MAX).collect::<Option<_>>()?;
        Some(Self { sketches })
    }
}

/// Where every division of a network stands, be its file held or sketched.
#[derive(Clone, Copy)]
pub(crate) struct Places<'a> {
    pub(crate) held: &'a BTreeMap<NodeId, Division>,
    pub(crate) absent: &'a Outline,
}

impl<'a> Places<'a> {
    pub(crate) fn of(&self, node: NodeId) -> Option<Place<'a>> {
        match self.held.get(&node) {
            Some(division) => Some(division.place()),
            None => self.absent.get(node).map(|sketch| sketch.place(node)),
        }
    }

    pub(crate) fn parent(&self, node: NodeId) -> Option<NodeId> {
        self.of(node)?.parent
    }

    pub(crate) fn max_classification(&self, node: NodeId) -> Option<Classification> {
        match self.held.get(&node) {
            Some(division) => Some(division.max_classification),
            None => self.absent.get(node).map(|sketch| sketch.max_classification),
        }
    }

    /// Those of files that are held first.
    pub(crate) fn all(&self) -> impl Iterator<Item = Place<'a>> + use<'a> {
        let absent = self.absent.iter().map(|(node, sketch)| sketch.place(node));
        self.held.values().map(Division::place).chain(absent)
    }
}

const HEADING: &str = "yizhan outline v1";
const END: &str = "end ";
const NOTHING: &str = "-";

fn words(nodes: &[NodeId]) -> String {
    match nodes {
        [] => NOTHING.to_owned(),
        nodes => nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
    }
}

fn nodes(words: &str) -> Option<Vec<NodeId>> {
    match words {
        NOTHING => Some(Vec::new()),
        words => words.split(',').map(|word| word.parse().ok()).collect(),
    }
}

fn line(line: &str) -> Option<(NodeId, Sketch)> {
    let mut parts = line.split(' ');
    let (node, digest) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let parent = nodes(parts.next()?)?;
    let (backup_parents, direct_links) = (nodes(parts.next()?)?, nodes(parts.next()?)?);
    let level = parts.next()?;
    let max_classification = Classification::ALL.into_iter().find(|known| known.as_str() == level)?;
    let parent = match parent.as_slice() {
        [] => None,
        [parent] => Some(*parent),
        _ => return None,
    };
    let whole = parts.next().is_none();
    whole.then_some((node, Sketch { digest, parent, backup_parents, direct_links, max_classification }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{demo_draft, node};
    use proptest::prelude::*;

    fn outline() -> Outline {
        let mut draft = demo_draft();
        let county = draft.divisions.get_mut(&node("652301")).unwrap();
        county.backup_parents = vec![node("65")];
        county.direct_links = vec![node("653101"), node("6531")];
        county.max_classification = Classification::Secret;
        let mut outline = Outline::default();
        for division in draft.divisions.values() {
            outline.insert(division.node, Sketch::of(division, Digest::of(&division.to_json().unwrap())));
        }
        outline
    }

    #[test]
    fn an_outline_reads_back_as_it_was_written() {
        assert_eq!(Outline::from_text(outline().to_text().as_bytes()), Some(outline()));
        assert_eq!(Outline::from_text(Outline::default().to_text().as_bytes()), Some(Outline::default()));
        let text = outline().to_text();
        assert!(
            text.contains(" 6523 65 653101,6531 secret\n") && text.starts_with("yizhan outline v1\n65 "),
            "{text}"
        );
    }

    proptest! {
        #[test]
        fn an_outline_that_was_harmed_anywhere_is_none(at in 0usize..1 << 16, by in 1u8.., cut in 0usize..2) {
            let mut bytes = outline().to_text().into_bytes();
            let at = at % bytes.len();
            bytes[at] ^= by;
            bytes.truncate(bytes.len() - cut);
            prop_assert_eq!(Outline::from_text(&bytes), None);
        }
    }
}
