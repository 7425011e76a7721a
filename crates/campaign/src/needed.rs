//! What a data folder has to hold: retained contents, ledger and received receipts, counted record by record.

use crate::failure::{Doing, Failure};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use yizhan_exchange::{Condensed, Fact};
use yizhan_journal::{Journal, JournalOptions, Location, Record};
use yizhan_spool::RealFolder;

/// The folders of a data folder that hold nothing else than what is needed.
const NEEDED_FOLDERS: [&str; 2] = ["ledger", "bodies"];

/// Counts, in bytes, what is needed of the data folder of a node that has stopped cleanly, right after a reclaim: records of
/// receipts and of attachments to receipts, contents of holdings that the copy of the state names, ledger, large bodies.
pub(crate) fn needed(data: &Path) -> Result<u64, Failure> {
    let mut found = Found::default();
    let folder = RealFolder::open(&data.join("journal")).doing("opening a journal")?;
    let mut visit = |at: Location, kind: u8, payload: &[u8]| {
        found.take(Record::decode(kind, payload)?, u64::from(at.len));
        Ok(())
    };
    Journal::open(folder, JournalOptions::new(0), &mut visit).doing("reading a journal")?;
    let folders = NEEDED_FOLDERS.iter().map(|name| crate::retention::bytes_of(&data.join(name)));
    Ok(found.bytes() + folders.sum::<Result<u64, Failure>>()?)
}

#[derive(Default)]
struct Found {
    contents: BTreeMap<u64, u64>,
    living: BTreeSet<u64>,
    receipts: u64,
}

impl Found {
    fn take(&mut self, record: Record, bytes: u64) {
        match record {
            Record::Envelope(envelope) => {
                self.contents.insert(envelope.holding, bytes);
            }
            Record::Receipts(_) | Record::Attachment(_) => self.receipts += bytes,
            Record::Facts(facts) => facts.iter().for_each(|fact| self.see(fact)),
        }
    }

    fn see(&mut self, fact: &Fact) {
        match fact {
            Fact::Condensed(Condensed::Begin { .. }) => self.living.clear(),
            Fact::Condensed(Condensed::Holding { acceptance, .. }) => {
                self.living.insert(acceptance.at.index);
            }
            Fact::Condensed(Condensed::Inbox(entry)) => {
                self.living.insert(entry.holding);
            }
            _ => {}
        }
    }

    fn bytes(&self) -> u64 {
        let living = self.living.iter().filter_map(|holding| self.contents.get(holding));
        self.receipts + living.sum::<u64>()
    }
}
