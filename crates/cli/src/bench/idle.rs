//! Starting, and then nothing to do: time until ready, memory, processor.

use super::Meant;
use super::fault::BenchFault;
use super::figures::{Figures, Idle, IdleNode, rounded};
use super::gauge;
use super::measure::Costs;
use super::net::Net;
use super::verdict::Verdict;
use std::collections::BTreeMap;
use std::time::Duration;
use yizhan_document::NodeId;

/// How long the nodes may come to rest after their start.
const SETTLING: Duration = Duration::from_secs(2);
const NS_PER_US: f64 = 1000.0;

/// Starts the nodes, lets them be, and watches them for so long.
pub(crate) async fn play(net: &Net, meant: &Meant, seconds: u64) -> Result<(Figures, Verdict), BenchFault> {
    let ready_us = net.start_all().await?;
    tokio::time::sleep(SETTLING).await;
    let began_us = net.clock.uptime_us();
    let before = cpu_ns(net).await?;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let after = cpu_ns(net).await?;
    let watched_us = (net.clock.uptime_us() - began_us) as f64;
    let memory = net.memory().await?;
    let node = |(node, memory): (&NodeId, &gauge::Memory)| {
        let since = |node| after.get(node)?.checked_sub(*before.get(node)?);
        let share = since(node).unwrap_or_default() as f64 / NS_PER_US / watched_us;
        IdleNode { node: *node, cpu_percent: rounded(share * 100.0), rss_mb: rounded(memory.now_mb) }
    };
    let nodes = memory.iter().map(node).collect();
    let mut figures = meant.figures(net);
    figures.costs(&Costs { memory, ..Costs::default() }, &ready_us);
    figures.idle = Some(Idle { seconds: rounded(watched_us / 1_000_000.0), nodes });
    Ok((figures, Verdict { audit: "left out".to_owned(), ..Verdict::default() }))
}

async fn cpu_ns(net: &Net) -> Result<BTreeMap<NodeId, u64>, BenchFault> {
    let running = net.running().await;
    running.into_iter().map(|(node, pid)| Ok((node, gauge::threads_cpu_ns(pid)?))).collect()
}
