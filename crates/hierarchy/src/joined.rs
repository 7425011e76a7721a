//! Networks that are joined with the own one: their directories beside it, and whether a document may cross.

use crate::agreement::{Agreement, Party};
use crate::directory::Directory;
use crate::division::Division;
use crate::joined_error::JoinedError;
use crate::joined_head::JoinedHead;
use crate::limits::GRACE_MS;
use crate::outline::Places;
use crate::tree::{Place, Tree};
use crate::verification::{DirectoryError, check_unique};
use std::collections::BTreeMap;
use std::fmt;
use yizhan_document::{NodeId, WallTime};

/// A network that is joined with the own one, as the own directory holds it.
#[derive(Clone, Debug)]
pub struct Joined {
    /// Its directory, as it is by itself.
    pub directory: Box<Directory>,
    part: JoinedHead,
}

/// Whether an agreement lets anything new cross, seen from one of its networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    InForce,
    /// Its time is over.
    Expired {
        /// Since when.
        at: WallTime,
    },
    /// One of the networks ended it.
    Ended {
        /// Which.
        network: String,
        /// Since when.
        at: WallTime,
    },
    /// The other network's directory, as far as it is known here, does not name it.
    NotNamed {
        /// The other network.
        network: String,
    },
    /// The other network's directory has expired, and so has its grace.
    TheirDirectory {
        /// The other network.
        network: String,
        /// When it expired.
        at: WallTime,
    },
}

/// Two are one if the agreement is the same, as far as the own side says, and so are the texts that were signed for the other.
impl PartialEq for Joined {
    fn eq(&self, other: &Self) -> bool {
        self.part.named() == other.part.named() && self.directory == other.directory
    }
}

impl Eq for Joined {}

impl Joined {
    pub(crate) fn new(directory: Directory, part: JoinedHead) -> Self {
        Self { directory: Box::new(directory), part }
    }

    /// Its name.
    pub fn network(&self) -> &str {
        &self.part.network
    }

    /// What was agreed on.
    pub fn agreement(&self) -> &Agreement {
        &self.part.agreement
    }

    /// Its signed texts and the agreement, as they are handed over.
    pub fn part(&self) -> &JoinedHead {
        &self.part
    }

    /// Its node that has the link to the own network.
    pub fn node(&self) -> Option<NodeId> {
        Some(self.part.party()?.node)
    }

    /// The two nodes that have the link.
    pub fn ends(&self) -> [NodeId; 2] {
        let [first, second] = &self.agreement().parties;
        [first.node, second.node]
    }

    /// Whether anything new may cross at `now`, in either direction (MUST-58).
    pub fn standing(&self, now: WallTime) -> Standing {
        let network = || self.part.network.clone();
        let Some(there) = self.part.named_there() else {
            return Standing::NotNamed { network: network() };
        };
        let own = self.agreement().other(&self.part.network).map(|party| party.network.clone());
        let ends = [(own.unwrap_or_default(), self.part.ended), (network(), there.ended)];
        let over = ends.into_iter().filter_map(|(network, at)| Some((at.filter(|at| now >= *at)?, network)));
        if let Some((at, network)) = over.min() {
            return Standing::Ended { network, at };
        }
        if now >= self.agreement().expires {
            return Standing::Expired { at: self.agreement().expires };
        }
        match self.directory.expires {
            at if now >= at.plus_ms(GRACE_MS) => Standing::TheirDirectory { network: network(), at },
            _ => Standing::InForce,
        }
    }

    /// Until when what was handed in before still crosses: 30 days after the agreement expired or one of the two ended it.
    pub fn carries_until(&self) -> WallTime {
        let ended = self.part.named_there().and_then(|named| named.ended);
        let ends = [Some(self.agreement().expires), self.part.ended, ended];
        ends.into_iter().flatten().min().unwrap_or(WallTime::EPOCH).plus_ms(GRACE_MS)
    }
}

impl Standing {
    /// A stable name, for software.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::InForce => "in-force",
            Self::Expired { .. } => "expired",
            Self::Ended { .. } => "ended",
            Self::NotNamed { .. } => "not-named",
            Self::TheirDirectory { .. } => "their-directory-expired",
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InForce => f.write_str("it is in force"),
            Self::Expired { at } => write!(f, "it expired at {at}; both authorities have to sign a new one"),
            Self::Ended { network, at } => write!(f, "{network} ended it at {at}"),
            Self::NotNamed { network } => write!(
                f,
                "the directory of {network}, as far as it is known here, does not name it; its authorities put it in force"
            ),
            Self::TheirDirectory { network, at } => {
                write!(
                    f,
                    "the directory of {network} expired at {at}; its authorities have to publish a new one"
                )
            }
        }
    }
}

/// The one tree of all: each as it is by itself, and the two nodes of each agreement linked to each other.
pub(crate) fn join(network: &str, places: Places<'_>, joined: &[Joined]) -> Result<Tree, DirectoryError> {
    let theirs = || joined.iter().flat_map(|one| one.directory.divisions());
    check_unique(places.held.values().chain(theirs()))?;
    let mut links: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    for one in joined {
        let root = |party: &Party, place: Option<Place<'_>>| {
            let refused = JoinedError::NotRoot { network: party.network.clone(), node: party.node };
            place.filter(|it| it.parent.is_none()).map(|it| it.node).ok_or(refused)
        };
        let [first, second] = &one.agreement().parties;
        let (own, other) = if first.network == network { (first, second) } else { (second, first) };
        let own = root(own, places.of(own.node))?;
        let other = root(other, one.directory.division(other.node).map(Division::place))?;
        links.entry(own).or_default().push(other);
    }
    for (node, links) in &mut links {
        links.extend(places.of(*node).iter().flat_map(|place| place.direct_links));
    }
    let own = places.all().map(|place| match links.get(&place.node) {
        Some(links) => Place { direct_links: links, ..place },
        None => place,
    });
    Ok(Tree::build(own.chain(theirs().map(Division::place)))?)
}

#[cfg(test)]
#[path = "joined_tests.rs"]
mod tests;
