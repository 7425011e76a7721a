//! Content that nobody needs any more: forgotten by the index, and its body file removed.

use crate::daemon::Daemon;
use std::collections::BTreeSet;
use yizhan_document::{Digest, EnvelopeId};
use yizhan_exchange::State;
use yizhan_spool::{BodyError, BodyStore};

impl Daemon {
    /// The content of a holding is needed no more, and what says so is durable.
    pub(crate) fn release(&mut self, holding: u64, body: Option<(EnvelopeId, Digest)>) {
        self.shared.index.release(holding);
        self.reclaiming.released(holding);
        tracing::debug!(holding, "content is no longer needed");
        let Some((id, header)) = body else { return };
        // Another attempt may rest on the same file, or an offer that is being looked at.
        if self.node.state().needs_content(id) || self.stage.has_envelope(header) {
            return;
        }
        // The name goes at once, before any event can count on it; giving back the space of a large file takes longer.
        match self.shared.bodies.retire(header) {
            Ok(Some(retired)) => drop(tokio::task::spawn_blocking(move || {
                if let Err(error) = std::fs::remove_file(&retired) {
                    tracing::warn!(%error, "a body that nobody needs is removed at the next start");
                }
            })),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "a body that nobody needs stays until the next start"),
        }
    }
}

/// At a start: removes whole bodies that no holding and no inbox needs, which a stop or a power cut can leave. What is still
/// coming in stays, to be resumed. Only for a journal without damage: else what would need a body may be lost, and the file is
/// all that is left of it.
pub(crate) fn sweep(bodies: &BodyStore, state: &State) -> Result<(), BodyError> {
    let held = state.holdings().values().map(|held| held.acceptance.header);
    let needed: BTreeSet<Digest> =
        held.chain(state.inboxes().iter().map(|(.., entry)| entry.header)).collect();
    let listed = bodies.list()?.into_iter();
    let unneeded: Vec<Digest> = listed
        .filter(|(digest, whole)| *whole && !needed.contains(digest))
        .map(|(digest, _)| digest)
        .collect();
    for digest in &unneeded {
        bodies.remove(*digest)?;
    }
    if !unneeded.is_empty() {
        tracing::info!(bodies = unneeded.len(), "bodies that nobody needs were removed");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_sweep_removes_whole_bodies_without_a_holding_and_keeps_what_is_coming_in() {
        let temp = tempfile::tempdir().unwrap();
        let bodies = BodyStore::open(temp.path()).unwrap();
        let (whole, part) = (Digest::of(b"1"), Digest::of(b"2"));
        std::fs::write(bodies.path_of(whole), b"x").unwrap();
        std::fs::write(temp.path().join(format!("{part}.part")), b"x").unwrap();
        sweep(&bodies, &State::new("652301.0".parse().unwrap())).unwrap();
        assert_eq!(bodies.list().unwrap(), [(part, false)]);
    }
}
