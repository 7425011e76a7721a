//! Reports for people: the verdict first, then one line for each step; what was proven, and what was not.

use crate::problem::{Problem, Severity};
use crate::receipt::ReceiptFinding;
use crate::report::{ChainVerdict, DocumentVerdict, HopLine, LedgerFinding, Report, Verdict};
use crate::terms::receipt_term;
use std::fmt::{self, Display, Formatter};
use yizhan_document::NodeId;
use yizhan_hierarchy::Directory;

/// The report as text, in English with the offices' own terms. Names of nodes come from the directory.
pub fn render_report(report: &Report, directory: &Directory) -> String {
    Text(|out: &mut Formatter<'_>| write_report(out, report, &Names(directory))).to_string()
}

/// What one receipt proves, as text.
pub fn render_receipt(receipt: &ReceiptFinding, directory: &Directory) -> String {
    Text(|out: &mut Formatter<'_>| write_receipt(out, receipt, &Names(directory))).to_string()
}

/// Text that a function writes.
struct Text<F>(F);

impl<F: Fn(&mut Formatter<'_>) -> fmt::Result> Display for Text<F> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        self.0(out)
    }
}

fn write_report(out: &mut Formatter<'_>, report: &Report, names: &Names<'_>) -> fmt::Result {
    let verdict = match report.severity() {
        Severity::Notice => "ALL GOOD 完好",
        Severity::Incomplete => "INCOMPLETE 不全: something is missing, late or not provided",
        Severity::Forged => "NOT TO BE BELIEVED 有伪: something is forged or damaged",
    };
    writeln!(out, "{verdict}")?;
    writeln!(
        out,
        "{} of {} chains verified, {} documents, {} of {} ledgers good; network {}, directory version {}",
        report.chains_verified,
        report.chains,
        report.documents.len(),
        report.ledgers.iter().filter(|ledger| ledger.checkpoint_ok && ledger.problems.is_empty()).count(),
        report.ledgers.len(),
        report.network,
        report.directory
    )?;
    if !report.custodial_offices.is_empty() {
        writeln!(
            out,
            "{} offices have keys that their node holds (custodial 代管密钥): what they signed may be their node's word",
            report.custodial_offices.len()
        )?;
    }
    if !report.problems.is_empty() {
        writeln!(out, "\nFindings 发现")?;
        report.problems.iter().try_for_each(|problem| write_problem(out, problem))?;
        if report.problems_left_out > 0 {
            writeln!(out, "  … and {} more of these kinds", report.problems_left_out)?;
        }
    }
    writeln!(out, "\nLedgers 账本")?;
    report.ledgers.iter().try_for_each(|ledger| write_ledger(out, ledger, names))?;
    writeln!(out, "\nDocuments 公文")?;
    report.documents.iter().try_for_each(|document| write_document(out, document, names))
}

fn write_problem(out: &mut Formatter<'_>, problem: &Problem) -> fmt::Result {
    let mark = match problem.severity {
        Severity::Notice => "note",
        Severity::Incomplete => "MISSING",
        Severity::Forged => "WRONG",
    };
    write!(out, "  {mark} [{}]", problem.fault.as_str())?;
    if let Some(ledger) = problem.ledger {
        write!(out, " {ledger}")?;
    }
    if let Some(index) = problem.index {
        write!(out, " #{index}")?;
    }
    if let Some(document) = problem.document {
        write!(out, " (document {document})")?;
    }
    writeln!(out, ": {}", problem.text)
}

fn write_ledger(out: &mut Formatter<'_>, ledger: &LedgerFinding, names: &Names<'_>) -> fmt::Result {
    match ledger.ledger {
        Some(id) => write!(out, "  {id} {}", names.of(id.node))?,
        None => write!(out, "  {}", ledger.folder.display())?,
    }
    let state = if ledger.checkpoint_ok {
        "checkpoint signed, entries have its root"
    } else {
        "NOT BELIEVED 不可信"
    };
    write!(out, ": {} entries, {state}", ledger.size)?;
    let witnesses: Vec<String> =
        ledger.witnessed_by.iter().map(|witness| format!("{} at {}", witness.node, witness.time)).collect();
    if witnesses.is_empty() {
        writeln!(out, "; not cosigned")?;
    } else {
        writeln!(out, "; cosigned (见证) by {}", witnesses.join(", "))?;
    }
    ledger.problems.iter().try_for_each(|problem| write_problem(out, problem))
}

fn write_document(out: &mut Formatter<'_>, document: &DocumentVerdict, names: &Names<'_>) -> fmt::Result {
    write!(out, "  {}", document.id)?;
    if let Some(submitted) = document.submitted {
        write!(out, ", submitted {submitted}")?;
    }
    if let Some(deadline) = document.deadline {
        write!(out, ", due {deadline}")?;
    }
    writeln!(out)?;
    document.destinations.iter().try_for_each(|chain| write_chain(out, chain, names))
}

fn write_chain(out: &mut Formatter<'_>, chain: &ChainVerdict, names: &Names<'_>) -> fmt::Result {
    let arrived = matches!(chain.verdict, Verdict::Complete | Verdict::Late { .. });
    let unproven = if arrived && !chain.proven { ", NOT EVERY STEP PROVEN 未全部证实" } else { "" };
    writeln!(
        out,
        "    -> {}: {}{unproven}",
        names.with_code(chain.node),
        verdict_text(&chain.verdict, names)
    )?;
    chain.hops.iter().try_for_each(|hop| write_hop(out, hop, names))
}

fn verdict_text(verdict: &Verdict, names: &Names<'_>) -> String {
    match verdict {
        Verdict::Complete => "complete 送达".to_owned(),
        Verdict::Late { deadline, consigned, in_custody_of, attested } => format!(
            "late 逾期: due {deadline}, there {consigned}; the time passed in the custody of {}, {}",
            names.with_code(*in_custody_of),
            if *attested {
                "as both sides attest"
            } else {
                "which not both sides attest: no fault is proven"
            }
        ),
        Verdict::UnderWay { held_by, since } => {
            format!("under way 在途: held by {} since {since}", names.with_code(*held_by))
        }
        Verdict::Missing { last_held_by, since } => {
            format!("MISSING 下落不明: last held by {} since {since}", names.with_code(*last_held_by))
        }
        Verdict::Unknown { last_held_by, since, because } => {
            let held = last_held_by.zip(*since);
            let held =
                held.map(|(node, since)| format!("; last held by {} since {since}", names.with_code(node)));
            format!("not to be told 无法判断: {because}{}", held.unwrap_or_default())
        }
        Verdict::Failed { at, reason } => format!("failed 失败 at {}: {reason}", names.with_code(*at)),
        Verdict::Expired { held_by, at } => {
            format!("expired 逾期未达 with {} at {at}", names.with_code(*held_by))
        }
        Verdict::Recalled { by, at } => format!("recalled 撤回 with {} at {at}", names.with_code(*by)),
        Verdict::Forged { what } => format!("FORGED 伪造: {what}"),
    }
}

fn write_hop(out: &mut Formatter<'_>, hop: &HopLine, names: &Names<'_>) -> fmt::Result {
    let time = hop.time.map_or_else(|| "time unknown".to_owned(), |time| time.to_string());
    write!(out, "       {time}  {}  {}", names.with_code(hop.node), kind_text(hop.kind))?;
    if let Some((from, link)) = hop.from.zip(hop.link) {
        write!(out, " from {from}, offer {link}")?;
    }
    write!(out, "  [{} #{}]  ", hop.ledger, hop.index)?;
    let proof = match (hop.provided, hop.from.is_some(), hop.attested_by_both) {
        (false, ..) => "known from others only: its ledger or entry is not there (未提供)",
        (true, true, true) => "proven by both sides",
        (true, true, false) => "proven by the taker only; NOT by the giver",
        (true, false, _) => "proven by its ledger",
    };
    writeln!(out, "{proof}{}", if hop.witnessed { ", witnessed" } else { ", not witnessed" })
}

fn write_receipt(out: &mut Formatter<'_>, receipt: &ReceiptFinding, names: &Names<'_>) -> fmt::Result {
    let (node, event) = (receipt.ledger.node, &receipt.entry.event);
    writeln!(
        out,
        "GOOD 有效: {} entered {} at {}",
        names.with_code(node),
        kind_text(event.kind()),
        receipt.entry.time
    )?;
    if let Some(id) = event.envelope_id() {
        writeln!(out, "  document {id}")?;
    }
    for unit in event.units(node) {
        writeln!(out, "  for {}, attempt {}", names.with_code(unit.destination), unit.attempt)?;
    }
    writeln!(
        out,
        "  entry {} of ledger {}, under its signed checkpoint of {} entries",
        receipt.index, receipt.ledger, receipt.size
    )?;
    for witness in &receipt.witnessed_by {
        writeln!(out, "  cosigned (见证) by {} at {}", names.with_code(witness.node), witness.time)?;
    }
    if receipt.witnessed_by.is_empty() {
        writeln!(out, "  not cosigned: nobody but the node itself attests that, or when")?;
    }
    if let Some(at) = event.rests_on() {
        writeln!(
            out,
            "  rests on entry {} of {}, which one receipt alone does not show",
            at.index, at.ledger
        )?;
    }
    Ok(())
}

/// The kind of an entry with the offices' word for it.
fn kind_text(kind: &str) -> String {
    let chinese = receipt_term(kind);
    if chinese.is_empty() { kind.to_owned() } else { format!("{kind} {chinese}") }
}

/// What people call nodes.
struct Names<'a>(&'a Directory);

impl Names<'_> {
    fn of(&self, node: NodeId) -> &str {
        self.0.division(node).map(|division| division.name("zh")).unwrap_or_default()
    }

    fn with_code(&self, node: NodeId) -> String {
        format!("{node} {}", self.of(node)).trim_end().to_owned()
    }
}
