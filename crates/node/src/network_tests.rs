//! Tests of making a network.

use super::*;
use crate::keys::Keys;
use std::os::unix::fs::PermissionsExt;
use yizhan_hierarchy::TrustAnchor;
use yizhan_identity::{check_issued_by, node_of_certificate};

fn now() -> WallTime {
    "2026-11-20T08:00:00Z".parse().unwrap()
}

fn demo() -> NetworkPlan {
    NetworkPlan { base_port: 0, ..NetworkPlan::demo() }
}

fn directory_of(config: &Config) -> Directory {
    let vkeys = config.directory.authorities.iter().map(String::as_str);
    let anchor = TrustAnchor::from_vkeys(vkeys, config.directory.threshold).unwrap();
    Directory::load(&config.directory.folder, &anchor, now()).unwrap()
}

#[test]
fn every_node_of_a_new_network_finds_its_keys_and_a_directory_that_names_them() {
    let folder = tempfile::tempdir().unwrap();
    let network = create_network(&demo(), folder.path(), now()).unwrap();
    assert_eq!(network.nodes.len(), 7);
    for created in &network.nodes {
        let config = Config::load(&created.config).unwrap();
        assert_eq!((config.node, config.listen), (created.node, created.address));
        let keys = Keys::load(&config).unwrap();
        let directory = directory_of(&config);
        let division = directory.division(created.node).unwrap();
        assert_eq!(division.ledger.public(), keys.ledger.public());
        assert_eq!(division.ledger.name(), format!("xinjiang.example/{}.0", created.node));
        assert_eq!(division.witness.public(), keys.witness.public());
        assert_eq!(division.witness.name(), format!("xinjiang.example/{}/witness", created.node));
        assert_eq!(division.opening, keys.opening.public());
        assert_eq!(division.endpoints, [created.address.to_string().parse().unwrap()]);
        assert!(
            division
                .offices
                .iter()
                .all(|record| record.custodial && keys.offices.contains_key(&record.office))
        );
        check_issued_by(&keys.certificate, &directory.ca, now()).unwrap();
        assert_eq!(node_of_certificate(&keys.certificate, "xinjiang.example").unwrap(), created.node);
    }
}

#[test]
fn a_network_goes_on_working_where_its_folder_is_moved_to() {
    let place = tempfile::tempdir().unwrap();
    create_network(&demo(), &place.path().join("here"), now()).unwrap();
    fs::rename(place.path().join("here"), place.path().join("there")).unwrap();
    let config = Config::load(&place.path().join("there/nodes/652301/node.toml")).unwrap();
    Keys::load(&config).unwrap();
    assert_eq!(directory_of(&config).divisions().len(), 7);
}

#[test]
fn secrets_are_for_their_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    create_network(&demo(), folder.path(), now()).unwrap();
    let mode = |path: &str| fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
    for file in ["authority/authority.pem", "authority/ca.key.pem", "nodes/65/keys/tls.pem"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
    for file in ["ledger.pem", "witness.pem", "opening.txt", "offices/gov-office.pem"] {
        assert_eq!(mode(&format!("nodes/653130/keys/{file}")), 0o600, "{file}");
    }
    for place in ["authority", "nodes/65/keys", "nodes/65/keys/offices", "nodes/65/data"] {
        assert_eq!(mode(place), 0o700, "{place}");
    }
}

#[test]
fn a_folder_that_holds_anything_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis"), "mine").unwrap();
    let refused = create_network(&demo(), folder.path(), now());
    assert!(matches!(refused, Err(NetworkError::NotEmpty { .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_bad_plan_is_refused_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    for base_port in [0, 80, 4500] {
        let plan = NetworkPlan { base_port, network: "No Name".into(), ..NetworkPlan::demo() };
        let refused = create_network(&plan, folder.path(), now());
        assert!(matches!(refused, Err(NetworkError::Plan(_))), "{base_port}");
    }
    let plan = NetworkPlan { base_port: 80, ..NetworkPlan::demo() };
    assert!(matches!(create_network(&plan, folder.path(), now()), Err(NetworkError::Plan(_))));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn ports_of_the_plan_are_kept_and_free_ones_differ() {
    let plan = NetworkPlan { base_port: 7000, ..NetworkPlan::demo() };
    assert_eq!(ports_of(&plan).unwrap(), [7000, 7002, 7004, 7006, 7008, 7010, 7012]);
    let mut free = ports_of(&demo()).unwrap();
    free.sort_unstable();
    free.dedup();
    assert_eq!(free.len(), 7);
    assert!(!free.contains(&0));
}
