//! `yizhan inbox sign|refuse|return`: what an office does with a document, signed with its key.

use crate::failure::Failure;
use crate::output::Output;
use crate::reach::Reach;
use clap::Args;
use yizhan_desk::{ActDone, ActRequest};
use yizhan_document::{Act, EnvelopeId, OfficeAddress};

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Sign {
    /// The office that acts (收文机关)
    #[arg(value_name = "OFFICE@NODE")]
    office: OfficeAddress,
    /// The document
    #[arg(value_name = "ID")]
    id: EnvelopeId,
    /// The person who acts (经办人); stands in what the office signs
    #[arg(long, value_name = "NAME", default_value = "")]
    person: String,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct WithReason {
    #[command(flatten)]
    sign: Sign,
    /// Why (理由)
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// What is meant by either.
pub(super) struct Meant {
    sign: Sign,
    reason: String,
}

impl From<Sign> for Meant {
    fn from(sign: Sign) -> Self {
        Self { sign, reason: String::new() }
    }
}

impl From<WithReason> for Meant {
    fn from(WithReason { sign, reason }: WithReason) -> Self {
        Self { sign, reason }
    }
}

pub(super) async fn run(act: Act, meant: Meant, output: Output) -> Result<(), Failure> {
    let Meant { sign, reason } = meant;
    let request = ActRequest { act, person: sign.person.clone(), reason };
    request.check().map_err(|refused| Failure::Usage(format!("{}; {}", refused.detail, refused.fix)))?;
    let client = sign.reach.client(Some(sign.office.node)).await?;
    let done = client.act(&sign.office.office, sign.id, &request).await?;
    output.show(&done, |done| words(act, done))
}

fn words(act: Act, done: &ActDone) -> String {
    let before = if done.duplicate { " (before; nothing was entered anew)" } else { "" };
    let receipt = &done.receipt;
    format!(
        "{} {}{before}: receipt {} of ledger {}, {}",
        act.as_str(),
        act.chinese(),
        receipt.index,
        receipt.ledger,
        receipt.time
    )
}
