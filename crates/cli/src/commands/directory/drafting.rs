//! How a draft is begun or gone on with, and written: what `edit` and `delegate` have in common.

use super::diff;
use super::source::load;
use crate::failure::Failure;
use crate::reach::{Reach, any_config_in_network};
use clap::Args;
use serde::Serialize;
use std::path::{Path, PathBuf};
use yizhan_document::{NodeId, WallTime};
use yizhan_hierarchy::{Change, Directory, Draft, Parcel, changes};
use yizhan_node::Clock;

const DAY_MS: u64 = 24 * 3600 * 1000;

/// A draft at work.
pub(super) struct Drafting {
    /// The folder of the network.
    pub(super) network: PathBuf,
    /// The version in force.
    pub(super) held: Directory,
    /// The time.
    pub(super) now: WallTime,
    /// The draft.
    pub(super) draft: Draft,
    folder: PathBuf,
}

/// What became of it.
#[derive(Debug, Serialize)]
pub(super) struct Drafted {
    draft: PathBuf,
    version: u64,
    /// The subtree whose delegates sign it; none where the authorities do.
    #[serde(skip_serializing_if = "Option::is_none")]
    delegation: Option<NodeId>,
    expires: WallTime,
    threshold: usize,
    changes: Vec<Change>,
}

/// For how long what is drafted is good.
#[derive(Clone, Copy, Debug, Args)]
#[group(skip)]
pub(super) struct Lifetime {
    /// For how many days it is good
    #[arg(long, value_name = "DAYS", default_value_t = 365)]
    days: u64,
}

impl Lifetime {
    /// So many days.
    pub(super) fn of_days(days: u64) -> Self {
        Self { days }
    }

    /// When it ends.
    pub(super) fn end(self, now: WallTime) -> WallTime {
        now.plus_ms(self.days.saturating_mul(DAY_MS))
    }
}

impl Drafting {
    /// Goes on with the draft in `folder`, or begins one: the next version of the authorities, or with `list` the next list of
    /// the delegates of that subtree.
    pub(super) fn begin(
        folder: &Path,
        list: Option<NodeId>,
        lifetime: Lifetime,
        reach: &Reach,
    ) -> Result<Self, Failure> {
        let network = reach.network_folder().ok_or_else(|| {
            Failure::Usage(
                "say which network: --network DIR, whose directory/ is the version in force".to_owned(),
            )
        })?;
        let (now, held) = (Clock::start().wall(), load(&network)?);
        let expires = lifetime.end(now);
        let there = folder.join("root.txt").exists();
        let draft = match list {
            None if there => Draft { issued: now, expires, ..Draft::read(folder)? },
            None => Draft::following(&held, now, expires),
            Some(node) => {
                let begun = if there {
                    let mut draft = Draft::read(folder)?;
                    draft
                        .delegations
                        .get_mut(&node)
                        .map(|list| (list.issued, list.expires) = (now, expires))
                        .map(|()| draft)
                } else {
                    Draft::following_list(&held, node, now, expires)
                };
                begun
                    .ok_or_else(|| Failure::Usage(format!("the subtree of {node} is delegated to nobody")))?
            }
        };
        Ok(Self { network, held, now, draft, folder: folder.to_owned() })
    }

    /// Checks the draft as a whole and writes it, with the signatures on what did not change.
    pub(super) fn end(self, list: Option<NodeId>) -> Result<Drafted, Failure> {
        let in_force =
            Parcel::read(&any_config_in_network(&self.network)?.directory.folder)?.claimed_head()?;
        let notes: Vec<_> = in_force.notes().cloned().collect();
        self.draft.write_signed(&self.folder, &notes)?;
        let changes = changes(&Draft::of(&self.held), &self.draft);
        let Draft { version, expires, threshold, .. } = self.draft;
        let of = list.and_then(|node| self.draft.delegations.get(&node));
        let (version, expires, threshold) = match of {
            Some(list) => (list.version, list.expires, list.delegation.threshold),
            None => (version, expires, threshold),
        };
        Ok(Drafted { draft: self.folder, version, delegation: list, expires, threshold, changes })
    }
}

/// What to do next, and what changed.
pub(super) fn words(drafted: &Drafted) -> String {
    let Drafted { draft, version, threshold, .. } = drafted;
    let folder = draft.display();
    let next = match drafted.delegation {
        Some(node) => format!(
            "Version {version} of the list of {node} is drafted 已起草 in {folder}; {threshold} of its delegates sign it next:\n\
             yizhan directory sign {folder} --delegate {node} --key FILE"
        ),
        None => format!(
            "Version {version} is drafted 已起草 in {folder}; {threshold} of the authorities sign it next:\n\
             yizhan directory sign {folder} --key FILE"
        ),
    };
    format!("{next}\n{}", diff::words(&drafted.changes))
}
