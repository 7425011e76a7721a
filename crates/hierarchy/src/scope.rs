//! Whether those who signed speak only of what is theirs: delegates of their subtree, the authorities of the rest (MUST-41).

use crate::branch::Branch;
use crate::delegated_error::DelegatedError;
use crate::head::{Head, digest_in};
use crate::outline::Places;
use std::collections::{BTreeMap, BTreeSet};
use yizhan_document::NodeId;

/// Checks the divisions of a directory against who listed them, those that are only sketched among them.
pub(crate) fn check_scopes(head: &Head, places: Places<'_>) -> Result<(), DelegatedError> {
    if head.branches.is_empty() {
        return Ok(());
    }
    // Every delegated division, and those below which they stand, with the delegation.
    let mut delegated: BTreeMap<NodeId, NodeId> = BTreeMap::new();
    for branch in &head.branches {
        delegated.extend(branch.divisions.iter().map(|(node, _)| (*node, branch.node)));
        delegated.insert(branch.node, branch.node);
    }
    for (node, _) in &head.root.divisions {
        let Some(parent) = places.parent(*node) else { continue };
        if let Some(delegation) = delegated.get(&parent) {
            return Err(DelegatedError::ByRoot { delegation: *delegation, node: *node });
        }
    }
    head.branches.iter().try_for_each(|branch| check_branch(branch, places))
}

fn check_branch(branch: &Branch, places: Places<'_>) -> Result<(), DelegatedError> {
    let delegation = branch.node;
    let Some(most) = places.max_classification(delegation) else {
        return Err(DelegatedError::Missing { delegation });
    };
    let own = |node: NodeId| digest_in(&branch.divisions, node).is_some();
    let parent = |node: &NodeId| places.parent(*node);
    let above: BTreeSet<NodeId> =
        std::iter::successors(Some(delegation), parent).take(crate::limits::DEPTH_MAX).collect();
    for (node, _) in &branch.divisions {
        let Some(place) = places.of(*node) else { continue };
        let outside = |reason| Err(DelegatedError::Outside { delegation, node: *node, reason });
        if place.parent.is_none_or(|parent| parent != delegation && !own(parent)) {
            return outside("and put it under a parent outside of their subtree");
        }
        if place.backup_parents.iter().any(|backup| !own(*backup) && !above.contains(backup)) {
            return outside("and give it a backup parent that is neither theirs nor above them");
        }
        if place.direct_links.iter().any(|other| !own(*other)) {
            return outside("and link it directly to a node outside of their subtree");
        }
        if places.max_classification(*node).is_some_and(|level| level > most) {
            return outside("and let it carry what the division above them may not");
        }
    }
    Ok(())
}
