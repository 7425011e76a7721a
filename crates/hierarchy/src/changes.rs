//! What changed between two versions of a directory, for people and for software.

use crate::division::Division;
use crate::draft::Draft;
use crate::joined_head::JoinedHead;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;
use yizhan_document::NodeId;

/// One thing that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The node; none if it concerns the directory as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// What of it, such as `parent` or `office gov-office state`.
    pub what: String,
    /// What it was; none if it was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it is; none if it is no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(node) = self.node {
            write!(f, "{node} ")?;
        }
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "{}: {before} -> {after}", self.what),
            (None, Some(after)) => write!(f, "+ {}: {after}", self.what),
            (Some(before), None) => write!(f, "- {}: {before}", self.what),
            (None, None) => write!(f, "{}", self.what),
        }
    }
}

/// What changed from `old` to `new`: the directory as a whole first, then node by node.
pub fn changes(old: &Draft, new: &Draft) -> Vec<Change> {
    let mut found = Found { node: None, changes: Vec::new() };
    found.compare("version", some(old.version), some(new.version));
    found.compare("issued", some(old.issued), some(new.issued));
    found.compare("expires", some(old.expires), some(new.expires));
    found.compare("threshold", some(old.threshold), some(new.threshold));
    let ca = |directory: &Draft| some(yizhan_document::Digest::of(&directory.ca));
    found.compare("CA certificate", ca(old), ca(new));
    for authority in new.revoked.difference(&old.revoked) {
        found.compare("revoked authority", None, some(authority));
    }
    found.delegations(old, new);
    found.joined(old, new);
    found.changes.extend(crate::policy_changes::policy_changes(&old.policy, &new.policy));
    let nodes: BTreeSet<NodeId> = old.divisions.keys().chain(new.divisions.keys()).copied().collect();
    for node in nodes.into_iter().filter(|node| old.divisions.get(node) != new.divisions.get(node)) {
        found.node = Some(node);
        match (old.divisions.get(&node), new.divisions.get(&node)) {
            (Some(before), Some(after)) => found.division(before, after),
            (before, after) => {
                let name =
                    |division: Option<&Division>| division.map(|division| division.name("zh").to_owned());
                found.compare("node", name(before), name(after));
            }
        }
    }
    found.changes
}

fn some(value: impl ToString) -> Option<String> {
    Some(value.to_string())
}

struct Found {
    node: Option<NodeId>,
    changes: Vec<Change>,
}

impl Found {
    fn compare(&mut self, what: impl Into<String>, before: Option<String>, after: Option<String>) {
        if before != after {
            self.changes.push(Change { node: self.node, what: what.into(), before, after });
        }
    }

    fn joined(&mut self, old: &Draft, new: &Draft) {
        let networks: BTreeSet<&String> = old.joined.keys().chain(new.joined.keys()).collect();
        for network in networks {
            let part = |draft: &'_ Draft| draft.joined.get(network).map(|joined| joined.part.clone());
            let (before, after) = (part(old), part(new));
            let of = |what: &str| format!("joined network {network}{what}");
            type Shown = fn(&JoinedHead) -> Option<String>;
            let shown: [(&str, Shown); 5] = [
                (", agreement", |part| some(part.digest())),
                (", agreement expires", |part| some(part.agreement.expires)),
                (", agreement ended", |part| part.ended.map(|at| at.to_string())),
                (", version", |part| some(part.head.root.version)),
                (", delegated lists", |part| {
                    Some(part.head.edition().delegated).filter(|sum| *sum > 0).map(|sum| sum.to_string())
                }),
            ];
            for (what, show) in shown {
                self.compare(of(what), before.as_ref().and_then(show), after.as_ref().and_then(show));
            }
            let lines = |part: &Option<JoinedHead>| {
                part.iter().flat_map(|part| part.agreement.crossings.clone()).collect::<BTreeSet<_>>()
            };
            let (were, are) = (lines(&before), lines(&after));
            for line in were.symmetric_difference(&are) {
                let within = |lines: &BTreeSet<_>| lines.contains(line).then(|| line.to_string());
                self.compare(of(" crosses"), within(&were), within(&are));
            }
        }
    }

    fn delegations(&mut self, old: &Draft, new: &Draft) {
        let nodes: BTreeSet<NodeId> = old.delegations.keys().chain(new.delegations.keys()).copied().collect();
        for node in nodes {
            self.node = Some(node);
            let of = |draft: &Draft| draft.delegations.get(&node).cloned();
            let to = |draft: &Draft| {
                let delegation = of(draft)?.delegation;
                let names: Vec<String> = delegation.delegates.iter().map(ToString::to_string).collect();
                Some(format!("{} of {}", delegation.threshold, names.join(", ")))
            };
            self.compare("delegated to", to(old), to(new));
            let codes = |draft: &Draft| {
                let codes = of(draft)?.delegation.codes;
                Some(codes.iter().map(NodeId::as_str).collect::<Vec<_>>().join(", "))
            };
            self.compare("delegated codes", codes(old), codes(new));
            let until = |draft: &Draft| some(of(draft)?.delegation.expires);
            self.compare("delegation expires", until(old), until(new));
            let version = |draft: &Draft| some(of(draft)?.version);
            self.compare("version of the delegated list", version(old), version(new));
            let until = |draft: &Draft| some(of(draft)?.expires);
            self.compare("delegated list expires", until(old), until(new));
        }
        self.node = None;
    }

    fn division(&mut self, before: &Division, after: &Division) {
        fn list<T: ToString>(items: &[T]) -> Option<String> {
            let items: Vec<String> = items.iter().map(ToString::to_string).collect();
            (!items.is_empty()).then(|| items.join(", "))
        }
        let parent = |division: &Division| division.parent.map(|parent| parent.to_string());
        self.compare("parent", parent(before), parent(after));
        self.compare("backup parents", list(&before.backup_parents), list(&after.backup_parents));
        self.compare("direct links", list(&before.direct_links), list(&after.direct_links));
        self.compare("endpoints", list(&before.endpoints), list(&after.endpoints));
        let languages: BTreeSet<&String> = before.names.keys().chain(after.names.keys()).collect();
        for language in languages {
            let of = |division: &Division| division.names.get(language).cloned();
            self.compare(format!("name ({language})"), of(before), of(after));
        }
        self.compare("ledger key", some(&before.ledger), some(&after.ledger));
        self.compare("witness key", some(&before.witness), some(&after.witness));
        self.compare("opening key", some(before.opening), some(after.opening));
        let most = |division: &Division| some(division.max_classification.as_str());
        self.compare("highest classification", most(before), most(after));
        self.offices(before, after);
    }

    fn offices(&mut self, before: &Division, after: &Division) {
        let offices: BTreeSet<_> =
            before.offices.iter().chain(&after.offices).map(|record| record.office.clone()).collect();
        for office in offices {
            match (before.office(&office), after.office(&office)) {
                (Some(old), Some(new)) => {
                    let state = |suspended| some(if suspended { "suspended" } else { "active" });
                    let suspended =
                        |record: &crate::OfficeRecord| record.state == crate::OfficeState::Suspended;
                    self.compare(
                        format!("office {office} state"),
                        state(suspended(old)),
                        state(suspended(new)),
                    );
                    self.compare(format!("office {office} name"), some(old.name("zh")), some(new.name("zh")));
                    let certificate = |bytes: &[u8]| some(yizhan_document::Digest::of(bytes));
                    let what = format!("office {office} certificate");
                    self.compare(what, certificate(&old.certificate), certificate(&new.certificate));
                    self.compare(
                        format!("office {office} custodial"),
                        some(old.custodial),
                        some(new.custodial),
                    );
                }
                (old, new) => {
                    let name = |record: Option<&crate::OfficeRecord>| record.map(|r| r.name("zh").to_owned());
                    self.compare(format!("office {office}"), name(old), name(new));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::Edit;
    use crate::sample::{believed, demo_draft, expires, issued, node};

    #[test]
    fn every_change_is_told_and_nothing_else() {
        let old = believed(&demo_draft());
        let edits = [
            Edit::Endpoints(node("652301"), vec!["10.0.0.1:7000".parse().unwrap()]),
            Edit::Name(node("65"), "kk".into(), "Шыңжаң".into()),
            Edit::RemoveNode(node("653130")),
        ];
        let new = believed(&old.edited(edits, issued(), expires()).unwrap());
        let (old_draft, new_draft) = (Draft::of(&old), Draft::of(&new));
        let told: Vec<String> = changes(&old_draft, &new_draft).iter().map(ToString::to_string).collect();
        let before = old.division(node("652301")).unwrap().endpoints[0].to_string();
        let name = old.division(node("653130")).unwrap().name("zh");
        assert_eq!(
            told,
            [
                "version: 1 -> 2".to_owned(),
                "65 + name (kk): Шыңжаң".to_owned(),
                format!("652301 endpoints: {before} -> 10.0.0.1:7000"),
                format!("653130 - node: {name}"),
            ]
        );
        assert_eq!(changes(&old_draft, &old_draft), []);
    }
}
