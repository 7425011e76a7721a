//! Tests of what may follow: each attack on the register is refused for its own reason.

use super::*;
use crate::draft::Draft;
use crate::sample::{anchor, authority, believed, demo_draft, expires, issued, node, other_authority};
use yizhan_identity::NoteSigner;

fn second() -> Draft {
    let mut draft = Draft { version: 2, ..demo_draft() };
    draft.divisions.get_mut(&node("652301")).unwrap().names.insert("ug".into(), "سانجى".into());
    draft
}

fn signed(draft: &Draft, signers: &[NoteSigner]) -> Parcel {
    draft.render().unwrap().signed(signers)
}

fn offered(held: &Draft, parcel: &Parcel) -> Result<u64, &'static str> {
    let (anchor, held) = (anchor(), believed(held));
    let acceptance = Acceptance { anchor: &anchor, held: &held, now: issued() };
    acceptance.whole(parcel).map(|directory| directory.version).map_err(|refused| refused.code())
}

#[test]
fn a_later_version_with_its_own_files_is_taken() {
    assert_eq!(offered(&demo_draft(), &signed(&second(), &[authority()])), Ok(2));
    let tenth = Draft { version: 10, ..second() };
    assert_eq!(offered(&demo_draft(), &signed(&tenth, &[authority()])), Ok(10));
}

#[test]
fn an_old_version_is_refused_as_a_rollback_though_it_was_signed_once() {
    assert_eq!(offered(&second(), &signed(&demo_draft(), &[authority()])), Err("rollback"));
}

#[test]
fn the_version_held_is_no_news_and_another_of_its_number_is_two_truths() {
    assert_eq!(offered(&second(), &signed(&second(), &[authority()])), Err("held"));
    let other = Draft { expires: expires().plus_ms(1), ..second() };
    assert_eq!(offered(&second(), &signed(&other, &[authority()])), Err("two-of-one-version"));
}

#[test]
fn files_of_the_version_before_put_into_a_new_one_are_refused_as_mixed() {
    let mut parcel = signed(&second(), &[authority()]);
    parcel.files.insert(node("652301"), signed(&demo_draft(), &[]).files[&node("652301")].clone());
    assert_eq!(offered(&demo_draft(), &parcel), Err("mixed-versions"));
}

#[test]
fn a_changed_division_and_one_left_out_are_refused_by_their_own_names() {
    let mut parcel = signed(&second(), &[authority()]);
    parcel.files.get_mut(&node("65")).unwrap().push(b'\n');
    assert_eq!(offered(&demo_draft(), &parcel), Err("tampered-division"));
    parcel.files.remove(&node("65"));
    assert_eq!(offered(&demo_draft(), &parcel), Err("missing-division"));
}

#[test]
fn a_version_with_too_few_signatures_or_a_strangers_is_refused() {
    let stranger = other_authority("authority.xinjiang.example");
    assert_eq!(offered(&demo_draft(), &signed(&second(), &[stranger])), Err("signatures"));
    let two = Draft { threshold: 2, ..second() };
    assert_eq!(offered(&demo_draft(), &signed(&two, &[authority()])), Err("signatures"));
    let mut unsigned = signed(&second(), &[]);
    assert_eq!(offered(&demo_draft(), &unsigned), Err("not-a-note"));
    unsigned.root = b"".to_vec();
    assert_eq!(offered(&demo_draft(), &unsigned), Err("not-a-note"));
}

#[test]
fn an_expired_version_is_not_taken_as_new() {
    let (anchor, held) = (anchor(), believed(&demo_draft()));
    let short = Draft { expires: issued().plus_ms(1000), ..second() };
    let parcel = signed(&short, &[authority()]);
    let refused = |now| Acceptance { anchor: &anchor, held: &held, now }.whole(&parcel).err();
    assert!(refused(issued().plus_ms(999)).is_none());
    assert_eq!(refused(issued().plus_ms(1000)).map(|refused| refused.code()), Some("expired"));
}

#[test]
fn another_networks_version_is_refused_whoever_signed_it() {
    let mut other = second();
    other.network = "gansu.example".into();
    for division in other.divisions.values_mut() {
        division.offices.clear();
    }
    assert_eq!(offered(&demo_draft(), &signed(&other, &[authority()])), Err("other-network"));
}

#[test]
fn a_key_that_the_version_held_revoked_signs_nothing_any_more() {
    let (lost, left) = (other_authority("lost.example"), authority());
    let anchor = TrustAnchor::new(vec![left.verifier(), lost.verifier()], 1).unwrap();
    let mut revoking = second();
    revoking.revoked.insert(lost.verifier());
    let held = believed(&demo_draft());
    let offered = |held: &Directory, draft: &Draft, signers: &[NoteSigner]| {
        let acceptance = Acceptance { anchor: &anchor, held, now: issued() };
        acceptance.whole(&signed(draft, signers)).map_err(|refused| refused.code())
    };
    // Nobody can sign for being revoked; the others can.
    assert_eq!(offered(&held, &revoking, std::slice::from_ref(&lost)), Err("revoked-authority"));
    let held = offered(&held, &revoking, std::slice::from_ref(&left)).unwrap();
    let third = Draft { version: 3, revoked: revoking.revoked.clone(), ..second() };
    assert_eq!(offered(&held, &third, std::slice::from_ref(&lost)), Err("revoked-authority"));
    // Not even if the new version does not speak of it, or speaks well of it with the help of another.
    let forgetful = Draft { version: 3, ..second() };
    assert_eq!(offered(&held, &forgetful, std::slice::from_ref(&lost)), Err("revoked-authority"));
    assert_eq!(offered(&held, &forgetful, &[lost.clone(), left.clone()]), Err("unrevoked"));
    assert_eq!(offered(&held, &third, &[lost, left]).map(|directory| directory.version), Ok(3));
}
