//! Which node is meant, and the way to its desk.

use crate::failure::Failure;
use clap::Args;
use std::env;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use yizhan_desk::DeskClient;
use yizhan_document::NodeId;
use yizhan_node::Config;

/// The variable that stands for `--node`.
const NODE_VARIABLE: &str = "YIZHAN_NODE";
/// The variable that stands for `--network`.
const NETWORK_VARIABLE: &str = "YIZHAN_NETWORK";

/// Which node is meant, as typed.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Which node")]
pub(crate) struct Reach {
    /// The node: its folder, its node.toml or its data folder; with a network also its id. Else taken from $YIZHAN_NODE
    #[arg(long, value_name = "FOLDER|FILE|ID")]
    pub(crate) node: Option<PathBuf>,
    /// The socket of the node's desk
    #[arg(long, value_name = "PATH", conflicts_with = "node")]
    pub(crate) socket: Option<PathBuf>,
    /// The folder of a network on this machine; the node is then found from the office or the document. Else taken from
    /// $YIZHAN_NETWORK
    #[arg(long, value_name = "DIR", conflicts_with = "socket")]
    pub(crate) network: Option<PathBuf>,
}

impl Reach {
    /// A client of the node that is meant; `hint` is the node that the other arguments name.
    pub(crate) async fn client(&self, hint: Option<NodeId>) -> Result<DeskClient, Failure> {
        Ok(DeskClient::connect(&self.socket(hint)?).await?)
    }

    /// The socket of the node that is meant.
    pub(crate) fn socket(&self, hint: Option<NodeId>) -> Result<PathBuf, Failure> {
        self.with_environment().socket_as_meant(hint)
    }

    /// The configuration of the node that is meant, which need not run; with a network alone that of any of its nodes.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        let meant = self.with_environment();
        match (&meant.node, &meant.network) {
            (Some(node), network) => match (node.to_str().and_then(|text| text.parse().ok()), network) {
                (Some(id), Some(network)) => config_in_network(network, id),
                _ if node.is_dir() => Ok(Config::load(&node.join("node.toml"))?),
                _ => Ok(Config::load(node)?),
            },
            (None, Some(network)) => any_config_in_network(network),
            (None, None) => Err(Failure::Usage(format!(
                "say which node: --node FOLDER or --network DIR, or set {NODE_VARIABLE} or {NETWORK_VARIABLE}"
            ))),
        }
    }

    /// The folder of the network, if one was named.
    pub(crate) fn network_folder(&self) -> Option<PathBuf> {
        self.with_environment().network
    }

    /// Whether a single node was named.
    pub(crate) fn names_a_node(&self) -> bool {
        let meant = self.with_environment();
        meant.node.is_some() || meant.socket.is_some()
    }

    /// What was typed counts; the environment only where nothing was.
    fn with_environment(&self) -> Self {
        let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let (Some(node), None, None) = (&self.node, &self.socket, &self.network) {
            // An id alone says which node of the network that the environment names.
            let network = variable(NETWORK_VARIABLE).filter(|_| !node.exists());
            return Self { network, ..self.clone() };
        }
        if self.socket.is_some() || self.network.is_some() {
            return self.clone();
        }
        Self { node: variable(NODE_VARIABLE), socket: None, network: variable(NETWORK_VARIABLE) }
    }

    fn socket_as_meant(&self, hint: Option<NodeId>) -> Result<PathBuf, Failure> {
        if let Some(socket) = &self.socket {
            return Ok(socket.clone());
        }
        match (&self.node, &self.network) {
            (Some(node), None) => socket_of(node),
            (Some(node), Some(network)) => match node.to_str().and_then(|text| text.parse().ok()) {
                Some(id) => in_network(network, id),
                None => socket_of(node),
            },
            (None, Some(network)) => match hint {
                Some(id) => in_network(network, id),
                None => {
                    Err(Failure::Usage(format!("say which node: --network {} --node ID", network.display())))
                }
            },
            (None, None) => Err(Failure::Usage(format!(
                "say which node: --node FOLDER, --network DIR or --socket PATH, or set {NODE_VARIABLE} or {NETWORK_VARIABLE}"
            ))),
        }
    }
}

/// The configuration of the node `id` in the folder of a network.
pub(crate) fn config_in_network(network: &Path, id: NodeId) -> Result<Config, Failure> {
    let path = network.join("nodes").join(id.as_str()).join("node.toml");
    if !path.exists() {
        return Err(Failure::Usage(format!(
            "there is no node {id} in the network folder {}; name the node that serves the office with --node",
            network.display()
        )));
    }
    Ok(Config::load(&path)?)
}

/// The configuration of some node in the folder of a network: all agree on the directory.
pub(crate) fn any_config_in_network(network: &Path) -> Result<Config, Failure> {
    let nodes = network.join("nodes");
    let entries =
        nodes.read_dir().map_err(Failure::file(&nodes, "cannot be read, so this is no network's folder"))?;
    let configs = entries.filter_map(Result::ok).map(|entry| entry.path().join("node.toml"));
    let config = configs.filter(|path| path.exists()).min();
    let none = || Failure::Usage(format!("{} holds no node", nodes.display()));
    Ok(Config::load(&config.ok_or_else(none)?)?)
}

fn in_network(network: &Path, id: NodeId) -> Result<PathBuf, Failure> {
    config_in_network(network, id).map(|config| config.desk_socket())
}

fn socket_of(node: &Path) -> Result<PathBuf, Failure> {
    let found = node.metadata().map_err(Failure::file(node, "is no node"))?;
    if found.file_type().is_socket() {
        return Ok(node.to_owned());
    }
    if found.is_file() {
        return Ok(Config::load(node)?.desk_socket());
    }
    let config = node.join("node.toml");
    if config.exists() {
        return Ok(Config::load(&config)?.desk_socket());
    }
    let socket = node.join("desk.sock");
    if socket.exists() || node.join("ledger").exists() {
        return Ok(socket);
    }
    Err(Failure::Usage(format!(
        "{} holds neither a node.toml nor a node's data; name the folder of one node",
        node.display()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const CONFIG: &str = "node = \"652301\"\nnetwork = \"xinjiang.example\"\nlisten = \"127.0.0.1:0\"\n\
                          [directory]\nfolder = \"../../directory\"\nauthorities = []\n";

    fn network() -> (tempfile::TempDir, PathBuf) {
        let place = tempfile::tempdir().unwrap();
        let node = place.path().join("nodes/652301");
        fs::create_dir_all(node.join("data/ledger")).unwrap();
        fs::write(node.join("node.toml"), CONFIG).unwrap();
        let socket = node.join("data/desk.sock");
        (place, socket)
    }

    #[test]
    fn a_node_is_found_by_its_folder_its_file_its_data_or_the_network_and_an_id() {
        let (place, socket) = network();
        let folder = place.path().join("nodes/652301");
        for node in [folder.clone(), folder.join("node.toml"), folder.join("data")] {
            let reach = Reach { node: Some(node), ..Reach::default() };
            assert_eq!(reach.socket_as_meant(None).unwrap(), socket);
        }
        let network = Some(place.path().to_owned());
        let by_hint = Reach { network: network.clone(), ..Reach::default() };
        assert_eq!(by_hint.socket_as_meant(Some("652301".parse().unwrap())).unwrap(), socket);
        let by_id = Reach { network, node: Some("652301".into()), socket: None };
        assert_eq!(by_id.socket_as_meant(Some("65".parse().unwrap())).unwrap(), socket);
    }

    #[test]
    fn whoever_names_no_node_is_told_how() {
        let (place, _) = network();
        let nothing = Reach::default().socket_as_meant(Some("65".parse().unwrap()));
        assert!(matches!(nothing, Err(Failure::Usage(words)) if words.contains("--node")));
        let network = Reach { network: Some(place.path().to_owned()), ..Reach::default() };
        assert!(matches!(network.socket_as_meant(None), Err(Failure::Usage(_))));
        assert!(matches!(network.socket_as_meant(Some("65".parse().unwrap())), Err(Failure::Usage(_))));
        let empty = Reach { node: Some(place.path().to_owned()), ..Reach::default() };
        assert!(matches!(empty.socket_as_meant(None), Err(Failure::Usage(_))));
    }
}
