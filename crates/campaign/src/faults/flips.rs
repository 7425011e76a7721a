//! Single bits that change on a disk at rest, in every kind of file of a settled network: what has changed its meaning is never
//! passed off as good, and what did not change is not harmed.

mod audited;
mod started;
mod targets;

use crate::errand::Errand;
use crate::failure::{Doing, Failure};
use crate::random::Random;
use crate::tally::{Setup, Tally};
use crate::world::World;
use audited::Audited;
use started::Started;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use targets::{Kind, Target};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Errands before the network is left at rest: so many documents there are to be harmed.
const ERRANDS: usize = 2;
/// After so many findings a campaign ends: more of the same teach nothing.
const FINDINGS_MAX: usize = 20;
const LOOK: Duration = Duration::from_millis(200);
const PROMISE: &str = "one changed bit is noticed and harms one document at the most";

/// What came of one flip.
enum Came {
    /// It changed nothing that anybody is told.
    NoDifference,
    /// It was named, or a start was refused, as it should.
    Noticed,
    /// It cost one document, and that was named.
    CostOne,
    /// It broke the promise.
    Wrong(String),
}

/// Flips as often as asked for.
pub async fn run(setup: &Setup, tally: &mut Tally) -> Result<(), Failure> {
    let mut random = Random::new(setup.seed);
    let network = settled(setup, &mut random, tally).await?;
    let next = Arc::new(AtomicU64::new(0));
    let (tell, told) = std::sync::mpsc::channel();
    let mut lanes = JoinSet::new();
    for lane in 0..std::thread::available_parallelism().map_or(1, usize::from) {
        let work = Lane { audited: Audited::make(&network)?, started: Started::make(&network, lane).await? };
        let (random, next, tell, count) = (random.branch(), Arc::clone(&next), tell.clone(), setup.count);
        lanes.spawn(async move { work.run(random, &next, count, &tell).await });
    }
    drop(tell);
    let mut failure = None;
    loop {
        for (target, came) in told.try_iter() {
            count(tally, &target, came);
        }
        if tally.findings.len() >= FINDINGS_MAX {
            next.store(u64::MAX / 2, Ordering::SeqCst);
        }
        match tokio::time::timeout(LOOK, lanes.join_next()).await {
            Ok(None) => break,
            Ok(Some(ended)) => failure = ended.doing("flipping")?.err().or(failure),
            Err(_) => {}
        }
        sleep(Duration::from_millis(1)).await;
    }
    for (target, came) in told.try_iter() {
        count(tally, &target, came);
    }
    failure.map_or(Ok(()), Err)
}

/// A network with documents in it, at rest and stopped, in which every promise was kept so far.
async fn settled(
    setup: &Setup,
    random: &mut Random,
    tally: &mut Tally,
) -> Result<Arc<crate::network::Network>, Failure> {
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

fn count(tally: &mut Tally, target: &Target, came: Came) {
    tally.trials += 1;
    tally.add(target.kind.name(), 1);
    match came {
        Came::NoDifference => tally.add("made no difference", 1),
        Came::Noticed => tally.add("noticed", 1),
        Came::CostOne => tally.add("cost one document", 1),
        Came::Wrong(how) => {
            tally.add("wrong", 1);
            tally.find(format!("{PROMISE}: {target}: {how}"));
        }
    }
    tally.say_every(500);
}

/// One of several that flip at the same time, each in copies of its own.
struct Lane {
    audited: Audited,
    started: Started,
}

impl Lane {
    async fn run(
        self,
        mut random: Random,
        next: &AtomicU64,
        count: u64,
        tell: &std::sync::mpsc::Sender<(Target, Came)>,
    ) -> Result<(), Failure> {
        while next.fetch_add(1, Ordering::SeqCst) < count {
            let Some(kind) = random.among(&Kind::ALL).copied() else { return Ok(()) };
            // A ledger is read by auditors much more often than by its own node.
            let audit = kind.is_of_ledger() && random.below(8) > 0;
            let told = if audit {
                tokio::task::block_in_place(|| self.audited.flip(kind, &mut random))?
            } else {
                self.started.flip(kind, &mut random).await?
            };
            // Whoever counts goes only when all is over.
            drop(told.map(|told| tell.send(told)));
        }
        Ok(())
    }
}
