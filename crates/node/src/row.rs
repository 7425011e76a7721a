//! Inputs that come together are decided together: one batch for the journal, one hand-over to its thread, one time for the
//! rules to see what is due.

use crate::daemon::Daemon;
use crate::fault::NodeError;
use yizhan_exchange::Event;

/// Facts of one batch, at the most, before it is concluded.
const ROW_FACTS_MAX: usize = 4096;
/// What entries of one batch take, in bytes, at the most; facts say the same once or twice more, and a record of the journal
/// has a limit (16 MiB).
const ROW_ENTRY_BYTES_MAX: usize = 1024 * 1024;
/// What is stored beside them, in bytes, at the most: half of what the journal syncs at once.
const ROW_STAGED_BYTES_MAX: usize = yizhan_spool::limits::GROUP_BYTES_MAX / 2;

/// What was taken in and not concluded.
#[derive(Default)]
pub(crate) struct Row {
    is_open: bool,
    /// What came with it, in bytes; some of it may not be kept.
    staged_bytes: usize,
}

impl Daemon {
    /// Lets the rules handle an event by itself, after what came before it, and does what they say.
    pub(crate) fn handle(&mut self, event: Event) -> Result<(), NodeError> {
        self.conclude()?;
        let effects = self.node.handle(self.shared.clock.now(), event);
        self.perform(effects)
    }

    /// Lets the rules take an event in; what they say is done at [`Daemon::conclude`], with all that came with it.
    pub(crate) fn take_in(&mut self, event: Event) -> Result<(), NodeError> {
        self.row.is_open = true;
        self.row.staged_bytes += event.staged().map_or(0, |staged| self.stage.bytes_of(staged));
        self.node.take_in(self.shared.clock.now(), event);
        let taken = self.node.taken_in();
        let is_heavy = taken.facts >= ROW_FACTS_MAX
            || taken.entry_bytes >= ROW_ENTRY_BYTES_MAX
            || self.row.staged_bytes >= ROW_STAGED_BYTES_MAX;
        if is_heavy { self.conclude() } else { Ok(()) }
    }

    /// Does what the rules say of everything that was taken in.
    pub(crate) fn conclude(&mut self) -> Result<(), NodeError> {
        if !std::mem::take(&mut self.row).is_open {
            return Ok(());
        }
        let effects = self.node.conclude(self.shared.clock.now());
        self.perform(effects)
    }
}
