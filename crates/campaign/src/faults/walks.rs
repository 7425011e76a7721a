//! Walks along the calls of a node: each is struck at its first call, then at the next, until it comes through unharmed.

use crate::failure::Failure;
use crate::random::Random;
use crate::tally::{Setup, Tally};
use crate::world::World;
use std::collections::VecDeque;
use std::fmt::Debug;

/// Trials in one network; then it is settled and another is made, since a start reads all that ever happened.
const TRIALS_A_NETWORK: u64 = 60;
/// How often progress is told, in trials.
const PROGRESS: u64 = 25;

/// Takes walks in turn and in random order, so that also a short run sees a sample of them. `strike` does one trial, moves the
/// walk on, and says whether there is more of it.
pub(super) async fn take_turns<W: Debug>(
    setup: &Setup,
    random: &mut Random,
    mut walks: Vec<W>,
    tally: &mut Tally,
    strike: impl AsyncFn(&World, &mut W, &mut Random, &mut Tally) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    random.shuffle(&mut walks);
    let mut walks = VecDeque::from(walks);
    while tally.trials < setup.count && !walks.is_empty() {
        let world = World::open(setup, random.branch()).await?;
        let last = setup.count.min(tally.trials + TRIALS_A_NETWORK);
        let outcome = one_network(&world, &mut walks, random, last, tally, &strike).await;
        world.conclude(outcome, tally).await?;
        tally.say(&format!("a network is settled: {}", tally.counted()));
    }
    Ok(())
}

async fn one_network<W: Debug>(
    world: &World,
    walks: &mut VecDeque<W>,
    random: &mut Random,
    last: u64,
    tally: &mut Tally,
    strike: impl AsyncFn(&World, &mut W, &mut Random, &mut Tally) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    while tally.trials < last {
        let Some(mut walk) = walks.pop_front() else { break };
        tally.trials += 1;
        tally.say_every(PROGRESS);
        let at = format!("{walk:?}");
        let more = strike(world, &mut walk, random, tally).await.map_err(|failure| match failure {
            Failure::Broken { promise, what } => Failure::Broken { promise, what: format!("{at}: {what}") },
            unable => unable,
        })?;
        if more {
            walks.push_back(walk);
        }
    }
    Ok(())
}
