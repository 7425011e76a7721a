//! The auditor: collect, verify, report. It cannot open anything.
//!
//! [`verify_network`] takes copied ledgers and the signed directory, offline, and gives every document a [`Verdict`] for each
//! destination: complete, late, missing, failed, expired, forged. It trusts no node: a ledger is believed only under the key
//! that the directory names, a hop counts as proven only where both sides entered it, and what a node says of another is
//! held against the other's ledger. [`verify_receipt`] checks one exported receipt,
//! [`verify_certificate`] a delivery certificate. The rules are those of `docs/receipts.md`.

mod alone;
mod certificate;
mod chain;
mod evidence;
mod gathering;
mod heads;
mod ledger_check;
mod ledger_copy;
pub mod limits;
mod links;
mod network;
mod problem;
mod recall;
mod receipt;
mod render;
mod report;
mod show;
mod terms;
mod trail;
mod verdict;

pub use alone::{AloneFinding, AloneWitness, verify_alone};
pub use certificate::{CertificateFinding, CertificateRefused, render_certificate, verify_certificate};
pub use ledger_check::ledger_key;
pub use network::verify_network;
pub use problem::{Fault, Problem, Severity};
pub use receipt::{ReceiptError, ReceiptFinding, verify_receipt};
pub use render::{render_receipt, render_report};
pub use report::{ChainVerdict, DocumentVerdict, HopLine, LedgerFinding, Report, Verdict, WitnessedBy};
pub use show::{ShowError, show_ledger};
pub use terms::receipt_term;
