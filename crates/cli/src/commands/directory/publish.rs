//! `yizhan directory publish`: a signed version is handed to a running node, and spreads from there.

use super::source::{anchor, parcel};
use crate::failure::Failure;
use crate::output::Output;
use crate::reach::{Reach, any_config_in_network};
use clap::Args;
use yizhan_desk::PublishedDirectory;
use yizhan_hierarchy::{Directory, PublishError, limits::GRACE_MS};
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
        // Nodes that are started for the first time read it there.
        match parcel.publish(&any_config_in_network(&network)?.directory.folder) {
            Err(PublishError::NotNewer { .. }) => {}
            done => done?,
        }
    }
    output.show(&published, words)
}

fn words(published: &PublishedDirectory) -> String {
    if published.duplicate {
        return format!("Version {} was held already 已持有", published.version);
    }
    format!(
        "Version {} is published 已发布 (before: {}); it spreads from neighbour to neighbour, `yizhan status` shows how far",
        published.version, published.previous
    )
}
