//! Tests of believing a directory: each attack and each mistake is refused for its own reason.

use super::*;
use crate::directory::Directory;
use crate::draft::{Draft, Rendered};
use crate::sample::{self, anchor, authority, demo_draft, issued, node};
use yizhan_identity::{CertificateAuthority, NoteSigner, SigningKey};

/// Believes what `rendered` says, signed by `signers`.
fn believe(
    rendered: &Rendered,
    signers: &[NoteSigner],
    anchor: &TrustAnchor,
) -> Result<Directory, DirectoryError> {
    let note = rendered.root_note(signers);
    Directory::from_parts(
        note.as_bytes(),
        |node| rendered.files.get(&node).cloned(),
        &rendered.ca,
        anchor,
        issued(),
    )
}

fn signed(draft: &Draft) -> Result<Directory, DirectoryError> {
    believe(&draft.render().unwrap(), &[authority()], &anchor())
}

/// The sample draft with one division changed.
fn changed(id: &str, change: impl FnOnce(&mut Division)) -> Result<Directory, DirectoryError> {
    let mut draft = demo_draft();
    change(draft.divisions.get_mut(&node(id)).unwrap());
    signed(&draft)
}

#[test]
fn a_directory_that_is_well_signed_is_believed_word_for_word() {
    let draft = demo_draft();
    let directory = signed(&draft).unwrap();
    assert_eq!(directory.network, "xinjiang.example");
    assert_eq!((directory.version, directory.threshold()), (1, 1));
    assert_eq!((directory.issued, directory.expires), (draft.issued, draft.expires));
    assert_eq!(directory.ca, draft.ca);
    assert!(directory.divisions().eq(draft.divisions.values()));
}

#[test]
fn a_root_that_no_authority_signed_is_refused() {
    let rendered = demo_draft().render().unwrap();
    let stranger = sample::other_authority("authority.xinjiang.example");
    let refused = believe(&rendered, &[stranger], &anchor());
    assert!(matches!(refused, Err(DirectoryError::Signatures { have: 0, need: 1 })));
    assert!(matches!(believe(&rendered, &[], &anchor()), Err(DirectoryError::Note(_))));
}

#[test]
fn the_threshold_counts_different_keys_of_the_anchor_only() {
    let rendered = demo_draft().render().unwrap();
    let signers: Vec<NoteSigner> =
        ["a.example", "b.example", "c.example"].map(sample::other_authority).into_iter().collect();
    let two_of_three = TrustAnchor::new(signers.iter().map(NoteSigner::verifier).collect(), 2).unwrap();
    let believed = |with: &[NoteSigner]| believe(&rendered, with, &two_of_three);
    assert!(believed(&signers[..2]).is_ok() && believed(&signers[1..]).is_ok() && believed(&signers).is_ok());
    let strangers = [signers[0].clone(), authority(), sample::other_authority("b.example")];
    assert!(matches!(believed(&strangers), Err(DirectoryError::Signatures { have: 1, need: 2 })));
}

#[test]
fn one_key_under_two_names_does_not_reach_a_threshold_of_two() {
    let rendered = demo_draft().render().unwrap();
    let key = SigningKey::generate().unwrap();
    let twin = [sample::signer("a.example", key.clone()), sample::signer("b.example", key)];
    let mut keys: Vec<_> = twin.iter().map(NoteSigner::verifier).collect();
    keys.push(authority().verifier());
    let anchor = TrustAnchor::new(keys, 2).unwrap();
    let refused = believe(&rendered, &twin, &anchor);
    assert!(matches!(refused, Err(DirectoryError::Signatures { have: 1, need: 2 })));
}

#[test]
fn a_root_that_asks_for_more_signatures_than_the_anchor_gets_them_or_is_refused() {
    let rendered = Draft { threshold: 2, ..demo_draft() }.render().unwrap();
    let refused = believe(&rendered, &[authority()], &anchor());
    assert!(matches!(refused, Err(DirectoryError::Signatures { have: 1, need: 2 })));
    let second = sample::other_authority("second.example");
    let both = TrustAnchor::new(vec![authority().verifier(), second.verifier()], 1).unwrap();
    assert!(believe(&rendered, &[authority(), second], &both).is_ok());
}

#[test]
fn an_anchor_written_by_hand_cannot_switch_the_check_off() {
    let rendered = demo_draft().render().unwrap();
    let open = TrustAnchor { authorities: vec![authority().verifier()], threshold: 0 };
    let stranger = sample::other_authority("stranger.example");
    let refused = believe(&rendered, &[stranger], &open);
    assert!(matches!(refused, Err(DirectoryError::Anchor(AnchorError::Threshold { .. }))));
}

#[test]
fn a_word_changed_after_signing_is_refused() {
    let rendered = demo_draft().render().unwrap();
    let note = rendered.root_note(&[authority()]);
    for (from, to) in [("version 1", "version 2"), ("threshold 1", "threshold 0"), ("2027-", "2037-")] {
        let forged = note.replacen(from, to, 1);
        let files = |node| rendered.files.get(&node).cloned();
        let refused = Directory::from_parts(forged.as_bytes(), files, &rendered.ca, &anchor(), issued());
        assert!(matches!(refused, Err(DirectoryError::Signatures { have: 0, .. })), "{from} -> {to}");
    }
}

#[test]
fn bytes_that_are_no_note_are_refused_whatever_their_size() {
    let parse = |bytes: &[u8]| Directory::from_parts(bytes, |_| None, &[], &anchor(), issued());
    assert!(matches!(parse(b""), Err(DirectoryError::Note(_))));
    assert!(matches!(parse(&[0xff; 100]), Err(DirectoryError::Note(_))));
    assert!(matches!(
        parse(&vec![b'a'; crate::limits::ROOT_BYTES_MAX + 1]),
        Err(DirectoryError::TooLarge { .. })
    ));
}

#[test]
fn a_note_of_another_kind_by_the_same_authority_is_refused() {
    let text = "xinjiang.example/ledger\n5\nAAAA\n";
    let note = format!("{text}\n{}", authority().sign(text));
    let refused = Directory::from_parts(note.as_bytes(), |_| None, &[], &anchor(), issued());
    assert!(matches!(refused, Err(DirectoryError::Root(RootError::Heading))));
}

#[test]
fn a_changed_byte_in_any_division_is_refused_and_the_division_named() {
    let rendered = demo_draft().render().unwrap();
    for id in rendered.files.keys() {
        let mut forged = rendered.clone();
        let bytes = forged.files.get_mut(id).unwrap();
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        let refused = believe(&forged, &[authority()], &anchor());
        assert!(matches!(refused, Err(DirectoryError::DigestMismatch { node }) if node == *id));
    }
}

#[test]
fn divisions_of_two_versions_are_not_mixed() {
    let first = demo_draft().render().unwrap();
    let mut draft = Draft { version: 2, ..demo_draft() };
    draft.divisions.get_mut(&node("652301")).unwrap().names.insert("ug".into(), "سانجى".into());
    let mut mixed = draft.render().unwrap();
    assert!(believe(&mixed, &[authority()], &anchor()).is_ok());
    mixed.files.insert(node("652301"), first.files[&node("652301")].clone());
    let refused = believe(&mixed, &[authority()], &anchor());
    assert!(matches!(refused, Err(DirectoryError::DigestMismatch { node: n }) if n == node("652301")));
}

#[test]
fn a_division_that_is_listed_and_not_there_is_named() {
    let mut rendered = demo_draft().render().unwrap();
    rendered.files.remove(&node("6531"));
    let refused = believe(&rendered, &[authority()], &anchor());
    assert!(matches!(refused, Err(DirectoryError::MissingDivision { node: n }) if n == node("6531")));
}

#[test]
fn another_ca_than_the_signed_one_is_refused() {
    let mut rendered = demo_draft().render().unwrap();
    let other = CertificateAuthority::create("xinjiang.example", issued(), 10).unwrap();
    rendered.ca = other.certificate_der().to_vec();
    assert!(matches!(believe(&rendered, &[authority()], &anchor()), Err(DirectoryError::CaMismatch)));
}

#[test]
fn a_ca_that_is_none_or_not_valid_yet_is_refused_even_if_it_is_signed() {
    let garbage = Draft { ca: b"not a certificate".to_vec(), ..demo_draft() };
    assert!(matches!(signed(&garbage), Err(DirectoryError::Ca(_))));
    let late = issued().plus_ms(30 * 24 * 3600 * 1000);
    let ca = CertificateAuthority::create("xinjiang.example", late, 10).unwrap();
    let early = Draft { ca: ca.certificate_der().to_vec(), ..demo_draft() };
    assert!(matches!(signed(&early), Err(DirectoryError::CaNotValid { .. })));
}

#[test]
fn an_expired_directory_is_refused_from_the_very_moment_on() {
    let draft = demo_draft();
    let rendered = draft.render().unwrap();
    let note = rendered.root_note(&[authority()]);
    let at = |now: WallTime| {
        let files = |node| rendered.files.get(&node).cloned();
        Directory::from_parts(note.as_bytes(), files, &rendered.ca, &anchor(), now)
    };
    assert!(at(WallTime::from_ms(draft.expires.as_ms() - 1)).is_ok());
    assert!(matches!(at(draft.expires), Err(DirectoryError::Expired { at }) if at == draft.expires));
}

#[test]
fn a_file_that_says_it_is_another_division_is_refused() {
    let mut draft = demo_draft();
    let moved = draft.divisions.remove(&node("653130")).unwrap();
    draft.divisions.insert(node("653131"), moved);
    let refused = signed(&draft);
    assert!(matches!(refused, Err(DirectoryError::WrongNode { listed, inside })
        if listed == node("653131") && inside == node("653130")));
}

#[test]
fn a_signed_division_that_breaks_a_rule_is_refused() {
    let refused = changed("652301", |division| division.names.clear());
    assert!(matches!(refused, Err(DirectoryError::Division { node: n, reason: DivisionError::Names { .. } })
        if n == node("652301")));
}

#[test]
fn orphans_circles_and_bad_links_are_refused_even_if_they_are_signed() {
    let orphan = changed("652301", |division| division.parent = Some(node("6599")));
    assert!(matches!(orphan, Err(DirectoryError::Tree(TreeError::Orphan { .. }))));
    let circle = changed("6523", |division| division.parent = Some(node("652301")));
    assert!(matches!(circle, Err(DirectoryError::Tree(TreeError::Cycle { .. }))));
    let backup = changed("6523", |division| division.backup_parents = vec![node("6531")]);
    assert!(matches!(backup, Err(DirectoryError::Tree(TreeError::Link { .. }))));
    let link = changed("6523", |division| division.direct_links = vec![node("99")]);
    assert!(matches!(link, Err(DirectoryError::Tree(TreeError::Link { .. }))));
}

#[test]
fn no_two_nodes_share_an_endpoint_or_a_key() {
    let other = demo_draft().divisions[&node("6523")].clone();
    let endpoint = other.endpoints[0].clone();
    let refused = changed("652301", |division| division.endpoints.push(endpoint));
    assert!(matches!(refused, Err(DirectoryError::SharedEndpoint { first, second, .. })
        if first == node("6523") && second == node("652301")));
    let shared = |change: fn(&mut Division, &Division)| {
        let refused = changed("652301", |division| change(division, &other));
        matches!(refused, Err(DirectoryError::SharedKey { .. }))
    };
    assert!(shared(|division, other| division.ledger = other.ledger.clone()));
    assert!(shared(|division, other| division.witness = other.witness.clone()));
    assert!(shared(|division, other| division.opening = other.opening));
}

#[test]
fn an_endpoint_given_twice_by_one_node_is_refused() {
    let refused = changed("65", |division| division.endpoints.push(division.endpoints[0].clone()));
    assert!(matches!(refused, Err(DirectoryError::SharedEndpoint { .. })));
}

#[test]
fn an_office_with_the_certificate_of_another_office_is_refused() {
    let stolen = sample::certificate(sample::ca(), "gov-office@6523");
    let refused = changed("652301", |division| division.offices[0].certificate = stolen);
    assert!(matches!(refused, Err(DirectoryError::WrongOffice { office, named })
        if office.to_string() == "gov-office@652301" && named.to_string() == "gov-office@6523"));
}

#[test]
fn an_office_certified_by_another_ca_or_for_another_network_is_refused() {
    let other = CertificateAuthority::create("xinjiang.example", issued(), 10).unwrap();
    let foreign = sample::certificate(&other, "gov-office@652301");
    let refused = changed("652301", |division| division.offices[0].certificate = foreign);
    assert!(matches!(refused, Err(DirectoryError::Certificate { .. })));
    let elsewhere = CertificateAuthority::create("gansu.example", issued(), 10).unwrap();
    let foreign = sample::certificate(&elsewhere, "gov-office@652301");
    let refused = changed("652301", |division| division.offices[0].certificate = foreign);
    assert!(matches!(refused, Err(DirectoryError::Certificate { .. })));
    let refused = changed("652301", |division| division.offices[0].certificate = b"nothing".to_vec());
    assert!(matches!(refused, Err(DirectoryError::Certificate { .. })));
}

#[test]
fn a_certificate_that_had_ended_when_the_directory_was_issued_is_refused() {
    let mut draft = demo_draft();
    draft.issued = issued().plus_ms(366 * 24 * 3600 * 1000);
    draft.expires = draft.issued.plus_ms(1000);
    let rendered = draft.render().unwrap();
    let note = rendered.root_note(&[authority()]);
    let files = |node| rendered.files.get(&node).cloned();
    let refused = Directory::from_parts(note.as_bytes(), files, &rendered.ca, &anchor(), draft.issued);
    let ended =
        CertificateError::Expired { ended: issued().plus_ms(365 * 24 * 3600 * 1000), at: draft.issued };
    assert!(matches!(refused, Err(DirectoryError::Certificate { reason, .. }) if reason == ended));
}

#[test]
fn trap_8_two_counties_of_one_name_are_two_addresses() {
    let twins = changed("653101", |division| {
        division.names = demo_draft().divisions[&node("652301")].names.clone();
    });
    let directory = twins.unwrap();
    let name = |id: &str| directory.division(node(id)).unwrap().name("zh").to_owned();
    assert_eq!(name("653101"), name("652301"));
    assert_ne!(directory.route(node("65"), node("653101")), directory.route(node("65"), node("652301")));
}
