//! The audit of a network: every ledger by itself, then what they say of each other, then every document.

use crate::evidence::{Evidence, Ledger};
use crate::gathering::{Part, gather};
use crate::heads::{check_heads, check_passed, roots_at};
use crate::ledger_check::check_ledger;
use crate::ledger_copy::LedgerCopy;
use crate::links::check_links;
use crate::problem::{Fault, Problem, Problems};
use crate::report::{LedgerFinding, Report};
use crate::trail::Findings;
use crate::verdict::judge;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use yizhan_document::{LedgerId, OfficeAddress, WallTime};
use yizhan_hierarchy::{Directory, Division};

/// Audits copied ledgers against a directory.
///
/// `ledgers` are `ledger/` folders or data folders of nodes that contain one; in any order, not necessarily of all nodes.
/// `at` is the time of the audit: a document that has not arrived and whose deadline lies after it is under way; without
/// it, it is missing. Reads every ledger at least twice and holds about 100 bytes an entry, besides the entries about
/// the documents of one part ([`crate::limits::ENTRIES_HELD_MAX`]) and the report.
pub fn verify_network(directory: &Directory, ledgers: &[PathBuf], at: Option<WallTime>) -> Report {
    let mut findings = Findings::default();
    let (checked, believed) = check_all(directory, ledgers, &mut findings.problems);
    let entries = believed.iter().map(|ledger| ledger.copy.size).sum();
    let mut evidence = Evidence::new(directory, believed);
    let mut documents = Vec::new();
    for part in Part::all(entries) {
        let trails = gather(&mut evidence, part, &mut findings.problems);
        if part.is_first() {
            check_heads(&mut evidence, &mut findings.problems);
            check_passed(&evidence, &mut findings.problems);
            check_links(&evidence, &mut findings.problems);
        }
        let judged = trails.iter().filter_map(|(id, seen)| judge(&evidence, *id, seen, at, &mut findings));
        documents.extend(judged);
    }
    documents.sort_by_key(|document| document.id);
    let Findings { mut problems, mut absent } = findings;
    absent.extend(evidence.passed.keys().copied());
    report_absent(&evidence, &absent, &mut problems);
    let (problems, problems_left_out) = problems.finish();
    let mut report = Report {
        network: directory.network.clone(),
        directory: directory.version,
        custodial_offices: custodial_offices(directory),
        ledgers: checked,
        documents,
        chains_verified: 0,
        chains: 0,
        problems,
        problems_left_out,
    };
    report.count();
    report
}

fn custodial_offices(directory: &Directory) -> Vec<OfficeAddress> {
    let of_division = |division: &Division| {
        let node = division.node;
        let custodial = division.offices.iter().filter(|record| record.custodial);
        custodial.map(|record| OfficeAddress { office: record.office.clone(), node }).collect::<Vec<_>>()
    };
    directory.divisions_of_all().flat_map(of_division).collect()
}

/// Checks every ledger by itself; of several copies of one the longest is believed.
fn check_all(
    directory: &Directory,
    ledgers: &[PathBuf],
    problems: &mut Problems,
) -> (Vec<LedgerFinding>, Vec<Ledger>) {
    let mut findings = Vec::new();
    let mut believed: BTreeMap<LedgerId, Ledger> = BTreeMap::new();
    for folder in ledgers {
        let (finding, copy) = check_ledger(directory, folder);
        if let Some(copy) = copy {
            let (id, ledger) = (copy.id, Ledger::new(copy, finding.witnessed_by.clone()));
            let ledger = match believed.remove(&id) {
                Some(other) => longer(other, ledger, problems),
                None => ledger,
            };
            believed.insert(id, ledger);
        }
        findings.push(finding);
    }
    (findings, believed.into_values().collect())
}

/// The longer of two copies of one ledger. If it does not continue the shorter one, its key has signed two histories.
fn longer(first: Ledger, second: Ledger, problems: &mut Problems) -> Ledger {
    let (long, short) = if first.copy.size >= second.copy.size { (first, second) } else { (second, first) };
    let LedgerCopy { id, size, root, .. } = short.copy;
    if roots_at(&long.copy.leaves, std::iter::once(size)).get(&size) != Some(&root) {
        let text = format!(
            "two copies are signed by its key and contradict each other: at {size} entries one has the root {root}, the \
             other has not"
        );
        problems.push(Problem::of(Fault::Fork, Some(id), text));
    }
    long
}

fn report_absent(evidence: &Evidence<'_>, absent: &BTreeSet<LedgerId>, problems: &mut Problems) {
    for ledger in absent.iter().filter(|ledger| evidence.number(**ledger).is_none()) {
        let (fault, text) = if evidence.is_over(*ledger) {
            let text = format!(
                "the ledger {ledger} was lost or not provided: its node has begun a later one (台账重启)"
            );
            (Fault::EpochLost, text)
        } else {
            let text = format!("the ledger {ledger} was not provided (未提供), or is not to be believed");
            (Fault::NotProvided, text)
        };
        problems.push(Problem::of(fault, Some(*ledger), text));
    }
}
