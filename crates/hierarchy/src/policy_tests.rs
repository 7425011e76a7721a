//! The policy as it is written, signed, believed, and edited.

use super::*;
use crate::acceptance::Acceptance;
use crate::changes::changes;
use crate::draft::{Draft, Rendered};
use crate::edit::{Edit, EditError};
use crate::head::{Head, SEPARATOR};
use crate::parcel::Parcel;
use crate::policy_edit::PolicyEdit;
use crate::sample::{anchor, authority, believed, demo_draft, expires, issued, node};
use crate::verification::DirectoryError;
use yizhan_document::Digest;

fn list(name: &str, members: &[&str]) -> PolicyEdit {
    PolicyEdit::AddToList(name.parse().unwrap(), members.iter().map(|text| text.parse().unwrap()).collect())
}

fn grant(text: &str) -> Grant {
    text.parse().unwrap()
}

/// A line of each kind.
fn edits() -> Vec<PolicyEdit> {
    vec![
        list("防汛成员", &["652301", "archive@65"]),
        PolicyEdit::SkipLevelUp(SkipRule::Refuse),
        PolicyEdit::SkipLevelDown(SkipRule::Notify),
        PolicyEdit::Grant(grant("652301 to above with notice")),
        PolicyEdit::Senders("archive@65".parse().unwrap(), vec!["below 65".parse().unwrap()]),
        PolicyEdit::Link("6523/65".parse().unwrap(), Some(Classification::Internal)),
    ]
}

/// Version 2 of the demonstration network's directory with a policy.
fn second(edits: Vec<PolicyEdit>) -> Draft {
    let held = believed(&demo_draft());
    held.edited(edits.into_iter().map(Edit::Policy), issued(), expires()).unwrap()
}

fn parcel(draft: &Draft) -> Parcel {
    draft.render().unwrap().signed(&[authority()])
}

fn refused(draft: &Draft) -> DirectoryError {
    parcel(draft).verify(&anchor(), &[], issued(), 0).unwrap_err()
}

#[test]
fn the_text_is_the_published_one() {
    let text = r#"{
  "skip_level": {
    "up": "refuse",
    "down": "notify"
  },
  "grants": [
    "652301 to above with notice"
  ],
  "senders": {
    "archive@65": [
      "below 65"
    ]
  },
  "links": {
    "65/6523": "internal"
  },
  "lists": {
    "防汛成员": [
      "652301",
      "archive@65"
    ]
  }
}
"#;
    let policy = second(edits()).policy;
    assert_eq!(String::from_utf8(policy.to_json().unwrap()).unwrap(), text);
    assert_eq!(Policy::from_json(text.as_bytes()).unwrap(), policy);
}

#[test]
fn what_is_written_otherwise_says_something_twice_or_something_unknown_is_refused() {
    let text = String::from_utf8(second(edits()).policy.to_json().unwrap()).unwrap();
    let refused = |text: &str| Policy::from_json(text.as_bytes()).unwrap_err();
    for (from, to) in [
        ("\"65/6523\"", "\"6523/65\""),
        ("      \"652301\",\n", ""),
        ("\"lists\": {", "\"lists\": {\n    \"防汛成员\": [\"652301\"],"),
        ("{\n  \"skip", "{ \"skip"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        // Without a member it is another policy in its one spelling.
        let other = to.is_empty() && Policy::from_json(changed.as_bytes()).is_ok();
        assert!(other || matches!(refused(&changed), PolicyError::Spelling), "{from}");
    }
    for (from, to) in [
        ("\"notify\"", "\"perhaps\""),
        ("\"up\": \"refuse\",", ""),
        ("\"grants\"", "\"favours\""),
        ("to above", "to Anybody"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        assert!(matches!(refused(&changed), PolicyError::Json(_)), "{from}");
    }
    assert!(matches!(refused("{}\n"), PolicyError::Empty));
    let nobody = text.replacen("[\n      \"652301\",\n      \"archive@65\"\n    ]", "[]", 1);
    assert!(matches!(refused(&nobody), PolicyError::Nobody { .. }));
    let large = " ".repeat(limits::POLICY_BYTES_MAX + 1);
    assert!(matches!(refused(&large), PolicyError::TooMany { .. }));
    let members: Vec<String> = (0..=limits::LISTS_MAX).map(|n| format!("\"l{n}\": [\"65\"]")).collect();
    let many = format!("{{\"lists\": {{{}}}}}", members.join(","));
    assert!(matches!(refused(&many), PolicyError::TooMany { what: "lists", .. }));
}

/// MUST-45: a policy is believed only as the root names it.
#[test]
fn a_policy_comes_with_the_signed_texts_and_no_other_one_is_believed() {
    let directory = believed(&second(edits()));
    assert_eq!(*directory.policy(), second(edits()).policy);
    assert!(believed(&demo_draft()).policy().is_empty());

    let good = parcel(&second(edits()));
    let head = Head::claimed(&good.root).unwrap();
    assert_eq!(head.to_bytes(), good.root);
    assert_eq!(Parcel::from_tar(&good.to_tar().unwrap()).unwrap(), good);
    let texts: Vec<&[u8]> = good.root.split(|byte| *byte == SEPARATOR).collect();
    let [root, policy] = texts[..] else { panic!("{}", texts.len()) };
    let code = |texts: &[&[u8]]| {
        let root = texts.join(&SEPARATOR);
        let parcel = Parcel { root, ..good.clone() };
        parcel.verify(&anchor(), &[], issued(), 0).unwrap_err().code()
    };
    let other = String::from_utf8_lossy(policy).replacen("refuse", "notify", 1).into_bytes();
    assert_eq!(code(&[root]), "missing-policy");
    assert_eq!(code(&[root, &other]), "tampered-policy");
    assert_eq!(code(&[root, policy, policy]), "not-a-note");
    let without = parcel(&demo_draft());
    assert_eq!(code(&[&without.root, policy]), "not-a-note");
}

#[test]
fn a_new_version_brings_another_policy_or_takes_it_away_and_the_difference_is_told() {
    let held = believed(&second(edits()));
    let mut draft = Draft::following(&held, issued(), expires());
    assert_eq!(draft.policy, *held.policy());
    let change = |draft: &mut Draft, edit| draft.apply(Edit::Policy(edit)).unwrap();
    change(&mut draft, list("防汛成员", &["6531"]));
    change(
        &mut draft,
        PolicyEdit::TakeFromList("防汛成员".parse().unwrap(), vec!["652301".parse().unwrap()]),
    );
    change(&mut draft, PolicyEdit::SkipLevelUp(SkipRule::Notify));
    change(&mut draft, PolicyEdit::Grant(grant("652301 to above")));
    change(&mut draft, PolicyEdit::Senders("archive@65".parse().unwrap(), vec![]));
    change(&mut draft, PolicyEdit::Link("65/6523".parse().unwrap(), None));
    let told: Vec<String> =
        changes(&Draft::of(&held), &draft).iter().skip(1).map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "skip-level dispatch upwards: refuse -> notify",
            "+ grant: 652301 to above",
            "- grant: 652301 to above with notice",
            "- senders of archive@65: below 65",
            "- link 65/6523: internal",
            "- list 防汛成员: 652301",
            "+ list 防汛成员: 6531",
        ]
    );
    let anchor = anchor();
    let acceptance = Acceptance { anchor: &anchor, held: &held, now: issued() };
    let third = acceptance.whole(&parcel(&draft)).unwrap();
    assert_eq!(*third.policy(), draft.policy);

    draft.policy = Policy::default();
    draft.version = 4;
    let rendered = draft.render().unwrap();
    assert!(rendered.root_text.starts_with("yizhan directory v1\n"), "{}", rendered.root_text);
    assert!(believed(&draft).policy().is_empty());
}

/// MUST-45: what a policy names is there.
#[test]
fn a_division_that_a_policy_still_names_cannot_be_removed_and_the_line_is_named() {
    let mut draft = second(edits());
    draft.apply(Edit::RemoveNode(node("652301"))).unwrap();
    draft.policy.grants.clear();
    let error = refused(&draft);
    assert_eq!(error.code(), "policy");
    assert!(error.to_string().contains("the list 防汛成员 names 652301, which is no node"), "{error}");
    draft.apply(Edit::Policy(PolicyEdit::RemoveList("防汛成员".parse().unwrap()))).unwrap();
    assert_eq!(believed(&draft).policy().lists.len(), 0);

    for (edit, what) in [
        (list("a", &["652399"]), "the list a names 652399"),
        (list("a", &["nobody@65"]), "the list a names nobody@65"),
        (PolicyEdit::Grant(grant("below 659 to 65")), "the grant `below 659 to 65` names 659"),
        (
            PolicyEdit::Senders("gov-office@65".parse().unwrap(), vec!["counties of 66".parse().unwrap()]),
            "the senders of gov-office@65 names 66",
        ),
        (
            PolicyEdit::Link("65/652301".parse().unwrap(), Some(Classification::Internal)),
            "65/652301 is no link",
        ),
    ] {
        let mut draft = Draft { version: 2, ..demo_draft() };
        let applied = draft.apply(Edit::Policy(edit.clone()));
        // Written by hand, what an edit would not take.
        match (applied, edit) {
            (Ok(()), _) => {}
            (
                Err(EditError::UnknownNode(_) | EditError::UnknownOffice(_)),
                PolicyEdit::AddToList(list, members),
            ) => {
                draft.policy.lists.insert(list, members.into_iter().collect());
            }
            (Err(EditError::UnknownNode(_)), PolicyEdit::Grant(grant)) => {
                draft.policy.grants.insert(grant);
            }
            (Err(EditError::UnknownNode(_)), PolicyEdit::Senders(office, areas)) => {
                draft.policy.senders.insert(office, areas.into_iter().collect());
            }
            (other, edit) => panic!("{other:?} {edit:?}"),
        }
        let error = refused(&draft).to_string();
        assert!(error.contains(what), "{error}");
    }
}

#[test]
fn an_edit_of_what_is_not_there_is_refused_and_delegates_change_no_policy() {
    let mut draft = second(edits());
    let before = draft.policy.clone();
    let name = || "防汛成员".parse().unwrap();
    for edit in [
        PolicyEdit::RemoveList("another".parse().unwrap()),
        PolicyEdit::TakeFromList("another".parse().unwrap(), vec![]),
        PolicyEdit::TakeFromList(name(), vec!["65".parse().unwrap()]),
        PolicyEdit::Revoke(grant("65 to above")),
    ] {
        assert!(draft.apply(Edit::Policy(edit.clone())).is_err(), "{edit:?}");
    }
    let edit = Edit::Policy(PolicyEdit::RemoveList(name()));
    assert_eq!(draft.apply_as(Some(node("6523")), edit), Err(EditError::Authorities(node("6523"))));
    assert_eq!(draft.policy, before);
    draft.apply(Edit::Policy(PolicyEdit::Revoke(grant("652301 to above")))).unwrap();
    assert!(draft.policy.grants.is_empty(), "taken back whatever it says on notice");
    let all = ["652301", "archive@65"].map(|member| member.parse().unwrap());
    draft.apply(Edit::Policy(PolicyEdit::TakeFromList(name(), all.to_vec()))).unwrap();
    assert!(draft.policy.lists.is_empty());
}

#[test]
fn a_draft_keeps_the_policy_as_a_file_and_what_was_changed_by_hand_is_never_signed_unseen() {
    let folder = tempfile::tempdir().unwrap();
    second(edits()).write(folder.path()).unwrap();
    let path = folder.path().join("policy.json");
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(Draft::read(folder.path()).unwrap().policy, second(edits()).policy);
    Rendered::sign(folder.path(), &authority()).unwrap();
    let published = crate::Directory::load(folder.path(), &anchor(), issued()).unwrap();
    assert_eq!(*published.policy(), second(edits()).policy);

    std::fs::write(&path, text.replacen("refuse", "allow", 1).replace('\n', " ")).unwrap();
    let refused = Rendered::sign(folder.path(), &authority());
    assert!(matches!(refused, Err(crate::DraftError::PolicyChanged)), "{refused:?}");
    let draft = Draft::read(folder.path()).unwrap();
    assert_eq!(draft.policy.skip_level.up, SkipRule::Allow);
    draft.write(folder.path()).unwrap();
    Rendered::sign(folder.path(), &authority()).unwrap();
    let mut draft = Draft::read(folder.path()).unwrap();
    draft.policy = Policy::default();
    draft.write(folder.path()).unwrap();
    assert!(!path.exists());
    let wrong = std::fs::write(&path, "{").map(|()| Draft::read(folder.path()));
    assert!(matches!(wrong, Ok(Err(crate::DraftError::Refused(DirectoryError::Policy(_))))));
}

/// MUST-42 for a policy: delegates who take a node away do not stop the authorities, nor do lines of theirs stop the delegates.
#[test]
fn what_lies_in_a_delegated_subtree_may_be_gone_and_is_left_out() {
    let delegate = crate::sample::other_authority("delegate.example");
    let delegation = Delegation {
        node: node("6523"),
        threshold: 1,
        from: 1,
        expires: expires(),
        codes: vec![node("6523")],
        delegates: vec![delegate.verifier()],
    };
    let members = ["652301", "gov-office@652324", "6531"];
    let mut draft = second(vec![list("a", &members)]);
    draft.apply(Edit::Delegate(Box::new(delegation))).unwrap();
    draft.apply_as(Some(node("6523")), Edit::RemoveNode(node("652324"))).unwrap();
    let parcel = draft.render().unwrap().signed_by(&[authority()], &[(node("6523"), delegate)]);
    let directory = parcel.verify(&anchor(), &[], issued(), 0).unwrap();
    let members = directory.members(&"list a".parse().unwrap(), None).unwrap();
    let offices: Vec<String> = members.offices.iter().map(ToString::to_string).collect();
    assert_eq!(offices, ["gov-office@652301", "gov-office@6531"]);
    assert_eq!(members.left_out.len(), 1);
    let head = directory.stamp();
    assert_eq!(head.root, Digest::of(draft.render().unwrap().root_text.as_bytes()));
    // The delegated division itself is the authorities'.
    draft.policy.lists.insert("b".parse().unwrap(), BTreeSet::from(["none@6523".parse().unwrap()]));
    assert!(draft.render().unwrap().check().is_err());
}
