//! Reading signed texts: one fact on each line, in a fixed order.

use std::str::FromStr;
use yizhan_document::{Digest, NodeId};

/// The lines of a text, counted.
pub(crate) struct Lines<'a> {
    rest: &'a str,
    number: usize,
}

/// A line of a signed text is missing or not what belongs there. Whoever signed it is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} should say `{expected} …`")]
pub struct LineError {
    /// Counted from 1.
    pub line: usize,
    /// The first word of the line that belongs there.
    pub expected: &'static str,
}

impl<'a> Lines<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Self { rest: text, number: 0 }
    }

    pub(crate) fn next(&mut self) -> Option<&'a str> {
        let (line, rest) = self.rest.split_once('\n')?;
        self.rest = rest;
        self.number += 1;
        Some(line)
    }

    pub(crate) fn begins_with(&self, word: &str) -> bool {
        self.rest.starts_with(word)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn field<T: FromStr>(&mut self, word: &'static str) -> Result<T, LineError> {
        let line = self.number + 1;
        let value = self.next().and_then(|line| line.strip_prefix(word)?.strip_prefix(' '));
        value.and_then(|value| value.parse().ok()).ok_or(LineError { line, expected: word })
    }

    /// The `division` lines, which are the last ones.
    pub(crate) fn divisions(&mut self) -> Result<Vec<(NodeId, Digest)>, LineError> {
        let mut divisions = Vec::new();
        while !self.is_empty() {
            let entry: Entry = self.field("division")?;
            divisions.push((entry.0, entry.1));
        }
        Ok(divisions)
    }
}

/// Writes the `division` lines.
pub(crate) fn write_divisions(divisions: &[(NodeId, Digest)], text: &mut String) {
    for (node, digest) in divisions {
        text.push_str(&format!("division {node} {digest}\n"));
    }
}

/// The later of two lines that are not in ascending order, each division once.
pub(crate) fn out_of_order(divisions: &[(NodeId, Digest)]) -> Option<NodeId> {
    let mut pairs = divisions.iter().zip(divisions.iter().skip(1));
    pairs.find(|((first, _), (second, _))| first >= second).map(|(_, (second, _))| *second)
}

/// The node and the digest of one `division` line.
struct Entry(NodeId, Digest);

impl FromStr for Entry {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (node, digest) = text.split_once(' ').ok_or(())?;
        Ok(Self(node.parse().map_err(|_| ())?, digest.parse().map_err(|_| ())?))
    }
}
