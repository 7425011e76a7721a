//! What happens to disks besides: read-only, full, standing still under load; files deleted and blocks zeroed at rest.

use super::at_rest::{Kind, Started, Target, count, settled};
use crate::failure::{Doing, Failure};
use crate::network::{DISK_FAILED, Network, THREE_FLAGS};
use crate::programs::{missing_for_mounts, needs};
use crate::random::Random;
use crate::tally::{Setup, Tally};
use crate::volume::Volume;
use crate::world::{NODES, World};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// Something that happens to the disk of a node that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    /// It takes no writes any more, as after an error that the kernel saw; later it is mounted anew.
    ReadOnly,
    /// Something else fills it to the last byte; later there is room again.
    Full,
    /// Something else fills it down to below the reserve; later there is room again.
    Tight,
    /// The process stands still, and then goes on as if nothing had been.
    Frozen,
}

const CASES: [Case; 4] = [Case::ReadOnly, Case::Full, Case::Tight, Case::Frozen];
/// The size of each node's disk. Below 128 MiB of room a node takes nothing new.
const VOLUME_BYTES: u64 = 400 << 20;
const SUBMITTERS: usize = 3;
/// How long there is load before something happens to the disk.
const LIFE_MAX: Duration = Duration::from_millis(600);
/// How long a disk stays read-only or full, and a process frozen, before it is well again.
const TROUBLE: Duration = Duration::from_secs(3);
const FROZEN: Duration = Duration::from_secs(10);

/// So many files of each kind are deleted, and so many blocks zeroed, at each node in one turn.
const FILES_A_TURN: usize = 2;
/// What stays free on a tight disk: less than the reserve of 128 MiB, and enough for what is under way.
const TIGHT_BYTES: u64 = 64 << 20;

/// Goes through all cases at all nodes, turn after turn; each case under load has a network of its own, so that none hides what
/// another left.
pub async fn run(setup: &Setup, tally: &mut Tally) -> Result<(), Failure> {
    needs(missing_for_mounts())?;
    let mut random = Random::new(setup.seed);
    while tally.trials < setup.count {
        at_rest(setup, &mut random, tally).await?;
        // Each case once before any comes again, and each at another node.
        let places = (0..NODES.len()).flat_map(|turn| {
            let nodes = NODES.iter().cycle().skip(turn);
            CASES.iter().copied().zip(nodes.copied())
        });
        for (case, node) in places {
            if tally.trials >= setup.count {
                return Ok(());
            }
            tally.trials += 1;
            tally.say(&format!("{case:?} at {node}"));
            if let Err(failure) = under_load(setup, case, node, &mut random, tally).await {
                if !failure.is_broken() {
                    return Err(failure);
                }
                tally.find(format!("{case:?} at {node}: {failure}"));
            }
        }
    }
    Ok(())
}

/// Deletes files and zeroes blocks of every kind at every node, each by itself.
async fn at_rest(setup: &Setup, random: &mut Random, tally: &mut Tally) -> Result<(), Failure> {
    let network = settled(setup, random, tally).await?;
    let started = Started::make(&network).await?;
    for (kind, node) in Kind::EACH.iter().flat_map(|kind| NODES.map(|node| (*kind, node))) {
        for _ in 0..FILES_A_TURN {
            for choose in [Target::whole, Target::block] {
                if tally.trials >= setup.count {
                    return Ok(());
                }
                if let Some(target) = choose(kind, &started.folder(node), random)? {
                    let came = started.harm(node, &target).await?;
                    count(tally, &target, came);
                }
            }
        }
    }
    Ok(())
}

async fn under_load(
    setup: &Setup,
    case: Case,
    node: &'static str,
    random: &mut Random,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let network = Network::create(&setup.programs, setup.folder.as_deref(), &THREE_FLAGS)?;
    let mut volume = None;
    if case != Case::Frozen {
        let image = network.beside("disk.img");
        volume = Some(Volume::make(image, network.data(node), VOLUME_BYTES)?);
    }
    let world = World::with(network, random.branch()).await?;
    world.load(SUBMITTERS, random);
    sleep(LIFE_MAX / 2 + random.pause(LIFE_MAX)).await;
    let outcome = strike(&world, case, node, volume.as_mut(), tally).await;
    let network = Arc::clone(&world.network);
    let concluded = world.conclude(outcome, tally).await;
    for node in NODES.into_iter().filter(|node| network.is_started(node)) {
        network.take_down(node)?;
    }
    drop(volume);
    concluded
}

async fn strike(
    world: &World,
    case: Case,
    node: &str,
    volume: Option<&mut Volume>,
    tally: &mut Tally,
) -> Result<(), Failure> {
    match (case, volume) {
        (Case::ReadOnly, Some(volume)) => read_only(world, node, volume, tally).await,
        (Case::Full, Some(volume)) => full(world, node, volume, 0, tally).await,
        (Case::Tight, Some(volume)) => full(world, node, volume, TIGHT_BYTES, tally).await,
        _ => frozen(world, node).await,
    }
}

async fn read_only(world: &World, node: &str, volume: &mut Volume, tally: &mut Tally) -> Result<(), Failure> {
    // An fsync that is under way while the kernel aborts its journal may return success for what it lost, which no process can
    // know (`faults/power_cuts.rs`): so none is.
    world.network.freeze(node).await?;
    volume.abort()?;
    world.network.thaw(node)?;
    sleep(TROUBLE).await;
    ended_by_the_disk(world, node, tally)?;
    volume.unmount()?;
    volume.mount()?;
    world.network.start(node)?;
    world.recovered(node).await
}

async fn full(
    world: &World,
    node: &str,
    volume: &Volume,
    left: u64,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let filler = volume.fill(left)?;
    sleep(TROUBLE).await;
    let gave_up = world.network.ended(node)?.is_some();
    std::fs::remove_file(&filler).doing("making room again")?;
    // What failed while there was no room may end the node a moment later.
    let went_on = tokio::select! {
        biased;
        ended = world.network.ends(node) => ended.map(|()| false),
        recovered = world.recovered(node), if !gave_up => recovered.map(|()| true),
    }?;
    if went_on {
        tally.add("went on with a full disk", 1);
        return Ok(());
    }
    ended_by_the_disk(world, node, tally)?;
    world.network.start(node)?;
    world.recovered(node).await
}

/// A process that gets no processor for a while, and then goes on as if nothing had been.
async fn frozen(world: &World, node: &str) -> Result<(), Failure> {
    world.network.freeze(node).await?;
    sleep(FROZEN).await;
    world.network.thaw(node)?;
    world.recovered(node).await
}

/// A node whose disk failed has ended with its code, or is taken down here: it may not have had anything to write.
fn ended_by_the_disk(world: &World, node: &str, tally: &mut Tally) -> Result<(), Failure> {
    match world.network.take_down(node)? {
        Some(DISK_FAILED) => tally.add("ended with code 75", 1),
        None => tally.add("went on without its disk", 1),
        Some(code) => {
            let what = format!("{node} ended with {code}\n{}", world.network.last_words(node));
            return Err(Failure::broken("a node whose disk fails ends with code 75", what));
        }
    }
    Ok(())
}
