//! `yizhan network create`: a new network in a folder, from flags or from a plan.

use crate::failure::Failure;
use crate::output::Output;
use crate::table::table;
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use serde::Serialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use yizhan_document::NodeId;
use yizhan_hierarchy::{
    DivisionCounts, DivisionTable, NetworkPlan, PlanError, PlanFlags, limits::PLAN_BYTES_MAX,
};
use yizhan_node::{Clock, CreatedNetwork, create_network, hold_parts};

/// More nodes than this are counted, not listed.
const NODES_SHOWN_MAX: usize = 60;
/// The longest path of a Unix socket, in bytes (unix(7), `sun_path` without its closing zero).
const SOCKET_PATH_BYTES_MAX: usize = 107;

#[derive(Debug, Subcommand)]
pub(crate) enum Typed {
    /// Make a network: authority keys, CA, signed directory (名录), and a folder for each node (驿站)
    ///
    /// All nodes listen on this machine, on two ports each from the base port on. A node is given as ID, or as ID=PARENT;
    /// the parent may be left out where there is only one on the level above. `--divisions` takes the real divisions of the
    /// country instead: 65 is Xinjiang with its prefectures, counties and cities, `all` every province, 66 the XPCC (兵团).
    Create(Create),
}

#[derive(Debug, Args)]
#[group(skip)]
#[command(group(ArgGroup::new("tops").args(["root", "divisions"]).multiple(true)))]
pub(crate) struct Create {
    /// The folder, new or empty
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// A plan in TOML: [network] with name and base_port, then [[node]] with id, parent, names, offices
    #[arg(long, value_name = "FILE.toml", required_unless_present = "tops",
          conflicts_with_all = ["root", "divisions", "prefecture", "county", "town", "name"])]
    plan: Option<PathBuf>,
    /// Real divisions with all below them (行政区划): codes as 65 or 6405, or `all`; several are linked to each other
    #[arg(long, value_name = "CODE[=PARENT]", value_delimiter = ',')]
    divisions: Vec<String>,
    /// Development zones (开发区) too, which the statistics count as counties
    #[arg(long, requires = "divisions")]
    with_development_zones: bool,
    /// A node without parent, as a region (自治区)
    #[arg(long, value_name = "ID")]
    root: Vec<String>,
    /// A node under a root, as a prefecture (地州市)
    #[arg(long, value_name = "ID[=PARENT]", requires = "tops")]
    prefecture: Vec<String>,
    /// A node under a prefecture, as a county (县市区)
    #[arg(long, value_name = "ID[=PARENT]", requires = "tops")]
    county: Vec<String>,
    /// A node under a county, as a town (乡镇)
    #[arg(long, value_name = "ID[=PARENT]", requires = "tops")]
    town: Vec<String>,
    /// The network's name, like a domain name [default: xinjiang.example, or after the divisions]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// How much of the directory nodes without children hold: all of it, or the part that they need (部分名录)
    ///
    /// A node that holds a part knows where every node stands, has the files of its road, its links and whomever it deals with, and
    /// fetches and checks the rest when it is needed.
    #[arg(long, value_enum, value_name = "HOW", default_value_t = Hold::Whole)]
    hold: Hold,
    /// The first UDP port; 0 takes whatever ports are free now [default: 4500, or what the plan says]
    #[arg(long, value_name = "N")]
    base_port: Option<u16>,
}

/// How much of the directory is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Hold {
    Whole,
    Part,
}

/// What was made, as it is shown.
#[derive(Debug, Serialize)]
struct Made {
    network: String,
    folder: PathBuf,
    /// Only for divisions of the country.
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<DivisionCounts>,
    nodes: Vec<MadeNode>,
}

#[derive(Debug, Serialize)]
struct MadeNode {
    node: NodeId,
    config: PathBuf,
    socket: PathBuf,
    address: SocketAddr,
}

pub(crate) fn run(typed: Typed, output: Output) -> Result<(), Failure> {
    let Typed::Create(create) = typed;
    let plan = plan(&create)?;
    check_sockets(&plan, &create.folder)?;
    let table = (!create.divisions.is_empty()).then(DivisionTable::built_in).transpose();
    let counts = table.map_err(PlanError::Table)?.map(|table| table.count(&plan.nodes));
    let made = create_network(&plan, &create.folder, Clock::start().wall())?;
    if create.hold == Hold::Part {
        hold_parts(&plan, &made)?;
    }
    output.show(&shown(plan.network, counts, made), words)
}

/// The plan that is meant.
fn plan(create: &Create) -> Result<NetworkPlan, Failure> {
    let mut plan = match &create.plan {
        Some(path) => {
            let found = path.metadata().map_err(Failure::file(path, "cannot be read"))?;
            if found.len() > PLAN_BYTES_MAX as u64 {
                return Err(Failure::Usage(format!("{} is too large for a plan", path.display())));
            }
            let text = std::fs::read_to_string(path).map_err(Failure::file(path, "cannot be read"))?;
            NetworkPlan::from_toml(&text)?
        }
        None => NetworkPlan::from_flags(&PlanFlags {
            network: create.name.clone(),
            base_port: None,
            roots: create.root.clone(),
            prefectures: create.prefecture.clone(),
            counties: create.county.clone(),
            towns: create.town.clone(),
            divisions: create.divisions.clone(),
            development_zones: create.with_development_zones,
        })?,
    };
    // Set only now, since 0 has a meaning here that no plan in a file can have.
    if let Some(base_port) = create.base_port {
        plan.base_port = base_port;
    }
    Ok(plan)
}

/// A node in a folder whose path is too long could never open its desk: better said now.
pub(crate) fn check_sockets(plan: &NetworkPlan, folder: &Path) -> Result<(), Failure> {
    let absolute = std::path::absolute(folder).map_err(Failure::file(folder, "is no folder"))?;
    let longest = plan.nodes.iter().map(|node| node.id.as_str().len()).max().unwrap_or_default();
    let length = absolute.as_os_str().len() + "/nodes//data/desk.sock".len() + longest;
    if length <= SOCKET_PATH_BYTES_MAX {
        return Ok(());
    }
    let over = length - SOCKET_PATH_BYTES_MAX;
    Err(Failure::Usage(format!(
        "{} is {over} bytes too long for the sockets of its nodes; choose a folder with a shorter path",
        folder.display()
    )))
}

fn shown(network: String, counts: Option<DivisionCounts>, made: CreatedNetwork) -> Made {
    let node = |created: yizhan_node::CreatedNode| MadeNode {
        node: created.node,
        config: created.config,
        socket: created.socket,
        address: created.address,
    };
    Made { network, folder: made.folder, counts, nodes: made.nodes.into_iter().map(node).collect() }
}

fn words(made: &Made) -> String {
    let folder = made.folder.display();
    let mut words =
        format!("The network {} is in {folder}; README.txt there says how to run it.\n", made.network);
    if let Some(counts) = &made.counts {
        words.push_str(&format!("{}\n", counted(counts)));
    }
    if made.nodes.len() <= NODES_SHOWN_MAX {
        let mut nodes = table(&["Node 驿站", "Listens on 端口", "Configuration 配置"]);
        for MadeNode { node, config, address, .. } in &made.nodes {
            nodes.add_row([node.to_string(), address.to_string(), config.display().to_string()]);
        }
        words.push_str(&format!("{nodes}\n"));
    } else {
        let ends = made.nodes.first().zip(made.nodes.last());
        let ports = ends.map(|(first, last)| format!("{} to {}", first.address, last.address));
        words.push_str(&format!(
            "They listen on {}; `yizhan directory show --network {folder}` lists them.\n",
            ports.unwrap_or_default()
        ));
    }
    words.push_str("authority/ holds the keys that sign the directory: keep them apart from the nodes.");
    words
}

/// `123 nodes: 1 region …`, so that whoever knows the division can see whether all of it is there.
fn counted(counts: &DivisionCounts) -> String {
    let parts = [
        (counts.provinces, "of province rank (省级)"),
        (counts.prefectures, "of prefecture rank (地级)"),
        (counts.counties, "of county rank (县级)"),
        (counts.development_zones, "development zones (开发区)"),
        (counts.corps, "of the XPCC (兵团)"),
        (counts.others, "others"),
    ];
    let parts =
        parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    let mut words = format!("{} nodes: {}", counts.nodes, parts.collect::<Vec<_>>().join(", "));
    if counts.counties_under_a_province > 0 {
        words.push_str(&format!(
            "; {} of the counties stand under their province directly (直辖)",
            counts.counties_under_a_province
        ));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_too_long_for_a_socket_is_refused_before_anything_is_made() {
        let folder = PathBuf::from("/tmp").join("x".repeat(90));
        assert!(matches!(check_sockets(&NetworkPlan::demo(), &folder), Err(Failure::Usage(_))));
        check_sockets(&NetworkPlan::demo(), Path::new("/tmp/network")).unwrap();
    }
}
