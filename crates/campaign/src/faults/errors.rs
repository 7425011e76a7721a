//! Errors of the disk at the n-th call of each kind: EIO and ENOSPC. The node refuses what it cannot do or ends with code 75 and
//! says why; a restart without the error needs nobody's help.

use super::walks::take_turns;
use crate::errand::Errand;
use crate::failure::Failure;
use crate::injection::{Injection, Strike, missing_strace, touches};
use crate::network::{DISK_FAILED, Network};
use crate::programs::needs;
use crate::random::Random;
use crate::tally::{Setup, Tally};
use crate::world::{NODES, World};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// The calls that a disk can fail.
const CALLS: [&str; 8] = [
    "writev",
    "write",
    "pwrite64",
    "fsync,fdatasync",
    "rename,renameat,renameat2",
    "openat",
    "ftruncate,fallocate",
    "mkdir,mkdirat,unlink,unlinkat",
];
/// The errors that a disk gives.
pub const ERRORS: [&str; 2] = ["EIO", "ENOSPC"];
/// Written with `write`, as far as their names are known beforehand. Everything else that a node writes so is no file of its
/// data: logs, and the wake-ups of its own threads, which no disk can fail.
const WRITTEN: [&str; 14] = [
    "format.new",
    "placement.new",
    "heads/65.new",
    "heads/6523.new",
    "heads/652301.new",
    "queue.mark.new",
    "ledger/.writing",
    "ledger/vkey.new",
    "lock",
    "queue/conf",
    "queue/db",
    "bodies/closing-0.part",
    "bodies/closing-1.part",
    "bodies/closing-2.part",
];
/// Before a node is killed to make it recover, it works so long at the most.
const WORK_MAX: Duration = Duration::from_millis(60);
/// An errand takes a second or two, and what is tried again is so after ten. A node that has not done it after so long goes on
/// without doing its work.
const LIMPING_MAX: Duration = Duration::from_secs(35);
const PROMISE: &str = "an error of the disk is refused, or ends the node with code 75 and a reason";

/// A walk along the calls of one kind: which node, call and error, and the next to be struck.
#[derive(Debug)]
struct Place {
    node: &'static str,
    call: &'static str,
    error: &'static str,
    /// Whether the node recovers from a kill when it meets the error; else from a clean stop.
    recovering: bool,
    nth: u64,
}

/// How a node came through an error.
enum End {
    /// It never met the error.
    NotStruck,
    /// It went on, and stopped well when it was told to.
    WentOn,
    /// It ended with code 75.
    GaveUp,
    /// Something that is no part of the data folder was struck: no promise is made about how it ends.
    Elsewhere,
    /// It tried again, and each new thread of its pool met the error at its own n-th call: no disk fails so, nothing is judged.
    StruckAgain,
    /// It ended in another way than it should; what comes after that is checked all the same.
    Wrongly(String),
}

/// Walks along every call of every kind, for each node and error; `every` says how many are passed over.
pub async fn run(
    setup: &Setup,
    every: u64,
    errors: &[&'static str],
    tally: &mut Tally,
) -> Result<(), Failure> {
    needs(missing_strace())?;
    let mut random = Random::new(setup.seed);
    let mut places = Vec::new();
    for (call, recovering) in CALLS.iter().flat_map(|call| [false, true].map(|after| (*call, after))) {
        for (node, error) in NODES.iter().flat_map(|node| errors.iter().map(|error| (*node, *error))) {
            let nth = 1 + random.next() % every.max(1);
            places.push(Place { node, call, error, recovering, nth });
        }
    }
    take_turns(setup, &mut random, places, tally, async |world, place: &mut Place, random, tally| {
        let end = trial(world, place, random).await?;
        let what = match &end {
            End::NotStruck => "walks at their end",
            End::WentOn => "went on",
            End::GaveUp => "ended with code 75",
            End::Elsewhere => "struck outside of the data",
            End::StruckAgain => "struck at every try",
            End::Wrongly(how) => {
                tally.find(format!("{PROMISE}: {place:?}: {how}"));
                "ended wrongly"
            }
        };
        tally.add(what, 1);
        place.nth += every.max(1);
        Ok(!matches!(end, End::NotStruck))
    })
    .await
}

async fn trial(world: &World, place: &Place, random: &mut Random) -> Result<End, Failure> {
    let &Place { node, call, error, recovering, nth } = place;
    let network = &world.network;
    let mut errand;
    if recovering {
        errand = Errand::begin(world, random)?;
        sleep(random.pause(WORK_MAX)).await;
        network.kill(node)?;
    } else {
        network.stop(node)?;
        errand = Errand::begin(world, random)?;
    }
    let report = network.beside("strace.out");
    let paths = if call == "write" { written(network, node) } else { Vec::new() };
    let injection = Injection { call, nth, strike: Strike::Error(error), paths, report };
    let logged = network.log_bytes(node);
    network.start_under(node, "info", &injection.above())?;
    let comes_through = timeout(LIMPING_MAX, errand.done(world));
    let ended = tokio::select! {
        biased;
        ended = network.ends(node) => { ended?; Some(true) }
        done = comes_through => done.ok().transpose()?.map(|()| false),
    };
    let Some(ended) = ended else {
        network.kill(node)?;
        let said = network.log_since(node, logged);
        mended(world, node, &mut errand).await?;
        let struck = injection.struck()?;
        if struck.iter().filter(|line| touches(line, &network.data(node))).count() > 1 {
            return Ok(End::StruckAgain);
        }
        let last = said.lines().next_back().unwrap_or_default();
        return Ok(End::Wrongly(format!("{struck:?}: it goes on and does not do its work: {last}")));
    };
    let status = network.end(node)?;
    let struck = injection.struck()?;
    let at_data = struck.iter().any(|line| touches(line, &network.data(node)));
    let end = match status.code() {
        Some(0) if struck.is_empty() => End::NotStruck,
        _ if struck.is_empty() => {
            let what = format!("{node} met no error and ended: {status}\n{}", network.last_words(node));
            return Err(Failure::broken(PROMISE, what));
        }
        Some(0) if !ended => End::WentOn,
        Some(DISK_FAILED) if says_why(&network.log_since(node, logged)) => End::GaveUp,
        _ if !at_data => End::Elsewhere,
        _ => End::Wrongly(format!("{struck:?}: {status}\n{}", network.last_words(node))),
    };
    mended(world, node, &mut errand).await?;
    Ok(end)
}

/// Without the error everything goes on, and nobody helps.
async fn mended(world: &World, node: &str, errand: &mut Errand) -> Result<(), Failure> {
    world.network.start(node)?;
    world.clerk(node)?.ready(&world.network).await?;
    errand.done(world).await?;
    errand.same_answers(world).await?;
    world.trouble()
}

fn written(network: &Network, node: &str) -> Vec<PathBuf> {
    WRITTEN.iter().map(|name| network.data(node).join(name)).collect()
}

/// Whether the last line that a node wrote tells a person what failed.
fn says_why(log: &str) -> bool {
    log.lines().any(|line| line.starts_with("yizhan: ") && line.len() > "yizhan: ".len())
}
