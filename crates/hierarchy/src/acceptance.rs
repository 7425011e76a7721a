//! Whether a version may take the place of the one that a node holds: every attack on a register has its own refusal.
//!
//! What the attacks are called follows the specification of The Update Framework: rollback (an older version), freeze (a
//! version that is not let go of), mix and match (files of two versions), fast forward of what has expired.

use crate::anchor::TrustAnchor;
use crate::directory::Directory;
use crate::parcel::Parcel;
use crate::root::Root;
use crate::verification::{DirectoryError, signed_root};
use crate::version::{SuccessorError, VersionStamp};
use yizhan_document::{Digest, NodeId, WallTime};

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
    /// Looks at the root alone, before any other byte is asked for: signatures, revocations, network, version, expiry.
    pub fn root(&self, root_note: &[u8]) -> Result<Root, VersionRefused> {
        let root = signed_root(root_note, self.anchor, self.held.revoked())?;
        let stamp = VersionStamp {
            network: root.network.clone(),
            version: root.version,
            root: Digest::of(root.to_text().as_bytes()),
        };
        let held = self.held.stamp();
        held.check_successor(&stamp)?;
        if held == stamp {
            return Err(VersionRefused::Held { version: stamp.version });
        }
        if let Some(name) = self.held.revoked().iter().find(|key| !root.revoked.contains(key)) {
            return Err(VersionRefused::Unrevoked { name: name.name().to_owned() });
        }
        if self.now >= root.expires {
            return Err(DirectoryError::Expired { at: root.expires }.into());
        }
        Ok(root)
    }

    /// Checks one division's file against a root that was accepted.
    pub fn file(&self, root: &Root, node: NodeId, bytes: &[u8]) -> Result<(), VersionRefused> {
        let wanted = root.divisions.binary_search_by_key(&node, |(node, _)| *node).ok();
        let wanted = wanted.and_then(|at| root.divisions.get(at)).map(|(_, digest)| *digest);
        let found = Digest::of(bytes);
        if wanted == Some(found) {
            return Ok(());
        }
        // A file that belongs to the version held: somebody put two versions together.
        if self.held.digest_of(node) == Some(found) {
            return Err(VersionRefused::Mixed { node, of: self.held.version, into: root.version });
        }
        Err(DirectoryError::DigestMismatch { node }.into())
    }

    /// Checks all of a version that is to take the place of the one that is held. Nothing is believed of it before.
    pub fn whole(&self, parcel: &Parcel) -> Result<Directory, VersionRefused> {
        let root = self.root(&parcel.root)?;
        for (node, _) in &root.divisions {
            let file = parcel.files.get(node).ok_or(DirectoryError::MissingDivision { node: *node })?;
            self.file(&root, *node, file)?;
        }
        Ok(parcel.verify(self.anchor, self.held.revoked(), self.now, 0)?)
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
