//! The configuration of a node, as its operator writes it (TOML), and as it is meant: every path found.

use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use yizhan_document::{Classification, NodeId};

/// `node.toml`. Relative paths count from the folder in which the file lies.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The node.
    pub node: NodeId,
    /// The network it belongs to.
    pub network: String,
    /// Where neighbours reach it (QUIC over UDP).
    pub listen: SocketAddr,
    /// The data folder: journal, ledger, bodies, queue, the desk's socket.
    #[serde(default = "default_data")]
    pub data: PathBuf,
    /// The highest classification it carries.
    #[serde(default)]
    pub max_classification: Classification,
    /// The signed directory and who may sign it.
    pub directory: DirectoryConfig,
    /// Where the keys are.
    #[serde(default)]
    pub keys: KeyConfig,
    /// How links behave.
    #[serde(default)]
    pub link: LinkConfig,
    /// How the disk is shared.
    #[serde(default)]
    pub disk: DiskConfig,
    /// What each neighbour may make the node hold.
    #[serde(default)]
    pub quota: QuotaConfig,
    /// How long the journal may grow.
    #[serde(default)]
    pub journal: JournalConfig,
    /// The operator vouches that the data folder is the newest there is, wherever it lies. Never from a file: it is true of one
    /// start.
    #[serde(skip)]
    pub newest: bool,
}

/// The signed directory and its trust anchor.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryConfig {
    /// The folder that holds it.
    pub folder: PathBuf,
    /// Verifier keys of the authorities.
    pub authorities: Vec<String>,
    /// How many of them must have signed.
    #[serde(default = "one")]
    pub threshold: usize,
    /// How much of it this node holds.
    #[serde(default, skip_serializing_if = "Hold::is_whole")]
    pub hold: Hold,
}

/// How much of the directory a node holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hold {
    /// The files of all divisions. The root of a tree has to.
    #[default]
    Whole,
    /// Those that it needs, and of all others where they stand; what it is asked for it fetches.
    Part,
}

impl Hold {
    fn is_whole(&self) -> bool {
        *self == Self::Whole
    }
}

/// Where the keys are.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeyConfig {
    /// The folder of secret keys: `tls.pem`, `ledger.pem`, `witness.pem`, `opening.txt`, `offices/<office>.pem`.
    pub folder: PathBuf,
    /// The node's certificate (PEM).
    pub certificate: PathBuf,
}

/// How links behave.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinkConfig {
    /// The first wait before a lost neighbour is dialled again, in milliseconds; it doubles.
    pub backoff_ms_min: u64,
    /// The longest such wait, in milliseconds.
    pub backoff_ms_max: u64,
}

impl Default for KeyConfig {
    fn default() -> Self {
        Self { folder: "keys".into(), certificate: "node.pem".into() }
    }
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self { backoff_ms_min: 50, backoff_ms_max: 5_000 }
    }
}

/// How the disk is shared.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiskConfig {
    /// Free space below which offices hand nothing in any more, in bytes; below three quarters of it only documents from
    /// above are taken, below half of it none. The rest is for receipts and for what is under way.
    pub reserve_bytes: u64,
}

impl Default for DiskConfig {
    fn default() -> Self {
        Self { reserve_bytes: 128 * 1024 * 1024 }
    }
}

/// What each neighbour may make the node hold of what it handed over for one destination; sixteen times that over all of them.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuotaConfig {
    /// Envelopes.
    pub neighbour_documents: usize,
    /// Bytes of their bodies; a thirty-second part of the file system if nothing is said. One body goes alone however large it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbour_bytes: Option<u64>,
}

impl Default for QuotaConfig {
    fn default() -> Self {
        Self { neighbour_documents: yizhan_exchange::Quota::default().documents, neighbour_bytes: None }
    }
}

/// How long the journal may grow.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JournalConfig {
    /// How long the journal is, in bytes, before what is settled is let go; where more than half of it is needed, twice that.
    pub reclaim_bytes: u64,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self { reclaim_bytes: 256 * 1024 * 1024 }
    }
}

/// Why a configuration cannot be used. The operator is to blame; it helps to correct the file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration {path} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not in the form of a configuration.
    #[error("the configuration {path} is not understood: {reason}")]
    Form {
        /// The file.
        path: PathBuf,
        /// Why, with line and column.
        reason: String,
    },
}

impl Config {
    /// Reads a configuration and makes its paths absolute or relative to the working folder.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let config = Self::from_toml(&text)
            .map_err(|e| ConfigError::Form { path: path.to_owned(), reason: e.to_string() })?;
        Ok(config.below(path.parent().unwrap_or_else(|| Path::new("."))))
    }

    /// Reads the text of a configuration, with its paths as they stand there.
    pub fn from_toml(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// With paths that count from `folder`.
    pub fn below(mut self, folder: &Path) -> Self {
        for place in
            [&mut self.data, &mut self.directory.folder, &mut self.keys.folder, &mut self.keys.certificate]
        {
            *place = folder.join(&*place);
        }
        self
    }

    /// The configuration as TOML.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string_pretty(self)
    }

    /// The socket of the desk.
    pub fn desk_socket(&self) -> PathBuf {
        self.data.join("desk.sock")
    }
}

fn default_data() -> PathBuf {
    "data".into()
}

fn one() -> usize {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_count_from_the_folder_of_the_file_and_unknown_keys_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.toml");
        let text = "node = \"652301\"\nnetwork = \"xinjiang.example\"\nlisten = \"127.0.0.1:0\"\n[directory]\nfolder = \"../directory\"\nauthorities = []\n";
        std::fs::write(&path, text).unwrap();
        let config = Config::load(&path).unwrap();
        assert_eq!(config.data, folder.path().join("data"));
        assert_eq!(config.directory.folder, folder.path().join("../directory"));
        assert_eq!(config.max_classification, Classification::Unclassified);
        assert_eq!(config.directory.hold, Hold::Whole);
        assert!(!config.to_toml().unwrap().contains("\nhold"), "networks that are there stay as they are");
        std::fs::write(&path, text.replace("authorities", "hold = \"part\"\nauthorities")).unwrap();
        let part = Config::load(&path).unwrap();
        assert_eq!(Config::from_toml(&part.to_toml().unwrap()).unwrap().directory.hold, Hold::Part);
        std::fs::write(&path, format!("lisen = 1\n{text}")).unwrap();
        assert!(matches!(Config::load(&path), Err(ConfigError::Form { .. })));
    }
}
