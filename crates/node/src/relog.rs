//! Makes the ledger anew at a start: from the journal, from settled tiles below what the journal holds, and from published ones
//! where it was damaged.

use crate::fault::NodeError;
use crate::index::own_entry;
use std::path::{Path, PathBuf};
use yizhan_document::{Digest, LedgerId, merkle};
use yizhan_exchange::{Condensed, Entered, Fact, Node};
use yizhan_journal::Location;
use yizhan_ledger::limits::TILE_WIDTH;
use yizhan_ledger::tiles::FolderTiles;
use yizhan_ledger::{Entry, Event, Log};
use yizhan_spool::{Changes, Queue};

/// Entries taken into the ledger before their full tiles are written, so that memory stays bounded.
const STORE_STEP: u64 = 4096;

/// The ledger as it is made anew, and what its tiles still hold.
pub(crate) struct Ledger {
    pub(crate) log: Log,
    /// The ledger as it was published, for entries that the journal lost.
    old: Option<Log>,
    tiles: PathBuf,
    /// Entries below are in settled tiles alone.
    base: u64,
    /// Entries that the journal lost, and only the tiles had.
    pub(crate) filled: u64,
}

impl Ledger {
    /// A ledger without entries, and the one in the folder where that is sound.
    pub(crate) fn open(tiles: &Path, sound: bool) -> Result<Self, NodeError> {
        let old = if sound { Log::open(FolderTiles::new(tiles)).ok().map(|(log, _)| log) } else { None };
        let log = Log::open_at(FolderTiles::new(tiles), 0);
        let log = log.map_err(crate::keeper::KeeperError::from).map_err(NodeError::Ledger)?;
        Ok(Self { log, old, tiles: tiles.to_owned(), base: 0, filled: 0 })
    }

    /// The journal says that it holds no entries below `base`, and which root these have.
    fn begin_at(&mut self, base: u64, root: Digest) -> Result<(), NodeError> {
        if self.log.size() < base {
            let log = Log::open_at(FolderTiles::new(&self.tiles), base);
            self.log = log.map_err(|error| lost(base, &error.to_string()))?;
            self.base = base;
        }
        match self.log.root_at(base) {
            Ok(found) if found == root => Ok(()),
            Ok(_) => Err(lost(base, "they do not have the root that the journal names")),
            Err(error) => Err(lost(base, &error.to_string())),
        }
    }

    /// Tells the queue of the entries that are in settled tiles alone. One that does not read is named and left out: its hash
    /// is in the tiles, so that the ledger goes on.
    pub(crate) fn tell_settled(&self, own: LedgerId, queue: &Queue) -> Result<(), NodeError> {
        // Nobody looks for an own entry in the journal.
        let nowhere = Location { segment: 0, offset: 0, len: 0 };
        for bundle in 0..self.base / TILE_WIDTH as u64 {
            let entries = self.log.bundle(bundle).unwrap_or_else(|error| {
                tracing::error!(%error, "ALARM: a bundle of the ledger does not read; put it back from a copy of the ledger");
                Vec::new()
            });
            let mut changes = Changes::new();
            for (index, entry) in (bundle * TILE_WIDTH as u64..).zip(entries) {
                match entry {
                    Some(bytes) => own_entry(&mut changes, own, index, &bytes, nowhere)?,
                    None => tracing::error!(
                        index,
                        "ALARM: this entry of the ledger is damaged; only its hash is left"
                    ),
                }
            }
            queue.write(changes)?;
        }
        Ok(())
    }

    fn old_size(&self) -> u64 {
        self.old.as_ref().map_or(0, Log::size)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), NodeError> {
        let appended = self.log.append(bytes).and_then(|_| {
            if self.log.size().is_multiple_of(STORE_STEP) { self.log.store_full_tiles() } else { Ok(()) }
        });
        appended.map_err(crate::keeper::KeeperError::from).map_err(NodeError::Ledger)
    }
}

/// Takes in all submissions of this ledger: where the journal is damaged, what was decided beside some of them may be lost.
pub(crate) fn recall_submissions(node: &mut Node, ledger: &Ledger) {
    let log = &ledger.log;
    for first in (0..log.size()).step_by(TILE_WIDTH) {
        let rest = first..log.size().min(first + TILE_WIDTH as u64);
        // What is not stored yet is read one by one; what does not read was named.
        let one_by_one = || rest.map(|index| log.entry(index).ok()).collect();
        let entries: Vec<Option<Vec<u8>>> =
            log.bundle(first / TILE_WIDTH as u64).unwrap_or_else(|_| one_by_one());
        for bytes in entries.into_iter().flatten() {
            if let Ok(Entry { event: Event::SubmissionAcceptance { id, to, .. }, .. }) =
                Entry::from_bytes(&bytes)
            {
                node.recall_submission(id, &to);
            }
        }
    }
}

/// Takes facts in, as the journal holds them.
pub(crate) fn take_in(node: &mut Node, ledger: &mut Ledger, facts: &[Fact]) -> Result<(), NodeError> {
    for fact in facts {
        match fact {
            Fact::Condensed(Condensed::Begin { base, root, .. }) => ledger.begin_at(*base, *root)?,
            Fact::Condensed(Condensed::Entered { index, bytes }) => {
                enter(node, ledger, *index, bytes)?;
            }
            // A segment that recovery was rewriting when it was stopped may be read twice.
            Fact::Entered(Entered { index, bytes, .. }) if !enter(node, ledger, *index, bytes)? => continue,
            _ => {}
        }
        node.recall(fact);
    }
    Ok(())
}

/// Enters what the journal holds, unless it was entered before; says whether it did.
fn enter(node: &mut Node, ledger: &mut Ledger, index: u64, bytes: &[u8]) -> Result<bool, NodeError> {
    if index < ledger.log.size() {
        return Ok(false);
    }
    fill_gap(node, ledger, index)?;
    if index != ledger.log.size() {
        return Err(NodeError::Data(format!(
            "entries {} to {} of the ledger are lost: neither journal nor tiles have them",
            ledger.log.size(),
            index
        )));
    }
    check_against_tiles(ledger, index, bytes)?;
    ledger.append(bytes)?;
    Ok(true)
}

fn lost(base: u64, why: &str) -> NodeError {
    NodeError::Data(format!(
        "the first {base} entries of the ledger are in its tiles alone, and those are damaged ({why}); put the folder `ledger` \
         back from a copy: any copy of it will do that has so many entries"
    ))
}

/// Entries that the journal lost to damage are taken from the published tiles. What was decided beside them is lost with
/// the record, which the alarm says.
pub(crate) fn fill_gap(node: &mut Node, ledger: &mut Ledger, until: u64) -> Result<(), NodeError> {
    let end = until.min(ledger.old_size());
    while ledger.log.size() < end {
        let index = ledger.log.size();
        let entry = ledger.old.as_ref().and_then(|old| old.entry(index).ok());
        let Some(bytes) = entry else { break };
        tracing::error!(
            index,
            "ALARM: the journal lost the record of this ledger entry; the entry is taken from the tiles"
        );
        ledger.append(&bytes)?;
        ledger.filled += 1;
        node.recall(&Fact::Condensed(Condensed::Entered { index, bytes }));
    }
    Ok(())
}

/// Journal and published tiles must tell one history.
fn check_against_tiles(ledger: &Ledger, index: u64, bytes: &[u8]) -> Result<(), NodeError> {
    let Some(old) = ledger.old.as_ref().filter(|old| index < old.size()) else { return Ok(()) };
    match old.leaf(index) {
        Ok(leaf) if leaf == merkle::leaf_hash(bytes) => Ok(()),
        Ok(_) => Err(NodeError::Data(format!(
            "journal and ledger tell two histories at entry {}; restore the data folder from one moment",
            index
        ))),
        Err(error) => {
            tracing::error!(index, %error, "ALARM: a tile does not read; it is written anew from the journal");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use std::sync::Arc;
    use yizhan_document::{Classification, EnvelopeId, Urgency, WallTime};
    use yizhan_exchange::{Answer, Effect, Event as Happened, Now, Profile};
    use yizhan_hierarchy::{Directory, NetworkPlan, TrustAnchor};

    fn submission(counter: u64) -> Entry {
        let event = Event::SubmissionAcceptance {
            id: EnvelopeId { counter, ..id() },
            envelope: Digest::of(b"header"),
            manifest: Digest::of(b"manifest"),
            to: vec!["65".parse().unwrap()],
            urgency: Urgency::Normal,
            deadline: WallTime::EPOCH,
            size: 1,
            directory: 1,
        };
        Entry { time: WallTime::EPOCH, event }
    }

    fn id() -> EnvelopeId {
        "652301.0.0".parse().unwrap()
    }

    #[test]
    fn what_the_ledger_shows_as_given_out_is_not_given_again_though_the_journal_lost_it() {
        let folder = tempfile::tempdir().unwrap();
        let wall = "2026-11-20T08:00:00Z".parse().unwrap();
        let plan = NetworkPlan { base_port: 0, ..NetworkPlan::demo() };
        crate::network::create_network(&plan, &folder.path().join("net"), wall).unwrap();
        let config = crate::Config::load(&folder.path().join("net/nodes/652301/node.toml")).unwrap();
        let authorities = config.directory.authorities.iter().map(String::as_str);
        let anchor = TrustAnchor::from_vkeys(authorities, config.directory.threshold).unwrap();
        let directory = Directory::load(&config.directory.folder, &anchor, wall).unwrap();
        let profile = Profile {
            network: directory.network.clone(),
            ledger: id().ledger(),
            max_classification: Classification::Internal,
            previous: Vec::new(),
        };
        let mut node = Node::new(profile, Arc::new(directory));
        // More than are in a tile: some are read from disk, some are not there yet.
        let mut ledger = Ledger::open(&folder.path().join("ledger"), false).unwrap();
        for counter in 0..300 {
            ledger.append(&submission(counter).to_bytes().unwrap()).unwrap();
        }
        ledger.log.store_full_tiles().unwrap();
        recall_submissions(&mut node, &ledger);
        let now = Now { wall, uptime: 0 };
        node.start(now);
        let (request, to) = (1, vec!["65".parse().unwrap()]);
        let asked = Happened::Submitting { request, to, classification: Classification::Unclassified };
        let answer = Answer::Reserved { id: EnvelopeId { counter: 300, ..id() }, numbers: vec![300] };
        assert!(node.handle(now, asked).contains(&Effect::Answer { request, answer }));
    }
}
