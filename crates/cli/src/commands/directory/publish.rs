//! `yizhan directory publish`: a signed version is handed to a running node, and spreads from there.

use super::source::{anchor, parcel};
use crate::failure::Failure;
use crate::output::Output;
use crate::reach::{Reach, any_config_in_network};
use clap::Args;
use std::path::Path;
use yizhan_desk::PublishedDirectory;
use yizhan_hierarchy::{Acceptance, Directory, Parcel, PublishError, limits::GRACE_MS};
use yizhan_node::Clock;

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Publish {
    /// The signed version: a draft's folder once it has all signatures, or an archive
    #[arg(value_name = "FOLDER|FILE.tar")]
    which: String,
    #[command(flatten)]
    reach: Reach,
}

pub(super) async fn run(publish: Publish, output: Output) -> Result<(), Failure> {
    let parcel = parcel(&publish.which, &publish.reach)?;
    let archive = parcel.to_tar().map_err(Failure::Output)?;
    let network = publish.reach.network_folder();
    // With a network alone the root of its tree is meant: whatever is published there reaches everybody.
    let root = match &network {
        Some(network) if !publish.reach.names_a_node() => {
            let config = any_config_in_network(network)?;
            let now = Clock::start().wall();
            let held =
                Directory::load_with_grace(&config.directory.folder, &anchor(&config)?, now, GRACE_MS)?;
            held.roots().next()
        }
        _ => None,
    };
    let published = publish.reach.client(root).await?.publish(archive).await?;
    if let Some(network) = network {
        keep_in(&network, parcel)?;
    }
    output.show(&published, words)
}

/// Nodes that are started for the first time read it in the network's folder. What is there already stays.
fn keep_in(network: &Path, parcel: Parcel) -> Result<(), Failure> {
    let (config, now) = (any_config_in_network(network)?, Clock::start().wall());
    let (folder, anchor) = (&config.directory.folder, anchor(&config)?);
    let parcel = match Directory::load_with_grace(folder, &anchor, now, GRACE_MS) {
        Ok(held) => {
            let acceptance = Acceptance { anchor: &anchor, held: &held, now };
            acceptance.completed(parcel, || Parcel::read(folder).ok())
        }
        Err(_) => Ok(parcel),
    };
    // The node has taken it, so that whatever is refused here is behind what the folder holds.
    let Ok(parcel) = parcel else { return Ok(()) };
    match parcel.publish(folder) {
        Err(PublishError::NotNewer { .. }) => Ok(()),
        done => Ok(done?),
    }
}

fn words(published: &PublishedDirectory) -> String {
    let lists: String = published
        .delegated
        .iter()
        .map(|list| format!(", list of {} version {}", list.node, list.version))
        .collect();
    if published.duplicate {
        return format!("Version {}{lists} was held already 已持有", published.version);
    }
    format!(
        "Version {}{lists} is published 已发布 (before: {}); it spreads from neighbour to neighbour, `yizhan status` shows how far",
        published.version, published.previous
    )
}
