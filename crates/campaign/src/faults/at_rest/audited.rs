//! A flip in a copied ledger, as the auditor sees it: it is named, or the audit says of every document what it said before.

use super::targets::{Kind, Target};
use super::{Came, PROMISE};
use crate::checks::ledgers_agree::directory;
use crate::failure::{Doing, Failure};
use crate::network::Network;
use crate::programs::done;
use crate::random::Random;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;
use yizhan_audit::{Report, verify_network};
use yizhan_hierarchy::Directory;

/// Copies of all ledgers, and what an auditor said of them when they were whole.
pub(in crate::faults) struct Audited {
    folder: TempDir,
    directory: Directory,
    nodes: Vec<String>,
    before: Report,
}

impl Audited {
    /// Copies the ledgers of a network that is stopped.
    pub(in crate::faults) fn make(network: &Network) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("yz").tempdir().doing("making a folder")?;
        let nodes: Vec<String> = network.ids().into_iter().map(str::to_owned).collect();
        for node in &nodes {
            let data = folder.path().join(node).join("data");
            std::fs::create_dir_all(&data).doing("making a folder")?;
            done(Command::new("cp").arg("-a").arg(network.data(node).join("ledger")).arg(data))?;
        }
        let directory = directory(network)?;
        let before = verify_network(&directory, &ledgers(&folder, &nodes), None);
        if !before.ok() {
            return Err(Failure::broken(PROMISE, "the ledgers were not good before anything was changed"));
        }
        Ok(Self { folder, directory, nodes, before })
    }

    /// One flipped bit; the same flip once more takes it back.
    pub(in crate::faults) fn flip(
        &self,
        kind: Kind,
        random: &mut Random,
    ) -> Result<Option<(Target, Came)>, Failure> {
        let Some(node) = random.among(&self.nodes) else { return Ok(None) };
        let Some(target) = Target::bit(kind, &self.folder.path().join(node), random)? else {
            return Ok(None);
        };
        target.strike()?;
        let after = verify_network(&self.directory, &ledgers(&self.folder, &self.nodes), None);
        target.strike()?;
        let came = self.judge(&after);
        Ok(Some((target, came)))
    }

    fn judge(&self, after: &Report) -> Came {
        let before = &self.before;
        let told = |report: &Report| -> Vec<String> {
            let chains = report.documents.iter().flat_map(|document| {
                let id = document.id;
                document.destinations.iter().map(move |chain| {
                    let hops = chain.hops.iter().map(|hop| (hop.kind, hop.node, hop.index, hop.time));
                    format!("{id} {} {:?} {:?}", chain.node, chain.verdict, hops.collect::<Vec<_>>())
                })
            });
            chains.collect()
        };
        let heads = |report: &Report| -> Vec<_> {
            report.ledgers.iter().map(|ledger| (ledger.ledger, ledger.size, ledger.root)).collect()
        };
        let as_before = told(after) == told(before) && heads(after) == heads(before);
        match (after.ok(), as_before) {
            (true, true) if after.ledgers == before.ledgers => Came::NoDifference,
            // A cosignature that nobody knows any more is passed over: then the ledger is witnessed by fewer.
            (true, true) => Came::Noticed,
            (true, false) => {
                Came::Wrong("the audit says that all is well, and says something else".to_owned())
            }
            (false, _) => Came::Noticed,
        }
    }
}

fn ledgers(folder: &TempDir, nodes: &[String]) -> Vec<PathBuf> {
    nodes.iter().map(|node| folder.path().join(node).join("data/ledger")).collect()
}
