//! Tests of the next hop: which way, why, and that no way is a circle.

use super::*;
use crate::limits::DEPTH_MAX;
use crate::sample::node;
use crate::tree::Place;
use proptest::prelude::*;
use std::collections::BTreeSet;

type Row<'a> = (&'a str, &'a str, &'a [&'a str], &'a [&'a str]);

/// A tree from rows of node, parent, backup parents, direct links.
fn tree(rows: &[Row<'_>]) -> Tree {
    let ids = |texts: &[&str]| texts.iter().map(|text| node(text)).collect::<Vec<_>>();
    let sides: Vec<_> = rows.iter().map(|row| (ids(row.2), ids(row.3))).collect();
    Tree::build(rows.iter().zip(&sides).map(|(row, (backup_parents, direct_links))| Place {
        node: node(row.0),
        parent: (!row.1.is_empty()).then(|| node(row.1)),
        backup_parents,
        direct_links,
    }))
    .unwrap()
}

/// The next hop from `me` towards `to` while the nodes in `away` are away.
fn hop(tree: &Tree, me: &str, to: &str, away: &[&str]) -> (String, HopReason) {
    let hop = tree.next_hop(node(me), node(to), &|other| !away.contains(&other.as_str())).unwrap();
    (hop.node.to_string(), hop.why)
}

fn is(node: &str, why: HopReason) -> (String, HopReason) {
    (node.to_owned(), why)
}

const XINJIANG: [Row<'_>; 7] = [
    ("65", "", &[], &[]),
    ("6523", "65", &[], &[]),
    ("6531", "65", &[], &[]),
    ("652301", "6523", &[], &[]),
    ("652324", "6523", &[], &[]),
    ("653101", "6531", &[], &[]),
    ("653130", "6531", &[], &[]),
];

#[test]
fn a_document_goes_up_and_then_down_along_the_tree() {
    let tree = tree(&XINJIANG);
    let route = tree.route(node("652301"), node("653130")).unwrap();
    let route: Vec<_> = route.iter().map(|hop| (hop.node.to_string(), hop.why)).collect();
    let expected = [
        is("6523", HopReason::Up),
        is("65", HopReason::Up),
        is("6531", HopReason::Down),
        is("653130", HopReason::Down),
    ];
    assert_eq!(route, expected);
    assert_eq!(tree.route(node("65"), node("65")).unwrap(), [Hop { node: node("65"), why: HopReason::Here }]);
}

#[test]
fn siblings_meet_at_their_parent_and_no_higher() {
    let tree = tree(&XINJIANG);
    assert_eq!(hop(&tree, "652301", "652324", &[]), is("6523", HopReason::Up));
    assert_eq!(hop(&tree, "6523", "652324", &[]), is("652324", HopReason::Down));
}

#[test]
fn without_another_way_the_hop_is_the_node_to_wait_for() {
    let tree = tree(&XINJIANG);
    assert_eq!(hop(&tree, "652301", "653130", &["6523"]), is("6523", HopReason::Up));
    assert_eq!(hop(&tree, "65", "652301", &["6523"]), is("6523", HopReason::Down));
}

#[test]
fn nobody_unknown_is_routed_to_or_from() {
    let tree = tree(&XINJIANG);
    let unknown = RouteError::UnknownNode { node: node("652302") };
    assert_eq!(tree.next_hop(node("65"), node("652302"), &|_| true), Err(unknown));
    assert_eq!(tree.route(node("652302"), node("65")), Err(unknown));
}

#[test]
fn a_direct_link_is_used_from_either_side_while_it_is_up() {
    let mut rows = XINJIANG;
    rows[3].3 = &["653101"];
    let tree = tree(&rows);
    assert_eq!(hop(&tree, "652301", "653101", &[]), is("653101", HopReason::Direct));
    assert_eq!(hop(&tree, "653101", "652301", &[]), is("652301", HopReason::Direct));
    assert_eq!(hop(&tree, "652301", "653101", &["653101"]), is("6523", HopReason::Up));
    assert_eq!(hop(&tree, "652301", "653130", &[]), is("6523", HopReason::Up));
}

#[test]
fn a_direct_link_to_a_prefecture_serves_its_counties_and_the_nearest_link_wins() {
    let mut rows = XINJIANG;
    rows[1].3 = &["6531", "653130"];
    let tree = tree(&rows);
    assert_eq!(hop(&tree, "6523", "653101", &[]), is("6531", HopReason::Direct));
    assert_eq!(hop(&tree, "6523", "653130", &[]), is("653130", HopReason::Direct));
    assert_eq!(hop(&tree, "6523", "653130", &["653130"]), is("6531", HopReason::Direct));
    assert_eq!(hop(&tree, "6523", "653130", &["653130", "6531"]), is("65", HopReason::Up));
}

#[test]
fn direct_reporting_to_the_region_does_not_draw_other_documents_past_the_prefecture() {
    let mut rows = XINJIANG;
    rows[3].3 = &["65"];
    let tree = tree(&rows);
    assert_eq!(hop(&tree, "652301", "65", &[]), is("65", HopReason::Direct));
    assert_eq!(hop(&tree, "652301", "653101", &[]), is("6523", HopReason::Up));
    assert_eq!(hop(&tree, "652301", "653101", &["6523"]), is("65", HopReason::Direct));
    // Downwards the tree comes first, and the link helps while the prefecture is away.
    assert_eq!(hop(&tree, "65", "652301", &[]), is("6523", HopReason::Down));
    assert_eq!(hop(&tree, "65", "652301", &["6523"]), is("652301", HopReason::Direct));
    assert_eq!(hop(&tree, "65", "652301", &["6523", "652301"]), is("6523", HopReason::Down));
}

#[test]
fn a_backup_parent_stands_in_only_while_the_parent_is_away() {
    let mut rows = XINJIANG;
    rows[3].2 = &["6531", "65"];
    let tree = tree(&rows);
    assert_eq!(hop(&tree, "652301", "653130", &[]), is("6523", HopReason::Up));
    assert_eq!(hop(&tree, "652301", "653130", &["6523"]), is("6531", HopReason::BackupParent));
    assert_eq!(hop(&tree, "652301", "653130", &["6523", "6531"]), is("65", HopReason::BackupParent));
    assert_eq!(hop(&tree, "652301", "653130", &["6523", "6531", "65"]), is("6523", HopReason::Up));
}

#[test]
fn counties_of_a_dead_prefecture_go_on_among_themselves_through_the_region() {
    let mut rows = XINJIANG;
    rows[3].2 = &["65"];
    rows[4].2 = &["65"];
    let tree = tree(&rows);
    assert_eq!(hop(&tree, "652301", "652324", &["6523"]), is("65", HopReason::BackupParent));
    assert_eq!(hop(&tree, "65", "652324", &["6523"]), is("652324", HopReason::BackupParent));
    assert_eq!(hop(&tree, "65", "652324", &[]), is("6523", HopReason::Down));
}

#[test]
fn regions_are_linked_only_where_the_directory_says_so() {
    let mut rows = XINJIANG.to_vec();
    rows.extend([
        ("62", "", &[] as &[&str], &["65"] as &[&str]),
        ("6201", "62", &[], &[]),
        ("63", "", &[], &[]),
    ]);
    let tree = tree(&rows);
    assert_eq!(hop(&tree, "65", "6201", &[]), is("62", HopReason::Direct));
    assert_eq!(hop(&tree, "65", "6201", &["62"]), is("62", HopReason::Direct));
    assert_eq!(hop(&tree, "652301", "6201", &[]), is("6523", HopReason::Up));
    let no_route = RouteError::NoRoute { from: node("652301"), to: node("63") };
    assert_eq!(tree.next_hop(node("652301"), node("63"), &|_| true), Err(no_route));
    assert!(tree.route(node("63"), node("65")).is_err());
}

#[test]
fn what_only_a_link_below_the_root_reaches_waits_there_while_it_is_away() {
    let mut rows = XINJIANG.to_vec();
    rows[1].3 = &["6201"];
    rows.extend([("62", "", &[] as &[&str], &[] as &[&str]), ("6201", "62", &[], &[])]);
    let tree = tree(&rows);
    assert_eq!(hop(&tree, "652301", "6201", &[]), is("6523", HopReason::Up));
    assert_eq!(hop(&tree, "6523", "6201", &["6201"]), is("6201", HopReason::Direct));
    // 6531 hangs on the same region, but from there nothing leads to the link.
    assert!(tree.next_hop(node("653101"), node("6201"), &|_| true).is_err());
}

/// A random forest: each node's parent is an earlier one, or none, within the depth; backup parents nearer to a root;
/// direct links anywhere.
fn forest() -> impl Strategy<Value = Tree> {
    let choices = proptest::collection::vec((any::<u16>(), any::<u16>(), any::<u16>()), 1..60);
    choices.prop_map(|choices| {
        let id = |n: usize| node(&format!("n{n}"));
        let mut shape: Vec<(Option<usize>, usize)> = Vec::new();
        for (position, choice) in choices.iter().enumerate() {
            let parent = (choice.0 % 16 != 0 && position > 0).then(|| usize::from(choice.0) % position);
            let parent = parent.filter(|parent| shape[*parent].1 < DEPTH_MAX - 1);
            shape.push((parent, parent.map_or(0, |parent| shape[parent].1 + 1)));
        }
        let sides: Vec<(Vec<NodeId>, Vec<NodeId>)> = choices
            .iter()
            .enumerate()
            .map(|(me, choice)| {
                let backup = usize::from(choice.1) % choices.len();
                let fits = shape[backup].1 < shape[me].1 && shape[me].0 != Some(backup);
                let link = usize::from(choice.2) % choices.len();
                let links =
                    choice.2 % 3 == 0 && link != me && shape[me].0 != Some(link) && shape[link].0 != Some(me);
                (
                    fits.then(|| id(backup)).into_iter().collect(),
                    links.then(|| id(link)).into_iter().collect(),
                )
            })
            .collect();
        Tree::build(shape.iter().zip(&sides).enumerate().map(
            |(me, ((parent, _), (backup_parents, direct_links)))| Place {
                node: id(me),
                parent: parent.map(id),
                backup_parents,
                direct_links,
            },
        ))
        .unwrap()
    })
}

fn pick(tree: &Tree, choice: u16) -> NodeId {
    tree.nodes()[usize::from(choice) % tree.len()]
}

proptest! {
    #[test]
    fn a_route_ends_at_its_destination_over_neighbours_and_visits_nobody_twice(
        tree in forest(), from in any::<u16>(), to in any::<u16>(),
    ) {
        let (from, to) = (pick(&tree, from), pick(&tree, to));
        match tree.route(from, to) {
            Err(error) => prop_assert_eq!(error, RouteError::NoRoute { from, to }),
            Ok(hops) => {
                let mut seen = BTreeSet::from([from]);
                let mut at = from;
                for hop in &hops {
                    if hop.why == HopReason::Here {
                        prop_assert!(from == to && hops.len() == 1);
                    } else {
                        prop_assert!(tree.neighbours(at).contains(&hop.node));
                        prop_assert!(seen.insert(hop.node), "{} twice in {hops:?}", hop.node);
                    }
                    at = hop.node;
                }
                prop_assert_eq!(at, to);
                prop_assert!(hops.len() < 2 * DEPTH_MAX);
            }
        }
    }

    #[test]
    fn whatever_is_up_from_moment_to_moment_no_document_comes_by_twice(
        tree in forest(), from in any::<u16>(), to in any::<u16>(), weather in proptest::collection::vec(any::<u64>(), 64),
    ) {
        let (from, to) = (pick(&tree, from), pick(&tree, to));
        let mut seen = BTreeSet::new();
        let mut at = from;
        for moment in &weather {
            prop_assert!(seen.insert(at), "{at} twice");
            let up = |other: NodeId| {
                let sum: u64 = other.as_str().bytes().map(u64::from).sum();
                moment >> (sum % 64) & 1 == 1
            };
            match tree.next_hop(at, to, &up) {
                Ok(hop) if hop.why == HopReason::Here => break,
                Ok(hop) => at = hop.node,
                // Nothing leads there, and that is known where the document starts.
                Err(_) => { prop_assert_eq!(at, from); return Ok(()); }
            }
        }
        prop_assert_eq!(at, to);
        prop_assert!(seen.len() <= 2 * DEPTH_MAX);
    }

    #[test]
    fn within_one_tree_without_links_a_route_is_the_way_up_and_down(
        tree in forest(), from in any::<u16>(), to in any::<u16>(),
    ) {
        let bare: Vec<(NodeId, Option<NodeId>)> = tree.nodes().iter().map(|n| (*n, tree.parent(*n))).collect();
        let bare = Tree::build(bare.iter().map(|(node, parent)| Place {
            node: *node, parent: *parent, backup_parents: &[], direct_links: &[],
        })).unwrap();
        let (from, to) = (pick(&bare, from), pick(&bare, to));
        if let Ok(hops) = bare.route(from, to) && from != to {
            let path: Vec<NodeId> = std::iter::once(from).chain(hops.iter().map(|hop| hop.node)).collect();
            prop_assert!(bare.path_is_tree(&path));
            let first_down = hops.iter().position(|hop| hop.why == HopReason::Down).unwrap_or(hops.len());
            prop_assert!(hops[..first_down].iter().all(|hop| hop.why == HopReason::Up));
            prop_assert!(hops[first_down..].iter().all(|hop| hop.why == HopReason::Down));
        }
    }
}
