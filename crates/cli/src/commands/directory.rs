//! `yizhan directory`: the register of nodes and offices: shown, compared, edited, signed, published, verified, looked back at.

mod authority;
mod delegate;
mod diff;
mod drafting;
mod edit;
mod history;
mod joining;
mod policy;
mod publish;
mod show;
mod sign;
mod source;
mod verify;

use crate::failure::Failure;
use crate::output::Output;
use clap::Subcommand;

pub(crate) use edit::{pair, read};
pub(crate) use source::load;
pub(crate) use verify::vkey;

#[derive(Debug, Subcommand)]
pub(crate) enum Typed {
    /// Show the nodes (驿站), who is above whom, and their offices (机关)
    ///
    /// With --network alone the signed directory is read from that folder and verified; no node need be running.
    Show(show::Show),
    /// Show what changed between two versions; nothing is verified
    Diff(diff::Diff),
    /// Draft the next version (起草): change nodes and offices, checked as a whole; or go on with a draft
    ///
    /// Without any change the draft is made anew from its files, with whatever was changed in them by hand.
    Edit(Box<edit::Edit>),
    /// Draft that somebody else signs for a subtree (授权): a prefecture for its counties; or take that back
    ///
    /// The delegates sign the first list of it beside the authorities; after that they renew it by themselves: `edit`, `sign` and
    /// `publish` with --delegate NODE, and no new version is needed.
    Delegate(delegate::Delegate),
    /// Add the signature (签署) of one authority or delegate to a draft, after all of it was checked
    Sign(sign::Sign),
    /// Hand a signed version to a running node (发布); it spreads from there by itself
    Publish(publish::Publish),
    /// Verify a directory in a folder or an archive (验证): signatures, every file, the tree
    Verify(verify::Verify),
    /// Show the versions that a node keeps (历史), with who signed them
    History(history::History),
    /// Make the key of one more authority, which nodes believe once their node.toml names it; or of a delegate
    NewAuthority(authority::NewAuthority),
}

pub(crate) async fn run(typed: Typed, output: Output) -> Result<(), Failure> {
    match typed {
        Typed::Show(show) => show::run(show, output).await,
        Typed::Diff(diff) => diff::run(&diff, output),
        Typed::Edit(edit) => edit::run(*edit, output),
        Typed::Delegate(delegate) => delegate::run(&delegate, output),
        Typed::Sign(sign) => sign::run(&sign, output),
        Typed::Publish(publish) => publish::run(publish, output).await,
        Typed::Verify(verify) => verify::run(&verify, output),
        Typed::History(history) => history::run(&history, output),
        Typed::NewAuthority(new) => authority::run(&new, output),
    }
}
