//! Which version a node starts with: the newest that it keeps or that lies in the folder of its configuration.

use crate::config::Config;
use crate::fault::NodeError;
use yizhan_document::WallTime;
use yizhan_hierarchy::{Acceptance, Directory, Head, History, Parcel, TrustAnchor, limits::GRACE_MS};

/// Where the versions are kept that this node took.
pub(crate) fn history(config: &Config) -> History {
    History::in_folder(config.data.join("directory"))
}

/// The trust anchor of the configuration.
pub(crate) fn anchor(config: &Config) -> Result<TrustAnchor, NodeError> {
    let vkeys = config.directory.authorities.iter().map(String::as_str);
    Ok(TrustAnchor::from_vkeys(vkeys, config.directory.threshold)?)
}

/// The newest version there is on this disk. A later one in the folder takes the place of the kept one as if it had been
/// published; an earlier one is looked at no more, so that putting an old folder back sets no node back (MUST-36). Of it as much is
/// held as the configuration says.
pub(crate) fn newest(config: &Config, anchor: &TrustAnchor, now: WallTime) -> Result<Directory, NodeError> {
    super::holding::settled(config, newest_there_is(config, anchor, now)?)
}

/// It, and whether what is kept of it is a part.
fn newest_there_is(
    config: &Config,
    anchor: &TrustAnchor,
    now: WallTime,
) -> Result<(Directory, bool), NodeError> {
    let history = history(config);
    let Some((kept, is_part)) = newest_kept(&history, anchor, now) else {
        let directory = Directory::load_with_grace(&config.directory.folder, anchor, now, GRACE_MS)?;
        let parcel = Parcel::read(&config.directory.folder).map_err(|error| error.to_string());
        keep(&history, &directory, parcel);
        return Ok((directory, false));
    };
    // Whoever holds a part reads no folder of all files to see that it has it already.
    let same = |head: &Head| head.edition() == kept.edition() && head.root_digest() == kept.stamp().root;
    if is_part && Head::in_folder(&config.directory.folder).is_ok_and(|head| same(&head)) {
        return Ok((kept, is_part));
    }
    let parcel = match Parcel::read(&config.directory.folder) {
        Ok(parcel) => parcel,
        Err(error) => {
            tracing::warn!(%error, version = kept.version, "the directory's folder cannot be read; the kept version is gone by");
            return Ok((kept, is_part));
        }
    };
    if parcel.claimed_head()?.edition() < kept.edition() {
        return Ok((kept, is_part));
    }
    let acceptance = Acceptance { anchor, held: &kept, now };
    let newer = acceptance
        .completed(parcel, || history.read(kept.edition()).ok())
        .and_then(|parcel| Ok((acceptance.whole(&parcel)?, parcel)));
    match newer {
        Ok((mut newer, mut parcel)) => {
            // Whoever holds a part keeps whom it has met (MUST-64).
            let before = is_part.then_some(&kept);
            if let Some(nodes) = super::holding::kept(config.directory.hold, config.node, before, &newer) {
                newer = newer.reduced_to(&nodes);
                parcel.reduce_to(&newer);
            }
            let is_part = parcel.is_part;
            keep(&history, &newer, Ok(parcel));
            Ok((newer, is_part))
        }
        Err(yizhan_hierarchy::VersionRefused::Held { .. }) => Ok((kept, is_part)),
        Err(refused) => {
            tracing::error!(code = refused.code(), reason = %refused, version = kept.version,
                "ALARM: the version in the directory's folder is refused; the kept version is gone by");
            Ok((kept, is_part))
        }
    }
}

fn newest_kept(history: &History, anchor: &TrustAnchor, now: WallTime) -> Option<(Directory, bool)> {
    let versions = history.versions().unwrap_or_default();
    versions.into_iter().rev().find_map(|version| {
        let believed = history.read(version).map_err(|error| error.to_string()).and_then(|parcel| {
            let directory = parcel.verify_kept(anchor, now, GRACE_MS).map_err(|error| error.to_string())?;
            Ok((directory, parcel.is_part))
        });
        believed
            .inspect_err(|reason| {
                tracing::error!(
                    %version,
                    reason,
                    "ALARM: a version of the directory that was kept is not believed"
                );
            })
            .ok()
    })
}

/// Keeps what was found in the folder, so that neighbours can be sent it. The folder has it still if that fails.
fn keep(history: &History, directory: &Directory, parcel: Result<Parcel, String>) {
    let kept = parcel
        .and_then(|parcel| history.keep(directory.edition(), &parcel).map_err(|error| error.to_string()));
    if let Err(reason) = kept {
        tracing::error!(
            version = directory.version,
            reason,
            "ALARM: the directory cannot be kept in the data folder"
        );
    }
}
