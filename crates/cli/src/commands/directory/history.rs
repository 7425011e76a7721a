//! `yizhan directory history`: the versions that a node keeps, read from its data folder; the node need not run.

use super::source::{anchor, history};
use super::verify::{Verified, VerifiedJoined, VerifiedList, verified};
use crate::failure::Failure;
use crate::output::Output;
use crate::reach::Reach;
use crate::table::{moment, shown, table};
use clap::Args;
use serde::Serialize;
use yizhan_hierarchy::Edition;

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct History {
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Serialize)]
struct Kept {
    version: u64,
    /// As `diff` and `verify` name it: the version, and the sum of those of the delegated lists and joined networks.
    edition: String,
    #[serde(flatten)]
    verified: Option<VerifiedKept>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Debug, Serialize)]
struct VerifiedKept {
    root: yizhan_document::Digest,
    issued: yizhan_document::WallTime,
    expires: yizhan_document::WallTime,
    signers: Vec<String>,
    divisions: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    delegated: Vec<VerifiedList>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    joined: Vec<VerifiedJoined>,
}

pub(super) fn run(typed: &History, output: Output) -> Result<(), Failure> {
    let config = typed.reach.config()?;
    let (anchor, history) = (anchor(&config)?, history(&config));
    let look = |kept: Edition| {
        let (version, edition) = (kept.version, kept.to_string());
        match history.read(kept).map_err(Failure::from).and_then(|p| verified(&p, &anchor)) {
            Ok(Verified { root, issued, expires, signers, divisions, delegated, joined, .. }) => {
                let verified = VerifiedKept { root, issued, expires, signers, divisions, delegated, joined };
                Kept { version, edition, verified: Some(verified), problem: None }
            }
            Err(failure) => Kept { version, edition, verified: None, problem: Some(failure.to_string()) },
        }
    };
    let kept: Vec<Kept> = history.versions()?.into_iter().map(look).collect();
    output.show(&kept, |kept| words(kept))
}

fn words(kept: &[Kept]) -> String {
    let mut rows =
        table(&["Version 版本", "Issued 签发", "Expires 到期", "Signed by 签署", "Divisions", "Problem"]);
    for one in kept {
        let (issued, expires, signers, divisions) = match &one.verified {
            Some(v) => {
                let lists = v.delegated.iter().map(VerifiedList::words);
                let lists = lists.chain(v.joined.iter().map(VerifiedJoined::words));
                let signers = v.signers.iter().cloned().chain(lists).collect::<Vec<_>>().join("\n");
                (moment(v.issued), moment(v.expires), signers, v.divisions.to_string())
            }
            None => Default::default(),
        };
        let problem = one.problem.as_deref().map(shown).unwrap_or_default();
        rows.add_row([one.edition.clone(), issued, expires, signers, divisions, problem]);
    }
    rows.to_string()
}
