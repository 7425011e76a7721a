//! What neighbours say they hold, and what an operator is to be alarmed by: a register that stands still is noticed.

use std::collections::BTreeMap;
use yizhan_desk::DirectoryAlarm;
use yizhan_document::{Digest, NodeId, WallTime};
use yizhan_hierarchy::{Directory, limits::GRACE_MS};

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

#[derive(Default)]
struct Saying {
    version: u64,
    root: Option<Digest>,
    /// Since when it is higher than the own one, by uptime.
    ahead_since: Option<u64>,
    /// Why it could not be had.
    refused: Option<String>,
    refusals: u32,
    not_before: u64,
}

impl Told {
    /// A neighbour says what it holds. The same words again change nothing.
    pub(crate) fn says(&mut self, neighbour: NodeId, version: u64, root: Option<Digest>) {
        let saying = self.sayings.entry(neighbour).or_default();
        if saying.version != version {
            *saying = Saying { version, ..Saying::default() };
        }
        saying.root = root.or(saying.root);
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
    pub(crate) fn compare(&mut self, held: u64, now: u64) {
        for saying in self.sayings.values_mut() {
            let ahead = saying.version > held;
            saying.ahead_since = ahead.then(|| saying.ahead_since.unwrap_or(now));
        }
    }

    /// The neighbour with the highest version above `held` that may be asked now.
    pub(crate) fn best(&self, held: u64, now: u64) -> Option<(NodeId, u64)> {
        let ahead =
            self.sayings.iter().filter(|(_, saying)| saying.version > held && saying.not_before <= now);
        ahead.max_by_key(|(_, saying)| saying.version).map(|(neighbour, saying)| (*neighbour, saying.version))
    }

    /// What an operator has to know.
    pub(crate) fn alarms(
        &self,
        held: &Directory,
        goes_by: &Directory,
        now: WallTime,
        uptime: u64,
    ) -> Vec<DirectoryAlarm> {
        let mut alarms = Vec::new();
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
        if held.version != goes_by.version {
            alarm(
                "retired",
                format!(
                    "version {} does not name this node with the keys it has; it goes by version {} until it is stopped",
                    held.version, goes_by.version
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
                        saying.version
                    ),
                );
            }
            let other = saying.root.is_some_and(|root| root != held.stamp().root);
            if saying.version == held.version && other {
                alarm(
                    "two-of-one-version",
                    format!(
                        "{neighbour} holds another version {}: the authorities signed two of that number; tell them",
                        saying.version
                    ),
                );
            }
        }
        alarms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(text: &str) -> NodeId {
        text.parse().unwrap()
    }

    #[test]
    fn the_highest_version_is_asked_for_and_who_sent_a_bad_one_is_left_alone_for_a_while() {
        let mut told = Told::default();
        told.says(node("65"), 3, None);
        told.says(node("6523"), 5, None);
        assert_eq!(told.best(2, 0), Some((node("6523"), 5)));
        told.refused(node("6523"), "expired: x".into(), 0);
        assert_eq!(told.best(2, 1), Some((node("65"), 3)));
        assert_eq!(told.best(3, 1), None);
        assert_eq!(told.best(3, REFUSED_WAIT_MS), Some((node("6523"), 5)));
        // Another version is another matter.
        told.says(node("6523"), 6, None);
        assert_eq!(told.best(3, 2), Some((node("6523"), 6)));
        told.forget(node("6523"));
        assert_eq!(told.best(3, REFUSED_WAIT_MS), None);
    }

    #[test]
    fn who_is_ahead_is_ahead_since_it_was_first_seen_so() {
        let mut told = Told::default();
        told.says(node("65"), 3, None);
        told.compare(2, 10);
        told.compare(2, 20);
        assert_eq!(told.sayings[&node("65")].ahead_since, Some(10));
        told.compare(3, 30);
        assert_eq!(told.sayings[&node("65")].ahead_since, None);
    }
}
