//! A process begins: the journal is opened, every record read, the rules recall their facts in order. The same code after
//! a clean stop and after a crash.

use super::{Commits, Counter, Process, RoomKnown, Station, Store};
use crate::ledger::Ledger;
use crate::limits::SEGMENT_BYTES;
use crate::outside::Outside;
use std::collections::BTreeMap;
use std::sync::Arc;
use yizhan_document::{Classification, Digest};
use yizhan_exchange::{Condensed, Fact, Node, Profile, Source};
use yizhan_journal::{Copies, Journal, JournalOptions, Record, StoredEnvelope};

/// What the records say.
struct Recalled {
    core: Node,
    ledger: Ledger,
    contents: BTreeMap<u64, Arc<StoredEnvelope>>,
    attachments: BTreeMap<u64, Vec<u8>>,
    keys: BTreeMap<Digest, u64>,
}

impl Station {
    /// Starts the node from what its disk holds. Words of an earlier process must still be true, or a check fails.
    pub(crate) fn start(&mut self, out: &mut Outside) -> Result<(), String> {
        self.life += 1;
        let id = self.ledger;
        let network = out.directory.network.clone();
        let max_classification = Classification::Unclassified;
        let previous = self.previous.clone();
        let profile = Profile { network: network.clone(), ledger: id, max_classification, previous };
        let mut recalled = Recalled {
            core: Node::new(profile, Arc::clone(&self.directory)),
            ledger: Ledger::new(&network, id).map_err(|error| error.to_string())?,
            contents: BTreeMap::new(),
            attachments: BTreeMap::new(),
            keys: BTreeMap::new(),
        };
        let unreadable = &self.store.unreadable;
        let records = &mut out.checks.no_word_before_disk.recovery_begins(self.node);
        let mut copies = Copies::default();
        let mut visit = |location: yizhan_journal::Location, kind: u8, payload: &[u8]| {
            let record = Record::decode(kind, payload)?;
            if let Record::Facts(facts) = &record {
                // A copy that is harmed would be passed over; here that is a fault, and ends the start.
                facts.iter().for_each(|fact| _ = copies.see(fact, location.segment));
            }
            records.found(&record, location.segment, location.offset);
            recalled.take(record, unreadable)?;
            Ok(())
        };
        // Short, so that copies leave some as they are.
        let options =
            JournalOptions { segment_bytes: SEGMENT_BYTES, ..JournalOptions::new(self.random.number()) };
        let (mut journal, report) =
            Journal::open(self.folder.clone(), options, &mut visit).map_err(|error| error.to_string())?;
        if !report.damaged.is_empty() {
            return Err(format!("the journal is damaged although nobody damaged it: {:?}", report.damaged));
        }
        if let Some(copied) = copies.whole() {
            let missing = journal.reclaim(copied).map_err(|error| error.to_string())?;
            if !missing.is_empty() {
                return Err(format!("kept segments are missing although nobody removed them: {missing:?}"));
            }
        }
        recalled.ledger.seal();
        recalled.core.set_quota(self.quota);
        let Recalled { core, ledger, contents, attachments, keys } = recalled;
        self.process = Some(Process {
            node: self.node,
            life: self.life,
            core,
            condensed_bytes: journal.bytes(),
            journal,
            folder: self.folder.clone(),
            ledger,
            store: std::mem::take(&mut self.store),
            contents,
            attachments,
            stage: BTreeMap::new(),
            next_staged: 0,
            counter: Counter::new(keys),
            commits: Commits::default(),
            connected: BTreeMap::new(),
            cosigned_by: BTreeMap::new(),
            shown_to: BTreeMap::new(),
            following: BTreeMap::new(),
            asking: BTreeMap::new(),
            lanes: BTreeMap::new(),
            fetching: BTreeMap::new(),
            streams: BTreeMap::new(),
            started_at: out.now,
            skew_ms: self.off_ms(),
            room: RoomKnown::default(),
            wake_at: None,
            row: false,
            show_at: None,
            random: self.random.fork(),
        });
        let (node, life) = (self.node, self.life);
        out.note(|| format!("{node}: starts, life {life}, {} records", report.records));
        self.begin(out);
        Ok(())
    }

    fn begin(&mut self, out: &mut Outside) {
        let Some(process) = &mut self.process else { return };
        if !out.distrusted.contains(&process.node) {
            let lost = out.checks.no_word_before_disk.recovered(process.node, &process.ledger);
            lost.into_iter().for_each(|what| out.fail("no_word_before_disk", what));
            let shrunk = out.checks.ledgers_never_fork.recovered(process.node, &process.ledger);
            shrunk.into_iter().for_each(|what| out.fail("ledgers_never_fork", what));
        }
        let effects = process.core.start(process.now(out));
        process.perform(out, effects);
        process.plan_wake(out);
        process.look_later(out);
    }

    /// What lasts besides the journal, as it is now.
    pub(crate) fn store(&self) -> &Store {
        self.process.as_ref().map_or(&self.store, |process| &process.store)
    }

    /// The process ends at once. With `power`, so does the machine: what was not synced may be gone.
    pub(crate) fn stop(&mut self, power: bool) -> Option<Process> {
        let mut process = self.process.take()?;
        self.store = std::mem::take(&mut process.store);
        if power {
            self.folder.power_cut(&mut self.random);
            self.store.bodies.power_cut(&mut self.random);
        }
        Some(process)
    }
}

impl Recalled {
    fn take(&mut self, record: Record, unreadable: &std::collections::BTreeSet<u64>) -> Result<(), String> {
        match record {
            Record::Facts(facts) => {
                for fact in &facts {
                    match fact {
                        Fact::Entered(entered) => self.ledger.append(entered.index, &entered.bytes)?,
                        // After the original, where that is still there.
                        Fact::Condensed(Condensed::Entered { index, bytes })
                            if self.ledger.entry(*index).is_none() =>
                        {
                            self.ledger.append(*index, bytes)?;
                        }
                        Fact::Condensed(Condensed::Key { key, index }) => {
                            self.keys.insert(key.key, *index);
                        }
                        Fact::Accepted(accepted) if accepted.source == Source::Office => {
                            self.keys.extend(accepted.key.map(|key| (key.key, accepted.at.index)));
                        }
                        _ => {}
                    }
                    self.core.recall(fact);
                }
            }
            Record::Envelope(envelope) => {
                if !unreadable.contains(&envelope.holding) {
                    self.contents.insert(envelope.holding, Arc::from(envelope));
                }
            }
            Record::Receipts(_) => {}
            Record::Attachment(attachment) => {
                self.attachments.insert(attachment.index, attachment.bytes);
            }
        }
        Ok(())
    }
}

impl Store {
    /// Whether a fault made the content of a holding unreadable.
    pub(crate) fn is_unreadable(&self, holding: u64) -> bool {
        self.unreadable.contains(&holding)
    }
}
