//! New epochs of other nodes: their statements are checked, kept and told on; and one of this node itself that it does not know of
//! says that it was set back.

use crate::daemon::Daemon;
use crate::fault::NodeError;
use crate::proofs::ProofChecker;
use crate::shared::Shared;
use yizhan_document::{LedgerId, NodeId};
use yizhan_exchange::{EpochStatement, Event, Node, proves_epoch};
use yizhan_planted::{Bug, on};
use yizhan_protocol::{Frame, ProofBundle, ProvenEntry};

/// What a neighbour tells of a new epoch, if it is proven (MUST-50).
pub(crate) fn heard(shared: &Shared, neighbour: NodeId, bundle: ProofBundle) -> Option<EpochStatement> {
    let by = shared.by();
    let ledger = bundle.ledger;
    if let Err(reason) = believed(&by.proofs, by.directory.network_of(ledger.node), &bundle) {
        tracing::warn!(%neighbour, %ledger, reason, "a new epoch is not believed");
        return None;
    }
    let ProofBundle { ledger, checkpoint, entries } = bundle;
    let ProvenEntry { entry, path, .. } = entries.into_iter().next()?;
    Some(EpochStatement { ledger, checkpoint, entry, path })
}

/// Whether a bundle is the statement of a new epoch, signed by the node whose ledger it is; why not, if it is not.
fn believed(proofs: &ProofChecker, network: &str, bundle: &ProofBundle) -> Result<(), String> {
    if on(Bug::EpochUnproven) {
        return Ok(());
    }
    let entries = proofs.entries(bundle).map_err(|error| error.to_string())?;
    let proves = proves_epoch(network, bundle.ledger, &entries);
    if proves { Ok(()) } else { Err("it opens no epoch".to_owned()) }
}

/// How far each neighbour's present ledger was cosigned before.
pub(crate) fn cosigned_before(node: &Node, neighbours: &[NodeId]) -> std::collections::HashMap<NodeId, u64> {
    let state = node.state();
    let known = |of: &NodeId| Some((*of, state.witnessed(state.ledger_of(*of))?.size));
    neighbours.iter().filter_map(known).collect()
}

impl Daemon {
    /// A node began a new epoch, as a neighbour tells.
    pub(crate) fn epoch_opened(
        &mut self,
        neighbour: NodeId,
        opened: EpochStatement,
    ) -> Result<(), NodeError> {
        let EpochStatement { ledger, ref checkpoint, .. } = opened;
        self.is_not_own(neighbour, &opened)?;
        if ledger > self.node.state().ledger_of(ledger.node) {
            tracing::error!(node = %ledger.node, %ledger,
                "ALARM: this node lost its data folder and began a new epoch of its ledger; what may have been lost with it is tried again");
            if self.shared.directory().neighbours(self.shared.me()).contains(&ledger.node) {
                // What was cosigned and shown was of the ledger before.
                self.shared.cosigned().remove(&ledger.node);
                self.shared.remember(ledger.node, ledger, checkpoint);
            }
        }
        self.handle(Event::EpochOpened { neighbour, opened })
    }

    /// An epoch of this very node that it does not know of: the folder is from before it.
    pub(crate) fn is_not_own(&self, neighbour: NodeId, opened: &EpochStatement) -> Result<(), NodeError> {
        let note = &opened.checkpoint;
        let said = (opened.ledger.node == self.shared.me()).then(|| self.shared.keeper().said_beyond(note));
        match said.flatten() {
            Some(said) => {
                let known = self.shared.keeper().head().size;
                Err(NodeError::SetBack { neighbour, said: said.size, known })
            }
            None => Ok(()),
        }
    }

    /// Tells a neighbour of an epoch: of the own one by the first entry of the ledger, of another as it was told here.
    pub(crate) fn tell_epoch(&self, neighbour: NodeId, ledger: LedgerId) -> Result<(), NodeError> {
        let bundle = if ledger == self.shared.ledger {
            // Damaged, it was named; neighbours that know of the epoch need it no more.
            let own = self.shared.keeper().bundle_of_readable(&[0]).map_err(NodeError::Ledger)?;
            let Some(bundle) = own else { return Ok(()) };
            bundle
        } else {
            let Some(known) = self.node.state().epochs().get(&ledger.node).cloned() else { return Ok(()) };
            let EpochStatement { ledger, checkpoint, entry, path } = known;
            let entries = vec![ProvenEntry { index: 0, entry, path, attachment: Vec::new() }];
            ProofBundle { ledger, checkpoint, entries }
        };
        self.send(neighbour, Frame::EpochOpened(Box::new(bundle)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use std::sync::Arc;
    use yizhan_document::WallTime;
    use yizhan_hierarchy::{Directory, NetworkPlan, TrustAnchor};
    use yizhan_identity::{NoteSigner, SigningKey};
    use yizhan_ledger::{Entry, Event as Entered, origin_of, sign_checkpoint};

    const NETWORK: &str = "xinjiang.example";

    /// A ledger of one entry, which says that `begun` begins, under a checkpoint in the name of `ledger` that `key` signed.
    fn statement(ledger: &str, begun: &str, key: &SigningKey) -> ProofBundle {
        let (ledger, begun): (LedgerId, LedgerId) = (ledger.parse().unwrap(), begun.parse().unwrap());
        let (network, reason, previous) = (NETWORK.to_owned(), "restored".to_owned(), Vec::new());
        let event = Entered::EpochOpened { network, ledger: begun, reason, previous };
        let entry = Entry { time: WallTime::EPOCH, event }.to_bytes().unwrap();
        let root = yizhan_document::merkle::leaf_hash(&entry);
        let signer = NoteSigner::new(origin_of(NETWORK, ledger), key.clone()).unwrap();
        let checkpoint = sign_checkpoint(&signer, 1, root).to_text().into_bytes();
        let entries = vec![ProvenEntry { index: 0, entry, path: Vec::new(), attachment: Vec::new() }];
        ProofBundle { ledger, checkpoint, entries }
    }

    #[test]
    fn nobody_begins_an_epoch_for_another_and_nothing_but_a_first_entry_opens_one() {
        let folder = tempfile::tempdir().unwrap();
        let now = "2026-11-20T08:00:00Z".parse().unwrap();
        let plan = NetworkPlan { base_port: 0, ..NetworkPlan::demo() };
        crate::network::create_network(&plan, &folder.path().join("net"), now).unwrap();
        let config = crate::Config::load(&folder.path().join("net/nodes/652301/node.toml")).unwrap();
        let authorities = config.directory.authorities.iter().map(String::as_str);
        let anchor = TrustAnchor::from_vkeys(authorities, config.directory.threshold).unwrap();
        let directory = Directory::load(&config.directory.folder, &anchor, now).unwrap();
        let proofs = ProofChecker::new(Arc::new(directory));
        let key = crate::keys::Keys::load(&config).unwrap().ledger;
        let told = |bundle: &ProofBundle| believed(&proofs, NETWORK, bundle).is_ok();
        let whole = statement("652301.1", "652301.1", &key);
        assert!(told(&whole));
        let forged = statement("652301.1", "652301.1", &SigningKey::generate().unwrap());
        assert!(!told(&forged), "another key");
        assert!(!told(&statement("652301.0", "652301.0", &key)), "the first epoch begins without");
        assert!(!told(&statement("652301.1", "652301.2", &key)), "another ledger");
        assert!(!told(&statement("6523.1", "6523.1", &key)), "of another node");
        assert!(!told(&ProofBundle { entries: Vec::new(), ..whole }), "a checkpoint alone");
    }
}
