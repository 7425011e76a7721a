//! Whether a document may go straight to whom it is for, by the policy: chosen senders, and levels that are passed over.
//!
//! A document passes a level over (越级行文) if it goes from a node to one that is above or below it but not next to it, and nobody at
//! some node in between is a recipient as well. Whoever copies the level in between into the document passes nobody over, as the
//! Regulations on Official Documents of 2012, article 14, have it. What goes sideways passes no level over.

use crate::directory::Directory;
use crate::grant::Grant;
use crate::policy::SkipRule;
use std::collections::BTreeSet;
use yizhan_document::{NodeId, OfficeAddress};

/// A document that may go, and of which the levels passed over are to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// The nodes that are passed over, ascending.
    pub nodes: BTreeSet<NodeId>,
    /// The destinations past them, ascending.
    pub destinations: BTreeSet<NodeId>,
}

/// Why a document may not go as it is addressed. Its sender is to blame, or the authorities have to lay down something else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DispatchRefused {
    /// It passes a level over.
    #[error(
        "from {from} to {to} the document passes over {}, and directory version {version} refuses documents that pass a level \
         over {} (越级行文) without a grant",
        nodes(.passed),
        if *.upwards { "upwards" } else { "downwards" }
    )]
    SkipLevel {
        /// The sender.
        from: OfficeAddress,
        /// The recipient.
        to: OfficeAddress,
        /// The nodes passed over, the one nearest to the sender first.
        passed: Vec<NodeId>,
        /// Whether it goes up.
        upwards: bool,
        /// The version of the directory.
        version: u64,
    },
    /// The recipient has chosen senders.
    #[error(
        "{to} may be addressed by {allowed} only, as directory version {version} says, and {from} is none of them"
    )]
    Sender {
        /// The sender.
        from: OfficeAddress,
        /// The recipient.
        to: OfficeAddress,
        /// Who may address it.
        allowed: String,
        /// The version of the directory.
        version: u64,
    },
}

impl Directory {
    /// Whether a document may go from an office to all of these; then what is to be told to levels that it passes over.
    pub fn check_dispatch(
        &self,
        from: &OfficeAddress,
        to: &[&OfficeAddress],
    ) -> Result<Option<PassedOver>, DispatchRefused> {
        let (policy, tree, version) = (self.policy(), self.tree(), self.version);
        if policy.is_empty() {
            return Ok(None);
        }
        for office in to {
            let Some(areas) = policy.senders.get(*office) else { continue };
            if !areas.iter().any(|area| area.covers(tree, from)) {
                let allowed = areas.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                let to = (*office).clone();
                return Err(DispatchRefused::Sender { from: from.clone(), to, allowed, version });
            }
        }
        let recipients: BTreeSet<NodeId> = to.iter().map(|office| office.node).collect();
        let grants: Vec<&Grant> =
            policy.grants.iter().filter(|grant| grant.from.covers(tree, from)).collect();
        let mut told = PassedOver { nodes: BTreeSet::new(), destinations: BTreeSet::new() };
        for office in to {
            let Some((upwards, mut passed)) = self.between(from.node, office.node) else { continue };
            passed.retain(|node| !recipients.contains(node));
            if passed.is_empty() {
                continue;
            }
            match self.rule(&grants, office, upwards) {
                SkipRule::Allow => {}
                SkipRule::Notify => {
                    told.nodes.extend(passed);
                    told.destinations.insert(office.node);
                }
                SkipRule::Refuse => {
                    let (from, to) = (from.clone(), (*office).clone());
                    return Err(DispatchRefused::SkipLevel { from, to, passed, upwards, version });
                }
            }
        }
        Ok((!told.nodes.is_empty()).then_some(told))
    }

    /// The rule for one recipient past a level: a grant without notice, else one with it, else what holds for everybody.
    fn rule(&self, grants: &[&Grant], to: &OfficeAddress, upwards: bool) -> SkipRule {
        let rule = self.policy().skip_level;
        let everybody = if upwards { rule.up } else { rule.down };
        if everybody == SkipRule::Allow && grants.is_empty() {
            return SkipRule::Allow;
        }
        let mut reaching = grants.iter().filter(|grant| grant.reaches(self.tree(), to, upwards)).peekable();
        if reaching.peek().is_none() {
            return everybody;
        }
        if reaching.all(|grant| grant.notice) { SkipRule::Notify } else { SkipRule::Allow }
    }

    /// The nodes between two of which one is above the other, the one nearest to `from` first, and whether it goes up; none where it
    /// goes sideways.
    fn between(&self, from: NodeId, to: NodeId) -> Option<(bool, Vec<NodeId>)> {
        let climb = |low: NodeId, high: NodeId| {
            let above = std::iter::successors(self.parent(low), |node| self.parent(*node));
            let mut passed = Vec::new();
            for node in above {
                if node == high {
                    return Some(passed);
                }
                passed.push(node);
            }
            None
        };
        if let Some(passed) = climb(from, to) {
            return Some((true, passed));
        }
        let mut passed = climb(to, from)?;
        passed.reverse();
        Some((false, passed))
    }
}

fn nodes(nodes: &[NodeId]) -> String {
    nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[path = "dispatch_tests.rs"]
mod tests;
