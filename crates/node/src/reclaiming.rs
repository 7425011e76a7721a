//! Letting the journal go of what is settled: when, and in which steps.

use crate::config::Config;
use crate::daemon::Daemon;
use crate::fault::NodeError;
use crate::index::{Steps, receipt_changes};
use crate::input::Input;
use crate::shared::Shared;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use yizhan_exchange::Room;
use yizhan_journal::{Condensation, CondenseError, Location, Owner};
use yizhan_ledger::tiles::FolderTiles;
use yizhan_ledger::{LogError, Settlement};
use yizhan_spool::{Changes, Commit, QueueError};

/// How long nothing may have been decided before the journal is reclaimed for less, in milliseconds: nobody waits then.
const QUIET_MS: u64 = 10_000;

/// Of `reclaim_bytes`, so large a part is enough then,
const QUIET_SHARE: u64 = 8;

/// and so large a part of the whole journal.
const QUIET_GROWTH: u64 = 25;

/// Kept segments of which fewer percent live are written anew where nobody waits,
const LIVING_PERCENT_QUIET: u8 = 96;

/// and where somebody does: what is copied for it is never more than what goes.
const LIVING_PERCENT: u8 = 50;

/// How often it is tried where the disk has little room, in milliseconds,
const TIGHT_MS: u64 = 60_000;

/// and where the journal is longer than it was after the last time by more than this.
const TIGHT_GROWTH_BYTES: u64 = 1024 * 1024;

/// What the committer tells the event loop.
#[derive(Debug)]
pub(crate) enum Told {
    /// What became of a group, or of the journal.
    Commit(Commit),
    /// Records have new places; or the queue can not be told of them.
    Carried(Result<Carried, QueueError>),
}

/// New places of records, in the form in which the index takes them.
#[derive(Debug, Default)]
pub(crate) struct Carried {
    holdings: Vec<(u64, Location)>,
    others: Vec<Changes>,
}

/// How far the reclaiming has come.
#[derive(Default)]
pub(crate) struct Reclaiming {
    under_way: bool,
    /// The journal is left alone up to this many bytes,
    until: u64,
    /// or up to so many where nothing has been decided for a while,
    quiet_until: u64,
    /// as it was last at this uptime.
    decided_at: u64,
    /// When it was begun last, by uptime.
    tried_at: u64,
    /// How long the journal was when old segments went last, in bytes.
    tidy: u64,
    /// What is under way goes by this.
    living_percent: u8,
    /// Holdings that were let go meanwhile: their content may have been carried all the same.
    released: BTreeSet<u64>,
}

impl Told {
    /// On the thread of the journal, so that the contents of records never wait for the event loop.
    pub(crate) fn of(outcome: Commit) -> Self {
        match outcome {
            Commit::Carried(records) => Self::Carried(Carried::of(&records)),
            other => Self::Commit(other),
        }
    }
}

impl Carried {
    fn of(records: &[(Owner, Location)]) -> Result<Self, QueueError> {
        let (mut holdings, mut others) = (Vec::new(), Vec::new());
        let mut lay_up = |changes| {
            others.push(changes);
            Ok(())
        };
        let mut steps = Steps::new(&mut lay_up);
        for (owner, at) in records {
            match owner {
                Owner::Holding(holding) => holdings.push((*holding, *at)),
                Owner::Receipts(bundle) => receipt_changes(&mut steps, bundle, *at)?,
                Owner::Attachment(index) => steps.put(|changes| changes.put_attachment(*index, *at))?,
            }
        }
        steps.end()?;
        Ok(Self { holdings, others })
    }
}

impl Reclaiming {
    /// At a start, with a journal of which so many bytes are in kept segments. What a busy node left there, or a stop interrupted, is
    /// tidied up as soon as nobody waits.
    pub(crate) fn beginning(kept: u64, config: &Config) -> Self {
        let least = config.journal.reclaim_bytes;
        Self { until: kept.saturating_add(least), quiet_until: least / QUIET_SHARE, ..Self::default() }
    }

    /// Whether a journal of so many bytes is to be reclaimed now, and then kept segments of which fewer percent live are to be
    /// written anew. `is_tight`: the disk has little room.
    fn due(&self, bytes: u64, now: u64, least: u64, is_tight: bool) -> Option<u8> {
        if self.under_way {
            return None;
        }
        let until = self.until.max(least);
        let (until, living_percent) = match now >= self.decided_at + QUIET_MS {
            // A twenty-fifth of a long journal may be more than what is enough at any time.
            true => (self.quiet_until.min(until), LIVING_PERCENT_QUIET),
            false => (until, LIVING_PERCENT),
        };
        // Where little is taken the journal hardly grows: what may go by now is looked for again and again.
        let again = now >= self.tried_at + TIGHT_MS && bytes > self.tidy.saturating_add(TIGHT_GROWTH_BYTES);
        (bytes > until || is_tight && again).then_some(living_percent)
    }

    /// The content of a holding is no longer needed.
    pub(crate) fn released(&mut self, holding: u64) {
        if self.under_way {
            self.released.insert(holding);
        }
    }

    /// Tells the index where records lie now. What cannot be told ends the node: the originals would go, and the index would
    /// point to where they were. The next start makes it anew.
    pub(crate) fn heed(
        &self,
        shared: &Shared,
        carried: Result<Carried, QueueError>,
    ) -> Result<(), QueueError> {
        let Carried { holdings, others } = carried?;
        others.into_iter().for_each(|changes| shared.index.write(changes));
        let mut write = |changes| {
            shared.index.write(changes);
            Ok(())
        };
        let mut steps = Steps::new(&mut write);
        for (holding, at) in holdings.iter().filter(|(holding, _)| !self.released.contains(holding)) {
            steps.put(|changes| changes.put_holding(*holding, *at))?;
        }
        steps.end()
    }
}

impl Daemon {
    /// How long the journal is after something was decided.
    pub(crate) fn journal_is(&mut self, bytes: u64) {
        self.reclaiming.decided_at = self.shared.clock.uptime_ms();
        self.shared.journal_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Begins to reclaim where the journal has grown enough: first the ledger's full tiles are made durable, since the
    /// journal then lets go of their entries.
    pub(crate) fn reclaim_if_due(&mut self) -> Result<(), NodeError> {
        let (bytes, now) = (self.shared.journal_bytes.load(Ordering::Relaxed), self.shared.clock.uptime_ms());
        let is_tight = *self.shared.room() != Room::Ample;
        let least = self.shared.config.journal.reclaim_bytes;
        let due = self.reclaiming.due(bytes, now, least, is_tight).filter(|_| !self.journal_full);
        let Some(living_percent) = due else { return Ok(()) };
        self.reclaiming.under_way = true;
        self.reclaiming.tried_at = now;
        self.reclaiming.living_percent = living_percent;
        let settlement = self.shared.keeper().settlement();
        let settlement = match settlement {
            Ok(settlement) => settlement,
            Err(error) => {
                tracing::error!(%error, "ALARM: the ledger does not read; the journal keeps everything");
                self.give_up(bytes);
                return Ok(());
            }
        };
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || {
            let mut tiles = FolderTiles::new(shared.config.data.join("ledger"));
            let settled = settlement.carry_out(&mut tiles).map(|()| settlement);
            // The loop ends only with the node; then nobody waits for this any more.
            shared.inputs.blocking_send(Input::Settled(settled)).unwrap_or_default();
        });
        Ok(())
    }

    /// The tiles are durable: everything that is needed is taken at this one moment, and goes to the journal in order with
    /// the batches.
    pub(crate) fn settled(&mut self, settled: Result<Settlement, LogError>) -> Result<(), NodeError> {
        let settlement = match settled {
            Ok(settlement) => settlement,
            Err(error) => {
                tracing::error!(%error, "ALARM: tiles of the ledger are not durable; the journal keeps everything");
                self.give_up(self.shared.journal_bytes.load(Ordering::Relaxed));
                return Ok(());
            }
        };
        // The copy finds out for itself where nobody knows, and takes back what it wrote.
        let free = yizhan_spool::free_bytes(&self.shared.config.data).unwrap_or(u64::MAX);
        let room = room_for_copy(free, self.shared.config.disk.reserve_bytes);
        // What is known must be in the journal, or on its way there, before the journal says all of it once more.
        self.conclude()?;
        let (base, root) = self.shared.keeper().settled(&settlement).map_err(NodeError::Ledger)?;
        let state = self.node.state();
        let (facts, live) = (state.condensed(base, root), state.live_holdings());
        let living_percent = self.reclaiming.living_percent;
        let what = Condensation { facts, live, base, living_percent, room: Some(room) };
        Ok(self.committer.condense(what)?)
    }

    /// Takes what the committer tells.
    pub(crate) fn told(&mut self, told: Told) -> Result<(), NodeError> {
        match told {
            Told::Carried(carried) => Ok(self.reclaiming.heed(&self.shared, carried)?),
            // All that was carried came before this, and every place of an earlier batch too.
            Told::Commit(Commit::Condensed(copied)) => Ok(self.committer.reclaim(copied)?),
            Told::Commit(Commit::NotCondensed { error, bytes }) => {
                tracing::error!(%error, bytes, "ALARM: the journal cannot be reclaimed; it keeps everything");
                self.give_up(bytes);
                if matches!(error, CondenseError::Journal(error) if error.is_full()) {
                    // There may be room sooner than the journal doubles. What was written was taken back; a try costs time.
                    let more = self.shared.config.journal.reclaim_bytes;
                    self.reclaiming.until = bytes.saturating_add(more);
                    self.reclaiming.quiet_until = bytes.saturating_add(more / QUIET_SHARE);
                }
                Ok(())
            }
            Told::Commit(Commit::Reclaimed { before, after, kept }) => {
                tracing::info!(before, after, kept, "the journal was reclaimed");
                let thorough = self.reclaiming.living_percent == LIVING_PERCENT_QUIET;
                self.give_up(after);
                self.reclaiming.tidy = after;
                let least = self.shared.config.journal.reclaim_bytes;
                // What is not kept is written anew each time: about once for each byte that comes.
                self.reclaiming.until = after.saturating_add(least.max(after.saturating_sub(kept)));
                // What a busy node leaves in kept segments is tidied up as soon as nobody waits any more.
                self.reclaiming.quiet_until =
                    if thorough { quiet_until(after, least) } else { least / QUIET_SHARE };
                Ok(())
            }
            Told::Commit(outcome) => self.committed(outcome),
        }
    }

    /// It is over, for better or worse; the next time comes when the journal is twice as long.
    fn give_up(&mut self, bytes: u64) {
        self.journal_is(bytes);
        let until = bytes.saturating_mul(2);
        let Reclaiming { decided_at, tried_at, tidy, .. } = self.reclaiming;
        self.reclaiming =
            Reclaiming { until, quiet_until: until, decided_at, tried_at, tidy, ..Reclaiming::default() };
    }
}

/// How many bytes a copy may take: what is free above half of the reserve, which is left to receipts, confirmations and all else that is
/// written meanwhile. Where there is less, half of what is free: it is what makes room, and one that does not fit is not begun.
fn room_for_copy(free: u64, reserve: u64) -> u64 {
    free.saturating_sub(reserve / 2).max(free / 2)
}

/// Up to how many bytes a journal that was reclaimed down to `after` is left alone where nobody waits.
fn quiet_until(after: u64, least: u64) -> u64 {
    after.saturating_add(after / QUIET_GROWTH).max(least / QUIET_SHARE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use yizhan_document::{Digest, EnvelopeId, LedgerId};
    use yizhan_ledger::{Entry, Event};
    use yizhan_protocol::limits::PROOF_ENTRIES_MAX;
    use yizhan_protocol::{ProofBundle, ProvenEntry};

    fn proven(index: u64) -> ProvenEntry {
        let id = EnvelopeId { origin: "65".parse().unwrap(), epoch: 0, counter: index };
        let event =
            Event::AcceptanceRejectionExpiry { id, envelope: Digest::of(b"header"), units: Vec::new() };
        let time = "2026-11-20T08:00:00Z".parse().unwrap();
        let entry = Entry { time, event }.to_bytes().unwrap();
        ProvenEntry { index, entry, path: Vec::new(), attachment: Vec::new() }
    }

    #[test]
    fn a_copy_takes_what_is_free_above_half_of_the_reserve_or_half_of_what_is_free() {
        assert_eq!(room_for_copy(1_000, 128), 936);
        assert_eq!(room_for_copy(128, 128), 64);
        assert_eq!([room_for_copy(100, 128), room_for_copy(64, 128), room_for_copy(1, 128)], [50, 32, 0]);
        assert_eq!([room_for_copy(0, 128), room_for_copy(0, 0), room_for_copy(9, 0)], [0, 0, 9]);
    }

    /// A node that takes nothing new does not grow: only this lets it out of that.
    #[test]
    fn with_little_room_a_journal_is_reclaimed_again_and_again_although_it_does_not_grow() {
        const MIB: u64 = 1024 * 1024;
        let (least, bytes) = (256 * MIB, 200 * MIB);
        let refused =
            Reclaiming { until: 2 * bytes, quiet_until: 2 * bytes, tried_at: 5_000, ..Default::default() };
        for (now, is_tight, expected) in [
            (1_000_000, false, None),
            (5_000 + TIGHT_MS - 1, true, None),
            (5_000 + TIGHT_MS, true, Some(LIVING_PERCENT_QUIET)),
        ] {
            assert_eq!(refused.due(bytes, now, least, is_tight), expected, "{now}");
        }
        let tidy = Reclaiming { tidy: bytes - TIGHT_GROWTH_BYTES, ..refused };
        assert_eq!(tidy.due(bytes, 1_000_000, least, true), None, "there is nothing to be had");
        assert_eq!(tidy.due(bytes + 1, 1_000_000, least, true), Some(LIVING_PERCENT_QUIET));
        let under_way = Reclaiming { under_way: true, ..tidy };
        assert_eq!(under_way.due(10 * bytes, 1_000_000, least, true), None);
    }

    #[test]
    fn each_receipt_of_the_largest_bundle_gets_its_new_place() {
        let at = Location { segment: 7, offset: 100, len: 9 };
        let ledger = LedgerId { node: "65".parse().unwrap(), epoch: 0 };
        let entries = (0..PROOF_ENTRIES_MAX as u64).map(proven).collect();
        let bundle = ProofBundle { ledger, checkpoint: Vec::new(), entries };
        let attachments = (0..200).map(|index| (Owner::Attachment(index), at));
        let receipts = (Owner::Receipts(Box::new(bundle)), at);
        let records: Vec<_> = attachments.chain([receipts]).collect();
        let carried = Carried::of(&records).unwrap();
        let told: usize = carried.others.iter().map(Changes::len).sum();
        assert_eq!(told, 200 + PROOF_ENTRIES_MAX);
    }
}
