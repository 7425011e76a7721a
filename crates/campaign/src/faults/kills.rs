//! Kills at random moments under steady load: origin, relay and destination in turn, also while they recover.

use crate::failure::Failure;
use crate::network::{Network, THREE_FLAGS};
use crate::random::Random;
use crate::tally::{Setup, Tally};
use crate::world::{NODES, World};
use std::time::Duration;
use tokio::time::sleep;

/// Kills in one network; then it is settled and another is made, since a start reads all that ever happened.
const KILLS_A_NETWORK: u64 = 200;
/// Who hands documents in at the same time.
const SUBMITTERS: usize = 4;
/// The longest time between a recovery and the next kill.
const LIFE_MAX: Duration = Duration::from_millis(250);
/// The longest time between a start and a kill that is to strike in recovery.
const RECOVERY_MAX: Duration = Duration::from_millis(120);
/// The longest time that a node stays away.
const ABSENCE_MAX: Duration = Duration::from_millis(40);
/// One in so many kills is followed by one of the same node while it recovers.
const AGAIN_ONE_IN: usize = 3;
/// How often progress is told, in kills.
const PROGRESS: u64 = 50;

/// Kills as often as asked for.
pub async fn run(setup: &Setup, tally: &mut Tally) -> Result<(), Failure> {
    let mut random = Random::new(setup.seed);
    while tally.trials < setup.count {
        let network = Network::create(&setup.programs, setup.folder.as_deref(), &THREE_FLAGS)?;
        let world = World::reclaiming(network, random.branch()).await?;
        world.load(SUBMITTERS, &mut random);
        let outcome = one_network(&world, &mut random, setup, tally).await;
        tally.add("journals reclaimed", world.reclaims());
        world.conclude(outcome, tally).await?;
        tally.say(&format!("a network is settled: {}", tally.counted()));
    }
    Ok(())
}

async fn one_network(
    world: &World,
    random: &mut Random,
    setup: &Setup,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let last = setup.count.min(tally.trials + KILLS_A_NETWORK);
    let mut turn = random.below(NODES.len());
    while tally.trials < last {
        turn += 1;
        let Some(node) = NODES.get(turn % NODES.len()) else { continue };
        sleep(random.pause(LIFE_MAX)).await;
        kill(world, node, tally)?;
        sleep(random.pause(ABSENCE_MAX)).await;
        world.network.start(node)?;
        while random.below(AGAIN_ONE_IN) == 0 && tally.trials < last {
            sleep(random.pause(RECOVERY_MAX)).await;
            let ready = world.clerk(node)?.status().await.is_some_and(|status| status.ready);
            tally.add("killed in recovery", u64::from(!ready));
            kill(world, node, tally)?;
            world.network.start(node)?;
        }
        world.recovered(node).await?;
    }
    Ok(())
}

fn kill(world: &World, node: &'static str, tally: &mut Tally) -> Result<(), Failure> {
    tally.trials += 1;
    tally.add(node, 1);
    tally.add("kills with documents under way", u64::from(world.book.under_way() > 0));
    tally.say_every(PROGRESS);
    world.network.kill(node)
}
