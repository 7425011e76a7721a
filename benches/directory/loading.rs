//! Loading a directory from its folder, each time in a process of its own, so that memory is told apart.

use crate::stopwatch::{Passed, Stopwatch};
use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use yizhan_document::{Classification, OfficeAddress, WallTime};
use yizhan_hierarchy::{
    Directory, Division, Draft, History, OfficeRecord, OfficeState, Parcel, PlannedNode, PlannedOffice,
    TrustAnchor,
};
use yizhan_identity::{CertificateAuthority, Cosigner, NoteSigner, OfficeKey, OpeningKey, SigningKey};

const NETWORK: &str = "country.example";
/// Beside the directory: the key that is believed.
const VKEY: &str = "authority.vkey";
/// Beside the directory: what a node keeps that holds a part.
const PART: &str = "part";
const MIB: f64 = 1_048_576.0;

/// What loading costs, the middle of several times.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    nodes: usize,
    file_bytes: u64,
    draft_and_publish_ms: f64,
    load: Load,
    loads: Vec<Load>,
    part: Part,
}

/// The part that one leaf of the tree holds: what it takes on disk, and what loading it costs.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Part {
    held: usize,
    archive_bytes: u64,
    load: Load,
}

/// What loading once cost.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Load {
    took: Passed,
    /// What the process holds more than before.
    resident_bytes: u64,
    /// The most it ever held, all of it.
    peak_bytes: u64,
}

pub(crate) fn measure(folder: &Path, nodes: &[PlannedNode], times: u64) -> anyhow::Result<Figures> {
    std::fs::create_dir_all(folder)?;
    let folder = tempfile::tempdir_in(folder)?;
    let stopwatch = Stopwatch::begin()?;
    publish(folder.path(), nodes)?;
    let draft_and_publish_ms = stopwatch.passed()?.ms;
    let (load, loads) = loaded("--load", folder.path(), times)?;
    let file_bytes = size(folder.path())?;
    let part = keep_part(folder.path(), nodes)?;
    let part = Part { load: loaded("--load-part", folder.path(), times)?.0, ..part };
    Ok(Figures { nodes: nodes.len(), file_bytes, draft_and_publish_ms, load, loads, part })
}

/// The middle of several times, and all of them.
fn loaded(how: &str, folder: &Path, times: u64) -> anyhow::Result<(Load, Vec<Load>)> {
    let mut loads = Vec::new();
    for _ in 0..times {
        let run = Command::new(std::env::current_exe()?).arg(how).arg(folder).output()?;
        ensure!(run.status.success(), "loading failed: {}", String::from_utf8_lossy(&run.stderr));
        loads.push(serde_json::from_slice::<Load>(&run.stdout)?);
    }
    let mut sorted = loads.clone();
    sorted.sort_by(|a, b| a.took.ms.total_cmp(&b.took.ms));
    Ok((*sorted.get(sorted.len() / 2).context("nothing was loaded")?, loads))
}

/// Keeps the part that the last leaf needs, as its node does.
fn keep_part(folder: &Path, nodes: &[PlannedNode]) -> anyhow::Result<Part> {
    let whole = Directory::load(folder, &anchor(folder)?, issued()?)?;
    let is_leaf = |node: &&PlannedNode| whole.children(node.id).next().is_none();
    let leaf = nodes.iter().rev().find(is_leaf).context("a tree without leaves")?;
    let part = whole.reduced_to(&whole.needed_by(leaf.id));
    let mut parcel = Parcel::read(folder)?;
    parcel.reduce_to(&part);
    History::in_folder(folder.join(PART)).keep(part.edition(), &parcel)?;
    let held = part.divisions().len();
    let nothing = Load { took: Stopwatch::begin()?.passed()?, resident_bytes: 0, peak_bytes: 0 };
    Ok(Part { held, archive_bytes: size(&folder.join(PART))?, load: nothing })
}

/// Reads the part that is kept there and verifies it, in this process.
pub(crate) fn load_part_here(folder: &Path) -> anyhow::Result<Load> {
    let (anchor, before) = (anchor(folder)?, resident("VmRSS")?);
    let stopwatch = Stopwatch::begin()?;
    let history = History::in_folder(folder.join(PART));
    let newest = history.versions()?.pop().context("nothing is kept")?;
    let directory = history.read(newest)?.verify_kept(&anchor, issued()?, 0)?;
    let took = stopwatch.passed()?;
    let resident_bytes = resident("VmRSS")?.saturating_sub(before);
    ensure!(directory.listed_divisions() == directory.tree().len(), "the tree has other nodes");
    Ok(Load { took, resident_bytes, peak_bytes: resident("VmHWM")? })
}

fn anchor(folder: &Path) -> anyhow::Result<TrustAnchor> {
    let vkey = std::fs::read_to_string(folder.join(VKEY))?;
    Ok(TrustAnchor::from_vkeys([vkey.as_str()], 1)?)
}

/// Loads the directory in this process.
pub(crate) fn load_here(folder: &Path) -> anyhow::Result<Load> {
    let (anchor, before) = (anchor(folder)?, resident("VmRSS")?);
    let stopwatch = Stopwatch::begin()?;
    let directory = Directory::load(folder, &anchor, issued()?)?;
    let took = stopwatch.passed()?;
    let resident_bytes = resident("VmRSS")?.saturating_sub(before);
    ensure!(directory.divisions().len() == directory.tree().len(), "the tree has other nodes");
    Ok(Load { took, resident_bytes, peak_bytes: resident("VmHWM")? })
}

/// A directory of real keys and certificates, as `yizhan network create` makes it, without the folders of the nodes.
fn publish(folder: &Path, nodes: &[PlannedNode]) -> anyhow::Result<()> {
    let now = issued()?;
    let ca = CertificateAuthority::create(NETWORK, now, 10)?;
    let authority = NoteSigner::new(format!("{NETWORK}/authority"), SigningKey::generate()?)?;
    std::fs::write(folder.join(VKEY), authority.verifier().to_string())?;
    let mut divisions = BTreeMap::new();
    for (number, planned) in nodes.iter().enumerate() {
        let id = planned.id;
        let record = |office: &PlannedOffice| {
            let address = OfficeAddress { office: office.office.clone(), node: id };
            anyhow::Ok(OfficeRecord {
                office: office.office.clone(),
                names: office.names.clone(),
                certificate: ca.issue_office(&address, &OfficeKey::generate()?, now, 365)?,
                custodial: true,
                state: OfficeState::Active,
            })
        };
        let division = Division {
            node: id,
            parent: planned.parent,
            backup_parents: planned.backup_parents.clone(),
            direct_links: planned.direct_links.clone(),
            names: planned.names.clone(),
            endpoints: vec![format!("10.{}.{}.1:4500", number / 256, number % 256).parse()?],
            ledger: NoteSigner::new(format!("{NETWORK}/{id}/0"), SigningKey::generate()?)?.verifier(),
            witness: Cosigner::new(format!("{NETWORK}/{id}/witness"), SigningKey::generate()?)?.verifier(),
            opening: OpeningKey::generate()?.public(),
            max_classification: Classification::Unclassified,
            offices: planned.offices.iter().map(record).collect::<Result<_, _>>()?,
        };
        divisions.insert(id, division);
    }
    let draft = Draft {
        revoked: std::collections::BTreeSet::new(),
        delegations: BTreeMap::new(),
        policy: yizhan_hierarchy::Policy::default(),
        joined: BTreeMap::new(),
        network: NETWORK.to_owned(),
        version: 1,
        issued: now,
        expires: now.plus_ms(365 * 24 * 3600 * 1000),
        threshold: 1,
        ca: ca.certificate_der().to_vec(),
        divisions,
    };
    Directory::publish(folder, &draft, &[authority])?;
    Ok(())
}

fn issued() -> anyhow::Result<WallTime> {
    Ok("2026-11-20T08:00:00Z".parse()?)
}

/// The bytes of all files below a folder.
fn size(folder: &Path) -> anyhow::Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        sum += if entry.file_type()?.is_dir() { size(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(sum)
}

/// A line of /proc/self/status, in bytes (proc(5): it is given in kB, which are KiB).
fn resident(what: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.split_whitespace().next()).context("the system does not say")?;
    Ok(kib.parse::<u64>()? * 1024)
}

impl Figures {
    pub(crate) fn lines(&self) -> String {
        let whole = format!(
            "directory of {} nodes, {:.1} MiB of files, drafted and published in {:.0} ms\n{}",
            self.nodes,
            self.file_bytes as f64 / MIB,
            self.draft_and_publish_ms,
            self.load.lines(self.loads.len())
        );
        let Part { held, archive_bytes, load } = self.part;
        let bytes = archive_bytes as f64 / MIB;
        format!(
            "{whole}the part that a leaf holds of it, {held} nodes, {bytes:.1} MiB\n{}",
            load.lines(self.loads.len())
        )
    }
}

impl Load {
    fn lines(&self, times: usize) -> String {
        format!(
            "  loaded         {:>10.0} ms, {:.0} of them on a processor (middle of {times})\n  \
             holds          {:>10.1} MiB, peak of the process {:.1} MiB\n",
            self.took.ms,
            self.took.cpu_ms,
            self.resident_bytes as f64 / MIB,
            self.peak_bytes as f64 / MIB
        )
    }
}
