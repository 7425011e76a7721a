//! What neighbours say they hold, and what an operator is to be alarmed by: a register that stands still is noticed.

use std::collections::BTreeMap;
use yizhan_desk::DirectoryAlarm;
use yizhan_document::{Digest, NodeId, WallTime};
use yizhan_hierarchy::{Directory, Edition, Standing, limits::GRACE_MS};
use yizhan_protocol::{DirectoryHeld, ListHeld};

/// For how long a neighbour may hold a higher version before that is an alarm, in milliseconds (MUST-39).
const BEHIND_ALARM_MS: u64 = 5_000;
/// For how long a neighbour is not asked again whose version was refused, in milliseconds; it doubles.
const REFUSED_WAIT_MS: u64 = 1_000;
/// The longest such wait.
const REFUSED_WAIT_MS_MAX: u64 = 64_000;

/// What all neighbours that are up say.
#[derive(Default)]
pub(crate) struct Told {
    sayings: BTreeMap<NodeId, Saying>,
}

struct Saying {
    held: DirectoryHeld,
    /// Since when there is something in it that is higher than what is held here, by uptime.
    ahead_since: Option<u64>,
    /// Why it could not be had.
    refused: Option<String>,
    refusals: u32,
    not_before: u64,
}

impl Told {
    /// A neighbour says what it holds. The same words again change nothing.
    pub(crate) fn says(&mut self, neighbour: NodeId, held: DirectoryHeld) {
        if self.sayings.get(&neighbour).is_none_or(|saying| saying.held != held) {
            self.sayings.insert(neighbour, Saying::new(held));
        }
    }

    /// A neighbour is gone.
    pub(crate) fn forget(&mut self, neighbour: NodeId) {
        self.sayings.remove(&neighbour);
    }

    /// What a neighbour holds could not be had.
    pub(crate) fn refused(&mut self, neighbour: NodeId, reason: String, now: u64) {
        if let Some(saying) = self.sayings.get_mut(&neighbour) {
            saying.refused = Some(reason);
            saying.not_before = now + (REFUSED_WAIT_MS << saying.refusals.min(6)).min(REFUSED_WAIT_MS_MAX);
            saying.refusals = saying.refusals.saturating_add(1);
        }
    }

    /// Notes who is ahead of what is held.
    pub(crate) fn compare(&mut self, own: &Own, now: u64) {
        for (neighbour, saying) in &mut self.sayings {
            let ahead = saying.is_ahead_of(*neighbour, own);
            saying.ahead_since = ahead.then(|| saying.ahead_since.unwrap_or(now));
        }
    }

    /// The neighbour with the highest version of those above what is held that may be asked now. Neighbours of other networks count
    /// other versions, and come after those of the own one.
    pub(crate) fn best(&self, own: &Own, now: u64) -> Option<(NodeId, Edition)> {
        let may = |(neighbour, saying): &(&NodeId, &Saying)| {
            saying.not_before <= now && saying.is_ahead_of(**neighbour, own)
        };
        let ahead = self.sayings.iter().filter(may);
        ahead
            .map(|(neighbour, saying)| (*neighbour, saying.edition()))
            .max_by_key(|(neighbour, edition)| (!own.is_foreign(*neighbour), *edition))
    }

    /// What an operator has to know.
    pub(crate) fn alarms(
        &self,
        held: &Directory,
        goes_by: &Directory,
        now: WallTime,
        uptime: u64,
    ) -> Vec<DirectoryAlarm> {
        let (own, mut alarms) = (Own::of(held), Vec::new());
        let mut alarm = |code: &str, detail: String| {
            alarms.push(DirectoryAlarm { code: code.to_owned(), detail });
        };
        if goes_by.is_expired(now) {
            let last = goes_by.expires.plus_ms(GRACE_MS);
            alarm(
                "expired",
                format!(
                    "version {} expired at {}; it is gone by until {last}, then offices hand nothing in; publish a new one",
                    goes_by.version, goes_by.expires
                ),
            );
        }
        for (delegation, list) in goes_by.delegations().iter().zip(goes_by.delegated_lists()) {
            let (node, ends) = (list.node, list.expires.min(delegation.expires));
            if now >= ends {
                let last = ends.plus_ms(GRACE_MS);
                alarm(
                    "delegated-expired",
                    format!(
                        "the list of {node} or its delegation expired at {ends}; it is gone by, and from {last} on offices below \
                         {node} hand nothing in; its delegates have to sign a new one, or the authorities for it",
                    ),
                );
            }
        }
        if held.edition() != goes_by.edition() {
            alarm(
                "retired",
                format!(
                    "version {} does not name this node with the keys it has; it goes by version {} until it is stopped",
                    held.edition(),
                    goes_by.edition()
                ),
            );
        }
        for (neighbour, saying) in &self.sayings {
            if saying.ahead_since.is_some_and(|since| uptime >= since + BEHIND_ALARM_MS) {
                let why = saying.refused.as_deref().unwrap_or("it is being asked for");
                alarm(
                    "behind",
                    format!(
                        "{neighbour} holds version {}, which could not be had from it yet: {why}",
                        saying.edition()
                    ),
                );
            }
            let beside = own.beside(*neighbour);
            let other = saying.held.root != beside.root;
            if saying.held.version == beside.version && other {
                alarm(
                    "two-of-one-version",
                    format!(
                        "{neighbour} holds another version {}: the authorities signed two of that number; tell them",
                        saying.held.version
                    ),
                );
            }
            for list in saying
                .lists_beside(*neighbour, &own)
                .filter(|(said, own)| said.version == own.version && said.digest != own.digest)
            {
                alarm(
                    "delegated-two-of-one-version",
                    format!(
                        "{neighbour} holds another list {} of {}: its delegates signed two of that number; tell them",
                        list.0.version, list.0.node
                    ),
                );
            }
        }
        alarms.extend(joined_alarms(goes_by, now));
        alarms
    }
}

/// The agreements by which nothing new crosses.
fn joined_alarms(goes_by: &Directory, now: WallTime) -> impl Iterator<Item = DirectoryAlarm> {
    let joined = goes_by.joined().iter().map(move |joined| (joined, joined.standing(now)));
    joined.filter(|(_, standing)| *standing != Standing::InForce).map(|(joined, standing)| {
        let (network, last) = (joined.network(), joined.carries_until());
        DirectoryAlarm {
            code: format!("agreement-{}", standing.as_str()),
            detail: format!(
                "nothing new crosses to or from {network}: {standing}; what was handed in before crosses until {last}"
            ),
        }
    })
}

/// What is held here, as it is compared with what neighbours say.
pub(crate) struct Own {
    held: DirectoryHeld,
    /// Of each joined network what its own nodes would say of it, by those of them that have a link to here, or might.
    foreign: BTreeMap<NodeId, DirectoryHeld>,
    /// Where a list is one of a joined network, the entry of that network's root.
    under: BTreeMap<NodeId, NodeId>,
}

impl Own {
    /// From the directory that is held.
    pub(crate) fn of(directory: &Directory) -> Self {
        let roots = directory.joined().iter().filter_map(|joined| Some((joined.node()?, &joined.directory)));
        let foreign = roots.clone().map(|(root, theirs)| (root, own_part(theirs)));
        let under = roots.flat_map(|(root, theirs)| {
            theirs.delegated_lists().iter().map(move |list| (list.node, root)).filter(|(list, of)| list != of)
        });
        Self { held: held_in(directory), foreign: foreign.collect(), under: under.collect() }
    }

    /// What a neighbour's words are to be compared with.
    fn beside(&self, neighbour: NodeId) -> &DirectoryHeld {
        self.foreign.get(&neighbour).unwrap_or(&self.held)
    }

    fn is_foreign(&self, neighbour: NodeId) -> bool {
        self.foreign.contains_key(&neighbour)
    }
}

/// What a node that holds a directory says of it to nodes of its own network.
///
/// For each joined network there is an entry under the node that has the link, with its version times 10^9 and the digest of its root,
/// and one for each of its delegated lists; so all entries come to the second number of the edition.
pub(crate) fn held_in(directory: &Directory) -> DirectoryHeld {
    let mut held = own_part(directory);
    let mut entries: BTreeMap<NodeId, ListHeld> =
        held.delegated.drain(..).map(|list| (list.node, list)).collect();
    for joined in directory.joined() {
        let theirs = own_part(&joined.directory);
        let version = Edition { version: theirs.version, delegated: 0 }.progress();
        let root = joined.node().map(|node| ListHeld { node, version, digest: theirs.root });
        for list in root.into_iter().chain(theirs.delegated) {
            // The node that has the link may have delegated all that is below it: one entry for both, which grows with either.
            let digest = |before: &ListHeld| Digest::of_all(&[&before.digest.0, &list.digest.0]);
            let both = |before: &ListHeld| ListHeld {
                node: list.node,
                version: before.version.saturating_add(list.version),
                digest: digest(before),
            };
            let entry = entries.get(&list.node).map_or(list, both);
            entries.insert(entry.node, entry);
        }
    }
    held.delegated = entries.into_values().collect();
    held
}

/// The same without what is joined: what it says to nodes of other networks.
pub(crate) fn own_part(directory: &Directory) -> DirectoryHeld {
    let lists = directory.delegated_lists().iter();
    let delegated =
        lists.map(|list| ListHeld { node: list.node, version: list.version, digest: list.digest }).collect();
    DirectoryHeld { version: directory.version, root: directory.stamp().root, delegated }
}

impl Saying {
    fn new(held: DirectoryHeld) -> Self {
        Self { held, ahead_since: None, refused: None, refusals: 0, not_before: 0 }
    }

    fn edition(&self) -> Edition {
        // Versions of lists that would run over are refused with the list.
        let sum = self.held.delegated.iter().fold(0_u64, |sum, list| sum.saturating_add(list.version));
        Edition { version: self.held.version, delegated: sum }
    }

    /// What is said of each delegated list and each joined network that is held here, if it is of the same root; of a list of a joined
    /// network, if it is of the same root of that one.
    fn lists_beside<'a>(
        &'a self,
        neighbour: NodeId,
        own: &'a Own,
    ) -> impl Iterator<Item = (&'a ListHeld, &'a ListHeld)> {
        let held = own.beside(neighbour);
        let same = self.held.version == held.version && self.held.root == held.root;
        let root_of = |lists: &[ListHeld], node| {
            let of = own.under.get(&node)?;
            lists.iter().find(|list| list.node == *of).map(|list| (list.version, list.digest))
        };
        let comparable = move |said: &&ListHeld| {
            same && root_of(&self.held.delegated, said.node) == root_of(&held.delegated, said.node)
        };
        self.held.delegated.iter().filter(comparable).filter_map(|said| {
            let at = held.delegated.binary_search_by_key(&said.node, |own| own.node).ok()?;
            held.delegated.get(at).map(|own| (said, own))
        })
    }

    fn is_ahead_of(&self, neighbour: NodeId, own: &Own) -> bool {
        self.held.version > own.beside(neighbour).version
            || self.lists_beside(neighbour, own).any(|(said, held)| said.version > held.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(text: &str) -> NodeId {
        text.parse().unwrap()
    }

    fn held(version: u64, lists: &[(&str, u64)]) -> DirectoryHeld {
        let digest = |text: &str| Digest::of(text.as_bytes());
        let list = |(of, version): &(&str, u64)| ListHeld {
            node: node(of),
            version: *version,
            digest: digest(&format!("{of} {version}")),
        };
        DirectoryHeld {
            version,
            root: digest(&version.to_string()),
            delegated: lists.iter().map(list).collect(),
        }
    }

    fn own(held: DirectoryHeld) -> Own {
        Own { held, foreign: BTreeMap::new(), under: BTreeMap::new() }
    }

    fn edition(version: u64, delegated: u64) -> Edition {
        Edition { version, delegated }
    }

    #[test]
    fn the_highest_version_is_asked_for_and_who_sent_a_bad_one_is_left_alone_for_a_while() {
        let (two, three) = (own(held(2, &[])), own(held(3, &[])));
        let mut told = Told::default();
        told.says(node("65"), held(3, &[]));
        told.says(node("6523"), held(5, &[]));
        assert_eq!(told.best(&two, 0), Some((node("6523"), edition(5, 0))));
        told.refused(node("6523"), "expired: x".into(), 0);
        assert_eq!(told.best(&two, 1), Some((node("65"), edition(3, 0))));
        assert_eq!(told.best(&three, 1), None);
        assert_eq!(told.best(&three, REFUSED_WAIT_MS), Some((node("6523"), edition(5, 0))));
        // Another version is another matter.
        told.says(node("6523"), held(6, &[]));
        assert_eq!(told.best(&three, 2), Some((node("6523"), edition(6, 0))));
        told.forget(node("6523"));
        assert_eq!(told.best(&three, REFUSED_WAIT_MS), None);
    }

    #[test]
    fn who_is_ahead_is_ahead_since_it_was_first_seen_so() {
        let mut told = Told::default();
        told.says(node("65"), held(3, &[]));
        told.compare(&own(held(2, &[])), 10);
        told.compare(&own(held(2, &[])), 20);
        assert_eq!(told.sayings[&node("65")].ahead_since, Some(10));
        told.compare(&own(held(3, &[])), 30);
        assert_eq!(told.sayings[&node("65")].ahead_since, None);
    }

    #[test]
    fn whoever_holds_a_later_delegated_list_under_the_same_root_is_asked_for_it() {
        let own = own(held(3, &[("6523", 2), ("6531", 7)]));
        let mut told = Told::default();
        told.says(node("65"), held(3, &[("6523", 1), ("6531", 7)]));
        assert_eq!(told.best(&own, 0), None);
        // Each has something that the other has not.
        told.says(node("65"), held(3, &[("6523", 4), ("6531", 1)]));
        assert_eq!(told.best(&own, 0), Some((node("65"), edition(3, 5))));
        // Under another root a list says nothing.
        let other = DirectoryHeld { root: Digest::of(b"other"), ..held(3, &[("6523", 9)]) };
        told.says(node("65"), other);
        assert_eq!(told.best(&own, 0), None);
        told.says(node("65"), held(3, &[("6523", u64::MAX), ("6531", u64::MAX)]));
        assert_eq!(told.best(&own, 0), Some((node("65"), edition(3, u64::MAX))));
    }

    #[test]
    fn what_is_said_of_a_joined_network_counts_by_that_networks_own_versions() {
        let party = |version: u64| (node("p-65"), version * 1_000_000_000);
        let said = |entries: &[(NodeId, u64)]| {
            let entry = |(node, version): &(NodeId, u64)| ListHeld {
                node: *node,
                version: *version,
                digest: Digest::of(format!("{node} {version}").as_bytes()),
            };
            let mut delegated: Vec<ListHeld> = entries.iter().map(entry).collect();
            delegated.sort_by_key(|list| list.node);
            DirectoryHeld { delegated, ..held(3, &[]) }
        };
        let list = node("p-6523");
        let own = Own {
            held: said(&[(list, 9), party(6)]),
            foreign: BTreeMap::from([(node("p-65"), held(6, &[("p-6523", 9)]))]),
            under: BTreeMap::from([(list, node("p-65"))]),
        };
        let mut told = Told::default();
        let best = |told: &Told| told.best(&own, 0);
        // A list under another root of theirs says nothing, whichever has come farther.
        told.says(node("65"), said(&[(list, 40), party(5)]));
        assert_eq!(best(&told), None);
        told.says(node("65"), said(&[(list, 1), party(7)]));
        assert_eq!(best(&told), Some((node("65"), edition(3, 7_000_000_001))));
        told.says(node("65"), said(&[(list, 10), party(6)]));
        assert_eq!(best(&told), Some((node("65"), edition(3, 6_000_000_010))));
        // Their own node speaks of their own versions, of which the own network's are no measure.
        told.says(node("65"), said(&[(list, 9), party(6)]));
        told.says(node("p-65"), held(6, &[("p-6523", 9)]));
        assert_eq!(best(&told), None);
        told.says(node("p-65"), held(7, &[]));
        assert_eq!(best(&told), Some((node("p-65"), edition(7, 0))));
        told.says(node("65"), held(4, &[]));
        assert_eq!(best(&told), Some((node("65"), edition(4, 0))), "the own network's first");
    }
}
