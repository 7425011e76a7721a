//! Segments that a copy leaves as they are: which a copy named, what lives in them, which of them it is time to write anew.
//!
//! What a node retains (receipts at an origin, contents that wait or that inboxes show) is written anew once, into segments
//! that hold nothing else, and then stays where it is: each reclaim costs what came since the last one, however much is
//! retained. Decision 0019.

use crate::record::Record;
use std::collections::{BTreeMap, BTreeSet};
use yizhan_exchange::{Condensed, Fact, KeptSegment};
use yizhan_planted::{Bug, on};

/// A copy of all that is needed of a journal, written to its end: what it does not name may go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// The segment with which it begins.
    pub segment: u64,
    /// The segment with which it ends. It has all from the first to this one for itself.
    pub end: u64,
    /// The segments that it needs besides those from `segment` on, and those of its own that the next copy may leave as they
    /// are; ascending.
    pub kept: Vec<KeptSegment>,
}

impl Copied {
    /// Whether a segment stays when all that is not needed goes.
    pub fn needs(&self, number: u64) -> bool {
        number >= self.segment || (self.keeps(number) && !on(Bug::KeptSegmentLetGo))
    }

    pub(crate) fn keeps(&self, number: u64) -> bool {
        self.kept.binary_search_by_key(&number, |kept| kept.number).is_ok()
    }
}

/// Finds the last copy of a journal that was written to its end, while its facts go by in the order of writing.
#[derive(Clone, Debug, Default)]
pub struct Copies {
    /// Of how many the beginning went by.
    count: usize,
    begun: Option<(usize, Copied)>,
    whole: Option<(usize, Copied)>,
    /// Those that count for nothing, by the order in which they begin: segments may have other numbers at each opening.
    without: BTreeSet<usize>,
    passed_over: Vec<Copied>,
}

impl Copies {
    /// Takes note of a fact in `segment`. Says whether it counts; if not, nobody is to hear of it.
    pub fn see(&mut self, fact: &Fact, segment: u64) -> bool {
        let Fact::Condensed(part) = fact else {
            self.begun = None;
            return true;
        };
        if matches!(part, Condensed::Begin { .. }) {
            self.count += 1;
            self.begun = Some((self.count, Copied { segment, end: segment, kept: Vec::new() }));
        }
        let without = self.begun.as_ref().is_some_and(|(number, _)| self.without.contains(number));
        match (part, &mut self.begun) {
            (Condensed::Kept(kept), Some((_, begun))) => begun.kept.clone_from(kept),
            (Condensed::End, begun) => {
                if let Some((number, copied)) = begun.take() {
                    let copied = Copied { end: segment, ..copied };
                    match without {
                        true => self.passed_over.push(copied),
                        false => self.whole = Some((number, copied)),
                    }
                }
            }
            _ => {}
        }
        // Where the record of an entry is damaged, its copy is all there is.
        !without || matches!(part, Condensed::Entered { .. })
    }

    /// The last one that is whole.
    pub fn whole(&self) -> Option<&Copied> {
        self.whole.as_ref().map(|(_, copied)| copied)
    }

    /// Those that count for nothing and were passed over: for [`crate::Journal::pass_over`].
    pub fn passed_over(&self) -> &[Copied] {
        &self.passed_over
    }

    /// For reading the same journal once more.
    pub fn again(&self) -> Self {
        Self { without: self.without.clone(), ..Self::default() }
    }

    /// For reading the same journal once more without the last copy that is whole.
    pub fn without_last(&self) -> Self {
        let mut again = self.again();
        again.without.extend(self.whole.as_ref().map(|(number, _)| *number));
        again
    }
}

/// Whose records lie in a segment, and how long they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contents {
    /// Holding and framed bytes of each content.
    holdings: Vec<(u64, u32)>,
    /// Framed bytes of all else.
    others: u64,
}

impl Contents {
    /// Takes note of a record of so many framed bytes.
    pub(crate) fn add(&mut self, kind: u8, payload: &[u8], framed: usize) {
        match Record::holding(kind, payload) {
            Some(holding) => self.holdings.push((holding, u32::try_from(framed).unwrap_or(u32::MAX))),
            None => self.others += framed as u64,
        }
    }

    fn living(&self, live: &BTreeSet<u64>) -> u64 {
        let living = self.holdings.iter().filter(|(holding, _)| live.contains(holding));
        self.others + living.map(|(_, bytes)| u64::from(*bytes)).sum::<u64>()
    }
}

/// What is known of all kept segments.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    segments: BTreeMap<u64, KeptSegment>,
    contents: BTreeMap<u64, Contents>,
}

impl Kept {
    /// What was found in the segments of a journal that was opened; none of them counts as kept yet.
    pub(crate) fn found(contents: BTreeMap<u64, Contents>) -> Self {
        Self { segments: BTreeMap::new(), contents }
    }

    /// From now on the segments that `copied` names are kept, and no other.
    pub(crate) fn go_by(&mut self, copied: &Copied) {
        self.segments = copied.kept.iter().map(|kept| (kept.number, *kept)).collect();
        self.contents.retain(|number, _| copied.keeps(*number));
    }

    pub(crate) fn add(&mut self, segment: u64, contents: Contents) {
        self.contents.insert(segment, contents);
    }

    pub(crate) fn segments(&self) -> impl Iterator<Item = KeptSegment> + '_ {
        self.segments.values().copied()
    }

    /// How many bytes live of a kept segment.
    pub(crate) fn living(&self, number: u64, live: &BTreeSet<u64>) -> u64 {
        self.contents.get(&number).map_or(0, |contents| contents.living(live))
    }

    /// Those of which less than `living_percent` lives, and those shorter than `least` bytes, which several are made one of.
    pub(crate) fn worn(&self, live: &BTreeSet<u64>, living_percent: u8, least: u64) -> Vec<KeptSegment> {
        let worn = |kept: &KeptSegment| {
            let living = self.living(kept.number, live);
            kept.bytes < least
                || u128::from(living) * 100 < u128::from(kept.bytes) * u128::from(living_percent)
        };
        self.segments().filter(worn).collect()
    }
}
