//! Addresses: the node that serves a division, and the office behind it.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// The longest node id, in bytes.
const NODE_ID_BYTES_MAX: usize = 16;
/// The longest office name, in bytes.
const OFFICE_NAME_BYTES_MAX: usize = 48;

/// The name of a node: as a rule the GB/T 2260 code of its division without padding (`65`, `6523`, `652301`).
///
/// A label, never the route: who is whose parent stands in the directory. Lower-case ASCII letters, digits and inner
/// hyphens, 1 to 16 bytes, so that overlay trees with ids of their own (XPCC divisions, Party branches) fit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    bytes: [u8; NODE_ID_BYTES_MAX],
}

impl NodeId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        let end = self.bytes.iter().position(|b| *b == 0).unwrap_or(NODE_ID_BYTES_MAX);
        // The constructor lets only ASCII in, so the fallback is never taken.
        std::str::from_utf8(self.bytes.get(..end).unwrap_or_default()).unwrap_or_default()
    }
}

impl FromStr for NodeId {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        check_name(text, NODE_ID_BYTES_MAX)
            .map_err(|reason| AddressError::Node { text: shorten(text), reason })?;
        let mut bytes = [0; NODE_ID_BYTES_MAX];
        bytes.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
        Ok(Self { bytes })
    }
}

/// The name of an office within its node, such as `gov-office`: lower-case ASCII letters, digits and inner hyphens,
/// 1 to 48 bytes. The directory holds its names in people's languages.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OfficeName(String);

impl OfficeName {
    /// The government office, which receives for its division where no other office is named.
    pub fn gov_office() -> Self {
        Self("gov-office".to_owned())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OfficeName {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        check_name(text, OFFICE_NAME_BYTES_MAX)
            .map_err(|reason| AddressError::Office { text: shorten(text), reason })?;
        Ok(Self(text.to_owned()))
    }
}

/// Where a document goes or comes from: `office@node`, such as `gov-office@652301`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OfficeAddress {
    /// The office.
    pub office: OfficeName,
    /// The node that serves it.
    pub node: NodeId,
}

impl FromStr for OfficeAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (office, node) =
            text.split_once('@').ok_or_else(|| AddressError::NoAt { text: shorten(text) })?;
        Ok(Self { office: office.parse()?, node: node.parse()? })
    }
}

/// Why a text is no address. The client that wrote it is to blame; it helps to correct it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not a node id.
    #[error("`{text}` is no node id: {reason}; write the division code without padding, such as 652301")]
    Node {
        /// What was given, shortened.
        text: String,
        /// The rule it breaks.
        reason: &'static str,
    },
    /// Not an office name.
    #[error("`{text}` is no office name: {reason}; write for example gov-office")]
    Office {
        /// What was given, shortened.
        text: String,
        /// The rule it breaks.
        reason: &'static str,
    },
    /// No `@` between office and node.
    #[error("`{text}` is no office address; write office@node, such as gov-office@652301")]
    NoAt {
        /// What was given, shortened.
        text: String,
    },
}

fn check_name(text: &str, bytes_max: usize) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.len() > bytes_max {
        return Err("it is too long");
    }
    if !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err("only a-z, 0-9 and - may stand in it");
    }
    if text.starts_with('-') || text.ends_with('-') {
        return Err("it begins or ends with a hyphen");
    }
    Ok(())
}

fn shorten(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

/// `Display`, `Debug` and serde as text, for types that have one textual form.
macro_rules! textual {
    ($type:ty, $expecting:literal, |$this:ident, $f:ident| $display:expr) => {
        impl fmt::Display for $type {
            fn fmt(&self, $f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let $this = self;
                $display
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl serde::de::Visitor<'_> for Visitor {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Visitor)
            }
        }
    };
}
pub(crate) use textual;

textual!(NodeId, "a node id", |this, f| f.pad(this.as_str()));
textual!(OfficeName, "an office name", |this, f| f.pad(&this.0));
textual!(OfficeAddress, "office@node", |this, f| write!(f, "{}@{}", this.office, this.node));

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_division_code_is_a_node_id_without_padding() {
        let node: NodeId = "652301".parse().unwrap();
        assert_eq!(node.to_string(), "652301");
        assert_ne!(node, "65230100".parse().unwrap());
    }

    #[test]
    fn names_that_could_escape_a_path_or_a_line_are_refused() {
        for text in
            ["", "..", "a/b", "A", "a b", "a\n", "-a", "a-", "65230100000000000", "\u{202e}65", "六五"]
        {
            assert!(text.parse::<NodeId>().is_err(), "{text:?} was taken");
        }
        assert!("gov-office".parse::<OfficeAddress>().is_err());
        assert!("gov-office@65@23".parse::<OfficeAddress>().is_err());
        assert!("@65".parse::<OfficeAddress>().is_err());
    }

    proptest! {
        #[test]
        fn an_address_reads_back_as_written(office in "[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?", node in "[1-9][0-9]{1,11}") {
            let address: OfficeAddress = format!("{office}@{node}").parse().unwrap();
            prop_assert_eq!(address.to_string(), format!("{office}@{node}"));
            let json = serde_json::to_string(&address).unwrap();
            prop_assert_eq!(serde_json::from_str::<OfficeAddress>(&json).unwrap(), address);
        }
    }
}
