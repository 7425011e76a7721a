//! Which receipts an origin takes (MUST-67): none about what never was, and of one node no more than can rightly be.

use super::{
    Alone, COUNTY, PREFECTURE, REGION, STAGED, acceptance, entry_of, header, id, ledger, node, target,
};
use yizhan_document::{Classification, Digest, EnvelopeId, LedgerId, WallTime};
use yizhan_exchange::limits::{RECEIPTS_AT_LEAST, RECEIPTS_ON_THE_WAY_MAX};
use yizhan_exchange::{Condensed, Effect, Event, Fact, HeardEntry, Node, Profile, Stored};
use yizhan_ledger::Event as Entered;
use yizhan_simulator::network_of_seven;

fn profile(ledger: LedgerId) -> Profile {
    let (network, previous) = ("xinjiang.example".to_owned(), Vec::new());
    Profile { network, ledger, max_classification: Classification::Internal, previous }
}

impl Alone {
    /// Starts again with what it knew.
    fn restart(&mut self) {
        let state = self.node.state();
        let mut node = Node::new(profile(state.ledger()), network_of_seven());
        let facts = state.condensed(0, Digest::of(b"root"));
        facts.iter().chain([&Fact::Condensed(Condensed::End)]).for_each(|fact| node.recall(fact));
        self.node = node;
        self.uptime = 0;
        let begun = self.node.start(self.now());
        self.durable(&begun);
        self.link_up(PREFECTURE);
    }
}

/// Receipts of a node, from this index of its ledger on, each of them this one.
fn bundle(maker: &str, first: u64, events: Vec<Entered>) -> Event {
    let heard = |(index, event)| HeardEntry { at: entry_of(maker, index), time: WallTime::EPOCH, event };
    Event::ReceiptsArrived {
        neighbour: node(PREFECTURE),
        origin: node(COUNTY),
        hops_left: 8,
        ledger: ledger(maker),
        entries: (first..).zip(events).map(heard).collect(),
        witnessed: false,
        staged: STAGED,
    }
}

/// An acceptance of an envelope of the county for the region.
fn accepted(id: EnvelopeId) -> Entered {
    acceptance(id, header(), vec![target(REGION, 0)], entry_of(PREFECTURE, 3))
}

/// Whether receipts were stored and confirmed. One without the other is never right.
fn taken(effects: &[Effect]) -> bool {
    let stored = effects.iter().any(|effect| match effect {
        Effect::Persist { stored, .. } => {
            stored.iter().any(|stored| matches!(stored, Stored::Receipts { .. }))
        }
        _ => false,
    });
    let confirmed = effects.iter().any(|effect| matches!(effect, Effect::SendKept { .. }));
    let discarded = effects.iter().any(|effect| matches!(effect, Effect::Discard { .. }));
    assert!(stored == confirmed && stored != discarded, "{effects:?}");
    stored
}

#[test]
fn receipts_about_an_envelope_that_was_never_given_out_are_neither_stored_nor_confirmed() {
    let mut origin = Alone::start(COUNTY);
    origin.link_up(PREFECTURE);
    let given = origin.submit(REGION);
    let next = EnvelopeId { counter: given.counter + 1, ..given };
    for never in
        [next, EnvelopeId { counter: 1 << 40, ..given }, EnvelopeId { epoch: 1, ..given }, id(REGION, 0)]
    {
        let effects = origin.settle(bundle("653101", 3, vec![accepted(never)]));
        assert!(!taken(&effects), "{never}");
        let effects = origin.settle(bundle("653101", 3, vec![accepted(given), accepted(never)]));
        assert!(!taken(&effects), "{never}, beside one that was");
    }
    assert!(taken(&origin.settle(bundle("653101", 3, vec![accepted(given)]))));
}

#[test]
fn what_no_maker_sends_home_and_what_the_origin_entered_itself_is_no_receipt() {
    let mut origin = Alone::start(COUNTY);
    origin.link_up(PREFECTURE);
    let given = origin.submit(REGION);
    let (rejected, units, from, reason) =
        (header(), vec![target(REGION, 0)], node(COUNTY), "loop".to_owned());
    let refused = Entered::RelayRejection { id: given, rejected, units, from, link: 0, reason };
    assert!(!taken(&origin.settle(bundle(PREFECTURE, 3, vec![refused]))));
    assert!(!taken(&origin.settle(bundle(COUNTY, 3, vec![accepted(given)]))));
}

#[test]
fn one_node_cannot_fill_a_disk_with_receipts_about_one_document() {
    let mut origin = Alone::start(COUNTY);
    origin.link_up(PREFECTURE);
    let given = origin.submit(REGION);
    let many = 1_024;
    let bundles = (0..).map(|n: u64| bundle("653101", n * many, vec![accepted(given); many as usize]));
    let taken_of_it =
        bundles.take(100).take_while(|bundle| taken(&origin.settle(bundle.clone()))).count() as u64;
    assert!((RECEIPTS_AT_LEAST / many..100).contains(&taken_of_it), "{taken_of_it} bundles were taken");
    origin.restart();
    let next = bundle("653101", taken_of_it * many, vec![accepted(given); many as usize]);
    assert!(!taken(&origin.settle(next.clone())), "nor after a restart");
    // What of its receipts is stored is confirmed again all the same, and another node has its own.
    let again = origin.settle(bundle("653101", 0, vec![accepted(given)]));
    assert!(again.iter().any(|effect| matches!(effect, Effect::SendKept { .. })), "MUST-20: {again:?}");
    assert!(taken(&origin.settle(bundle(PREFECTURE, 3, vec![accepted(given)]))));
    // Each further document lets it say more.
    for _ in 0..many / RECEIPTS_ON_THE_WAY_MAX + 1 {
        origin.submit(REGION);
    }
    assert!(taken(&origin.settle(next)));
}

#[test]
fn receipts_of_the_epoch_that_was_lost_are_taken() {
    let mut origin = Alone {
        node: Node::new(profile("652301.1".parse().unwrap()), network_of_seven()),
        uptime: 0,
        off_ms: 0,
    };
    let begun = origin.node.start(origin.now());
    origin.durable(&begun);
    origin.link_up(PREFECTURE);
    assert!(taken(&origin.settle(bundle(REGION, 3, vec![accepted(id(COUNTY, 5))]))));
    let own = EnvelopeId { epoch: 1, ..id(COUNTY, 5) };
    assert!(!taken(&origin.settle(bundle(REGION, 4, vec![accepted(own)]))), "none was given out in this one");
}

#[test]
fn a_submission_that_only_the_ledger_shows_is_known_and_its_id_is_not_given_again() {
    let mut origin = Alone::start(COUNTY);
    origin.link_up(PREFECTURE);
    origin.node.recall_submission(id(COUNTY, 0), &[node(REGION)]);
    assert!(taken(&origin.settle(bundle(PREFECTURE, 3, vec![accepted(id(COUNTY, 0))]))));
    assert_eq!(origin.submit(REGION), id(COUNTY, 1));
}
