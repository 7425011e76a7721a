//! Whether a version may take the place of the one that a node holds: every attack on a register has its own refusal.
//!
//! What the attacks are called follows the specification of The Update Framework: rollback (an older version), freeze (a
//! version that is not let go of), mix and match (files of two versions), fast forward of what has expired.

use crate::anchor::TrustAnchor;
use crate::branch::Branch;
use crate::delegated_error::DelegatedError;
use crate::delegation::Delegation;
use crate::directory::{DelegatedList, Directory};
use crate::head::{Head, branch_of, check_signatures};
use crate::joined::Joined;
use crate::joined_error::JoinedError;
use crate::limits::GRACE_MS;
use crate::parcel::Parcel;
use crate::verification::{DirectoryError, signed_root};
use crate::version::{SuccessorError, VersionStamp};
use yizhan_document::{Digest, NodeId, WallTime};

/// Whether something of what was offered is later than what is held, and what stands against the rest.
struct Later {
    news: bool,
    objection: Option<VersionRefused>,
}

/// What is checked against: whom the node believes, and what it holds.
#[derive(Clone, Copy)]
pub struct Acceptance<'a> {
    /// Whom the node's configuration believes.
    pub anchor: &'a TrustAnchor,
    /// The newest version that the node holds.
    pub held: &'a Directory,
    /// The time.
    pub now: WallTime,
}

impl Acceptance<'_> {
    /// Looks at the signed texts alone, before any other byte is asked for: signatures, revocations, network, version, expiry.
    /// Where a delegated list is held in a later version than the one offered, it has its place in what is returned.
    pub fn head(&self, bytes: &[u8]) -> Result<Head, VersionRefused> {
        self.judged(Head::believed(bytes, self.anchor, self.held.revoked())?)
    }

    /// The same of texts whose signatures were looked at.
    fn judged(&self, mut head: Head) -> Result<Head, VersionRefused> {
        let root = &head.root;
        let stamp = VersionStamp {
            network: root.network.clone(),
            version: root.version,
            root: Digest::of(root.to_text().as_bytes()),
        };
        let held = self.held.stamp();
        held.check_successor(&stamp)?;
        let same_root = held == stamp;
        if let Some(name) = self.held.revoked().iter().find(|key| !root.revoked.contains(key)) {
            return Err(VersionRefused::Unrevoked { name: name.name().to_owned() });
        }
        if !same_root && self.now >= root.expires {
            return Err(DirectoryError::Expired { at: root.expires }.into());
        }
        // Under the same root something has to be newer, and must not have expired. Under a new root nothing that a delegate or a
        // joined network does or leaves undone keeps the root from being taken (MUST-42, MUST-60).
        let (lists, joined) = (self.take_later_lists(&mut head)?, self.take_later_joined(&mut head)?);
        match lists.objection.or(joined.objection) {
            _ if lists.news || joined.news || !same_root => Ok(head),
            Some(reason) => Err(reason),
            None => Err(VersionRefused::Held { version: head.root.version }),
        }
    }

    /// Puts held lists into the places of those that may not take theirs.
    fn take_later_lists(&self, head: &mut Head) -> Result<Later, VersionRefused> {
        let revoked = [self.held.revoked(), &head.root.revoked].concat();
        let (mut news, mut objection, mut later) = (false, None, Vec::new());
        for (at, delegation) in head.root.delegations.clone().iter().enumerate() {
            let held = self.held.delegated_lists().iter().find(|list| list.node == delegation.node);
            let Some((held, offered)) = held.zip(head.branches.get(at)) else {
                news = true;
                continue;
            };
            // A list that the delegates of the new root did not sign is no measure for theirs.
            let counts = check_signatures(delegation, &held.note, &revoked)
                .and_then(|()| branch_of(delegation, &held.note, &head.root.network));
            let Ok(counts) = counts else {
                news = true;
                continue;
            };
            match self.objection(delegation, held, offered) {
                None => news |= offered.version > held.version,
                Some(reason) => {
                    objection.get_or_insert(reason);
                    later.push((at, counts, held.note.clone()));
                }
            }
        }
        if !later.is_empty() {
            head.replace(later)?;
        }
        Ok(Later { news, objection: objection.map(|reason| DirectoryError::from(reason).into()) })
    }

    /// The same with the parts of joined networks, each as if it were a directory by itself: whatever that network's root, lists
    /// and revocations say holds against what is held of them (MUST-60).
    fn take_later_joined(&self, head: &mut Head) -> Result<Later, VersionRefused> {
        let (mut news, mut objection, mut parts) = (false, None, Vec::new());
        for offered in head.joined.clone() {
            let held = self.held.joined().iter().find(|held| held.network() == offered.network);
            // Under another anchor what was held of them is no measure; their authorities' keys begin anew, as delegates' do.
            let counts = |held: &&Joined| {
                let signed = offered.party().map(|party| &party.anchor);
                signed.is_some_and(|anchor| signed_root(held.directory.root_note(), anchor, &[]).is_ok())
            };
            let Some((held, party)) = held.filter(counts).zip(offered.party()) else {
                news = true;
                parts.push(offered);
                continue;
            };
            let theirs = Acceptance { anchor: &party.anchor, held: &held.directory, now: self.now };
            let agreed = |head, ca: &[u8]| offered.clone().with(head, ca.to_vec());
            let texts = offered.head.to_bytes();
            let believed = Head::believed_alone(&texts, &party.anchor, held.directory.revoked());
            match believed.map_err(VersionRefused::from).and_then(|head| theirs.judged(head)) {
                Ok(theirs) => {
                    news = true;
                    parts.push(agreed(theirs, &offered.ca));
                }
                Err(refused) => {
                    if !matches!(refused, VersionRefused::Held { .. }) {
                        let (network, reason) = (offered.network.clone(), Box::new(refused));
                        let reason = JoinedError::Refused { network, reason };
                        objection.get_or_insert(DirectoryError::from(reason).into());
                    }
                    parts.push(agreed(held.part().head.clone(), &held.part().ca));
                }
            }
        }
        if !parts.is_empty() {
            head.set_joined(parts)?;
        }
        Ok(Later { news, objection })
    }

    /// Why a list does not take the place of the one held; none if it is that very one.
    fn objection(
        &self,
        delegation: &Delegation,
        held: &DelegatedList,
        offered: &Branch,
    ) -> Option<DelegatedError> {
        let node = delegation.node;
        if offered.digest() == held.digest {
            return None;
        }
        if offered.version < held.version {
            let (known, offered) = (held.version, offered.version);
            return Some(DelegatedError::Rollback { delegation: node, known, offered });
        }
        if offered.version == held.version {
            return Some(DelegatedError::TwoOfOneVersion { delegation: node, version: held.version });
        }
        if self.now >= delegation.expires {
            return Some(DelegatedError::DelegationExpired { delegation: node, at: delegation.expires });
        }
        (self.now >= offered.expires)
            .then_some(DelegatedError::Expired { delegation: node, at: offered.expires })
    }

    /// Checks one division's file against a head that was accepted.
    pub fn file(&self, head: &Head, node: NodeId, bytes: &[u8]) -> Result<(), VersionRefused> {
        let found = Digest::of(bytes);
        if head.digest_of(node) == Some(found) {
            return Ok(());
        }
        // A file that belongs to the version held: somebody put two versions together.
        if self.held.digest_of(node) == Some(found) {
            return Err(VersionRefused::Mixed { node, of: self.held.version, into: head.root.version });
        }
        Err(DirectoryError::DigestMismatch { node }.into())
    }

    /// The parcel with the later one of each delegated list and each joined network, offered or held. What is held is read from `kept` only if
    /// something of it is needed.
    pub fn completed(
        &self,
        mut parcel: Parcel,
        kept: impl FnOnce() -> Option<Parcel>,
    ) -> Result<Parcel, VersionRefused> {
        let (offered, head) = (parcel.claimed_head()?, self.head(&parcel.root)?);
        if offered.branches == head.branches && offered.joined == head.joined {
            return Ok(parcel);
        }
        let (mut kept, outline) = kept().map(|kept| (kept.files, kept.outline)).unwrap_or_default();
        let replaced = |(node, digest): &&(NodeId, Digest)| head.digest_of(*node) != Some(*digest);
        for (node, _) in offered.listed().iter().filter(replaced) {
            parcel.files.remove(node);
        }
        let replacing = |(node, digest): &&(NodeId, Digest)| offered.digest_of(*node) != Some(*digest);
        for (node, _) in head.listed().iter().filter(replacing) {
            match (kept.remove(node), outline.get(*node)) {
                (Some(file), _) => {
                    parcel.files.insert(*node, file);
                }
                (None, Some(sketch)) => parcel.outline.insert(*node, sketch.clone()),
                (None, None) => {}
            }
        }
        parcel.root = head.to_bytes();
        Ok(parcel)
    }

    /// Checks all of a version that is to take the place of the one that is held. Nothing is believed of it before. Of a file that is not
    /// there this node has to have a sketch, taken from the very file that is listed (MUST-63).
    /// [`Acceptance::completed`] comes first where subtrees are delegated or networks joined.
    pub fn whole(&self, parcel: &Parcel) -> Result<Directory, VersionRefused> {
        let head = self.head(&parcel.root)?;
        for (node, digest) in head.listed() {
            match parcel.files.get(node) {
                Some(file) => self.file(&head, *node, file)?,
                // Looked at before, and not held.
                None if parcel.outline.of_file(*node, digest).is_some() => {}
                None => return Err(DirectoryError::MissingDivision { node: *node }.into()),
            }
        }
        // A root that is held and has expired stays for its grace, and so does it with a new list under it.
        let grace = if head.root.version == self.held.version { GRACE_MS } else { 0 };
        Ok(parcel.verify(self.anchor, self.held.revoked(), self.now, grace)?)
    }
}

/// Why a version does not take the place of the one that is held, which stays.
#[derive(Debug, thiserror::Error)]
pub enum VersionRefused {
    /// It is the very one.
    #[error("version {version} is held already")]
    Held {
        /// The version.
        version: u64,
    },
    /// Older, of another network, or another of the same number.
    #[error(transparent)]
    Successor(#[from] SuccessorError),
    /// It takes a revocation back.
    #[error("it does not revoke {name} any more, and no revocation is ever taken back; tell the authorities")]
    Unrevoked {
        /// The name of the key.
        name: String,
    },
    /// Files of two versions.
    #[error(
        "the file of division {node} is that of version {of}, put into version {into}; whoever put two versions together is \
         to blame"
    )]
    Mixed {
        /// The division.
        node: NodeId,
        /// The version that the file is of.
        of: u64,
        /// The version it was put into.
        into: u64,
    },
    /// Whoever hands it over calls it by another number than it bears.
    #[error("it was called version {called} and is version {version}; whoever hands it over is to blame")]
    WrongNumber {
        /// As it was called.
        called: u64,
        /// As it is signed.
        version: u64,
    },
    /// Whoever said it holds the version does not send it.
    #[error(
        "version {version} is not sent by whoever said to hold it; ask its operator, or publish the version here"
    )]
    NotSent {
        /// The version.
        version: u64,
    },
    /// Not signed as it has to be, expired, not whole, or wrong in itself.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

impl VersionRefused {
    /// A stable name of the reason, for software and for logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Held { .. } => "held",
            Self::Successor(SuccessorError::Rollback { .. }) => "rollback",
            Self::Successor(SuccessorError::OtherNetwork { .. }) => "other-network",
            Self::Successor(SuccessorError::TwoOfOneVersion { .. }) => "two-of-one-version",
            Self::Unrevoked { .. } => "unrevoked",
            Self::Mixed { .. } => "mixed-versions",
            Self::WrongNumber { .. } => "wrong-number",
            Self::NotSent { .. } => "not-sent",
            Self::Directory(error) => error.code(),
        }
    }
}

#[cfg(test)]
#[path = "acceptance_tests.rs"]
mod tests;
