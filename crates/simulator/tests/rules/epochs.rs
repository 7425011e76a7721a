//! New epochs: what a node does with the statement of another, what it believes of which epoch, and what it says first in its own.

use super::{Alone, COUNTY, PREFECTURE, REGION, STAGED, header, ledger, node, target};
use yizhan_document::{Classification, Digest, LedgerId};
use yizhan_exchange::{Effect, EpochStatement, Event, Fact, HeardEntry, Node, Profile, RecallOrder};
use yizhan_ledger::{EntryRef, Event as Entered, Head, RecallAnswer};
use yizhan_simulator::network_of_seven;

fn of(text: &str) -> LedgerId {
    text.parse().unwrap()
}

fn statement(ledger: &str) -> EpochStatement {
    EpochStatement {
        ledger: of(ledger),
        checkpoint: vec![1],
        entry: vec![2],
        path: vec![Digest::of(b"path")],
    }
}

fn tell(alone: &mut Alone, from: &str, ledger: &str) -> Vec<Effect> {
    alone.settle(Event::EpochOpened { neighbour: node(from), opened: statement(ledger) })
}

fn told(effects: &[Effect]) -> Vec<(String, String)> {
    let told = effects.iter().filter_map(|effect| match effect {
        Effect::TellEpoch { neighbour, ledger } => Some((neighbour.to_string(), ledger.to_string())),
        _ => None,
    });
    told.collect()
}

/// The acceptance by a neighbour, in this ledger of it, of what was offered under a number.
fn taken(alone: &mut Alone, ledger: LedgerId, from: &str, link: u64, attempt: u16) -> Vec<Effect> {
    let at = EntryRef { ledger, index: 5 + link % 100, leaf: Digest::of(b"taken") };
    let event = Entered::RelayAcceptance {
        id: "6523.0.0".parse().unwrap(),
        envelope: header(),
        units: vec![target("653101", attempt)],
        from: node(from),
        link,
        rests_on: EntryRef { ledger: super::ledger(from), index: 1, leaf: Digest::of(b"entry") },
    };
    let entry = HeardEntry { at, time: alone.now().wall, event };
    let head = Head { ledger, size: 9 + link % 100, root: Digest::of(b"root") };
    let (neighbour, acknowledged) = (ledger.node, vec![(link, entry)]);
    alone.settle(Event::CustodyTaken { neighbour, head, acknowledged, staged: STAGED })
}

fn offers(effects: &[Effect]) -> Vec<(u64, u16)> {
    let offers = effects.iter().filter_map(|effect| match effect {
        Effect::Offer { link, units, .. } => Some((*link, units[0].attempt)),
        _ => None,
    });
    offers.collect()
}

#[test]
fn the_first_entry_of_a_new_epoch_names_what_was_remembered_and_its_offers_have_numbers_of_their_own() {
    // MUST-54 and MUST-55.
    let previous = vec![Head { ledger: of("6523.0"), size: 7, root: Digest::of(b"root") }];
    let profile = Profile {
        network: "xinjiang.example".to_owned(),
        ledger: of("6523.1"),
        max_classification: Classification::Internal,
        previous: previous.clone(),
    };
    let mut alone = Alone { node: Node::new(profile, network_of_seven()), uptime: 0, off_ms: 0 };
    let begun = alone.node.start(alone.now());
    let Some(Effect::Persist { entries, .. }) = begun.first() else { panic!("{begun:?}") };
    let Entered::EpochOpened { ledger, reason, previous: named, .. } = &entries[0].1.event else {
        panic!("{entries:?}");
    };
    assert_eq!((*ledger, reason.as_str(), named), (of("6523.1"), "restored", &previous));
    // A neighbour that is up before the entry is durable hears of it only then.
    let clock_ms = alone.now().wall.as_ms();
    let early = alone.hear(Event::LinkUp { neighbour: node(REGION), clock_ms });
    assert_eq!(told(&early), []);
    let then = alone.durable(&begun);
    assert_eq!(told(&then), [(REGION.to_owned(), "6523.1".to_owned())]);
    let id = alone.submit("653101");
    assert_eq!(id.to_string(), "6523.1.0");
    let numbers: Vec<u64> = alone.node.state().outbound(node(REGION)).map(|(link, ..)| link).collect();
    assert_eq!(numbers, [1 << 44]);
}

#[test]
fn a_statement_is_kept_and_told_on_once_and_again_on_every_connection() {
    // MUST-52.
    let mut relay = Alone::start(PREFECTURE);
    [REGION, COUNTY, "652324"].iter().for_each(|neighbour| relay.link_up(neighbour));
    let effects = tell(&mut relay, REGION, "6531.1");
    let on = |to: &str| (to.to_owned(), "6531.1".to_owned());
    assert_eq!(told(&effects), [on(REGION), on(COUNTY), on("652324")], "who told it hears that it is known");
    let kept = effects.iter().any(|effect| match effect {
        Effect::Persist { facts, .. } => facts.iter().any(|fact| matches!(fact, Fact::EpochOpened(_))),
        _ => false,
    });
    assert!(kept);
    assert_eq!(told(&tell(&mut relay, COUNTY, "6531.1")), [], "it is known");
    let clock_ms = relay.now().wall.as_ms();
    let again = relay.settle(Event::LinkUp { neighbour: node("652324"), clock_ms });
    assert_eq!(told(&again), [on("652324")]);
    assert_eq!(relay.node.state().ledger_of(node("6531")), of("6531.1"));
    tell(&mut relay, COUNTY, "6531.3");
    tell(&mut relay, COUNTY, "6531.2");
    assert_eq!(relay.node.state().ledger_of(node("6531")), of("6531.3"), "never a lower one");
}

#[test]
fn a_statement_that_is_on_its_way_to_the_disk_is_told_to_nobody_yet() {
    // MUST-52. A neighbour comes up in between, or the one that told it tells it once more.
    for again in [false, true] {
        let mut relay = Alone::start(PREFECTURE);
        relay.link_up(REGION);
        let heard = relay.hear(Event::EpochOpened { neighbour: node(REGION), opened: statement("6531.1") });
        assert_eq!(told(&heard), []);
        relay.uptime += 60_000;
        let clock_ms = relay.now().wall.as_ms();
        let between = match again {
            false => relay.hear(Event::LinkUp { neighbour: node(COUNTY), clock_ms }),
            true => relay.hear(Event::EpochOpened { neighbour: node(REGION), opened: statement("6531.1") }),
        };
        assert_eq!(told(&between), [], "again: {again}");
        let then = told(&relay.durable(&heard));
        for to in if again { &[REGION][..] } else { &[REGION, COUNTY] } {
            assert!(then.contains(&((*to).to_owned(), "6531.1".to_owned())), "{to} is told then: {then:?}");
        }
    }
}

#[test]
fn who_does_not_say_that_it_knows_is_told_again_and_again_and_who_does_is_not() {
    let mut relay = Alone::start(PREFECTURE);
    [REGION, COUNTY].iter().for_each(|neighbour| relay.link_up(neighbour));
    tell(&mut relay, REGION, "6531.1");
    let again = |relay: &mut Alone| {
        relay.uptime += 10_000;
        told(&relay.settle(Event::Tick))
    };
    for _ in 0..3 {
        assert_eq!(again(&mut relay), [(COUNTY.to_owned(), "6531.1".to_owned())]);
    }
    assert_eq!(told(&tell(&mut relay, COUNTY, "6531.1")), [], "it was told a moment ago");
    assert_eq!(again(&mut relay), []);
    assert_eq!(relay.node.next_wake(), None, "nothing is left to do");
    // One that has not heard the answer says it again, and is answered.
    assert_eq!(told(&tell(&mut relay, COUNTY, "6531.1")), [(COUNTY.to_owned(), "6531.1".to_owned())]);
}

#[test]
fn nothing_of_another_epoch_than_the_one_that_is_known_is_believed_of_a_neighbour() {
    // MUST-51.
    let mut relay = Alone::start(PREFECTURE);
    relay.link_up(COUNTY);
    let refused = |effects: &[Effect]| {
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Reject { reason, retry: true, .. } if reason == "epoch"))
    };
    let later = relay.offer(1, |offered| offered.rests_on.ledger = of("652301.1"));
    assert!(refused(&later), "it has not been told of: {later:?}");
    tell(&mut relay, COUNTY, "652301.1");
    let earlier = relay.offer(2, |_| {});
    assert!(refused(&earlier), "it is over: {earlier:?}");
    let now = relay.offer(3, |offered| offered.rests_on.ledger = of("652301.1"));
    assert!(!refused(&now) && now.iter().any(|effect| matches!(effect, Effect::Custody { .. })), "{now:?}");
}

#[test]
fn custody_that_was_taken_in_an_epoch_that_is_over_was_not_taken() {
    let mut origin = Alone::start(PREFECTURE);
    origin.link_up(REGION);
    origin.submit("653101");
    tell(&mut origin, REGION, "65.1");
    taken(&mut origin, ledger(REGION), PREFECTURE, 0, 0);
    assert_eq!(origin.node.state().outbound(node(REGION)).count(), 1, "it is offered again");
    assert_eq!(origin.node.state().witnessed(ledger(REGION)), None, "and nothing is cosigned");
    taken(&mut origin, of("65.1"), PREFECTURE, 0, 0);
    assert_eq!(origin.node.state().outbound(node(REGION)).count(), 0);
}

/// Lets time pass; gives the offers that it brings.
fn wait(alone: &mut Alone, ms: u64) -> Vec<(u64, u16)> {
    alone.uptime += ms;
    let effects = alone.settle(Event::Tick);
    offers(&effects)
}

#[test]
fn an_origin_tries_again_what_may_have_been_lost_and_nothing_else() {
    // MUST-53.
    for (lost, again) in
        [("65.1", true), ("6531.1", true), ("653101.1", true), ("652301.1", false), ("653130.1", false)]
    {
        let mut origin = Alone::start(PREFECTURE);
        origin.link_up(REGION);
        origin.submit("653101");
        taken(&mut origin, ledger(REGION), PREFECTURE, 0, 0);
        tell(&mut origin, REGION, lost);
        let offered = wait(&mut origin, 10_000);
        assert_eq!(offered, if again { vec![(1, 1)] } else { vec![] }, "{lost}");
    }
}

#[test]
fn what_is_still_in_the_custody_of_its_origin_is_not_tried_again() {
    let mut origin = Alone::start(PREFECTURE);
    origin.link_up(REGION);
    origin.submit("653101");
    tell(&mut origin, REGION, "65.1");
    assert_eq!(wait(&mut origin, 12_000), [(0, 0)], "the same attempt, offered again");
}

#[test]
fn what_was_offered_without_an_answer_may_have_gone_on_long_ago_and_is_tried_again() {
    for (offered, again) in [(true, vec![(1, 1)]), (false, vec![])] {
        let mut origin = Alone::start(PREFECTURE);
        origin.link_up(COUNTY);
        if offered {
            origin.link_up(REGION);
        }
        origin.submit("653101");
        tell(&mut origin, COUNTY, "6531.1");
        origin.settle(Event::LinkDown { neighbour: node(REGION) });
        let clock_ms = origin.now().wall.as_ms();
        origin.uptime += 600;
        let mut seen = offers(&origin.settle(Event::LinkUp { neighbour: node(REGION), clock_ms }));
        seen.extend(wait(&mut origin, 600));
        seen.retain(|offer| *offer != (0, 0));
        assert_eq!(seen, again, "offered: {offered}");
    }
}

#[test]
fn an_arrival_in_an_epoch_that_is_over_does_not_end_the_attempt_for_what_was_lost_with_it() {
    let arrived = |at: LedgerId, attempt: u16| HeardEntry {
        at: EntryRef { ledger: at, index: 3, leaf: Digest::of(b"arrived") },
        time: yizhan_document::WallTime::EPOCH,
        event: Entered::ContentConsignment {
            id: "6523.0.0".parse().unwrap(),
            envelope: header(),
            attempt,
            offices: vec![Digest::of(b"office")],
            rests_on: EntryRef { ledger: at, index: 2, leaf: Digest::of(b"accepted") },
        },
    };
    let mut origin = Alone::start(PREFECTURE);
    origin.link_up(REGION);
    origin.submit("653101");
    taken(&mut origin, ledger(REGION), PREFECTURE, 0, 0);
    tell(&mut origin, REGION, "653101.1");
    let hear = |origin: &mut Alone, of: LedgerId, attempt| {
        let (neighbour, me, hops_left, witnessed) = (node(REGION), node(PREFECTURE), 9, false);
        let entries = vec![arrived(of, attempt)];
        let staged = STAGED;
        origin.settle(Event::ReceiptsArrived {
            neighbour,
            origin: me,
            hops_left,
            ledger: of,
            entries,
            witnessed,
            staged,
        })
    };
    let kept = hear(&mut origin, ledger("653101"), 0);
    assert!(kept.iter().any(|effect| matches!(effect, Effect::SendKept { .. })), "it is kept all the same");
    assert_eq!(origin.node.state().outgoing(), 1);
    assert_eq!(wait(&mut origin, 10_000), [(1, 1)]);
    hear(&mut origin, of("653101.1"), 1);
    assert_eq!(origin.node.state().outgoing(), 0);
}

/// An origin whose document another node has, recalled and not answered yet.
fn recalled() -> Alone {
    let mut origin = Alone::start(PREFECTURE);
    origin.link_up(REGION);
    let id = origin.submit("653101");
    taken(&mut origin, ledger(REGION), PREFECTURE, 0, 0);
    let acceptance = super::entry_of(PREFECTURE, 1);
    let (to, reason) = (vec![node("653101")], Digest::of(b"reason"));
    let order = RecallOrder { id, envelope: header(), acceptance, to, reason };
    origin.settle(Event::Recalling { request: 9, order, staged: STAGED });
    assert_eq!(origin.node.state().recalls().unanswered(), 1);
    origin
}

/// The destination denies the recall, in this ledger of it.
fn denied(origin: &mut Alone, of: &str) {
    let answer = RecallAnswer {
        id: "6523.0.0".parse().unwrap(),
        envelope: header(),
        to: vec![node("653101")],
        rests_on: super::entry_of(PREFECTURE, 3),
    };
    let ledger = self::of(of);
    let at = EntryRef { ledger, index: 4, leaf: Digest::of(b"denied") };
    let entry =
        HeardEntry { at, time: yizhan_document::WallTime::EPOCH, event: Entered::RecallDenied(answer) };
    let (neighbour, me) = (node(REGION), node(PREFECTURE));
    let (hops_left, witnessed, entries) = (9, false, vec![entry]);
    let staged = STAGED;
    origin.settle(Event::ReceiptsArrived {
        neighbour,
        origin: me,
        hops_left,
        ledger,
        entries,
        witnessed,
        staged,
    });
}

#[test]
fn what_was_signed_for_and_lost_with_its_inbox_is_tried_again_though_it_was_recalled() {
    let mut origin = recalled();
    denied(&mut origin, "653101.0");
    tell(&mut origin, REGION, "653101.1");
    assert_eq!(wait(&mut origin, 10_000), [(1, 1)], "the recall was denied, so the document stands");
}

#[test]
fn a_denial_in_an_epoch_that_is_over_is_no_answer_while_the_origin_knows_of_no_arrival() {
    let mut origin = recalled();
    tell(&mut origin, REGION, "653101.1");
    assert_eq!(wait(&mut origin, 10_000), [], "it is recalled");
    denied(&mut origin, "653101.0");
    assert_eq!(origin.node.state().recalls().unanswered(), 1, "the new epoch is asked");
    denied(&mut origin, "653101.1");
    assert_eq!(origin.node.state().recalls().unanswered(), 0);
}
