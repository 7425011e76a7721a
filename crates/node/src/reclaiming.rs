//! Letting the journal go of what is settled: when, and in which steps.

use crate::config::Config;
use crate::daemon::Daemon;
use crate::fault::NodeError;
use crate::index::receipt_changes;
use crate::input::Input;
use crate::shared::Shared;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use yizhan_journal::{Condensation, CondenseError, Location, Owner};
use yizhan_ledger::tiles::FolderTiles;
use yizhan_ledger::{LogError, Settlement};
use yizhan_spool::{Changes, Commit};

/// Changes handed to the queue at once, roughly.
const CHANGES_STEP: usize = 256;

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

/// What the committer tells the event loop.
#[derive(Debug)]
pub(crate) enum Told {
    /// What became of a group, or of the journal.
    Commit(Commit),
    /// Records have new places.
    Carried(Carried),
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
    fn of(records: &[(Owner, Location)]) -> Self {
        let mut carried = Self::default();
        let mut changes = Changes::new();
        for (owner, at) in records {
            let put = match owner {
                Owner::Holding(holding) => {
                    carried.holdings.push((*holding, *at));
                    Ok(())
                }
                Owner::Receipts(bundle) => receipt_changes(&mut changes, bundle, *at),
                Owner::Attachment(index) => changes.put_attachment(*index, *at),
            };
            if let Err(error) = put {
                tracing::error!(%error, "ALARM: the queue cannot be told where a record lies now");
            }
            if changes.len() > CHANGES_STEP {
                carried.others.push(std::mem::take(&mut changes));
            }
        }
        carried.others.push(changes);
        carried
    }
}

impl Reclaiming {
    /// At a start, with a journal of which so many bytes are in kept segments. What a busy node left there, or a stop interrupted, is
    /// tidied up as soon as nobody waits.
    pub(crate) fn beginning(kept: u64, config: &Config) -> Self {
        let least = config.journal.reclaim_bytes;
        Self { until: kept.saturating_add(least), quiet_until: least / QUIET_SHARE, ..Self::default() }
    }

    /// The content of a holding is no longer needed.
    pub(crate) fn released(&mut self, holding: u64) {
        if self.under_way {
            self.released.insert(holding);
        }
    }

    /// Tells the index where records lie now.
    pub(crate) fn heed(&self, shared: &Shared, carried: Carried) {
        carried.others.into_iter().for_each(|changes| shared.index.write(changes));
        let living = carried.holdings.iter().filter(|(holding, _)| !self.released.contains(holding));
        for some in living.collect::<Vec<_>>().chunks(CHANGES_STEP) {
            let mut changes = Changes::new();
            for (holding, at) in some {
                if let Err(error) = changes.put_holding(*holding, *at) {
                    tracing::error!(%error, "ALARM: the queue cannot be told where a record lies now");
                }
            }
            shared.index.write(changes);
        }
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
        let bytes = self.shared.journal_bytes.load(Ordering::Relaxed);
        let quiet = self.shared.clock.uptime_ms() >= self.reclaiming.decided_at + QUIET_MS;
        let least = self.shared.config.journal.reclaim_bytes;
        let until = self.reclaiming.until.max(least);
        let (until, living_percent) = match quiet {
            // A twenty-fifth of a long journal may be more than what is enough at any time.
            true => (self.reclaiming.quiet_until.min(until), LIVING_PERCENT_QUIET),
            false => (until, LIVING_PERCENT),
        };
        if self.reclaiming.under_way || self.journal_full || bytes <= until {
            return Ok(());
        }
        self.reclaiming.under_way = true;
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
        // What is known must be in the journal, or on its way there, before the journal says all of it once more.
        self.conclude()?;
        let (base, root) = self.shared.keeper().settled(&settlement).map_err(NodeError::Ledger)?;
        let state = self.node.state();
        let (facts, live) = (state.condensed(base, root), state.live_holdings());
        let what = Condensation { facts, live, base, living_percent: self.reclaiming.living_percent };
        Ok(self.committer.condense(what)?)
    }

    /// Takes what the committer tells.
    pub(crate) fn told(&mut self, told: Told) -> Result<(), NodeError> {
        match told {
            Told::Carried(carried) => {
                self.reclaiming.heed(&self.shared, carried);
                Ok(())
            }
            // All that was carried came before this, and every place of an earlier batch too.
            Told::Commit(Commit::Condensed(copied)) => Ok(self.committer.reclaim(copied)?),
            Told::Commit(Commit::NotCondensed { error, bytes }) => {
                tracing::error!(%error, bytes, "ALARM: the journal cannot be reclaimed; it keeps everything");
                self.give_up(bytes);
                if matches!(error, CondenseError::Journal(error) if error.is_full()) {
                    // There may be room sooner than the journal doubles; a half copy for each try is what that costs.
                    let more = self.shared.config.journal.reclaim_bytes;
                    self.reclaiming.until = bytes.saturating_add(more);
                }
                Ok(())
            }
            Told::Commit(Commit::Reclaimed { before, after, kept }) => {
                tracing::info!(before, after, kept, "the journal was reclaimed");
                let thorough = self.reclaiming.living_percent == LIVING_PERCENT_QUIET;
                self.give_up(after);
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
        let (until, decided_at) = (bytes.saturating_mul(2), self.reclaiming.decided_at);
        self.reclaiming = Reclaiming { until, quiet_until: until, decided_at, ..Reclaiming::default() };
    }
}

/// Up to how many bytes a journal that was reclaimed down to `after` is left alone where nobody waits.
fn quiet_until(after: u64, least: u64) -> u64 {
    after.saturating_add(after / QUIET_GROWTH).max(least / QUIET_SHARE)
}
