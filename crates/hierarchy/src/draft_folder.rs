//! A draft as a folder: `root.txt` and `delegated/<node>.txt` to be signed, `policy.json` if something is laid down,
//! `joined/<digest of the agreement>` for each joined network, `ca.pem`, `divisions/<node>.json`; and `root`, which is these texts with the signatures so far. Once there are enough of them, the folder is a directory's folder like any other.
//!
//! Each authority and each delegate signs at a place of its own: the folder is carried from one to the next.

use crate::division::{Division, DivisionError};
use crate::draft::{Delegated, Draft, DraftJoined, Rendered};
use crate::durable;
use crate::folder::{CA, DIVISIONS, ROOT};
use crate::head::{Head, notes_in};
use crate::limits;
use crate::policy::Policy;
use crate::root::{NamedAgreement, Root, RootError};
use crate::verification::DirectoryError;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use yizhan_document::{Digest, NodeId};
use yizhan_identity::{NoteSigner, SignedNote, certificate_from_pem, certificate_to_pem};

const UNSIGNED: &str = "root.txt";
const DELEGATED: &str = "delegated";
const POLICY: &str = "policy.json";
const JOINED: &str = "joined";

/// Why a folder holds no draft, or it cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// The disk, or the folder given.
    #[error("{path} cannot be read or written: {source}")]
    Disk {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// More bytes than such a thing may have.
    #[error("{path} is larger than {most} bytes")]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// The most it may have.
        most: usize,
    },
    /// The text that is to be signed is no root.
    #[error("root.txt is no root: {0}; make the draft anew")]
    Root(#[from] RootError),
    /// A division that is none, or cannot be written.
    #[error("division {node}: {reason}")]
    Division {
        /// The division.
        node: NodeId,
        /// What is wrong.
        reason: DivisionError,
    },
    /// `ca.pem` holds no certificate.
    #[error("ca.pem is not one certificate in PEM")]
    Ca,
    /// A file was changed after the draft was made.
    #[error(
        "the file of division {node} is not the one that root.txt names; run `edit` on the draft to take the change in"
    )]
    Changed {
        /// The division.
        node: NodeId,
    },
    /// The policy was changed after the draft was made.
    #[error("policy.json is not the one that root.txt names; run `edit` on the draft to take the change in")]
    PolicyChanged,
    /// Somebody signs to whom nothing is delegated there.
    #[error("{name} is no delegate of {delegation} in this draft; sign with a key that the delegation names")]
    NotDelegate {
        /// The division whose subtree is to be signed for.
        delegation: NodeId,
        /// The name of the key.
        name: String,
    },
    /// It does not pass the checks that every reader makes. Whoever drafted it is to blame.
    #[error("the draft is refused: {0}")]
    Refused(#[from] DirectoryError),
}

impl Draft {
    /// Reads a draft with whatever was changed in its files by hand.
    pub fn read(folder: &Path) -> Result<Self, DraftError> {
        let (head, ca, files, _) = read(folder)?;
        Self::of_parts(head, ca, &files)
    }

    /// A draft from the parts of a directory, unverified: to be looked at.
    pub fn of_parts(head: Head, ca: Vec<u8>, files: &BTreeMap<NodeId, Vec<u8>>) -> Result<Self, DraftError> {
        let own = |(node, _): &(&NodeId, &Vec<u8>)| {
            head.joined.iter().all(|part| part.head.digest_of(**node).is_none())
        };
        let division = |(node, bytes): (&NodeId, &Vec<u8>)| {
            let division = Division::from_json(bytes);
            Ok((*node, division.map_err(|reason| DraftError::Division { node: *node, reason })?))
        };
        let divisions = files.iter().filter(own).map(division).collect::<Result<_, DraftError>>()?;
        let joined = head.joined.iter().map(|part| {
            let file = |(node, _): &(NodeId, Digest)| Some((*node, files.get(node)?.clone()));
            let files = part.head.listed().iter().filter_map(file).collect();
            (part.network.clone(), DraftJoined { part: part.clone(), files })
        });
        let joined = joined.collect();
        let delegated = head.root.delegations.iter().zip(&head.branches).map(|(delegation, branch)| {
            let (version, issued, expires) = (branch.version, branch.issued, branch.expires);
            (branch.node, Delegated { delegation: delegation.clone(), version, issued, expires })
        });
        let delegations = delegated.collect();
        let policy = head.policy;
        let Root { network, version, issued, expires, threshold, revoked, .. } = head.root;
        let revoked = revoked.into_iter().collect();
        Ok(Self {
            network,
            version,
            issued,
            expires,
            threshold,
            ca,
            revoked,
            delegations,
            policy,
            joined,
            divisions,
        })
    }

    /// Checks a draft as a whole and writes it into a folder, which has no signatures after that.
    pub fn write(&self, folder: &Path) -> Result<Rendered, DraftError> {
        self.write_keeping(folder, &[])
    }

    /// As [`Draft::write`], but keeps the signatures on texts that did not change: those of `notes`, and those in the folder.
    pub fn write_signed(&self, folder: &Path, notes: &[SignedNote]) -> Result<Rendered, DraftError> {
        let so_far = signed_so_far(folder)?;
        self.write_keeping(folder, &[&so_far, notes].concat())
    }

    fn write_keeping(&self, folder: &Path, notes: &[SignedNote]) -> Result<Rendered, DraftError> {
        let first = self.divisions.keys().next().copied();
        let rendered = self.render().map_err(|reason| match first {
            Some(node) => DraftError::Division { node, reason },
            None => DraftError::Root(RootError::Empty),
        })?;
        rendered.check()?;
        let (divisions, lists) = (folder.join(DIVISIONS), folder.join(DELEGATED));
        let joined = folder.join(JOINED);
        for folder in [&divisions, &lists, &joined] {
            fs::create_dir_all(folder).map_err(disk(folder))?;
        }
        remove_others(&divisions, |node| rendered.files.contains_key(&node))?;
        remove_others(&lists, |node| rendered.list_texts.contains_key(&node))?;
        for (node, bytes) in &rendered.files {
            put(&divisions.join(format!("{node}.json")), bytes)?;
        }
        for (node, text) in &rendered.list_texts {
            put(&lists.join(format!("{node}.txt")), text.as_bytes())?;
        }
        for part in self.joined.values().map(|joined| &joined.part) {
            put(&joined.join(part.digest().to_string()), &part.to_bytes())?;
        }
        put(&folder.join(CA), certificate_to_pem(&rendered.ca).as_bytes())?;
        match &rendered.policy {
            Some(policy) => put(&folder.join(POLICY), policy)?,
            None => remove(&folder.join(POLICY))?,
        }
        let signed = folder.join(ROOT);
        remove(&signed)?;
        put(&folder.join(UNSIGNED), rendered.root_text.as_bytes())?;
        let signed_so_far = rendered.signed_so_far(notes);
        if !signed_so_far.is_empty() {
            put(&signed, &signed_so_far)?;
        }
        Ok(rendered)
    }
}

fn remove(path: &Path) -> Result<(), DraftError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(disk(path)(error)),
        _ => Ok(()),
    }
}

/// Removes the files of nodes that are not listed.
fn remove_others(folder: &Path, listed: impl Fn(NodeId) -> bool) -> Result<(), DraftError> {
    for entry in fs::read_dir(folder).map_err(disk(folder))? {
        let path = entry.map_err(disk(folder))?.path();
        let node = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        if node.is_some_and(|node| !listed(node)) {
            fs::remove_file(&path).map_err(disk(&path))?;
        }
    }
    Ok(())
}

/// A text of a draft, and how many signatures it has and needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signatures {
    /// The division whose subtree the text lists; none for the root.
    pub delegation: Option<NodeId>,
    /// How many there are.
    pub have: usize,
    /// How many there have to be.
    pub need: usize,
}

impl Rendered {
    /// Reads a draft exactly as it is to be signed.
    pub fn read(folder: &Path) -> Result<Self, DraftError> {
        let (head, ca, files, policy) = read(folder)?;
        // One that was written by hand where the root names none is no part of the draft yet.
        let policy = policy.filter(|_| head.root.policy.is_some());
        if head.root.policy != policy.as_deref().map(Digest::of) {
            return Err(DraftError::PolicyChanged);
        }
        for (node, digest) in head.listed() {
            if files.get(node).is_none_or(|bytes| Digest::of(bytes) != *digest) {
                return Err(DraftError::Changed { node: *node });
            }
        }
        let list_texts = head.branches.iter().map(|branch| (branch.node, branch.to_text())).collect();
        let joined = head.joined.iter().map(|part| part.to_bytes()).collect();
        Ok(Self { root_text: head.root.to_text(), list_texts, policy, files, ca, joined })
    }

    /// Checks the draft in a folder as a whole, and adds the signature of one authority to it. Gives the root as signed so far.
    pub fn sign(folder: &Path, signer: &NoteSigner) -> Result<SignedNote, DraftError> {
        let rendered = Self::read(folder)?;
        rendered.check()?;
        rendered.add_signature(folder, &rendered.root_text, signer)
    }

    /// Checks the draft in a folder as a whole, and adds the signature of one delegate to the list of a delegated subtree.
    /// Gives that list as signed so far.
    pub fn sign_list(folder: &Path, node: NodeId, signer: &NoteSigner) -> Result<SignedNote, DraftError> {
        let rendered = Self::read(folder)?;
        let head = rendered.check()?;
        let key = signer.verifier();
        let names =
            |delegation: &&crate::Delegation| delegation.node == node && delegation.delegates.contains(&key);
        let text = rendered.list_texts.get(&node);
        match text.filter(|_| head.root.delegations.iter().any(|delegation| names(&delegation))) {
            Some(text) => rendered.add_signature(folder, text, signer),
            None => Err(DraftError::NotDelegate { delegation: node, name: key.name().to_owned() }),
        }
    }

    /// How many signatures each text of the draft in a folder has and needs, the root first.
    pub fn signatures(folder: &Path) -> Result<Vec<Signatures>, DraftError> {
        let (head, ..) = read(folder)?;
        let notes = signed_so_far(folder)?;
        let of = |text: &str| notes.iter().find(|note| note.text == text);
        let have = of(&head.root.to_text()).map_or(0, |note| note.signatures.len());
        let mut all = vec![Signatures { delegation: None, have, need: head.root.threshold }];
        for (delegation, branch) in head.root.delegations.iter().zip(&head.branches) {
            let note = of(&branch.to_text());
            let have = note.map_or(0, |note| delegation.signatures_on(note, &head.root.revoked));
            all.push(Signatures { delegation: Some(branch.node), have, need: delegation.threshold });
        }
        Ok(all)
    }

    fn add_signature(
        &self,
        folder: &Path,
        text: &str,
        signer: &NoteSigner,
    ) -> Result<SignedNote, DraftError> {
        let mut notes = signed_so_far(folder)?;
        let own = SignedNote::parse(format!("{text}\n{}", signer.sign(text)).as_bytes());
        let own = own.map_err(DirectoryError::from)?;
        let before = notes.iter().position(|note| note.text == text).map(|at| notes.remove(at));
        let mut note = before.unwrap_or_else(|| SignedNote { signatures: Vec::new(), ..own.clone() });
        note.signatures.retain(|line| !own.signatures.iter().any(|new| new.key_id == line.key_id));
        note.signatures.extend(own.signatures);
        notes.push(note.clone());
        put(&folder.join(ROOT), &self.signed_so_far(&notes))?;
        Ok(note)
    }
}

/// The notes that lie in a folder's `root`, whatever they are on.
fn signed_so_far(folder: &Path) -> Result<Vec<SignedNote>, DraftError> {
    let path = folder.join(ROOT);
    match durable::read_at_most(&path, limits::ROOT_BYTES_MAX) {
        Ok(bytes) => Ok(notes_in(&bytes.unwrap_or_default())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(DraftError::Disk { path, source }),
    }
}

/// Texts, CA certificate, files of divisions, and the policy's file.
type Parts = (Head, Vec<u8>, BTreeMap<NodeId, Vec<u8>>, Option<Vec<u8>>);

fn read(folder: &Path) -> Result<Parts, DraftError> {
    let text = |path: &Path| {
        get(path, limits::ROOT_BYTES_MAX).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    };
    let root_text = text(&folder.join(UNSIGNED))?;
    let root = Root::parse(&root_text)?;
    let list = |delegation: &crate::Delegation| {
        text(&folder.join(DELEGATED).join(format!("{}.txt", delegation.node)))
    };
    let lists = root.delegations.iter().map(list).collect::<Result<Vec<_>, _>>()?;
    let path = folder.join(POLICY);
    let written = if path.exists() { Some(get(&path, limits::POLICY_BYTES_MAX)?) } else { None };
    let policy = written.as_deref().map_or(Ok(Policy::default()), Policy::drafted);
    let policy = policy.map_err(DirectoryError::from)?;
    let part = |named: &NamedAgreement| {
        get(&folder.join(JOINED).join(named.digest.to_string()), limits::ROOT_BYTES_MAX)
    };
    let parts = root.agreements.iter().map(part).collect::<Result<Vec<_>, _>>()?;
    let head = Head::unsigned(
        &root_text,
        policy,
        lists.iter().map(String::as_str),
        parts.iter().map(Vec::as_slice),
    )?;
    let pem = get(&folder.join(CA), limits::CA_PEM_BYTES_MAX)?;
    let ca = certificate_from_pem(&String::from_utf8_lossy(&pem)).map_err(|_| DraftError::Ca)?;
    let file = |(node, _): &(NodeId, Digest)| {
        let path = folder.join(DIVISIONS).join(format!("{node}.json"));
        Ok((*node, get(&path, limits::DIVISION_BYTES_MAX)?))
    };
    let files = head.listed().iter().map(file).collect::<Result<_, DraftError>>()?;
    Ok((head, ca, files, written))
}

fn get(path: &Path, most: usize) -> Result<Vec<u8>, DraftError> {
    let bytes = durable::read_at_most(path, most).map_err(disk(path))?;
    bytes.ok_or_else(|| DraftError::TooLarge { path: path.to_owned(), most })
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), DraftError> {
    durable::write_beside(path, bytes).map_err(disk(path))
}

fn disk(path: &Path) -> impl FnOnce(io::Error) -> DraftError {
    let path = path.to_owned();
    move |source| DraftError::Disk { path, source }
}

#[cfg(test)]
#[path = "draft_folder_tests.rs"]
mod tests;
