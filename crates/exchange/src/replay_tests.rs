//! A condensed state is the state: whatever happened before, and whatever happens after it.

use super::*;
use crate::epoch::EpochStatement;
use crate::event::Office;
use crate::fact::{Acceptance, Consigned, End, Entered, Source, SubmissionKey};
use crate::recall_facts::RecallFact;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;
use yizhan_document::{Act, Digest, EnvelopeId, LedgerId, NodeId, Urgency, WallTime};
use yizhan_ledger::{EntryRef, Head, Target};

const ME: &str = "6523";
const NODES: [&str; 4] = [ME, "65", "652301", "652302"];
const ORIGIN: &str = "652301";

fn node(n: u8) -> NodeId {
    NODES[usize::from(n) % NODES.len()].parse().unwrap()
}

fn ledger(n: u8) -> LedgerId {
    LedgerId { node: node(n), epoch: 0 }
}

fn own() -> LedgerId {
    LedgerId { node: ME.parse().unwrap(), epoch: 0 }
}

/// Everything that must survive, as text.
fn durable(state: &State) -> String {
    let out = |(link, out): (&u64, &crate::links::Outbound)| {
        (*link, out.holding, out.units.clone(), out.urgency, out.deadline, out.bytes)
    };
    let links: Vec<_> = state
        .links
        .iter()
        .map(|(hop, link)| {
            // What was assigned of a holding that is gone is never offered.
            let held = link.outbound.iter().filter(|(_, out)| state.holdings.contains_key(&out.holding));
            (*hop, link.next, held.map(out).collect::<Vec<_>>())
        })
        .collect();
    let State { counters, numbers, holdings, units, offers, seen, consigned, .. } = state;
    let State {
        custody,
        custody_for,
        outgoing,
        inboxes,
        owed,
        due,
        heard,
        renewed,
        witnessed,
        recalls,
        next_index,
        epochs,
        ..
    } = state;
    format!(
        "{next_index} {counters:?} {numbers:?} {holdings:?} {units:?} {offers:?} {seen:?} {consigned:?} {custody:?} {custody_for:?} {outgoing:?} {links:?} \
         {inboxes:?} {owed:?} {due:?} {heard:?} {renewed:?} {witnessed:?} {recalls:?} {epochs:?}"
    )
}

/// A choice of what happens, made into facts that fit the state.
type Choice = (u8, u8, u8, u8);

fn acceptance(state: &State, (_, a, b, c): Choice) -> Vec<Fact> {
    let index = state.next_index;
    let from_office = a % 2 == 0;
    let (of, attempt) = (if from_office { own() } else { ledger(2) }, u16::from(c % 3));
    let id = EnvelopeId { origin: of.node, epoch: 0, counter: index };
    let mut units: Vec<Target> = (0..=b % 4).map(|n| Target { node: node(n), attempt }).collect();
    units.sort();
    let acceptance = Acceptance {
        at: EntryRef { ledger: own(), index, leaf: Digest::of(&[a, b, c]) },
        id,
        header: Digest::of(&[a, b]),
        source: if from_office { Source::Office } else { Source::Neighbour { node: node(2), link: index } },
        numbers: units.iter().map(|_| u64::from(c)).collect(),
        units,
        urgency: Urgency::default(),
        deadline: WallTime::EPOCH,
        size: 7,
        inline: b % 2 == 0,
        path: vec![node(2)],
        key: None,
    };
    let home = (c % 2 == 0).then(|| ORIGIN.parse().unwrap());
    vec![
        Fact::Entered(Entered { index, bytes: vec![a, b, c], home }),
        Fact::Accepted(alloc::boxed::Box::new(acceptance)),
    ]
}

fn happens(state: &State, choice: Choice) -> Vec<Fact> {
    let (kind, a, b, c) = choice;
    let holding = state.holdings.values().nth(usize::from(a) % state.holdings.len().max(1));
    let hop = node(b);
    let link = u64::from(c) % state.links.get(&hop).map_or(1, |link| link.next.max(1));
    let (of, indexes) = (ledger(b), vec![u64::from(a), u64::from(c)]);
    let Some(held) = holding else { return acceptance(state, choice) };
    let id = held.acceptance.id;
    let first = held.open.first().copied().unwrap_or(Target { node: node(0), attempt: 0 });
    let index = held.acceptance.at.index;
    let shown = state.inboxes.iter().map(|(id, office, _)| (id, office.clone()));
    let inbox = shown.collect::<Vec<_>>().into_iter().cycle().nth(usize::from(a));
    let fact = match kind % 21 {
        0..=2 => return acceptance(state, choice),
        3 | 4 => Fact::Assigned {
            holding: index,
            hop,
            link: state.links.get(&hop).map_or(0, |link| link.next),
            units: held.open.iter().copied().take(1 + usize::from(c % 2)).collect(),
        },
        5 => Fact::Passed { hop, link },
        6 => Fact::Withdrawn { hop, link },
        7 => Fact::Consigned(Consigned {
            holding: index,
            attempt: first.attempt,
            at: (c % 4 != 0).then_some(held.acceptance.at),
            offices: vec![Office { name: "bgs".parse().unwrap(), commitment: Digest::of(&[c]) }],
        }),
        8 => Fact::Ended { id, node: first.node, end: End::Failed },
        9 => Fact::Attempted { id, node: first.node, attempt: first.attempt + 1 },
        10 => Fact::AttemptFailed { id, node: first.node, attempt: first.attempt },
        11 => Fact::Heard { ledger: of, indexes },
        12 => Fact::Renewed { ledger: of, indexes },
        13 => Fact::Kept { origin: ORIGIN.parse().unwrap(), indexes },
        14 => Fact::Owed { origin: node(b), indexes },
        15 => Fact::Witnessed(Head { ledger: of, size: u64::from(a), root: Digest::of(&[c]) }),
        16 => Fact::Recall(match c % 4 {
            0 => {
                RecallFact::Requested { id, acceptance: index, request: index, asked: vec![node(1), node(2)] }
            }
            1 => RecallFact::Answered { id, node: node(1) },
            2 => RecallFact::Tombstone { id, index },
            _ => RecallFact::Denied { id, index },
        }),
        17 => Fact::EpochOpened(alloc::boxed::Box::new(EpochStatement {
            ledger: LedgerId { epoch: 1 + u32::from(c), ..of },
            checkpoint: vec![a],
            entry: vec![b],
            path: vec![Digest::of(&[c])],
        })),
        18 => Fact::Custodian { id, node: node(b), units: vec![first] },
        19 => Fact::Claimed { id, node: node(b), units: vec![first], expired: c % 2 == 0 },
        _ => match inbox {
            Some((id, office)) if c % 2 == 0 => Fact::Handed { office, id, index: u64::from(a) },
            Some((id, office)) => Fact::Acted { office, id, act: Act::SignedFor, index: u64::from(a) },
            None => Fact::Discharged { holding: index, units: vec![first] },
        },
    };
    vec![fact]
}

/// A state and the facts that made it.
fn history(choices: &[Choice]) -> (State, Vec<Fact>) {
    let (mut state, mut facts) = (State::new(own()), Vec::new());
    go_on(&mut state, &mut facts, choices);
    (state, facts)
}

fn go_on(state: &mut State, facts: &mut Vec<Fact>, choices: &[Choice]) {
    for choice in choices {
        for fact in happens(state, *choice) {
            state.apply(&fact, 0);
            facts.push(fact);
        }
    }
}

fn recalled<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> State {
    let (mut state, mut recalling) = (State::new(own()), Replaying::default());
    facts.into_iter().for_each(|fact| recalling.recall(&mut state, fact));
    state
}

fn whole(state: &State) -> Vec<Fact> {
    let mut facts = state.condensed(0, Digest::of(b"root"));
    facts.push(Fact::Condensed(Condensed::End));
    facts
}

fn choices(max: usize) -> impl Strategy<Value = Vec<Choice>> {
    proptest::collection::vec(any::<Choice>(), 0..max)
}

proptest! {
    #[test]
    fn a_condensed_state_is_the_state_with_its_history_and_without(before in choices(60), after in choices(30)) {
        let (mut state, mut facts) = history(&before);
        let condensed = whole(&state);
        prop_assert_eq!(durable(&recalled(&condensed)), durable(&state));
        prop_assert_eq!(durable(&recalled(facts.iter().chain(&condensed))), durable(&state));
        let came_before = facts.len();
        go_on(&mut state, &mut facts, &after);
        let later = &facts[came_before..];
        prop_assert_eq!(durable(&recalled(condensed.iter().chain(later))), durable(&state));
        prop_assert_eq!(durable(&recalled(whole(&state).iter())), durable(&state));
    }

    #[test]
    fn what_stands_in_kept_segments_before_a_copy_is_no_history_and_no_beginning(
        before in choices(60), after in choices(30), cut in any::<bool>(),
    ) {
        let key = SubmissionKey { key: Digest::of(b"key"), submission: Digest::of(b"submission") };
        let kept = [Condensed::Continued, Condensed::Key { key, index: 3 }].map(Fact::Condensed);
        let (mut state, mut facts) = history(&before);
        let mut condensed = whole(&state);
        // Even where its last record is damaged.
        condensed.truncate(condensed.len() - usize::from(cut));
        let came_before = facts.len();
        go_on(&mut state, &mut facts, &after);
        let later = &facts[came_before..];
        prop_assert_eq!(durable(&recalled(kept.iter().chain(&condensed).chain(later))), durable(&state));
    }

    #[test]
    fn what_was_not_condensed_to_its_end_counts_for_nothing(
        before in choices(60), after in choices(30), cut: prop::sample::Index,
    ) {
        let (mut state, mut facts) = history(&before);
        prop_assume!(!facts.is_empty());
        let condensed = whole(&state);
        let part = &condensed[..cut.index(condensed.len())];
        prop_assert_eq!(durable(&recalled(facts.iter().chain(part))), durable(&state));
        let came_before = facts.len();
        go_on(&mut state, &mut facts, &after);
        let (first, later) = facts.split_at(came_before);
        prop_assert_eq!(durable(&recalled(first.iter().chain(part).chain(later))), durable(&state));
        // Tried again, it counts.
        prop_assert_eq!(
            durable(&recalled(first.iter().chain(part).chain(later).chain(&whole(&state)))), durable(&state)
        );
    }
}

#[test]
fn a_beginning_that_lost_its_first_or_last_part_still_counts() {
    let choices: Vec<Choice> = (0..40).map(|n| (n, n, n / 2, n)).collect();
    let (state, _) = history(&choices);
    let condensed = whole(&state);
    let fact = Fact::Heard { ledger: ledger(1), indexes: vec![999] };
    let expected = recalled(condensed.iter().chain([&fact]));
    let without_end = recalled(condensed[..condensed.len() - 1].iter().chain([&fact]));
    assert_eq!(durable(&without_end), durable(&expected));
    assert_eq!(recalled(&condensed[1..]).holdings.len(), state.holdings.len());
}

#[test]
fn sets_with_gaps_everywhere_are_said_in_bits_and_are_the_same_again() {
    let mut state = State::new(own());
    // Over the border of a chunk, and a row without gaps beside it.
    let indexes: Vec<u64> = (50_000..70_000).filter(|n| n % 3 != 0).chain(500_000..500_100).collect();
    state.apply(&Fact::Heard { ledger: ledger(1), indexes: indexes.clone() }, 0);
    let condensed = whole(&state);
    let bits = |fact: &&Fact| matches!(fact, Fact::Condensed(Condensed::NumberBits { .. }));
    assert!(condensed.iter().filter(bits).count() == 1, "the part with fewer gaps stays intervals");
    assert_eq!(durable(&recalled(&condensed)), durable(&state));
    assert_eq!(recalled(&condensed).heard[&ledger(1)].len(), indexes.len() as u64);
}
