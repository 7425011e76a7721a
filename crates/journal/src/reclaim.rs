//! Letting segments go that a copy of all that is needed has made unneeded, and a copy that is not as it was written.

use crate::error::{JournalError, disk};
use crate::folder::{FileKind, Folder, file_name};
use crate::journal::{Journal, Segment};
use crate::kept::Copied;
use crate::report::{DamageReason, RecoveryReport};
use yizhan_exchange::KeptSegment;
use yizhan_planted::{Bug, on};

impl<F: Folder> Journal<F> {
    /// Removes all segments that `copied` does not need. The journal first notes, durably, that they are gone on purpose.
    ///
    /// Whoever opens a journal in which a whole copy stands ([`crate::Copies`]) calls this before anything is appended: a stop
    /// may have come before. Returns the segments that the copy needs and that are not there, or not in their whole length.
    pub fn reclaim(&mut self, copied: &Copied) -> Result<Vec<KeptSegment>, JournalError> {
        if self.poisoned {
            return Err(JournalError::Poisoned);
        }
        let segment = copied.segment;
        let Some(copy) = self.segments.iter().find(|found| found.number == segment).copied() else {
            return Err(JournalError::NotReclaimable { segment });
        };
        if self.segments.iter().any(|found| !copied.needs(found.number)) {
            self.note_floor(copy.first)?;
        }
        // The newest first: whatever a crash leaves of them is a history from its beginning on.
        while let Some(at) = self.segments.iter().rposition(|old| !copied.needs(old.number)) {
            let name = file_name(self.segments.remove(at).number, FileKind::Segment);
            self.folder.remove(&name).map_err(|source| {
                self.poisoned = true;
                disk("removing", &name)(source)
            })?;
        }
        self.kept.go_by(copied);
        let is_there = |number: u64| self.segments.iter().any(|found| found.number == number);
        self.passed_over.retain(|(begin, _)| is_there(*begin));
        let whole = |kept: &KeptSegment| {
            self.segments.iter().any(|found| found.number == kept.number && found.bytes == kept.bytes)
        };
        Ok(copied.kept.iter().filter(|kept| !whole(kept)).copied().collect())
    }

    /// Whether everything is gone that a copy does not need.
    pub fn is_reclaimed(&self, copied: &Copied) -> bool {
        self.segments.iter().all(|found| copied.needs(found.number))
    }

    /// Notes, durably, that batches below `floor` may be gone.
    fn note_floor(&mut self, floor: u64) -> Result<(), JournalError> {
        let before = self.floor;
        self.floor = before.max(floor);
        if !on(Bug::ReclaimNotNoted)
            && let Err(error) = self.write_batch(&[], 0, false)
        {
            self.floor = before;
            return Err(error);
        }
        self.sync()
    }

    /// Whether damage lies in a copy while anything of what it was made of is still there: then nothing may go for it. What was
    /// kept for it from before is no part of it; of that there is nothing else.
    pub fn is_harmed(&self, copied: &Copied, report: &RecoveryReport) -> bool {
        let first = self.first_of(copied);
        let originals = |number: u64| number < copied.segment && !copied.keeps(number);
        let harmed = report.damaged.iter().any(|damage| match damage.reason {
            DamageReason::Missing { to, .. } => to >= first,
            _ => (copied.segment..=copied.end).contains(&damage.segment),
        });
        harmed && self.segments.iter().any(|found| originals(found.number)) && !on(Bug::HarmedCopyBelieved)
    }

    /// Whether all that a copy was made of is there and sound. Once a floor says that it goes, some of it may be gone.
    pub fn has_originals(&self, copied: &Copied, report: &RecoveryReport) -> bool {
        let first = self.first_of(copied);
        let harmed = report.damaged.iter().any(|damage| match damage.reason {
            DamageReason::Missing { from, .. } => from < first,
            _ => damage.segment < copied.segment && !copied.keeps(damage.segment),
        });
        self.floor < first && !harmed
    }

    /// From now on a copy counts for nothing: its originals were read in its place. The next copy goes past it, and writes
    /// everything anew, since an index may know contents by the places in this one. Nothing is appended to its segments.
    pub fn pass_over(&mut self, copied: &Copied) {
        self.passed_over.push((copied.segment, copied.end));
        self.open = false;
    }

    /// Takes back a copy that was not finished, from the segment on with which it began: nobody was told of a place in it, and its
    /// batches get no other numbers than what comes next. The newest goes first: what a stop leaves of it is the beginning of a copy.
    pub(crate) fn take_back(&mut self, begun: Segment) -> Result<(), JournalError> {
        if self.poisoned || on(Bug::FailedCopyStays) {
            return Ok(());
        }
        while let Some(last) = self.segments.pop_if(|last| last.number >= begun.number) {
            let name = file_name(last.number, FileKind::Segment);
            self.folder.remove(&name).map_err(|source| {
                self.poisoned = true;
                disk("removing", &name)(source)
            })?;
        }
        self.go_on_from(begun.first);
        Ok(())
    }

    /// Whether a segment belongs to a copy that counts for nothing.
    pub(crate) fn passes_over(&self, number: u64) -> bool {
        self.passed_over.iter().any(|(begin, end)| (*begin..=*end).contains(&number))
    }

    /// The number of the first batch of a copy.
    fn first_of(&self, copied: &Copied) -> u64 {
        self.segments.iter().find(|found| found.number == copied.segment).map_or(0, |found| found.first)
    }
}
