//! Whether every link on the way may carry a classification, by the signed directory: looked at when a document is handed in.

use std::collections::BTreeSet;
use yizhan_desk::{DoorCode, DoorError};
use yizhan_document::{Classification, NodeId};
use yizhan_hierarchy::{Directory, LinkEnds};
use yizhan_planted::{Bug, on};

/// Refuses what a link on the way to one of the destinations may not carry; the refusal names the link. A link may carry what
/// both of its nodes may, and no more than the policy lets it (MUST-48).
pub(crate) fn check_way(
    directory: &Directory,
    from: NodeId,
    to: &BTreeSet<NodeId>,
    level: Classification,
) -> Result<(), DoorError> {
    if level == Classification::Unclassified {
        return Ok(());
    }
    let most =
        |node| directory.division(node).map_or(Classification::Unclassified, |it| it.max_classification);
    if level > most(from) {
        return Err(refusal(level, &format!("the node {from}"), most(from)));
    }
    for destination in to.iter().filter(|destination| **destination != from) {
        let mut at = from;
        // Where there is no way at all, the rules say so.
        for hop in directory.route(from, *destination).unwrap_or_default() {
            let own = directory.policy().links.get(&LinkEnds::between(at, hop.node));
            let own = own.filter(|_| !on(Bug::LinkLimitIgnored));
            let carries = most(at).min(most(hop.node)).min(own.copied().unwrap_or(Classification::TopSecret));
            if level > carries {
                let link = format!("the link {at} - {} on the way to {destination}", hop.node);
                return Err(refusal(level, &link, carries));
            }
            at = hop.node;
        }
    }
    Ok(())
}

fn refusal(level: Classification, what: &str, most: Classification) -> DoorError {
    let (level, most) = (level.as_str(), most.as_str());
    let detail =
        format!("the document is {level}, and {what} may carry {most} at the most, as the directory says");
    DoorError::new(
        DoorCode::Classification,
        detail,
        "send classified documents by the channel approved for them",
    )
}
