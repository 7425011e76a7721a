//! The signed texts of a directory: the root of the authorities, and the list of each delegated subtree.
//!
//! As bytes they are the notes one after the other, the root first, the others as the root names them, with a record separator
//! (U+001E) before each but the first; no note has one inside. Without delegations that is the root's note alone.

use crate::anchor::TrustAnchor;
use crate::branch::Branch;
use crate::delegated_error::DelegatedError;
use crate::delegation::Delegation;
use crate::edition::Edition;
use crate::limits;
use crate::root::Root;
use crate::verification::{DirectoryError, signed_root};
use yizhan_document::{Digest, NodeId};
use yizhan_identity::{NoteVerifier, SignedNote};

/// What stands between the notes.
pub(crate) const SEPARATOR: u8 = 0x1e;

/// Root and delegated lists, read; whoever has one knows what files the directory has and with which digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The root.
    pub root: Root,
    /// The list of each delegated subtree, in the order of the root's delegations.
    pub branches: Vec<Branch>,
    root_note: SignedNote,
    notes: Vec<SignedNote>,
    listed: Vec<(NodeId, Digest)>,
}

impl Head {
    /// Reads it without believing anything: to know what this claims to be.
    pub fn claimed(bytes: &[u8]) -> Result<Self, DirectoryError> {
        let (root_note, notes) = split(bytes)?;
        let root = Root::parse(&root_note.text)?;
        Self::of(root, root_note, notes)
    }

    /// Reads it if enough of the authorities signed the root, and enough delegates each list.
    pub(crate) fn believed(
        bytes: &[u8],
        anchor: &TrustAnchor,
        revoked: &[NoteVerifier],
    ) -> Result<Self, DirectoryError> {
        let (root_note, notes) = split(bytes)?;
        let root = signed_root(&root_note, anchor, revoked)?;
        let revoked = [revoked, &root.revoked].concat();
        for (delegation, note) in root.delegations.iter().zip(&notes) {
            check_signatures(delegation, note, &revoked)?;
        }
        Self::of(root, root_note, notes)
    }

    fn of(root: Root, root_note: SignedNote, notes: Vec<SignedNote>) -> Result<Self, DirectoryError> {
        if let Some(delegation) = root.delegations.get(notes.len()) {
            return Err(DelegatedError::Missing { delegation: delegation.node }.into());
        }
        if notes.len() > root.delegations.len() {
            return Err(DelegatedError::Unasked.into());
        }
        let mut branches = Vec::new();
        for (delegation, note) in root.delegations.iter().zip(&notes) {
            branches.push(branch_of(delegation, note, &root.network)?);
        }
        let listed = listed(&root, &branches)?;
        Ok(Self { root, branches, root_note, notes, listed })
    }

    /// What is to be signed, read before anybody has.
    pub(crate) fn unsigned<'a>(
        root_text: &str,
        branch_texts: impl Iterator<Item = &'a str>,
    ) -> Result<Self, DirectoryError> {
        let note = |text: &str| SignedNote { text: text.to_owned(), signatures: Vec::new() };
        Self::of(Root::parse(root_text)?, note(root_text), branch_texts.map(note).collect())
    }

    /// Which state of which version it is.
    pub fn edition(&self) -> Edition {
        Edition {
            version: self.root.version,
            delegated: self.branches.iter().map(|branch| branch.version).sum(),
        }
    }

    /// The bytes, with all signatures.
    pub fn to_bytes(&self) -> Vec<u8> {
        join(&self.root_note, &self.notes)
    }

    /// Every division with the digest of its file, whoever lists it, ascending.
    pub fn listed(&self) -> &[(NodeId, Digest)] {
        &self.listed
    }

    /// The digest of the file of `node`.
    pub fn digest_of(&self, node: NodeId) -> Option<Digest> {
        digest_in(&self.listed, node)
    }

    /// The signed notes, the root's first.
    pub fn notes(&self) -> impl Iterator<Item = &SignedNote> {
        std::iter::once(&self.root_note).chain(&self.notes)
    }

    /// The list of a delegated subtree with its note.
    pub(crate) fn branches_with_notes(&self) -> impl Iterator<Item = (&Branch, &SignedNote)> {
        self.branches.iter().zip(&self.notes)
    }

    /// Puts other lists of the same subtrees into the places of some, given by their positions.
    pub(crate) fn replace(&mut self, others: Vec<(usize, Branch, SignedNote)>) -> Result<(), DirectoryError> {
        for (at, other, other_note) in others {
            if let Some((branch, note)) = self.branches.get_mut(at).zip(self.notes.get_mut(at)) {
                (*branch, *note) = (other, other_note);
            }
        }
        self.listed = listed(&self.root, &self.branches)?;
        Ok(())
    }
}

/// Enough delegates signed (MUST-41). Nothing is read from the list before.
pub(crate) fn check_signatures(
    delegation: &Delegation,
    note: &SignedNote,
    revoked: &[NoteVerifier],
) -> Result<(), DelegatedError> {
    let (have, need) = (delegation.signatures_on(note, revoked), delegation.threshold);
    if have >= need {
        return Ok(());
    }
    let known =
        |name: &str, id| delegation.delegates.iter().any(|key| key.name() == name && key.key_id() == id);
    let stranger = note.signatures.iter().find(|line| !known(&line.name, line.key_id));
    Err(match stranger {
        Some(line) => DelegatedError::Stranger { delegation: delegation.node, name: line.name.clone() },
        None => DelegatedError::Signatures { delegation: delegation.node, have, need },
    })
}

/// The list that a note holds, if it is of this delegation.
pub(crate) fn branch_of(
    delegation: &Delegation,
    note: &SignedNote,
    network: &str,
) -> Result<Branch, DelegatedError> {
    let node = delegation.node;
    let branch =
        Branch::parse(&note.text).map_err(|reason| DelegatedError::Text { delegation: node, reason })?;
    if branch.node != node || branch.network != network {
        let of = format!("{} of {}", branch.node, branch.network);
        return Err(DelegatedError::Elsewhere { delegation: node, of });
    }
    if branch.version < delegation.from {
        return Err(DelegatedError::Rollback {
            delegation: node,
            known: delegation.from,
            offered: branch.version,
        });
    }
    if let Some((outside, _)) = branch.divisions.iter().find(|(node, _)| !delegation.covers(*node)) {
        let reason = "whose code is none of those delegated";
        return Err(DelegatedError::Outside { delegation: node, node: *outside, reason });
    }
    Ok(branch)
}

fn listed(root: &Root, branches: &[Branch]) -> Result<Vec<(NodeId, Digest)>, DirectoryError> {
    let mut listed = root.divisions.clone();
    for branch in branches {
        // Codes of delegations do not overlap: only the root can name the same one.
        let twice = branch.divisions.iter().find(|(node, _)| digest_in(&root.divisions, *node).is_some());
        if let Some((node, _)) = twice {
            let reason = "which the authorities' root lists";
            return Err(DelegatedError::Outside { delegation: branch.node, node: *node, reason }.into());
        }
        listed.extend_from_slice(&branch.divisions);
    }
    if listed.len() > limits::DIVISIONS_MAX {
        return Err(DirectoryError::TooLarge {
            what: "number of divisions".to_owned(),
            most: limits::DIVISIONS_MAX,
        });
    }
    listed.sort_unstable_by_key(|(node, _)| *node);
    Ok(listed)
}

pub(crate) fn digest_in(listed: &[(NodeId, Digest)], node: NodeId) -> Option<Digest> {
    let at = listed.binary_search_by_key(&node, |(node, _)| *node).ok()?;
    listed.get(at).map(|(_, digest)| *digest)
}

/// The notes one after the other.
pub(crate) fn join(root: &SignedNote, others: &[SignedNote]) -> Vec<u8> {
    let mut bytes = root.to_text().into_bytes();
    for note in others {
        bytes.push(SEPARATOR);
        bytes.extend_from_slice(note.to_text().as_bytes());
    }
    bytes
}

/// All notes in `bytes`, read as far as they are notes; of a draft some may still be missing.
pub(crate) fn notes_in(bytes: &[u8]) -> Vec<SignedNote> {
    let notes = bytes.split(|byte| *byte == SEPARATOR).take(limits::DELEGATIONS_MAX + 1);
    notes.filter_map(|note| SignedNote::parse(note).ok()).collect()
}

fn split(bytes: &[u8]) -> Result<(SignedNote, Vec<SignedNote>), DirectoryError> {
    if bytes.len() > limits::ROOT_BYTES_MAX {
        return Err(DirectoryError::TooLarge { what: "root".to_owned(), most: limits::ROOT_BYTES_MAX });
    }
    let mut notes = bytes.split(|byte| *byte == SEPARATOR);
    let root = SignedNote::parse(notes.next().unwrap_or_default())?;
    let others = notes.take(limits::DELEGATIONS_MAX + 1).map(SignedNote::parse);
    Ok((root, others.collect::<Result<_, _>>()?))
}
