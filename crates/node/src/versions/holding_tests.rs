//! What a node holds of the directory that it finds on its disk as it starts.

use super::*;
use crate::config::DirectoryConfig;
use crate::network::create_network;
use crate::versions::begin::{anchor, newest};
use std::path::Path;
use yizhan_document::WallTime;
use yizhan_hierarchy::{Edit, NetworkPlan};
use yizhan_identity::{NoteSigner, SigningKey};

fn node(text: &str) -> NodeId {
    text.parse().unwrap()
}

fn now() -> WallTime {
    "2026-11-20T08:00:00Z".parse().unwrap()
}

fn network(folder: &Path) {
    create_network(&NetworkPlan { base_port: 0, ..NetworkPlan::demo() }, folder, now()).unwrap();
}

fn config(network: &Path, node: &str, hold: Hold) -> Config {
    let mut config = Config::load(&network.join("nodes").join(node).join("node.toml")).unwrap();
    config.directory.hold = hold;
    config
}

fn found(config: &Config) -> Result<Directory, NodeError> {
    newest(config, &anchor(config).unwrap(), now())
}

/// The version, the nodes whose files are held, and how many are listed.
fn held(config: &Config) -> (u64, Vec<String>, usize) {
    let directory = found(config).unwrap();
    let nodes = directory.divisions().map(|division| division.node.to_string()).collect();
    (directory.version, nodes, directory.listed_divisions())
}

fn names(nodes: &[&str]) -> Vec<String> {
    nodes.iter().map(|node| (*node).to_owned()).collect()
}

#[test]
fn a_whole_directory_is_cut_to_the_part_and_whom_it_met_stays_through_starts_and_versions() {
    let folder = tempfile::tempdir().unwrap();
    let network_folder = folder.path().join("net");
    network(&network_folder);
    let part = config(&network_folder, "652301", Hold::Part);
    assert_eq!(held(&part), (1, names(&["65", "6523", "652301"]), 7));
    // What was fetched since, though nobody can be asked now.
    let file = std::fs::read(network_folder.join("directory/divisions/653101.json")).unwrap();
    history(&part).fetched().keep(&BTreeMap::from([(node("653101"), file)])).unwrap();
    let met = names(&["65", "6523", "652301", "653101"]);
    assert_eq!(held(&part), (1, met.clone(), 7));
    // A later version in the folder, which changes a file that is not held.
    let pem = std::fs::read_to_string(network_folder.join("authority/authority.pem")).unwrap();
    let key = SigningKey::from_text(&pem).unwrap();
    let authority = NoteSigner::new("xinjiang.example/authority", key).unwrap();
    let whole = found(&config(&network_folder, "65", Hold::Whole)).unwrap();
    let rename = Edit::Name(node("653130"), "ug".into(), "چىرا".into());
    let draft = whole.edited([rename], now(), now().plus_ms(86_400_000)).unwrap();
    Directory::publish(&network_folder.join("directory"), &draft, &[authority]).unwrap();
    assert_eq!(held(&part), (2, met.clone(), 7));
    // The folder is needed no more, and an archive that was harmed is not gone by.
    std::fs::remove_dir_all(network_folder.join("directory")).unwrap();
    assert_eq!(held(&part), (2, met, 7));
    std::fs::write(part.data.join("directory/2.tar"), b"harmed").unwrap();
    assert_eq!(held(&part).0, 1);
}

#[test]
fn whoever_is_to_hold_the_whole_takes_from_its_folder_what_is_lacking_and_a_root_is_no_part() {
    let folder = tempfile::tempdir().unwrap();
    let network_folder = folder.path().join("net");
    network(&network_folder);
    let root = found(&config(&network_folder, "65", Hold::Part)).unwrap_err();
    assert!(matches!(root, NodeError::Misfit(_)), "{root}");
    let part = config(&network_folder, "6523", Hold::Part);
    assert_eq!(held(&part).1, names(&["65", "6523", "652301", "652324"]));
    let mut whole = part.clone();
    whole.directory.hold = Hold::Whole;
    assert_eq!(held(&whole).1.len(), 7);
    // A file of the folder that is not the signed one counts for nothing: it is asked for once the node runs.
    assert_eq!(held(&part).1.len(), 4);
    std::fs::write(network_folder.join("directory/divisions/653101.json"), b"{}").unwrap();
    assert_eq!(held(&whole).1, names(&["65", "6523", "652301", "652324", "6531", "653130"]));
}

/// Publishes the next version in the network's folder, in which a name is another.
fn publish_next(network: &Path) {
    let pem = std::fs::read_to_string(network.join("authority/authority.pem")).unwrap();
    let authority = SigningKey::from_text(&pem).unwrap();
    let authority = NoteSigner::new("xinjiang.example/authority", authority).unwrap();
    let config = config(network, "65", Hold::Whole);
    let whole = Directory::load(&config.directory.folder, &anchor(&config).unwrap(), now()).unwrap();
    let rename = Edit::Name(node("653130"), "ug".into(), "چىرا".into());
    let draft = whole.edited([rename], now(), now().plus_ms(86_400_000)).unwrap();
    Directory::publish(&network.join("directory"), &draft, &[authority]).unwrap();
}

/// The files of these nodes in the network's folder.
fn files(network: &Path, nodes: &[&str]) -> BTreeMap<NodeId, Vec<u8>> {
    let file = |name: &&str| std::fs::read(network.join(format!("directory/divisions/{name}.json"))).unwrap();
    nodes.iter().map(|name| (node(name), file(name))).collect()
}

#[test]
fn whoever_has_met_everybody_holds_a_part_still_and_forgets_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let network_folder = folder.path().join("net");
    network(&network_folder);
    let part = config(&network_folder, "652301", Hold::Part);
    assert_eq!(held(&part).1.len(), 3);
    let others = files(&network_folder, &["652324", "6531", "653101", "653130"]);
    history(&part).fetched().keep(&others).unwrap();
    assert_eq!(held(&part).1.len(), 7);
    assert_eq!(held(&part).1.len(), 7, "at each start");
    publish_next(&network_folder);
    assert_eq!((held(&part).0, held(&part).1.len()), (2, 7));
    // It says so itself, without the folder of the network, and even where nothing was fetched since.
    assert!(!part.data.join("directory/fetched").exists());
    std::fs::remove_dir_all(network_folder.join("directory")).unwrap();
    assert_eq!((held(&part).0, held(&part).1.len()), (2, 7));
    // Once it is to hold the whole it holds no part any more, and is cut if it is to be one again.
    let whole =
        Config { directory: DirectoryConfig { hold: Hold::Whole, ..part.directory.clone() }, ..part.clone() };
    assert_eq!(held(&whole).1.len(), 7);
    assert_eq!(held(&part).1, names(&["65", "6523", "652301"]));
}
