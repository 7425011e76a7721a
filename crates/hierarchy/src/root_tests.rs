//! Tests of the text of a root.

use super::*;
use crate::sample::node;
use proptest::prelude::*;

fn root() -> Root {
    Root {
        network: "xinjiang.example".into(),
        version: 1,
        issued: "2026-11-20T08:00:00Z".parse().unwrap(),
        expires: "2027-11-20T08:00:00Z".parse().unwrap(),
        threshold: 1,
        ca: Digest::of(b"ca"),
        policy: None,
        agreements: vec![],
        revoked: vec![],
        delegations: vec![],
        divisions: vec![(node("65"), Digest::of(b"65")), (node("6523"), Digest::of(b"6523"))],
    }
}

#[test]
fn the_text_is_the_published_one() {
    let text = format!(
        "yizhan directory v1\nnetwork xinjiang.example\nversion 1\nissued 2026-11-20T08:00:00.000Z\n\
         expires 2027-11-20T08:00:00.000Z\nthreshold 1\nca {}\ndivision 65 {}\ndivision 6523 {}\n",
        Digest::of(b"ca"),
        Digest::of(b"65"),
        Digest::of(b"6523")
    );
    assert_eq!(root().to_text(), text);
    assert_eq!(Root::parse(&text), Ok(root()));
}

#[test]
fn another_spelling_of_the_same_facts_is_refused() {
    let text = root().to_text();
    for (from, to) in [
        ("version 1", "version 01"),
        ("version 1", "version +1"),
        ("08:00:00.000Z\nexpires", "08:00:00Z\nexpires"),
        ("2026-11-20T08:00:00.000Z", "2026-11-20T16:00:00.000+08:00"),
    ] {
        assert_eq!(Root::parse(&text.replacen(from, to, 1)), Err(RootError::Spelling), "{from} -> {to}");
    }
}

#[test]
fn a_root_of_another_kind_or_with_unknown_lines_is_refused() {
    let text = root().to_text();
    assert_eq!(Root::parse(&text.replacen("v1", "v6", 1)), Err(RootError::Heading));
    assert_eq!(Root::parse(""), Err(RootError::Heading));
    let more = text.replacen("division 65 ", "revocations 00\ndivision 65 ", 1);
    assert_eq!(Root::parse(&more), Err(RootError::Line(LineError { line: 8, expected: "division" })));
    let cut = text.replacen("threshold 1\n", "", 1);
    assert_eq!(Root::parse(&cut), Err(RootError::Line(LineError { line: 6, expected: "threshold" })));
    assert_eq!(
        Root::parse(text.trim_end()),
        Err(RootError::Line(LineError { line: 9, expected: "division" }))
    );
    assert_eq!(
        Root::parse("yizhan directory v1\n"),
        Err(RootError::Line(LineError { line: 2, expected: "network" }))
    );
}

#[test]
fn a_root_that_revokes_says_so_in_its_first_line_and_one_that_does_not_is_written_as_ever() {
    let keys = ["a.example", "b.example"].map(|name| crate::sample::other_authority(name).verifier());
    let revoking = Root { revoked: keys.to_vec(), ..root() };
    let text = revoking.to_text();
    assert!(text.starts_with("yizhan directory v2\n") && text.contains(&format!("\nrevoked {}\n", keys[1])));
    assert_eq!(Root::parse(&text), Ok(revoking));
    assert_eq!(Root::parse(&text.replacen("v2", "v1", 1)), Err(RootError::Spelling));
    assert_eq!(Root::parse(&root().to_text().replacen("v1", "v2", 1)), Err(RootError::Spelling));
    for wrong in [[keys[1].clone(), keys[0].clone()], [keys[0].clone(), keys[0].clone()]] {
        let root = Root { revoked: wrong.to_vec(), ..root() };
        assert_eq!(Root::parse(&root.to_text()), Err(RootError::Revoked));
    }
}

#[test]
fn a_root_with_a_policy_names_it_after_the_ca_and_says_so_in_its_first_line() {
    let (text, policy) = (root().to_text(), Digest::of(b"policy"));
    let with = Root { policy: Some(policy), ..root() };
    let ca = format!("\nca {}\n", Digest::of(b"ca"));
    let wanted = text.replacen("v1", "v4", 1).replacen(&ca, &format!("{ca}policy {policy}\n"), 1);
    assert_eq!(with.to_text(), wanted);
    assert_eq!(Root::parse(&wanted), Ok(with));
    let line = |expected| Err(RootError::Line(LineError { line: 8, expected }));
    assert_eq!(Root::parse(&wanted.replacen("v4", "v1", 1)), line("division"));
    assert_eq!(Root::parse(&text.replacen("v1", "v4", 1)), line("policy"));
}

#[test]
fn a_root_that_names_agreements_says_so_in_its_first_line_and_each_is_named_once() {
    let digests = [Digest::of(b"one"), Digest::of(b"two")];
    let (low, high) = (digests[0].min(digests[1]), digests[0].max(digests[1]));
    let ended = Some(root().issued);
    let named = [NamedAgreement { digest: low, ended: None }, NamedAgreement { digest: high, ended }];
    let with = Root { agreements: named.to_vec(), ..root() };
    let text = with.to_text();
    let lines = format!("\nagreement {low}\nagreement {high} ended 2026-11-20T08:00:00.000Z\ndivision 65 ");
    assert!(text.starts_with("yizhan directory v5\n") && text.contains(&lines), "{text}");
    assert_eq!(Root::parse(&text), Ok(with.clone()));
    let policed = Root { policy: Some(Digest::of(b"policy")), ..with.clone() };
    assert_eq!(Root::parse(&policed.to_text()), Ok(policed));
    for heading in ["v1", "v2", "v3", "v4"] {
        assert!(Root::parse(&text.replacen("v5", heading, 1)).is_err(), "{heading}");
    }
    assert_eq!(Root::parse(&root().to_text().replacen("v1", "v5", 1)), Err(RootError::Spelling));
    for wrong in [[named[1], named[0]], [named[0], named[0]]] {
        let text = Root { agreements: wrong.to_vec(), ..root() }.to_text();
        assert_eq!(Root::parse(&text), Err(RootError::Agreements));
    }
}

#[test]
fn a_root_that_delegates_says_whom_and_what_in_lines_of_their_own() {
    let keys = ["a.example", "b.example"].map(|name| crate::sample::other_authority(name).verifier());
    let delegation = Delegation {
        node: node("6523"),
        threshold: 2,
        from: 4,
        expires: root().expires,
        codes: vec![node("6523"), node("6524")],
        delegates: keys.to_vec(),
    };
    let with = |delegation| Root { delegations: vec![delegation], ..root() };
    let text = with(delegation.clone()).to_text();
    assert!(text.starts_with("yizhan directory v3\n"));
    let lines = format!(
        "\ndelegation 6523 threshold 2 from 4 expires 2027-11-20T08:00:00.000Z codes 6523,6524\ndelegate {}\ndelegate \
         {}\ndivision 65 ",
        keys[0], keys[1]
    );
    assert!(text.contains(&lines), "{text}");
    assert_eq!(Root::parse(&text), Ok(with(delegation.clone())));
    assert_eq!(Root::parse(&text.replacen("v3", "v1", 1)), Err(RootError::Spelling));

    let wrong: [fn(&mut Delegation); 7] = [
        |it| it.threshold = 3,
        |it| it.from = 0,
        |it| it.codes.clear(),
        |it| it.codes.reverse(),
        |it| it.delegates.reverse(),
        |it| it.delegates.clear(),
        |it| it.node = node("6531"),
    ];
    for (nth, change) in wrong.into_iter().enumerate() {
        let mut delegation = delegation.clone();
        change(&mut delegation);
        let parsed = Root::parse(&with(delegation).to_text());
        assert!(
            matches!(parsed, Err(RootError::Delegation { .. } | RootError::Line(_))),
            "{nth}: {parsed:?}"
        );
    }
    // Nobody's codes are within somebody else's.
    let of_65 = Delegation { node: node("65"), codes: vec![node("652")], ..delegation.clone() };
    let both = Root { delegations: vec![of_65, delegation], ..root() };
    assert!(matches!(Root::parse(&both.to_text()), Err(RootError::Delegation { .. })));
}

#[test]
fn facts_that_contradict_each_other_are_refused() {
    let parse = |root: Root| Root::parse(&root.to_text());
    let mut divisions = root().divisions;
    divisions.reverse();
    assert_eq!(parse(Root { divisions, ..root() }), Err(RootError::Order { node: node("65") }));
    let divisions = vec![(node("65"), Digest::of(b"a")), (node("65"), Digest::of(b"b"))];
    assert_eq!(parse(Root { divisions, ..root() }), Err(RootError::Order { node: node("65") }));
    assert_eq!(parse(Root { divisions: vec![], ..root() }), Err(RootError::Empty));
    assert_eq!(parse(Root { version: 0, ..root() }), Err(RootError::VersionZero));
    assert_eq!(parse(Root { threshold: 0, ..root() }), Err(RootError::ThresholdZero));
    assert!(matches!(parse(Root { expires: root().issued, ..root() }), Err(RootError::Lifetime { .. })));
    assert!(matches!(parse(Root { network: "Xin jiang".into(), ..root() }), Err(RootError::Network(_))));
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_fall_and_what_it_takes_is_canonical(text in "(yizhan directory v1\n)?[ -~\n]{0,200}") {
        if let Ok(root) = Root::parse(&text) {
            prop_assert_eq!(root.to_text(), text);
        }
    }

    #[test]
    fn a_changed_byte_never_reads_as_the_same_root(at in 0usize..300, by in 1u8..=127) {
        let mut bytes = root().to_text().into_bytes();
        let at = at % bytes.len();
        bytes[at] ^= by;
        if let Ok(text) = String::from_utf8(bytes) {
            prop_assert_ne!(Root::parse(&text), Ok(root()));
        }
    }
}
