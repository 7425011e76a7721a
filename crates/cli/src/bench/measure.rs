//! One load from the first submission until everything has come to rest, and what it cost.

use super::fault::BenchFault;
use super::gauge::{self, Memory};
use super::handing_in::{HandedIn, Load, hand_in};
use super::net::{Net, Reading};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use yizhan_desk::Stage;
use yizhan_document::{EnvelopeId, NodeId};

/// How often is looked whether everything has arrived.
const LOOK: Duration = Duration::from_millis(20);
/// A node is asked no more than a tenth of the time: it counts its inbox by walking through it.
const ASKED_SHARE: u32 = 10;
/// How long nothing may arrive before it counts as lost.
const STANDSTILL_US: u64 = 120_000_000;
const US_PER_SECOND: u64 = 1_000_000;

/// What was measured of one load.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// What was handed in.
    pub(crate) handed: HandedIn,
    /// When the last document arrived, in microseconds of the clock.
    pub(crate) arrived_us: u64,
    /// When nothing waited anywhere any more and the last receipts were home.
    pub(crate) at_rest_us: u64,
    /// What it cost until then.
    pub(crate) costs: Costs,
}

/// What something cost.
#[derive(Clone, Debug, Default)]
pub(crate) struct Costs {
    /// Processor time of each node, in microseconds.
    pub(crate) cpu_us: BTreeMap<NodeId, u64>,
    /// Processor time of this program, which plays the office software.
    pub(crate) tool_cpu_us: u64,
    /// The memory of each node.
    pub(crate) memory: BTreeMap<NodeId, Memory>,
}

/// Reads what something costs, from its beginning to its end.
pub(crate) struct Meter {
    before: BTreeMap<NodeId, Reading>,
    tool_before: u64,
}

/// How many documents have been handed in for each destination since the network was made.
pub(crate) type Expected = BTreeMap<NodeId, u64>;

impl Meter {
    /// Begins.
    pub(crate) async fn begin(net: &Net) -> Result<Self, BenchFault> {
        Ok(Self { before: net.readings().await?, tool_before: gauge::cpu_us(std::process::id())? })
    }

    /// Ends. The processor time of a node that was started meanwhile is all that it has used.
    pub(crate) async fn end(&self, net: &Net) -> Result<Costs, BenchFault> {
        let after = net.readings().await?;
        let tool_cpu_us = gauge::cpu_us(std::process::id())?.saturating_sub(self.tool_before);
        let since = |(node, reading): (NodeId, Reading)| (node, reading.since(self.before.get(&node)));
        Ok(Costs { cpu_us: after.into_iter().map(since).collect(), tool_cpu_us, memory: net.memory().await? })
    }
}

impl Costs {
    /// Both together; of memory the larger.
    pub(crate) fn and(mut self, other: &Self) -> Self {
        self.tool_cpu_us += other.tool_cpu_us;
        for (node, cpu_us) in &other.cpu_us {
            *self.cpu_us.entry(*node).or_default() += cpu_us;
        }
        for (node, memory) in &other.memory {
            let most = self.memory.entry(*node).or_insert(*memory);
            most.peak_mb = most.peak_mb.max(memory.peak_mb);
        }
        self
    }
}

/// Hands a load in and waits until it is delivered and all is at rest. `expected` grows by it.
pub(crate) async fn measure(net: &Net, load: &Load, expected: &mut Expected) -> Result<Measured, BenchFault> {
    let meter = Meter::begin(net).await?;
    let handed = hand_in(load.clone(), net.clock).await?;
    expect(load, &handed, expected);
    let arrived_us = until_arrived(net, expected).await?;
    until_at_rest(net, &handed).await?;
    let at_rest_us = net.clock.uptime_us();
    Ok(Measured { handed, arrived_us, at_rest_us, costs: meter.end(net).await? })
}

/// Counts what was handed in for each destination.
pub(crate) fn expect(load: &Load, handed: &HandedIn, expected: &mut Expected) {
    for document in &handed.documents {
        for office in load.target(document.number) {
            *expected.entry(office.node).or_default() += 1;
        }
    }
}

/// Waits until everything has arrived, and tells when the last document did.
pub(crate) async fn until_arrived(net: &Net, expected: &Expected) -> Result<u64, BenchFault> {
    let mut last = 0;
    for (node, expected) in expected {
        last = last.max(until_arrived_at(net, *node, *expected).await?);
    }
    Ok(last)
}

async fn until_arrived_at(net: &Net, node: NodeId, expected: u64) -> Result<u64, BenchFault> {
    let Some(arrivals) = net.arrivals.get(&node) else { return Ok(0) };
    let mut asking = Duration::ZERO;
    let (mut most, mut changed_us) = (0, net.clock.uptime_us());
    loop {
        let (seen, gaps) = arrivals.count();
        if seen >= expected {
            return Ok(arrivals.last_us());
        }
        let mut there = seen;
        if gaps {
            // What was missed is counted by the node itself.
            let began = net.clock.uptime_us();
            there = there.max(net.status(node).await?.inbox);
            let now = net.clock.uptime_us();
            if there >= expected {
                return Ok(now);
            }
            asking = Duration::from_micros(now - began) * ASKED_SHARE;
        }
        let now = net.clock.uptime_us();
        if there > most {
            (most, changed_us) = (there, now);
        }
        if now - changed_us > STANDSTILL_US {
            let seconds = STANDSTILL_US / US_PER_SECOND;
            return Err(BenchFault::Standstill { node, there, expected, seconds });
        }
        tokio::time::sleep(asking.max(LOOK)).await;
    }
}

/// Waits until no node has anything to pass on and the origin knows the last documents as delivered: the work that follows the
/// delivery belongs to the document too.
pub(crate) async fn until_at_rest(net: &Net, handed: &HandedIn) -> Result<(), BenchFault> {
    for node in net.nodes() {
        while net.status(node).await?.held > 0 {
            tokio::time::sleep(LOOK).await;
        }
    }
    let ids: BTreeSet<EnvelopeId> = handed.documents.iter().map(|document| document.id).collect();
    let Some(last) = ids.last() else { return Ok(()) };
    let client = net.client(net.origin).await?;
    loop {
        let track = client.track(*last).await.map_err(BenchFault::of(net.origin))?;
        if track.destinations.iter().all(|destination| destination.state == Stage::Delivered) {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}
