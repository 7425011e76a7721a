//! `yizhan recall`: an office takes back what it handed in, from everybody who has not signed for it.

use crate::commands::track::destination_table;
use crate::failure::Failure;
use crate::output::Output;
use crate::reach::Reach;
use clap::Args;
use yizhan_desk::{RecallDone, RecallRequest};
use yizhan_document::{EnvelopeId, OfficeAddress};

#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// The document, as `send` named it
    #[arg(value_name = "ID")]
    id: EnvelopeId,
    /// The office that handed it in (发文机关)
    #[arg(long, value_name = "OFFICE@NODE")]
    from: OfficeAddress,
    /// Why (理由); the recipients are told
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    reach: Reach,
}

pub(crate) async fn run(typed: Typed, output: Output) -> Result<(), Failure> {
    let request = RecallRequest { from: typed.from, reason: typed.reason };
    request.check().map_err(|refused| Failure::Usage(format!("{}; {}", refused.detail, refused.fix)))?;
    let client = typed.reach.client(Some(typed.id.origin)).await?;
    output.show(&client.recall(typed.id, &request).await?, words)
}

fn words(done: &RecallDone) -> String {
    let before = if done.duplicate { " (before; nothing was entered anew)" } else { "" };
    let receipt = &done.receipt;
    format!(
        "recalled 撤回{before}: receipt {} of ledger {}, {}\n{}",
        receipt.index,
        receipt.ledger,
        receipt.time,
        destination_table(&done.destinations)
    )
}
