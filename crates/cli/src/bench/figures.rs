//! The figures of one benchmark: one object for programs, a few lines for people.

use super::handing_in::{HandedIn, Load};
use super::measure::Costs;
use super::net::Net;
use super::verdict::Verdict;
use serde::Serialize;
use std::collections::BTreeMap;
use yizhan_document::NodeId;

const US_PER_SECOND: f64 = 1_000_000.0;
const US_PER_MS: f64 = 1_000.0;
const BYTES_PER_MB: f64 = 1_000_000.0;

/// Everything that was measured.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    /// What was played.
    pub(crate) scenario: &'static str,
    /// Transfers from node to node on the way of a document.
    pub(crate) hops: u64,
    /// Bytes of content of each document.
    pub(crate) size: u64,
    /// Submitters at the same time.
    pub(crate) concurrency: u64,
    /// Documents in one request and under one signature.
    pub(crate) batch: u64,
    /// Documents a second that were to be handed in, where that was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rate: Option<f64>,
    /// Documents that were accepted.
    pub(crate) documents: u64,
    /// Those of them that lie in every inbox they were meant for, exactly once.
    pub(crate) delivered: u64,
    /// Documents a second, from the first submission to the last arrival in an inbox.
    pub(crate) docs_per_s: f64,
    /// The same in megabytes of content.
    pub(crate) mb_per_s: f64,
    /// Documents a second, from the first submission to the last answer that one was durable.
    pub(crate) accepted_per_s: f64,
    /// From the first submission to the last arrival.
    pub(crate) seconds: f64,
    /// From the first submission until the last receipt was home and nothing waited anywhere.
    pub(crate) at_rest_s: f64,
    /// From handing in (or from when it was due) to the event that it lies in the inbox: the median.
    pub(crate) p50_ms: Option<f64>,
    /// That of the slowest hundredth.
    pub(crate) p99_ms: Option<f64>,
    /// The slowest.
    pub(crate) max_ms: Option<f64>,
    /// Deliveries of which the arrival is known as an upper bound only, since their event was missed.
    pub(crate) latency_bounded: u64,
    /// From handing in to the answer that it is durable: the median.
    pub(crate) submit_p50_ms: Option<f64>,
    /// That of the slowest hundredth.
    pub(crate) submit_p99_ms: Option<f64>,
    /// The slowest.
    pub(crate) submit_max_ms: Option<f64>,
    /// How often a submission was refused for now and tried again.
    pub(crate) tried_again: u64,
    /// Processor time of all nodes and of this program for one document.
    pub(crate) cpu_us_per_doc: f64,
    /// That of this program, which plays the office software.
    pub(crate) tool_cpu_us_per_doc: f64,
    /// Peak resident memory of the largest node, in MB.
    pub(crate) rss_mb: f64,
    /// From the start of its process until a node could promise: the slowest node.
    pub(crate) ready_ms: f64,
    /// Each node.
    pub(crate) nodes: Vec<NodeFigures>,
    /// Cores of this machine, shared by everything.
    pub(crate) cores: usize,
    /// Whether the data lay on a disk, so that fsync means something.
    pub(crate) on_disk: bool,
    /// Chains that the auditor proved offline, from the ledgers of all nodes; none if it was left out.
    pub(crate) chains_verified: Option<u64>,
    /// Chains that there are: one for each document and destination, of all loads together.
    pub(crate) chains: Option<u64>,
    /// `ok`, `left out`, or what is wrong.
    pub(crate) audit: String,
    /// Of a backlog.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backlog: Option<Backlog>,
    /// Of a neighbour that is slow or gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) neighbours: Option<Neighbours>,
    /// Of circulars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) circular: Option<Circular>,
    /// Of nodes that have nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) idle: Option<Idle>,
}

/// One node.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct NodeFigures {
    /// Which.
    pub(crate) node: NodeId,
    /// Its processor time for one document.
    pub(crate) cpu_us_per_doc: f64,
    /// Its peak resident memory, in MB.
    pub(crate) rss_mb: f64,
    /// From the start of its process until it could promise.
    pub(crate) ready_ms: f64,
}

/// A backlog: taken while the destination was down, its holder killed, then drained.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Backlog {
    /// Documents that waited.
    pub(crate) waiting: u64,
    /// Documents a second with empty queues, both ends up, before.
    pub(crate) empty_queue_docs_per_s: f64,
    /// Documents a second from the link being up again to the last arrival.
    pub(crate) drain_docs_per_s: f64,
    /// The latter by the former.
    pub(crate) drain_ratio: f64,
    /// From the start of the killed holder until it could promise again.
    pub(crate) ready_ms: f64,
    /// Resident memory of the holder when all had been taken, and its peak until then.
    pub(crate) rss_full_mb: f64,
    /// See above.
    pub(crate) rss_full_peak_mb: f64,
    /// Resident memory of the holder when it was ready again, and its peak from then until all was drained.
    pub(crate) rss_ready_mb: f64,
    /// See above.
    pub(crate) rss_drain_peak_mb: f64,
}

/// One neighbour among others.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Neighbours {
    /// `dead`, `silent`, `slow` or `flooding`.
    pub(crate) neighbour: &'static str,
    /// How many others there are.
    pub(crate) others: u64,
    /// Documents that waited for the one that was not well.
    pub(crate) waiting: u64,
    /// Documents a second to the others while all were well: before and after.
    pub(crate) well_docs_per_s: [f64; 2],
    /// While one was not.
    pub(crate) ill_docs_per_s: f64,
    /// How much less that is, as a share of the mean of the former; below zero it was more.
    pub(crate) cost: f64,
}

/// Circulars: one document for many nodes.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Circular {
    /// Destinations of each.
    pub(crate) children: u64,
    /// Deliveries a second, all destinations together.
    pub(crate) deliveries_per_s: f64,
}

/// Nodes that have nothing to do.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Idle {
    /// How long they were watched.
    pub(crate) seconds: f64,
    /// Each.
    pub(crate) nodes: Vec<IdleNode>,
}

/// A node that has nothing to do.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct IdleNode {
    /// Which.
    pub(crate) node: NodeId,
    /// The share of one core that it takes, in percent.
    pub(crate) cpu_percent: f64,
    /// Its resident memory, in MB.
    pub(crate) rss_mb: f64,
}

impl Figures {
    /// Takes in when the documents of a load arrived, after the verdict has closed what gaps there were.
    pub(crate) fn times(&mut self, net: &Net, load: &Load, handed: &HandedIn, arrived_us: u64) {
        let count = handed.documents.len() as u64;
        let seconds = |until: u64| until.saturating_sub(handed.began_us) as f64 / US_PER_SECOND;
        self.documents = count;
        self.seconds = rounded(seconds(arrived_us));
        self.docs_per_s = rounded(per(count as f64, seconds(arrived_us)));
        self.mb_per_s = rounded(per(count as f64 * self.size as f64 / BYTES_PER_MB, seconds(arrived_us)));
        self.accepted_per_s = rounded(per(count as f64, seconds(handed.ended_us)));
        self.tried_again = handed.tried_again;
        let mut took: Vec<u64> = handed.documents.iter().map(|document| document.took_us).collect();
        took.sort_unstable();
        [self.submit_p50_ms, self.submit_p99_ms, self.submit_max_ms] =
            [50, 99, 100].map(|p| percentile(&took, p));
        let arrivals = &net.arrivals;
        let mut latencies: Vec<u64> = handed
            .documents
            .iter()
            .flat_map(|document| {
                let to = load.target(document.number).iter();
                to.filter_map(|office| arrivals.get(&office.node).and_then(|seen| seen.at_us(document.id)))
                    .map(|at| at.saturating_sub(document.began_us))
            })
            .collect();
        latencies.sort_unstable();
        [self.p50_ms, self.p99_ms, self.max_ms] = [50, 99, 100].map(|p| percentile(&latencies, p));
    }

    /// Takes in what the documents cost.
    pub(crate) fn costs(&mut self, costs: &Costs, ready_us: &BTreeMap<NodeId, u64>) {
        let each = |us: u64| rounded(per(us as f64, self.documents as f64));
        let node = |(node, memory): (&NodeId, &super::gauge::Memory)| NodeFigures {
            node: *node,
            cpu_us_per_doc: each(costs.cpu_us.get(node).copied().unwrap_or_default()),
            rss_mb: rounded(memory.peak_mb),
            ready_ms: ms(ready_us.get(node).copied().unwrap_or_default()),
        };
        self.cpu_us_per_doc = each(costs.cpu_us.values().sum::<u64>() + costs.tool_cpu_us);
        self.tool_cpu_us_per_doc = each(costs.tool_cpu_us);
        self.nodes = costs.memory.iter().map(node).collect();
        self.rss_mb = self.nodes.iter().map(|node| node.rss_mb).fold(0.0, f64::max);
        self.ready_ms = self.nodes.iter().map(|node| node.ready_ms).fold(0.0, f64::max);
    }

    /// Takes in what was found; `load` is the number of the load that the figures are of.
    pub(crate) fn verdict(&mut self, verdict: &Verdict, load: usize) {
        self.delivered = verdict.loads.get(load).map_or(0, |(_, delivered)| *delivered);
        self.latency_bounded = verdict.bounded;
        self.chains_verified = verdict.chains.map(|(verified, _)| verified);
        self.chains = verdict.chains.map(|(_, chains)| chains);
        self.audit.clone_from(&verdict.audit);
    }
}

/// A rate or share; none of nothing.
pub(crate) fn per(count: f64, of: f64) -> f64 {
    if of > 0.0 { count / of } else { 0.0 }
}

/// Microseconds as milliseconds.
pub(crate) fn ms(us: u64) -> f64 {
    us as f64 / US_PER_MS
}

/// To three places: more than any measurement is good for.
pub(crate) fn rounded(figure: f64) -> f64 {
    (figure * 1000.0).round() / 1000.0
}

/// The smallest value that so many percent do not exceed (nearest rank), in milliseconds.
fn percentile(sorted: &[u64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map(|us| ms(*us))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let hundred: Vec<u64> = (1..=100).map(|ms| ms * 1000).collect();
        assert_eq!([50, 99, 100].map(|p| percentile(&hundred, p)), [Some(50.0), Some(99.0), Some(100.0)]);
        assert_eq!([50, 99, 100].map(|p| percentile(&[7000], p)), [Some(7.0); 3]);
        assert_eq!(percentile(&[], 50), None);
    }
}
