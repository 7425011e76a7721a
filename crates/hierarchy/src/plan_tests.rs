//! Tests of the plan of a network.

use super::*;
use crate::sample::node;

const PLAN: &str = r#"
[network]
name = "ningxia.example"
base_port = 7000

[[node]]
id = "64"
names = { zh = "宁夏回族自治区", en = "Ningxia" }
offices = [{ office = "gov-office" }, { office = "water-bureau", names = { zh = "水利厅" } }]

[[node]]
id = "6405"
parent = "64"
names = { zh = "中卫市" }

[[node]]
id = "640502001"
parent = "6405"
names = { zh = "滨河镇" }
direct_links = ["64"]
"#;

fn refused(from: &str, to: &str) -> PlanError {
    assert!(PLAN.contains(from), "{from:?} is not in the plan");
    NetworkPlan::from_toml(&PLAN.replacen(from, to, 1)).unwrap_err()
}

#[test]
fn a_plan_is_read_from_toml_with_a_town_right_under_a_prefecture() {
    let plan = NetworkPlan::from_toml(PLAN).unwrap();
    assert_eq!((plan.network.as_str(), plan.base_port, plan.nodes.len()), ("ningxia.example", 7000, 3));
    assert_eq!(plan.nodes[0].offices[0].names["zh"], "人民政府办公室");
    assert_eq!(plan.nodes[0].offices[1].names["zh"], "水利厅");
    assert_eq!(plan.nodes[1].offices[0].office.as_str(), "gov-office");
    assert_eq!(plan.nodes[2].parent, Some(node("6405")));
    assert_eq!(plan.ports(node("640502001")), Some(Ports { link: 7004, desk: 7005 }));
    assert_eq!(plan.ports(node("99")), None);
    assert_eq!(plan.endpoint(node("6405"), "::1").unwrap().unwrap().to_string(), "[::1]:7002");
}

#[test]
fn a_plan_that_makes_no_network_is_refused_with_its_own_reason() {
    assert!(matches!(refused("[[node]]", "[[nodes]]"), PlanError::Toml(_)));
    assert!(matches!(refused("id = \"64\"", "id = \"六四\""), PlanError::Toml(_)));
    assert!(matches!(refused("ningxia.example", "Ningxia"), PlanError::Network(_)));
    assert!(matches!(
        refused("parent = \"64\"", "parent = \"65\""),
        PlanError::Tree(TreeError::Orphan { .. })
    ));
    assert!(matches!(
        refused("parent = \"64\"", "parent = \"6405\""),
        PlanError::Tree(TreeError::Cycle { .. })
    ));
    assert!(matches!(refused("id = \"6405\"", "id = \"64\""), PlanError::Tree(TreeError::Duplicate { .. })));
    assert!(matches!(
        refused("{ zh = \"中卫市\" }", "{}"),
        PlanError::Names { reason: NameError::Missing, .. }
    ));
    assert!(matches!(refused("7000", "80"), PlanError::Ports { base_port: 80, nodes: 3 }));
    assert!(matches!(refused("7000", "65531"), PlanError::Ports { .. }));
    assert!(matches!(
        refused("water-bureau\", names = { zh = \"水利厅\" }", "water-bureau\""),
        PlanError::Names { .. }
    ));
    assert!(matches!(refused("water-bureau", "gov-office"), PlanError::Offices { .. }));
    assert!(matches!(refused("direct_links = [\"64\"]", "direct_links = [\"65\"]"), PlanError::Tree(_)));
    assert!(matches!(NetworkPlan::from_toml("[network]\nname = \"a.example\""), Err(PlanError::Empty)));
    assert!(matches!(
        NetworkPlan::from_toml(&"#".repeat(limits::PLAN_BYTES_MAX + 1)),
        Err(PlanError::TooLarge)
    ));
}

#[test]
fn the_last_port_may_be_65535() {
    let plan = NetworkPlan::from_toml(&PLAN.replacen("7000", "65530", 1)).unwrap();
    assert_eq!(plan.ports(node("640502001")), Some(Ports { link: 65534, desk: 65535 }));
}

#[test]
fn the_demonstration_network_is_complete_and_passes_its_own_check() {
    let plan = NetworkPlan::demo();
    plan.check().unwrap();
    assert_eq!(plan.nodes.len(), 7);
    assert_eq!(plan.network, "xinjiang.example");
    let offices = |at: usize| plan.nodes[at].offices.iter().map(|o| o.office.as_str()).collect::<Vec<_>>();
    assert_eq!(offices(0), ["gov-office", "archive"]);
    assert!((1..7).all(|at| offices(at) == ["gov-office"]));
    assert_eq!(plan.nodes[6].names["zh"], "巴楚县");
    assert_eq!(plan.nodes[0].offices[1].names["zh"], "档案馆");
    assert_eq!(plan.nodes[6].parent, Some(node("6531")));
}
