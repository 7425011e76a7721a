//! Group addresses: one textual form, and what people write that means the same.

use super::*;
use proptest::prelude::*;

fn group(text: &str) -> Group {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

#[test]
fn what_people_write_comes_to_one_form() {
    for (written, form) in [
        ("counties of 65", "counties of 65"),
        ("counties of 65 office gov-office", "counties of 65"),
        ("prefectures of 65 office audit-office", "prefectures of 65 office audit-office"),
        ("children of 6523 except 652324 652301", "children of 6523 except 652301 652324"),
        ("children of 6523 except 652301, 652301", "children of 6523 except 652301"),
        ("departments of 65 except archive@65", "departments of 65 except archive@65"),
        ("65各县市", "counties of 65"),
        ("6523 各县市 除 652301、652324 外", "counties of 6523 except 652301 652324"),
        ("65各地州市除6523外", "prefectures of 65 except 6523"),
        ("65各部门", "departments of 65"),
        ("list flood-control", "list flood-control"),
        ("list:flood-control except archive@65 652301", "list flood-control except 652301 archive@65"),
        ("名单防汛成员 除 652301 外", "list 防汛成员 except 652301"),
    ] {
        assert_eq!(group(written).to_string(), form, "{written}");
    }
}

#[test]
fn what_is_no_group_is_refused() {
    for text in [
        "",
        "65",
        "counties",
        "counties of",
        "counties of  ",
        "villages of 65",
        "counties of 65 except",
        "counties of 65 except ",
        "counties of 65 except 65/2",
        "counties of 65 office ",
        "counties of 65 office a b",
        "departments of 65 office archive",
        "65各村",
        "list",
        "list ",
        "list a b",
        "list a office archive",
        "名单",
        "新疆各县",
    ] {
        assert!(text.parse::<Group>().is_err(), "{text:?} was taken");
    }
    let endless =
        format!("counties of 65 except{}", (652_000..652_400).map(|n| format!(" {n}")).collect::<String>());
    assert_eq!(endless.parse::<Group>(), Err(GroupError::TooLong));
}

#[test]
fn an_exception_covers_a_node_with_all_its_offices_or_one_office() {
    let group = group("counties of 65 except 652301 archive@652324");
    for (office, covered) in [
        ("gov-office@652301", true),
        ("archive@652301", true),
        ("archive@652324", true),
        ("gov-office@652324", false),
    ] {
        assert_eq!(group.excepts(&office.parse().unwrap()), covered, "{office}");
    }
}

#[test]
fn groups_stand_once_and_not_too_many() {
    let groups = |to: Vec<Group>, cc: Vec<Group>| Groups { to, cc };
    assert_eq!(groups(vec![group("counties of 65")], vec![group("prefectures of 65")]).check(), Ok(()));
    assert_eq!(groups(vec![group("counties of 65")], vec![group("65各县")]).check(), Err(GroupError::Count));
    let many = (1..=GROUPS_MAX + 1).map(|n| group(&format!("counties of {n}"))).collect();
    assert_eq!(groups(many, vec![]).check(), Err(GroupError::Count));
}

fn any_group() -> impl Strategy<Value = Group> {
    let kind = prop::sample::select(KINDS.map(|(kind, ..)| kind).to_vec());
    let place = (kind, "[1-9][0-9]{1,11}").prop_map(|(kind, node)| Meant::Of(kind, node.parse().unwrap()));
    let list =
        "[a-z单汛]([a-z0-9单汛-]{0,20}[a-z0-9汛])?".prop_map(|name| Meant::List(name.parse().unwrap()));
    let meant = prop_oneof![3 => place, 1 => list];
    let office = prop::option::of("[a-z]([a-z0-9-]{0,20}[a-z0-9])?");
    let exception = ("[1-9][0-9]{1,11}", prop::option::of("[a-z]([a-z0-9-]{0,20}[a-z0-9])?"));
    (meant, office, prop::collection::vec(exception, 0..20)).prop_map(|(meant, office, except)| {
        let takes = !matches!(meant, Meant::Of(GroupKind::Departments, _) | Meant::List(_));
        let office = office.filter(|_| takes).map(|office| office.parse().unwrap());
        let except = except.into_iter().map(|(node, office)| match office {
            Some(office) => NodeOrOffice::Office(format!("{office}@{node}").parse().unwrap()),
            None => NodeOrOffice::Node(node.parse().unwrap()),
        });
        Group::new(meant, office, except).unwrap()
    })
}

proptest! {
    #[test]
    fn a_group_reads_back_as_written(group in any_group()) {
        let text = group.to_string();
        prop_assert_eq!(text.parse::<Group>().unwrap(), group.clone());
        let json = serde_json::to_string(&group).unwrap();
        prop_assert_eq!(serde_json::from_str::<Group>(&json).unwrap(), group);
    }

    #[test]
    fn no_text_makes_reading_a_group_fail_otherwise_than_by_its_error(text in "\\PC{0,80}") {
        if let Ok(group) = text.parse::<Group>() {
            prop_assert_eq!(group.to_string().parse::<Group>().unwrap(), group);
        }
    }
}
