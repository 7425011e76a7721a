//! Making a network: authority, certificates, signed directory and a folder for each node, from a plan.

use crate::config::{
    Config, DirectoryConfig, DiskConfig, Hold, JournalConfig, KeyConfig, LinkConfig, QuotaConfig,
};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use yizhan_document::{Classification, LedgerId, NodeId, OfficeAddress, WallTime};
use yizhan_hierarchy::{
    Directory, Division, Draft, EndpointError, NetworkPlan, OfficeRecord, OfficeState, PlanError,
    PlannedNode, PlannedOffice, Policy, PublishError,
};
use yizhan_identity::{
    CertificateAuthority, CertificateError, Cosigner, KeyError, KeyFileError, NodeTlsKey, NoteError,
    NoteSigner, OfficeKey, OpeningKey, SigningKey, certificate_to_pem, write_secret,
};
use yizhan_ledger::origin_of;

/// How long certificates and the directory are good for. `yizhan directory edit` makes a version that is good for longer; renewing
/// certificates is not built yet.
const DAYS: u32 = 365;
const DAY_MS: u64 = 24 * 3600 * 1000;
/// How long the network's own certificate is good for.
const AUTHORITY_YEARS: u32 = 10;

/// How many threads write the folders of nodes.
const WRITERS: usize = 16;

/// A network that was made: where everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedNetwork {
    /// The folder that holds all of it.
    pub folder: PathBuf,
    /// Its nodes, in the order of the plan.
    pub nodes: Vec<CreatedNode>,
}

/// A node of a network that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedNode {
    /// The node.
    pub node: NodeId,
    /// Its `node.toml`.
    pub config: PathBuf,
    /// Where its desk will listen.
    pub socket: PathBuf,
    /// Where its neighbours will reach it.
    pub address: SocketAddr,
}

/// Why no network was made. Unless the folder was refused, what was begun in it has to be removed before trying again.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// Keys that exist may be the only copies: nothing is ever made over them. The operator is to blame.
    #[error("{} is not empty; name a new folder, or move away what is in it", .folder.display())]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
    },
    /// Whoever wrote the plan is to blame.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A node would listen at a place that nobody can name.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// A key was not made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key was not stored.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// A certificate was not made.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A ledger, witness or authority cannot be named so.
    #[error(transparent)]
    Name(#[from] NoteError),
    /// The directory was not signed.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// A configuration cannot be written as TOML; a defect of this program.
    #[error("the configuration of a node cannot be written: {0}")]
    Config(#[from] toml::ser::Error),
    /// The system gives no free port.
    #[error("no free UDP port on this machine: {0}; name one with a base port")]
    Ports(#[source] io::Error),
    /// The disk, or missing rights.
    #[error("{} cannot be written: {source}; see to the disk, remove what was begun and try again", .path.display())]
    Write {
        /// Which file or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// Makes a network in `folder`, which must be new or empty: the keys of its authority, its CA, its signed directory and
/// one folder for each node with configuration, certificate and keys. All nodes listen on loopback, at the ports of the
/// plan, or at free ones if its base port is 0. The key of every office is held by its node, and marked so (custodial).
///
/// Everything is named relative to the folder, which may be moved as long as the paths of the sockets stay short.
pub fn create_network(
    plan: &NetworkPlan,
    folder: &Path,
    now: WallTime,
) -> Result<CreatedNetwork, NetworkError> {
    let ports = ports_of(plan)?;
    take_folder(folder)?;
    let ca = CertificateAuthority::create(&plan.network, now, AUTHORITY_YEARS)?;
    let authority = authority(&plan.network, &folder.join("authority"), &ca)?;
    let making = Making { plan, folder, authority: &authority, ca: &ca, now };
    new_folder(&folder.join("nodes"), 0o755)?;
    let addresses = ports.into_iter().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let places: Vec<(&PlannedNode, SocketAddr)> = plan.nodes.iter().zip(addresses).collect();
    let divisions = making.nodes(&places)?;
    let nodes = places.iter().map(|(planned, address)| created(folder, planned.id, *address)).collect();
    making.directory(divisions)?;
    let readme = folder.join("README.txt");
    fs::write(&readme, readme_text(plan)).map_err(write_error(&readme))?;
    Ok(CreatedNetwork { folder: folder.to_owned(), nodes })
}

/// `n` UDP ports of loopback that nobody uses at the moment. Another process may take one before its node does.
fn free_udp_ports(n: usize) -> io::Result<Vec<u16>> {
    // All are held at once, so that no port is given twice.
    let sockets: Vec<UdpSocket> =
        (0..n).map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))).collect::<io::Result<_>>()?;
    sockets.iter().map(|socket| socket.local_addr().map(|address| address.port())).collect()
}

/// What is being made, and with which authority.
pub(crate) struct Making<'a> {
    pub(crate) plan: &'a NetworkPlan,
    pub(crate) folder: &'a Path,
    pub(crate) authority: &'a NoteSigner,
    pub(crate) ca: &'a CertificateAuthority,
    pub(crate) now: WallTime,
}

impl Making<'_> {
    /// The folders of all nodes, and what the directory will say of them. It takes long only because every key waits for the
    /// disk, which makes durable at once what several threads have written.
    fn nodes(
        &self,
        places: &[(&PlannedNode, SocketAddr)],
    ) -> Result<BTreeMap<NodeId, Division>, NetworkError> {
        let part = |part: &[(&PlannedNode, SocketAddr)]| {
            let made = |(planned, address): &(&PlannedNode, SocketAddr)| {
                self.node(planned, *address).map(|division| (planned.id, division))
            };
            part.iter().map(made).collect::<Result<Vec<_>, NetworkError>>()
        };
        let each = places.len().div_ceil(WRITERS).max(1);
        let parts: Vec<_> = std::thread::scope(|scope| {
            let part = &part;
            let writers: Vec<_> = places.chunks(each).map(|chunk| scope.spawn(move || part(chunk))).collect();
            let done = writers.into_iter().map(|writer| writer.join());
            done.map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        Ok(parts.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// The folder of one node, and what the directory will say of it.
    pub(crate) fn node(&self, planned: &PlannedNode, address: SocketAddr) -> Result<Division, NetworkError> {
        let node = planned.id;
        let folder = node_folder(self.folder, node);
        new_folder(&folder, 0o755)?;
        let data = folder.join("data");
        new_folder(&data, 0o700)?;
        crate::placement::mark_as_new(&data).map_err(write_error(&data))?;
        let keys = folder.join("keys");
        new_folder(&keys, 0o700)?;
        new_folder(&keys.join("offices"), 0o700)?;

        let tls = NodeTlsKey::generate()?;
        write_secret(&keys.join("tls.pem"), tls.to_text().as_bytes())?;
        let certificate = self.ca.issue_node(node, &tls, self.now, DAYS)?;
        let path = folder.join("node.pem");
        fs::write(&path, certificate_to_pem(&certificate)).map_err(write_error(&path))?;
        let ledger = SigningKey::generate()?;
        write_secret(&keys.join("ledger.pem"), ledger.to_text().as_bytes())?;
        let witness = SigningKey::generate()?;
        write_secret(&keys.join("witness.pem"), witness.to_text().as_bytes())?;
        let opening = OpeningKey::generate()?;
        write_secret(&keys.join("opening.txt"), opening.to_text().as_bytes())?;
        let offices = planned
            .offices
            .iter()
            .map(|office| self.office(node, office, &keys.join("offices")))
            .collect::<Result<_, _>>()?;
        self.config(node, address, &folder)?;

        let network = &self.plan.network;
        Ok(Division {
            node,
            parent: planned.parent,
            backup_parents: planned.backup_parents.clone(),
            direct_links: planned.direct_links.clone(),
            names: planned.names.clone(),
            endpoints: vec![address.to_string().parse()?],
            ledger: NoteSigner::new(origin_of(network, LedgerId { node, epoch: 0 }), ledger)?.verifier(),
            witness: Cosigner::new(format!("{network}/{node}/witness"), witness)?.verifier(),
            opening: opening.public(),
            max_classification: Classification::Unclassified,
            offices,
        })
    }

    pub(crate) fn office(
        &self,
        node: NodeId,
        planned: &PlannedOffice,
        keys: &Path,
    ) -> Result<OfficeRecord, NetworkError> {
        let key = OfficeKey::generate()?;
        write_secret(&keys.join(format!("{}.pem", planned.office)), key.to_text().as_bytes())?;
        let address = OfficeAddress { office: planned.office.clone(), node };
        Ok(OfficeRecord {
            office: planned.office.clone(),
            names: planned.names.clone(),
            certificate: self.ca.issue_office(&address, &key, self.now, DAYS)?,
            custodial: true,
            state: OfficeState::Active,
        })
    }

    fn config(&self, node: NodeId, listen: SocketAddr, folder: &Path) -> Result<(), NetworkError> {
        let config = Config {
            node,
            network: self.plan.network.clone(),
            listen,
            data: "data".into(),
            max_classification: Classification::Unclassified,
            directory: DirectoryConfig {
                folder: "../../directory".into(),
                authorities: vec![self.authority.verifier().to_string()],
                threshold: 1,
                hold: Hold::Whole,
            },
            keys: KeyConfig::default(),
            link: LinkConfig::default(),
            disk: DiskConfig::default(),
            quota: QuotaConfig::default(),
            journal: JournalConfig::default(),
            newest: false,
        };
        let path = folder.join("node.toml");
        fs::write(&path, config.to_toml()?).map_err(write_error(&path))
    }

    /// The signed directory.
    fn directory(&self, divisions: BTreeMap<NodeId, Division>) -> Result<(), NetworkError> {
        let draft = Draft {
            network: self.plan.network.clone(),
            version: 1,
            issued: self.now,
            expires: self.now.plus_ms(u64::from(DAYS) * DAY_MS),
            threshold: 1,
            ca: self.ca.certificate_der().to_vec(),
            revoked: std::collections::BTreeSet::new(),
            delegations: BTreeMap::new(),
            policy: Policy::default(),
            joined: BTreeMap::new(),
            divisions,
        };
        let folder = self.folder.join("directory");
        new_folder(&folder, 0o755)?;
        Directory::publish(&folder, &draft, std::slice::from_ref(self.authority))?;
        Ok(())
    }
}

/// The port of each node, in the order of the plan.
fn ports_of(plan: &NetworkPlan) -> Result<Vec<u16>, NetworkError> {
    if plan.base_port != 0 {
        plan.check()?;
        return Ok(plan
            .nodes
            .iter()
            .filter_map(|planned| plan.ports(planned.id))
            .map(|ports| ports.link)
            .collect());
    }
    // Base port 0 asks for free ports; everything else has to be as in any other plan.
    NetworkPlan { base_port: NetworkPlan::demo().base_port, ..plan.clone() }.check()?;
    free_udp_ports(plan.nodes.len()).map_err(NetworkError::Ports)
}

/// The secrets that sign the directory and further certificates. No node needs them: they belong on a machine of their
/// own, or in a safe.
fn authority(network: &str, folder: &Path, ca: &CertificateAuthority) -> Result<NoteSigner, NetworkError> {
    new_folder(folder, 0o700)?;
    let key = SigningKey::generate()?;
    write_secret(&folder.join("authority.pem"), key.to_text().as_bytes())?;
    write_secret(&folder.join("ca.key.pem"), ca.key_pem().as_bytes())?;
    let signer = NoteSigner::new(format!("{network}/authority"), key)?;
    let public = [("ca.pem", ca.certificate_pem()), ("authority.vkey", format!("{}\n", signer.verifier()))];
    for (name, text) in public {
        let path = folder.join(name);
        fs::write(&path, text).map_err(write_error(&path))?;
    }
    Ok(signer)
}

fn take_folder(folder: &Path) -> Result<(), NetworkError> {
    fs::create_dir_all(folder).map_err(write_error(folder))?;
    match fs::read_dir(folder).map_err(write_error(folder))?.next() {
        None => Ok(()),
        Some(_) => Err(NetworkError::NotEmpty { folder: folder.to_owned() }),
    }
}

fn new_folder(path: &Path, mode: u32) -> Result<(), NetworkError> {
    DirBuilder::new().mode(mode).create(path).map_err(write_error(path))
}

fn node_folder(network: &Path, node: NodeId) -> PathBuf {
    // A node id has only letters, digits and inner hyphens: it cannot leave the folder.
    network.join("nodes").join(node.as_str())
}

fn created(network: &Path, node: NodeId, address: SocketAddr) -> CreatedNode {
    let folder = node_folder(network, node);
    CreatedNode {
        node,
        config: folder.join("node.toml"),
        socket: folder.join("data").join("desk.sock"),
        address,
    }
}

pub(crate) fn write_error(path: &Path) -> impl FnOnce(io::Error) -> NetworkError {
    let path = path.to_owned();
    move |source| NetworkError::Write { path, source }
}

fn readme_text(plan: &NetworkPlan) -> String {
    let nodes: String = plan
        .nodes
        .iter()
        .map(|planned| format!("    yizhan node run --config nodes/{}/node.toml\n", planned.id))
        .collect();
    let office = |planned: &PlannedNode| Some(format!("{}@{}", planned.offices.first()?.office, planned.id));
    let mut offices = plan.nodes.iter().rev().filter_map(office);
    let to = offices.next().unwrap_or_else(|| "OFFICE@NODE".to_owned());
    let from = offices.next().unwrap_or_else(|| to.clone());
    format!(
        "The network {network}, made by `yizhan network create` or `yizhan demo`.

  authority/   signs the directory (authority.pem) and issues certificates (ca.key.pem): secret; no node needs it
  directory/   the signed register of nodes and offices, which every node reads
  nodes/<id>/  one folder for each node: node.toml, certificate (node.pem), secret keys (keys/), data (data/)

Run each node in a terminal of its own, from this folder:

{nodes}
Then, from this folder, as the same user:

    export YIZHAN_NETWORK=.
    yizhan send --from {from} --to {to} --title 'Notice' README.txt
    yizhan track ID                                (the ID that `send` printed)
    yizhan inbox list {to}
    yizhan inbox take {to} ID --out taken
    yizhan inbox sign {to} ID           (签收)

A node stops on Ctrl-C. What it accepted stays in its data folder, and goes on when it runs again.
Certificates and directory are good for {DAYS} days.
",
        network = plan.network,
    )
}

#[cfg(test)]
#[path = "network_tests.rs"]
mod tests;
