//! Tests of drafts in folders.

use super::*;
use crate::anchor::TrustAnchor;
use crate::directory::Directory;
use crate::sample::{authority, demo_draft, issued, node, other_authority};

#[test]
fn a_draft_is_signed_by_one_authority_after_the_other_and_is_a_directory_then() {
    let folder = tempfile::tempdir().unwrap();
    let draft = Draft { threshold: 2, ..demo_draft() };
    draft.write(folder.path()).unwrap();
    let (first, second) = (authority(), other_authority("second.example"));
    let anchor = TrustAnchor::new(vec![first.verifier(), second.verifier()], 2).unwrap();
    let load = || Directory::load(folder.path(), &anchor, issued());
    assert!(load().is_err());
    Rendered::sign(folder.path(), &first).unwrap();
    // Twice is once.
    assert_eq!(Rendered::sign(folder.path(), &first).unwrap().signatures.len(), 1);
    assert!(matches!(load(), Err(DirectoryError::Signatures { have: 1, need: 2 })));
    assert_eq!(Rendered::sign(folder.path(), &second).unwrap().signatures.len(), 2);
    assert_eq!(load().unwrap().version, 1);
    // Another edit takes the signatures away.
    Draft::read(folder.path()).unwrap().write(folder.path()).unwrap();
    assert!(load().is_err());
}

#[test]
fn what_was_changed_by_hand_is_taken_in_by_an_edit_and_never_signed_unseen() {
    let folder = tempfile::tempdir().unwrap();
    demo_draft().write(folder.path()).unwrap();
    let path = folder.path().join("divisions/652301.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("昌吉市", "昌吉")).unwrap();
    let refused = Rendered::sign(folder.path(), &authority());
    assert!(matches!(refused, Err(DraftError::Changed { node: n }) if n == node("652301")), "{refused:?}");
    let mut draft = Draft::read(folder.path()).unwrap();
    draft.divisions.remove(&node("653130"));
    draft.write(folder.path()).unwrap();
    Rendered::sign(folder.path(), &authority()).unwrap();
    let read = Directory::load(folder.path(), &crate::sample::anchor(), issued()).unwrap();
    assert_eq!(read.division(node("652301")).unwrap().name("zh"), "昌吉");
    assert!(!folder.path().join("divisions/653130.json").exists());
}

#[test]
fn a_draft_that_no_reader_would_take_is_not_even_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut draft = demo_draft();
    draft.divisions.remove(&node("6523"));
    assert!(matches!(draft.write(folder.path()), Err(DraftError::Refused(DirectoryError::Tree(_)))));
    assert!(!folder.path().join("root.txt").exists());
}
