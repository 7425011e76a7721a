//! Kills at the boundaries of system calls: before the n-th call of each kind, while a node accepts, forwards, takes custody,
//! delivers, returns receipts and stops; and while it recovers from a kill before.

use super::walks::take_turns;
use crate::errand::Errand;
use crate::failure::Failure;
use crate::injection::{Injection, Strike, missing_strace};
use crate::network::{KEEPS_RUNNING, was_killed};
use crate::programs::needs;
use crate::random::Random;
use crate::tally::{Setup, Tally};
use crate::world::{NODES, World};
use std::time::Duration;
use tokio::time::sleep;

/// The calls by which a node changes its disk or speaks to its neighbours. Those in one line are counted together.
const CALLS: [&str; 11] = [
    "write,writev",
    "pwrite64",
    "fsync,fdatasync,sync_file_range",
    "rename,renameat,renameat2",
    "openat",
    "unlink,unlinkat",
    "ftruncate,fallocate",
    "mkdir,mkdirat",
    "flock,fcntl",
    "sendmsg,sendmmsg,sendto",
    "close",
];
/// Files and folders of a data folder whose calls are counted by themselves: the threads that do them are not the busiest, and
/// would hardly ever be struck otherwise. The first group is everything.
const GROUPS: [&[&str]; 6] = [
    &[],
    &["journal"],
    &["bodies", "bodies/closing-0.part", "bodies/closing-1.part", "bodies/closing-2.part"],
    &["ledger", "ledger/.writing", "ledger/checkpoint", "ledger/vkey.new", "ledger/vkey"],
    &["queue", "queue/db", "queue/conf", "queue.mark", "queue.mark.new"],
    &["placement", "placement.new", "heads", "heads/65.new", "heads/6523.new", "heads/652301.new"],
];
/// Before a node is killed to make it recover, it works so long at the most.
const WORK_MAX: Duration = Duration::from_millis(60);

/// Where in its life a node is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// From a start after a clean stop, through an errand, to a clean stop.
    Life,
    /// From a start after a kill until it is ready.
    Recovery,
}

/// Walks along every call of every kind, for each node and phase; `every` says how many are passed over.
pub async fn run(setup: &Setup, every: u64, tally: &mut Tally) -> Result<(), Failure> {
    needs(missing_strace())?;
    let mut random = Random::new(setup.seed);
    let places = places(every, &mut random);
    take_turns(setup, &mut random, places, tally, async |world, place: &mut Place, random, tally| {
        let struck = trial(world, place, random).await?;
        let what = match (struck, place.phase) {
            (true, Phase::Life) => "killed at a call",
            (true, Phase::Recovery) => "killed at a call of recovery",
            (false, _) => "walks at their end",
        };
        tally.add(what, 1);
        place.nth += if place.group.is_empty() { every.max(1) } else { 1 };
        Ok(struck)
    })
    .await
}

/// A walk along the calls of one kind: which node, phase and call, and the next to be struck.
#[derive(Debug)]
struct Place {
    node: &'static str,
    phase: Phase,
    call: &'static str,
    group: &'static [&'static str],
    nth: u64,
}

fn places(every: u64, random: &mut Random) -> Vec<Place> {
    let mut places = Vec::new();
    for phase in [Phase::Life, Phase::Recovery] {
        for call in CALLS {
            for (node, group) in NODES.iter().flat_map(|node| GROUPS.map(|group| (*node, group))) {
                // A small group has few calls, of which none is passed over.
                let nth = if group.is_empty() { 1 + random.next() % every.max(1) } else { 1 };
                places.push(Place { node, phase, call, group, nth });
            }
        }
    }
    places
}

/// One strike and what comes after it. Says whether it struck.
async fn trial(world: &World, place: &Place, random: &mut Random) -> Result<bool, Failure> {
    let &Place { node, phase, call, group, nth } = place;
    let network = &world.network;
    let mut errand;
    match phase {
        Phase::Life => {
            network.stop(node)?;
            errand = Errand::begin(world, random)?;
        }
        Phase::Recovery => {
            errand = Errand::begin(world, random)?;
            sleep(random.pause(WORK_MAX)).await;
            network.kill(node)?;
        }
    }
    let report = network.beside("strace.out");
    let paths = group.iter().map(|name| network.data(node).join(name)).collect();
    let injection = Injection { call, nth, strike: Strike::Kill, paths, report };
    network.start_under(node, "info", &injection.above())?;
    let struck = struck(world, node, phase, &mut errand).await?;
    network.start(node)?;
    world.clerk(node)?.ready(network).await?;
    errand.done(world).await?;
    errand.same_answers(world).await?;
    world.trouble()?;
    Ok(struck)
}

/// Waits until the node is struck, or has come through. On return it does not run.
async fn struck(world: &World, node: &str, phase: Phase, errand: &mut Errand) -> Result<bool, Failure> {
    let network = &world.network;
    let comes_through = async {
        match phase {
            Phase::Life => errand.done(world).await,
            Phase::Recovery => world.clerk(node)?.ready(network).await.map(drop),
        }
    };
    let (ended, outcome) = tokio::select! {
        biased;
        outcome = network.ends(node) => (true, outcome),
        outcome = comes_through => (false, outcome),
    };
    // A node that ended makes whoever waits for it fail as well; that is no fault.
    if network.ended(node)?.is_none() {
        outcome?;
    }
    let status = match phase {
        Phase::Recovery if !ended && network.ended(node)?.is_none() => {
            network.kill(node)?;
            return Ok(false);
        }
        _ => network.end(node)?,
    };
    if was_killed(status) {
        return Ok(true);
    }
    if status.success() && !ended {
        return Ok(false);
    }
    Err(Failure::broken(
        KEEPS_RUNNING,
        format!("{node} ended by itself: {status}\n{}", network.last_words(node)),
    ))
}
