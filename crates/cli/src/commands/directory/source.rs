//! Where a version of the directory comes from: a folder, an archive, or the versions that a node keeps; and whom to believe.

use crate::failure::Failure;
use crate::reach::{Reach, any_config_in_network};
use std::fs;
use std::path::Path;
use yizhan_hierarchy::{
    Directory, Draft, EditionError, History, Parcel, TrustAnchor, limits::DIRECTORY_BYTES_MAX,
    limits::GRACE_MS,
};
use yizhan_node::{Clock, Config};

/// The directory of the network in a folder, verified with the authority that its nodes are configured with.
pub(crate) fn load(network: &Path) -> Result<Directory, Failure> {
    let config = any_config_in_network(network)?;
    Ok(Directory::load_with_grace(
        &config.directory.folder,
        &anchor(&config)?,
        Clock::start().wall(),
        GRACE_MS,
    )?)
}

/// Whom a node believes.
pub(super) fn anchor(config: &Config) -> Result<TrustAnchor, Failure> {
    let vkeys = config.directory.authorities.iter().map(String::as_str);
    Ok(TrustAnchor::from_vkeys(vkeys, config.directory.threshold)?)
}

/// The versions that a node keeps.
pub(super) fn history(config: &Config) -> History {
    History::in_folder(config.data.join("directory"))
}

/// A version as bytes, unverified: a folder, a tar archive, or a number among those that the node meant by `reach` keeps.
pub(super) fn parcel(named: &str, reach: &Reach) -> Result<Parcel, Failure> {
    let path = Path::new(named);
    if path.is_dir() {
        return Ok(Parcel::read(path)?);
    }
    if path.exists() {
        let found = path.metadata().map_err(Failure::file(path, "cannot be read"))?;
        if found.len() > DIRECTORY_BYTES_MAX as u64 {
            return Err(Failure::Usage(format!("{named} is too large for a directory")));
        }
        let bytes = fs::read(path).map_err(Failure::file(path, "cannot be read"))?;
        return Ok(Parcel::from_tar(&bytes)?);
    }
    match named.parse() {
        Ok(version) => Ok(history(&reach.config()?).read(version)?),
        Err(EditionError) => Err(Failure::Usage(format!(
            "{named} is no folder, no archive and no version; name one, or a number such as 5 or 5.12 with --node"
        ))),
    }
}

/// A version or a draft as it is to be looked at.
pub(super) fn draft(named: &str, reach: &Reach) -> Result<Draft, Failure> {
    let path = Path::new(named);
    if path.join("root.txt").exists() {
        return Ok(Draft::read(path)?);
    }
    let parcel = parcel(named, reach)?;
    if !parcel.outline.is_empty() {
        return Err(Failure::Usage(format!(
            "the node holds a part of version {named}; look at the one that the node above it keeps"
        )));
    }
    Ok(Draft::of_parts(parcel.claimed_head()?, parcel.ca, &parcel.files)?)
}
