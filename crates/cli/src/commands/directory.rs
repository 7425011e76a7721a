//! `yizhan directory show`: the register of nodes and offices, as a node goes by it or as it lies in a network's folder.

use crate::failure::Failure;
use crate::output::Output;
use crate::reach::{Reach, any_config_in_network};
use crate::table::{shown, table};
use clap::{Args, Subcommand};
use std::path::Path;
use yizhan_desk::DirectoryView;
use yizhan_hierarchy::{Directory, TrustAnchor};
use yizhan_node::{Clock, directory_view};

#[derive(Debug, Subcommand)]
pub(crate) enum Typed {
    /// Show the nodes (驿站), who is above whom, and their offices (机关)
    ///
    /// With --network alone the signed directory is read from that folder and verified; no node need be running.
    Show(Show),
}

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Show {
    #[command(flatten)]
    reach: Reach,
}

pub(crate) async fn run(typed: Typed, output: Output) -> Result<(), Failure> {
    let Typed::Show(show) = typed;
    let view = match show.reach.network_folder() {
        Some(network) if !show.reach.names_a_node() => directory_view(&load(&network)?),
        _ => show.reach.client(None).await?.directory().await?,
    };
    output.show(&view, words)
}

/// The directory of the network in a folder, verified with the authority that its nodes are configured with.
pub(crate) fn load(network: &Path) -> Result<Directory, Failure> {
    let config = any_config_in_network(network)?.directory;
    let anchor = TrustAnchor::from_vkeys(config.authorities.iter().map(String::as_str), config.threshold)?;
    Ok(Directory::load(&config.folder, &anchor, Clock::start().wall())?)
}

fn words(view: &DirectoryView) -> String {
    let mut rows = table(&["Node 驿站", "Name 名称", "Under 上级", "Reached at 地址", "Offices 机关"]);
    for node in &view.nodes {
        let offices: Vec<String> = node
            .offices
            .iter()
            .map(|office| {
                let suspended = if office.suspended { " (suspended 停用)" } else { "" };
                format!("{}@{} {}{suspended}", office.office, node.node, shown(&office.name))
            })
            .collect();
        rows.add_row([
            node.node.to_string(),
            shown(&node.name),
            node.parent.map(|parent| parent.to_string()).unwrap_or_default(),
            node.address.as_deref().map(shown).unwrap_or_default(),
            offices.join("\n"),
        ]);
    }
    format!("Network {}, directory 名录 version {}\n{rows}", shown(&view.network), view.version)
}
