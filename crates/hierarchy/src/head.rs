//! The signed texts of a directory: the root of the authorities, their policy, and the list of each delegated subtree.
//!
//! As bytes they are one after the other, the root's note first, then the policy if the root names one, then the notes of the lists
//! as the root names them, with a record separator (U+001E) before each but the first; nothing has one inside. Without policy and
//! delegations that is the root's note alone. What the directory has of other networks follows; see [`JoinedHead`].

use crate::anchor::TrustAnchor;
use crate::branch::Branch;
use crate::delegated_error::DelegatedError;
use crate::delegation::Delegation;
use crate::edition::Edition;
use crate::joined_error::JoinedError;
use crate::joined_head::{GROUP_SEPARATOR, JoinedHead, own_texts, read_all};
use crate::limits;
use crate::policy::{Policy, PolicyError};
use crate::root::Root;
use crate::verification::{DirectoryError, signed_root};
use std::collections::BTreeMap;
use yizhan_document::{Digest, NodeId};
use yizhan_identity::{NoteVerifier, SignedNote};
use yizhan_planted::{Bug, on};

/// What stands between the texts.
pub(crate) const SEPARATOR: u8 = 0x1e;

/// Root and delegated lists, read; whoever has one knows what files the directory has and with which digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The root.
    pub root: Root,
    /// The list of each delegated subtree, in the order of the root's delegations.
    pub branches: Vec<Branch>,
    /// What the authorities lay down for the whole network.
    pub policy: Policy,
    /// What it has of other networks, in the order in which the root names the agreements with them.
    pub joined: Vec<JoinedHead>,
    root_note: SignedNote,
    notes: Vec<SignedNote>,
    listed: Vec<(NodeId, Digest)>,
}

impl Head {
    /// Reads it without believing anything but what other networks bring along their own anchor for: to know what this claims to
    /// be.
    pub fn claimed(bytes: &[u8]) -> Result<Self, DirectoryError> {
        let (own, groups) = parts(bytes)?;
        let (root_note, mut others) = split(own)?;
        let root = Root::parse(&root_note.text)?;
        let policy = policy_in(&root, &mut others)?;
        let notes = others.map(SignedNote::parse).collect::<Result<_, _>>()?;
        let joined = read_all(&root, groups)?;
        Self::of(root, root_note, policy, notes, joined)
    }

    /// Reads it if enough of the authorities signed the root, and enough delegates each list.
    pub(crate) fn believed(
        bytes: &[u8],
        anchor: &TrustAnchor,
        revoked: &[NoteVerifier],
    ) -> Result<Self, DirectoryError> {
        let (own, groups) = parts(bytes)?;
        let mut head = Self::believed_alone(own, anchor, revoked)?;
        let joined = read_all(&head.root, groups)?;
        head.set_joined(joined)?;
        Ok(head)
    }

    /// The same of the texts of its own network, with nothing of others.
    pub(crate) fn believed_alone(
        bytes: &[u8],
        anchor: &TrustAnchor,
        revoked: &[NoteVerifier],
    ) -> Result<Self, DirectoryError> {
        let (root_note, mut others) = split(bytes)?;
        let root = signed_root(&root_note, anchor, revoked)?;
        let policy = policy_in(&root, &mut others)?;
        let notes = others.map(SignedNote::parse).collect::<Result<Vec<_>, _>>()?;
        let revoked = [revoked, &root.revoked].concat();
        for (delegation, note) in root.delegations.iter().zip(&notes) {
            check_signatures(delegation, note, &revoked)?;
        }
        Self::of(root, root_note, policy, notes, Vec::new())
    }

    fn of(
        root: Root,
        root_note: SignedNote,
        policy: Policy,
        notes: Vec<SignedNote>,
        joined: Vec<JoinedHead>,
    ) -> Result<Self, DirectoryError> {
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
        let listed = listed(&root, &branches, &joined)?;
        Ok(Self { root, branches, policy, joined, root_note, notes, listed })
    }

    /// What is to be signed, read before anybody has. Whether `policy` is the one that the root names is not looked at.
    pub(crate) fn unsigned<'a>(
        root_text: &str,
        policy: Policy,
        branch_texts: impl Iterator<Item = &'a str>,
        groups: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Self, DirectoryError> {
        let note = |text: &str| SignedNote { text: text.to_owned(), signatures: Vec::new() };
        let root = Root::parse(root_text)?;
        let joined = read_all(&root, groups)?;
        Self::of(root, note(root_text), policy, branch_texts.map(note).collect(), joined)
    }

    /// The root as it was signed.
    pub(crate) fn root_note(&self) -> &SignedNote {
        &self.root_note
    }

    /// The digest of the root's text, as a [`VersionStamp`](crate::VersionStamp) has it.
    pub fn root_digest(&self) -> Digest {
        Digest::of(self.root.to_text().as_bytes())
    }

    /// Which state of which version it is.
    pub fn edition(&self) -> Edition {
        Edition {
            version: self.root.version,
            delegated: self.branches.iter().map(|branch| branch.version).sum::<u64>()
                + self.joined.iter().map(|joined| joined.head.edition().progress()).sum::<u64>(),
        }
    }

    /// The bytes, with all signatures.
    pub fn to_bytes(&self) -> Vec<u8> {
        // What was read from JSON in the one way it is written is written back the same.
        let policy = self.root.policy.and_then(|_| self.policy.to_json().ok());
        let mut bytes = join(&self.root_note, policy.as_deref(), &self.notes);
        for joined in &self.joined {
            bytes.push(GROUP_SEPARATOR);
            bytes.extend(joined.to_bytes());
        }
        bytes
    }

    /// Every division with the digest of its file, whoever lists it and of whichever network, ascending.
    pub fn listed(&self) -> &[(NodeId, Digest)] {
        &self.listed
    }

    /// The digest of the file of `node`.
    pub fn digest_of(&self, node: NodeId) -> Option<Digest> {
        digest_in(&self.listed, node)
    }

    /// Those of the own network.
    pub(crate) fn own_listed(&self) -> impl Iterator<Item = &(NodeId, Digest)> {
        let foreign = |node| self.joined.iter().any(|joined| joined.head.digest_of(node).is_some());
        self.listed.iter().filter(move |(node, _)| !foreign(*node))
    }

    /// Puts other states of the joined networks into the places of those that are there.
    pub(crate) fn set_joined(&mut self, joined: Vec<JoinedHead>) -> Result<(), DirectoryError> {
        self.listed = listed(&self.root, &self.branches, &joined)?;
        self.joined = joined;
        Ok(())
    }

    /// The signed notes of the own network, the root's first.
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
        self.listed = listed(&self.root, &self.branches, &self.joined)?;
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

fn listed(
    root: &Root,
    branches: &[Branch],
    joined: &[JoinedHead],
) -> Result<Vec<(NodeId, Digest)>, DirectoryError> {
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
    if !joined.is_empty() {
        check_beside_joined("number of divisions", listed.len(), limits::DIVISIONS_BESIDE_JOINED_MAX)?;
        check_beside_joined("number of delegations", branches.len(), limits::DELEGATIONS_BESIDE_JOINED_MAX)?;
        check_disjoint(&root.network, &listed, joined)?;
        listed.extend(joined.iter().flat_map(|joined| &joined.head.listed));
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

/// What the own network has is so small that there is room for all that may be joined with it.
fn check_beside_joined(what: &str, found: usize, most: usize) -> Result<(), DirectoryError> {
    let what = || format!("{what} beside joined networks");
    if found > most { Err(DirectoryError::TooLarge { what: what(), most }) } else { Ok(()) }
}

/// No node stands in two networks (MUST-57).
fn check_disjoint(network: &str, own: &[(NodeId, Digest)], joined: &[JoinedHead]) -> Result<(), JoinedError> {
    let mut networks: BTreeMap<NodeId, &str> = BTreeMap::new();
    let theirs = joined.iter().map(|joined| (joined.network.as_str(), joined.head.listed.as_slice()));
    for (network, listed) in std::iter::once((network, own)).chain(theirs) {
        for (node, _) in listed {
            if let Some(first) = networks.insert(*node, network) {
                let (first, second) = (first.to_owned(), network.to_owned());
                return Err(JoinedError::Clash { node: *node, first, second });
            }
        }
    }
    Ok(())
}

pub(crate) fn digest_in(listed: &[(NodeId, Digest)], node: NodeId) -> Option<Digest> {
    let at = listed.binary_search_by_key(&node, |(node, _)| *node).ok()?;
    listed.get(at).map(|(_, digest)| *digest)
}

/// The texts one after the other.
pub(crate) fn join(root: &SignedNote, policy: Option<&[u8]>, others: &[SignedNote]) -> Vec<u8> {
    let mut bytes = root.to_text().into_bytes();
    let others = others.iter().map(|note| note.to_text().into_bytes());
    for text in policy.map(<[u8]>::to_vec).into_iter().chain(others) {
        bytes.push(SEPARATOR);
        bytes.extend_from_slice(&text);
    }
    bytes
}

/// The policy that a root names: the first text after it, if its digest is the one named (MUST-45).
fn policy_in<'a>(root: &Root, others: &mut impl Iterator<Item = &'a [u8]>) -> Result<Policy, PolicyError> {
    let Some(wanted) = root.policy else { return Ok(Policy::default()) };
    let bytes = others.next().ok_or(PolicyError::Missing)?;
    if Digest::of(bytes) != wanted && !on(Bug::PolicyUncompared) {
        return Err(PolicyError::Tampered);
    }
    Policy::from_json(bytes)
}

/// All notes in `bytes`, read as far as they are notes; of a draft some may still be missing, and a policy is none.
pub(crate) fn notes_in(bytes: &[u8]) -> Vec<SignedNote> {
    let notes = own_texts(bytes).split(|byte| *byte == SEPARATOR).take(TEXTS_MAX);
    notes.filter_map(|note| SignedNote::parse(note).ok()).collect()
}

/// The most texts: root, policy, lists.
const TEXTS_MAX: usize = limits::DELEGATIONS_MAX + 2;

/// The texts of the own network, and what comes of each other one.
fn parts(bytes: &[u8]) -> Result<(&[u8], impl Iterator<Item = &[u8]>), DirectoryError> {
    if bytes.len() > limits::ROOT_BYTES_MAX {
        return Err(DirectoryError::TooLarge { what: "root".to_owned(), most: limits::ROOT_BYTES_MAX });
    }
    let mut parts = bytes.split(|byte| *byte == GROUP_SEPARATOR).take(limits::AGREEMENTS_MAX + 2);
    let own = parts.next().unwrap_or_default();
    if own.len() != bytes.len() {
        check_beside_joined("root", own.len(), limits::TEXTS_BESIDE_JOINED_BYTES_MAX)?;
    }
    Ok((own, parts))
}

fn split(bytes: &[u8]) -> Result<(SignedNote, impl Iterator<Item = &[u8]>), DirectoryError> {
    if bytes.len() > limits::ROOT_BYTES_MAX {
        return Err(DirectoryError::TooLarge { what: "root".to_owned(), most: limits::ROOT_BYTES_MAX });
    }
    let mut texts = bytes.split(|byte| *byte == SEPARATOR).take(TEXTS_MAX);
    let root = SignedNote::parse(texts.next().unwrap_or_default())?;
    Ok((root, texts))
}
