//! `yizhan queue`: what waits at a node, and why.

use crate::failure::Failure;
use crate::output::Output;
use crate::reach::Reach;
use crate::table::{bytes, moment, shown, table};
use clap::Args;
use yizhan_desk::QueueItem;
use yizhan_desk::limits::PAGE_ITEMS_DEFAULT;

#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// So many at the most, the oldest first
    #[arg(long, value_name = "N", default_value_t = PAGE_ITEMS_DEFAULT)]
    limit: usize,
    #[command(flatten)]
    reach: Reach,
}

pub(crate) async fn run(typed: Typed, output: Output) -> Result<(), Failure> {
    let client = typed.reach.client(None).await?;
    output.show(&client.queue(typed.limit).await?, |items| words(items))
}

fn words(items: &[QueueItem]) -> String {
    if items.is_empty() {
        return "Nothing waits here.".to_owned();
    }
    let mut rows =
        table(&["Unit", "Next 下一站", "Urgency", "Size", "Since 自 (UTC)", "Until 时限 (UTC)", "Why 原因"]);
    for item in items {
        rows.add_row([
            item.unit.to_string(),
            item.next.map(|node| node.to_string()).unwrap_or_default(),
            item.urgency.as_str().to_owned(),
            bytes(item.size),
            moment(item.since),
            moment(item.deadline),
            shown(&item.why),
        ]);
    }
    rows.to_string()
}
