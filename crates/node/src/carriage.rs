//! Whether every link on the way may carry a document, by the signed directory: looked at when it is handed in.

use std::collections::BTreeSet;
use yizhan_desk::{DoorCode, DoorError, Submission};
use yizhan_document::{Classification, NodeId, OfficeAddress, WallTime};
use yizhan_hierarchy::{CrossingRefused, Directory, LinkEnds};
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
    let most = |node| directory.max_classification(node).unwrap_or(Classification::Unclassified);
    if level > most(from) {
        return Err(refusal(level, &format!("the node {from}"), most(from)));
    }
    for destination in to.iter().filter(|destination| **destination != from) {
        let mut at = from;
        // Where there is no way at all, the rules say so.
        for hop in directory.route(from, *destination).unwrap_or_default() {
            let links = &directory.part_of(hop.node).policy().links;
            let own = links.get(&LinkEnds::between(at, hop.node));
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

/// Refuses what the agreement with another network does not let cross (MUST-58).
pub(crate) fn check_crossing(
    directory: &Directory,
    submission: &Submission,
    now: WallTime,
) -> Result<(), DoorError> {
    let recipients: Vec<&OfficeAddress> = submission.recipients().collect();
    let level = submission.label.classification;
    directory.check_crossing(&submission.from, &recipients, level, now).map_err(|refused| {
        let fix = match refused {
            CrossingRefused::NoLine { .. } => {
                "nothing was accepted; send it to an office that the agreement lets it pass to, or by one that may send, or ask the \
                 authorities of both networks for another agreement; `yizhan directory show` shows its lines"
            }
            CrossingRefused::NotInForce { .. } => {
                "nothing was accepted; ask the authorities of both networks; `yizhan directory show` shows the agreement"
            }
            CrossingRefused::ChosenSenders { .. } => {
                "nothing was accepted; send it to another office of that node, or ask the authorities of both networks for a line \
                 that names this one"
            }
        };
        DoorError::new(DoorCode::Dispatch, refused.to_string(), fix)
    })
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
