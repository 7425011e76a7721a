//! Whether a node still knows all that it has said: what neighbours remember of its ledger is held against it.
//!
//! A node whose folder does not lie where it left it promises nothing before every neighbour has spoken. One that was set back
//! all the same, as by a snapshot, is told by its own signature at first contact. Either way it stops rather than tell a second
//! history.

use crate::daemon::Daemon;
use crate::fault::NodeError;
use crate::input::{Ask, Input};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::mpsc;
use yizhan_document::NodeId;
use yizhan_exchange::Answer;
use yizhan_protocol::Hello;

/// How often the log says who is waited for.
const REMIND: Duration = Duration::from_secs(10);

impl Daemon {
    /// What a neighbour remembers of this node's ledger must be in it (MUST-34); its own checkpoint is remembered for it.
    pub(crate) fn hear_memory(&self, neighbour: NodeId, hello: &Hello) -> Result<(), NodeError> {
        self.shared.remember(neighbour, hello.ledger, &hello.checkpoint);
        let keeper = self.shared.keeper();
        match keeper.said_beyond(&hello.remembered) {
            Some(said) => Err(NodeError::SetBack { neighbour, said: said.size, known: keeper.head().size }),
            None => Ok(()),
        }
    }

    /// Waits until every neighbour has said what it remembers (MUST-35). Gives the hellos of those that are up then; nothing if
    /// the node is to stop. Meanwhile nothing is accepted, acknowledged or entered: whoever asked is told to come again, and
    /// neighbours repeat what they are not answered.
    pub(crate) async fn confirmed(
        &mut self,
        inputs: &mut mpsc::Receiver<Input>,
        stop: &mut (impl Future<Output = ()> + Unpin),
    ) -> Result<Option<BTreeMap<NodeId, Hello>>, NodeError> {
        let neighbours = self.shared.directory().neighbours(self.shared.me());
        let mut silent: BTreeSet<NodeId> = neighbours.into_iter().collect();
        let mut up = BTreeMap::new();
        let mut reminder = tokio::time::interval(REMIND);
        while !silent.is_empty() {
            let input = tokio::select! {
                biased;
                () = &mut *stop => return Ok(None),
                input = inputs.recv() => input,
                _ = reminder.tick() => {
                    tracing::warn!(?silent, "ALARM: the data folder was moved, copied or restored, or its mark is gone; nothing is \
                        promised before these neighbours have said how far this node's ledger had come");
                    continue;
                }
            };
            match input {
                None => return Ok(None),
                Some(Input::Up { neighbour, hello }) => {
                    self.hear_memory(neighbour, &hello)?;
                    silent.remove(&neighbour);
                    up.insert(neighbour, hello);
                }
                Some(Input::Down { neighbour }) => {
                    up.remove(&neighbour);
                }
                // Who is no neighbour any more is not waited for.
                Some(Input::DirectoryChanged(directory)) => {
                    let neighbours = directory.neighbours(self.shared.me());
                    silent.retain(|node| neighbours.contains(node));
                }
                Some(Input::EpochOpened { neighbour, opened }) => self.is_not_own(neighbour, &opened)?,
                Some(Input::Ask(ask)) => self.put_off(ask),
                Some(_) => {}
            }
        }
        tracing::info!("no neighbour remembers more than this node: it goes on from here");
        Ok(Some(up))
    }

    fn put_off(&self, ask: Ask) {
        let come_again = || Answer::Refused { reason: "unconfirmed" };
        match ask {
            Ask::Reserve { reply, .. }
            | Ask::Submit { reply, .. }
            | Ask::Take { reply, .. }
            | Ask::Act { reply, .. }
            | Ask::Recall { reply, .. } => {
                // Who does not wait any more comes again by itself.
                reply.send(come_again()).unwrap_or_default();
            }
            Ask::Many(asks) => asks.into_iter().for_each(|ask| self.put_off(ask)),
            // A notice is answered with the submission that it comes with.
            Ask::Abandon { .. } | Ask::Notice { .. } => {}
            Ask::Look(look) => look(&self.node),
        }
    }
}
