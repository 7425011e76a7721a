//! What a node goes by: one version of the directory and all that follows from it, changed as one.

use crate::closing::Closer;
use crate::opening::Opener;
use crate::proofs::ProofChecker;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use yizhan_document::OfficeName;
use yizhan_envelope::AttachmentError;
use yizhan_hierarchy::Directory;
use yizhan_identity::OfficeKey;

/// One version of the directory, and the workers that judge by it. Whoever holds one judges by one version to the end.
pub(crate) struct GoesBy {
    /// The directory.
    pub(crate) directory: Arc<Directory>,
    /// Checks proofs.
    pub(crate) proofs: ProofChecker,
    /// Opens documents.
    pub(crate) opener: Opener,
    /// Closes documents.
    pub(crate) closer: Closer,
}

/// What the node goes by now, and the newest version that it holds: another one only where that does not fit this node.
pub(crate) struct Current {
    by: RwLock<Arc<GoesBy>>,
    held: RwLock<Arc<Directory>>,
}

impl Current {
    /// Goes by what it holds.
    pub(crate) fn new(directory: Arc<Directory>, opener: Opener, closer: Closer) -> Self {
        let proofs = ProofChecker::new(Arc::clone(&directory));
        let by = GoesBy { directory: Arc::clone(&directory), proofs, opener, closer };
        Self { by: RwLock::new(Arc::new(by)), held: RwLock::new(directory) }
    }

    /// What the node goes by at this moment.
    pub(crate) fn by(&self) -> Arc<GoesBy> {
        // Only whole values are put under these locks.
        Arc::clone(&self.by.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The newest version that the node holds, which is what it tells its neighbours of.
    pub(crate) fn held(&self) -> Arc<Directory> {
        Arc::clone(&self.held.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Holds a version that was verified and is durable.
    pub(crate) fn hold(&self, directory: Arc<Directory>) {
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = directory;
    }

    /// Goes by a version from now on. What was verified under keys of the version before is verified again.
    /// Fails only where the machine gives no randomness; nothing is changed then.
    pub(crate) fn go_by(
        &self,
        directory: Arc<Directory>,
        offices: Option<BTreeMap<OfficeName, OfficeKey>>,
    ) -> Result<(), AttachmentError> {
        let before = self.by();
        let key = Arc::clone(&before.opener.key);
        let opener = Opener::new(before.opener.me, Arc::clone(&directory), key)?;
        let mut closer = Closer { directory: Arc::clone(&directory), ..before.closer.clone() };
        if let Some(offices) = offices {
            closer.offices = Arc::new(offices);
        }
        let proofs = ProofChecker::new(Arc::clone(&directory));
        let by = GoesBy { directory, proofs, opener, closer };
        *self.by.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(by);
        Ok(())
    }
}
