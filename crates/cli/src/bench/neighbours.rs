//! One neighbour among several is dead, silent or slow: what that costs the others.

use super::Meant;
use super::fault::BenchFault;
use super::figures::{Figures, Neighbours, last_arrival, per, rounded};
use super::handing_in::{HandedIn, Load, hand_in};
use super::measure::{Expected, Meter, expect, measure, until_arrived, until_at_rest};
use super::net::Net;
use super::verdict::{Verdict, judge};
use crate::output::say;
use std::time::Duration;
use yizhan_document::NodeId;

/// How long a slow node runs, and how long it then stands still: it runs a tenth of the time.
const RUNS: Duration = Duration::from_millis(10);
/// See above.
const STANDS: Duration = Duration::from_millis(90);
const US_PER_SECOND: f64 = 1_000_000.0;

/// What is the matter with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Illness {
    /// Its process is gone.
    Dead,
    /// Its process stands still.
    Silent,
    /// Its process runs a tenth of the time.
    Slow,
}

impl Illness {
    fn as_str(self) -> &'static str {
        match self {
            Self::Dead => "dead",
            Self::Silent => "silent",
            Self::Slow => "slow",
        }
    }
}

/// Three loads to all neighbours in turns: all well, one ill, all well again. What counts is the rate to the others.
pub(crate) async fn play(
    net: &Net,
    meant: &Meant,
    illness: Illness,
) -> Result<(Figures, Verdict), BenchFault> {
    let Some((ill, others)) = net.destinations.split_last() else {
        return Err(BenchFault::Itself("a star has neighbours".to_owned()));
    };
    let ready_us = net.start_all().await?;
    let mut expected = Expected::new();
    let to: Vec<Vec<NodeId>> = net.destinations.iter().map(|node| vec![*node]).collect();
    let load = meant.load(net, "before", &to).await?;
    let before = measure(net, &load, &mut expected).await?;
    say(&format!("{:.1} documents/s to the others, all well", to_others(net, &load, &before.handed, others)));

    let during_load = Load { name: "during".to_owned(), ..load.clone() };
    let meter = Meter::begin(net).await?;
    fall_ill(net, *ill, illness).await?;
    let reaching = async {
        let handed = hand_in(during_load.clone(), net.clock).await?;
        expect(&during_load, &handed, &mut expected);
        let others = expected.iter().filter(|(node, _)| **node != *ill).map(|(node, count)| (*node, *count));
        let arrived_us = until_arrived(net, &others.collect()).await?;
        Ok::<_, BenchFault>((handed, arrived_us))
    };
    let (during, arrived_us) = match illness {
        Illness::Slow => tokio::select! {
            reached = reaching => reached?,
            fault = limp(net, *ill) => return Err(fault),
        },
        Illness::Dead | Illness::Silent => reaching.await?,
    };
    recover(net, *ill, illness).await?;
    say(&format!(
        "{:.1} documents/s to the others, one {}",
        to_others(net, &during_load, &during, others),
        illness.as_str()
    ));
    until_arrived(net, &expected).await?;
    until_at_rest(net, &during).await?;
    let at_rest_us = net.clock.uptime_us();
    let costs = meter.end(net).await?;

    let after_load = Load { name: "after".to_owned(), ..load.clone() };
    let after = measure(net, &after_load, &mut expected).await?;
    let loads = [(&load, &before.handed), (&during_load, &during), (&after_load, &after.handed)];
    let verdict = judge(net, &loads, meant.audited).await?;
    let mut figures = meant.figures(net);
    figures.times(net, &during_load, &during, arrived_us);
    figures.at_rest_s = rounded(at_rest_us.saturating_sub(during.began_us) as f64 / US_PER_SECOND);
    figures.costs(&costs, &ready_us);
    figures.verdict(&verdict);
    let counted = before.handed.documents.len() + after.handed.documents.len();
    figures.delivered = figures.delivered.saturating_sub(counted as u64);
    let [b, d, a] = loads.map(|(load, handed)| to_others(net, load, handed, others));
    figures.neighbours = Some(Neighbours {
        neighbour: illness.as_str(),
        others: others.len() as u64,
        well_docs_per_s: [rounded(b), rounded(a)],
        ill_docs_per_s: rounded(d),
        cost: rounded(1.0 - per(d, f64::midpoint(a, b))),
    });
    Ok((figures, verdict))
}

/// Documents a second to the others, from the first submission of the load to the last arrival at one of them.
fn to_others(net: &Net, load: &Load, handed: &HandedIn, others: &[NodeId]) -> f64 {
    let arrivals = others.iter().filter_map(|node| Some((*node, net.arrivals.get(node)?)));
    let last = arrivals.filter_map(|(node, arrivals)| last_arrival(arrivals, load, handed, node)).max();
    let meant = handed
        .documents
        .iter()
        .filter(|document| load.target(document.number).iter().any(|office| others.contains(&office.node)));
    let seconds = last.unwrap_or_default().saturating_sub(handed.began_us) as f64 / US_PER_SECOND;
    per(meant.count() as f64, seconds)
}

async fn fall_ill(net: &Net, node: NodeId, illness: Illness) -> Result<(), BenchFault> {
    let mut processes = net.processes.lock().await;
    match illness {
        Illness::Dead => processes.kill(node).await?,
        Illness::Silent => processes.freeze(node)?,
        Illness::Slow => {}
    }
    Ok(())
}

async fn recover(net: &Net, node: NodeId, illness: Illness) -> Result<(), BenchFault> {
    match illness {
        Illness::Dead => net.start(node).await.map(drop),
        Illness::Silent | Illness::Slow => Ok(net.processes.lock().await.thaw(node)?),
    }
}

/// Lets a node run a tenth of the time, for as long as this is awaited.
async fn limp(net: &Net, node: NodeId) -> BenchFault {
    loop {
        for (freezes, pause) in [(true, STANDS), (false, RUNS)] {
            let done = {
                let processes = net.processes.lock().await;
                if freezes { processes.freeze(node) } else { processes.thaw(node) }
            };
            if let Err(fault) = done {
                return fault.into();
            }
            tokio::time::sleep(pause).await;
        }
    }
}
