//! Which clock counts (MUST-17): what neighbours said of theirs, and what became of the own one since.

use super::{Alone, COUNTY, DAY_MS, PREFECTURE, REGION, node};
use yizhan_exchange::{Effect, Event};
use yizhan_ledger::Event as Entered;

const OTHER_COUNTY: &str = "652324";
const MONTH_MS: i64 = 30 * 24 * 3600 * 1000;

impl Alone {
    /// A prefecture that holds a document for the region, which is away; its deadline is a day ahead.
    fn with_a_document_that_waits() -> Self {
        let mut relay = Self::start(PREFECTURE);
        relay.offer(1, |_| {});
        relay
    }

    /// A neighbour says hello; its clock is so far from the right time.
    fn hello(&mut self, neighbour: &str, off_ms: i64) {
        let right = self.now().wall.as_ms().saturating_add_signed(-self.off_ms);
        let clock_ms = right.saturating_add_signed(off_ms);
        self.settle(Event::LinkUp { neighbour: node(neighbour), clock_ms });
    }

    /// The deadline passes.
    fn reach_the_deadline(&mut self) {
        self.uptime += DAY_MS;
    }

    /// Two seconds pass; whether something expired.
    fn expires(&mut self) -> bool {
        self.uptime += 2_000;
        let effects = self.settle(Event::Tick);
        let entered = effects.iter().filter_map(|effect| match effect {
            Effect::Persist { entries, .. } => Some(entries),
            _ => None,
        });
        entered.flatten().any(|(_, entry)| matches!(entry.event, Entered::AcceptanceRejectionExpiry { .. }))
    }
}

#[test]
fn a_clock_that_goes_wrong_after_the_hellos_ends_nothing_and_set_right_it_counts_again() {
    let mut relay = Alone::with_a_document_that_waits();
    relay.hello(COUNTY, 0);
    relay.off_ms = MONTH_MS;
    assert!(!relay.expires(), "MUST-17: ended a month too early");
    relay.off_ms = -MONTH_MS;
    relay.reach_the_deadline();
    assert!(!relay.expires(), "the clock is a month behind");
    relay.off_ms = 0;
    assert!(relay.expires(), "overdue, by a clock that the neighbour's bore out");
}

#[test]
fn a_word_does_not_grow_old_and_a_clock_that_goes_with_uptime_needs_no_other() {
    let mut relay = Alone::with_a_document_that_waits();
    relay.hello(COUNTY, 0);
    relay.settle(Event::LinkDown { neighbour: node(COUNTY) });
    relay.uptime += 100 * DAY_MS;
    assert!(relay.expires(), "nobody has said anything for months");
}

#[test]
fn the_last_word_of_each_neighbour_counts() {
    let mut relay = Alone::with_a_document_that_waits();
    relay.hello(COUNTY, 0);
    relay.hello(COUNTY, MONTH_MS);
    relay.reach_the_deadline();
    assert!(!relay.expires(), "it takes its word back");
    relay.hello(COUNTY, 0);
    assert!(relay.expires());
}

#[test]
fn one_neighbour_that_lies_neither_stops_expiry_nor_brings_it_about() {
    // It contradicts a clock that is right; as long as only one other has spoken, nobody can tell who lies.
    let mut relay = Alone::with_a_document_that_waits();
    relay.hello(OTHER_COUNTY, MONTH_MS);
    relay.hello(COUNTY, 0);
    relay.reach_the_deadline();
    assert!(!relay.expires(), "one against one");
    relay.hello(REGION, 0);
    relay.settle(Event::LinkDown { neighbour: node(REGION) });
    relay.offer(3, |offered| offered.id.counter = 3);
    relay.uptime += DAY_MS;
    assert!(relay.expires(), "two against one");
    // It agrees with a clock that is wrong.
    let mut relay = Alone::start(PREFECTURE);
    relay.hello(REGION, 0);
    relay.settle(Event::LinkDown { neighbour: node(REGION) });
    relay.offer(1, |_| {});
    relay.off_ms = MONTH_MS;
    relay.hello(OTHER_COUNTY, MONTH_MS);
    relay.hello(COUNTY, 0);
    assert!(!relay.expires());
}
