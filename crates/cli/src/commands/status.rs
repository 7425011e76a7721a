//! `yizhan status`: how a node fares.

use crate::failure::Failure;
use crate::output::Output;
use crate::reach::Reach;
use crate::table::{bytes, moment, shown, table, yes_or_no};
use clap::Args;
use yizhan_desk::{DiskRoom, JoinedVersion, ListVersion, NodeStatus};
use yizhan_document::LedgerId;

/// Delegated lists that are named in words, at the most; `--json` has all.
const LISTS_SHOWN: usize = 4;

#[derive(Debug, Args)]
pub(crate) struct Typed {
    #[command(flatten)]
    reach: Reach,
}

pub(crate) async fn run(typed: Typed, output: Output) -> Result<(), Failure> {
    let client = typed.reach.client(None).await?;
    output.show(&client.status().await?, words)
}

fn words(status: &NodeStatus) -> String {
    let mut links = table(&["Neighbour 邻站", "Up 连通", "Waiting 待发", "In flight 在途"]);
    for neighbour in &status.neighbours {
        links.add_row([
            neighbour.node.to_string(),
            yes_or_no(neighbour.up).to_owned(),
            neighbour.waiting.to_string(),
            neighbour.in_flight.to_string(),
        ]);
    }
    let memory =
        status.resident_bytes.map_or_else(String::new, |count| format!(", {} of memory", bytes(count)));
    let disk = match status.room {
        DiskRoom::Ample => "",
        DiskRoom::NoSubmissions => "\nDisk nearly full 磁盘将满: submissions are refused",
        DiskRoom::OnlyFromAbove => "\nDisk nearly full 磁盘将满: only documents from above are taken",
        DiskRoom::NoDocuments => "\nDisk nearly full 磁盘将满: no documents are taken, receipts go on",
        DiskRoom::Nothing => "\nDisk full 磁盘已满: nothing is promised until there is room",
    };
    let begun = |ledger: &LedgerId| {
        format!(
            "\nALARM 台账重启 {ledger}: this node lost its data folder and began a new ledger; what it held was tried again"
        )
    };
    let epochs: String = status.new_epochs.iter().map(begun).collect();
    let list = |list: &ListVersion| format!(", list of {} version {}", list.node, list.version);
    let joined = |one: &JoinedVersion| {
        format!(", joined 互通 {} version {} ({})", shown(&one.network), one.version, one.standing)
    };
    let lists: String = status.directory_lists.iter().take(LISTS_SHOWN).map(list).collect();
    let lists = lists + &status.directory_joined.iter().map(joined).collect::<String>();
    format!(
        "Node 驿站 {}: ready {}, running since {} UTC, version {}{memory}\n\
         Ledger 台账 {}: {} entries; directory 名录 version {}{lists}{}{epochs}\n\
         Journal 日志 {}\n\
         Held for others {}, waiting in inboxes (待收) {}{disk}\n{links}",
        status.node,
        yes_or_no(status.ready),
        moment(status.started),
        status.version,
        status.ledger,
        status.ledger_size,
        status.directory_version,
        alarms(status),
        bytes(status.journal_bytes),
        status.held,
        status.inbox,
    )
}

/// What is wrong with the directory, each on a line of its own.
fn alarms(status: &NodeStatus) -> String {
    status
        .directory_alarms
        .iter()
        .map(|alarm| format!("\nALARM 名录告警 {}: {}", alarm.code, shown(&alarm.detail)))
        .collect()
}
