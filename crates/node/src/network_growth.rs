//! What a network that exists needs for one more office or node: keys, certificates and a folder. The directory comes to know of
//! it by a new version.

use crate::network::{Making, NetworkError, write_error};
use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use yizhan_document::{NodeId, OfficeAddress, WallTime};
use yizhan_hierarchy::{Division, NetworkPlan, OfficeRecord, PlannedNode, PlannedOffice};
use yizhan_identity::{CertificateAuthority, NoteSigner, SigningKey, read_secret};

/// A network in a folder, with the secrets that certify.
pub struct Growing {
    folder: PathBuf,
    plan: NetworkPlan,
    authority: NoteSigner,
    ca: CertificateAuthority,
    now: WallTime,
}

impl Growing {
    /// The network in `folder`, with the secrets of its `authority` folder.
    ///
    /// # Errors
    /// [`NetworkError`]: a secret is missing or is not what it should be; nothing was made.
    pub fn open(folder: &Path, now: WallTime) -> Result<Self, NetworkError> {
        let place = folder.join("authority");
        let text = |name: &str| {
            let path = place.join(name);
            fs::read_to_string(&path).map_err(write_error(&path))
        };
        let secret = |name: &str| -> Result<String, NetworkError> {
            Ok(String::from_utf8_lossy(&read_secret(&place.join(name))?).into_owned())
        };
        let ca = CertificateAuthority::from_pem(&text("ca.pem")?, &secret("ca.key.pem")?)?;
        let key = SigningKey::from_text(&secret("authority.pem")?)?;
        let network = ca.network().to_owned();
        let authority = NoteSigner::new(format!("{network}/authority"), key)?;
        let plan = NetworkPlan { network, nodes: Vec::new(), ..NetworkPlan::demo() };
        Ok(Self { folder: folder.to_owned(), plan, authority, ca, now })
    }

    /// Makes the key of an office, which its node holds for it (custodial), and has it certified. A running node reads the key
    /// with the version of the directory that names the office.
    ///
    /// # Errors
    /// [`NetworkError`]: the node has no folder here, or there is a key of that name already.
    pub fn office(
        &self,
        address: &OfficeAddress,
        names: BTreeMap<String, String>,
    ) -> Result<OfficeRecord, NetworkError> {
        let keys = self.folder.join("nodes").join(address.node.as_str()).join("keys").join("offices");
        let planned = PlannedOffice { office: address.office.clone(), names };
        self.making().office(address.node, &planned, &keys)
    }

    /// Makes the folder of one more node, with keys, certificate and configuration. It can be run once the network's folder has
    /// the version of the directory that names it.
    ///
    /// # Errors
    /// [`NetworkError`]: there is such a folder already, or it cannot be made.
    pub fn node(
        &self,
        node: NodeId,
        parent: Option<NodeId>,
        names: BTreeMap<String, String>,
        address: SocketAddr,
    ) -> Result<Division, NetworkError> {
        let planned = PlannedNode {
            id: node,
            parent,
            names,
            backup_parents: Vec::new(),
            direct_links: Vec::new(),
            offices: Vec::new(),
        };
        self.making().node(&planned, address)
    }

    fn making(&self) -> Making<'_> {
        Making {
            plan: &self.plan,
            folder: &self.folder,
            authority: &self.authority,
            ca: &self.ca,
            now: self.now,
        }
    }
}
