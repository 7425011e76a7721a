//! Tests of what a believed directory answers.

use super::*;
use crate::anchor::TrustAnchor;
use crate::draft::Draft;
use crate::next_hop::HopReason;
use crate::plan::NetworkPlan;
use crate::sample::{self, authority, demo_draft, issued, node};
use crate::version::{SuccessorError, check_successor};

fn believed(draft: &Draft) -> Directory {
    let rendered = draft.render().unwrap();
    let note = rendered.root_note(&[authority()]);
    let anchor = TrustAnchor::new(vec![authority().verifier()], 1).unwrap();
    let files = |node| rendered.files.get(&node).cloned();
    Directory::from_parts(note.as_bytes(), files, &rendered.ca, &anchor, issued()).unwrap()
}

fn address(text: &str) -> OfficeAddress {
    text.parse().unwrap()
}

#[test]
fn offices_are_found_and_each_refusal_has_its_reason() {
    let mut draft = demo_draft();
    draft.divisions.get_mut(&node("65")).unwrap().offices[1].state = OfficeState::Suspended;
    let directory = believed(&draft);
    assert_eq!(directory.office(&address("gov-office@652301")).unwrap().name("zh"), "人民政府办公室");
    let refusal = |text: &str| directory.office(&address(text)).unwrap_err();
    assert_eq!(refusal("gov-office@652302"), RecipientError::UnknownNode { node: node("652302") });
    assert_eq!(
        refusal("archive@652301"),
        RecipientError::UnknownOffice { office: address("archive@652301") }
    );
    assert_eq!(refusal("archive@65"), RecipientError::Suspended { office: address("archive@65") });
}

#[test]
fn the_directory_answers_for_its_tree() {
    let directory = believed(&demo_draft());
    let texts = |nodes: Vec<NodeId>| nodes.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(texts(directory.roots().collect()), ["65"]);
    assert_eq!(directory.parent(node("652301")), Some(node("6523")));
    assert_eq!(directory.parent(node("65")), None);
    assert_eq!(texts(directory.children(node("6531")).collect()), ["653101", "653130"]);
    assert_eq!(texts(directory.neighbours(node("6523"))), ["65", "652301", "652324"]);
    let hop = directory.next_hop(node("65"), node("653130"), &|_| true).unwrap();
    assert_eq!(hop, Hop { node: node("6531"), why: HopReason::Down });
    let route = directory.route(node("652301"), node("652324")).unwrap();
    let path: Vec<NodeId> = std::iter::once(node("652301")).chain(route.iter().map(|hop| hop.node)).collect();
    assert!(directory.path_is_tree(&path) && path.len() == 3);
}

#[test]
fn a_directory_with_every_exception_of_the_country_is_believed() {
    // No code says who the parent is: a town on a prefecture, a city on the region, a prefecture under another one.
    let rows = [
        ("0", ""),
        ("65", "0"),
        ("6540", "65"),
        ("6542", "6540"),
        ("659001", "65"),
        ("44", "0"),
        ("4419", "44"),
        ("441900003", "4419"),
        ("64", "0"),
        ("6405", "64"),
        ("640502001", "6405"),
    ];
    let mut toml = String::from("[network]\nname = \"xinjiang.example\"\n");
    for (id, parent) in rows {
        let parent = if parent.is_empty() { String::new() } else { format!("parent = \"{parent}\"\n") };
        toml.push_str(&format!("[[node]]\nid = \"{id}\"\n{parent}names = {{ zh = \"{id}\" }}\n"));
    }
    let directory = believed(&sample::draft(&NetworkPlan::from_toml(&toml).unwrap()));
    let route = directory.route(node("441900003"), node("6542")).unwrap();
    let route: Vec<_> = route.iter().map(|hop| hop.node.to_string()).collect();
    assert_eq!(route, ["4419", "44", "0", "65", "6540", "6542"]);
}

#[test]
fn versions_only_go_forward() {
    let first = believed(&demo_draft());
    let second = believed(&Draft { version: 2, ..demo_draft() });
    assert_eq!(check_successor(&first, &second), Ok(()));
    assert_eq!(check_successor(&first, &first), Ok(()));
    assert_eq!(check_successor(&second, &first), Err(SuccessorError::Rollback { known: 2, offered: 1 }));
    let mut other = demo_draft();
    other.divisions.remove(&node("653130"));
    let refused = SuccessorError::TwoOfOneVersion { version: 1 };
    assert_eq!(check_successor(&first, &believed(&other)), Err(refused));
}

#[test]
fn the_next_draft_begins_with_what_is_there() {
    let directory = believed(&demo_draft());
    let draft = Draft::following(&directory, issued(), sample::expires());
    assert_eq!((draft.version, draft.threshold), (2, 1));
    assert_eq!(draft.divisions, demo_draft().divisions);
    assert_eq!(check_successor(&directory, &believed(&draft)), Ok(()));
}

#[test]
fn a_directory_on_grace_says_so() {
    let directory = believed(&demo_draft());
    assert!(!directory.is_expired(issued()) && directory.is_expired(sample::expires()));
}
