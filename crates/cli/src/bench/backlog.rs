//! A backlog: documents are taken while their destination is down, their holder is killed and started again, then all is drained.

use super::Meant;
use super::fault::BenchFault;
use super::figures::{Backlog, Figures, ms, per, rounded};
use super::handing_in::{Amount, Load, hand_in};
use super::measure::{Expected, Meter, expect, measure, until_arrived, until_at_rest};
use super::net::Net;
use super::verdict::{Verdict, judge};
use crate::output::say;
use std::time::Duration;
use yizhan_document::NodeId;

/// Documents of the load with empty queues, at the most.
const BEFORE_MAX: u64 = 20_000;
/// How often is looked whether all have come to the holder.
const LOOK: Duration = Duration::from_millis(200);
const US_PER_SECOND: f64 = 1_000_000.0;

/// Plays it. The rate with empty queues is measured first, in the same network.
pub(crate) async fn play(net: &Net, meant: &Meant) -> Result<(Figures, Verdict), BenchFault> {
    let Amount::Documents(documents) = meant.amount else {
        return Err(BenchFault::Itself("a backlog is a number of documents".to_owned()));
    };
    let (Some(destination), holder) = (net.destinations.first().copied(), net.before_last) else {
        return Err(BenchFault::Itself("a line has a destination".to_owned()));
    };
    let first_ready_us = net.start_all().await?;
    let mut expected = Expected::new();
    let to = [vec![destination]];
    let load = meant.load(net, "backlog", &to).await?;
    let before_load = Load {
        name: "before".to_owned(),
        amount: Amount::Documents(documents.min(BEFORE_MAX)),
        ..load.clone()
    };
    let before = measure(net, &before_load, &mut expected).await?;
    let count = before.handed.documents.len() as f64;
    let empty = rate(count, before.handed.began_us, before.arrived_us);
    say(&format!(
        "{empty:.1} documents/s with empty queues; now {documents} wait for {destination}, which is down"
    ));

    net.processes.lock().await.stop_one(destination).await?;
    let taking = Meter::begin(net).await?;
    let handed = hand_in(load.clone(), net.clock).await?;
    expect(&load, &handed, &mut expected);
    until_held(net, holder, documents).await?;
    let taken = taking.end(net).await?;
    let full = taken.memory.get(&holder).copied().unwrap_or_default();
    say(&format!("all are taken; node {holder} holds them with {:.1} MB and is killed", full.now_mb));

    let draining = Meter::begin(net).await?;
    net.processes.lock().await.kill(holder).await?;
    let ready_us = net.start(holder).await?;
    let ready = net.memory().await?.get(&holder).copied().unwrap_or_default();
    say(&format!(
        "ready after {:.0} ms with {:.1} MB; now the destination comes back",
        ms(ready_us),
        ready.now_mb
    ));
    net.start(destination).await?;
    net.until_linked(&net.nodes()).await?;
    let linked_us = net.clock.uptime_us();
    let arrived_us = until_arrived(net, &expected).await?;
    until_at_rest(net, &handed).await?;
    let at_rest_us = net.clock.uptime_us();
    let drained = draining.end(net).await?;
    let drain = rate(handed.documents.len() as f64, linked_us, arrived_us);

    let verdict = judge(net, &[(&before_load, &before.handed), (&load, &handed)], meant.audited).await?;
    let mut figures = meant.figures(net);
    figures.times(net, &load, &handed, arrived_us);
    // What a document waited while its destination was down says nothing of the nodes.
    [figures.p50_ms, figures.p99_ms, figures.max_ms] = [None; 3];
    figures.docs_per_s = rounded(drain);
    figures.mb_per_s = rounded(drain * meant.size as f64 / 1_000_000.0);
    figures.at_rest_s = rounded(at_rest_us.saturating_sub(handed.began_us) as f64 / US_PER_SECOND);
    let peak = drained.memory.get(&holder).map_or(0.0, |memory| memory.peak_mb);
    figures.costs(&drained.and(&taken), &first_ready_us);
    figures.verdict(&verdict, 1);
    figures.backlog = Some(Backlog {
        waiting: documents,
        empty_queue_docs_per_s: rounded(empty),
        drain_docs_per_s: rounded(drain),
        drain_ratio: rounded(per(drain, empty)),
        ready_ms: ms(ready_us),
        rss_full_mb: rounded(full.now_mb),
        rss_full_peak_mb: rounded(full.peak_mb),
        rss_ready_mb: rounded(ready.now_mb),
        rss_drain_peak_mb: rounded(peak),
    });
    Ok((figures, verdict))
}

fn rate(count: f64, from_us: u64, until_us: u64) -> f64 {
    per(count, until_us.saturating_sub(from_us) as f64 / US_PER_SECOND)
}

/// Waits until a node has so many documents to pass on.
async fn until_held(net: &Net, node: NodeId, documents: u64) -> Result<(), BenchFault> {
    while net.status(node).await?.held < documents {
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
