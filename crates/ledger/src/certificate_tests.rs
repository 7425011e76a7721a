//! What entries come to, the text of it, and that a certificate rests on what it carries alone.

use super::*;
use crate::{Entry, EntryRef, Event, OfficeEvent, RecallAnswer, Target};
use proptest::prelude::*;
use yizhan_document::{Attempt, NodeId, Urgency};

const HEADER: &[u8] = b"header";
const COUNTIES: [&str; 4] = ["652301", "652302", "652324", "659001"];

fn node(text: &str) -> NodeId {
    text.parse().unwrap()
}

fn document() -> EnvelopeId {
    "65.0.7".parse().unwrap()
}

fn at(ms: u64) -> WallTime {
    WallTime::from_ms(1_795_161_600_000 + ms)
}

fn stating() -> Stating {
    Stating { network: "xinjiang.example".into(), ledger: "65.0".parse().unwrap(), time: at(99_000) }
}

fn placed(ledger: &str, index: u64, event: Event) -> PlacedEntry {
    let entry = Entry { time: at(index * 10), event };
    PlacedEntry::read(ledger.parse().unwrap(), index, &entry.to_bytes().unwrap()).unwrap()
}

fn accepted() -> PlacedEntry {
    let event = Event::SubmissionAcceptance {
        id: document(),
        envelope: Digest::of(HEADER),
        manifest: Digest::of(b"manifest"),
        to: COUNTIES.map(node).to_vec(),
        urgency: Urgency::Normal,
        deadline: at(9_000_000),
        size: 4096,
        directory: 1,
    };
    placed("65.0", 3, event)
}

fn relayed(ledger: &str, index: u64, to: &[&str], attempt: Attempt, below: EntryRef) -> PlacedEntry {
    let event = Event::RelayAcceptance {
        id: document(),
        envelope: Digest::of(HEADER),
        units: to.iter().map(|to| Target { node: node(to), attempt }).collect(),
        from: below.ledger.node,
        link: index,
        rests_on: below,
    };
    placed(ledger, index, event)
}

fn consigned(county: &str, offices: &[&str]) -> PlacedEntry {
    let event = Event::ContentConsignment {
        id: document(),
        envelope: Digest::of(HEADER),
        attempt: 0,
        offices: offices.iter().map(|office| Digest::of(office.as_bytes())).collect(),
        rests_on: accepted().at,
    };
    placed(&format!("{county}.0"), 5, event)
}

fn act(of: &PlacedEntry, index: u64, office: &str) -> OfficeEvent {
    OfficeEvent {
        id: document(),
        envelope: Digest::of(HEADER),
        attempt: 0,
        office: Digest::of(office.as_bytes()),
        statement: Some(Digest::of(&index.to_be_bytes())),
        rests_on: of.at,
    }
}

fn stated(entries: &[PlacedEntry]) -> (DeliveryStatement, Vec<PlacedEntry>) {
    DeliveryStatement::of(&stating(), document(), entries).unwrap()
}

fn standing(entries: &[PlacedEntry], county: &str) -> (Standing, String, WallTime) {
    let (statement, _) = stated(entries);
    let found = statement.destinations.iter().find(|destination| destination.node == node(county)).unwrap();
    (found.standing, found.holder.to_string(), found.since)
}

#[test]
fn nothing_but_the_acceptance_leaves_everything_with_the_origin() {
    let (statement, needed) = stated(&[accepted()]);
    assert_eq!((statement.delivered(), statement.signed_for(), statement.missing().count()), (0, 0, 4));
    assert_eq!(needed, [accepted()]);
    assert_eq!(standing(&[accepted()], "652301"), (Standing::Accepted, "65".into(), at(30)));
}

#[test]
fn the_missing_are_named_with_whoever_took_custody_last_whatever_the_clocks_say() {
    let prefecture = relayed("6523.0", 9, &["652301", "652302"], 0, accepted().at);
    let county = relayed("652301.0", 2, &["652301"], 0, prefecture.at);
    let entries = [accepted(), prefecture.clone(), county.clone()];
    assert_eq!(standing(&entries, "652301"), (Standing::AtNode, "652301".into(), at(20)));
    assert_eq!(standing(&entries, "652302"), (Standing::AtNode, "6523".into(), at(90)));
    assert_eq!(standing(&entries, "659001"), (Standing::Accepted, "65".into(), at(30)));
    let again = relayed("6523.0", 20, &["652301"], 1, accepted().at);
    let entries = [accepted(), prefecture, county, again];
    assert_eq!(standing(&entries, "652301").1, "6523", "a later attempt counts");
}

#[test]
fn an_office_that_has_not_signed_keeps_its_node_from_counting_as_signed_for() {
    let consigned = consigned("652301", &["gov-office", "archive"]);
    let one = placed("652301.0", 8, Event::SignedFor(act(&consigned, 8, "gov-office")));
    let other = placed("652301.0", 9, Event::SignedFor(act(&consigned, 9, "archive")));
    let stranger = placed("652301.0", 10, Event::SignedFor(act(&consigned, 10, "nobody")));
    let returned = placed("652301.0", 11, Event::Returned(act(&consigned, 11, "archive")));
    let mut entries = vec![accepted(), consigned, one, stranger];
    assert_eq!(standing(&entries, "652301"), (Standing::Delivered, "652301".into(), at(50)));
    entries.push(other);
    assert_eq!(standing(&entries, "652301"), (Standing::SignedFor, "652301".into(), at(90)));
    assert_eq!(stated(&entries).0.signed_for(), 1);
    entries.push(returned);
    assert_eq!(standing(&entries, "652301"), (Standing::Returned, "652301".into(), at(110)));
    assert_eq!(stated(&entries).0.delivered(), 1);
}

#[test]
fn what_was_lost_on_the_way_is_with_the_origin_again_and_what_expired_is_over() {
    let prefecture = relayed("6523.0", 9, &["652301", "652302"], 0, accepted().at);
    let units = vec![Target { node: node("652301"), attempt: 0 }];
    let (id, envelope) = (document(), Digest::of(HEADER));
    let reason = "damaged".to_owned();
    let lost = placed("6523.0", 10, Event::RelayFailure { id, envelope, units: units.clone(), reason });
    let entries = [accepted(), prefecture.clone(), lost];
    assert_eq!(standing(&entries, "652301"), (Standing::Accepted, "65".into(), at(100)));
    let expired = placed("6523.0", 11, Event::AcceptanceRejectionExpiry { id, envelope, units });
    assert_eq!(standing(&[accepted(), prefecture, expired], "652301").0, Standing::Expired);
}

#[test]
fn a_recalled_destination_is_neither_delivered_nor_missing_and_only_itself_or_the_origin_says_so() {
    let recalled = |ledger: &str| {
        let answer = RecallAnswer {
            id: document(),
            envelope: Digest::of(HEADER),
            to: vec![node("652301")],
            rests_on: accepted().at,
        };
        placed(ledger, 30, Event::Recalled(answer))
    };
    for (ledger, missing) in [("652301.0", 3), ("65.0", 3), ("652302.0", 4)] {
        let (statement, _) = stated(&[accepted(), recalled(ledger)]);
        assert_eq!((statement.delivered(), statement.missing().count()), (0, missing), "{ledger}");
    }
}

#[test]
fn entries_of_other_documents_or_headers_and_other_nodes_change_nothing() {
    let other = |mut placed: PlacedEntry| {
        if let Event::ContentConsignment { envelope, .. } = &mut placed.entry.event {
            *envelope = Digest::of(b"another header");
        }
        placed
    };
    let (statement, needed) = stated(&[accepted(), other(consigned("652301", &["gov-office"]))]);
    assert_eq!((statement.delivered(), needed.len()), (0, 1));
    let bystander = consigned("654002", &["gov-office"]);
    assert_eq!(stated(&[accepted(), bystander]).1.len(), 1);
    let elsewhere = Stating { ledger: "6523.0".parse().unwrap(), ..stating() };
    let refused = DeliveryStatement::of(&elsewhere, document(), &[accepted()]);
    assert_eq!(refused, Err(CertificateError::NotTheOrigin { document: document() }));
}

#[test]
fn another_count_another_order_or_another_spelling_is_refused() {
    let (statement, _) = stated(&[accepted(), consigned("652301", &["gov-office"])]);
    let text = statement.to_text();
    assert_eq!(DeliveryStatement::from_text(&text), Ok(statement));
    for (good, bad) in [
        ("delivered 1 of 4", "delivered 4 of 4"),
        ("signed-for 0", "signed-for 1"),
        ("652302 accepted", "652302 delivered"),
        ("receipts 2 ", "receipts 02 "),
        ("document 65.0.7", "document 65.0.07"),
        ("certificate v1", "certificate v2"),
        ("network ", "network"),
    ] {
        assert!(text.contains(good), "{good}");
        assert!(DeliveryStatement::from_text(&text.replacen(good, bad, 1)).is_err(), "{bad}");
    }
    assert!(DeliveryStatement::from_text(&format!("{text}more\n")).is_err());
    assert!(DeliveryStatement::from_text("").is_err());
}

fn any_entry() -> impl Strategy<Value = PlacedEntry> {
    let county = prop::sample::select(COUNTIES.to_vec());
    let some = prop::sample::subsequence(COUNTIES.to_vec(), 1..=4);
    (county, some, 0u16..3, 0u64..40, 0u8..9, 0u64..3).prop_map(
        |(county, some, attempt, index, kind, below)| {
            let (id, envelope) = (document(), Digest::of(HEADER));
            let county_ledger = format!("{county}.0");
            let units = || some.iter().map(|to| Target { node: node(to), attempt }).collect::<Vec<_>>();
            let prefecture = relayed("6523.0", below, &some, attempt, accepted().at);
            let consigned = consigned(county, &["gov-office", "archive"]);
            let office = if index % 2 == 0 { "gov-office" } else { "archive" };
            match kind {
                0 => prefecture,
                1 => relayed("6524.0", index, &some, attempt, prefecture.at),
                2 => relayed(&county_ledger, 50 + index, &[county], attempt, prefecture.at),
                3 => consigned,
                4 => placed(&county_ledger, 100 + index, Event::SignedFor(act(&consigned, index, office))),
                5 => placed(&county_ledger, 200 + index, Event::Refused(act(&consigned, index, office))),
                6 => placed(
                    "6523.0",
                    300 + index,
                    Event::AcceptanceRejectionExpiry { id, envelope, units: units() },
                ),
                7 => {
                    let reason = "damaged".to_owned();
                    placed(
                        "6523.0",
                        400 + index,
                        Event::RelayFailure { id, envelope, units: units(), reason },
                    )
                }
                _ => placed(&county_ledger, 500 + index, Event::Returned(act(&consigned, index, office))),
            }
        },
    )
}

proptest! {
    #[test]
    fn a_statement_comes_out_of_its_own_receipts_again_in_any_order(
        entries in prop::collection::vec(any_entry(), 0..30),
        turn in 0usize..30,
    ) {
        let mut entries: Vec<PlacedEntry> = std::iter::once(accepted()).chain(entries).collect();
        let (statement, needed) = stated(&entries);
        prop_assert_eq!(&stated(&needed).0, &statement);
        let turn = turn % entries.len();
        entries.rotate_left(turn);
        prop_assert_eq!(&stated(&entries).0, &statement);
        prop_assert_eq!(DeliveryStatement::from_text(&statement.to_text()).unwrap(), statement);
    }
}
