//! Tests of entries: their form, and that the longest there may be fit an entry bundle.

use crate::entry::*;
use crate::recall::RecallAnswer;
use yizhan_document::{Digest, NodeId, Urgency, WallTime};

#[test]
fn an_entry_is_one_flat_json_object_with_its_kind() {
    let entry = Entry {
        time: WallTime::from_ms(1_795_161_600_123),
        event: Event::SignedFor(OfficeEvent {
            id: "652301.0.42".parse().unwrap(),
            envelope: Digest::of(b"header"),
            attempt: 0,
            office: Digest::of(b"office"),
            statement: Some(Digest::of(b"statement")),
            rests_on: EntryRef::to("653101.0".parse().unwrap(), 7, b"entry"),
        }),
    };
    let bytes = entry.to_bytes().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(json["kind"], "SignedFor");
    assert_eq!(json["id"], "652301.0.42");
    assert_eq!(json["rests_on"]["ledger"], "653101.0");
    assert_eq!(json["time"], "2026-11-20T08:00:00.123Z");
    assert_eq!(Entry::from_bytes(&bytes).unwrap(), entry);
}

#[test]
fn the_envelope_that_an_entry_is_about_is_found_as_in_the_whole() {
    let id = "652301.0.42".parse().unwrap();
    let (envelope, root) = (Digest::of(b"header"), Digest::of(b"root"));
    let failure =
        Event::RelayFailure { id, envelope, units: Vec::new(), reason: "damaged \"id\"".to_owned() };
    let to = "653101.0".parse().unwrap();
    let passed = Event::CustodyPassed { to, size: 1, root, passed: Vec::new() };
    let answer = RecallAnswer { id, envelope, to: Vec::new(), rests_on: EntryRef::to(to, 7, b"entry") };
    for event in [failure, passed, Event::Recalled(answer)] {
        let entry = Entry { time: WallTime::EPOCH, event };
        assert_eq!(Entry::envelope_id_in(&entry.to_bytes().unwrap()), entry.event.envelope_id());
    }
    assert_eq!(Entry::envelope_id_in(b"{\"id\":\"652301.0.42\""), None, "cut off");
}

#[test]
fn an_acceptance_of_as_many_units_as_allowed_fits_an_entry_bundle() {
    let node: NodeId = "1234567890123456".parse().unwrap();
    let event = Event::RelayAcceptance {
        id: "1234567890123456.4294967295.18446744073709551615".parse().unwrap(),
        envelope: Digest::of(b"header"),
        units: vec![Target { node, attempt: 12 }; UNITS_PER_ENTRY_MAX],
        from: node,
        link: u64::MAX,
        rests_on: EntryRef::to("1234567890123456.4294967295".parse().unwrap(), u64::MAX, b"entry"),
    };
    assert!(Entry { time: WallTime::EPOCH, event }.to_bytes().is_ok());
}

#[test]
fn an_acceptance_for_the_largest_circular_fits_an_entry_bundle() {
    let to = (0..yizhan_document::limits::DESTINATIONS_MAX)
        .map(|n| format!("{:012}", n + 100_000_000_000).parse().unwrap())
        .collect();
    let event = Event::SubmissionAcceptance {
        id: "652301.0.42".parse().unwrap(),
        envelope: Digest::of(b"header"),
        manifest: Digest::of(b"manifest"),
        to,
        urgency: Urgency::Flash,
        deadline: WallTime::from_ms(u64::MAX),
        size: u64::MAX,
        directory: u64::MAX,
    };
    assert!(Entry { time: WallTime::EPOCH, event }.to_bytes().is_ok());
}
