//! Tests of the table as a whole, and of plans made from it.

use super::*;
use crate::flags::PlanFlags;
use crate::limits::NAME_BYTES_MAX;
use crate::plan::NetworkPlan;
use crate::sample::node;

fn plan(divisions: &[&str]) -> NetworkPlan {
    let divisions = divisions.iter().map(|text| (*text).to_owned()).collect();
    NetworkPlan::from_flags(&PlanFlags { divisions, ..PlanFlags::default() }).unwrap()
}

fn count(divisions: &[&str]) -> DivisionCounts {
    DivisionTable::built_in().unwrap().count(&plan(divisions).nodes)
}

#[test]
fn xinjiang_is_one_region_14_prefectures_and_108_counties_12_of_them_direct() {
    let counts = count(&["65"]);
    let expected = DivisionCounts {
        provinces: 1,
        prefectures: 14,
        counties: 107 + 1,
        counties_under_a_province: 12,
        nodes: 123,
        ..DivisionCounts::default()
    };
    assert_eq!(counts, expected);
    assert_eq!(plan(&["65"]).network, "division-65.example");
}

#[test]
fn every_province_has_as_many_divisions_as_the_statistics_say() {
    let known =
        [("64", 5, 22), ("62", 14, 86), ("36", 11, 100), ("42", 13, 103), ("11", 0, 16), ("46", 4, 26)];
    for (code, prefectures, counties) in known {
        let counts = count(&[code]);
        assert_eq!((counts.prefectures, counts.counties), (prefectures, counties), "{code}");
        assert_eq!(counts.nodes, 1 + prefectures + counties);
    }
    let table = DivisionTable::built_in().unwrap();
    for province in table.provinces() {
        let plan = plan(&[province.code.as_str()]);
        assert!(plan.nodes.iter().all(|node| node.parent.is_some() != (node.id == province.code)));
        assert_eq!(plan.nodes.len(), table.tree_of(province.code, false).len());
    }
}

#[test]
fn the_country_is_31_provinces_333_prefectures_and_2850_counties_and_all_reach_each_other() {
    let plan = plan(&["all"]);
    let counts = DivisionTable::built_in().unwrap().count(&plan.nodes);
    assert_eq!((counts.provinces, counts.prefectures, counts.counties), (31, 333, 2850));
    assert_eq!((counts.development_zones, counts.corps, counts.others), (0, 0, 0));
    let places = plan.nodes.iter().map(|planned| crate::tree::Place {
        node: planned.id,
        parent: planned.parent,
        backup_parents: &planned.backup_parents,
        direct_links: &planned.direct_links,
    });
    let tree = crate::tree::Tree::build(places).unwrap();
    assert_eq!(tree.roots().count(), 31);
    for county in plan.nodes.iter().filter(|planned| planned.parent.is_some()) {
        let home = tree.route(node("652301"), county.id).unwrap();
        assert!(home.len() <= 6, "{} is {} hops away", county.id, home.len());
        assert!(!tree.route(county.id, node("11")).unwrap().is_empty());
    }
    // Each pair of provinces is linked once, and both know it.
    assert_eq!(plan.nodes.iter().map(|planned| planned.direct_links.len()).sum::<usize>(), 31 * 30 / 2);
    assert_eq!(tree.neighbours(node("65")).len(), 30 + 24);
}

#[test]
fn the_provinces_may_stand_under_a_node_of_the_country_instead() {
    let flags = PlanFlags {
        roots: vec!["cn".to_owned()],
        divisions: vec!["all=cn".to_owned()],
        ..PlanFlags::default()
    };
    let plan = NetworkPlan::from_flags(&flags).unwrap();
    assert_eq!(plan.nodes.len(), 1 + 31 + 333 + 2850);
    assert!(plan.nodes.iter().all(|planned| planned.direct_links.is_empty()));
    assert_eq!(plan.nodes.iter().filter(|planned| planned.parent == Some(node("cn"))).count(), 31);
}

#[test]
fn a_prefecture_can_be_a_network_of_its_own() {
    let plan = plan(&["6540"]);
    assert_eq!((plan.nodes[0].id, plan.nodes[0].parent), (node("6540"), None));
    assert!(plan.nodes.iter().any(|planned| planned.id == node("654202")));
    assert_eq!(plan.nodes[0].names["zh"], "伊犁哈萨克自治州");
}

#[test]
fn parents_stand_before_their_children_and_names_fit_a_directory() {
    let table = DivisionTable::built_in().unwrap();
    for province in table.provinces() {
        let below = table.tree_of(province.code, true);
        for (position, division) in below.iter().enumerate().skip(1) {
            assert!(below.iter().take(position).any(|above| Some(above.code) == division.parent));
            assert!(division.name.len() <= NAME_BYTES_MAX);
        }
    }
    assert_eq!(table.len(), 31 + 333 + 2850 + 124 + 15);
}

#[test]
fn a_table_that_contradicts_itself_is_refused() {
    let heading = "kind\tcode\tparent\tname\tsince\n";
    let parse = |rows: &str, retired: &str| {
        let retired = format!("kind\tcode\tname\tsince\tuntil\tsuccessor\tshares\n{retired}");
        DivisionTable::parse(&format!("{heading}{rows}"), &retired, "").map(|table| table.len())
    };
    let two = "1\t65\t\t新疆\n2\t6523\t65\t昌吉\n";
    assert_eq!(parse(two, "retired\t6524\t旧\t\t2000\t6523\n"), Ok(2));
    let wrong = |line, column| Err(TableError::Line { line, column });
    assert_eq!(parse("1\t65\t\t\n", ""), wrong(2, "name"));
    assert_eq!(parse("7\t65\t\t新疆\n", ""), wrong(2, "kind"));
    assert_eq!(parse("2\t65\t\t新疆\n", ""), wrong(2, "parent"));
    assert_eq!(parse("1\t65\t\t新疆\tlong ago\n", ""), wrong(2, "since"));
    assert!(matches!(parse("1\t六五\t\t新疆\n", ""), Err(TableError::Code { line: 2, .. })));
    assert_eq!(
        parse(&format!("{two}2\t6523\t65\t昌吉\n"), ""),
        Err(TableError::Twice { code: node("6523") })
    );
    assert_eq!(parse(two, "retired\t6523\t旧\t\t2000\t65\n"), Err(TableError::Twice { code: node("6523") }));
    let orphan = Err(TableError::Missing { code: node("6531"), other: node("66") });
    assert_eq!(parse(&format!("{two}2\t6531\t66\t喀什\n"), ""), orphan);
    let heirless = Err(TableError::Missing { code: node("6524"), other: node("6599") });
    assert_eq!(parse(two, "retired\t6524\t旧\t\t2000\t6599\n"), heirless);
    let circle = parse(two, "retired\t6524\t旧\t\t2000\t6525\nretired\t6525\t旧\t\t2001\t6524\n");
    assert!(matches!(circle, Err(TableError::Cycle { .. })), "{circle:?}");
    let above = parse("1\t65\t\t新疆\n2\t6523\t6524\t甲\n2\t6524\t6523\t乙\n", "");
    assert!(matches!(above, Err(TableError::Cycle { .. })), "{above:?}");
}
