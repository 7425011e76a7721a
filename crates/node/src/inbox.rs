//! The inboxes of this node's offices: what lies in them, taking it, acting on it.

use crate::card::Card;
use crate::door::{Door, internal, stopping, unknown_document};
use crate::input::Ask;
use crate::refusals::refusal;
use crate::shared::Shared;
use crate::{knowing, receipts};
use std::sync::Arc;
use tokio::sync::oneshot;
use yizhan_desk::{ActDone, ActRequest, DoorCode, DoorError, InboxItem, InboxPart, InboxState, Taken};
use yizhan_document::{Digest, EnvelopeId, NodeId, OfficeName, Statement, Unit};
use yizhan_envelope::close_attachment;
use yizhan_exchange::{Answer, InboxEntry};
use yizhan_hierarchy::{Directory, Division, RecipientError};

impl Door {
    pub(crate) async fn take_now(&self, office: OfficeName, id: EnvelopeId) -> Result<Taken, DoorError> {
        self.check_office(&office)?;
        let name = office.clone();
        let holding = self.look(move |node| {
            let entry = node.state().inboxes().get(&name, id)?;
            (entry.consignment.index < node.durable_size()).then_some(entry.holding)
        });
        let Some(holding) = holding.await? else { return Err(self.absent(id).await?) };
        crate::handover::hand_over(&self.shared, holding, office, id).map_err(internal)
    }

    pub(crate) async fn act_now(
        &self,
        office: OfficeName,
        id: EnvelopeId,
        request: ActRequest,
    ) -> Result<ActDone, DoorError> {
        let address = self.check_office(&office)?;
        let name = office.clone();
        let known = self.look(move |node| {
            let entry = node.state().inboxes().get(&name, id)?;
            let done = entry.acts.iter().find(|(done, _)| *done == request.act).map(|(_, index)| *index);
            Some((entry.holding, entry.attempt, done.filter(|index| *index < node.durable_size()), request))
        });
        let known = known.await?;
        let Some((holding, attempt, done, request)) = known else { return Err(self.absent(id).await?) };
        if let Some(index) = done {
            let receipt = receipts::own(&self.shared, index).map_err(internal)?;
            return Ok(ActDone { receipt, duplicate: true });
        }
        // It may have come while this node held more of the directory (MUST-65).
        knowing::know(&self.shared, &[id.origin], None, knowing::OFFICE_PATIENCE).await;
        let directory = self.shared.directory();
        let origin = origin(&directory, id.origin)?;
        let card = card(&self.shared, holding)?;
        let now = self.shared.clock.wall();
        let statement = Statement {
            act: request.act,
            unit: Unit { envelope: id, destination: self.shared.me(), attempt },
            manifest: card.manifest,
            office: address.clone(),
            person: request.person,
            time: now,
            reason: request.reason,
        };
        let text = statement
            .to_text()
            .map_err(|e| DoorError::new(DoorCode::Malformed, e.to_string(), "correct it"))?;
        let cms = self.shared.by().closer.sign(&address, text.as_bytes(), now)?;
        let digest = Digest::of_all(&[text.as_bytes(), &cms]);
        let signed = receipts::SignedStatement { statement: text, cms };
        // MUST-22: the words of the office are for the origin alone; the entry gets their digest.
        let attachment = close_attachment(&signed.to_bytes(), &origin.opening).map_err(internal)?;
        let (reply, answer) = oneshot::channel();
        let act = request.act;
        self.ask(Ask::Act { office, id, act, statement: digest, attachment, reply }).await?;
        match answer.await.map_err(|_| stopping())? {
            Answer::Acted { index } => {
                let mut receipt = receipts::own(&self.shared, index).map_err(internal)?;
                receipt.statement = Some(signed.statement);
                receipt.cms = Some(signed.cms);
                Ok(ActDone { receipt, duplicate: false })
            }
            other => Err(refusal(&other)),
        }
    }

    /// Why a document is not in the inbox: recalled, with the reason that its sender gave, or not known.
    async fn absent(&self, id: EnvelopeId) -> Result<DoorError, DoorError> {
        let recalled = self.look(move |node| {
            let recalls = node.state().recalls();
            let (_, index) = recalls.decision(id).filter(|_| recalls.hides(id))?;
            (index < node.durable_size()).then_some(index)
        });
        Ok(match recalled.await? {
            Some(index) => crate::recalling::problem(&self.shared, id, index),
            None => unknown_document(id),
        })
    }

    pub(crate) async fn inbox_now(
        &self,
        office: OfficeName,
        after: u64,
        limit: usize,
    ) -> Result<Vec<InboxItem>, DoorError> {
        self.check_office(&office)?;
        let name = office.clone();
        let rows = self.look(move |node| {
            // A sequence number is one more than the index: what follows `after` begins at that index.
            let arrived = node.state().inboxes().arrived_from(&name, after);
            let durable = arrived.take_while(|(_, entry)| entry.consignment.index < node.durable_size());
            let row = |(id, entry): (EnvelopeId, &InboxEntry)| {
                let acted = entry.acts.last().map(|(act, _)| InboxState::from(*act));
                let taken = if entry.handed.is_some() { InboxState::Taken } else { InboxState::Waiting };
                (entry.consignment.index + 1, entry.holding, id, acted.unwrap_or(taken))
            };
            durable.take(limit).map(row).collect::<Vec<_>>()
        });
        let rows = rows.await?;
        let shared = Arc::clone(&self.shared);
        // Reading and opening a page of cards takes too long for a thread that serves others meanwhile.
        let items = tokio::task::spawn_blocking(move || {
            rows.into_iter().filter_map(|row| item_or_alarm(&shared, row)).collect()
        });
        items.await.map_err(internal)
    }
}

/// Whom an act is told.
fn origin(directory: &Directory, node: NodeId) -> Result<&Division, DoorError> {
    directory.division(node).ok_or_else(|| match directory.is_absent(node) {
        true => {
            let fix = "nothing was entered; the parent of this node has to be up";
            DoorError::new(DoorCode::NotHeldYet, RecipientError::Absent { node }.to_string(), fix)
        }
        false => internal("the origin left the directory"),
    })
}

/// A document in an inbox: its sequence number, where its content is, its id and state.
type Row = (u64, u64, EnvelopeId, InboxState);

/// One damaged record must not hide the other documents.
fn item_or_alarm(shared: &Shared, row: Row) -> Option<InboxItem> {
    let id = row.2;
    item(shared, row)
        .inspect_err(|error| {
            tracing::error!(%id, %error, "ALARM: a document in an inbox cannot be read; the list goes on without it");
        })
        .ok()
}

fn item(shared: &Shared, (sequence, holding, id, state): Row) -> Result<InboxItem, DoorError> {
    let Card { from, title, urgency, parts, .. } = card(shared, holding)?;
    let entry = shared.keeper().entry(sequence - 1).map_err(internal)?;
    let arrived = yizhan_ledger::Entry::from_bytes(&entry).map_err(internal)?.time;
    let part =
        |part: crate::card::CardPart| InboxPart { name: part.name, size: part.size, digest: part.digest };
    let parts = parts.into_iter().map(part).collect();
    Ok(InboxItem { sequence, id, from, title, urgency, arrived, state, parts })
}

fn card(shared: &Shared, holding: u64) -> Result<Card, DoorError> {
    let stored = shared.index.envelope(holding).map_err(internal)?;
    shared.by().opener.card(&stored.card).map_err(internal)
}
