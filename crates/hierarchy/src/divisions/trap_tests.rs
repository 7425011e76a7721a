//! One test for each way in which the prefix of a code misleads; the list is in `divisions/README.md`.

use super::*;
use crate::flags::{FlagError, PlanFlags};
use crate::next_hop::HopReason;
use crate::plan::{NetworkPlan, PlanError};
use crate::sample::node;
use crate::tree::{Place, Tree};

fn table() -> DivisionTable {
    DivisionTable::built_in().unwrap()
}

fn codes<'a>(divisions: impl IntoIterator<Item = &'a ListedDivision>) -> Vec<String> {
    divisions.into_iter().map(|division| division.code.to_string()).collect()
}

fn parent(table: &DivisionTable, code: &str) -> String {
    table.parent(node(code)).map(|parent| parent.code.to_string()).unwrap_or_default()
}

fn flags(divisions: &[&str], towns: &[&str]) -> PlanFlags {
    let typed = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    PlanFlags { divisions: typed(divisions), towns: typed(towns), ..PlanFlags::default() }
}

fn tree(plan: &NetworkPlan) -> Tree {
    let place = |node: &'_ crate::plan::PlannedNode| (node.id, node.parent, node.direct_links.clone());
    let places: Vec<_> = plan.nodes.iter().map(place).collect();
    Tree::build(places.iter().map(|(node, parent, direct_links)| Place {
        node: *node,
        parent: *parent,
        backup_parents: &[],
        direct_links,
    }))
    .unwrap()
}

fn route(tree: &Tree, from: &str, to: &str) -> Vec<String> {
    tree.route(node(from), node(to)).unwrap().iter().map(|hop| hop.node.to_string()).collect()
}

// Trap 1.
#[test]
fn pseudo_prefectures_are_dropped_and_their_counties_stand_under_the_province() {
    let table = table();
    for code in ["1101", "1201", "3101", "5001", "5002", "4190", "4290", "4690", "6590"] {
        assert!(table.division(node(code)).is_none(), "{code} is a node");
        assert!(matches!(table.resolve(code), Err(CodeError::Unknown { .. })), "{code} resolves");
    }
    for (county, province) in [("110101", "11"), ("120101", "12"), ("310101", "31"), ("500101", "50")] {
        assert_eq!(parent(&table, county), province);
    }
    // 重庆 has districts and, behind another pseudo-prefecture, counties.
    assert_eq!(parent(&table, "500229"), "50");
    let shenzhen = table.division(node("4403")).unwrap();
    assert_eq!((shenzhen.name.as_str(), shenzhen.kind), ("深圳市", DivisionKind::Prefecture));
}

// Trap 2.
#[test]
fn counties_and_cities_that_a_province_administers_itself_stand_under_it() {
    let table = table();
    for (prefix, province, count) in
        [("6590", "65", 12), ("4290", "42", 4), ("4190", "41", 1), ("4690", "46", 15)]
    {
        let direct: Vec<_> =
            table.children(node(province)).filter(|child| child.code.as_str().starts_with(prefix)).collect();
        assert_eq!(direct.len(), count, "{prefix}");
        assert!(direct.iter().all(|city| matches!(city.kind, DivisionKind::County | DivisionKind::Other)));
    }
    assert_eq!(table.division(node("659001")).unwrap().name, "石河子市");
    assert_eq!(table.division(node("659012")).unwrap().name, "白杨市");
    assert_eq!(table.division(node("419001")).unwrap().name, "济源市");
}

// Trap 3.
#[test]
fn prefectures_without_counties_have_no_county_node_and_their_towns_hang_on_them() {
    let table = table();
    for (code, name) in [("4419", "东莞市"), ("4420", "中山市"), ("4604", "儋州市"), ("6202", "嘉峪关市")]
    {
        let prefecture = table.division(node(code)).unwrap();
        assert_eq!((prefecture.name.as_str(), prefecture.kind), (name, DivisionKind::Prefecture));
        assert_eq!(table.children(node(code)).count(), 0, "{name} has counties");
        assert_eq!(table.named(name).count(), 1, "{name} stands in it twice");
    }
    let plan = NetworkPlan::from_flags(&flags(
        &["44", "62"],
        &["441900003=4419", "442000001=4420", "620201100=6202"],
    ));
    let tree = tree(&plan.unwrap());
    assert_eq!(route(&tree, "44", "441900003"), ["4419", "441900003"]);
    assert_eq!(route(&tree, "441900003", "442000001"), ["4419", "44", "4420", "442000001"]);
    assert_eq!(route(&tree, "620201100", "441900003"), ["6202", "62", "44", "4419", "441900003"]);
    let hainan = NetworkPlan::from_flags(&flags(&["46"], &["460400100=4604"])).unwrap();
    assert_eq!(route(&self::tree(&hainan), "460400100", "469001"), ["4604", "46", "469001"]);
}

// Trap 3, the keys.
#[test]
fn equal_codes_at_two_levels_never_collide_since_no_key_is_padded() {
    let table = table();
    assert!(table.divisions().all(|division| {
        let code = division.code.as_str();
        code.len() == 2 || !code.ends_with("00")
    }));
    for (padded, code) in [("441900", "4419"), ("442000", "4420"), ("460400", "4604"), ("620201", "6202")] {
        assert_eq!(table.resolve(padded).unwrap().division.code, node(code));
    }
    for (padded, code) in
        [("650000", "65"), ("652300", "6523"), ("652301", "652301"), ("652301000000", "652301")]
    {
        assert_eq!(table.resolve(padded).unwrap().division.code, node(code));
    }
    let twice = "kind\tcode\tparent\tname\n1\t44\t\t广东省\n2\t4419\t44\t东莞市\n3\t441900\t4419\t东莞市\n";
    let padded = TableError::Line { line: 4, column: "unpadded code" };
    assert_eq!(DivisionTable::parse(twice, "", "").map(|_| ()), Err(padded));
}

// Traps 5 and 11.
#[test]
fn yili_administers_its_two_prefectures_and_their_counties_go_through_both() {
    let table = table();
    assert_eq!(parent(&table, "6542"), "6540");
    assert_eq!(parent(&table, "6543"), "6540");
    assert_eq!(parent(&table, "6540"), "65");
    assert_eq!(parent(&table, "654003"), "6540");
    let xinjiang = tree(&NetworkPlan::from_flags(&flags(&["65"], &[])).unwrap());
    assert_eq!(route(&xinjiang, "65", "654202"), ["6540", "6542", "654202"]);
    assert_eq!(route(&xinjiang, "654202", "654321"), ["6542", "6540", "6543", "654321"]);
    // It is the only prefecture in the country that has prefectures.
    let of_prefectures = table.divisions().filter(|division| {
        let above = table.parent(division.code).map(|above| above.kind);
        division.kind == DivisionKind::Prefecture && above == Some(DivisionKind::Prefecture)
    });
    assert_eq!(codes(of_prefectures), ["6542", "6543"]);
}

// Trap 6.
#[test]
fn the_corps_is_a_tree_of_its_own_ids_over_the_region_and_linked_to_its_cities() {
    let table = table();
    let corps = table.tree_of(node("66"), false);
    assert_eq!(corps.len(), 15);
    assert_eq!((corps[0].kind, corps[0].parent), (DivisionKind::Corps, None));
    assert!(corps.iter().skip(1).all(|division| division.parent == Some(node("66"))));
    let with_city: Vec<_> = corps.iter().filter_map(|division| division.city).collect();
    assert_eq!(with_city.len(), 12);
    let region = table.children(node("65")).filter(|child| child.code.as_str().starts_with("6590"));
    assert!(region.into_iter().all(|city| with_city.contains(&city.code)), "a city without a division");
    let without: Vec<_> =
        corps.iter().skip(1).filter(|d| d.city.is_none()).map(|d| d.code.as_str()).collect();
    assert_eq!(without, ["66-11", "66-12"]);
    // It is no province: the country is planned without it.
    assert!(table.provinces().all(|province| province.code != node("66")));

    let both = tree(&NetworkPlan::from_flags(&flags(&["65", "66"], &[])).unwrap());
    assert_eq!(route(&both, "66-08", "659001"), ["659001"]);
    assert_eq!(both.next_hop(node("66-08"), node("659001"), &|_| true).unwrap().why, HopReason::Direct);
    assert_eq!(route(&both, "66-12", "652301"), ["66", "65", "6523", "652301"]);
}

// Trap 4.
#[test]
fn development_zones_are_left_out_unless_asked_for() {
    let table = table();
    let zones: Vec<_> =
        table.divisions().filter(|division| division.kind == DivisionKind::DevelopmentZone).collect();
    assert_eq!(zones.len(), 124);
    let plan = |development_zones| {
        NetworkPlan::from_flags(&PlanFlags { development_zones, ..flags(&["13"], &[]) }).unwrap()
    };
    let (without, with) = (plan(false), plan(true));
    let zone = |plan: &NetworkPlan| plan.nodes.iter().find(|planned| planned.id == node("130171")).cloned();
    assert!(zone(&without).is_none());
    assert_eq!(zone(&with).unwrap().parent, Some(node("1301")));
    let hebei = zones.iter().filter(|zone| zone.code.as_str().starts_with("13")).count();
    assert_eq!(with.nodes.len(), without.nodes.len() + hebei);
}

// Trap 7.
#[test]
fn islands_forests_and_committees_are_nodes_of_a_kind_of_their_own() {
    let table = table();
    let other = table.divisions().filter(|division| division.kind == DivisionKind::Other);
    assert_eq!(codes(other), ["429021", "460321", "460322", "460323", "632857"]);
    assert_eq!(parent(&table, "460321"), "4603");
    assert_eq!(parent(&table, "429021"), "42");
    assert_eq!(parent(&table, "632857"), "6328");
    // The ministry's list has two districts there instead of the islands.
    assert_eq!(table.resolve("460302").unwrap().division.name, "西沙群岛");
}

// Trap 8.
#[test]
fn nobody_is_addressed_by_a_name_since_28_of_them_are_shared() {
    let table = table();
    let counties =
        |division: &&ListedDivision| matches!(division.kind, DivisionKind::County | DivisionKind::Other);
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    table.divisions().filter(counties).for_each(|d| *names.entry(d.name.as_str()).or_default() += 1);
    assert_eq!(names.values().filter(|count| **count > 1).count(), 28);
    assert_eq!(names["鼓楼区"], 4);

    let refused = table.resolve("鼓楼区").unwrap_err();
    let CodeError::Name { codes, .. } = &refused else { panic!("{refused:?}") };
    assert_eq!(
        codes.iter().map(NodeId::as_str).collect::<Vec<_>>(),
        ["320106", "320302", "350102", "410204"]
    );
    assert!(refused.to_string().contains("by code, not by name; 鼓楼区 is 320106, 320302"), "{refused}");
    // Not even where there is only one: the next reform may make another.
    assert!(matches!(table.resolve("昌吉市"), Err(CodeError::Name { .. })));
    let planned = NetworkPlan::from_flags(&flags(&["宁夏回族自治区"], &[]));
    assert!(matches!(planned, Err(PlanError::Flag(FlagError::Division { .. }))));
}

// Trap 9. Approvals of the State Council, by which these were checked: 国函〔2010〕55号 (东城), 〔2011〕84号 (巢湖), 〔2015〕41号 (儋州),
// 〔2015〕183号 (静安), 〔2016〕97号 (崇明), 〔2018〕163号 (莱芜), 〔2020〕79号 (海门); 民函〔2019〕125号 (无为).
#[test]
fn codes_of_divisions_renamed_or_merged_resolve_to_what_followed_them() {
    let table = table();
    let cases = [
        ("110103", "崇文区", 2010, "110101", "东城区"),
        ("310108", "闸北区", 2015, "310106", "静安区"),
        ("310230", "崇明县", 2016, "310151", "崇明区"),
        ("320684", "海门市", 2020, "320614", "海门区"),
        ("341422", "无为县", 2011, "340281", "无为市"),
        ("371202", "莱城区", 2018, "370116", "莱芜区"),
        ("371200", "莱芜市", 2018, "3701", "济南市"),
        ("469003", "儋州市", 2015, "4604", "儋州市"),
        ("542100", "昌都地区", 2014, "5403", "昌都市"),
        ("652201", "哈密市", 2016, "650502", "伊州区"),
        ("654001", "奎屯市", 2001, "654003", "奎屯市"),
    ];
    for (old, name, until, new, now) in cases {
        let resolved = table.resolve(old).unwrap();
        assert_eq!(resolved.division.code, node(new), "{old}");
        assert_eq!(resolved.division.name, now);
        assert_eq!((resolved.steps[0].name.as_str(), resolved.steps[0].until), (name, Some(until)));
    }
    // 无为 changed twice: its first code goes through the second.
    let steps = table.resolve("341422").unwrap().steps;
    let years: Vec<_> = steps.iter().map(|step| (step.code.to_string(), step.until)).collect();
    assert_eq!(years, [("341422".to_owned(), Some(2011)), ("340225".to_owned(), Some(2019))]);
    // A name may change and the code stay: 襄樊市 became 襄阳市 in 2010.
    assert_eq!(table.name_in(node("4206"), 2009), Some("襄樊市"));
    assert_eq!(table.name_in(node("4206"), 2010), Some("襄阳市"));
    assert_eq!(table.name_in(node("341422"), 2010), Some("无为县"));
    assert_eq!(table.name_in(node("341422"), 2011), None);
    assert_eq!(table.name_in(node("340281"), 2018), None);
}

// Trap 9, the rest.
#[test]
fn a_code_without_a_single_successor_is_told_as_divided_and_no_new_network_begins_with_an_old_code() {
    let table = table();
    let divided = table.resolve("341400").unwrap_err();
    let CodeError::Divided { name, until, among, .. } = &divided else { panic!("{divided:?}") };
    assert_eq!((name.as_str(), *until), ("巢湖市", 2011));
    assert_eq!(among.iter().map(NodeId::as_str).collect::<Vec<_>>(), ["3401", "3402", "3405"]);
    // Where one of several carries the name on, it is meant; the others are told.
    let resolved = table.resolve("341424").unwrap();
    assert_eq!(resolved.division.code, node("340523"));
    assert_eq!(resolved.steps[0].shares, [node("340207")]);
    // Every code out of use is the one or the other.
    for row in table.retired() {
        let resolved = table.resolve(row.code.as_str());
        assert!(matches!(resolved, Ok(_) | Err(CodeError::Divided { .. })), "{}: {resolved:?}", row.code);
    }
    assert!(table.retired().count() >= 950);
    let old = NetworkPlan::from_flags(&flags(&["652201"], &[])).unwrap_err();
    assert!(old.to_string().contains("哈密市 is out of use; write 650502 for 伊州区"), "{old}");
}

// Trap 10.
#[test]
fn a_town_may_hang_on_a_prefecture_past_its_county() {
    // Zhongwei puts the towns of 沙坡头区 (640502) on itself.
    let plan = NetworkPlan::from_flags(&flags(&["64"], &["640502101=6405", "640521100=640521"])).unwrap();
    let tree = tree(&plan);
    assert_eq!(route(&tree, "640502", "640502101"), ["6405", "640502101"]);
    assert_eq!(route(&tree, "640502101", "640521100"), ["6405", "640521", "640521100"]);
    let guessed = NetworkPlan::from_flags(&flags(&["64"], &["640502101"])).unwrap_err();
    assert!(matches!(guessed, PlanError::Flag(FlagError::WhichParent { flag: "town", .. })), "{guessed}");
}
