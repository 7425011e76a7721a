//! Files that are harmed while no node runs: a network at rest, one harm in one file of a copy, and what is seen afterwards.

mod audited;
mod started;
mod targets;

pub(super) use audited::Audited;
pub(super) use started::Started;
pub(super) use targets::{Kind, Target};

use crate::errand::Errand;
use crate::failure::Failure;
use crate::network::Network;
use crate::random::Random;
use crate::tally::{Setup, Tally};
use crate::world::World;
use std::sync::Arc;

/// Errands before the network is left at rest: so many documents there are to be harmed.
const ERRANDS: usize = 2;
/// The promise about harm at rest.
pub(super) const PROMISE: &str = "what is harmed at rest is named and never passed off as good";

/// What came of one harm.
pub(super) enum Came {
    /// It changed nothing that anybody is told.
    NoDifference,
    /// It was named, or a start was refused, as it should.
    Noticed,
    /// It cost documents, no more than it may, and that was named.
    Cost,
    /// It broke the promise.
    Wrong(String),
}

/// A network with documents in it, at rest and stopped, in which every promise was kept so far.
pub(super) async fn settled(
    setup: &Setup,
    random: &mut Random,
    tally: &mut Tally,
) -> Result<Arc<Network>, Failure> {
    let world = World::open(setup, random.branch()).await?;
    let network = Arc::clone(&world.network);
    let mut outcome = Ok(());
    for _ in 0..ERRANDS {
        let mut errand = Errand::begin(&world, random)?;
        outcome = outcome.and(errand.done(&world).await);
    }
    world.conclude(outcome, tally).await?;
    Ok(network)
}

/// Counts what came of a harm; a broken promise is noted, and the campaign goes on.
pub(super) fn count(tally: &mut Tally, target: &Target, came: Came) {
    tally.trials += 1;
    tally.add(target.kind.name(), 1);
    match came {
        Came::NoDifference => tally.add("made no difference", 1),
        Came::Noticed => tally.add("noticed", 1),
        Came::Cost => tally.add("cost a document", 1),
        Came::Wrong(how) => {
            tally.add("wrong", 1);
            tally.find(format!("{PROMISE}: {target}: {how}"));
        }
    }
    tally.say_every(500);
}
