//! Single bits that change on a disk at rest, in every kind of file of a settled network: what has changed its meaning is never
//! passed off as good, and what did not change is not harmed.

use super::at_rest::{Audited, Came, Kind, Started, Target, count, settled};
use crate::failure::{Doing, Failure};
use crate::random::Random;
use crate::tally::{Setup, Tally};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// After so many findings a campaign ends: more of the same teach nothing.
const FINDINGS_MAX: usize = 20;
const LOOK: Duration = Duration::from_millis(200);

/// Flips as often as asked for.
pub async fn run(setup: &Setup, tally: &mut Tally) -> Result<(), Failure> {
    let mut random = Random::new(setup.seed);
    let network = settled(setup, &mut random, tally).await?;
    let next = Arc::new(AtomicU64::new(0));
    let (tell, told) = std::sync::mpsc::channel();
    let mut lanes = JoinSet::new();
    for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
        let work = Lane { audited: Audited::make(&network)?, started: Started::make(&network).await? };
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
    }
    for (target, came) in told.try_iter() {
        count(tally, &target, came);
    }
    failure.map_or(Ok(()), Err)
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
            let Some(kind) = Kind::among_all(&mut random) else { return Ok(()) };
            // A ledger is read by auditors much more often than by its own node.
            let audit = kind.is_of_ledger() && random.below(8) > 0;
            let told = if audit {
                tokio::task::block_in_place(|| self.audited.flip(kind, &mut random))?
            } else if let Some((node, target)) = self.started.choose(kind, &mut random)? {
                let came = self.started.harm(node, &target).await?;
                Some((target, came))
            } else {
                None
            };
            match told {
                // Whoever counts goes only when all is over.
                Some(told) => drop(tell.send(told)),
                // No file of this kind is there: nothing was tried.
                None => drop(next.fetch_sub(1, Ordering::SeqCst)),
            }
        }
        Ok(())
    }
}
