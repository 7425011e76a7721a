//! Fetching one version from one neighbour: the root first, which is verified before anything else is asked for, then the files
//! that differ from those held, each held against its digest as it comes (MUST-37, MUST-38).
//!
//! A node that holds a part looks at each of them too, since a new node may stand below it now, and keeps of those that it does not hold
//! a sketch alone. What it turns out to need it then asks for once more (MUST-64). So it never has the whole in memory.

use std::collections::{BTreeMap, BTreeSet};
use yizhan_document::NodeId;
use yizhan_hierarchy::{
    Acceptance, Directory, DirectoryError, Edition, Head, Outline, Parcel, Sketch, VersionRefused,
    limits::DIRECTORY_BYTES_MAX, limits::ROOT_BYTES_MAX,
};
use yizhan_protocol::{DirectoryPart, DirectoryWanted, DivisionFile, limits};

/// How long a neighbour may take to send a part, in milliseconds.
const PATIENCE_MS: u64 = 10_000;

const _: () = assert!(yizhan_hierarchy::limits::DELEGATIONS_MAX <= limits::DELEGATED_LISTS_MAX);
const _: () = assert!(ROOT_BYTES_MAX <= limits::DIRECTORY_ROOT_BYTES_MAX);
const _: () = assert!(yizhan_hierarchy::limits::DIVISION_BYTES_MAX <= limits::DIVISION_BYTES_MAX);
const _: () = assert!(yizhan_hierarchy::limits::CA_PEM_BYTES_MAX <= limits::CA_BYTES_MAX);

/// A version on its way.
pub(super) struct Fetch {
    pub(super) from: NodeId,
    /// As the neighbour counts it.
    pub(super) edition: Edition,
    /// The network of the neighbour, if that is another one: then what comes is put where it belongs in the version that is held.
    foreign: Option<String>,
    /// This node, if it holds a part.
    part_of: Option<NodeId>,
    /// What was looked at of files that it does not hold.
    sketches: Outline,
    /// What it needs always by this version, once all was looked at.
    needed: Option<BTreeSet<NodeId>>,
    asked_at: u64,
    /// As much of the root as is here.
    note: Vec<u8>,
    /// Root and delegated lists, once they are whole and accepted.
    head: Option<Head>,
    ca: Vec<u8>,
    files: BTreeMap<NodeId, Vec<u8>>,
    missing: BTreeSet<NodeId>,
    bytes: usize,
}

impl Fetch {
    pub(super) fn begin(from: NodeId, edition: Edition, foreign: Option<String>, now: u64) -> Self {
        Self {
            from,
            edition,
            foreign,
            part_of: None,
            sketches: Outline::default(),
            needed: None,
            asked_at: now,
            note: Vec::new(),
            head: None,
            ca: Vec::new(),
            files: BTreeMap::new(),
            missing: BTreeSet::new(),
            bytes: 0,
        }
    }

    /// The same for a node that holds a part.
    pub(super) fn for_part_of(mut self, me: NodeId) -> Self {
        self.part_of = Some(me);
        self
    }

    pub(super) fn is_silent(&self, now: u64) -> bool {
        now >= self.asked_at + PATIENCE_MS
    }

    /// Whether it may still bring something once this is held. What comes from another network was put into the version before.
    pub(super) fn is_after(&self, held: &Directory) -> bool {
        self.foreign.is_none() && self.edition.version > held.version
    }

    /// What to ask for next.
    pub(super) fn wanted(&mut self, now: u64) -> DirectoryWanted {
        self.asked_at = now;
        let divisions = self.missing.iter().copied().take(limits::DIVISIONS_WANTED_MAX).collect();
        // Never above what `take` lets in, which is far below 4 GiB.
        let root_from = u32::try_from(self.note.len()).unwrap_or(u32::MAX);
        let Edition { version, delegated } = self.edition;
        DirectoryWanted { version, delegated, divisions, root_from }
    }

    /// Whether a part is one of those asked for. Whatever else a neighbour sends is left aside.
    pub(super) fn waits_for(&self, from: NodeId, part: &DirectoryPart) -> bool {
        let next = self.head.is_some() || part.root.is_empty() || part.root_from as usize == self.note.len();
        let edition = Edition { version: part.version, delegated: part.delegated };
        self.from == from && self.edition == edition && next
    }

    /// Takes a part in; whether all is here now.
    pub(super) fn take(
        &mut self,
        part: DirectoryPart,
        acceptance: &Acceptance<'_>,
    ) -> Result<bool, VersionRefused> {
        if part.root.is_empty() && part.files.is_empty() {
            return Err(VersionRefused::NotSent { version: self.edition.version });
        }
        let Some(head) = &self.head else {
            if self.note.is_empty() {
                self.ca = part.ca;
            }
            let (here, whole) = (self.note.len() + part.root.len(), part.root_bytes as usize);
            if part.root.is_empty() || here > whole || whole > ROOT_BYTES_MAX {
                return Err(DirectoryError::TooLarge { what: "root".to_owned(), most: ROOT_BYTES_MAX }.into());
            }
            self.note.extend(part.root);
            if here < whole {
                return Ok(false);
            }
            let mut note = std::mem::take(&mut self.note);
            let theirs = self.foreign.as_deref();
            if let Some(network) = theirs {
                let texts = acceptance.held.texts_with(network, &note, &self.ca);
                note = texts.ok_or(VersionRefused::NotSent { version: self.edition.version })?;
            }
            let head = acceptance.head(&note)?;
            let joined = head.joined.iter().find(|joined| Some(joined.network.as_str()) == theirs);
            let version = joined.map_or(&head.root, |joined| &joined.head.root).version;
            let called = self.edition.version;
            if called != version {
                return Err(VersionRefused::WrongNumber { called, version });
            }
            let changed = |(node, digest): &&(NodeId, _)| acceptance.held.digest_of(*node) != Some(*digest);
            self.missing = head.listed().iter().filter(changed).map(|(node, _)| *node).collect();
            self.bytes = note.len() + self.ca.len();
            self.head = Some(head);
            return Ok(self.missing.is_empty() && self.is_closed(acceptance.held));
        };
        let missing = self.missing.len();
        for DivisionFile { node, content } in part.files {
            acceptance.file(head, node, &content)?;
            if !self.missing.remove(&node) {
                continue;
            }
            let own = head.joined.iter().all(|joined| joined.head.digest_of(node).is_none());
            let held = acceptance.held.division(node).is_some();
            let needed = self.needed.as_ref().is_some_and(|needed| needed.contains(&node));
            if self.part_of.is_some() && own && !held && !needed {
                self.sketches.insert(node, Sketch::of_file(node, &content)?);
                continue;
            }
            self.bytes += content.len();
            self.files.insert(node, content);
            if self.bytes > DIRECTORY_BYTES_MAX {
                let what = "directory".to_owned();
                return Err(DirectoryError::TooLarge { what, most: DIRECTORY_BYTES_MAX }.into());
            }
        }
        // Files that were not asked for bring nothing nearer; asking again would never end.
        if self.missing.len() == missing {
            return Err(VersionRefused::NotSent { version: self.edition.version });
        }
        Ok(self.missing.is_empty() && self.is_closed(acceptance.held))
    }

    /// Whether a node that holds a part has all that it needs by the new version; what it has not is missing from then on.
    fn is_closed(&mut self, held: &Directory) -> bool {
        let (Some(me), Some(head), None) = (self.part_of, &self.head, &self.needed) else { return true };
        let mut outline = Outline::default();
        for (node, digest) in head.listed() {
            let read = || Sketch::of_file(*node, self.files.get(node)?).ok();
            let before = || held.sketch(*node).filter(|sketch| sketch.digest == *digest);
            let sketch = self.sketches.of_file(*node, digest).cloned().or_else(read).or_else(before);
            if let Some(sketch) =
                sketch.filter(|_| head.joined.iter().all(|it| it.head.digest_of(*node).is_none()))
            {
                outline.insert(*node, sketch);
            }
        }
        let needed = outline.needed_by(me);
        let unchanged = |node: &NodeId| held.digest_of(*node) == head.digest_of(*node);
        let here = |node: &NodeId| {
            self.files.contains_key(node) || held.division(*node).is_some() && unchanged(node)
        };
        self.missing = needed.iter().filter(|node| !here(node)).copied().collect();
        self.needed = Some(needed);
        self.missing.is_empty()
    }

    /// Asks for every file, since those held cannot be read back; false if all were asked for already.
    pub(super) fn fetch_all(&mut self) -> bool {
        let listed = self.head.iter().flat_map(Head::listed).map(|(node, _)| *node);
        let looked_at = |node: &NodeId| self.files.contains_key(node) || self.sketches.get(*node).is_some();
        self.missing = listed.filter(|node| !looked_at(node)).collect();
        !self.missing.is_empty()
    }

    /// Asks for the files that were looked at of nodes which became known meanwhile, so that they stay so by this version (MUST-64);
    /// false if there are none.
    pub(super) fn fetch_known(&mut self, held: &Directory) -> bool {
        let looked_at = self.sketches.iter().map(|(node, _)| node);
        let known = |node: &NodeId| held.division(*node).is_some() && !self.files.contains_key(node);
        self.missing = looked_at.filter(known).collect();
        !self.missing.is_empty()
    }

    /// The version, with what did not change taken from `kept`, and sketches of what is not held.
    pub(super) fn assemble(&mut self, kept: Parcel, before: &Directory) -> Parcel {
        let mut files = std::mem::take(&mut self.files);
        let listed = self.head.iter().flat_map(Head::listed);
        let mut held = kept.files;
        for (node, digest) in listed {
            // Of what was looked at `kept` has another file, if it has one by now: that of the version before.
            if !files.contains_key(node)
                && self.sketches.of_file(*node, digest).is_none()
                && let Some(file) = held.remove(node)
            {
                files.insert(*node, file);
            }
        }
        let root = self.head.as_ref().map(Head::to_bytes).unwrap_or_default();
        let ca = if self.foreign.is_some() { before.ca.clone() } else { std::mem::take(&mut self.ca) };
        let mut outline = std::mem::take(&mut self.sketches);
        for (node, _) in self.head.iter().flat_map(Head::listed) {
            if files.contains_key(node) {
                outline.remove(*node);
            } else if outline.get(*node).is_none()
                && let Some(sketch) = before.sketch(*node)
            {
                outline.insert(*node, sketch);
            }
        }
        Parcel { root, ca, files, outline, is_part: false }
    }
}

#[cfg(test)]
#[path = "fetching_tests.rs"]
mod tests;
