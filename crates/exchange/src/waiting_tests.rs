//! The order in which offers leave, and that nothing waits for ever.

use super::*;
use alloc::vec::Vec;
use proptest::prelude::*;

const ROOM: UnderWay = UnderWay { offers: 0, bytes: 0 };

fn far() -> WallTime {
    WallTime::from_ms(1_000_000)
}

fn queue(all: &[(u64, Urgency, WallTime)]) -> Waiting {
    let mut waiting = Waiting::default();
    all.iter().for_each(|(number, urgency, deadline)| waiting.insert(*number, *urgency, *deadline));
    waiting
}

fn drain(waiting: &mut Waiting) -> Vec<u64> {
    core::iter::from_fn(|| waiting.take_next(ROOM, |_| true)).collect()
}

#[test]
fn the_most_urgent_goes_first_then_the_nearest_deadline_then_the_earliest() {
    let soon = WallTime::from_ms(5);
    let mut waiting = queue(&[
        (1, Urgency::Normal, far()),
        (2, Urgency::Urgent, far()),
        (3, Urgency::Normal, soon),
        (4, Urgency::Flash, far()),
        (5, Urgency::Urgent, soon),
        (6, Urgency::Normal, far()),
    ]);
    assert_eq!(drain(&mut waiting), [4, 5, 2, 3, 1, 6]);
    assert_eq!(waiting.len(), 0);
}

#[test]
fn an_ordinary_document_goes_after_seven_that_overtook_it() {
    let mut waiting = queue(&[(0, Urgency::Normal, far())]);
    (1..=20).for_each(|number| waiting.insert(number, Urgency::Flash, far()));
    let order = drain(&mut waiting);
    assert_eq!(order.iter().position(|number| *number == 0), Some(TURNS_BY_RANK));
}

#[test]
fn what_stays_behind_because_it_is_not_durable_costs_nobody_a_turn() {
    let mut waiting = queue(&[(0, Urgency::Normal, far())]);
    (1..=8).for_each(|number| waiting.insert(number, Urgency::Flash, far()));
    for number in 1..=7 {
        assert_eq!(waiting.take_next(ROOM, |_| true), Some(number));
    }
    assert_eq!(waiting.take_next(ROOM, |_| false), Some(0));
    waiting.insert(0, Urgency::Normal, far());
    assert_eq!(waiting.take_next(ROOM, |_| true), Some(0));
}

#[test]
fn places_are_kept_for_the_urgent_and_the_one_that_waited_longest_may_use_them() {
    let full_for_normal = UnderWay { offers: OFFERS_IN_FLIGHT_MAX - 4 * WINDOW_KEPT, bytes: 0 };
    let mut waiting = queue(&[(0, Urgency::Normal, far())]);
    assert!(!waiting.may_go(full_for_normal));
    assert_eq!(waiting.take_next(full_for_normal, |_| true), None);
    (1..=7).for_each(|number| waiting.insert(number, Urgency::RoutineUrgent, far()));
    for number in 1..=7 {
        assert!(waiting.may_go(full_for_normal));
        assert_eq!(waiting.take_next(full_for_normal, |_| true), Some(number));
    }
    assert_eq!(waiting.take_next(full_for_normal, |_| true), Some(0));

    let mut flash = queue(&[(0, Urgency::Flash, far())]);
    let full = UnderWay { offers: OFFERS_IN_FLIGHT_MAX, bytes: 0 };
    assert!(!flash.may_go(full) && flash.take_next(full, |_| true).is_none());
    let full_of_bytes = UnderWay { offers: 0, bytes: OFFER_BYTES_IN_FLIGHT_MAX };
    assert!(!flash.may_go(full_of_bytes) && flash.take_next(full_of_bytes, |_| true).is_none());
}

#[derive(Clone, Debug)]
enum Step {
    Arrives(Urgency, u64),
    Goes,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let arrives = (proptest::sample::select(Urgency::ALL.to_vec()), 0..5u64);
    let arrives = arrives.prop_map(|(urgency, deadline)| Step::Arrives(urgency, deadline));
    proptest::collection::vec(prop_oneof![3 => arrives, 2 => Just(Step::Goes)], 0..400)
}

proptest! {
    /// Whatever comes and in whatever order: who has `n` older ones before it goes as one of the next 8 (n + 1), and whoever goes out
    /// of rank is the oldest, at most every eighth time.
    #[test]
    fn nothing_waits_for_ever_and_rank_is_kept_but_for_every_eighth(steps in steps()) {
        let mut waiting = Waiting::default();
        // By number: rank, and at which turn it has to have gone.
        let mut left: BTreeMap<u64, (Rank, usize)> = BTreeMap::new();
        let (mut next, mut turn, mut by_rank_since) = (0, 0, 0);
        for step in steps.into_iter().chain(core::iter::repeat_n(Step::Goes, 400)) {
            match step {
                Step::Arrives(urgency, deadline) => {
                    let deadline = WallTime::from_ms(deadline);
                    waiting.insert(next, urgency, deadline);
                    left.insert(next, ((Reverse(urgency), deadline), turn + (TURNS_BY_RANK + 1) * (left.len() + 1)));
                    next += 1;
                }
                Step::Goes => {
                    let Some(number) = waiting.take_next(ROOM, |_| true) else { continue };
                    turn += 1;
                    let oldest = left.first_key_value().map(|(number, _)| *number);
                    let first = left.iter().map(|(number, (rank, _))| (*rank, *number)).min();
                    let (_, latest) = left.remove(&number).unwrap();
                    prop_assert!(turn <= latest, "{number} went at turn {turn}, due at {latest}");
                    if first.map(|(_, number)| number) != Some(number) {
                        prop_assert_eq!(Some(number), oldest);
                        prop_assert!(by_rank_since >= TURNS_BY_RANK);
                    }
                    by_rank_since = if oldest == Some(number) { 0 } else { by_rank_since + 1 };
                }
            }
        }
        prop_assert!(left.is_empty() && waiting.len() == 0);
    }
}
