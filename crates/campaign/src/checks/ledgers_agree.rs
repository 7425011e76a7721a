//! Ledgers agree: an auditor who has copies of all of them finds every document arrived, each hop attested by both sides, and
//! no fork.

use crate::book::Book;
use crate::failure::{Doing, Failure};
use crate::network::Network;
use yizhan_audit::{Report, verify_network};
use yizhan_document::WallTime;
use yizhan_hierarchy::{Directory, TrustAnchor};

const PROMISE: &str = "ledgers agree";

/// Audits the ledgers of a network that is stopped.
pub fn check(network: &Network, book: &Book) -> Result<(), Failure> {
    let report = verify_network(&directory(network)?, &network.ledgers(), None);
    let promised = book.open().promises.len() as u64;
    if !report.ok() || report.chains_verified != report.chains || report.chains < promised {
        let what = format!(
            "{promised} promised, {} chains, {} of them verified; {}",
            report.chains,
            report.chains_verified,
            findings(&report).join("; ")
        );
        return Err(Failure::broken(PROMISE, what));
    }
    Ok(())
}

/// The directory of a network, believed on the word of its authority.
pub fn directory(network: &Network) -> Result<Directory, Failure> {
    let vkey = std::fs::read_to_string(network.folder().join("authority/authority.vkey"));
    let vkey = vkey.doing("reading the key of the authority")?;
    let anchor = TrustAnchor::from_vkeys(vkey.lines(), 1).doing("reading the key of the authority")?;
    Directory::load(&network.folder().join("directory"), &anchor, WallTime::EPOCH)
        .doing("reading the directory")
}

/// What an auditor found wrong, in a few lines.
pub fn findings(report: &Report) -> Vec<String> {
    let problems = report.problems.iter().chain(report.ledgers.iter().flat_map(|ledger| &ledger.problems));
    let problems = problems.map(|problem| format!("{}: {}", problem.fault.as_str(), problem.text));
    let chains = report.documents.iter().flat_map(|document| {
        let open = document.destinations.iter().filter(|chain| !chain.proven);
        open.map(|chain| format!("{} to {}: {:?}", document.id, chain.node, chain.verdict))
    });
    problems.chain(chains).take(12).collect()
}
