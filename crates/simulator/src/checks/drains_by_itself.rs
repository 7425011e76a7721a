//! Drains by itself: once the faults have ended, everything under way comes to its end without anybody's help.

use crate::station::Process;

/// What a process still has to do; nothing if it has come to rest.
pub(crate) fn left_over(process: &Process) -> Vec<String> {
    let me = process.node;
    let state = process.core.state();
    let mut left: Vec<String> = state
        .holdings()
        .iter()
        .map(|(index, held)| {
            let units: Vec<String> =
                held.open.iter().map(|unit| format!("{}/{}", unit.node, unit.attempt)).collect();
            format!("{me}: holding {index} of {} has units {}", held.acceptance.id, units.join(" "))
        })
        .collect();
    if state.owed() > 0 {
        left.push(format!("{me}: {} receipts are owed", state.owed()));
    }
    if state.outgoing() > 0 {
        left.push(format!("{me}: {} documents have not come to an end everywhere", state.outgoing()));
    }
    if state.recalls().unanswered() > 0 {
        left.push(format!("{me}: {} recalls are unanswered", state.recalls().unanswered()));
    }
    for (neighbour, up, waiting, in_flight) in state.links() {
        if waiting + in_flight > 0 {
            left.push(format!(
                "{me}: {waiting} offers wait for {neighbour} (up: {up}), {in_flight} are in flight"
            ));
        }
    }
    for (neighbour, ..) in state.links() {
        let orphans =
            state.outbound(neighbour).filter(|(_, holding, _)| !state.holdings().contains_key(holding));
        left.extend(orphans.map(|(link, ..)| format!("{me}: offer {link} to {neighbour} has no holding")));
    }
    if !process.commits.is_idle() {
        left.push(format!("{me}: {} batches are on their way to disk", process.commits.len()));
    }
    if !process.counter.questions.is_empty() {
        left.push(format!("{me}: {} clerks wait for an answer", process.counter.questions.len()));
    }
    left
}
