//! From bytes to what the node goes by: verified, durable, then changed as one.

use super::{LINGER_MS, Versions, holding};
use crate::input::Input;
use crate::keys::Keys;
use std::sync::Arc;
use yizhan_document::NodeId;
use yizhan_hierarchy::{Acceptance, Directory, HistoryError, Parcel, VersionRefused};

/// Why a version is not held.
#[derive(Debug, thiserror::Error)]
pub(super) enum InstallError {
    /// It may not take the place of the one that is held.
    #[error(transparent)]
    Refused(#[from] VersionRefused),
    /// It cannot be made durable.
    #[error(transparent)]
    Disk(#[from] HistoryError),
    /// A worker failed.
    #[error("a worker failed: {0}")]
    Worker(#[from] tokio::task::JoinError),
}

impl Versions {
    /// Takes a version. First it is verified as a whole, then it is durable, then the node goes by it (MUST-38).
    pub(super) async fn install(&mut self, parcel: Parcel) -> Result<Arc<Directory>, InstallError> {
        let held = self.shared.current.held();
        let (anchor, history, now) = (self.anchor.clone(), self.history.clone(), self.shared.clock.wall());
        let (hold, me) = (self.shared.config.directory.hold, self.shared.me());
        let taken = tokio::task::spawn_blocking(move || {
            let acceptance = Acceptance { anchor: &anchor, held: &held, now };
            let mut parcel = acceptance.completed(parcel, || history.read(held.edition()).ok())?;
            let mut directory = acceptance.whole(&parcel)?;
            // Whoever is to hold a part holds one since its start.
            if let Some(kept) = holding::kept(hold, me, Some(&held), &directory) {
                directory = directory.reduced_to(&kept);
                parcel.reduce_to(&directory);
            }
            history.keep(directory.edition(), &parcel)?;
            Ok::<_, InstallError>(Arc::new(directory))
        });
        let directory = taken.await??;
        self.shared.current.hold(Arc::clone(&directory));
        tracing::info!(version = %directory.edition(), "a new version of the directory is held");
        let before = self.shared.by().directory.neighbours(self.shared.me());
        match self.own.misfit(&directory) {
            None => self.go_by(&directory, &before).await,
            Some(reason) => {
                tracing::error!(
                    version = directory.version,
                    reason,
                    "ALARM: the new directory does not fit this node; it goes by the one before and passes the new one on"
                );
            }
        }
        let now = self.shared.clock.uptime_ms();
        self.shared.told().compare(&super::told::Own::of(&directory), now);
        let neighbours = self.shared.by().directory.neighbours(self.shared.me());
        for neighbour in before.iter().chain(neighbours.iter().filter(|node| !before.contains(node))) {
            self.tell(*neighbour);
        }
        self.know_anew(&directory);
        // What is under way is older than this, or this itself.
        self.fetch = self.fetch.take().filter(|fetch| fetch.is_after(&directory));
        Ok(directory)
    }

    async fn go_by(&mut self, directory: &Arc<Directory>, before: &[NodeId]) {
        if directory.ca != self.shared.by().directory.ca {
            tracing::warn!(
                "the directory has another CA certificate; links go by it after a restart of this node"
            );
        }
        let shared = Arc::clone(&self.shared);
        let offices = tokio::task::spawn_blocking(move || Keys::offices(&shared.config)).await;
        let offices = match offices {
            Ok(Ok(offices)) => Some(offices),
            Ok(Err(error)) => {
                tracing::error!(%error, "ALARM: the keys of the offices cannot be read anew; those known are used");
                None
            }
            Err(fault) => {
                tracing::error!(%fault, "the keys of the offices were not read anew");
                None
            }
        };
        if let Err(error) = self.shared.current.go_by(Arc::clone(directory), offices) {
            tracing::error!(%error, "ALARM: the new directory cannot be gone by before a restart");
            return;
        }
        self.set_neighbours(before);
        let gone = before.iter().any(|node| !directory.neighbours(self.shared.me()).contains(node));
        self.lingering = gone.then(|| self.shared.clock.uptime_ms() + LINGER_MS).or(self.lingering);
        // The loop ends only with the node.
        self.shared.inputs.send(Input::DirectoryChanged(Arc::clone(directory))).await.unwrap_or_default();
    }
}
