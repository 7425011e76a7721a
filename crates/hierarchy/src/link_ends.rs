//! A link by the two nodes at its ends, as the policy names it: `65/6523`.

use crate::json_forms::json_as_text;
use std::fmt;
use std::str::FromStr;
use yizhan_document::{AddressError, NodeId};

/// The two ends of a link, whichever was named first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkEnds {
    first: NodeId,
    second: NodeId,
}

impl LinkEnds {
    /// The link between two nodes.
    pub fn between(one: NodeId, other: NodeId) -> Self {
        Self { first: one.min(other), second: one.max(other) }
    }

    /// The nodes, ascending.
    pub fn nodes(self) -> (NodeId, NodeId) {
        (self.first, self.second)
    }
}

impl fmt::Display for LinkEnds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.second)
    }
}

impl fmt::Debug for LinkEnds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for LinkEnds {
    type Err = LinkEndsError;

    fn from_str(text: &str) -> Result<Self, LinkEndsError> {
        let (one, other) = text.split_once('/').ok_or(LinkEndsError::Form)?;
        Ok(Self::between(one.parse()?, other.parse()?))
    }
}

/// Why a text names no link. Whoever wrote it is to blame; it helps to correct it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkEndsError {
    /// Not of the form of one.
    #[error("a link is written as its two nodes, such as 65/6523")]
    Form,
    /// One end is no node.
    #[error(transparent)]
    Node(#[from] AddressError),
}

json_as_text!(LinkEnds);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_one_whichever_end_is_named_first() {
        let link: LinkEnds = "6523/65".parse().unwrap();
        assert_eq!((link.to_string().as_str(), "65/6523".parse()), ("65/6523", Ok(link)));
        for text in ["", "65", "65/", "65/6523/652301", "65-6523"] {
            assert!(text.parse::<LinkEnds>().is_err(), "{text:?} was taken");
        }
    }
}
