//! `yizhan directory diff`: what changed from one version to another.

use super::source::draft;
use crate::failure::Failure;
use crate::output::Output;
use crate::reach::Reach;
use crate::table::shown;
use clap::Args;
use yizhan_hierarchy::{Change, changes};

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Diff {
    /// The earlier version: a folder, an archive, or the number of one that the node keeps
    #[arg(value_name = "OLD")]
    old: String,
    /// The later version, or a draft
    #[arg(value_name = "NEW")]
    new: String,
    #[command(flatten)]
    reach: Reach,
}

pub(super) fn run(diff: &Diff, output: Output) -> Result<(), Failure> {
    let (old, new) = (draft(&diff.old, &diff.reach)?, draft(&diff.new, &diff.reach)?);
    output.show(&changes(&old, &new), |changes| words(changes))
}

/// One line for each change.
pub(super) fn words(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "Nothing changed 无变化".to_owned();
    }
    changes.iter().map(|change| format!("{}\n", shown(&change.to_string()))).collect()
}
