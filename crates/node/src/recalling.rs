//! Recalls: entered for an office, on their way with the reason closed anew to each destination, and held against its digest
//! there.

use crate::daemon::Daemon;
use crate::door::{Door, internal, stopping, unknown_document};
use crate::fault::NodeError;
use crate::input::Ask;
use crate::refusals::refusal;
use crate::shared::Shared;
use crate::stage::StagedItem;
use crate::{receipts, tracking};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::oneshot;
use yizhan_desk::{DoorCode, DoorError, RecallDone, RecallRequest};
use yizhan_document::{Digest, EnvelopeId, NodeId, OfficeAddress};
use yizhan_envelope::{close_attachment, open_attachment};
use yizhan_exchange::{Answer, Event, HeardRecall, RecallOrder, proves_recall};
use yizhan_ledger::{Entry, EntryRef, Event as LedgerEvent, recall_reason_digest};
use yizhan_protocol::{Frame, ProvenEntry, Recall};

/// Why a document is recalled, as it travels closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reason {
    /// Random, so that the digest in the ledger tells nothing.
    pub(crate) salt: Digest,
    /// The office that recalls.
    pub(crate) office: OfficeAddress,
    /// Its words.
    pub(crate) reason: String,
}

impl Reason {
    /// The digest that the `RecallRequested` names.
    pub(crate) fn digest(&self) -> Digest {
        recall_reason_digest(&self.salt.0, &self.office.to_string(), &self.reason)
    }

    /// As JSON, to be closed.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        // Three texts always have a JSON form.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What was closed to this node; none if it does not open or read.
    pub(crate) fn open(shared: &Shared, attachment: &[u8]) -> Option<Self> {
        let plain = open_attachment(attachment, &shared.by().opener.key).ok()?;
        serde_json::from_slice(&plain).ok()
    }
}

/// What a recall for this node says, with its reason as it came. It counts only with proof, and with the reason that the
/// entry names (MUST-31): without it the origin asks again, whoever on the way lost it.
pub(crate) fn heard(shared: &Shared, neighbour: NodeId, frame: &Recall) -> Option<(HeardRecall, Vec<u8>)> {
    let ledger = frame.proof.ledger;
    let entries = shared.by().proofs.entries(&frame.proof);
    let entries = entries.inspect_err(|error| {
        tracing::warn!(%neighbour, maker = %ledger, %error, "a recall is not believed");
    });
    let recall = proves_recall(frame.destination, ledger, &entries.ok()?);
    let proven =
        frame.proof.entries.iter().find(|entry| recall.is_some_and(|recall| recall.at.index == entry.index));
    let (Some(recall), Some(proven)) = (recall, proven) else {
        tracing::warn!(%neighbour, maker = %ledger, "a recall shows no document for this node that its origin recalled");
        return None;
    };
    if Reason::open(shared, &proven.attachment).map(|reason| reason.digest()) != Some(recall.reason) {
        tracing::warn!(%neighbour, id = %recall.id, "a recall came without the reason that it names");
        return None;
    }
    Some((recall, proven.attachment.clone()))
}

/// What goes home beside an own entry: what an office stated. The reason of a recall came from there.
pub(crate) fn sent_home_with(shared: &Shared, entry: &ProvenEntry) -> Option<Vec<u8>> {
    // Most receipts are of nodes and not of offices: for these nobody is asked.
    if !mentions_statement(&entry.entry) {
        return None;
    }
    Entry::from_bytes(&entry.entry).ok()?.event.statement()?;
    shared.index.attachment(entry.index)
}

/// Whether an entry can be that of an act at all: what it names stands in it under this key.
fn mentions_statement(entry: &[u8]) -> bool {
    const KEY: &[u8] = b"\"statement\"";
    entry.windows(KEY.len()).any(|window| window == KEY)
}

/// What an office is told that asks for a recalled document; `index` is the `Recalled`.
pub(crate) fn problem(shared: &Shared, id: EnvelopeId, index: u64) -> DoorError {
    let reason = shared.index.attachment(index).and_then(|closed| Reason::open(shared, &closed));
    let detail = match reason {
        Some(Reason { office, reason, .. }) => format!("{office} recalled {id}: {reason}"),
        None => format!("its sender recalled {id}"),
    };
    DoorError::new(DoorCode::Recalled, detail, "nothing is to be done; ask the sending office if in doubt")
}

impl Door {
    pub(crate) async fn recall_now(
        &self,
        id: EnvelopeId,
        request: RecallRequest,
    ) -> Result<RecallDone, DoorError> {
        let office = self.check_office(&request.from.office)?;
        if office != request.from {
            let detail = format!("{} is served by another node", request.from);
            return Err(DoorError::new(
                DoorCode::UnknownOffice,
                detail,
                "ask the node that took the document",
            ));
        }
        let before = self.look(move |node| {
            node.state().recalls().request(id).filter(|index| *index < node.durable_size())
        });
        if let Some(index) = before.await? {
            return self.recall_done(id, index, true);
        }
        let (acceptance, event) = self.submission(id)?;
        let LedgerEvent::SubmissionAcceptance { envelope, to, .. } = event else {
            return Err(unknown_document(id));
        };
        let salt = crate::closing::random_salt()?;
        let reason = Reason { salt, office, reason: request.reason };
        let directory = self.shared.directory();
        let own = directory.division(self.shared.me());
        let own = own.ok_or_else(|| internal("this node left the directory"))?;
        let attachment = close_attachment(&reason.to_bytes(), &own.opening).map_err(internal)?;
        let order = RecallOrder { id, envelope, acceptance, to, reason: reason.digest() };
        let (reply, answer) = oneshot::channel();
        self.ask(Ask::Recall { order, attachment, reply }).await?;
        match answer.await.map_err(|_| stopping())? {
            Answer::Recalling { index } => self.recall_done(id, index, false),
            other => Err(refusal(&other)),
        }
    }

    fn recall_done(&self, id: EnvelopeId, index: u64, duplicate: bool) -> Result<RecallDone, DoorError> {
        let receipt = receipts::own(&self.shared, index).map_err(internal)?;
        let known = receipts::known(&self.shared, id).map_err(internal)?;
        let track = tracking::track(id, &known).ok_or_else(|| unknown_document(id))?;
        Ok(RecallDone { receipt, duplicate, destinations: track.destinations })
    }

    /// The own `SubmissionAcceptance` of a document, durable.
    fn submission(&self, id: EnvelopeId) -> Result<(EntryRef, LedgerEvent), DoorError> {
        for index in self.shared.index.own_entries(id).map_err(internal)? {
            let bytes = self.shared.keeper().entry(index).map_err(internal)?;
            let event = Entry::from_bytes(&bytes).map_err(internal)?.event;
            if let LedgerEvent::SubmissionAcceptance { .. } = event {
                return Ok((EntryRef::to(self.shared.ledger, index, &bytes), event));
            }
        }
        Err(unknown_document(id))
    }
}

impl Daemon {
    /// A recall that came by.
    pub(crate) fn recall(
        &mut self,
        neighbour: NodeId,
        frame: Box<Recall>,
        heard: Option<(HeardRecall, Vec<u8>)>,
    ) -> Result<(), NodeError> {
        let (destination, hops_left) = (frame.destination, frame.hops_left);
        let (recall, item) = match heard {
            Some((recall, reason)) => (Some(recall), StagedItem::Attachment(reason)),
            None => (None, StagedItem::Recall(frame)),
        };
        let staged = self.stage.put(item);
        self.take_in(Event::RecallArrived { neighbour, destination, hops_left, recall, staged })
    }

    /// Sends a recall on its way. Closing the reason to the destination takes a worker; what is not sent is asked again.
    pub(crate) fn send_recall(&self, hop: NodeId, destination: NodeId, acceptance: u64, request: u64) {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || {
            if let Err(reason) = send(&shared, hop, destination, [acceptance, request]) {
                tracing::error!(%destination, request, reason, "a recall cannot be sent; it is tried again");
            }
        });
    }
}

fn send(
    shared: &Shared,
    hop: NodeId,
    destination: NodeId,
    [acceptance, request]: [u64; 2],
) -> Result<(), String> {
    let mut proof = shared.keeper().bundle(&[acceptance, request]).map_err(|e| e.to_string())?;
    let stored = shared.index.attachment(request).ok_or("its reason is not there")?;
    let reason = Reason::open(shared, &stored).ok_or("its reason cannot be read")?;
    let directory = shared.directory();
    crate::knowing::know_soon(shared, destination);
    let division =
        directory.division(destination).ok_or("the destination is not in the directory held here")?;
    let closed = close_attachment(&reason.to_bytes(), &division.opening).map_err(|e| e.to_string())?;
    for entry in proof.entries.iter_mut().filter(|entry| entry.index == request) {
        entry.attachment.clone_from(&closed);
    }
    let hops_left = yizhan_exchange::limits::HOPS_MAX;
    let frame = Frame::Recall(Box::new(Recall { destination, hops_left, proof }));
    // A full queue or a lost link loses nothing.
    shared.links.send(hop, frame).map_err(|error| error.to_string())
}
