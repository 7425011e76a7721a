//! Groups under a directory that has what trips a rule by prefix: a prefecture below a prefecture, counties right below the region.

use super::*;
use crate::plan::{NetworkPlan, PlannedNode};
use crate::sample;
use proptest::prelude::*;
use std::sync::OnceLock;

const TREE: [(&str, &str); 11] = [
    ("6523", "65"),
    ("652301", "6523"),
    ("652324", "6523"),
    ("6540", "65"),
    ("654002", "6540"),
    ("6542", "6540"),
    ("654201", "6542"),
    ("654201100", "654201"),
    ("659001", "65"),
    ("xpcc-8", "65"),
    ("652399", "xpcc-8"),
];

fn directory() -> &'static Directory {
    static DIRECTORY: OnceLock<Directory> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let demo = NetworkPlan::demo();
        let (region, county) = (demo.nodes[0].clone(), demo.nodes[3].offices.clone());
        let below = TREE.iter().map(|(node, parent)| PlannedNode {
            id: sample::node(node),
            parent: Some(sample::node(parent)),
            offices: county.clone(),
            ..region.clone()
        });
        let nodes = std::iter::once(region.clone()).chain(below).collect();
        let mut draft = sample::draft(&NetworkPlan { nodes, ..demo });
        let suspended = draft.divisions.get_mut(&sample::node("654201")).unwrap();
        suspended.offices[0].state = OfficeState::Suspended;
        let rendered = draft.render().unwrap();
        let note = rendered.root_note(&[sample::authority()]);
        let file = |node| rendered.files.get(&node).cloned();
        Directory::from_parts(note.as_bytes(), file, &rendered.ca, &sample::anchor(), sample::issued())
            .unwrap()
    })
}

fn office(text: &str) -> OfficeAddress {
    text.parse().unwrap()
}

fn members(group: &str) -> Result<Members, ResolveError> {
    directory().members(&group.parse().unwrap(), Some(&office("gov-office@65")))
}

fn nodes(group: &str) -> Vec<String> {
    members(group).unwrap().offices.iter().map(|office| office.node.to_string()).collect()
}

/// Version 2 with a list.
fn with_list(members: &[&str]) -> Directory {
    let members = members.iter().map(|text| text.parse().unwrap()).collect();
    let add = crate::PolicyEdit::AddToList("值班".parse().unwrap(), members);
    let draft = directory().edited([crate::Edit::Policy(add)], sample::issued(), sample::expires()).unwrap();
    sample::believed(&draft)
}

#[test]
fn a_list_means_those_whom_it_names_each_once_and_who_cannot_receive_is_left_out() {
    let directory = with_list(&["659001", "gov-office@659001", "6523", "654201", "65"]);
    let members = |group: &str| directory.members(&group.parse().unwrap(), Some(&office("gov-office@65")));
    let named = members("list 值班 except 6523").unwrap();
    assert_eq!(named.offices, ["gov-office@659001"].map(office));
    assert_eq!(named.left_out, [LeftOut { office: office("gov-office@654201"), why: LeftOutWhy::Suspended }]);
    assert_eq!(members("list 值班").unwrap().offices, ["gov-office@6523", "gov-office@659001"].map(office));
    assert!(matches!(members("list 督查"), Err(ResolveError::UnknownList { version: 2, .. })));
    assert!(matches!(members("list 值班 except 6540"), Err(ResolveError::NotAMember { .. })));
    let groups =
        Groups { to: vec!["list 值班".parse().unwrap()], cc: vec!["prefectures of 65".parse().unwrap()] };
    let resolved = directory.resolve(&office("gov-office@65"), &[], &[], &groups).unwrap();
    assert_eq!(resolved.to, ["gov-office@6523", "gov-office@659001"].map(office));
    assert_eq!(resolved.cc, ["gov-office@6540", "gov-office@6542"].map(office), "each office once");
}

#[test]
fn counties_and_prefectures_are_found_at_any_depth_and_nothing_is_told_by_a_prefix() {
    assert_eq!(nodes("counties of 65"), ["652301", "652324", "652399", "654002", "659001"]);
    assert_eq!(nodes("counties of 6540"), ["654002"]);
    assert_eq!(nodes("prefectures of 65"), ["6523", "6540", "6542"]);
    assert_eq!(nodes("prefectures of 6540"), ["6542"]);
    assert_eq!(nodes("children of 65"), ["6523", "6540", "659001", "xpcc-8"]);
    assert_eq!(nodes("counties of 6523"), ["652301", "652324"]);
    assert_eq!(nodes("counties of 65 except 659001 gov-office@652301"), ["652324", "652399", "654002"]);
}

#[test]
fn departments_are_all_offices_of_the_node_but_the_sender() {
    let found = members("departments of 65").unwrap();
    assert_eq!(found.offices, [office("archive@65")]);
    let everybody = directory().members(&"departments of 65".parse().unwrap(), None).unwrap();
    assert_eq!(everybody.offices, [office("archive@65"), office("gov-office@65")]);
}

#[test]
fn suspended_offices_and_missing_ones_are_left_out_and_named() {
    let counties = members("counties of 65").unwrap();
    let suspended = LeftOut { office: office("gov-office@654201"), why: LeftOutWhy::Suspended };
    assert_eq!(counties.left_out, [suspended]);
    let archives = members("children of 65 office archive");
    assert!(matches!(archives, Err(ResolveError::Empty { .. })), "{archives:?}");
}

#[test]
fn who_cannot_be_meant_is_told_why() {
    let told = |group: &str| members(group).unwrap_err().to_string();
    assert!(told("counties of 99").contains("no node 99"), "{}", told("counties of 99"));
    assert!(told("counties of 652301").contains("nothing of that kind"));
    assert!(told("counties of 65 except 652302").contains("652302 does not belong to it"));
    assert!(told("counties of 65 except 6523").contains("6523 does not belong to it"));
    assert!(told("children of 6523 except 652301 652324").contains("excepted"));
    assert!(told("counties of 6542").contains("suspended"));
}

#[test]
fn an_exception_of_one_group_may_stand_with_all_of_a_document_and_one_of_none_is_refused() {
    let resolve = |except: &str| {
        let group = |text: &str| format!("{text} except {except}").parse::<Group>().unwrap();
        let groups = Groups { to: vec![group("counties of 65")], cc: vec![group("departments of 65")] };
        directory().resolve(&office("gov-office@65"), &[], &[], &groups)
    };
    let resolved = resolve("652301").unwrap();
    assert_eq!((resolved.to.len(), resolved.cc.len()), (4, 1));
    assert!(matches!(resolve("652302"), Err(ResolveError::NotAMember { .. })));
}

#[test]
fn an_office_gets_one_copy_however_often_it_is_meant() {
    let groups = Groups {
        to: vec!["counties of 6523".parse().unwrap(), "children of 6523".parse().unwrap()],
        cc: vec!["counties of 65".parse().unwrap(), "departments of 65".parse().unwrap()],
    };
    let (to, cc) =
        (vec![office("gov-office@6523")], vec![office("gov-office@652324"), office("gov-office@654201")]);
    let resolved = directory().resolve(&office("gov-office@65"), &to, &cc, &groups).unwrap();
    let texts = |offices: &[OfficeAddress]| offices.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(texts(&resolved.to), ["gov-office@6523", "gov-office@652301"]);
    let copies = [
        "gov-office@652324",
        "gov-office@654201",
        "gov-office@652399",
        "gov-office@654002",
        "gov-office@659001",
    ];
    assert_eq!(texts(&resolved.cc), [&copies[..], &["archive@65"]].concat());
    // It was named by itself: that it is suspended is found where single recipients are looked up.
    assert_eq!(resolved.left_out, []);
}

proptest! {
    #[test]
    fn nobody_is_named_twice_the_sender_never_and_everybody_is_active(
        picks in prop::collection::vec((0usize..4, 0usize..12), 1..4),
        sender in 0usize..12,
    ) {
        let nodes = directory().tree().nodes().to_vec();
        let words = ["counties", "prefectures", "children", "departments"];
        let groups: Vec<Group> =
            picks.iter().map(|(word, node)| format!("{} of {}", words[*word], nodes[*node]).parse().unwrap()).collect();
        let sender = office(&format!("gov-office@{}", nodes[sender]));
        let groups = Groups { to: groups, cc: Vec::new() };
        if let Ok(resolved) = directory().resolve(&sender, &[], &[], &groups) {
            let once: BTreeSet<_> = resolved.to.iter().collect();
            prop_assert_eq!(once.len(), resolved.to.len());
            prop_assert!(!once.contains(&sender));
            prop_assert!(resolved.to.iter().all(|office| directory().office(office).is_ok()));
            prop_assert!(resolved.left_out.iter().all(|out| directory().office(&out.office).is_err()));
            prop_assert_eq!(directory().resolve(&sender, &[], &[], &groups).unwrap(), resolved);
        }
    }
}
