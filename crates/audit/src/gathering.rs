//! Reading the entries of the believed ledgers: everything about envelopes into trails, everything about links and heads
//! into the evidence.

use crate::evidence::{Evidence, HeadClaim, Ledger, LinkAnswer, PassedOn, Seen, Trails};
use crate::limits::{CLOCK_TOLERANCE_MS, ENTRIES_HELD_MAX};
use crate::problem::{Fault, Problem, Problems};
use crate::report::WitnessedBy;
use yizhan_document::{EnvelopeId, LedgerId, WallTime};
use yizhan_ledger::{Entry, Event, Head, Passed};

/// A part of the documents: those whose counter leaves this rest. The ledgers are read once for each part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    number: u64,
    of: u64,
}

impl Part {
    /// The parts in which to go through ledgers with so many entries together.
    pub(crate) fn all(entries: u64) -> impl Iterator<Item = Self> {
        let of = entries.div_ceil(ENTRIES_HELD_MAX).max(1);
        (0..of).map(move |number| Self { number, of })
    }

    /// Whether this is the part in which everything else is noted too.
    pub(crate) fn is_first(self) -> bool {
        self.number == 0
    }

    fn has(self, id: EnvelopeId) -> bool {
        id.counter % self.of == self.number
    }
}

/// Reads all ledgers for one part of the documents; in the first part also notes links and heads.
pub(crate) fn gather(evidence: &mut Evidence<'_>, part: Part, problems: &mut Problems) -> Trails {
    let mut trails = Trails::new();
    for number in 0..evidence.ledgers.len() {
        let mut reading = Reading { number, part, trails: &mut trails, notes: Notes::default() };
        if let Some(ledger) = evidence.ledger(number) {
            ledger.copy.for_each_entry(|index, bytes| reading.take(index, bytes));
        }
        let notes = reading.notes;
        if part.is_first() {
            note(evidence, number, notes, problems);
        }
    }
    if part.is_first() {
        evidence.arrange();
    }
    trails
}

/// What is noted of one ledger while it is read.
#[derive(Default)]
struct Notes {
    holes: Vec<u64>,
    misplaced: Vec<u64>,
    /// The first entry names heads of ledgers that did not come before.
    misnamed: bool,
    latest: Option<(u64, WallTime)>,
    /// The widest step back: where, and by how many milliseconds.
    back: Option<(u64, u64)>,
    answers: Vec<LinkAnswer>,
    claims: Vec<(u64, WallTime, Head, Vec<Passed>)>,
}

struct Reading<'a> {
    number: usize,
    part: Part,
    trails: &'a mut Trails,
    notes: Notes,
}

impl Reading<'_> {
    fn take(&mut self, index: u64, bytes: Option<&[u8]>) {
        // What does not read was reported when the ledger was checked by itself.
        let Some(mut entry) = bytes.and_then(|bytes| Entry::from_bytes(bytes).ok()) else {
            self.notes.holes.push(index);
            return;
        };
        if self.part.is_first() {
            self.note_time(index, entry.time);
            self.note_event(index, &entry);
        }
        if let Some(id) = entry.event.envelope_id().filter(|id| self.part.has(*id)) {
            sort(&mut entry.event);
            self.trails.entry(id).or_default().push(Seen { ledger: self.number, index, entry });
        }
    }

    fn note_time(&mut self, index: u64, time: WallTime) {
        let notes = &mut self.notes;
        match notes.latest {
            Some((_, latest)) if time < latest => {
                let step = latest.ms_since(time);
                if notes.back.is_none_or(|(_, widest)| step > widest) {
                    notes.back = Some((index, step));
                }
            }
            _ => notes.latest = Some((index, time)),
        }
    }

    fn note_event(&mut self, index: u64, entry: &Entry) {
        match &entry.event {
            Event::EpochOpened { ledger, previous, .. } => {
                if index > 0 {
                    self.notes.misplaced.push(index);
                }
                let earlier = |head: &&Head| head.ledger.node == ledger.node && head.ledger < *ledger;
                self.notes.misnamed |= !previous.iter().all(|head| earlier(&head));
                let heads = previous.iter().filter(earlier);
                let heads = heads.map(|head| (index, entry.time, *head, Vec::new()));
                self.notes.claims.extend(heads);
            }
            Event::CustodyPassed { to, size, root, passed } => {
                let head = Head { ledger: *to, size: *size, root: *root };
                self.notes.claims.push((index, entry.time, head, passed.clone()));
            }
            Event::RelayAcceptance { from, link, .. } => {
                self.notes.answers.push(LinkAnswer { index, from: *from, link: *link, accepted: true });
            }
            Event::RelayRejection { from, link, .. } => {
                self.notes.answers.push(LinkAnswer { index, from: *from, link: *link, accepted: false });
            }
            _ => {}
        }
    }
}

/// Enters what was noted of ledger `number` into the evidence.
fn note(evidence: &mut Evidence<'_>, number: usize, notes: Notes, problems: &mut Problems) {
    for (index, time, head, passed) in notes.claims {
        let claim = evidence.claims.len();
        let Head { ledger: of, size, root } = head;
        evidence.claims.push(HeadClaim { by: number, index, time, of, size, root, borne_out: false });
        let passed =
            passed.into_iter().map(|passed| PassedOn { index: passed.index, link: passed.link, claim });
        evidence.passed.entry(of).or_default().extend(passed);
    }
    let Some(Ledger { copy, holes, as_of, answers, witnesses, .. }) = evidence.ledgers.get_mut(number) else {
        return;
    };
    holes.extend(notes.holes);
    *answers = notes.answers;
    if let Some((_, latest)) = notes.latest {
        check_witness_times(copy.id, latest, witnesses, problems);
        *as_of = latest.max(*as_of);
    }
    for index in notes.misplaced {
        let text = "EpochOpened stands in the middle of a ledger; it opens one";
        problems.push(Problem::at(Fault::EntryRefused, copy.id, index, text));
    }
    if notes.misnamed {
        let text = "EpochOpened names a head that is not one of an earlier ledger of this node";
        problems.push(Problem::at(Fault::EntryRefused, copy.id, 0, text));
    }
    if let Some((index, step)) = notes.back {
        let text = format!("its clock went back by {step} ms before this entry");
        problems.push(Problem::at(Fault::TimeRunsBack, copy.id, index, text));
    }
}

/// Looks at the times of a ledger against those of its witnesses.
fn check_witness_times(
    ledger: LedgerId,
    latest: WallTime,
    witnesses: &[WitnessedBy],
    problems: &mut Problems,
) {
    for witness in witnesses.iter().filter(|witness| latest > witness.time.plus_ms(CLOCK_TOLERANCE_MS)) {
        let text = format!(
            "an entry is dated {latest}, but {} had cosigned it at {}: one of the two clocks was wrong",
            witness.node, witness.time
        );
        problems.push(Problem::of(Fault::ClocksDisagree, Some(ledger), text));
    }
}

/// Sorts what will be searched. The entry's bytes stay as they are in the ledger.
fn sort(event: &mut Event) {
    match event {
        Event::SubmissionAcceptance { to, .. } => to.sort_unstable(),
        Event::RelayAcceptance { units, .. }
        | Event::RelayFailure { units, .. }
        | Event::AcceptanceRejectionExpiry { units, .. } => units.sort_unstable(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_falls_into_exactly_one_part() {
        let parts: Vec<Part> = Part::all(ENTRIES_HELD_MAX * 2 + 1).collect();
        assert_eq!(parts.len(), 3);
        assert_eq!(parts.iter().filter(|part| part.is_first()).count(), 1);
        for counter in 0..10 {
            let id = format!("652301.0.{counter}").parse().unwrap();
            assert_eq!(parts.iter().filter(|part| part.has(id)).count(), 1);
        }
        assert_eq!(Part::all(0).count(), 1);
    }
}
