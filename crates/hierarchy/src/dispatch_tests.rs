//! Who may dispatch past whom: the demonstration network under one policy after another.

use super::*;
use crate::edit::Edit;
use crate::policy_edit::PolicyEdit;
use crate::sample::{believed, demo_draft, expires, issued, node};

fn rules(up: SkipRule, down: SkipRule) -> Vec<PolicyEdit> {
    vec![PolicyEdit::SkipLevelUp(up), PolicyEdit::SkipLevelDown(down)]
}

fn grants(grants: &[&str]) -> Vec<PolicyEdit> {
    grants.iter().map(|text| PolicyEdit::Grant(text.parse().unwrap())).collect()
}

fn under(edits: Vec<PolicyEdit>) -> Directory {
    let edits = edits.into_iter().map(Edit::Policy);
    believed(&believed(&demo_draft()).edited(edits, issued(), expires()).unwrap())
}

/// Between government offices, unless another is named.
fn office(text: &str) -> OfficeAddress {
    if text.contains('@') { text.parse().unwrap() } else { format!("gov-office@{text}").parse().unwrap() }
}

fn check(directory: &Directory, from: &str, to: &[&str]) -> Result<Option<PassedOver>, DispatchRefused> {
    let to: Vec<OfficeAddress> = to.iter().map(|text| office(text)).collect();
    directory.check_dispatch(&office(from), &to.iter().collect::<Vec<_>>())
}

fn told(directory: &Directory, from: &str, to: &[&str]) -> Option<(Vec<String>, Vec<String>)> {
    let text = |nodes: BTreeSet<NodeId>| nodes.iter().map(ToString::to_string).collect();
    check(directory, from, to).unwrap().map(|told| (text(told.nodes), text(told.destinations)))
}

fn texts(nodes: &[&str]) -> Vec<String> {
    nodes.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_directory_without_a_policy_lets_everybody_send_to_everybody() {
    let nodes = ["65", "6523", "6531", "652301", "653130"];
    for directory in [believed(&demo_draft()), under(grants(&["65 to 652301"]))] {
        for from in nodes {
            assert_eq!(check(&directory, from, &nodes), Ok(None));
        }
    }
}

/// MUST-46: a document that passes a level over is refused where the directory refuses it, with that level.
#[test]
fn a_level_is_passed_over_up_or_down_but_never_sideways_nor_between_neighbours() {
    let directory = under(rules(SkipRule::Refuse, SkipRule::Refuse));
    for (from, to) in [
        ("65", "6523"),
        ("6523", "65"),
        ("652301", "6523"),
        ("652301", "652324"),
        ("652301", "653101"),
        ("652301", "6531"),
        ("65", "65"),
    ] {
        assert_eq!(check(&directory, from, &[to]), Ok(None), "{from} -> {to}");
    }
    for (from, to, upwards, word) in [("65", "652301", false, "downwards"), ("652301", "65", true, "upwards")]
    {
        let refused = check(&directory, from, &["6523", to]);
        assert_eq!(refused, Ok(None), "the level in between gets it too: {from} -> {to}");
        let refused = check(&directory, from, &[to, "6531"]).unwrap_err();
        let text = refused.to_string();
        assert!(
            text.contains("passes over 6523") && text.contains(word) && text.contains("version 2"),
            "{text}"
        );
        assert_eq!(
            refused,
            DispatchRefused::SkipLevel {
                from: office(from),
                to: office(to),
                passed: vec![node("6523")],
                upwards,
                version: 2
            }
        );
    }
    let down = under(rules(SkipRule::Allow, SkipRule::Refuse));
    assert_eq!(check(&down, "652301", &["65"]), Ok(None));
    assert!(check(&down, "65", &["652301"]).is_err());
}

#[test]
fn what_is_to_be_told_names_every_level_passed_over_and_the_destinations_past_it() {
    let directory = under(rules(SkipRule::Notify, SkipRule::Notify));
    assert_eq!(told(&directory, "65", &["6523"]), None);
    let all = ["652301", "652324", "653101", "6523"];
    assert_eq!(told(&directory, "65", &all), Some((texts(&["6531"]), texts(&["653101"]))));
    let counties = ["653130", "652301"];
    assert_eq!(
        told(&directory, "65", &counties),
        Some((texts(&["6523", "6531"]), texts(&["652301", "653130"])))
    );
    assert_eq!(told(&directory, "652301", &["archive@65"]), Some((texts(&["6523"]), texts(&["65"]))));
}

#[test]
fn two_levels_passed_over_are_both_told_or_named() {
    let mut draft = demo_draft();
    let mut town = draft.divisions.remove(&node("653130")).unwrap();
    town.parent = Some(node("652301"));
    draft.divisions.insert(town.node, town);
    let under = |up| {
        let edits = rules(up, SkipRule::Allow).into_iter().map(Edit::Policy);
        believed(&believed(&draft).edited(edits, issued(), expires()).unwrap())
    };
    assert_eq!(
        told(&under(SkipRule::Notify), "653130", &["65"]),
        Some((texts(&["6523", "652301"]), texts(&["65"])))
    );
    assert_eq!(
        told(&under(SkipRule::Notify), "653130", &["65", "6523"]),
        Some((texts(&["652301"]), texts(&["65", "6523"])))
    );
    let refused = check(&under(SkipRule::Refuse), "653130", &["65"]).unwrap_err();
    assert!(
        matches!(refused, DispatchRefused::SkipLevel { passed, .. } if passed == [node("652301"), node("6523")])
    );
}

/// MUST-46: grants of direct dispatch and direct-report points.
#[test]
fn a_grant_goes_before_the_rule_for_everybody_and_the_freest_one_counts() {
    let refusing =
        |lines: &[&str]| under([rules(SkipRule::Refuse, SkipRule::Refuse), grants(lines)].concat());
    let directory = refusing(&["65 to counties of 65", "652301 to above with notice"]);
    assert_eq!(check(&directory, "65", &["652301", "653130"]), Ok(None));
    assert_eq!(told(&directory, "652301", &["65"]), Some((texts(&["6523"]), texts(&["65"]))));
    assert!(check(&directory, "652324", &["65"]).is_err(), "no direct-report point");
    assert!(check(&refusing(&["65 to counties of 6531"]), "65", &["652301"]).is_err());
    assert!(check(&refusing(&["archive@65 to below 65"]), "65", &["652301"]).is_err());
    assert_eq!(check(&refusing(&["archive@65 to below 65"]), "archive@65", &["652301"]), Ok(None));
    assert_eq!(check(&refusing(&["below 65 to archive@65"]), "652301", &["archive@65"]), Ok(None));
    assert!(check(&refusing(&["below 65 to archive@65"]), "652301", &["65"]).is_err());
    assert_eq!(
        check(
            &refusing(&["children of 6523 to prefectures of 65", "children of 6523 to 65"]),
            "652301",
            &["65"]
        ),
        Ok(None)
    );
    let both = refusing(&["652301 to 65 with notice", "below 6523 to above"]);
    assert_eq!(told(&both, "652301", &["65"]), None);
    let told_of = under(grants(&["652301 to 65 with notice"]));
    assert!(told(&told_of, "652301", &["65"]).is_some(), "a grant asks for a notice where everybody may");
    assert!(told(&told_of, "652324", &["65"]).is_none());
}

/// MUST-46: chosen senders.
#[test]
fn an_office_with_chosen_senders_is_addressed_by_them_alone() {
    let senders = |areas: &[&str]| {
        let areas = areas.iter().map(|text| text.parse().unwrap()).collect();
        under(vec![PolicyEdit::Senders(office("archive@65"), areas)])
    };
    let directory = senders(&["children of 65", "gov-office@652301"]);
    assert_eq!(check(&directory, "6523", &["65", "archive@65"]), Ok(None));
    assert_eq!(check(&directory, "652301", &["archive@65"]), Ok(None));
    assert_eq!(check(&directory, "653101", &["65"]), Ok(None), "another office of the node");
    for from in ["653101", "65"] {
        let refused = check(&directory, from, &["65", "archive@65"]).unwrap_err();
        let text = refused.to_string();
        assert!(matches!(refused, DispatchRefused::Sender { .. }));
        assert!(
            text.contains("archive@65 may be addressed by gov-office@652301, children of 65 only"),
            "{text}"
        );
    }
}
