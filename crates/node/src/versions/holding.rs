//! How much of a version this node holds: all of it, or the part that it needs and what it has fetched.

use super::begin::history;
use crate::config::{Config, Hold};
use crate::fault::NodeError;
use std::collections::{BTreeMap, BTreeSet};
use yizhan_document::NodeId;
use yizhan_hierarchy::{Directory, Parcel, limits::FETCHED_MAX};

/// The nodes whose files are held of `after`; none where that is all of them. `before` is the part that was held, if it was one, even
/// one of all files: whom it fetched it keeps, as long as the version lists them, since it deals with them (MUST-64).
pub(crate) fn kept(
    hold: Hold,
    me: NodeId,
    before: Option<&Directory>,
    after: &Directory,
) -> Option<BTreeSet<NodeId>> {
    if hold == Hold::Whole {
        return None;
    }
    let mut kept = after.needed_by(me);
    if let Some(before) = before {
        let others = before.divisions().map(|division| division.node);
        let others: Vec<NodeId> = others.filter(|node| after.is_own(*node) && !kept.contains(node)).collect();
        kept.extend(others.into_iter().take(FETCHED_MAX));
    }
    Some(kept)
}

/// The nodes whose files this node wants to hold and does not.
pub(super) fn lacking(hold: Hold, me: NodeId, held: &Directory) -> Vec<NodeId> {
    match hold {
        Hold::Whole => held.absent().collect(),
        Hold::Part if held.holds_all() => Vec::new(),
        Hold::Part => held.needed_by(me).into_iter().filter(|node| held.is_absent(*node)).collect(),
    }
}

/// The directory as it was found on this disk, cut to what the configuration says, or filled up as far as the folder of the configuration
/// has what is lacking. What is lacking still is asked for once the node runs.
pub(crate) fn settled(config: &Config, (found, is_part): (Directory, bool)) -> Result<Directory, NodeError> {
    let (hold, me) = (config.directory.hold, config.node);
    if hold == Hold::Part && found.is_own(me) && found.parent(me).is_none() {
        let reason = "`hold = \"part\"` in node.toml, and nobody stands above it whom it could ask for the rest: a root holds the \
                      whole directory; take the line out";
        return Err(NodeError::Misfit(reason.to_owned()));
    }
    let file = |node: NodeId| Parcel::file_in(&config.directory.folder, node, &found.digest_of(node)?);
    let files: BTreeMap<NodeId, Vec<u8>> =
        lacking(hold, me, &found).into_iter().filter_map(|node| Some((node, file(node)?))).collect();
    let (mut directory, refused) = found.with_files(&files);
    for (node, error) in refused {
        tracing::error!(%node, %error, "ALARM: a division of the directory's folder is refused");
    }
    if let Some(kept) = kept(hold, me, is_part.then_some(&found), &directory) {
        directory = directory.reduced_to(&kept);
    }
    if directory.divisions().len() != found.divisions().len() || is_part != stays_part(hold, &directory) {
        write_anew(config, files, &directory);
    }
    if !directory.holds_all() {
        let (held, listed) = (directory.divisions().len(), directory.listed_divisions());
        tracing::info!(held, listed, version = %directory.edition(), "a part of the directory is held");
    }
    Ok(directory)
}

/// Whether what is held is kept as a part: a whole that was grown back is none any more, and is cut if it is to be one again.
pub(super) fn stays_part(hold: Hold, directory: &Directory) -> bool {
    hold == Hold::Part || !directory.holds_all()
}

/// Writes the archive of the version anew, with what is held of it.
pub(super) fn write_anew(config: &Config, files: BTreeMap<NodeId, Vec<u8>>, directory: &Directory) {
    let history = history(config);
    let written = history.read(directory.edition()).and_then(|mut parcel| {
        parcel.files.extend(files);
        parcel.reduce_to(directory);
        parcel.is_part = stays_part(config.directory.hold, directory);
        history.keep(directory.edition(), &parcel)
    });
    if let Err(error) = written {
        tracing::error!(%error, "ALARM: the directory that is held cannot be written anew; the next start tries it again");
    }
}

#[cfg(test)]
#[path = "holding_tests.rs"]
mod tests;
