//! A delegation: what the authorities let somebody else sign for, and who that is.
//!
//! In the manner of The Update Framework: the root names keys, threshold, expiry and exactly which subtree; the delegate signs a
//! list of its own ([`Branch`](crate::Branch)) with its own version. It is terminating: for that subtree nobody else speaks.

use crate::anchor::TrustAnchor;
use crate::limits::{DELEGATES_MAX, DELEGATION_CODES_MAX, DELEGATION_VERSION_MAX, DELEGATIONS_MAX};
use crate::lines::{LineError, Lines};
use std::str::FromStr;
use yizhan_document::{NodeId, WallTime};
use yizhan_identity::{NoteVerifier, SignedNote};

/// What the root says of one delegated subtree: all divisions below `node`, but not `node` itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    /// The division whose subtree it is. Its own file stays with the authorities.
    pub node: NodeId,
    /// How many of the delegates have to sign.
    pub threshold: usize,
    /// The lowest version of the delegate's list that counts.
    pub from: u64,
    /// From when on nothing new is taken from the delegates.
    pub expires: WallTime,
    /// What the ids of the divisions begin with, ascending; so that nobody takes the code of a place elsewhere.
    pub codes: Vec<NodeId>,
    /// The keys of the delegates, ascending.
    pub delegates: Vec<NoteVerifier>,
}

impl Delegation {
    /// Whether an id is one that the delegates may give.
    pub fn covers(&self, node: NodeId) -> bool {
        self.codes.iter().any(|code| node.as_str().starts_with(code.as_str()))
    }

    /// How many delegates signed, those revoked left out.
    pub(crate) fn signatures_on(&self, note: &SignedNote, revoked: &[NoteVerifier]) -> usize {
        self.anchor().signatures_on(note, revoked)
    }

    fn anchor(&self) -> TrustAnchor {
        TrustAnchor { authorities: self.delegates.clone(), threshold: self.threshold }
    }

    pub(crate) fn write(&self, text: &mut String) {
        let Self { node, threshold, from, expires, codes, delegates } = self;
        let codes: Vec<&str> = codes.iter().map(NodeId::as_str).collect();
        let codes = codes.join(",");
        text.push_str(&format!(
            "delegation {node} threshold {threshold} from {from} expires {expires} codes {codes}\n"
        ));
        for delegate in delegates {
            text.push_str(&format!("delegate {delegate}\n"));
        }
    }

    /// Reads as many as there are.
    pub(crate) fn read_all(lines: &mut Lines<'_>) -> Result<Vec<Self>, LineError> {
        let mut all = Vec::new();
        while lines.begins_with("delegation ") {
            let Head(node, threshold, from, expires, codes) = lines.field("delegation")?;
            let mut delegates = Vec::new();
            while lines.begins_with("delegate ") {
                delegates.push(lines.field("delegate")?);
            }
            all.push(Self { node, threshold, from, expires, codes, delegates });
        }
        Ok(all)
    }

    /// Checks what can be checked on the delegations of a root alone.
    pub(crate) fn check_all(all: &[Self]) -> Result<(), (NodeId, &'static str)> {
        for (at, delegation) in all.iter().enumerate() {
            delegation.check().map_err(|reason| (delegation.node, reason))?;
            let earlier = all.iter().take(at);
            let refuse = |reason| Err((delegation.node, reason));
            if at >= DELEGATIONS_MAX {
                return refuse("there are too many before it");
            }
            for other in earlier {
                if other.node >= delegation.node {
                    return refuse("it stands twice or not in ascending order");
                }
                let overlap = |code: &NodeId| {
                    other.covers(*code) || other.codes.iter().any(|theirs| begins(theirs, code))
                };
                if delegation.codes.iter().any(overlap) {
                    return refuse("its codes overlap with those of another delegation");
                }
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.delegates.len() > DELEGATES_MAX || self.anchor().check().is_err() {
            return Err("its threshold does not fit its delegates, or one of them is no signing key");
        }
        if !self.delegates.is_sorted_by(|first, second| first < second) {
            return Err("its delegates are not in ascending order, each once");
        }
        if self.from == 0 || self.from > DELEGATION_VERSION_MAX {
            return Err("its versions begin at no possible version");
        }
        let codes = (1..=DELEGATION_CODES_MAX).contains(&self.codes.len());
        if !codes || !self.codes.is_sorted_by(|first, second| first < second) {
            return Err("its codes are none, too many, or not in ascending order, each once");
        }
        Ok(())
    }
}

fn begins(code: &NodeId, with: &NodeId) -> bool {
    code.as_str().starts_with(with.as_str())
}

/// The `delegation` line.
struct Head(NodeId, usize, u64, WallTime, Vec<NodeId>);

impl FromStr for Head {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        fn read<T: FromStr>(word: Option<&str>) -> Result<T, ()> {
            word.and_then(|word| word.parse().ok()).ok_or(())
        }
        let mut words = text.split(' ');
        let node = read(words.next())?;
        let mut named = |name| if words.next() == Some(name) { words.next().ok_or(()) } else { Err(()) };
        let (threshold, from) = (read(Some(named("threshold")?))?, read(Some(named("from")?))?);
        let (expires, codes) = (read(Some(named("expires")?))?, named("codes")?);
        let codes = codes.split(',').map(|code| read(Some(code))).collect::<Result<_, _>>()?;
        if words.next().is_some() { Err(()) } else { Ok(Self(node, threshold, from, expires, codes)) }
    }
}

#[cfg(test)]
#[path = "delegation_tests.rs"]
mod tests;
