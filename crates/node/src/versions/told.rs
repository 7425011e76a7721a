//! What neighbours say they hold, and what an operator is to be alarmed by: a register that stands still is noticed.

use std::collections::BTreeMap;
use yizhan_desk::DirectoryAlarm;
use yizhan_document::{NodeId, WallTime};
use yizhan_hierarchy::{Directory, Edition, limits::GRACE_MS};
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

    /// Notes who is ahead of `held`.
    pub(crate) fn compare(&mut self, held: &DirectoryHeld, now: u64) {
        for saying in self.sayings.values_mut() {
            let ahead = saying.is_ahead_of(held);
            saying.ahead_since = ahead.then(|| saying.ahead_since.unwrap_or(now));
        }
    }

    /// The neighbour with the highest version of those above `held` that may be asked now.
    pub(crate) fn best(&self, held: &DirectoryHeld, now: u64) -> Option<(NodeId, Edition)> {
        let ahead =
            self.sayings.iter().filter(|(_, saying)| saying.not_before <= now && saying.is_ahead_of(held));
        ahead.map(|(neighbour, saying)| (*neighbour, saying.edition())).max_by_key(|(_, edition)| *edition)
    }

    /// What an operator has to know.
    pub(crate) fn alarms(
        &self,
        held: &Directory,
        goes_by: &Directory,
        now: WallTime,
        uptime: u64,
    ) -> Vec<DirectoryAlarm> {
        let (own, mut alarms) = (held_in(held), Vec::new());
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
            let other = saying.held.root != own.root;
            if saying.held.version == held.version && other {
                alarm(
                    "two-of-one-version",
                    format!(
                        "{neighbour} holds another version {}: the authorities signed two of that number; tell them",
                        saying.held.version
                    ),
                );
            }
            for list in saying
                .lists_beside(&own)
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
        alarms
    }
}

/// What a node that holds a directory says of it.
pub(crate) fn held_in(directory: &Directory) -> DirectoryHeld {
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

    /// What is said of each delegated list that is held here, if it is of the same root.
    fn lists_beside<'a>(
        &'a self,
        held: &'a DirectoryHeld,
    ) -> impl Iterator<Item = (&'a ListHeld, &'a ListHeld)> {
        let same = self.held.version == held.version && self.held.root == held.root;
        let own = &held.delegated;
        let said = self.held.delegated.iter().filter(move |_| same);
        said.filter_map(move |said| {
            let at = own.binary_search_by_key(&said.node, |own| own.node).ok()?;
            own.get(at).map(|own| (said, own))
        })
    }

    fn is_ahead_of(&self, held: &DirectoryHeld) -> bool {
        self.held.version > held.version
            || self.lists_beside(held).any(|(said, own)| said.version > own.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use yizhan_document::Digest;

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

    fn edition(version: u64, delegated: u64) -> Edition {
        Edition { version, delegated }
    }

    #[test]
    fn the_highest_version_is_asked_for_and_who_sent_a_bad_one_is_left_alone_for_a_while() {
        let (two, three) = (held(2, &[]), held(3, &[]));
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
        told.compare(&held(2, &[]), 10);
        told.compare(&held(2, &[]), 20);
        assert_eq!(told.sayings[&node("65")].ahead_since, Some(10));
        told.compare(&held(3, &[]), 30);
        assert_eq!(told.sayings[&node("65")].ahead_since, None);
    }

    #[test]
    fn whoever_holds_a_later_delegated_list_under_the_same_root_is_asked_for_it() {
        let own = held(3, &[("6523", 2), ("6531", 7)]);
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
}
