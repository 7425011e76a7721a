//! What an audit comes to, in one line.

use yizhan_audit::{Report, Severity};

/// `ok` if every chain is verified and nothing graver than a notice was found; else what failed.
pub(crate) fn in_one_line(report: &Report) -> String {
    if report.severity() <= Severity::Notice && report.chains_verified == report.chains {
        return "ok".to_owned();
    }
    let of_ledgers = report.ledgers.iter().flat_map(|ledger| &ledger.problems);
    let problems: Vec<&str> =
        report.problems.iter().chain(of_ledgers).map(|problem| problem.text.as_str()).collect();
    format!("{} of {} chains verified; {}", report.chains_verified, report.chains, problems.join("; "))
}
