//! `yizhan inbox`: what came for an office, and what the office does with it.

mod act;
mod list;
mod take;

use crate::failure::Failure;
use crate::output::Output;
use clap::Subcommand;
use yizhan_document::Act;

pub(crate) use take::take_into;

#[derive(Debug, Subcommand)]
pub(crate) enum Typed {
    /// List what came (收文), whatever was done with it
    List(list::Typed),
    /// Take a document out (领取), into a folder of its own; it may be taken again
    ///
    /// The folder then holds the files under their names, `manifest` and `manifest.p7s`, the sending office's signature over it.
    Take(take::Typed),
    /// Sign for a document (签收)
    Sign(act::Sign),
    /// Refuse a document (拒收), before signing for it
    Refuse(act::WithReason),
    /// Return a document (退回), after having signed for it
    Return(act::WithReason),
}

pub(crate) async fn run(typed: Typed, output: Output) -> Result<(), Failure> {
    match typed {
        Typed::List(typed) => list::run(typed, output).await,
        Typed::Take(typed) => take::run(typed, output).await,
        Typed::Sign(typed) => act::run(Act::SignedFor, typed.into(), output).await,
        Typed::Refuse(typed) => act::run(Act::Refused, typed.into(), output).await,
        Typed::Return(typed) => act::run(Act::Returned, typed.into(), output).await,
    }
}
