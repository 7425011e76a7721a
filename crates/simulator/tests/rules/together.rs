//! Events that come together: decided one after the other, made durable as one batch.

use super::{Alone, COUNTY, PREFECTURE, REGION, STAGED, custody, id, node, refusal};
use yizhan_exchange::{Effect, Event, TakenIn};

impl Alone {
    /// Takes the offers in, envelope `counter` under link number `link` each, without concluding.
    fn take_in_offers(&mut self, offers: &[(u64, u64)]) {
        for (link, counter) in offers {
            let mut offered = self.offered(*link);
            offered.id = id(COUNTY, *counter);
            let now = self.now();
            let staged = STAGED + *link;
            self.node.take_in(now, Event::Offered { neighbour: node(COUNTY), offered, staged });
        }
    }
}

fn batches(effects: &[Effect]) -> Vec<usize> {
    let stored = |effect: &Effect| match effect {
        Effect::Persist { stored, .. } => Some(stored.len()),
        _ => None,
    };
    effects.iter().filter_map(stored).collect()
}

#[test]
fn offers_that_come_together_make_one_batch_and_are_acknowledged_together_once_it_is_durable() {
    let mut relay = Alone::start(PREFECTURE);
    relay.link_up(REGION);
    relay.link_up(COUNTY);
    relay.take_in_offers(&[(0, 0), (1, 1), (2, 2)]);
    let taken = relay.node.taken_in();
    assert!(taken.facts >= 3 && taken.entry_bytes > 300, "{taken:?}");
    let now = relay.now();
    let decided = relay.node.conclude(now);
    assert_eq!(batches(&decided), [3]);
    assert_eq!(custody(&decided), [], "not before the disk (MUST-09)");
    assert_eq!(relay.node.taken_in(), TakenIn::default());
    let told = relay.durable(&decided);
    let frames = told.iter().filter(|effect| matches!(effect, Effect::Custody { .. })).count();
    assert_eq!((frames, custody(&told).len()), (1, 3), "{told:?}");
}

#[test]
fn what_was_taken_in_before_counts_for_what_comes_with_it() {
    let mut relay = Alone::start(PREFECTURE);
    relay.link_up(REGION);
    relay.link_up(COUNTY);
    // The second one is the first once more, the third is another envelope under the number of the first.
    relay.take_in_offers(&[(0, 0), (0, 0), (0, 1)]);
    let now = relay.now();
    let decided = relay.node.conclude(now);
    assert_eq!(batches(&decided), [1], "nothing is entered a second time (MUST-07): {decided:?}");
    assert_eq!(refusal(&decided), None);
    let acknowledged = custody(&relay.durable(&decided));
    assert!(acknowledged.iter().all(|given| *given == acknowledged[0]), "{acknowledged:?}");
}
