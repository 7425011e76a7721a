//! Recovery: the code that runs at every start. Journal and ledger are read, rules and indexes made anew from them.

use crate::fault::NodeError;
use crate::index::{Steps, changes_of};
use crate::relog::{Ledger, fill_gap, recall_submissions, take_in};
use ring::rand::SecureRandom;
use std::path::Path;
use std::sync::Arc;
use yizhan_document::{IntervalSet, LedgerId};
use yizhan_exchange::{KeptSegment, Node, Profile};
use yizhan_hierarchy::Directory;
use yizhan_identity::NoteVerifier;
use yizhan_journal::{
    Copied, Copies, Damage, Journal, JournalOptions, Location, Record, RecordError, RecoveryReport,
};
use yizhan_ledger::tiles::{CHECKPOINT_PATH, FolderTiles};
use yizhan_ledger::{Log, SignedCheckpoint, verify_ledger};
use yizhan_spool::{Note, Quarantine, Queue, QueueError, RealFolder, Trust};

/// Damaged bytes copied to quarantine, at the most, for one place.
const DAMAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a start has to go on with.
pub(crate) struct Recovered {
    pub(crate) node: Node,
    /// Holdings whose content the journal does not have any more.
    pub(crate) lost: Vec<u64>,
    pub(crate) log: Log,
    pub(crate) journal: Journal<RealFolder>,
    pub(crate) queue: Queue,
    /// Nothing that the journal held was harmed or is missing.
    pub(crate) whole: bool,
}

/// Reads a data folder. Damage is named, put into quarantine and gone around; nothing is deleted.
pub(crate) fn recover(
    data: &Path,
    profile: Profile,
    directory: &Arc<Directory>,
    quarantine: &Quarantine,
    key: &NoteVerifier,
) -> Result<Recovered, NodeError> {
    let tiles = data.join("ledger");
    let published = published_size(&tiles, key);
    let sound = look_at_tiles(&tiles, quarantine)?;
    let read = |queue: Option<&Queue>, copies: Copies| {
        replay(data, profile.clone(), directory, &tiles, (sound, published), queue, copies)
    };
    let mut found = read(None, Copies::default())?;
    while let Some(harmed) = found.harmed_copy() {
        tracing::error!(
            segment = harmed.segment,
            "ALARM: the copy of the journal that begins here is damaged; what it was made of is there and counts in its place"
        );
        let copies = found.copies.without_last();
        drop(found);
        found = read(None, copies)?;
    }
    put_aside(data, &found.journal, &found.report, quarantine)?;
    let mut position = found.journal.position();
    // A queue that knows places in a copy which does not count is believed at no position: of several places the last counts. Nor
    // one that need not know all of a copy whose originals go now.
    let tidy = found.copies.whole().is_none_or(|copied| found.journal.is_reclaimed(copied));
    if !found.copies.passed_over().is_empty() || !tidy {
        position.journal = 0;
    }
    let (queue, trust) = Queue::open(&data.join("queue"), position, quarantine)?;
    let mut found = match trust {
        Trust::Believed => found,
        trust => {
            tracing::info!(?trust, records = found.report.records, "the queue is made anew from the journal");
            let copies = found.copies.again();
            drop(found);
            read(Some(&queue), copies)?
        }
    };
    if !sound {
        remove_partial_tiles(&tiles)?;
    }
    let missing = found.let_go()?;
    let Replay { node, log, journal, report, contents, filled, unread, .. } = found;
    for kept in &missing {
        tracing::error!(
            segment = kept.number,
            bytes = kept.bytes,
            "ALARM: this segment of the journal is gone or shorter than it was; what it held is lost here"
        );
    }
    tracing::info!(records = report.records, entries = log.size(), unclean = report.unclean, "recovered");
    let lost: Vec<u64> =
        node.state().holdings().keys().copied().filter(|holding| !contents.contains(*holding)).collect();
    for holding in &lost {
        tracing::error!(
            holding,
            "ALARM: the journal lost the content of this holding; its units are lost here"
        );
    }
    let whole =
        report.damaged.is_empty() && missing.is_empty() && lost.is_empty() && filled == 0 && unread == 0;
    Ok(Recovered { node, lost, log, journal, queue, whole })
}

struct Replay {
    node: Node,
    log: Log,
    journal: Journal<RealFolder>,
    report: RecoveryReport,
    /// Holdings whose content is in the journal.
    contents: IntervalSet,
    /// The copies of everything needed that stand in the journal.
    copies: Copies,
    /// Entries that only the tiles had.
    filled: u64,
    /// Records that do not read though their checksums fit.
    unread: u64,
}

impl Replay {
    /// The last whole copy, if it is damaged and everything that it was made of is there and sound.
    fn harmed_copy(&self) -> Option<&Copied> {
        let harmed = |copied: &&Copied| {
            self.journal.is_harmed(copied, &self.report) && self.journal.has_originals(copied, &self.report)
        };
        self.copies.whole().filter(harmed)
    }

    /// A stop may have come between the end of the copy and the going of its originals. The queue knows where the copy lies.
    /// Returns kept segments that are not whole.
    fn let_go(&mut self) -> Result<Vec<KeptSegment>, NodeError> {
        self.copies.passed_over().iter().for_each(|copied| self.journal.pass_over(copied));
        let Some(copied) = self.copies.whole() else { return Ok(Vec::new()) };
        if self.journal.is_harmed(copied, &self.report) {
            tracing::error!(
                segment = copied.segment,
                "ALARM: the copy of the journal that begins here is damaged, and what it was made of is not whole; both stay"
            );
            return Ok(Vec::new());
        }
        Ok(self.journal.reclaim(copied)?)
    }
}

/// Reads the whole journal once.
fn replay(
    data: &Path,
    profile: Profile,
    directory: &Arc<Directory>,
    tiles: &Path,
    (sound, published): (bool, u64),
    queue: Option<&Queue>,
    mut copies: Copies,
) -> Result<Replay, NodeError> {
    let path = data.join("journal");
    let folder =
        RealFolder::open(&path).map_err(|source| NodeError::Folder { path: path.clone(), source })?;
    let own = profile.ledger;
    let mut node = Node::new(profile, Arc::clone(directory));
    let mut ledger = Ledger::open(tiles, sound)?;
    let (mut failed, mut unread) = (None, 0);
    let mut contents = IntervalSet::new();
    let mut visit = |at: Location, kind: u8, payload: &[u8]| {
        let record = match Record::decode(kind, payload) {
            Ok(record) => record,
            Err(error @ RecordError::Kind(_)) => return Err(error.into()),
            Err(error) => {
                tracing::error!(segment = at.segment, offset = at.offset, %error, "ALARM: a journal record does not read");
                unread += 1;
                return Ok(());
            }
        };
        if let Some(queue) = queue
            && let Err(error) = tell(queue, own, &record, at)
        {
            failed = Some(NodeError::from(error));
            return Err("the queue cannot be made anew".into());
        }
        if let Record::Envelope(envelope) = &record {
            contents.insert(envelope.holding);
        }
        if let Record::Facts(mut facts) = record {
            facts.retain(|fact| copies.see(fact, at.segment));
            if let Err(error) = take_in(&mut node, &mut ledger, &facts) {
                failed = Some(error);
                return Err("the ledger cannot be continued".into());
            }
        }
        Ok(())
    };
    let opened = Journal::open(folder, JournalOptions::new(random()?), &mut visit);
    if let Some(error) = failed {
        return Err(error);
    }
    let (journal, report) = opened?;
    // Whatever state the tiles are in: a ledger that was published is never begun anew.
    if report.fresh && tiles.join("tile").exists() {
        let reason = "there is a ledger but no journal: the journal was lost or the folder was copied in part; \
                      restore it, or the node would tell a second history";
        return Err(NodeError::Data(reason.to_owned()));
    }
    fill_gap(&mut node, &mut ledger, u64::MAX)?;
    if !report.damaged.is_empty() || unread > 0 || ledger.filled > 0 {
        recall_submissions(&mut node, &ledger);
    }
    check_size(&ledger, published)?;
    if let Some(queue) = queue {
        ledger.tell_settled(own, queue)?;
    }
    node.recalled();
    let filled = ledger.filled;
    let mut log = ledger.log;
    log.store_full_tiles().map_err(crate::keeper::KeeperError::from).map_err(NodeError::Ledger)?;
    Ok(Replay { node, log, journal, report, contents, copies, filled, unread })
}

/// What was published is there, or the node would tell a second history.
fn check_size(ledger: &Ledger, published: u64) -> Result<(), NodeError> {
    let size = ledger.log.size();
    if size >= published {
        return Ok(());
    }
    Err(NodeError::Data(format!(
        "the published ledger has {published} entries, journal and sound tiles give {size}: a part of the folder was lost or \
         put back; restore it from one moment, or the node would tell a second history"
    )))
}

/// Tells the queue of a record.
fn tell(queue: &Queue, own: LedgerId, record: &Record, at: Location) -> Result<(), QueueError> {
    let mut write = |changes| queue.write(changes);
    let mut steps = Steps::new(&mut write);
    changes_of(&mut steps, own, record, at)?;
    steps.end()
}

/// How many entries the published checkpoint speaks of, whatever the tiles beside it look like. What this node did not sign
/// is damage, and says nothing.
fn published_size(tiles: &Path, key: &NoteVerifier) -> u64 {
    let note = std::fs::read(tiles.join(CHECKPOINT_PATH)).unwrap_or_default();
    SignedCheckpoint::verify(&note, key).map_or(0, |signed| signed.checkpoint().size)
}

/// Verifies the published ledger. Files that are not what they should be are copied to quarantine; they are written anew
/// from the journal.
fn look_at_tiles(tiles: &Path, quarantine: &Quarantine) -> Result<bool, NodeError> {
    if !tiles.join("checkpoint").exists() {
        return Ok(false);
    }
    let mut problems = Vec::new();
    verify_ledger(&FolderTiles::new(tiles), &[], &mut |problem| problems.push(problem));
    for problem in &problems {
        tracing::error!(%problem, "ALARM: the published ledger is damaged; what the journal holds of it is written anew");
        // A problem names its file first, and the one it was compared with after it: either may be the damaged one.
        let text = problem.to_string();
        let named = text.split([':', ' ']).enumerate();
        for (_, file) in named.filter(|(place, word)| *place == 0 || word.starts_with("tile/")) {
            let Ok(bytes) = std::fs::read(tiles.join(file)) else { continue };
            let note = Note { what: "ledger file".to_owned(), found_at: file.to_owned(), why: text.clone() };
            quarantine.copy_in(&file.replace('/', "-"), &bytes, &note)?;
            // Partial tiles of earlier checkpoints are never written again: left here, they would stay damaged. Those of the
            // present one are written with the first publication.
            if file.contains(".p/")
                && let Err(error) = std::fs::remove_file(tiles.join(file))
            {
                tracing::error!(%error, file, "a damaged file of the ledger could not be removed");
            }
        }
    }
    Ok(problems.is_empty())
}

/// Removes the partial tiles of a ledger that was not believed, once the journal has given all of it: nothing else would. The
/// ones that are needed are written with the first publication; those of earlier checkpoints are never written again, and where
/// `checkpoint` does not read, nobody has looked at them.
fn remove_partial_tiles(tiles: &Path) -> Result<(), NodeError> {
    let mut folders = vec![tiles.join("tile")];
    while let Some(folder) = folders.pop() {
        let failed = |source| NodeError::Folder { path: folder.clone(), source };
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(error)),
        };
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "p") {
                std::fs::remove_dir_all(&path).map_err(failed)?;
            } else if path.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok(())
}

/// Names what recovery found and puts the bytes aside.
fn put_aside(
    data: &Path,
    journal: &Journal<RealFolder>,
    report: &RecoveryReport,
    quarantine: &Quarantine,
) -> Result<(), NodeError> {
    if let Some(torn) = &report.torn_tail {
        tracing::warn!(
            segment = torn.segment,
            offset = torn.offset,
            "the last batch was never finished; nothing was promised for it"
        );
    }
    for name in &report.torn_files {
        let found_at = name.clone();
        let why = "an unfinished last batch; nothing was promised for it".to_owned();
        let note = Note { what: "torn tail".to_owned(), found_at, why };
        quarantine.move_in(&data.join("journal").join(name), &note)?;
    }
    for Damage { segment, offset, len, reason, .. } in &report.damaged {
        tracing::error!(segment, offset, len, %reason, "ALARM: the journal is damaged here; the rest goes on");
        let len = usize::try_from(*len).unwrap_or(usize::MAX).min(DAMAGE_BYTES_MAX);
        if len > 0 {
            let bytes = journal.raw(*segment, *offset, len)?;
            let found_at = format!("journal segment {segment}, byte {offset}");
            let note = Note { what: "journal record".to_owned(), found_at, why: reason.to_string() };
            quarantine.copy_in(&format!("journal-{segment}-{offset}"), &bytes, &note)?;
        }
    }
    Ok(())
}

fn random() -> Result<u64, NodeError> {
    let mut bytes = [0; 8];
    let filled = ring::rand::SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| NodeError::Random)?;
    Ok(u64::from_be_bytes(bytes))
}

#[cfg(test)]
#[path = "recovery_tests.rs"]
mod tests;
