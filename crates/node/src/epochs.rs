//! New epochs of other nodes: their statements are checked, kept and told on; and one of this node itself that it does not know of
//! says that it was set back.

use crate::daemon::Daemon;
use crate::fault::NodeError;
use crate::shared::Shared;
use yizhan_document::{LedgerId, NodeId};
use yizhan_exchange::{EpochStatement, Event, Node, proves_epoch};
use yizhan_protocol::{Frame, ProofBundle, ProvenEntry};

/// What a neighbour tells of a new epoch, if it is proven (MUST-50).
pub(crate) fn heard(shared: &Shared, neighbour: NodeId, bundle: ProofBundle) -> Option<EpochStatement> {
    let by = shared.by();
    let ledger = bundle.ledger;
    let believed = by.proofs.entries(&bundle).map_err(|error| error.to_string()).and_then(|entries| {
        let network = by.directory.network_of(ledger.node);
        if proves_epoch(network, ledger, &entries) { Ok(()) } else { Err("it opens no epoch".to_owned()) }
    });
    if let Err(reason) = believed {
        tracing::warn!(%neighbour, %ledger, reason, "a new epoch is not believed");
        return None;
    }
    let ProofBundle { ledger, checkpoint, entries } = bundle;
    let ProvenEntry { entry, path, .. } = entries.into_iter().next()?;
    Some(EpochStatement { ledger, checkpoint, entry, path })
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
