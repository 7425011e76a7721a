//! A network of the real divisions of a province: made by one command, looked at, and a document carried over it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "this is test code in a file of its own"
)]

mod harness;

use harness::{Network, Said, list, number, path_text, said, text, yizhan};

/// What `yizhan --help` calls a mistake in what was typed.
const USAGE: i32 = 2;

fn create(network: &Network, name: &str, flags: &[&str]) -> Said {
    let folder = network.beside(name);
    said(yizhan().args(["network", "create", path_text(&folder), "--json"]).args(flags))
}

#[test]
fn ningxia_is_made_by_one_command_and_carries_a_document_from_a_county_to_its_region() {
    let network = Network::create(&["--divisions", "64", "--town", "640502101=6405"]);
    let shown = network.json(&["directory", "show"]);
    assert_eq!(list(&shown, "/nodes").len(), 1 + 5 + 22 + 1);
    let zhongning = list(&shown, "/nodes").iter().find(|node| node["node"] == "640521").unwrap();
    assert_eq!(zhongning["parent"], "6405");
    assert!(zhongning.to_string().contains("中宁县"), "{zhongning}");
    for node in ["64", "6405", "640521"] {
        network.start(node);
    }
    ["64", "6405", "640521"].iter().for_each(|node| network.await_ready(node));
    // The town hangs on the prefecture, past the county that its code names.
    let route = network.json(&["route", "gov-office@640502101", "--from", "640521"]).to_string();
    assert!(route.contains("\"6405\"") && !route.contains("\"640502\""), "{route}");
    let file = network.beside("汛情.txt");
    std::fs::write(&file, "今日水位平稳。\n").unwrap();
    let id = network.send("640521", &["64"], "关于汛情的报告", &[&file]);
    network.await_inbox("64", &id);
    network.stop_all();
}

#[test]
fn divisions_are_counted_and_what_is_none_is_refused_with_what_to_write() {
    let network = Network::of_three();
    let xinjiang = create(&network, "x", &["--divisions", "65", "--base-port", "20000"]).json();
    let counts =
        [("provinces", 1), ("prefectures", 14), ("counties", 108), ("counties_under_a_province", 12)];
    for (kind, count) in counts {
        assert_eq!(number(&xinjiang, &format!("/counts/{kind}")), count, "{kind}");
    }
    assert_eq!(text(&xinjiang, "/network"), "division-65.example");
    assert_eq!(list(&xinjiang, "/nodes").len(), 123);
    assert_eq!(list(&xinjiang, "/nodes")[122]["address"], "127.0.0.1:20244");

    let linked = create(&network, "l", &["--divisions", "6202,66", "--base-port", "20000"]).json();
    assert_eq!((number(&linked, "/counts/corps"), number(&linked, "/counts/nodes")), (15, 16));

    let refused = |name: &str, flags: &[&str], words: &str| {
        let said = create(&network, name, flags);
        assert_eq!(said.code, USAGE, "{said:?}");
        assert!(said.err.contains(words), "it does not say `{words}`: {said:?}");
        assert!(!network.beside(name).exists(), "something was made");
    };
    refused("a", &["--divisions", "鼓楼区"], "320106, 320302, 350102, 410204");
    refused("b", &["--divisions", "652201"], "write 650502 for 伊州区");
    refused("c", &["--divisions", "341400"], "divided in 2011 among 3401, 3402, 3405");
    refused("d", &["--divisions", "99"], "no division 99");
    refused("e", &["--divisions", "65,6523"], "stands in it twice");
    refused("f", &["--divisions", "all", "--base-port", "60000"], "65535");
    refused("g", &["--divisions", "65", "--plan", "p.toml"], "--help");
}
