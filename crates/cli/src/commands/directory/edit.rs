//! `yizhan directory edit`: the next version as a draft, changed by flags, checked as a whole.

use super::drafting::{Drafting, Lifetime, words};
use super::joining::JoiningFlags;
use super::policy::{PolicyFlags, classification};
use crate::failure::Failure;
use crate::output::Output;
use crate::reach::Reach;
use clap::Args;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use yizhan_document::{NodeId, OfficeAddress};
use yizhan_hierarchy::{Edit as Made, Endpoint, OfficeState};
use yizhan_identity::NoteVerifier;
use yizhan_node::Growing;

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Edit {
    /// The folder of the draft: a new one begins with the version in force; a draft that is there is gone on with
    #[arg(value_name = "DRAFT")]
    draft: PathBuf,
    #[command(flatten)]
    lifetime: Lifetime,
    /// Change as the delegates of this node's subtree do (受权者): a new list of it, without a new version
    #[arg(long, value_name = "NODE")]
    delegate: Option<NodeId>,
    /// Put a node under another parent, or under none
    #[arg(long, value_name = "NODE=PARENT|none")]
    parent: Vec<String>,
    /// Who stands in when its parent is away; nothing after = for nobody
    #[arg(long, value_name = "NODE=A,B")]
    backup_parents: Vec<String>,
    /// Whom it talks to directly besides
    #[arg(long, value_name = "NODE=A,B")]
    direct_links: Vec<String>,
    /// Where its neighbours reach it
    #[arg(long, value_name = "NODE=HOST:PORT,…")]
    endpoint: Vec<String>,
    /// What people call it; an empty name takes that language away
    #[arg(long, value_name = "NODE:LANG=NAME")]
    name: Vec<String>,
    /// The highest classification it may carry
    #[arg(long, value_name = "NODE=LEVEL")]
    max_classification: Vec<String>,
    /// A new node with keys and a folder in the network's folder, listening on this machine; name its parent with it
    #[arg(long, value_name = "NODE=PARENT@HOST:PORT")]
    new_node: Vec<String>,
    /// A node from the JSON file of its division, new or wholly anew
    #[arg(long, value_name = "FILE.json")]
    put_node: Vec<PathBuf>,
    /// A node that is no more
    #[arg(long, value_name = "NODE")]
    remove_node: Vec<NodeId>,
    /// A new office (新增机关), with a certificate of the network's CA and a key that its node holds for it
    #[arg(long, value_name = "OFFICE@NODE=NAME")]
    new_office: Vec<String>,
    /// An office that neither sends nor receives any more (停用)
    #[arg(long, value_name = "OFFICE@NODE")]
    suspend: Vec<OfficeAddress>,
    /// An office that sends and receives again (启用)
    #[arg(long, value_name = "OFFICE@NODE")]
    resume: Vec<OfficeAddress>,
    /// How many authorities have to sign from this version on
    #[arg(long, value_name = "K")]
    threshold: Option<usize>,
    /// An authority whose signatures count no more (吊销); never taken back
    #[arg(long, value_name = "VKEY")]
    revoke: Vec<NoteVerifier>,
    #[command(flatten)]
    policy: PolicyFlags,
    #[command(flatten)]
    joining: JoiningFlags,
    #[command(flatten)]
    reach: Reach,
}

pub(super) fn run(edit: Edit, output: Output) -> Result<(), Failure> {
    let mut drafting = Drafting::begin(&edit.draft, edit.delegate, edit.lifetime, &edit.reach)?;
    let (network, now) = (drafting.network.clone(), drafting.now);
    let draft = &mut drafting.draft;
    let mut apply = |change| draft.apply_as(edit.delegate, change).map_err(|e| Failure::Usage(e.to_string()));
    for change in made(&edit)? {
        apply(change)?;
    }
    // Keys are made last: what was typed wrongly leaves none behind.
    let growing = Growing::open(&network, now);
    for given in &edit.new_node {
        let (node, rest) = pair(given, '=')?;
        let (parent, address) = pair(rest, '@')?;
        let (node, address): (NodeId, SocketAddr) = (read(node)?, read(address)?);
        let names = BTreeMap::from([("zh".to_owned(), node.to_string())]);
        let division = growing.as_ref().map_err(unable)?.node(node, Some(read(parent)?), names, address)?;
        apply(Made::PutNode(Box::new(division)))?;
    }
    for given in &edit.new_office {
        let (office, name) = pair(given, '=')?;
        let office: OfficeAddress = read(office)?;
        if !drafting.draft.divisions.contains_key(&office.node) {
            return Err(Failure::Usage(format!("there is no node {} in the draft", office.node)));
        }
        let names = BTreeMap::from([("zh".to_owned(), name.to_owned())]);
        let record = growing.as_ref().map_err(unable)?.office(&office, names)?;
        let put = Made::PutOffice(office.node, Box::new(record));
        drafting.draft.apply_as(edit.delegate, put).map_err(|e| Failure::Usage(e.to_string()))?;
    }
    // Nodes and offices that are new with this very edit may be named in it.
    let joining = edit.joining.made(&drafting.draft.network, now, &edit.reach)?;
    for change in edit.policy.made()?.into_iter().chain(joining) {
        drafting.draft.apply_as(edit.delegate, change).map_err(|e| Failure::Usage(e.to_string()))?;
    }
    output.show(&drafting.end(edit.delegate)?, words)
}

/// The changes that are made without any key.
fn made(edit: &Edit) -> Result<Vec<Made>, Failure> {
    let mut made = Vec::new();
    for path in &edit.put_node {
        let bytes = std::fs::read(path).map_err(Failure::file(path, "cannot be read"))?;
        let division = yizhan_hierarchy::Division::from_json(&bytes)
            .map_err(|e| Failure::Usage(format!("{}: {e}", path.display())))?;
        made.push(Made::PutNode(Box::new(division)));
    }
    for given in &edit.parent {
        let (node, parent) = pair(given, '=')?;
        let parent = if parent == "none" { None } else { Some(read(parent)?) };
        made.push(Made::Parent(read(node)?, parent));
    }
    for given in &edit.backup_parents {
        let (node, nodes) = listed(given)?;
        made.push(Made::BackupParents(node, nodes));
    }
    for given in &edit.direct_links {
        let (node, nodes) = listed(given)?;
        made.push(Made::DirectLinks(node, nodes));
    }
    for given in &edit.endpoint {
        let (node, endpoints): (NodeId, Vec<Endpoint>) = listed(given)?;
        made.push(Made::Endpoints(node, endpoints));
    }
    for given in &edit.name {
        let (whose, name) = pair(given, '=')?;
        let (node, language) = pair(whose, ':')?;
        made.push(Made::Name(read(node)?, language.to_owned(), name.to_owned()));
    }
    for given in &edit.max_classification {
        let (node, level) = pair(given, '=')?;
        made.push(Made::MaxClassification(read(node)?, classification(level)?));
    }
    made.extend(edit.remove_node.iter().map(|node| Made::RemoveNode(*node)));
    made.extend(edit.suspend.iter().map(|office| Made::OfficeState(office.clone(), OfficeState::Suspended)));
    made.extend(edit.resume.iter().map(|office| Made::OfficeState(office.clone(), OfficeState::Active)));
    made.extend(edit.threshold.map(Made::Threshold));
    made.extend(edit.revoke.iter().cloned().map(Made::Revoke));
    Ok(made)
}

fn unable(error: &yizhan_node::NetworkError) -> Failure {
    Failure::Usage(format!("no key can be made or certified without the secrets in authority/: {error}"))
}

pub(crate) fn pair(given: &str, at: char) -> Result<(&str, &str), Failure> {
    given.split_once(at).ok_or_else(|| Failure::Usage(format!("`{given}` has no `{at}`; see --help")))
}

pub(crate) fn read<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Failure> {
    text.trim().parse().map_err(|e| Failure::Usage(format!("`{text}`: {e}")))
}

fn listed<T: FromStr<Err: std::fmt::Display>>(given: &str) -> Result<(NodeId, Vec<T>), Failure> {
    let (node, list) = pair(given, '=')?;
    Ok((read(node)?, read_all(list)?))
}

pub(super) fn read_all<T: FromStr<Err: std::fmt::Display>>(list: &str) -> Result<Vec<T>, Failure> {
    list.split(',').filter(|item| !item.is_empty()).map(read).collect()
}
