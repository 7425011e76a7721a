//! A new network whose nodes without children hold a part of the directory.

use crate::config::{Config, Hold};
use crate::network::{CreatedNetwork, NetworkError, write_error};
use std::collections::BTreeSet;
use std::fs;
use yizhan_document::NodeId;
use yizhan_hierarchy::NetworkPlan;

/// Writes into the configuration of every node with nobody below it and somebody above it that it holds a part. The network was just
/// made, so that each file is as this program wrote it.
pub fn hold_parts(plan: &NetworkPlan, made: &CreatedNetwork) -> Result<(), NetworkError> {
    let above: BTreeSet<NodeId> = plan.nodes.iter().filter_map(|node| node.parent).collect();
    for (planned, created) in plan.nodes.iter().zip(&made.nodes) {
        if above.contains(&planned.id) || planned.parent.is_none() {
            continue;
        }
        let path = &created.config;
        let text = fs::read_to_string(path).map_err(write_error(path))?;
        let mut config = Config::from_toml(&text)
            .map_err(|error| write_error(path)(std::io::Error::other(error.to_string())))?;
        config.directory.hold = Hold::Part;
        fs::write(path, config.to_toml()?).map_err(write_error(path))?;
    }
    Ok(())
}
