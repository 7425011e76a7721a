//! The keys of a node, read at the start; those of its offices again with each new version of the directory.

use crate::config::Config;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use yizhan_document::OfficeName;
use yizhan_identity::{
    KeyFileError, NodeTlsKey, OfficeKey, OpeningKey, SigningKey, certificate_from_pem, read_secret,
};

/// Everything secret that a node holds.
pub(crate) struct Keys {
    /// Its TLS key.
    pub(crate) tls: NodeTlsKey,
    /// Its certificate, DER.
    pub(crate) certificate: Vec<u8>,
    /// Signs the checkpoints of its ledger.
    pub(crate) ledger: SigningKey,
    /// Cosigns the checkpoints of its neighbours.
    pub(crate) witness: SigningKey,
    /// Opens slips.
    pub(crate) opening: OpeningKey,
    /// Keys held for offices: custodial, and marked so in the directory.
    pub(crate) offices: BTreeMap<OfficeName, OfficeKey>,
}

/// Why the keys of a node cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A file cannot be read, or others may read it.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// A folder or the certificate cannot be read.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A key or certificate is not in its form.
    #[error("{path} is not what it should be: {reason}")]
    Form {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl Keys {
    /// Reads all keys that the configuration names.
    pub(crate) fn load(config: &Config) -> Result<Self, KeysError> {
        let folder = &config.keys.folder;
        Ok(Self {
            tls: secret(&folder.join("tls.pem"), NodeTlsKey::from_text)?,
            certificate: read_certificate(&config.keys.certificate)?,
            ledger: secret(&folder.join("ledger.pem"), SigningKey::from_text)?,
            witness: secret(&folder.join("witness.pem"), SigningKey::from_text)?,
            opening: secret(&folder.join("opening.txt"), OpeningKey::from_text)?,
            offices: Self::offices(config)?,
        })
    }

    /// The keys held for offices. There may be more of them with a new version of the directory.
    pub(crate) fn offices(config: &Config) -> Result<BTreeMap<OfficeName, OfficeKey>, KeysError> {
        let folder = &config.keys.folder;
        let mut offices = BTreeMap::new();
        let office_folder = folder.join("offices");
        let entries = std::fs::read_dir(&office_folder)
            .map_err(|source| KeysError::Read { path: office_folder.clone(), source })?;
        for entry in entries {
            let path =
                entry.map_err(|source| KeysError::Read { path: office_folder.clone(), source })?.path();
            let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let office: OfficeName = name.parse().map_err(|e| form(&path, &e))?;
            offices.insert(office, secret(&path, OfficeKey::from_text)?);
        }
        Ok(offices)
    }
}

fn secret<T, E: std::fmt::Display>(path: &Path, read: impl Fn(&str) -> Result<T, E>) -> Result<T, KeysError> {
    let bytes = read_secret(path)?;
    let text = std::str::from_utf8(&bytes).map_err(|e| form(path, &e))?;
    read(text).map_err(|e| form(path, &e))
}

fn read_certificate(path: &Path) -> Result<Vec<u8>, KeysError> {
    let pem =
        std::fs::read_to_string(path).map_err(|source| KeysError::Read { path: path.to_owned(), source })?;
    certificate_from_pem(&pem).map_err(|e| form(path, &e))
}

fn form(path: &Path, reason: &dyn std::fmt::Display) -> KeysError {
    KeysError::Form { path: path.to_owned(), reason: reason.to_string() }
}
