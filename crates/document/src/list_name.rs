//! The name of a named list (名单) of the directory, by which a document is addressed to all whom it names.

use crate::address::textual;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// The longest name of a list, in bytes.
const LIST_NAME_BYTES_MAX: usize = 96;

/// The name of a list, such as `flood-control` or `防汛抗旱指挥部成员单位`: letters and digits of any script and inner hyphens, 1 to 96
/// bytes. 除, which begins the exceptions of a group, does not stand in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListName(String);

impl ListName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ListName {
    type Err = ListNameError;

    fn from_str(text: &str) -> Result<Self, ListNameError> {
        let letters = text.chars().all(|c| (c.is_alphanumeric() || c == '-') && c != '除');
        let hyphens = text.starts_with('-') || text.ends_with('-');
        if text.is_empty() || text.len() > LIST_NAME_BYTES_MAX || !letters || hyphens {
            let text = text.chars().filter(|c| !c.is_control()).take(64).collect();
            return Err(ListNameError { text });
        }
        Ok(Self(text.to_owned()))
    }
}

/// Why a text names no list. Whoever wrote it is to blame; it helps to correct it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no name of a list; it has letters, digits and inner hyphens (not 除), {LIST_NAME_BYTES_MAX} bytes at the most"
)]
pub struct ListNameError {
    /// What was given, shortened.
    text: String,
}

textual!(ListName, "the name of a list", |this, f| f.pad(&this.0));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_named_in_any_script_and_without_anything_that_a_group_is_written_with() {
        for name in ["flood-control", "防汛抗旱指挥部成员单位", "2026年督查", "ئىدارە"] {
            assert_eq!(name.parse::<ListName>().unwrap().as_str(), name);
        }
        let long = "单".repeat(33);
        for name in ["", "-a", "a-", "a b", "a,b", "清除名单", "a\u{202e}", "a\n", &long] {
            assert!(name.parse::<ListName>().is_err(), "{name:?} was taken");
        }
    }
}
