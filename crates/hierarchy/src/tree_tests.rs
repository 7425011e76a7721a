//! Tests of the tree: the exceptions of the real country, and what makes no tree.

use super::*;
use crate::sample::node;

/// Builds a tree from `(node, parent)`.
fn tree(places: &[(&str, &str)]) -> Result<Tree, TreeError> {
    with_links(places, &[], &[])
}

/// The same with `(node, backup parent)` and `(node, direct link)`.
fn with_links(
    places: &[(&str, &str)],
    backups: &[(&str, &str)],
    links: &[(&str, &str)],
) -> Result<Tree, TreeError> {
    let of = |list: &[(&str, &str)], id: &str| -> Vec<NodeId> {
        list.iter().filter(|(from, _)| *from == id).map(|(_, to)| node(to)).collect()
    };
    let sides: Vec<_> = places.iter().map(|(id, _)| (of(backups, id), of(links, id))).collect();
    Tree::build(places.iter().zip(&sides).map(|((id, parent), (backup_parents, direct_links))| Place {
        node: node(id),
        parent: (!parent.is_empty()).then(|| node(parent)),
        backup_parents,
        direct_links,
    }))
}

fn hops(tree: &Tree, from: &str, to: &str) -> Vec<String> {
    tree.route(node(from), node(to)).unwrap().iter().map(|hop| hop.node.to_string()).collect()
}

fn link_error(result: Result<Tree, TreeError>) -> (&'static str, &'static str) {
    match result {
        Err(TreeError::Link { what, reason, .. }) => (what, reason),
        other => panic!("{other:?} is not about a link"),
    }
}

// --- the traps of facts/administrative-divisions.md, section 3 ---

#[test]
fn trap_1_districts_of_a_municipality_stand_right_under_it() {
    let tree = tree(&[("11", ""), ("110101", "11"), ("110119", "11")]).unwrap();
    assert_eq!(hops(&tree, "110101", "110119"), ["11", "110119"]);
}

#[test]
fn trap_2_county_cities_of_the_region_stand_right_under_it() {
    let tree =
        tree(&[("65", ""), ("6523", "65"), ("652301", "6523"), ("659001", "65"), ("659012", "65")]).unwrap();
    assert_eq!(hops(&tree, "659001", "652301"), ["65", "6523", "652301"]);
    assert_eq!(hops(&tree, "65", "659012"), ["659012"]);
    assert_eq!(
        tree.children(node("65")).map(|n| n.to_string()).collect::<Vec<_>>(),
        ["6523", "659001", "659012"]
    );
}

#[test]
fn trap_3_towns_of_a_prefecture_without_counties_hang_on_it() {
    let tree = tree(&[
        ("44", ""),
        ("4419", "44"),
        ("441900003", "4419"),
        ("46", ""),
        ("4604", "46"),
        ("460400100", "4604"),
        ("62", ""),
        ("6202", "62"),
        ("620201100", "6202"),
    ])
    .unwrap();
    assert_eq!(hops(&tree, "44", "441900003"), ["4419", "441900003"]);
    assert_eq!(hops(&tree, "620201100", "62"), ["6202", "62"]);
    // A prefecture and its one "county" of the same six digits are two names, never one.
    assert!(!tree.contains(node("441900")) && tree.contains(node("4419")));
    assert_eq!(tree.roots().map(|n| n.to_string()).collect::<Vec<_>>(), ["44", "46", "62"]);
}

#[test]
fn trap_3_a_code_and_its_padded_twin_are_two_nodes() {
    let tree = tree(&[("44", ""), ("4419", "44"), ("441900", "4419"), ("441900003", "441900")]).unwrap();
    assert_eq!(hops(&tree, "44", "441900003"), ["4419", "441900", "441900003"]);
}

#[test]
fn trap_4_development_zones_may_be_nodes_like_any_other() {
    let tree = tree(&[("13", ""), ("1301", "13"), ("130171", "1301"), ("130102", "1301")]).unwrap();
    assert_eq!(hops(&tree, "130171", "130102"), ["1301", "130102"]);
}

#[test]
fn trap_5_two_prefectures_stand_under_a_third() {
    let tree = tree(&[
        ("65", ""),
        ("6540", "65"),
        ("6542", "6540"),
        ("6543", "6540"),
        ("654002", "6540"),
        ("654201", "6542"),
        ("654301", "6543"),
    ])
    .unwrap();
    assert_eq!(hops(&tree, "65", "654201"), ["6540", "6542", "654201"]);
    assert_eq!(hops(&tree, "654301", "654002"), ["6543", "6540", "654002"]);
    assert!(tree.is_below(node("654301"), node("6540")) && !tree.is_below(node("6540"), node("6542")));
}

#[test]
fn trap_6_an_overlay_tree_has_ids_of_its_own_and_meets_the_other_by_a_link() {
    let places = [
        ("65", ""),
        ("6542", "65"),
        ("654203", "6542"),
        ("xpcc", ""),
        ("xpcc-7", "xpcc"),
        ("xpcc-7-130", "xpcc-7"),
    ];
    let tree = with_links(&places, &[], &[("xpcc", "65")]).unwrap();
    assert_eq!(hops(&tree, "654203", "xpcc-7-130"), ["6542", "65", "xpcc", "xpcc-7", "xpcc-7-130"]);
    assert_eq!(hops(&tree, "xpcc-7-130", "654203"), ["xpcc-7", "xpcc", "65", "6542", "654203"]);
}

#[test]
fn trap_10_a_town_stands_on_a_prefecture_past_its_county() {
    let tree =
        tree(&[("64", ""), ("6405", "64"), ("640502", "6405"), ("640502001", "6405"), ("640521", "6405")])
            .unwrap();
    assert_eq!(hops(&tree, "640521", "640502001"), ["6405", "640502001"]);
    assert!(!tree.is_below(node("640502001"), node("640502")));
}

#[test]
fn no_prefix_says_anything_about_a_parent() {
    let tree = tree(&[("99", ""), ("65", "99"), ("11", "65"), ("6523", "11"), ("652301", "99")]).unwrap();
    assert_eq!(hops(&tree, "652301", "6523"), ["99", "65", "11", "6523"]);
}

// --- what makes no tree ---

#[test]
fn an_orphan_a_circle_and_a_twin_are_refused() {
    let orphan = TreeError::Orphan { node: node("652301"), parent: node("6523") };
    assert_eq!(tree(&[("65", ""), ("652301", "6523")]).unwrap_err(), orphan);
    assert_eq!(tree(&[("65", "65")]).unwrap_err(), TreeError::Cycle { node: node("65") });
    let circle = tree(&[("11", ""), ("65", "6523"), ("6523", "652301"), ("652301", "65")]);
    assert_eq!(circle.unwrap_err(), TreeError::Cycle { node: node("65") });
    assert_eq!(tree(&[("65", ""), ("65", "")]).unwrap_err(), TreeError::Duplicate { node: node("65") });
}

#[test]
fn a_chain_may_be_as_deep_as_the_limit_and_no_deeper() {
    let names: Vec<String> = (10..10 + DEPTH_MAX + 1).map(|n| n.to_string()).collect();
    let chain = |length: usize| {
        let places: Vec<(&str, &str)> = (0..length)
            .map(|at| (names[at].as_str(), if at == 0 { "" } else { names[at - 1].as_str() }))
            .collect();
        tree(&places)
    };
    let deep = chain(DEPTH_MAX).unwrap();
    assert_eq!(hops(&deep, "10", &names[DEPTH_MAX - 1]).len(), DEPTH_MAX - 1);
    assert_eq!(chain(DEPTH_MAX + 1).unwrap_err(), TreeError::TooDeep { node: node(&names[DEPTH_MAX]) });
}

#[test]
fn more_nodes_than_the_limit_are_refused_before_they_are_sorted() {
    let nodes = (0..=DIVISIONS_MAX).map(|n| node(&n.to_string()));
    let places = nodes.map(|node| Place { node, parent: None, backup_parents: &[], direct_links: &[] });
    assert_eq!(Tree::build(places).unwrap_err(), TreeError::TooMany);
}

#[test]
fn links_to_nobody_to_oneself_and_twice_are_refused() {
    let places = [("65", ""), ("6523", "65"), ("6531", "65"), ("652301", "6523")];
    let direct = |links: &[(&str, &str)]| link_error(with_links(&places, &[], links));
    assert_eq!(direct(&[("6523", "99")]), (DIRECT, "which is not in the directory"));
    assert_eq!(direct(&[("6523", "6523")]), (DIRECT, "which is itself"));
    assert_eq!(direct(&[("6523", "6531"), ("6523", "6531")]), (DIRECT, "which it names twice"));
    assert_eq!(direct(&[("652301", "6523")]), (DIRECT, "which is its parent or child"));
    assert_eq!(direct(&[("6523", "652301")]), (DIRECT, "which is its parent or child"));
    // Both sides naming each other is one link.
    let tree = with_links(&places, &[], &[("6523", "6531"), ("6531", "6523")]).unwrap();
    assert_eq!(tree.neighbours(node("6531")), [node("65"), node("6523")]);
}

#[test]
fn a_backup_parent_that_could_lead_in_a_circle_is_refused() {
    let places = [("65", ""), ("6523", "65"), ("6531", "65"), ("652301", "6523"), ("652324", "6523")];
    let backup = |backups: &[(&str, &str)]| link_error(with_links(&places, backups, &[]));
    assert_eq!(backup(&[("6523", "6531")]), (BACKUP, "which is not nearer to a root than it is"));
    assert_eq!(backup(&[("6523", "652301")]), (BACKUP, "which is not nearer to a root than it is"));
    assert_eq!(backup(&[("652301", "6523")]), (BACKUP, "which is its parent"));
    assert_eq!(backup(&[("652301", "99")]), (BACKUP, "which is not in the directory"));
    assert!(with_links(&places, &[("652301", "6531"), ("652324", "65")], &[]).is_ok());
}

// --- looking things up ---

#[test]
fn neighbours_are_all_those_a_link_is_kept_with_each_once() {
    let places =
        [("65", ""), ("6523", "65"), ("6531", "65"), ("652301", "6523"), ("652324", "6523"), ("62", "")];
    let tree = with_links(&places, &[("652301", "6531"), ("652324", "65")], &[("62", "65")]).unwrap();
    let of = |id: &str| tree.neighbours(node(id)).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(of("65"), ["62", "6523", "652324", "6531"]);
    assert_eq!(of("62"), ["65"]);
    assert_eq!(of("652301"), ["6523", "6531"]);
    assert_eq!(of("6531"), ["65", "652301"]);
    assert_eq!(tree.neighbours(node("99")), []);
    // Neighbourhood is mutual.
    for (me, _) in places {
        assert!(tree.neighbours(node(me)).iter().all(|other| tree.neighbours(*other).contains(&node(me))));
    }
}

#[test]
fn a_path_of_the_tree_is_told_from_a_detour() {
    let places = [("65", ""), ("6523", "65"), ("6531", "65"), ("652301", "6523")];
    let tree = with_links(&places, &[("652301", "65")], &[]).unwrap();
    let path = |ids: &[&str]| tree.path_is_tree(&ids.iter().map(|id| node(id)).collect::<Vec<_>>());
    assert!(path(&["652301", "6523", "65", "6531"]) && path(&["65"]) && path(&[]));
    assert!(!path(&["652301", "65"]) && !path(&["6523", "6531"]) && !path(&["65", "65"]) && !path(&["99"]));
}

#[test]
fn a_tree_of_nobody_is_empty() {
    let tree = tree(&[]).unwrap();
    assert!(tree.is_empty() && tree.roots().next().is_none());
}
