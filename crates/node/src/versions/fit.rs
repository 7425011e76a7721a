//! Whether a version of the directory fits a node: it names the node, with the keys that the node has.

use crate::config::Config;
use crate::keys::Keys;
use yizhan_hierarchy::Directory;
use yizhan_identity::{OpeningPublicKey, PublicKey};

/// What the directory has to say of this node.
pub(crate) struct OwnKeys {
    node: yizhan_document::NodeId,
    ledger: PublicKey,
    witness: PublicKey,
    opening: OpeningPublicKey,
}

impl OwnKeys {
    /// From the configuration and the keys.
    pub(crate) fn of(config: &Config, keys: &Keys) -> Self {
        Self {
            node: config.node,
            ledger: keys.ledger.public(),
            witness: keys.witness.public(),
            opening: keys.opening.public(),
        }
    }

    /// Why this node cannot go by a directory, if it cannot.
    pub(crate) fn misfit(&self, directory: &Directory) -> Option<String> {
        let Some(division) = directory.division(self.node) else {
            return Some(format!("it knows no node {}", self.node));
        };
        if division.ledger.public() != self.ledger || division.witness.public() != self.witness {
            return Some("it names another ledger or witness key than the ones here".to_owned());
        }
        (division.opening != self.opening)
            .then(|| "it names another opening key than the one here".to_owned())
    }
}
