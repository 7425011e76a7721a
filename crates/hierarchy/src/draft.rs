//! A draft: what is to become the next version of the directory, before anyone signed it.

use crate::directory::Directory;
use crate::division::{Division, DivisionError};
use crate::parcel::Parcel;
use crate::root::Root;
use std::collections::{BTreeMap, BTreeSet};
use yizhan_document::{Digest, NodeId, WallTime};
use yizhan_identity::{NoteSigner, NoteVerifier};

/// A directory in the making. It is checked as a whole when it is published.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The network.
    pub network: String,
    /// Counts the versions from 1.
    pub version: u64,
    /// When it is signed.
    pub issued: WallTime,
    /// Until when it is believed.
    pub expires: WallTime,
    /// How many authorities have to sign it.
    pub threshold: usize,
    /// The certificate of the network's CA, in DER.
    pub ca: Vec<u8>,
    /// Authorities whose signatures count no more.
    pub revoked: BTreeSet<NoteVerifier>,
    /// The divisions.
    pub divisions: BTreeMap<NodeId, Division>,
}

/// A draft as bytes: the text that the authorities sign, each perhaps at a place of its own, and the files it commits to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The text of the root, to be signed.
    pub root_text: String,
    /// The content of each `divisions/<node>.json`.
    pub files: BTreeMap<NodeId, Vec<u8>>,
    /// The CA certificate in DER.
    pub ca: Vec<u8>,
}

impl Draft {
    /// What a directory says, as a draft: to be compared with another.
    pub fn of(directory: &Directory) -> Self {
        Self {
            network: directory.network.clone(),
            version: directory.version,
            issued: directory.issued,
            expires: directory.expires,
            threshold: directory.threshold(),
            ca: directory.ca.clone(),
            revoked: directory.revoked().iter().cloned().collect(),
            divisions: directory.divisions().map(|division| (division.node, division.clone())).collect(),
        }
    }

    /// The version after `directory`, with nothing changed yet.
    pub fn following(directory: &Directory, issued: WallTime, expires: WallTime) -> Self {
        let version = directory.version.saturating_add(1);
        Self { version, issued, expires, ..Self::of(directory) }
    }

    /// The bytes to sign and to publish. Nothing is checked here.
    pub fn render(&self) -> Result<Rendered, DivisionError> {
        let file = |(node, division): (&NodeId, &Division)| Ok((*node, division.to_json()?));
        let files = self.divisions.iter().map(file).collect::<Result<BTreeMap<_, _>, DivisionError>>()?;
        let root = Root {
            network: self.network.clone(),
            version: self.version,
            issued: self.issued,
            expires: self.expires,
            threshold: self.threshold,
            ca: Digest::of(&self.ca),
            revoked: self.revoked.iter().cloned().collect(),
            divisions: files.iter().map(|(node, bytes)| (*node, Digest::of(bytes))).collect(),
        };
        Ok(Rendered { root_text: root.to_text(), files, ca: self.ca.clone() })
    }
}

impl Rendered {
    /// The root as a signed note, with the signatures of `signers`.
    pub fn root_note(&self, signers: &[NoteSigner]) -> String {
        let signatures = signers.iter().map(|signer| signer.sign(&self.root_text)).collect::<String>();
        format!("{}\n{signatures}", self.root_text)
    }

    /// All of it, with the signatures of `signers`.
    pub fn signed(&self, signers: &[NoteSigner]) -> Parcel {
        Parcel { root: self.root_note(signers).into_bytes(), ca: self.ca.clone(), files: self.files.clone() }
    }
}
