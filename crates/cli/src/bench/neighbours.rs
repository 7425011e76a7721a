//! One neighbour among several is dead, silent or slow, or floods: what that costs the others.

use super::Meant;
use super::fault::BenchFault;
use super::figures::{Figures, Neighbours, per, rounded};
use super::handing_in::{Amount, HandedIn, Load, hand_in};
use super::measure::{Costs, Expected, Meter, expect, measure, until_arrived, until_at_rest};
use super::net::Net;
use super::verdict::{Verdict, judge};
use crate::output::say;
use std::time::Duration;
use yizhan_document::NodeId;

/// How long a slow node runs, and how long it then stands still: it runs a tenth of the time.
const RUNS: Duration = Duration::from_millis(10);
/// See above.
const STANDS: Duration = Duration::from_millis(90);
/// Documents of a flood before its load is made anew.
const FLOOD_STEP: u64 = 10_000;
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
    /// It sends as many documents as it can.
    Flooding,
}

impl Illness {
    fn as_str(self) -> &'static str {
        match self {
            Self::Dead => "dead",
            Self::Silent => "silent",
            Self::Slow => "slow",
            Self::Flooding => "flooding",
        }
    }
}

/// The same load to the others three times: all well, one ill, all well again. Documents for the one that is ill wait before the load
/// begins, as many as each other gets, so that the loads differ in nothing else: not in what is handed in, and not in the processor
/// that the ill one leaves to the others. One that floods gets them at once, and takes processor for what it sends.
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
    let to: Vec<Vec<NodeId>> = others.iter().map(|node| vec![*node]).collect();
    let load = meant.load(net, "before", &to).await?;
    let before = measure(net, &load, &mut expected).await?;
    say(&format!("{:.1} documents/s to the others, all well", rate(&before.handed, before.arrived_us)));

    let waiting_load = meant.load(net, "waiting", &[vec![*ill]]).await?;
    let waiting_load = Load { amount: share(meant.amount, others.len()), ..waiting_load };
    let during_load = Load { name: "during".to_owned(), ..load.clone() };
    let Spell { waiting, during, arrived_us, at_rest_us, costs } =
        while_ill(net, *ill, (illness, meant), [&waiting_load, &during_load], &mut expected).await?;
    say(&format!("{:.1} documents/s to the others, one {}", rate(&during, arrived_us), illness.as_str()));

    let after_load = Load { name: "after".to_owned(), ..load.clone() };
    let after = measure(net, &after_load, &mut expected).await?;
    let loads = [
        (&load, &before.handed),
        (&waiting_load, &waiting),
        (&during_load, &during),
        (&after_load, &after.handed),
    ];
    let mut verdict = judge(net, &loads, meant.audited).await?;
    verdict.besides = illness == Illness::Flooding;
    let mut figures = meant.figures(net);
    figures.times(net, &during_load, &during, arrived_us);
    figures.at_rest_s = rounded(at_rest_us.saturating_sub(during.began_us) as f64 / US_PER_SECOND);
    figures.costs(&costs, &ready_us);
    figures.verdict(&verdict, 2);
    let well = [rate(&before.handed, before.arrived_us), rate(&after.handed, after.arrived_us)];
    let ill = rate(&during, arrived_us);
    let [first, second] = well;
    figures.neighbours = Some(Neighbours {
        neighbour: illness.as_str(),
        others: others.len() as u64,
        waiting: waiting.documents.len() as u64,
        well_docs_per_s: well.map(rounded),
        ill_docs_per_s: rounded(ill),
        cost: rounded(1.0 - per(ill, f64::midpoint(first, second))),
    });
    Ok((figures, verdict))
}

/// What happened while one was ill.
struct Spell {
    /// What waited for it.
    waiting: HandedIn,
    /// The load to the others.
    during: HandedIn,
    /// When the last document of that arrived.
    arrived_us: u64,
    /// When all was delivered, also to the one that had been ill.
    at_rest_us: u64,
    costs: Costs,
}

/// One falls ill, documents for it wait, the load goes to the others; then it recovers, and gets what waited.
async fn while_ill(
    net: &Net,
    ill: NodeId,
    (illness, meant): (Illness, &Meant),
    [waiting_load, during_load]: [&Load; 2],
    expected: &mut Expected,
) -> Result<Spell, BenchFault> {
    let meter = Meter::begin(net).await?;
    fall_ill(net, ill, illness).await?;
    let reaching = async {
        let waiting = hand_in(waiting_load.clone(), net.clock).await?;
        let during = hand_in(during_load.clone(), net.clock).await?;
        expect(during_load, &during, expected);
        let arrived_us = until_arrived(net, expected).await?;
        Ok::<_, BenchFault>((waiting, during, arrived_us))
    };
    let (waiting, during, arrived_us) = match illness {
        Illness::Slow => tokio::select! {
            reached = reaching => reached?,
            fault = limp(net, ill) => return Err(fault),
        },
        Illness::Flooding => tokio::select! {
            reached = reaching => reached?,
            fault = flood(net, meant, ill) => return Err(fault),
        },
        Illness::Dead | Illness::Silent => reaching.await?,
    };
    recover(net, ill, illness).await?;
    expect(waiting_load, &waiting, expected);
    until_arrived(net, expected).await?;
    until_at_rest(net, &during).await?;
    let at_rest_us = net.clock.uptime_us();
    Ok(Spell { waiting, during, arrived_us, at_rest_us, costs: meter.end(net).await? })
}

/// Documents a second, from the first submission of a load to its last arrival.
fn rate(handed: &HandedIn, arrived_us: u64) -> f64 {
    per(handed.documents.len() as f64, arrived_us.saturating_sub(handed.began_us) as f64 / US_PER_SECOND)
}

/// As much as one of so many gets.
fn share(amount: Amount, of: usize) -> Amount {
    match amount {
        Amount::Documents(documents) => Amount::Documents((documents / of.max(1) as u64).max(1)),
        seconds @ Amount::Seconds(_) => seconds,
    }
}

async fn fall_ill(net: &Net, node: NodeId, illness: Illness) -> Result<(), BenchFault> {
    let mut processes = net.processes.lock().await;
    match illness {
        Illness::Dead => processes.kill(node).await?,
        Illness::Silent => processes.freeze(node)?,
        Illness::Slow | Illness::Flooding => {}
    }
    Ok(())
}

async fn recover(net: &Net, node: NodeId, illness: Illness) -> Result<(), BenchFault> {
    match illness {
        Illness::Dead => net.start(node).await.map(drop),
        Illness::Flooding => Ok(()),
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

/// Lets a node send documents to the one in the middle, as fast as they are taken, for as long as this is awaited.
async fn flood(net: &Net, meant: &Meant, node: NodeId) -> BenchFault {
    let mut turn = 0_u64;
    loop {
        turn += 1;
        if let Err(fault) = flood_once(net, meant, node, turn).await {
            return fault;
        }
    }
}

async fn flood_once(net: &Net, meant: &Meant, node: NodeId, turn: u64) -> Result<(), BenchFault> {
    let load = meant.load(net, &format!("flood-{turn}"), &[vec![net.origin]]).await?;
    let (desk, from) = (net.client(node).await?, net.office(node)?);
    let amount = Amount::Documents(FLOOD_STEP);
    hand_in(Load { desk, from, amount, rate: None, ..load }, net.clock).await.map(drop)
}
