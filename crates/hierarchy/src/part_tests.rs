//! A part answers as the whole does, holds what it needs, and takes nothing but what its version lists.

use super::*;
use crate::acceptance::Acceptance;
use crate::directory::RecipientError;
use crate::draft::Draft;
use crate::edition::Edition;
use crate::history::History;
use crate::plan::{NetworkPlan, PlannedNode};
use crate::policy_edit::PolicyEdit;
use crate::sample::{anchor, authority, believed, demo_draft, expires, issued, node};
use crate::{Edit, ResolveError};
use proptest::prelude::*;
use std::sync::OnceLock;
use yizhan_document::OfficeAddress;

fn set(nodes: &[&str]) -> BTreeSet<NodeId> {
    nodes.iter().map(|text| node(text)).collect()
}

fn office(text: &str) -> OfficeAddress {
    text.parse().unwrap()
}

fn parcel(draft: &Draft) -> Parcel {
    draft.render().unwrap().signed(&[authority()])
}

/// What 652301 needs always of the demonstration network.
const NEEDED: [&str; 3] = ["65", "6523", "652301"];

fn part_of(draft: &Draft) -> Directory {
    let whole = believed(draft);
    whole.reduced_to(&whole.needed_by(node("652301")))
}

#[test]
fn a_node_needs_its_road_all_below_it_and_whomever_it_has_a_link_with() {
    let mut draft = demo_draft();
    let needed = |draft: &Draft, me| believed(draft).needed_by(node(me));
    assert_eq!(needed(&draft, "652301"), set(&NEEDED));
    assert_eq!(needed(&draft, "6523"), set(&["65", "6523", "652301", "652324"]));
    assert_eq!(
        needed(&draft, "65"),
        believed(&draft).tree().nodes().iter().copied().collect(),
        "a root needs all"
    );
    assert_eq!(needed(&draft, "6599"), BTreeSet::new(), "who is not in it");
    // Named by the other side, as a direct link and as a backup parent.
    draft.divisions.get_mut(&node("653101")).unwrap().direct_links = vec![node("652301")];
    draft.divisions.get_mut(&node("653130")).unwrap().backup_parents = vec![node("6523")];
    assert_eq!(needed(&draft, "652301"), set(&["65", "6523", "652301", "653101"]));
    assert_eq!(needed(&draft, "6523"), set(&["65", "6523", "652301", "652324", "653130"]));
}

#[test]
fn who_is_listed_and_not_held_is_told_from_who_does_not_exist() {
    let part = part_of(&demo_draft());
    assert_eq!((part.listed_divisions(), part.divisions().len(), part.holds_all()), (7, 3, false));
    let (absent, unknown) = (office("gov-office@653101"), office("gov-office@6599"));
    assert_eq!(part.office(&absent).unwrap_err(), RecipientError::Absent { node: node("653101") });
    assert_eq!(part.office(&unknown).unwrap_err(), RecipientError::UnknownNode { node: node("6599") });
    assert!(
        part.is_absent(node("653101"))
            && !part.is_absent(node("6599"))
            && part.office(&office("gov-office@6523")).is_ok()
    );
    let members = |group: &str| part.members(&group.parse().unwrap(), None);
    for group in ["counties of 65", "departments of 653101"] {
        assert!(matches!(members(group), Err(ResolveError::Absent { .. })), "{group}");
    }
    assert!(members("prefectures of 65").is_err() && members("departments of 6523").is_ok());
    let (whole, way) = (believed(&demo_draft()), (node("652301"), node("653101")));
    assert_eq!(part.route(way.0, way.1), whole.route(way.0, way.1));
}

#[test]
fn a_part_is_kept_with_its_outline_and_read_back_with_what_was_fetched_since() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::in_folder(folder.path().join("directory"));
    let (whole, first) = (parcel(&demo_draft()), Edition { version: 1, delegated: 0 });
    let mut kept = whole.clone();
    kept.reduce_to(&part_of(&demo_draft()));
    history.keep(first, &kept).unwrap();
    let read = || history.read(first).unwrap();
    assert_eq!(read(), kept);
    assert!(
        Parcel::from_tar(&kept.to_tar().unwrap()).is_err(),
        "an outline is nothing that anybody hands over"
    );
    let part = read().verify_kept(&anchor(), issued(), 0).unwrap();
    assert_eq!(part.divisions().map(|division| division.node).collect::<BTreeSet<_>>(), set(&NEEDED));
    let file = |name: &str| (node(name), whole.files[&node(name)].clone());
    history
        .fetched()
        .keep(&BTreeMap::from([file("653101"), (node("653130"), b"of another version".to_vec())]))
        .unwrap();
    let part = read().verify_kept(&anchor(), issued(), 0).unwrap();
    assert!(part.division(node("653101")).is_some() && part.is_absent(node("653130")));
    // The next archive has it, and the folder is let go of.
    history.keep(first, &read()).unwrap();
    assert!(!folder.path().join("directory/fetched").exists());
    assert!(read().files.contains_key(&node("653101")));
    history.fetched().forget([node("653101")]).unwrap();
    fn harmed(text: &[u8]) -> Vec<u8> {
        let at = text.windows(7).rposition(|window| window == b"653130 ").unwrap();
        [&text[..at], b"653131", &text[at + 6..]].concat()
    }
    let path = folder.path().join("directory/1.tar");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, harmed(&bytes)).unwrap();
    assert!(history.read(first).is_err(), "an outline that was harmed is not believed");
}

#[test]
fn a_file_counts_only_as_the_version_lists_it_and_only_if_nobody_shares_a_key() {
    let mut draft = demo_draft();
    let shared = draft.divisions[&node("653101")].opening;
    let part = part_of(&draft);
    let good = parcel(&draft).files;
    let file = |name: &str, bytes: &[u8]| BTreeMap::from([(node(name), bytes.to_vec())]);
    let codes = |part: &Directory, files: &BTreeMap<NodeId, Vec<u8>>| {
        let (after, refused) = part.with_files(files);
        (after.divisions().len(), refused.iter().map(|(_, error)| error.code()).collect::<Vec<_>>())
    };
    let (after, refused) = part.with_files(&good);
    assert!(refused.is_empty() && after.holds_all() && after == believed(&draft));
    assert_eq!(codes(&part, &file("653101", b"{}")), (3, vec!["tampered-division"]));
    assert_eq!(codes(&part, &file("653101", &good[&node("653130")])), (3, vec!["tampered-division"]));
    assert_eq!(codes(&part, &file("6599", b"{}")), (3, vec![]), "whom nobody lists is left aside");
    // What a sketch says and what the file says are one, or nothing is believed.
    let mut other = part.clone();
    let sketch = Sketch { parent: Some(node("6523")), ..part.sketch(node("653101")).unwrap() };
    Arc::make_mut(&mut other.outline).insert(node("653101"), sketch);
    assert_eq!(codes(&other, &file("653101", &good[&node("653101")])), (3, vec!["outline"]));
    // Two that share a key are refused by whoever holds the whole; whoever holds a part never goes by both.
    draft.divisions.get_mut(&node("653130")).unwrap().opening = shared;
    let twins = parcel(&draft);
    assert_eq!(twins.verify(&anchor(), &[], issued(), 0).unwrap_err().code(), "shared-key");
    let mut kept = twins.clone();
    kept.outline = believed(&demo_draft()).reduced_to(&BTreeSet::new()).outline.as_ref().clone();
    let sketch = Sketch::of_file(node("653130"), &twins.files[&node("653130")]).unwrap();
    kept.outline.insert(node("653130"), sketch);
    kept.files.retain(|node, _| NEEDED.contains(&node.as_str()));
    let part = kept.verify_kept(&anchor(), issued(), 0).unwrap();
    assert_eq!(codes(&part, &twins.files), (6, vec!["shared-key"]));
}

#[test]
fn a_new_version_is_held_to_its_list_for_files_and_sketches_alike() {
    let mut second = Draft { version: 2, ..demo_draft() };
    second.divisions.get_mut(&node("653101")).unwrap().names.insert("ug".into(), "سانجى".into());
    let (first, next) = (parcel(&demo_draft()), parcel(&second));
    let held = part_of(&demo_draft());
    let anchor = anchor();
    let acceptance = Acceptance { anchor: &anchor, held: &held, now: issued() };
    let sketched = |from: &Parcel, nodes: &[&str]| {
        let mut outline = Outline::clone(&held.outline);
        nodes.iter().for_each(|name| {
            outline.insert(node(name), Sketch::of_file(node(name), &from.files[&node(name)]).unwrap());
        });
        let files = next.files.iter().filter(|(node, _)| NEEDED.contains(&node.as_str()));
        Parcel { files: files.map(|(node, file)| (*node, file.clone())).collect(), outline, ..next.clone() }
    };
    let taken = acceptance.whole(&sketched(&next, &["653101"])).unwrap();
    assert_eq!((taken.version, taken.divisions().len(), taken.listed_divisions()), (2, 3, 7));
    let code = |parcel: &Parcel| acceptance.whole(parcel).unwrap_err().code();
    // The sketch of the version before is no sketch of the file that changed.
    assert_eq!(code(&sketched(&first, &[])), "missing-division");
    let mut wrong = sketched(&next, &["653101"]);
    wrong.files.insert(node("65"), b"{}".to_vec());
    assert_eq!(code(&wrong), "tampered-division");
    let mut mixed = sketched(&next, &["653101"]);
    mixed.files.insert(node("653101"), first.files[&node("653101")].clone());
    assert_eq!(code(&mixed), "mixed-versions");
    let newer = part_of(&second);
    let set_back = Acceptance { anchor: &anchor, held: &newer, now: issued() };
    assert_eq!(set_back.whole(&first).unwrap_err().code(), "rollback");
}

#[test]
fn lines_of_the_policy_about_absent_nodes_stand_and_hold_once_these_are_known() {
    let (closed, open) = (office("gov-office@653101"), office("gov-office@653130"));
    let edits = [
        PolicyEdit::Senders(closed.clone(), vec!["below 6531".parse().unwrap()]),
        PolicyEdit::AddToList("防汛成员".parse().unwrap(), vec!["653101".parse().unwrap()]),
    ];
    let draft = believed(&demo_draft()).edited(edits.map(Edit::Policy), issued(), expires()).unwrap();
    let part = part_of(&draft);
    let from = office("gov-office@652301");
    assert!(part.check_dispatch(&from, &[&closed]).is_err() && part.check_dispatch(&from, &[&open]).is_ok());
    assert_eq!(part.policy(), believed(&draft).policy());
    let (known, refused) = part.with_files(&parcel(&draft).files);
    assert!(refused.is_empty());
    assert!(known.members(&"list 防汛成员".parse().unwrap(), None).is_ok());
}

/// A part of a directory with so many more counties below 6523, of which it holds none.
fn with_counties(count: usize) -> Directory {
    let (mut parcel, part) = (parcel(&demo_draft()), part_of(&demo_draft()));
    parcel.reduce_to(&part);
    let mut root = parcel.claimed().unwrap();
    for code in (700_000..).take(count) {
        let (county, digest) = (node(&code.to_string()), Digest::of(format!("{code}").as_bytes()));
        root.divisions.push((county, digest));
        let sketch = Sketch { digest, parent: Some(node("6523")), ..part.sketch(node("653101")).unwrap() };
        parcel.outline.insert(county, sketch);
    }
    let text = root.to_text();
    parcel.root = format!("{text}\n{}", authority().sign(&text)).into_bytes();
    parcel.verify_kept(&anchor(), issued(), 0).unwrap()
}

#[test]
fn a_group_of_more_nodes_than_can_be_held_at_once_is_too_large_and_no_more_unknown_for_ever() {
    let (some, many) =
        (with_counties(crate::limits::FETCHED_MAX - 2), with_counties(crate::limits::FETCHED_MAX));
    let group: yizhan_document::Group = "children of 6523".parse().unwrap();
    let (from, groups) = (office("gov-office@652301"), vec![group.clone()]);
    let groups = yizhan_document::Groups { to: groups, cc: Vec::new() };
    let resolve = |directory: &Directory| directory.resolve(&from, &[], &[], &groups).unwrap_err();
    assert!(matches!(some.members(&group, None).unwrap_err(), ResolveError::Absent { .. }));
    assert!(matches!(resolve(&some), ResolveError::Absent { .. }));
    assert!(matches!(many.members(&group, None).unwrap_err(), ResolveError::TooMany { nodes: 8194, .. }));
    assert!(matches!(resolve(&many), ResolveError::TooMany { nodes: 8194, .. }));
}

/// Twelve nodes with keys of their own, in no tree yet.
fn twelve() -> &'static Draft {
    static DRAFT: OnceLock<Draft> = OnceLock::new();
    DRAFT.get_or_init(|| {
        let demo = NetworkPlan::demo();
        let names = [
            "65", "6501", "6523", "6531", "650101", "652301", "652324", "653101", "653130", "653131",
            "653132", "65313201",
        ];
        let planned = |name: &&str| PlannedNode {
            id: node(name),
            parent: (*name != "65").then(|| node("65")),
            ..demo.nodes[3].clone()
        };
        crate::sample::draft(&NetworkPlan { nodes: names.iter().map(planned).collect(), ..demo.clone() })
    })
}

/// Some tree of twelve with backup parents, direct links, levels and rules.
fn some_draft(shape: &[(usize, usize, usize, usize)]) -> Option<Draft> {
    let mut draft = Draft { version: 2, ..twelve().clone() };
    let nodes: Vec<NodeId> = draft.divisions.keys().copied().collect();
    for (at, (parent, backup, link, level)) in shape.iter().enumerate() {
        let division = draft.divisions.get_mut(&nodes[at])?;
        division.parent = (at > 0).then(|| nodes[parent % at]);
        division.max_classification = Classification::ALL[level % 5];
        let other = |pick: &usize| nodes.get(*pick).copied().filter(|other| *other != nodes[at]);
        division.direct_links = other(link).into_iter().collect();
        division.backup_parents =
            other(backup).filter(|other| Some(*other) != division.parent).into_iter().collect();
    }
    draft.policy.grants.insert("counties of 65 to above".parse().ok()?);
    draft.policy.skip_level.up = crate::SkipRule::Refuse;
    draft.policy.skip_level.down = crate::SkipRule::Notify;
    draft.render().ok()?.check().ok()?;
    Some(draft)
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 100_000, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn a_part_answers_whatever_it_is_asked_about_the_tree_as_the_whole_does(
        shape in prop::collection::vec((any::<usize>(), 0usize..40, 0usize..40, any::<usize>()), 12),
        held in prop::collection::btree_set(0usize..12, 0..12),
        up in any::<u16>(),
        path in prop::collection::vec(0usize..12, 1..5),
    ) {
        let draft = some_draft(&shape);
        prop_assume!(draft.is_some());
        let draft = draft.unwrap();
        let mut kept = parcel(&draft);
        let whole = kept.verify(&anchor(), &[], issued(), 0).unwrap();
        let nodes = whole.tree().nodes().to_vec();
        let held: BTreeSet<NodeId> = held.into_iter().map(|at| nodes[at]).collect();
        kept.reduce_to(&whole.reduced_to(&held));
        let part = Parcel::from_kept_tar(&kept.to_tar().unwrap()).unwrap().verify_kept(&anchor(), issued(), 0).unwrap();
        prop_assert_eq!(part.divisions().map(|division| division.node).collect::<BTreeSet<_>>(), held);
        let is_up = |node: NodeId| nodes.iter().position(|known| *known == node).is_some_and(|at| up >> at & 1 == 1);
        let path: Vec<NodeId> = path.into_iter().map(|at| nodes[at]).collect();
        prop_assert_eq!(part.path_is_tree(&path), whole.path_is_tree(&path));
        for a in &nodes {
            prop_assert_eq!(part.neighbours(*a), whole.neighbours(*a));
            prop_assert_eq!(part.needed_by(*a), whole.needed_by(*a));
            prop_assert_eq!(part.max_classification(*a), whole.max_classification(*a));
            prop_assert_eq!(part.sketch(*a), whole.sketch(*a));
            let record = part.office(&office(&format!("gov-office@{a}")));
            prop_assert_eq!(record.is_ok(), !part.is_absent(*a));
            for b in &nodes {
                prop_assert_eq!(part.next_hop(*a, *b, &is_up), whole.next_hop(*a, *b, &is_up));
                prop_assert!(path.iter().all(|c| part.may_pass(*a, *b, *c) == whole.may_pass(*a, *b, *c)));
                let (from, to) = (office(&format!("gov-office@{a}")), office(&format!("gov-office@{b}")));
                prop_assert_eq!(part.check_dispatch(&from, &[&to]), whole.check_dispatch(&from, &[&to]));
            }
        }
        // Files come in whatever order, and the part ends as the whole.
        let (known, refused) = part.with_files(&parcel(&draft).files);
        prop_assert!(refused.is_empty() && known.holds_all() && known == whole);
    }
}
