//! Versions of one directory: which may follow which.

use crate::directory::Directory;
use serde::{Deserialize, Serialize};
use yizhan_document::Digest;

/// Which directory it is: small enough to be kept with what a node must never forget, and to be named in evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionStamp {
    /// The network.
    pub network: String,
    /// The version, counted from 1.
    pub version: u64,
    /// The digest of the root's text, without signatures.
    pub root: Digest,
}

impl VersionStamp {
    /// Whether `new` may take the place of this one: the same directory again, or a later version.
    pub fn check_successor(&self, new: &Self) -> Result<(), SuccessorError> {
        if self.network != new.network {
            return Err(SuccessorError::OtherNetwork {
                known: self.network.clone(),
                offered: new.network.clone(),
            });
        }
        if new.version < self.version {
            return Err(SuccessorError::Rollback { known: self.version, offered: new.version });
        }
        if new.version == self.version && new.root != self.root {
            return Err(SuccessorError::TwoOfOneVersion { version: new.version });
        }
        Ok(())
    }
}

/// Whether `new` may take the place of `old`: the same directory again, or a later version of it.
pub fn check_successor(old: &Directory, new: &Directory) -> Result<(), SuccessorError> {
    old.stamp().check_successor(&new.stamp())
}

/// Why a directory, though properly signed, may not take the place of the one that is known. Keep the known one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SuccessorError {
    /// Another network's.
    #[error("it is the directory of {offered}, not of {known}; whoever offers it is to blame")]
    OtherNetwork {
        /// The network of the known directory.
        known: String,
        /// The network of the offered one.
        offered: String,
    },
    /// An older one.
    #[error(
        "it is version {offered}, and version {known} is known already; whoever offers it is behind, or holds back"
    )]
    Rollback {
        /// The known version.
        known: u64,
        /// The offered one.
        offered: u64,
    },
    /// Two of the same number: the authorities signed two truths.
    #[error(
        "it is another version {version} than the known one; tell the authorities, they signed two of that number"
    )]
    TwoOfOneVersion {
        /// The version.
        version: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(network: &str, version: u64, root: &[u8]) -> VersionStamp {
        VersionStamp { network: network.into(), version, root: Digest::of(root) }
    }

    #[test]
    fn only_the_same_or_a_later_version_follows() {
        let known = stamp("a.example", 5, b"five");
        assert_eq!(known.check_successor(&known), Ok(()));
        assert_eq!(known.check_successor(&stamp("a.example", 6, b"six")), Ok(()));
        assert_eq!(
            known.check_successor(&stamp("a.example", 4, b"four")),
            Err(SuccessorError::Rollback { known: 5, offered: 4 })
        );
        assert_eq!(
            known.check_successor(&stamp("a.example", 5, b"another five")),
            Err(SuccessorError::TwoOfOneVersion { version: 5 })
        );
        assert!(matches!(
            known.check_successor(&stamp("b.example", 6, b"six")),
            Err(SuccessorError::OtherNetwork { .. })
        ));
    }

    #[test]
    fn a_stamp_survives_being_stored() {
        let known = stamp("a.example", 5, b"five");
        let json = serde_json::to_string(&known).unwrap();
        assert_eq!(serde_json::from_str::<VersionStamp>(&json).unwrap(), known);
    }
}
