//! Retention: how much larger a folder is than what it needs, after so many small documents, and that it loses nothing with its index.

use crate::clerk::{Clerk, until, until_within};
use crate::failure::{Doing, Failure};
use crate::needed::needed;
use crate::network::{Network, RECLAIMED, THREE_FLAGS};
use crate::papers::{Papers, Size};
use crate::random::Random;
use crate::tally::{Setup, Tally};
use crate::world::{COUNTY, NODES, REGION, RELAY};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use yizhan_document::EnvelopeId;

/// Who hands documents in at the same time.
const SUBMITTERS: u64 = 64;
/// How often is said how far it has come.
const STILL: Duration = Duration::from_secs(30);
/// Of so many documents one is looked at with all its receipts, after the index was deleted.
const LOOKED_AT_EACH: u64 = 1_000;
/// Acceptance of the origin, the relay and the destination, and the consignment.
const RECEIPTS_EACH: usize = 4;
/// How long a step may take that grows with the number of documents.
const PATIENCE: Duration = Duration::from_secs(1_800);
/// A quiet node tidies up: folders are measured when none of them has changed for so long.
const REST: Duration = Duration::from_secs(40);
/// How each node's figures are called: the folder, what of it is needed, the first in thousandths of the second.
const NAMES: [(&str, [&str; 3]); 3] = [
    (COUNTY, ["origin: bytes", "origin: bytes needed", "origin: thousandths of what is needed"]),
    (RELAY, ["relay: bytes", "relay: bytes needed", "relay: thousandths of what is needed"]),
    (
        REGION,
        ["destination: bytes", "destination: bytes needed", "destination: thousandths of what is needed"],
    ),
];

/// Passes `setup.count` small documents from a county through a prefecture to a region, and measures all three folders as they
/// are, without the index (`queue`), and what of that is needed: retained content, ledger and received receipts. It is counted
/// after a reclaim, which names what is retained. Before that reclaim all indexes are deleted: each document must still lie in the
/// inbox once, and its receipts at the origin.
pub async fn run(setup: &Setup, tally: &mut Tally) -> Result<(), Failure> {
    let mut random = Random::new(setup.seed);
    let network = Network::create(&setup.programs, setup.folder.as_deref(), &THREE_FLAGS)?;
    let network = Arc::new(network);
    start_all(&network).await?;
    let ids = pass(&network, setup, &mut random, tally).await?;
    tally.trials = setup.count;
    at_rest(&network).await?;
    let before = settled(&network).await?;
    network.stop_all()?;
    for node in NODES {
        network.reclaims_after(node, 1)?;
        std::fs::remove_dir_all(network.data(node).join("queue")).doing("deleting the index")?;
    }
    let heard: Vec<u64> = NODES.iter().map(|node| network.log_bytes(node)).collect();
    start_all(&network).await?;
    for (node, heard) in NODES.iter().zip(heard) {
        let is_done = || async { Ok(network.log_since(node, heard).contains(RECLAIMED).then_some(())) };
        until_within(PATIENCE, "the journal is reclaimed", is_done).await?;
    }
    tally.say("everything was reclaimed, without an index; now it is looked whether anything is lost");
    nothing_is_lost(&network, &ids, tally).await?;
    network.stop_all()?;
    for ((node, [folder, of_it, ratio]), before) in NAMES.into_iter().zip(before) {
        let needed_here = needed(&network.data(node))?;
        tally.add(folder, before);
        tally.add(of_it, needed_here);
        tally.add(ratio, before.saturating_mul(1_000) / needed_here.max(1));
    }
    Ok(())
}

/// The bytes of the three folders, once they stay as they are.
async fn settled(network: &Network) -> Result<[u64; 3], Failure> {
    let sizes = || {
        let [origin, relay, destination] = NAMES.map(|(node, _)| bytes_of(&network.data(node)));
        Ok::<_, Failure>([origin?, relay?, destination?])
    };
    let mut before = sizes()?;
    for _ in 0..PATIENCE.as_secs() / REST.as_secs() {
        sleep(REST).await;
        let now = sizes()?;
        if std::mem::replace(&mut before, now) == now {
            return Ok(now);
        }
    }
    Err(Failure::unable("waiting until the folders stay as they are", std::io::ErrorKind::TimedOut))
}

async fn start_all(network: &Network) -> Result<(), Failure> {
    for node in NODES {
        network.start(node)?;
    }
    for node in NODES {
        Clerk::at(network, node)?.ready_within(PATIENCE, network).await?;
    }
    Ok(())
}

/// Hands the documents in; their ids.
async fn pass(
    network: &Arc<Network>,
    setup: &Setup,
    random: &mut Random,
    tally: &Tally,
) -> Result<BTreeSet<EnvelopeId>, Failure> {
    let taken = Arc::new(AtomicU64::new(0));
    let papers = Arc::new(Papers::new(network, random)?);
    let mut tasks = JoinSet::new();
    for submitter in 0..SUBMITTERS {
        let (network, papers, mut random) = (Arc::clone(network), Arc::clone(&papers), random.branch());
        let taken = Arc::clone(&taken);
        let share = (setup.count + SUBMITTERS - 1 - submitter) / SUBMITTERS;
        tasks.spawn(async move {
            let clerk = Clerk::at(&network, COUNTY)?;
            let mut ids = Vec::new();
            for _ in 0..share {
                let paper = papers.paper(COUNTY, REGION, Size::Small, &mut random)?;
                let submitted = until("is taken", || async { Ok(clerk.send(&paper).await.ok()) }).await?;
                ids.push(submitted.id);
                taken.fetch_add(1, Ordering::Relaxed);
                std::fs::remove_file(&paper.file).doing("removing a paper")?;
            }
            Ok::<_, Failure>(ids)
        });
    }
    let mut all = BTreeSet::new();
    loop {
        match timeout(STILL, tasks.join_next()).await {
            Ok(Some(done)) => {
                all.extend(
                    done.map_err(|error| Failure::unable("handing in", std::io::Error::other(error)))??,
                );
            }
            Ok(None) => return Ok(all),
            Err(_) => {
                tally.say(&format!("{} of {} handed in", taken.load(Ordering::Relaxed), setup.count));
            }
        }
    }
}

/// Each document lies in the inbox once, and its receipts at the origin.
async fn nothing_is_lost(
    network: &Network,
    ids: &BTreeSet<EnvelopeId>,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let (origin, destination) = (Clerk::at(network, COUNTY)?, Clerk::at(network, REGION)?);
    let inbox = destination.inbox().await?;
    let there: BTreeSet<EnvelopeId> = inbox.iter().map(|item| item.id).collect();
    if there.len() != inbox.len() || there != *ids {
        let (handed_in, shown) = (ids.len(), inbox.len());
        tally.find(format!(
            "{handed_in} documents were handed in, and the inbox shows {shown} of {}",
            there.len()
        ));
    }
    tally.add("documents in the inbox", there.len() as u64);
    for (id, _) in ids.iter().zip(0_u64..).filter(|(_, number)| number % LOOKED_AT_EACH == 0) {
        let ask = || async { origin.desk().await?.receipts(*id).await };
        let receipts = origin.patiently("shows receipts", ask).await?;
        if receipts.len() < RECEIPTS_EACH {
            tally.find(format!("{id} has {} receipts at its origin", receipts.len()));
        }
        tally.add("documents whose receipts were counted", 1);
    }
    Ok(())
}

/// Waits until nothing waits anywhere.
async fn at_rest(network: &Network) -> Result<(), Failure> {
    for node in NODES {
        let clerk = Clerk::at(network, node)?;
        let is_idle = || async { Ok(clerk.status().await.filter(|status| status.held == 0).map(|_| ())) };
        until_within(PATIENCE, "nothing waits", is_idle).await?;
    }
    Ok(())
}

/// The bytes of all files in a data folder but the index.
pub(crate) fn bytes_of(folder: &Path) -> Result<u64, Failure> {
    let mut bytes = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).doing("listing a data folder")? {
            let entry = entry.doing("listing a data folder")?;
            let kind = match entry.metadata() {
                // A running node removes files.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                kind => kind.doing("measuring a file")?,
            };
            if kind.is_dir() && entry.file_name() != "queue" {
                folders.push(entry.path());
            } else if kind.is_file() {
                bytes += kind.len();
            }
        }
    }
    Ok(bytes)
}
