//! Power cuts under steady load: process and disk of a node are gone at one moment, and the file system loses all that was not
//! synced; in turn at origin, relay and destination.
//!
//! The process gets its SIGKILL just before its disk is gone. The other way round is no power cut: in Linux 6.18 an fsync that is
//! under way while ext4 is shut down may return success for what it lost (`jbd2_complete_transaction` finds the aborted
//! transaction finished), and a process that lived on would promise by it.

use crate::failure::Failure;
use crate::network::{Network, THREE_FLAGS};
use crate::programs::{missing_for_mounts, needs};
use crate::random::Random;
use crate::tally::{Setup, Tally};
use crate::volume::{Breaker, Volume};
use crate::world::{NODES, World};
use std::time::Duration;
use tokio::time::sleep;

/// Cuts in one network; then another is made, before its disks are full.
const CUTS_A_NETWORK: u64 = 100;
/// The size of each node's disk. Below 128 MiB of room a node takes nothing new, so there must be much more.
const VOLUME_BYTES: u64 = 512 << 20;
const SUBMITTERS: usize = 4;
/// The longest time between a recovery and the next cut.
const LIFE_MAX: Duration = Duration::from_millis(300);
/// One in so many cuts is followed by one in recovery.
const AGAIN_ONE_IN: usize = 4;
const RECOVERY_MAX: Duration = Duration::from_millis(150);
const PROGRESS: u64 = 25;

/// Cuts as often as asked for.
pub async fn run(setup: &Setup, tally: &mut Tally) -> Result<(), Failure> {
    needs(missing_for_mounts())?;
    let mut random = Random::new(setup.seed);
    let mut breaker = Breaker::start()?;
    while tally.trials < setup.count {
        let network = Network::create(&setup.programs, setup.folder.as_deref(), &THREE_FLAGS)?;
        let mut volumes = Vec::new();
        for node in NODES {
            let image = network.beside(&format!("{node}.img"));
            volumes.push((node, Volume::make(image, network.data(node), VOLUME_BYTES)?));
        }
        let world = World::reclaiming(network, random.branch()).await?;
        world.load(SUBMITTERS, &mut random);
        let outcome = one_network(&world, &mut volumes, &mut breaker, &mut random, setup.count, tally).await;
        tally.add("journals reclaimed", world.reclaims());
        let network = std::sync::Arc::clone(&world.network);
        let concluded = world.conclude(outcome, tally).await;
        // What is to be looked into lies in the images; the mount points are given up in any case.
        for node in NODES.into_iter().filter(|node| network.is_started(node)) {
            network.take_down(node)?;
        }
        drop(volumes);
        concluded?;
        tally.say(&format!("a network is settled: {}", tally.counted()));
    }
    Ok(())
}

async fn one_network(
    world: &World,
    volumes: &mut [(&'static str, Volume)],
    breaker: &mut Breaker,
    random: &mut Random,
    count: u64,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let last = count.min(tally.trials + CUTS_A_NETWORK);
    let mut turn = random.below(NODES.len());
    while tally.trials < last {
        turn += 1;
        let which = turn % volumes.len().max(1);
        let Some((node, volume)) = volumes.get_mut(which) else { return Ok(()) };
        sleep(random.pause(LIFE_MAX)).await;
        cut(world, node, volume, breaker, tally)?;
        while random.below(AGAIN_ONE_IN) == 0 && tally.trials < last {
            sleep(random.pause(RECOVERY_MAX)).await;
            tally.add("cut in recovery or just after", 1);
            cut(world, node, volume, breaker, tally)?;
        }
        world.recovered(node).await?;
    }
    Ok(())
}

/// Cuts the power of one node, and gives it back.
fn cut(
    world: &World,
    node: &'static str,
    volume: &mut Volume,
    breaker: &mut Breaker,
    tally: &mut Tally,
) -> Result<(), Failure> {
    tally.trials += 1;
    tally.add(node, 1);
    tally.add("cuts with documents under way", u64::from(world.book.under_way() > 0));
    tally.say_every(PROGRESS);
    world.network.strike(node)?;
    breaker.cut(volume)?;
    world.network.take_down(node)?;
    volume.unmount()?;
    volume.mount()?;
    world.network.start(node)
}
