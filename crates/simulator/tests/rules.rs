//! Single rules of a node, one event after another: what no neighbour of a simulated world offers, and what takes luck to meet there.
#![cfg(test)]
#![allow(clippy::panic, reason = "this is test code in a file of its own")]

use yizhan_document::{Classification, Digest, EnvelopeId, LedgerId, NodeId, Urgency, WallTime};
use yizhan_exchange::{Effect, Event, HeardEntry, Node, Now, OfferedEnvelope, Profile, Room};
use yizhan_ledger::{EntryRef, Event as Entered, Head, Target};
use yizhan_simulator::network_of_seven;

#[path = "rules/clocks.rs"]
mod clocks;
#[path = "rules/custodians.rs"]
mod custodians;
#[path = "rules/epochs.rs"]
mod epochs;
#[path = "rules/evidence.rs"]
mod evidence;
#[path = "rules/further_attempts.rs"]
mod further_attempts;
#[path = "rules/handing_in.rs"]
mod handing_in;
#[path = "rules/quotas.rs"]
mod quotas;
#[path = "rules/rerouting.rs"]
mod rerouting;
#[path = "rules/together.rs"]
mod together;

const REGION: &str = "65";
const PREFECTURE: &str = "6523";
const COUNTY: &str = "652301";
const STAGED: u64 = 7;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

fn node(name: &str) -> NodeId {
    name.parse().unwrap()
}

fn ledger(name: &str) -> LedgerId {
    LedgerId { node: node(name), epoch: 0 }
}

fn id(origin: &str, counter: u64) -> EnvelopeId {
    EnvelopeId { origin: node(origin), epoch: 0, counter }
}

fn header() -> Digest {
    Digest::of(b"header")
}

fn target(name: &str, attempt: u16) -> Target {
    Target { node: node(name), attempt }
}

fn entry_of(name: &str, index: u64) -> EntryRef {
    EntryRef { ledger: ledger(name), index, leaf: Digest::of(b"entry") }
}

/// A node that makes durable what it decides as soon as it is told to.
struct Alone {
    node: Node,
    uptime: u64,
    /// How far its clock was set off.
    off_ms: i64,
}

impl Alone {
    fn start(name: &str) -> Self {
        let profile = Profile {
            network: "xinjiang.example".to_owned(),
            ledger: ledger(name),
            max_classification: Classification::Internal,
            previous: Vec::new(),
        };
        let mut alone = Self { node: Node::new(profile, network_of_seven()), uptime: 0, off_ms: 0 };
        let begun = alone.node.start(alone.now());
        alone.durable(&begun);
        alone
    }

    fn now(&self) -> Now {
        let right: u64 = 1_795_161_600_000 + self.uptime;
        Now { wall: WallTime::from_ms(right.saturating_add_signed(self.off_ms)), uptime: self.uptime }
    }

    fn deadline(&self) -> WallTime {
        self.now().wall.plus_ms(DAY_MS)
    }

    /// Hands an event in; nothing of it is durable yet.
    fn hear(&mut self, event: Event) -> Vec<Effect> {
        self.uptime += 1;
        self.node.handle(self.now(), event)
    }

    /// Makes durable what these effects ask for; what waited for it.
    fn durable(&mut self, effects: &[Effect]) -> Vec<Effect> {
        let ticket = effects.iter().find_map(|effect| match effect {
            Effect::Persist { ticket, .. } => Some(*ticket),
            _ => None,
        });
        ticket.map_or_else(Vec::new, |ticket| self.hear(Event::Persisted { ticket }))
    }

    /// Hands an event in and makes it durable; everything that came of it.
    fn settle(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = self.hear(event);
        let mut now = self.durable(&effects);
        while !now.is_empty() {
            let next = self.durable(&now);
            effects.append(&mut now);
            now = next;
        }
        effects
    }

    fn link_up(&mut self, neighbour: &str) {
        let clock_ms = self.now().wall.as_ms();
        self.settle(Event::LinkUp { neighbour: node(neighbour), clock_ms });
    }

    /// An envelope of the county for the region, offered under a number of the link.
    fn offered(&self, link: u64) -> OfferedEnvelope {
        OfferedEnvelope {
            link,
            id: id(COUNTY, 0),
            header: header(),
            units: vec![target(REGION, 0)],
            urgency: Urgency::Normal,
            classification: Classification::Unclassified,
            deadline: self.deadline(),
            size: 100,
            inline: true,
            rests_on: entry_of(COUNTY, 1),
            path: vec![node(COUNTY)],
        }
    }

    /// Offers it, with a change, and gives what became of it.
    fn offer(&mut self, link: u64, change: impl FnOnce(&mut OfferedEnvelope)) -> Vec<Effect> {
        let mut offered = self.offered(link);
        change(&mut offered);
        self.settle(Event::Offered { neighbour: node(COUNTY), offered, staged: STAGED })
    }
}

fn refusal(effects: &[Effect]) -> Option<(&str, bool)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Reject { reason, retry, .. } => Some((reason.as_str(), *retry)),
        _ => None,
    })
}

fn custody(effects: &[Effect]) -> Vec<(u64, u64)> {
    let given = effects.iter().filter_map(|effect| match effect {
        Effect::Custody { acknowledged, .. } => Some(acknowledged.clone()),
        _ => None,
    });
    given.flatten().collect()
}

/// The acceptance of the first offer of whoever held the units before.
fn acceptance(id: EnvelopeId, envelope: Digest, units: Vec<Target>, rests_on: EntryRef) -> Entered {
    Entered::RelayAcceptance { id, envelope, units, from: rests_on.ledger.node, link: 0, rests_on }
}

#[test]
fn an_offer_is_taken_once_and_the_same_offer_gets_the_same_answer() {
    let mut relay = Alone::start(PREFECTURE);
    relay.link_up(REGION);
    let first = custody(&relay.offer(0, |_| {}));
    assert_eq!(first.len(), 1);
    let size = relay.node.state().ledger_size();
    assert_eq!(custody(&relay.offer(0, |_| {})), first);
    assert_eq!(relay.node.state().ledger_size(), size, "nothing may be entered a second time (MUST-07)");
}

#[test]
fn no_word_leaves_before_what_it_rests_on_is_durable() {
    let mut relay = Alone::start(PREFECTURE);
    let offered = relay.offered(0);
    let decided = relay.hear(Event::Offered { neighbour: node(COUNTY), offered, staged: STAGED });
    assert!(custody(&decided).is_empty(), "custody before the disk (MUST-09): {decided:?}");
    assert_eq!(custody(&relay.durable(&decided)).len(), 1);
}

#[test]
fn an_offer_in_whose_path_the_node_stands_is_refused_for_good() {
    let mut relay = Alone::start(PREFECTURE);
    let effects = relay.offer(0, |offered| offered.path = vec![node(PREFECTURE), node(COUNTY)]);
    assert_eq!(refusal(&effects), Some(("loop", false)), "MUST-11");
}

#[test]
fn an_offer_above_what_the_node_may_carry_is_refused_for_good() {
    let mut relay = Alone::start(PREFECTURE);
    let effects = relay.offer(0, |offered| offered.classification = Classification::Confidential);
    assert_eq!(refusal(&effects), Some(("classification", false)));
    assert_eq!(
        custody(&relay.offer(1, |offered| offered.classification = Classification::Internal)).len(),
        1
    );
}

#[test]
fn a_node_without_room_takes_no_offer_and_says_that_it_may_be_made_again() {
    let mut relay = Alone::start(PREFECTURE);
    relay.settle(Event::Room(Room::NoDocuments));
    assert_eq!(refusal(&relay.offer(0, |_| {})), Some(("full", true)));
    relay.settle(Event::Room(Room::Ample));
    assert_eq!(custody(&relay.offer(0, |_| {})).len(), 1);
}

#[test]
fn custody_passes_only_on_an_acceptance_of_exactly_what_was_offered() {
    for (units, named) in [
        (vec![target(REGION, 0), target("6531", 0)], header()),
        (vec![target(REGION, 1)], header()),
        (vec![target(REGION, 0)], Digest::of(b"another header")),
        (vec![target(REGION, 0)], header()),
    ] {
        let good = units == [target(REGION, 0)] && named == header();
        let mut origin = Alone::start(COUNTY);
        origin.link_up(PREFECTURE);
        let id = origin.submit(REGION);
        let event = acceptance(id, named, units, entry_of(COUNTY, 1));
        let head = Head { ledger: ledger(PREFECTURE), size: 4, root: Digest::of(b"root") };
        let heard = HeardEntry { at: entry_of(PREFECTURE, 3), time: WallTime::EPOCH, event };
        let (neighbour, acknowledged) = (node(PREFECTURE), vec![(0, heard)]);
        origin.settle(Event::CustodyTaken { neighbour, head, acknowledged, staged: STAGED });
        let waits = origin.node.state().outbound(node(PREFECTURE)).count();
        assert_eq!(waits, usize::from(!good), "MUST-13");
    }
}

#[test]
fn the_acceptance_of_a_relay_is_no_end_and_the_envelope_stays_until_there_is_one() {
    let mut origin = Alone::start(COUNTY);
    origin.link_up(PREFECTURE);
    let id = origin.submit(REGION);
    let taken_over = acceptance(id, header(), vec![target(REGION, 0)], entry_of(COUNTY, 1));
    let head = Head { ledger: ledger(PREFECTURE), size: 4, root: Digest::of(b"root") };
    let heard = HeardEntry { at: entry_of(PREFECTURE, 3), time: WallTime::EPOCH, event: taken_over };
    let neighbour = node(PREFECTURE);
    let taken = Event::CustodyTaken { neighbour, head, acknowledged: vec![(0, heard)], staged: STAGED };
    let mut told = origin.settle(taken);
    // The next one takes it too, and says so to the origin.
    let event = acceptance(id, header(), vec![target(REGION, 0)], entry_of(PREFECTURE, 3));
    told.extend(origin.settle(home(entry_of(REGION, 1), event)));
    let released = |told: &[Effect]| told.iter().any(|effect| matches!(effect, Effect::Release { .. }));
    assert!(!released(&told), "MUST-16: {told:?}");
    assert_eq!(origin.node.state().outgoing(), 1, "delivered never means that the next server took it");
    let end = Entered::ContentConsignment {
        id,
        envelope: header(),
        attempt: 0,
        offices: vec![Digest::of(b"office")],
        rests_on: entry_of(REGION, 1),
    };
    let told = origin.settle(home(entry_of(REGION, 2), end));
    assert!(released(&told) && origin.node.state().outgoing() == 0);
}

/// A receipt that arrives at the county, its origin.
fn home(at: EntryRef, event: Entered) -> Event {
    Event::ReceiptsArrived {
        neighbour: node(PREFECTURE),
        origin: node(COUNTY),
        hops_left: 8,
        ledger: at.ledger,
        entries: vec![HeardEntry { at, time: WallTime::EPOCH, event }],
        witnessed: false,
        staged: STAGED,
    }
}

#[test]
fn a_failure_told_again_and_again_opens_one_attempt() {
    let mut origin = Alone::start(COUNTY);
    origin.link_up(PREFECTURE);
    let id = origin.submit(REGION);
    let taken = acceptance(id, header(), vec![target(REGION, 0)], entry_of(COUNTY, 1));
    origin.settle(home(entry_of(PREFECTURE, 2), taken));
    for index in 3..6 {
        let (units, reason) = (vec![target(REGION, 0)], "damaged".to_owned());
        let event = Entered::RelayFailure { id, envelope: header(), units, reason };
        origin.settle(home(entry_of(PREFECTURE, index), event));
        origin.uptime += 60_000;
        origin.settle(Event::Tick);
    }
    let open = origin.node.state().outbound(node(PREFECTURE));
    let attempts: Vec<u16> = open.flat_map(|(_, _, units)| units.iter().map(|unit| unit.attempt)).collect();
    assert_eq!(attempts, [0, 1], "MUST-16: one failure, one new attempt");
}

#[test]
fn a_confirmation_waits_until_the_receipt_is_durable() {
    let mut origin = Alone::start(COUNTY);
    origin.link_up(PREFECTURE);
    let id = origin.submit(REGION);
    let (units, reason) = (vec![target(REGION, 0)], "damaged".to_owned());
    let event = Entered::RelayFailure { id, envelope: header(), units, reason };
    let heard = origin.hear(home(entry_of(PREFECTURE, 3), event));
    let kept = |effects: &[Effect]| effects.iter().any(|effect| matches!(effect, Effect::SendKept { .. }));
    assert!(!kept(&heard), "MUST-20: {heard:?}");
    assert!(kept(&origin.durable(&heard)));
}

#[test]
fn a_unit_whose_offer_is_unanswered_does_not_expire() {
    let mut origin = Alone::start(COUNTY);
    origin.link_up(PREFECTURE);
    origin.submit(REGION);
    origin.uptime += 2 * DAY_MS;
    origin.settle(Event::Tick);
    assert_eq!(origin.node.state().outgoing(), 1, "MUST-17: the neighbour may hold it");
    // One that was never offered does.
    let mut origin = Alone::start(COUNTY);
    origin.link_up(PREFECTURE);
    origin.settle(Event::LinkDown { neighbour: node(PREFECTURE) });
    origin.submit(REGION);
    origin.uptime += 2 * DAY_MS;
    origin.settle(Event::Tick);
    assert_eq!(origin.node.state().outgoing(), 0);
}

#[test]
fn a_smaller_head_than_the_known_one_is_not_cosigned() {
    let mut node_under = Alone::start(COUNTY);
    let neighbour = node(PREFECTURE);
    for (size, cosigned) in [(5, true), (4, false), (5, false), (6, true)] {
        let head = Head { ledger: ledger(PREFECTURE), size, root: Digest::of(b"root") };
        let effects = node_under.settle(Event::Witnessed { neighbour, head });
        let signs = effects.iter().any(|effect| matches!(effect, Effect::Cosign { .. }));
        assert_eq!(signs, cosigned, "MUST-23, at {size}");
    }
}

#[test]
fn a_receipt_goes_home_again_and_again_until_its_origin_confirms_it() {
    let mut relay = Alone::start(PREFECTURE);
    relay.link_up(COUNTY);
    let damaged = |relay: &mut Alone| {
        relay.offer(0, |_| {});
        let holding = *relay.node.state().holdings().keys().next().unwrap();
        relay.settle(Event::Damaged { holding })
    };
    let sends =
        |effects: &[Effect]| effects.iter().any(|effect| matches!(effect, Effect::SendReceipts { .. }));
    assert!(sends(&damaged(&mut relay)));
    for round in 0..4 {
        relay.uptime += DAY_MS;
        assert!(sends(&relay.settle(Event::Tick)), "round {round} (MUST-19)");
    }
}
