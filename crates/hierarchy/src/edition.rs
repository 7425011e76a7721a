//! Which state of a version: delegates renew their lists without a new root.

use crate::limits::JOINED_LISTS_MAX;
use std::fmt;
use std::str::FromStr;

/// A version of the root, and how far the delegated lists under it and the networks joined with it have come: the sum of the
/// versions of the lists, and of the [`progress`](Edition::progress) of each joined network. Under one root it only ever grows at a
/// node, so that it names what the node held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edition {
    /// The version of the root.
    pub version: u64,
    /// The sum of the versions of all delegated lists and the progress of all joined networks; 0 without any.
    pub delegated: u64,
}

impl Edition {
    /// How far a joined network has come, in one number that grows with each of its roots and with each list under one: its
    /// version times 10^9, and its lists. So `3000000012` is version 3 with lists that come to 12.
    pub fn progress(self) -> u64 {
        self.version.saturating_mul(JOINED_LISTS_MAX + 1).saturating_add(self.delegated)
    }
}

/// Written `5`, or `5.12` where something is delegated.
impl fmt::Display for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.delegated {
            0 => write!(f, "{}", self.version),
            delegated => write!(f, "{}.{delegated}", self.version),
        }
    }
}

/// Not written as an edition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a version is written 5, or 5.12 where something is delegated; `yizhan directory history` lists them"
)]
pub struct EditionError;

impl FromStr for Edition {
    type Err = EditionError;

    fn from_str(text: &str) -> Result<Self, EditionError> {
        let (version, delegated) = text.split_once('.').unwrap_or((text, "0"));
        let read = |number: &str| number.parse().map_err(|_| EditionError);
        let edition = Self { version: read(version)?, delegated: read(delegated)? };
        // Written in one way only.
        if edition.to_string() == text { Ok(edition) } else { Err(EditionError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edition_is_written_in_one_way_and_counts_the_root_first() {
        let edition = |version, delegated| Edition { version, delegated };
        for (text, wanted) in [("5", edition(5, 0)), ("5.12", edition(5, 12))] {
            assert_eq!(text.parse(), Ok(wanted));
            assert_eq!(wanted.to_string(), text);
        }
        for wrong in ["", "5.", "5.0", "05", "5.01", ".1", "5.1.1", "+5"] {
            assert_eq!(wrong.parse::<Edition>(), Err(EditionError), "{wrong}");
        }
        assert!(edition(6, 0) > edition(5, 12) && edition(5, 12) > edition(5, 3));
    }
}
