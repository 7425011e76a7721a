//! A draft: what is to become the next version of the directory, before anyone signed it.

use crate::branch::Branch;
use crate::delegation::Delegation;
use crate::directory::Directory;
use crate::division::{Division, DivisionError};
use crate::head::{Head, join};
use crate::joined::Joined;
use crate::joined_head::{GROUP_SEPARATOR, JoinedHead};
use crate::limits::DEPTH_MAX;
use crate::outline::Outline;
use crate::parcel::Parcel;
use crate::policy::{Policy, PolicyError};
use crate::root::Root;
use std::collections::{BTreeMap, BTreeSet};
use yizhan_document::{Digest, NodeId, WallTime};
use yizhan_identity::{NoteSigner, NoteVerifier, SignedNote};

/// A directory in the making. It is checked as a whole when it is published.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The network.
    pub network: String,
    /// Counts the versions from 1.
    pub version: u64,
    /// When it is signed.
    pub issued: WallTime,
    /// Until when it is believed.
    pub expires: WallTime,
    /// How many authorities have to sign it.
    pub threshold: usize,
    /// The certificate of the network's CA, in DER.
    pub ca: Vec<u8>,
    /// Authorities whose signatures count no more.
    pub revoked: BTreeSet<NoteVerifier>,
    /// Subtrees that somebody else signs for.
    pub delegations: BTreeMap<NodeId, Delegated>,
    /// What is laid down for the whole network.
    pub policy: Policy,
    /// The networks that are joined with this one, by name.
    pub joined: BTreeMap<String, DraftJoined>,
    /// The divisions, delegated ones too.
    pub divisions: BTreeMap<NodeId, Division>,
}

/// Another network in a draft: nothing of it is changed, it is only taken along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftJoined {
    /// The agreement with it, and its signed texts.
    pub part: JoinedHead,
    /// The file of each of its divisions.
    pub files: BTreeMap<NodeId, Vec<u8>>,
}

/// A subtree that somebody else signs for: what the root says of it, and the head of its list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegated {
    /// What the root says.
    pub delegation: Delegation,
    /// The version of the list.
    pub version: u64,
    /// When the list is signed.
    pub issued: WallTime,
    /// Until when the list is good.
    pub expires: WallTime,
}

/// A draft as bytes: the texts that authorities and delegates sign, each perhaps at a place of its own, and the files that they
/// commit to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The text of the root, to be signed by the authorities.
    pub root_text: String,
    /// The text of the list of each delegated subtree, to be signed by its delegates.
    pub list_texts: BTreeMap<NodeId, String>,
    /// The policy's file; none if nothing is laid down.
    pub policy: Option<Vec<u8>>,
    /// The content of each `divisions/<node>.json`.
    pub files: BTreeMap<NodeId, Vec<u8>>,
    /// The CA certificate in DER.
    pub ca: Vec<u8>,
    /// The part of each joined network, in the order in which the root names the agreements with them.
    pub joined: Vec<Vec<u8>>,
}

impl Draft {
    /// What a directory says, as a draft: to be compared with another.
    pub fn of(directory: &Directory) -> Self {
        let lists = directory.delegations().iter().zip(directory.delegated_lists());
        let delegated = lists.map(|(delegation, list)| {
            let (version, issued, expires) = (list.version, list.issued, list.expires);
            (delegation.node, Delegated { delegation: delegation.clone(), version, issued, expires })
        });
        Self {
            network: directory.network.clone(),
            version: directory.version,
            issued: directory.issued,
            expires: directory.expires,
            threshold: directory.threshold(),
            ca: directory.ca.clone(),
            revoked: directory.revoked().iter().cloned().collect(),
            delegations: delegated.collect(),
            policy: directory.policy().clone(),
            joined: directory.joined().iter().map(drafted).collect(),
            divisions: directory.divisions().map(|division| (division.node, division.clone())).collect(),
        }
    }

    /// The version after `directory`, with nothing changed yet. Lists of delegated subtrees stay as they are signed.
    pub fn following(directory: &Directory, issued: WallTime, expires: WallTime) -> Self {
        let version = directory.version.saturating_add(1);
        Self { version, issued, expires, ..Self::of(directory) }
    }

    /// The same version with the next list of one delegated subtree; none where it is not delegated.
    pub fn following_list(
        directory: &Directory,
        delegation: NodeId,
        issued: WallTime,
        expires: WallTime,
    ) -> Option<Self> {
        let mut draft = Self::of(directory);
        let list = draft.delegations.get_mut(&delegation)?;
        (list.version, list.issued, list.expires) = (list.version.saturating_add(1), issued, expires);
        Some(draft)
    }

    /// The delegated subtree that a division lies in; none if the authorities list it.
    pub fn delegation_over(&self, node: NodeId) -> Option<NodeId> {
        if self.delegations.is_empty() {
            return None;
        }
        let parent = |node: &NodeId| self.divisions.get(node).and_then(|division| division.parent);
        let mut above = std::iter::successors(parent(&node), parent).take(DEPTH_MAX);
        above.find(|above| self.delegations.contains_key(above))
    }

    /// The bytes to sign and to publish. Nothing is checked here.
    pub fn render(&self) -> Result<Rendered, DivisionError> {
        let policy = (!self.policy.is_empty()).then(|| self.policy.to_json()).transpose();
        let policy = policy.map_err(DivisionError::Json)?;
        let file = |(node, division): (&NodeId, &Division)| Ok((*node, division.to_json()?));
        let mut files = self.divisions.iter().map(file).collect::<Result<BTreeMap<_, _>, DivisionError>>()?;
        let mut lists: BTreeMap<Option<NodeId>, Vec<(NodeId, Digest)>> = BTreeMap::new();
        for (node, bytes) in &files {
            lists.entry(self.delegation_over(*node)).or_default().push((*node, Digest::of(bytes)));
        }
        let mut joined: Vec<&JoinedHead> = self.joined.values().map(|joined| &joined.part).collect();
        joined.sort_by_key(|part| part.digest());
        let root = Root {
            network: self.network.clone(),
            version: self.version,
            issued: self.issued,
            expires: self.expires,
            threshold: self.threshold,
            ca: Digest::of(&self.ca),
            policy: policy.as_deref().map(Digest::of),
            agreements: joined.iter().map(|part| part.named()).collect(),
            revoked: self.revoked.iter().cloned().collect(),
            delegations: self.delegations.values().map(|delegated| delegated.delegation.clone()).collect(),
            divisions: lists.remove(&None).unwrap_or_default(),
        };
        let list_texts = self.delegations.iter().map(|(node, delegated)| {
            let branch = Branch {
                network: self.network.clone(),
                node: *node,
                version: delegated.version,
                issued: delegated.issued,
                expires: delegated.expires,
                divisions: lists.remove(&Some(*node)).unwrap_or_default(),
            };
            (*node, branch.to_text())
        });
        let list_texts = list_texts.collect();
        for (node, file) in self.joined.values().flat_map(|joined| &joined.files) {
            files.entry(*node).or_insert_with(|| file.clone());
        }
        let joined = joined.into_iter().map(JoinedHead::to_bytes).collect();
        Ok(Rendered { root_text: root.to_text(), list_texts, policy, files, ca: self.ca.clone(), joined })
    }
}

impl Rendered {
    /// The root as a signed note, with the signatures of `signers`.
    pub fn root_note(&self, signers: &[NoteSigner]) -> String {
        signed_text(&self.root_text, signers.iter())
    }

    /// All of it, with the signatures of `signers`; nothing is delegated.
    pub fn signed(&self, signers: &[NoteSigner]) -> Parcel {
        self.signed_by(signers, &[])
    }

    /// All of it, with the signatures of authorities, and of delegates of the subtrees that are named with them.
    pub fn signed_by(&self, signers: &[NoteSigner], delegates: &[(NodeId, NoteSigner)]) -> Parcel {
        let mut root = self.root_note(signers).into_bytes();
        if let Some(policy) = &self.policy {
            root.push(crate::head::SEPARATOR);
            root.extend_from_slice(policy);
        }
        for (node, text) in &self.list_texts {
            let signers = delegates.iter().filter(|(of, _)| of == node).map(|(_, signer)| signer);
            root.push(crate::head::SEPARATOR);
            root.extend_from_slice(signed_text(text, signers).as_bytes());
        }
        root.extend(self.groups());
        let (ca, files) = (self.ca.clone(), self.files.clone());
        Parcel { root, ca, files, outline: Outline::default(), is_part: false }
    }

    /// What is to be signed, the root first.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.root_text.as_str()).chain(self.list_texts.values().map(String::as_str))
    }

    /// What it says, read back.
    pub(crate) fn head(&self) -> Result<Head, crate::DirectoryError> {
        let policy = self.policy.as_deref().map_or(Ok(Policy::default()), Policy::from_json)?;
        let lists = self.list_texts.values().map(String::as_str);
        let head = Head::unsigned(&self.root_text, policy, lists, self.joined.iter().map(Vec::as_slice))?;
        if head.root.policy != self.policy.as_deref().map(Digest::of) {
            return Err(PolicyError::Tampered.into());
        }
        Ok(head)
    }

    /// Its texts with those of `notes` that are on them: what is signed so far. A text that nobody signed has no place in it.
    pub(crate) fn signed_so_far(&self, notes: &[SignedNote]) -> Vec<u8> {
        let of = |text: &str| notes.iter().find(|note| note.text == text && !note.signatures.is_empty());
        let signed: Vec<SignedNote> = self.texts().filter_map(of).cloned().collect();
        let Some((first, others)) = signed.split_first() else { return Vec::new() };
        let mut bytes = join(first, self.policy.as_deref(), others);
        bytes.extend(self.groups());
        bytes
    }

    /// The parts of joined networks as they follow the own texts.
    fn groups(&self) -> Vec<u8> {
        self.joined.iter().flat_map(|part| [&[GROUP_SEPARATOR], part.as_slice()].concat()).collect()
    }
}

/// Another network as a directory holds it. Its files are written anew from what was read from them, and fit their digests as
/// long as they are written in the one way that [`Division::to_json`] writes; else the draft is refused for that.
fn drafted(joined: &Joined) -> (String, DraftJoined) {
    let file = |division: &Division| Some((division.node, division.to_json().ok()?));
    let files = joined.directory.divisions().filter_map(file).collect();
    (joined.network().to_owned(), DraftJoined { part: joined.part().clone(), files })
}

fn signed_text<'a>(text: &str, signers: impl Iterator<Item = &'a NoteSigner>) -> String {
    let signatures = signers.map(|signer| signer.sign(text)).collect::<String>();
    format!("{text}\n{signatures}")
}
