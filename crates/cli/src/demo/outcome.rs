//! What came of the demonstration: counted for programs, and a table for people.

use super::fault::DemoFault;
use super::world::{Sent, Tally, World};
use crate::audited;
use crate::table::{shown, table};
use serde::Serialize;
use std::collections::BTreeSet;
use yizhan_audit::Report;
use yizhan_document::{EnvelopeId, OfficeAddress};

/// What came of the demonstration.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    /// Processes that were started.
    nodes: usize,
    /// Documents that were handed in and accepted.
    documents: usize,
    /// Recipients of all documents together.
    recipients: usize,
    /// Recipients in whose inbox the document lies, once.
    delivered: usize,
    /// Recipients that signed for it.
    signed_for: usize,
    /// Whether everything that was taken is to the byte what was sent, and everything was taken.
    bytes_equal: bool,
    /// Receipts that the origins hold.
    receipts: usize,
    /// Chains that the auditor proved from end to end, by the ledgers of all who took part.
    chains_verified: u64,
    /// Chains that there are: one for each document and destination node.
    chains: u64,
    /// Whether a prefecture was killed and came back.
    killed_and_restarted: bool,
    /// Deliveries under way through the prefecture when it was killed.
    under_way_when_killed: usize,
    /// `ok`, or what failed.
    audit: String,
    /// How long all of it took.
    seconds: f64,
}

impl Outcome {
    /// What came of it, as far as it went.
    pub(super) fn of(world: &World, report: &Result<Report, DemoFault>) -> Self {
        let tally = world.tally.borrow();
        let recipients = world.errands.iter().map(|errand| errand.to.len()).sum();
        let (chains_verified, chains) =
            report.as_ref().map_or((0, 0), |report| (report.chains_verified, report.chains));
        Self {
            nodes: world.sockets.len(),
            documents: tally.sent.len(),
            recipients,
            delivered: tally.inboxes.values().filter(|times| **times == 1).count(),
            signed_for: tally.taken.values().filter(|taken| taken.signed).count(),
            bytes_equal: tally.taken.len() == recipients && tally.taken.values().all(|taken| taken.equal),
            receipts: tally.receipts.len(),
            chains_verified,
            chains,
            killed_and_restarted: tally.killed.is_some_and(|killed| killed.restarted),
            under_way_when_killed: tally.killed.map_or(0, |killed| killed.under_way),
            audit: audit_words(world, report),
            seconds: (world.show.seconds() * 1000.0).round() / 1000.0,
        }
    }

    /// Whether everything was delivered once, unchanged, and every chain verified.
    pub(super) fn good(&self) -> bool {
        self.audit == "ok"
            && self.recipients > 0
            && self.delivered == self.recipients
            && self.signed_for == self.recipients
            && self.bytes_equal
            && self.killed_and_restarted
            && self.chains > 0
            && self.chains_verified == self.chains
    }

    /// A table and a verdict.
    pub(super) fn words(&self, world: &World) -> String {
        let mut rows = table(&[
            "Document 公文",
            "To 收文机关",
            "Way 路由",
            "Receipts 回执",
            "Delivered after 送达",
            "Bytes 内容",
            "Signed for 签收",
        ]);
        {
            let tally = world.tally.borrow();
            for (id, sent) in &tally.sent {
                let Some(errand) = world.errands.get(sent.errand) else { continue };
                for (number, office) in errand.to.iter().enumerate() {
                    let first = format!("{id}\n{}", shown(&errand.label.title));
                    let document = if number == 0 { first } else { String::new() };
                    rows.add_row(row(&tally, *id, sent, office, document));
                }
            }
        }
        let verdict =
            if self.good() { "ALL AS IT SHOULD BE 全部正常" } else { "NOT AS IT SHOULD BE 不正常" };
        let killed =
            if self.killed_and_restarted { "killed and restarted" } else { "was not killed and restarted" };
        format!(
            "\n{rows}\n{verdict}: {} of {} delivered once, {} signed for, bytes {}, {} receipts at their origins,\n\
             {} of {} chains verified offline, a prefecture {killed} with {} deliveries under way, audit: {}, {:.1} s",
            self.delivered,
            self.recipients,
            self.signed_for,
            if self.bytes_equal { "equal" } else { "NOT equal" },
            self.receipts,
            self.chains_verified,
            self.chains,
            self.under_way_when_killed,
            self.audit,
            self.seconds
        )
    }
}

fn row(tally: &Tally, id: EnvelopeId, sent: &Sent, office: &OfficeAddress, document: String) -> [String; 7] {
    let way: Vec<String> =
        sent.ways.get(&office.node).into_iter().flatten().map(ToString::to_string).collect();
    let nodes: BTreeSet<_> = sent.ways.get(&office.node).into_iter().flatten().collect();
    // The origin's ledger speaks of the whole document; the others' receipts are counted along the way.
    let receipts =
        tally.receipts.values().filter(|(of, receipt)| *of == id && nodes.contains(&receipt.node)).count();
    let taken = tally.taken.get(&(id, office.clone()));
    let after = taken.map(|taken| taken.arrived.as_ms().saturating_sub(sent.at.as_ms()));
    [
        document,
        office.to_string(),
        way.join(" → "),
        receipts.to_string(),
        after.map_or("—".to_owned(), |ms| format!("{ms} ms")),
        taken.map_or("—", |taken| if taken.equal { "equal" } else { "DIFFERENT" }).to_owned(),
        taken.map_or("no", |taken| if taken.signed { "yes" } else { "no" }).to_owned(),
    ]
}

fn audit_words(world: &World, report: &Result<Report, DemoFault>) -> String {
    match report {
        Ok(report) => audited::in_one_line(report),
        Err(fault) => format!("not reached, for at «{}»: {fault}", world.show.current_step()),
    }
}
