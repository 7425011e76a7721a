//! What changed between two policies, line by line and member by member.

use crate::changes::Change;
use crate::policy::Policy;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

pub(crate) fn policy_changes(old: &Policy, new: &Policy) -> Vec<Change> {
    let mut found = Vec::new();
    let rules = |policy: &Policy| {
        let rule = policy.skip_level;
        [("skip-level dispatch upwards", rule.up), ("skip-level dispatch downwards", rule.down)]
    };
    for ((what, before), (_, after)) in rules(old).into_iter().zip(rules(new)) {
        compare(&mut found, what, Some(before.as_str().to_owned()), Some(after.as_str().to_owned()));
    }
    for grant in old.grants.symmetric_difference(&new.grants) {
        let of = |policy: &Policy| policy.grants.contains(grant).then(|| grant.to_string());
        compare(&mut found, "grant", of(old), of(new));
    }
    let senders = |policy: &Policy| lines(&policy.senders, "senders of", joined);
    let links = |policy: &Policy| lines(&policy.links, "link", |most| most.as_str().to_owned());
    for of in [&senders as &dyn Fn(&Policy) -> BTreeMap<String, String>, &links] {
        let (before, after) = (of(old), of(new));
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        names
            .into_iter()
            .for_each(|name| compare(&mut found, name, before.get(name).cloned(), after.get(name).cloned()));
    }
    for list in old.lists.keys().chain(new.lists.keys()).collect::<BTreeSet<_>>() {
        let members = |policy: &Policy| policy.lists.get(list).cloned().unwrap_or_default();
        let (were, are) = (members(old), members(new));
        for member in were.symmetric_difference(&are) {
            let of = |all: &BTreeSet<_>| all.contains(member).then(|| member.to_string());
            compare(&mut found, &format!("list {list}"), of(&were), of(&are));
        }
    }
    found
}

fn compare(found: &mut Vec<Change>, what: &str, before: Option<String>, after: Option<String>) {
    if before != after {
        found.push(Change { node: None, what: what.to_owned(), before, after });
    }
}

fn joined<T: Display>(all: &BTreeSet<T>) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn lines<K: Display, V>(
    all: &BTreeMap<K, V>,
    what: &str,
    line: impl Fn(&V) -> String,
) -> BTreeMap<String, String> {
    all.iter().map(|(name, value)| (format!("{what} {name}"), line(value))).collect()
}
