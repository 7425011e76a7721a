//! `yizhan node new-epoch`: makes a data folder ready for a new epoch of the ledger, where the old one is lost for good.
//!
//! Never done by a node by itself (decision 0017). Nothing is changed before every neighbour has said what it remembers, and nothing
//! at all where the folder still has that. The old folder is set aside, never deleted; the next start opens the epoch.

use crate::clock::Clock;
use crate::config::Config;
use crate::epoch::{Epoch, set_aside};
use crate::fault::NodeError;
use crate::keys::Keys;
use crate::proofs::ProofChecker;
use crate::recovery::recover;
use crate::remembered::Remembered;
use crate::start::{VERSIONS, check_fit, link_config, prepare_data_folder};
use crate::versions::{self, fit::OwnKeys};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use yizhan_document::{EPOCH_MAX, LedgerId, NodeId};
use yizhan_exchange::Profile;
use yizhan_hierarchy::Directory;
use yizhan_identity::{NoteSigner, NoteVerifier, PublicKey};
use yizhan_journal::JournalError;
use yizhan_ledger::{Checkpoint, Head, Log, origin_of, verify_checkpoint};
use yizhan_link::{LinkEvent, Links};
use yizhan_planted::{Bug, on};
use yizhan_protocol::Hello;
use yizhan_spool::{FolderLock, Quarantine};

/// Link events that wait to be looked at, at the most.
const EVENTS_MAX: usize = 256;
/// How often the log says who is waited for.
const REMIND: Duration = Duration::from_secs(10);
/// Heads that the first entry names, at the most: an entry has its limit.
const HEADS_MAX: usize = 256;

/// A data folder that is ready for a new epoch.
#[derive(Clone, Debug, Serialize)]
pub struct NewEpoch {
    /// The ledger that the next start begins.
    pub ledger: LedgerId,
    /// The ledger that was given up.
    pub given_up: LedgerId,
    /// What was remembered of that, which the first entry of the new one names.
    pub previous: Vec<Head>,
    /// Where the old folder was put, if there was anything in it.
    pub set_aside: Option<PathBuf>,
}

/// What the data folder still has.
struct Own {
    /// The ledger it is for.
    ledger: LedgerId,
    /// That ledger; none if it is not there or does not read.
    log: Option<Log>,
}

/// Prepares the data folder for the epoch after `give_up`, the newest ledger of this node that anybody knows. Waits until every
/// neighbour has answered; nothing came of it if `stop` is done before.
///
/// # Errors
/// The folder has everything that the neighbours remember, a later epoch than `give_up` is known, or the disk failed. Nothing was
/// changed then, but for a failed disk, after which the same may be run again.
pub async fn new_epoch(
    config: Config,
    give_up: LedgerId,
    stop: impl Future<Output = ()> + Send,
) -> Result<Option<NewEpoch>, NodeError> {
    let clock = Clock::start();
    let keys = Keys::load(&config)?;
    let anchor = versions::begin::anchor(&config)?;
    if give_up.node != config.node || give_up.epoch >= EPOCH_MAX {
        return Err(NodeError::Data(format!("{give_up} is no ledger that {} could give up", config.node)));
    }
    prepare_data_folder(&config.data)?;
    let _lock = FolderLock::acquire(&config.data)?;
    let directory = Arc::new(versions::begin::newest(&config, &anchor, clock.wall())?);
    check_fit(&config, &keys, &OwnKeys::of(&config, &keys), &directory, &clock)?;
    let own = look_at_folder(&config, &keys, &directory)?;
    let Some(remembered) = ask_neighbours(&config, &keys, &directory, own.ledger, clock, stop).await? else {
        return Ok(None);
    };
    let previous = decide(&own, give_up, &remembered).map_err(NodeError::Data)?;
    let aside = set_aside(&config.data, own.ledger.epoch)?;
    let epoch = Epoch { ledger: LedgerId { epoch: give_up.epoch + 1, ..give_up }, previous };
    epoch.write(&config.data)?;
    let Epoch { ledger, previous } = epoch;
    Ok(Some(NewEpoch { ledger, given_up: give_up, previous, set_aside: aside }))
}

/// Reads the folder as a start would. What does not read is no reason to stop here: it is why an epoch is given up.
fn look_at_folder(config: &Config, keys: &Keys, directory: &Arc<Directory>) -> Result<Own, NodeError> {
    let ledger = Epoch::read(&config.data, config.node)?.ledger;
    let journal = config.data.join("journal");
    let names = std::fs::read_dir(&journal).map(|mut names| names.next().is_none());
    if names.map_err(|source| NodeError::Folder { path: journal, source })? {
        return Ok(Own { ledger, log: None });
    }
    let quarantine = Quarantine::open(&config.data.join("quarantine"))?;
    let (network, max_classification) = (config.network.clone(), config.max_classification);
    let profile = Profile { network, ledger, max_classification, previous: Vec::new() };
    let misfit = |e: yizhan_identity::NoteError| NodeError::Misfit(e.to_string());
    let signer = NoteSigner::new(origin_of(&config.network, ledger), keys.ledger.clone()).map_err(misfit)?;
    match recover(&config.data, profile, directory, &quarantine, &signer.verifier()) {
        Ok(recovered) => Ok(Own { ledger, log: Some(recovered.log) }),
        Err(error) if is_unreadable(&error) => {
            tracing::warn!(%error, "the data folder does not read");
            Ok(Own { ledger, log: None })
        }
        Err(error) => Err(error),
    }
}

/// Whether the folder is not what the node left there. A later release that wrote it, missing space or an index that fails say
/// nothing of that.
fn is_unreadable(error: &NodeError) -> bool {
    match error {
        NodeError::Data(_) => true,
        NodeError::Ledger(error) => !error.is_full(),
        NodeError::Journal(error) => !matches!(
            error,
            JournalError::Full { .. } | JournalError::Unsupported { .. } | JournalError::Visitor(_)
        ),
        _ => false,
    }
}

/// What each neighbour remembers of this node's ledgers, by its own signature; nothing if told to stop before all have spoken.
async fn ask_neighbours(
    config: &Config,
    keys: &Keys,
    directory: &Arc<Directory>,
    ledger: LedgerId,
    clock: Clock,
    stop: impl Future<Output = ()> + Send,
) -> Result<Option<BTreeMap<NodeId, Option<Head>>>, NodeError> {
    let (me, version) = (config.node, directory.version);
    let proofs = ProofChecker::new(Arc::clone(directory));
    let heads = Remembered::open(&config.data.join("heads"), &directory.neighbours(me), &proofs)?;
    // It promises nothing and shows nothing of its own; two neighbours that both lost their ledgers hear each other all the same.
    let hello = move |neighbour| Hello {
        versions: VERSIONS.to_vec(),
        node: me,
        ledger,
        checkpoint: Vec::new(),
        witnessed: 0,
        directory: version,
        clock_ms: clock.wall().as_ms(),
        remembered: heads.of(neighbour),
    };
    let (tell, mut events) = mpsc::channel(EVENTS_MAX);
    let links = Links::start(link_config(config, keys, directory, clock), Arc::new(hello), tell)?;
    let mut silent: BTreeSet<NodeId> = directory.neighbours(me).into_iter().collect();
    let mut remembered = BTreeMap::new();
    let mut reminder = tokio::time::interval(REMIND);
    tokio::pin!(stop);
    while !silent.is_empty() {
        let event = tokio::select! {
            biased;
            () = &mut stop => return Ok(None),
            event = events.recv() => event,
            _ = reminder.tick() => {
                tracing::info!(?silent, "these neighbours have not said yet what they remember; all have to");
                continue;
            }
        };
        match event {
            Some(LinkEvent::Up { neighbour, hello }) => {
                silent.remove(&neighbour);
                let head = own_head(&config.network, me, &keys.ledger.public(), &hello.remembered);
                tracing::info!(%neighbour, remembers = ?head, "a neighbour has spoken");
                remembered.insert(neighbour, head);
            }
            Some(_) => {}
            None => return Ok(None),
        }
    }
    drop(links);
    Ok(Some(remembered))
}

/// The head that a note states, if this node signed it for one of its ledgers.
fn own_head(network: &str, me: NodeId, key: &PublicKey, note: &[u8]) -> Option<Head> {
    let ledger = Checkpoint::from_unverified_note(note).ok()?.ledger().filter(|ledger| ledger.node == me)?;
    let verifier = NoteVerifier::of_log(origin_of(network, ledger), *key).ok()?;
    let Checkpoint { size, root, .. } = verify_checkpoint(note, &verifier).ok()?;
    Some(Head { ledger, size, root })
}

/// Whether the ledger may be given up, and what of it is to be named; or why not.
fn decide(
    own: &Own,
    give_up: LedgerId,
    remembered: &BTreeMap<NodeId, Option<Head>>,
) -> Result<Vec<Head>, String> {
    let heads = || remembered.values().flatten();
    let newest = heads().map(|head| head.ledger).max().map_or(own.ledger, |newest| newest.max(own.ledger));
    if newest > give_up && !on(Bug::EpochGivenAgain) {
        return Err(format!(
            "{newest} is known, so {give_up} is not the ledger that there is to give up. If the new epoch was begun before, start the \
             node; only if {newest} is lost for good too, say --give-up {newest}"
        ));
    }
    if let Some(log) = &own.log {
        let has = |head: &&Head| {
            head.ledger < own.ledger
                || head.ledger == own.ledger && log.root_at(head.size).is_ok_and(|root| root == head.root)
        };
        if heads().all(|head| has(&head)) {
            return Err(format!(
                "it has everything that the neighbours remember of {}: nothing is lost, so nothing is given up. Start the node",
                own.ledger
            ));
        }
    }
    let mut known: BTreeSet<Head> = heads().filter(|head| head.ledger == give_up).copied().collect();
    if let Some(log) = own.log.as_ref().filter(|log| own.ledger == give_up && log.size() > 0) {
        known.insert(Head { ledger: give_up, size: log.size(), root: log.root() });
    }
    // Ascending by size: of too many the largest count.
    let too_many = known.len().saturating_sub(HEADS_MAX);
    Ok(known.into_iter().skip(too_many).collect())
}

#[cfg(test)]
#[path = "new_epoch_tests.rs"]
mod tests;
