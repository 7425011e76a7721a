//! Fetching one version from one neighbour: the root first, which is verified before anything else is asked for, then the files
//! that differ from those held, each held against its digest as it comes (MUST-37, MUST-38).

use std::collections::{BTreeMap, BTreeSet};
use yizhan_document::NodeId;
use yizhan_hierarchy::{
    Acceptance, DirectoryError, Parcel, Root, VersionRefused, limits::DIRECTORY_BYTES_MAX,
    limits::ROOT_BYTES_MAX,
};
use yizhan_protocol::{DirectoryPart, DirectoryWanted, DivisionFile, limits};

/// How long a neighbour may take to send a part, in milliseconds.
const PATIENCE_MS: u64 = 10_000;

const _: () = assert!(ROOT_BYTES_MAX <= limits::DIRECTORY_ROOT_BYTES_MAX);
const _: () = assert!(yizhan_hierarchy::limits::DIVISION_BYTES_MAX <= limits::DIVISION_BYTES_MAX);
const _: () = assert!(yizhan_hierarchy::limits::CA_PEM_BYTES_MAX <= limits::CA_BYTES_MAX);

/// A version on its way.
pub(super) struct Fetch {
    pub(super) from: NodeId,
    pub(super) version: u64,
    asked_at: u64,
    /// As much of the root as is here.
    note: Vec<u8>,
    /// The root, once it is whole and accepted.
    root: Option<(Vec<u8>, Root)>,
    ca: Vec<u8>,
    files: BTreeMap<NodeId, Vec<u8>>,
    missing: BTreeSet<NodeId>,
    bytes: usize,
}

impl Fetch {
    pub(super) fn begin(from: NodeId, version: u64, now: u64) -> Self {
        Self {
            from,
            version,
            asked_at: now,
            note: Vec::new(),
            root: None,
            ca: Vec::new(),
            files: BTreeMap::new(),
            missing: BTreeSet::new(),
            bytes: 0,
        }
    }

    pub(super) fn is_silent(&self, now: u64) -> bool {
        now >= self.asked_at + PATIENCE_MS
    }

    /// What to ask for next.
    pub(super) fn wanted(&mut self, now: u64) -> DirectoryWanted {
        self.asked_at = now;
        let divisions = self.missing.iter().copied().take(limits::DIVISIONS_WANTED_MAX).collect();
        // Never above what `take` lets in, which is far below 4 GiB.
        let root_from = u32::try_from(self.note.len()).unwrap_or(u32::MAX);
        DirectoryWanted { version: self.version, divisions, root_from }
    }

    /// Whether a part is one of those asked for. Whatever else a neighbour sends is left aside.
    pub(super) fn waits_for(&self, from: NodeId, part: &DirectoryPart) -> bool {
        let next = self.root.is_some() || part.root.is_empty() || part.root_from as usize == self.note.len();
        self.from == from && self.version == part.version && next
    }

    /// Takes a part in; whether all is here now.
    pub(super) fn take(
        &mut self,
        part: DirectoryPart,
        acceptance: &Acceptance<'_>,
    ) -> Result<bool, VersionRefused> {
        if part.root.is_empty() && part.files.is_empty() {
            return Err(VersionRefused::NotSent { version: self.version });
        }
        let Some((_, root)) = &self.root else {
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
            let note = std::mem::take(&mut self.note);
            let root = acceptance.root(&note)?;
            if root.version != self.version {
                return Err(VersionRefused::WrongNumber { called: self.version, version: root.version });
            }
            let changed = |(node, digest): &&(NodeId, _)| acceptance.held.digest_of(*node) != Some(*digest);
            self.missing = root.divisions.iter().filter(changed).map(|(node, _)| *node).collect();
            self.bytes = note.len() + self.ca.len();
            self.root = Some((note, root));
            return Ok(self.missing.is_empty());
        };
        let missing = self.missing.len();
        for DivisionFile { node, content } in part.files {
            acceptance.file(root, node, &content)?;
            if self.missing.remove(&node) {
                self.bytes += content.len();
                self.files.insert(node, content);
            }
            if self.bytes > DIRECTORY_BYTES_MAX {
                let what = "directory".to_owned();
                return Err(DirectoryError::TooLarge { what, most: DIRECTORY_BYTES_MAX }.into());
            }
        }
        // Files that were not asked for bring nothing nearer; asking again would never end.
        if self.missing.len() == missing {
            return Err(VersionRefused::NotSent { version: self.version });
        }
        Ok(self.missing.is_empty())
    }

    /// Asks for every file, since those held cannot be read back; false if all were asked for already.
    pub(super) fn fetch_all(&mut self) -> bool {
        let listed = self.root.iter().flat_map(|(_, root)| &root.divisions).map(|(node, _)| *node);
        self.missing = listed.filter(|node| !self.files.contains_key(node)).collect();
        !self.missing.is_empty()
    }

    /// The version, with what did not change taken from `kept`.
    pub(super) fn assemble(&mut self, kept: Parcel) -> Parcel {
        let mut files = std::mem::take(&mut self.files);
        let listed = self.root.iter().flat_map(|(_, root)| &root.divisions);
        let mut kept = kept.files;
        for (node, _) in listed {
            if !files.contains_key(node)
                && let Some(file) = kept.remove(node)
            {
                files.insert(*node, file);
            }
        }
        let root = self.root.as_ref().map(|(note, _)| note.clone()).unwrap_or_default();
        Parcel { root, ca: std::mem::take(&mut self.ca), files }
    }
}
