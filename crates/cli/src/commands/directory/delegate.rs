//! `yizhan directory delegate`: a subtree that somebody else signs for from the next version on.

use super::drafting::{Drafting, Lifetime, words};
use super::verify::vkey;
use crate::failure::Failure;
use crate::output::Output;
use crate::reach::Reach;
use clap::Args;
use std::path::PathBuf;
use yizhan_document::NodeId;
use yizhan_hierarchy::{Delegation, Edit};
use yizhan_identity::NoteVerifier;

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Delegate {
    /// The folder of the draft: a new one begins with the version in force; a draft that is there is gone on with
    #[arg(value_name = "DRAFT")]
    draft: PathBuf,
    /// The node whose subtree is delegated; its own entry stays with the authorities
    #[arg(value_name = "NODE")]
    below: NodeId,
    /// The key of a delegate (受权者): its vkey, or a file with it; other keys than before take the word from those
    #[arg(long, value_name = "VKEY|FILE", required_unless_present = "take_back")]
    to: Vec<String>,
    /// How many of the delegates have to sign
    #[arg(long, value_name = "K", default_value_t = 1)]
    threshold: usize,
    /// What the ids of the nodes in the subtree begin with [default: NODE]
    #[arg(long, value_name = "CODE,…", value_delimiter = ',')]
    codes: Vec<NodeId>,
    /// For how many days the delegation is good
    #[arg(long, value_name = "DAYS", default_value_t = 365)]
    delegation_days: u64,
    /// The authorities sign for the subtree again (收回); delegate it to other keys if ever again
    #[arg(long, conflicts_with_all = ["to", "threshold", "codes", "delegation_days"])]
    take_back: bool,
    #[command(flatten)]
    lifetime: Lifetime,
    #[command(flatten)]
    reach: Reach,
}

pub(super) fn run(delegate: &Delegate, output: Output) -> Result<(), Failure> {
    let mut drafting = Drafting::begin(&delegate.draft, None, delegate.lifetime, &delegate.reach)?;
    let node = delegate.below;
    let edit = if delegate.take_back {
        Edit::Undelegate(node)
    } else {
        let read = |given: &String| {
            let text = vkey(given)?;
            text.trim().parse().map_err(|e| Failure::Usage(format!("`{}`: {e}", text.trim())))
        };
        let mut delegates = delegate.to.iter().map(read).collect::<Result<Vec<NoteVerifier>, _>>()?;
        delegates.sort();
        let mut codes = if delegate.codes.is_empty() { vec![node] } else { delegate.codes.clone() };
        codes.sort();
        let expires = Lifetime::of_days(delegate.delegation_days).end(drafting.now);
        let threshold = delegate.threshold;
        Edit::Delegate(Box::new(Delegation { node, threshold, from: 1, expires, codes, delegates }))
    };
    drafting.draft.apply(edit).map_err(|e| Failure::Usage(e.to_string()))?;
    output.show(&drafting.end(None)?, words)
}
