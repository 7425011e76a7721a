//! `yizhan track`: where a document is, and every receipt so far, hop by hop.

use crate::failure::Failure;
use crate::output::Output;
use crate::reach::Reach;
use crate::table::{moment, shown, table, time_of_day};
use crate::terms;
use clap::Args;
use futures_util::StreamExt;
use std::collections::BTreeSet;
use std::time::Duration;
use yizhan_desk::{DeskClient, DestinationTrack, Track, TrackReceipt};
use yizhan_document::{EnvelopeId, LedgerId};

/// How long to wait for an event before asking anyway: events that came while a node was started again are not repeated.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// The document, as `send` named it
    #[arg(value_name = "ID")]
    id: EnvelopeId,
    /// Go on until the document is signed for (签收), refused, returned or failed everywhere; with --json one receipt a line,
    /// then the track
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    reach: Reach,
}

pub(crate) async fn run(typed: Typed, output: Output) -> Result<(), Failure> {
    let client = typed.reach.client(Some(typed.id.origin)).await?;
    if typed.follow {
        return follow(&client, typed.id, output).await;
    }
    output.show(&client.track(typed.id).await?, words)
}

async fn follow(client: &DeskClient, id: EnvelopeId, output: Output) -> Result<(), Failure> {
    let mut seen: BTreeSet<(LedgerId, u64)> = BTreeSet::new();
    let mut events = client.events(0).await?;
    loop {
        let track = client.track(id).await?;
        for receipt in track.receipts.iter().filter(|receipt| seen.insert((receipt.ledger, receipt.index))) {
            if output.is_json() { output.line_of_json(receipt)? } else { output.text(&line(receipt))? }
        }
        if track.destinations.iter().all(|destination| destination.state.is_final()) {
            return if output.is_json() {
                output.line_of_json(&track)
            } else {
                output.text(&destinations(&track))
            };
        }
        let about_it = async {
            loop {
                match events.next().await {
                    Some(Ok(event)) if event.envelope != id => {}
                    Some(Ok(_)) => return Ok(()),
                    Some(Err(error)) => return Err(Failure::Desk(error)),
                    None => {
                        return Err(Failure::NotAsItShouldBe(
                            "the node stopped; run this again once it is back".to_owned(),
                        ));
                    }
                }
            }
        };
        match tokio::time::timeout(PATIENCE, about_it).await {
            Ok(told) => told?,
            Err(_elapsed) => {}
        }
    }
}

fn words(track: &Track) -> String {
    let mut receipts =
        table(&["Time 时间", "Node 驿站", "Receipt 回执", "Ledger 台账", "Witnessed 见证", "Note 附注"]);
    for receipt in &track.receipts {
        receipts.add_row([
            time_of_day(receipt.time),
            receipt.node.to_string(),
            terms::receipt_and_term(&shown(&receipt.kind)),
            format!("{} #{}", receipt.ledger, receipt.index),
            if receipt.witnessed { "yes".to_owned() } else { "not yet".to_owned() },
            shown(&receipt.note),
        ]);
    }
    let urgency = format!("{} {}", track.urgency.as_str(), track.urgency.chinese());
    format!(
        "{}  accepted {} UTC, to be delivered until {} UTC, {}\n{}\n{receipts}",
        track.id,
        moment(track.submitted),
        moment(track.deadline),
        urgency.trim_end(),
        destinations(track)
    )
}

fn destinations(track: &Track) -> String {
    destination_table(&track.destinations)
}

/// How each destination fares.
pub(crate) fn destination_table(destinations: &[DestinationTrack]) -> String {
    let mut rows = table(&["To 收文驿站", "State 状态", "Where now 现在", "Since 自 (UTC)"]);
    for destination in destinations {
        rows.add_row([
            destination.node.to_string(),
            terms::destination(destination),
            destination.where_now.to_string(),
            moment(destination.since),
        ]);
    }
    rows.to_string()
}

/// One receipt on one line, as it comes in.
fn line(receipt: &TrackReceipt) -> String {
    format!(
        "{}  {:<8} {}  (#{} of {})  {}",
        time_of_day(receipt.time),
        receipt.node,
        terms::receipt_and_term(&shown(&receipt.kind)),
        receipt.index,
        receipt.ledger,
        shown(&receipt.note)
    )
    .trim_end()
    .to_owned()
}
