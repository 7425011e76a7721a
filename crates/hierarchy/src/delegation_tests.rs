//! Tests of delegated subtrees: delegates sign for theirs and for nothing else, and each attack is refused for its own reason.

use crate::acceptance::Acceptance;
use crate::branch::Branch;
use crate::delegation::Delegation;
use crate::directory::Directory;
use crate::division::Division;
use crate::draft::Draft;
use crate::edit::{Edit, EditError};
use crate::limits::GRACE_MS;
use crate::parcel::Parcel;
use crate::sample::{anchor, authority, believed, demo_draft, expires, issued, node, other_authority};
use yizhan_document::{Digest, NodeId, WallTime};
use yizhan_identity::{NoteSigner, SignedNote};

const SEPARATOR: &str = "\u{1e}";

fn prefecture() -> NodeId {
    node("6523")
}

fn delegation(delegates: &[&NoteSigner], threshold: usize) -> Delegation {
    let mut delegates: Vec<_> = delegates.iter().map(|signer| signer.verifier()).collect();
    delegates.sort();
    let codes = vec![prefecture()];
    Delegation { node: prefecture(), threshold, from: 1, expires: expires(), codes, delegates }
}

/// Version 2 of the demonstration network, in which the prefecture signs for its counties.
fn delegated(delegation: Delegation) -> Draft {
    let held = believed(&demo_draft());
    held.edited([Edit::Delegate(Box::new(delegation))], issued(), expires()).unwrap()
}

fn signed(draft: &Draft, delegates: &[&NoteSigner]) -> Parcel {
    let delegates: Vec<_> = delegates.iter().map(|signer| (prefecture(), (*signer).clone())).collect();
    draft.render().unwrap().signed_by(&[authority()], &delegates)
}

fn verified(parcel: &Parcel) -> Result<Directory, &'static str> {
    parcel.verify(&anchor(), &[], issued(), 0).map_err(|error| error.code())
}

/// The next list of the prefecture after `held`, with a name changed in it.
fn next_list(held: &Directory, name: &str) -> Draft {
    let mut draft = Draft::following_list(held, prefecture(), issued(), expires()).unwrap();
    let edit = Edit::Name(node("652301"), "kk".into(), name.into());
    draft.apply_as(Some(prefecture()), edit).unwrap();
    draft
}

fn offered(held: &Directory, parcel: &Parcel, now: WallTime) -> Result<Directory, &'static str> {
    let anchor = anchor();
    let acceptance = Acceptance { anchor: &anchor, held, now };
    acceptance.whole(parcel).map_err(|refused| refused.code())
}

/// A parcel whose delegated list says what no draft would let it say, signed by `signer`.
fn forged(parcel: &Parcel, signer: &NoteSigner, change: impl FnOnce(&mut Branch, &mut Parcel)) -> Parcel {
    let mut forged = parcel.clone();
    let mut branch = parcel.claimed_head().unwrap().branches.remove(0);
    change(&mut branch, &mut forged);
    put_list(&mut forged, &branch.to_text(), signer);
    forged
}

fn put_list(parcel: &mut Parcel, text: &str, signer: &NoteSigner) {
    let whole = String::from_utf8(parcel.root.clone()).unwrap();
    let (root, _) = whole.split_once(SEPARATOR).unwrap();
    parcel.root = format!("{root}{SEPARATOR}{text}\n{}", signer.sign(text)).into_bytes();
}

/// Puts a changed division into a list and its file into the parcel.
fn put(branch: &mut Branch, parcel: &mut Parcel, division: &Division) {
    let bytes = division.to_json().unwrap();
    branch.divisions.retain(|(node, _)| *node != division.node);
    branch.divisions.push((division.node, Digest::of(&bytes)));
    branch.divisions.sort();
    parcel.files.insert(division.node, bytes);
}

#[test]
fn the_root_names_the_prefecture_and_the_prefecture_names_its_counties() {
    let delegate = other_authority("delegate.example");
    let directory = verified(&signed(&delegated(delegation(&[&delegate], 1)), &[&delegate])).unwrap();
    let head = signed(&Draft::of(&directory), &[&delegate]).claimed_head().unwrap();
    let listed =
        |list: &[(NodeId, Digest)]| list.iter().map(|(node, _)| node.to_string()).collect::<Vec<_>>();
    assert_eq!(listed(&head.root.divisions), ["65", "6523", "6531", "653101", "653130"]);
    assert_eq!(listed(&head.branches[0].divisions), ["652301", "652324"]);
    assert_eq!(directory.divisions().len(), 7);
    assert_eq!(directory.edition().to_string(), "2.1");
    assert_eq!(directory.list_over(node("652301")).map(|list| list.node), Some(prefecture()));
    assert!(directory.list_over(prefecture()).is_none() && directory.list_over(node("653101")).is_none());
    assert!(directory.check_offices(node("652301")).is_ok());
}

#[test]
fn a_new_list_is_taken_without_a_new_root_and_an_older_one_never_again() {
    let delegate = other_authority("delegate.example");
    let first = signed(&delegated(delegation(&[&delegate], 1)), &[&delegate]);
    let held = offered(&believed(&demo_draft()), &first, issued()).unwrap();
    let second = signed(&next_list(&held, "Санжы"), &[&delegate]);
    let held = offered(&held, &second, issued()).unwrap();
    assert_eq!((held.version, held.delegated_lists()[0].version), (2, 2));
    assert_eq!(held.division(node("652301")).unwrap().name("kk"), "Санжы");
    assert_eq!(offered(&held, &second, issued()).err(), Some("held"));
    assert_eq!(offered(&held, &first, issued()).err(), Some("delegated-rollback"));
    // Two of one number are two truths.
    let before = verified(&first).unwrap();
    let other = signed(&next_list(&before, "Башка"), &[&delegate]);
    assert_eq!(offered(&held, &other, issued()).err(), Some("delegated-two-of-one-version"));
    // The file of the list before does not pass for that of the new one.
    let mut mixed = signed(&next_list(&held, "Үшінші"), &[&delegate]);
    mixed.files.insert(node("652301"), second.files[&node("652301")].clone());
    assert_eq!(offered(&held, &mixed, issued()).err(), Some("mixed-versions"));
}

#[test]
fn a_list_with_too_few_signatures_or_a_strangers_is_refused_each_by_its_name() {
    let (one, two, stranger) =
        (other_authority("one.example"), other_authority("two.example"), other_authority("stranger.example"));
    let draft = delegated(delegation(&[&one, &two], 2));
    assert_eq!(verified(&signed(&draft, &[&one])).err(), Some("delegate-signatures"));
    assert_eq!(verified(&signed(&draft, &[&one, &one])).err(), Some("delegate-signatures"));
    assert_eq!(verified(&signed(&draft, &[&one, &stranger])).err(), Some("delegate-stranger"));
    assert_eq!(verified(&signed(&draft, &[&stranger, &authority()])).err(), Some("delegate-stranger"));
    assert!(verified(&signed(&draft, &[&one, &two])).is_ok());
    // A key of the same name is not the key.
    let same_name = other_authority("two.example");
    assert_eq!(verified(&signed(&draft, &[&one, &same_name])).err(), Some("delegate-stranger"));
    // A revoked key signs for nothing.
    let mut revoking = draft.clone();
    revoking.revoked.insert(two.verifier());
    assert_eq!(verified(&signed(&revoking, &[&one, &two])).err(), Some("delegate-signatures"));
}

#[test]
fn delegates_who_speak_of_what_is_not_theirs_are_refused() {
    let delegate = other_authority("delegate.example");
    let good = signed(&delegated(delegation(&[&delegate], 1)), &[&delegate]);
    let county = verified(&good).unwrap().division(node("652301")).unwrap().clone();
    let changed = |change: &dyn Fn(&mut Division)| {
        let mut division = county.clone();
        change(&mut division);
        verified(&forged(&good, &delegate, |branch, parcel| put(branch, parcel, &division))).err()
    };
    assert_eq!(changed(&|_| {}), None);
    // The delegation itself, a division of somebody else, a code that is nobody's yet.
    for id in ["6523", "653101", "110101"] {
        assert_eq!(changed(&|division| division.node = node(id)), Some("delegated-outside"), "{id}");
    }
    // One that may be theirs, with the endpoint of another.
    assert_eq!(changed(&|division| division.node = node("652399")), Some("shared-endpoint"));
    assert_eq!(changed(&|division| division.parent = Some(node("65"))), Some("delegated-outside"));
    assert_eq!(changed(&|division| division.parent = None), Some("delegated-outside"));
    assert_eq!(changed(&|division| division.backup_parents = vec![node("6531")]), Some("delegated-outside"));
    assert_eq!(changed(&|division| division.backup_parents = vec![node("65")]), None);
    assert_eq!(changed(&|division| division.direct_links = vec![node("653101")]), Some("delegated-outside"));
    assert_eq!(changed(&|division| division.direct_links = vec![node("652324")]), None);
    let secret = yizhan_document::Classification::Secret;
    assert_eq!(changed(&|division| division.max_classification = secret), Some("delegated-outside"));
}

#[test]
fn the_list_of_another_subtree_or_network_none_and_one_too_many_are_refused() {
    let delegate = other_authority("delegate.example");
    let good = signed(&delegated(delegation(&[&delegate], 1)), &[&delegate]);
    let forged =
        |change: &dyn Fn(&mut Branch)| verified(&forged(&good, &delegate, |branch, _| change(branch))).err();
    assert_eq!(forged(&|branch| branch.node = node("6531")), Some("delegated-elsewhere"));
    assert_eq!(forged(&|branch| branch.network = "gansu.example".into()), Some("delegated-elsewhere"));
    assert_eq!(forged(&|branch| branch.version = 0), Some("delegated-list"));
    let whole = String::from_utf8(good.root.clone()).unwrap();
    let (root, list) = whole.split_once(SEPARATOR).unwrap();
    let with = |text: String| verified(&Parcel { root: text.into_bytes(), ..good.clone() }).err();
    assert_eq!(with(root.to_owned()), Some("delegated-missing"));
    assert_eq!(with(format!("{whole}{SEPARATOR}{list}")), Some("delegated-elsewhere"));
    assert_eq!(with(format!("{list}{SEPARATOR}{root}")), Some("signatures"));
}

#[test]
fn authorities_who_list_what_they_delegated_are_refused() {
    let delegate = other_authority("delegate.example");
    let draft = delegated(delegation(&[&delegate], 1));
    let mut rendered = draft.render().unwrap();
    let digest = Digest::of(&rendered.files[&node("652301")]);
    let line = format!("division 652301 {digest}\n");
    rendered.root_text = rendered.root_text.replacen("division 6531 ", &format!("{line}division 6531 "), 1);
    let by = [(prefecture(), delegate.clone())];
    assert_eq!(verified(&rendered.signed_by(&[authority()], &by)).err(), Some("delegated-outside"));
    let list = rendered.list_texts.get_mut(&prefecture()).unwrap();
    *list = list.replacen(&line, "", 1);
    assert_eq!(verified(&rendered.signed_by(&[authority()], &by)).err(), Some("delegated-by-root"));
}

#[test]
fn an_expired_list_or_delegation_brings_nothing_new_and_what_is_held_stays() {
    let delegate = other_authority("delegate.example");
    let short = Delegation { expires: issued().plus_ms(2000), ..delegation(&[&delegate], 1) };
    let held = verified(&signed(&delegated(short), &[&delegate])).unwrap();
    let mut next = next_list(&held, "Санжы");
    next.delegations.get_mut(&prefecture()).unwrap().expires = issued().plus_ms(1000);
    let next = signed(&next, &[&delegate]);
    let at = |ms| offered(&held, &next, issued().plus_ms(ms)).err();
    assert_eq!((at(999), at(1000), at(2000)), (None, Some("delegated-expired"), Some("delegation-expired")));
    // Whoever reads a directory anew goes by a list that has expired, and says so: no delegate can stop the network.
    let late = verified(&next).unwrap();
    assert_eq!(late.list_ends(node("652301")), Some(issued().plus_ms(1000)));
    assert_eq!(
        (held.list_ends(node("652301")), held.list_ends(prefecture())),
        (Some(issued().plus_ms(2000)), None)
    );
    assert!(next.verify(&anchor(), &[], expires().plus_ms(GRACE_MS - 1), GRACE_MS).is_ok());
}

#[test]
fn a_new_root_is_taken_whatever_the_delegates_do_and_the_later_list_stays() {
    let delegate = other_authority("delegate.example");
    let first = signed(&delegated(delegation(&[&delegate], 1)), &[&delegate]);
    let before = verified(&first).unwrap();
    let held = signed(&next_list(&before, "Санжы"), &[&delegate]);
    let later = verified(&held).unwrap();
    // The authorities draft from the state before, and do not have the later list.
    let edit = Edit::Name(node("65"), "kk".into(), "Шыңжаң".into());
    let root = signed(&before.edited([edit], issued(), expires()).unwrap(), &[&delegate]);
    let anchor = anchor();
    let acceptance = Acceptance { anchor: &anchor, held: &later, now: issued() };
    let completed = acceptance.completed(root, || Some(held)).unwrap();
    let taken = acceptance.whole(&completed).unwrap();
    assert_eq!((taken.version, taken.delegated_lists()[0].version), (3, 2));
    assert_eq!(taken.division(node("652301")).unwrap().name("kk"), "Санжы");
}

#[test]
fn other_delegates_begin_anew_and_no_list_of_those_before_counts() {
    let (old, new) = (other_authority("old.example"), other_authority("new.example"));
    let held = verified(&signed(&delegated(delegation(&[&old], 1)), &[&old])).unwrap();
    // The old key was stolen: somebody signs as high a version as there can be.
    let mut stolen = next_list(&held, "Ұрланған");
    stolen.delegations.get_mut(&prefecture()).unwrap().version = crate::limits::DELEGATION_VERSION_MAX;
    let stolen = signed(&stolen, &[&old]);
    let robbed = offered(&held, &stolen, issued()).unwrap();
    // Drafted from what was before, or from what is now: the new delegates have the word.
    let replace = Edit::Delegate(Box::new(delegation(&[&new], 1)));
    let draft = held.edited([replace], issued(), expires()).unwrap();
    assert_eq!(
        (draft.delegations[&prefecture()].version, draft.delegations[&prefecture()].delegation.from),
        (2, 2)
    );
    let taken = offered(&robbed, &signed(&draft, &[&new]), issued()).unwrap();
    assert_eq!((taken.version, taken.delegated_lists()[0].version), (3, 2));
    assert_eq!(
        taken.division(node("652301")).unwrap().name("kk"),
        held.division(node("652301")).unwrap().name("kk")
    );
    let again = forged(&signed(&draft, &[&new]), &old, |branch, _| branch.version = 9);
    assert_eq!(offered(&taken, &again, issued()).err(), Some("delegate-stranger"));
    let early = forged(&signed(&draft, &[&new]), &new, |branch, _| branch.version = 1);
    assert_eq!(offered(&taken, &early, issued()).err(), Some("delegated-rollback"));
}

#[test]
fn authorities_and_delegates_each_edit_what_is_theirs() {
    let delegate = other_authority("delegate.example");
    let held = verified(&signed(&delegated(delegation(&[&delegate], 1)), &[&delegate])).unwrap();
    let mut draft = Draft::of(&held);
    let name = |id: &str| Edit::Name(node(id), "kk".into(), "x".into());
    let (county, point) = (node("652301"), prefecture());
    assert_eq!(draft.apply(name("652301")), Err(EditError::Delegates { node: county, delegation: point }));
    assert_eq!(draft.apply(name("6523")), Ok(()));
    let mut as_delegate = |edit| draft.apply_as(Some(point), edit);
    assert_eq!(as_delegate(name("652301")), Ok(()));
    assert_eq!(as_delegate(name("6523")), Err(EditError::Outside { node: point, delegation: point }));
    let away = Edit::Parent(county, Some(node("65")));
    assert_eq!(as_delegate(away), Err(EditError::Outside { node: county, delegation: point }));
    assert_eq!(as_delegate(Edit::Threshold(1)), Err(EditError::Authorities(point)));
    assert_eq!(draft.divisions[&county].parent, Some(point));
    // Taken back, everything is the authorities' again.
    assert_eq!(draft.apply(Edit::Undelegate(point)), Ok(()));
    assert_eq!(draft.apply(Edit::Undelegate(point)), Err(EditError::NotDelegated(point)));
    assert_eq!(draft.render().unwrap().check().unwrap().root.divisions.len(), 7);
}

#[test]
fn a_draft_is_signed_by_authorities_and_delegates_in_any_order_and_keeps_what_did_not_change() {
    use crate::draft::Rendered;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let delegate = other_authority("delegate.example");
    delegated(delegation(&[&delegate], 1)).write(folder).unwrap();
    let counts = || {
        let all = Rendered::signatures(folder).unwrap();
        all.iter().map(|one| (one.delegation, one.have, one.need)).collect::<Vec<_>>()
    };
    let point = Some(prefecture());
    assert_eq!(counts(), [(None, 0, 1), (point, 0, 1)]);
    assert!(Rendered::sign_list(folder, prefecture(), &authority()).is_err());
    Rendered::sign_list(folder, prefecture(), &delegate).unwrap();
    assert_eq!(counts(), [(None, 0, 1), (point, 1, 1)]);
    Rendered::sign(folder, &authority()).unwrap();
    assert_eq!(counts(), [(None, 1, 1), (point, 1, 1)]);
    let held = Directory::load(folder, &anchor(), issued()).unwrap();
    // The next list takes the root's signature along, and is signed by the delegate alone.
    next_list(&held, "Санжы").write_signed(folder, &[]).unwrap();
    assert_eq!(counts(), [(None, 1, 1), (point, 0, 1)]);
    Rendered::sign_list(folder, prefecture(), &delegate).unwrap();
    let next = Directory::load(folder, &anchor(), issued()).unwrap();
    assert_eq!((next.stamp(), next.edition().to_string()), (held.stamp(), "2.2".to_owned()));
    assert_ne!(next, held);
    // Published into a folder like any other version.
    let other = tempfile::tempdir().unwrap();
    signed(&Draft::of(&held), &[&delegate]).publish(other.path()).unwrap();
    Parcel::read(folder).unwrap().publish(other.path()).unwrap();
    assert_eq!(Directory::load(other.path(), &anchor(), issued()).unwrap(), next);
    assert!(signed(&Draft::of(&held), &[&delegate]).publish(other.path()).is_err());
    let notes: Vec<SignedNote> =
        Parcel::read(folder).unwrap().claimed_head().unwrap().notes().cloned().collect();
    assert_eq!(notes.len(), 2);
}
