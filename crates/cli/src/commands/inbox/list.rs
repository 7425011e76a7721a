//! `yizhan inbox list`: what came into an office's inbox.

use crate::failure::Failure;
use crate::output::Output;
use crate::reach::Reach;
use crate::table::{bytes, moment, shown, table};
use crate::terms;
use clap::Args;
use yizhan_desk::InboxItem;
use yizhan_desk::limits::PAGE_ITEMS_DEFAULT;
use yizhan_document::OfficeAddress;

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Typed {
    /// The office (收文机关)
    #[arg(value_name = "OFFICE@NODE")]
    office: OfficeAddress,
    /// Only what came after this number
    #[arg(long, value_name = "N", default_value_t = 0)]
    after: u64,
    /// So many at the most, in the order in which they came
    #[arg(long, value_name = "N", default_value_t = PAGE_ITEMS_DEFAULT)]
    limit: usize,
    #[command(flatten)]
    reach: Reach,
}

pub(super) async fn run(typed: Typed, output: Output) -> Result<(), Failure> {
    let client = typed.reach.client(Some(typed.office.node)).await?;
    let items = client.inbox(&typed.office.office, typed.after, typed.limit).await?;
    output.show(&items, |items| words(items, typed.limit))
}

fn words(items: &[InboxItem], limit: usize) -> String {
    let Some(last) = items.last() else {
        return "Nothing has come.".to_owned();
    };
    let mut rows = table(&[
        "No.",
        "Document",
        "From 发文机关",
        "Title 标题",
        "Urgency",
        "Arrived 到达 (UTC)",
        "State 状态",
        "Files",
    ]);
    for item in items {
        let files: Vec<String> =
            item.parts.iter().map(|part| format!("{} ({})", shown(&part.name), bytes(part.size))).collect();
        rows.add_row([
            item.sequence.to_string(),
            item.id.to_string(),
            item.from.to_string(),
            shown(&item.title),
            format!("{} {}", item.urgency.as_str(), item.urgency.chinese()).trim_end().to_owned(),
            moment(item.arrived),
            terms::inbox_state(item.state),
            files.join("\n"),
        ]);
    }
    let more =
        if items.len() >= limit { format!("\nmay go on: --after {}", last.sequence) } else { String::new() };
    format!("{rows}{more}")
}
