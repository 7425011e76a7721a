//! Submit to inbox: one load as fast as it goes or at a rate, or one document at a time.

use super::fault::BenchFault;
use super::figures::{Circular, Figures, per, rounded};
use super::handing_in::{Amount, HandedIn, Load, hand_in};
use super::measure::{Expected, Measured, Meter, measure, until_at_rest};
use super::net::Net;
use super::verdict::{Verdict, judge};
use super::{Meant, Scenario};
use std::time::Duration;
use tokio::time::timeout;
use yizhan_document::NodeId;

/// Rest between two documents, so that nothing of the one is under way when the next is handed in.
const REST: Duration = Duration::from_millis(20);
/// Documents that are handed in first and not counted.
const WARMING: u64 = 20;
/// How long one document may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// One load, to the end of the line or to all nodes below.
pub(crate) async fn throughput(net: &Net, meant: &Meant) -> Result<(Figures, Verdict), BenchFault> {
    let ready_us = net.start_all().await?;
    let load = meant.load(net, "bench", std::slice::from_ref(&net.destinations)).await?;
    let measured = measure(net, &load, &mut Expected::new()).await?;
    let verdict = judge(net, &[(&load, &measured.handed)], meant.audited).await?;
    let mut figures = meant.figures(net);
    fill(&mut figures, net, &load, &measured);
    figures.costs(&measured.costs, &ready_us);
    figures.verdict(&verdict, 0);
    if meant.scenario == Scenario::Circular {
        let children = net.destinations.len() as u64;
        let deliveries = per(figures.documents as f64 * children as f64, figures.seconds);
        figures.circular = Some(Circular { children, deliveries_per_s: rounded(deliveries) });
    }
    Ok((figures, verdict))
}

/// One document at a time.
pub(crate) async fn rest(net: &Net, meant: &Meant) -> Result<(Figures, Verdict), BenchFault> {
    let ready_us = net.start_all().await?;
    let [destination] = net.destinations[..] else {
        return Err(BenchFault::Itself("a line has one destination".to_owned()));
    };
    let to = [vec![destination]];
    let documents = match meant.amount {
        Amount::Documents(documents) => documents,
        Amount::Seconds(_) => return Err(BenchFault::Itself("rest is a number of documents".to_owned())),
    };
    let warming = Meant { amount: Amount::Documents(1), concurrency: 1, ..meant.clone() };
    let load = warming.load(net, "warming", &to).await?;
    let warm = one_by_one(net, &load, WARMING, destination).await?;
    until_at_rest(net, &warm).await?;
    let load = Load { name: "rest".to_owned(), ..load };
    let meter = Meter::begin(net).await?;
    let handed = one_by_one(net, &load, documents, destination).await?;
    until_at_rest(net, &handed).await?;
    let at_rest_us = net.clock.uptime_us();
    let costs = meter.end(net).await?;
    let arrived_us = net.arrivals.get(&destination).map_or(0, |arrivals| arrivals.last_us());
    let verdict = judge(net, &[(&load, &warm), (&load, &handed)], meant.audited).await?;
    let mut figures = warming.figures(net);
    fill(&mut figures, net, &load, &Measured { handed, arrived_us, at_rest_us, costs: costs.clone() });
    figures.costs(&costs, &ready_us);
    figures.verdict(&verdict, 1);
    Ok((figures, verdict))
}

fn fill(figures: &mut Figures, net: &Net, load: &Load, measured: &Measured) {
    figures.times(net, load, &measured.handed, measured.arrived_us);
    let at_rest = measured.at_rest_us.saturating_sub(measured.handed.began_us);
    figures.at_rest_s = rounded(at_rest as f64 / 1_000_000.0);
}

async fn one_by_one(net: &Net, load: &Load, documents: u64, to: NodeId) -> Result<HandedIn, BenchFault> {
    let mut all = HandedIn::default();
    let arrivals = net.arrivals.get(&to).ok_or_else(|| BenchFault::Itself(format!("no arrivals at {to}")))?;
    for number in 0..documents {
        let single = Load { name: format!("{}-{number}", load.name), ..load.clone() };
        let handed = hand_in(single, net.clock).await?;
        for document in &handed.documents {
            let standstill = BenchFault::Standstill {
                node: to,
                there: number,
                expected: number + 1,
                seconds: PATIENCE.as_secs(),
            };
            timeout(PATIENCE, arrivals.until_there(document.id)).await.map_err(|_| standstill)??;
        }
        if number == 0 {
            all.began_us = handed.began_us;
        }
        all.ended_us = handed.ended_us;
        all.tried_again += handed.tried_again;
        all.documents.extend(handed.documents);
        tokio::time::sleep(REST).await;
    }
    Ok(all)
}
