//! Whether all is as it should be: every inbox holds what was accepted, each document once, and every chain verifies offline.

use super::fault::BenchFault;
use super::handing_in::{Handed, HandedIn, Load};
use super::net::Net;
use crate::audited::in_one_line;
use crate::commands::directory;
use crate::output::say;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use yizhan_audit::{Report, verify_network};
use yizhan_desk::limits::PAGE_ITEMS_MAX;
use yizhan_document::{EnvelopeId, NodeId};

/// How often is said that the auditor is still at work.
const STILL: Duration = Duration::from_secs(10);
/// How many documents an inbox holds before it is said that listing it takes a while.
const MANY: usize = 100_000;

/// What was found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    /// Of each load: its documents, and those of them that lie in every inbox they are meant for, exactly once.
    pub(crate) loads: Vec<(u64, u64)>,
    /// Deliveries that should be: one for each document and destination.
    pub(crate) deliveries: u64,
    /// Whatever lies in the inboxes besides: second copies, and what nobody handed in.
    pub(crate) too_many: u64,
    /// Deliveries of which the arrival is known as an upper bound only.
    pub(crate) bounded: u64,
    /// Chains that the auditor proved from end to end, and those there are; none where it was not asked.
    pub(crate) chains: Option<(u64, u64)>,
    /// Whether more was handed in than the loads say, as a flood is: its chains must verify, too.
    pub(crate) besides: bool,
    /// `ok`, `left out`, or what the auditor says.
    pub(crate) audit: String,
}

impl Verdict {
    /// Whether every accepted document lies where it should, once, and every chain verified that was to be.
    pub(crate) fn good(&self) -> bool {
        let all = self.loads.iter().all(|(documents, delivered)| documents == delivered);
        let chains = self.chains.is_none_or(|(verified, chains)| {
            verified == chains && (chains == self.deliveries || self.besides && chains > self.deliveries)
        });
        all && self.too_many == 0 && chains && self.audit_good()
    }

    /// Documents of all loads, and those that lie where they should.
    pub(crate) fn documents(&self) -> (u64, u64) {
        self.loads
            .iter()
            .fold((0, 0), |(all, there), (documents, delivered)| (all + documents, there + delivered))
    }

    fn audit_good(&self) -> bool {
        matches!(self.audit.as_str(), "ok" | "left out")
    }
}

/// Looks into the inboxes, stops the nodes and, unless that is left out, lets the auditor verify all chains. `loads` is everything that
/// was handed in since the network was made.
pub(crate) async fn judge(
    net: &Net,
    loads: &[(&Load, &HandedIn)],
    audited: bool,
) -> Result<Verdict, BenchFault> {
    let mut verdict = Verdict { audit: "left out".to_owned(), ..Verdict::default() };
    let mut times: BTreeMap<NodeId, HashMap<EnvelopeId, u64>> = BTreeMap::new();
    for (load, handed) in loads {
        for document in &handed.documents {
            for office in load.target(document.number) {
                times.entry(office.node).or_default().insert(document.id, 0);
            }
        }
    }
    for (node, times) in &mut times {
        verdict.deliveries += times.len() as u64;
        let order = inbox(net, *node).await?;
        if let Some(arrivals) = net.arrivals.get(node) {
            verdict.bounded += arrivals.close_gaps(&order, net.clock.uptime_us());
        }
        for id in order {
            match times.get_mut(&id) {
                Some(times) => *times += 1,
                None => verdict.too_many += 1,
            }
        }
        verdict.too_many += times.values().map(|times| times.saturating_sub(1)).sum::<u64>();
    }
    for (load, handed) in loads {
        let once = |document: &&Handed| {
            let to = load.target(document.number).iter();
            to.map(|office| times.get(&office.node).and_then(|times| times.get(&document.id)))
                .all(|times| times == Some(&1))
        };
        let delivered = handed.documents.iter().filter(once).count() as u64;
        verdict.loads.push((handed.documents.len() as u64, delivered));
    }
    net.processes.lock().await.stop().await?;
    if audited {
        let report = audit(net, verdict.deliveries).await?;
        verdict.chains = Some((report.chains_verified, report.chains));
        verdict.audit = in_one_line(&report);
    }
    Ok(verdict)
}

/// The ids in the inbox of a node, in the order in which they came.
async fn inbox(net: &Net, node: NodeId) -> Result<Vec<EnvelopeId>, BenchFault> {
    let client = net.client(node).await?;
    let office = net.office(node)?.office;
    let (mut order, mut after, mut said) = (Vec::new(), 0, 0);
    loop {
        let page = client.inbox(&office, after, PAGE_ITEMS_MAX).await.map_err(BenchFault::of(node))?;
        let Some(last) = page.last() else { return Ok(order) };
        after = last.sequence;
        order.extend(page.iter().map(|item| item.id));
        if order.len() >= said + MANY {
            said = order.len();
            say(&format!("counting the inbox of {node}: {said} documents so far"));
        }
    }
}

async fn audit(net: &Net, chains: u64) -> Result<Report, BenchFault> {
    let directory = directory::load(&net.folder())?;
    let ledgers = net.ledgers();
    say(&format!("verifying {chains} chains from {} ledgers, offline", ledgers.len()));
    let began = net.clock.uptime_us();
    let mut auditing = tokio::task::spawn_blocking(move || verify_network(&directory, &ledgers, None));
    loop {
        match tokio::time::timeout(STILL, &mut auditing).await {
            Ok(report) => return Ok(report?),
            Err(_) => say(&format!("still verifying, {} s", (net.clock.uptime_us() - began) / 1_000_000)),
        }
    }
}
