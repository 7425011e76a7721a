//! Whose word on the end of a unit counts (MUST-68): who had custody of it, whenever that is heard.

use super::{
    Alone, COUNTY, PREFECTURE, REGION, STAGED, acceptance, entry_of, header, home, ledger, node, target,
};
use yizhan_document::{Digest, EnvelopeId, WallTime};
use yizhan_exchange::{Effect, Event, HeardEntry};
use yizhan_ledger::{Event as Entered, Head, Target};

const OTHER: &str = "6531";

/// A node says that a document for the region failed, or expired, with it.
fn ended(id: EnvelopeId, expired: bool) -> Entered {
    let (envelope, units) = (header(), vec![target(REGION, 0)]);
    if expired {
        Entered::AcceptanceRejectionExpiry { id, envelope, units }
    } else {
        Entered::RelayFailure { id, envelope, units, reason: "damaged".to_owned() }
    }
}

/// An origin whose document for the region is with the prefecture.
fn sent() -> (Alone, EnvelopeId) {
    let mut origin = Alone::start(COUNTY);
    origin.link_up(PREFECTURE);
    let id = origin.submit(REGION);
    origin.settle(answer(id));
    (origin, id)
}

/// The prefecture's answer to the first offer.
fn answer(id: EnvelopeId) -> Event {
    let event = acceptance(id, header(), vec![target(REGION, 0)], entry_of(COUNTY, 1));
    let heard = HeardEntry { at: entry_of(PREFECTURE, 3), time: WallTime::EPOCH, event };
    let head = Head { ledger: ledger(PREFECTURE), size: 4, root: Digest::of(b"root") };
    Event::CustodyTaken { neighbour: node(PREFECTURE), head, acknowledged: vec![(0, heard)], staged: STAGED }
}

/// The units that are offered anew within a minute; none where nothing failed.
fn tried_again(origin: &mut Alone) -> Vec<Target> {
    origin.uptime += 60_000;
    origin.settle(Event::Tick);
    let open = origin.node.state().outbound(node(PREFECTURE));
    open.flat_map(|(_, _, units)| units.to_vec()).filter(|unit| unit.attempt > 0).collect()
}

fn confirmed(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::SendKept { .. }))
}

#[test]
fn an_end_that_somebody_tells_who_had_no_custody_is_kept_and_ends_nothing() {
    for expired in [false, true] {
        let (mut origin, id) = sent();
        // It accepted another attempt, another destination, and another envelope under that id.
        for (index, (envelope, unit)) in (1..).zip([
            (header(), target(REGION, 1)),
            (header(), target(PREFECTURE, 0)),
            (Digest::of(b"another header"), target(REGION, 0)),
        ]) {
            let event = acceptance(id, envelope, vec![unit], entry_of(PREFECTURE, 3));
            origin.settle(home(entry_of(OTHER, index), event));
        }
        let told = origin.settle(home(entry_of(OTHER, 8), ended(id, expired)));
        assert!(confirmed(&told), "it is evidence: {told:?}");
        assert_eq!(tried_again(&mut origin), [], "expired: {expired}");
        assert_eq!(origin.node.state().outgoing(), 1, "expired: {expired}");
    }
}

#[test]
fn an_end_counts_that_is_told_by_who_answered_the_offer_or_accepted_it_later() {
    for maker in [PREFECTURE, OTHER] {
        for expired in [false, true] {
            let (mut origin, id) = sent();
            if maker == OTHER {
                let event = acceptance(id, header(), vec![target(REGION, 0)], entry_of(PREFECTURE, 3));
                origin.settle(home(entry_of(OTHER, 1), event));
            }
            origin.settle(home(entry_of(maker, 8), ended(id, expired)));
            assert_eq!(origin.node.state().outgoing(), usize::from(!expired), "{maker}");
            let again = if expired { Vec::new() } else { vec![target(REGION, 1)] };
            assert_eq!(tried_again(&mut origin), again, "{maker}");
        }
    }
}

#[test]
fn an_end_that_comes_before_its_acceptance_counts_once_that_comes() {
    for expired in [false, true] {
        let (mut origin, id) = sent();
        origin.settle(home(entry_of(OTHER, 8), ended(id, expired)));
        assert_eq!(origin.node.state().outgoing(), 1);
        let event = acceptance(id, header(), vec![target(REGION, 0)], entry_of(PREFECTURE, 3));
        origin.settle(home(entry_of(OTHER, 1), event));
        assert_eq!(origin.node.state().outgoing(), usize::from(!expired));
        assert_eq!(tried_again(&mut origin).len(), usize::from(!expired));
        // The same where the acceptance is the answer to the origin's own offer.
        let mut origin = Alone::start(COUNTY);
        origin.link_up(PREFECTURE);
        let id = origin.submit(REGION);
        origin.settle(home(entry_of(PREFECTURE, 8), ended(id, expired)));
        assert_eq!(origin.node.state().outgoing(), 1);
        origin.settle(answer(id));
        assert_eq!(origin.node.state().outgoing(), usize::from(!expired));
        assert_eq!(tried_again(&mut origin).len(), usize::from(!expired));
    }
}
