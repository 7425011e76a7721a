//! Stands behind the desk: turns requests of offices into questions to the rules, and what is stored into answers.

use crate::certifying;
use crate::closing::submission_key;
use crate::dispatching::{Addressed, ClosedNotice};
use crate::gathering::Gathering;
use crate::input::{Ask, Input};
use crate::refusals::refusal;
use crate::shared::Shared;
use crate::submitting::{close_notice, reserve, submit};
use crate::versions::Matter;
use crate::{addressing, knowing, receipts, tracking};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt};
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;
use yizhan_desk::{
    ActDone, ActRequest, ContentStream, DirectoryView, DoorCode, DoorError, ExportedReceipt, GroupView,
    InboxItem, NodeDoor, NodeEvent, NodeStatus, PublishedDirectory, QueueItem, RecallDone, RecallRequest,
    RouteStep, Submission, Submitted, Taken, Track,
};
use yizhan_document::{Digest, EnvelopeId, Group, NodeId, OfficeAddress, OfficeName};
use yizhan_exchange::{Answer, Node, Room};
use yizhan_ledger::DeliveryCertificate;

/// The node as its desk sees it. Clones are the same door.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) shared: Arc<Shared>,
    next_request: Arc<AtomicU64>,
    /// Idempotency keys of submissions being worked on.
    in_progress: Arc<Mutex<HashSet<Digest>>>,
    gathering: Gathering,
}

type Reply<'a, T> = BoxFuture<'a, Result<T, DoorError>>;

impl Door {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            next_request: Arc::default(),
            in_progress: Arc::default(),
            gathering: Gathering::default(),
        }
    }

    pub(crate) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Node) -> T + Send + 'static,
    ) -> Result<T, DoorError> {
        let (reply, answer) = oneshot::channel();
        let look = Box::new(move |node: &Node| {
            reply.send(look(node)).unwrap_or_default();
        });
        self.shared.inputs.send(Input::Ask(Ask::Look(look))).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())
    }

    async fn submit_now(
        &self,
        submission: Submission,
        mut content: ContentStream,
    ) -> Result<Submitted, DoorError> {
        self.check_room()?;
        if Gathering::takes(&submission) {
            return self.gathering.submit(self, submission, content).await;
        }
        let now = self.shared.clock.wall();
        let key = submission_key(&submission);
        // First the mark, then the look: what another request ends meanwhile is seen.
        let _busy = key.map(|key| self.busy(key.key)).transpose()?;
        if let Some(key) = key
            && let Some((index, before)) = self.shared.index.submission_by_key(key.key).map_err(internal)?
        {
            if before != key.submission {
                return Err(key_reused());
            }
            return submitted(&self.shared, index, true);
        }
        // Only now: what was accepted once stays accepted, though its deadline has passed or a recipient has left since.
        self.know_recipients(std::iter::once(&submission)).await?;
        let by = self.shared.by();
        let (submission, left_out) = addressing::resolve(&by.directory, submission)?;
        let Addressed { to, passed_over } = by.closer.destinations(&submission, now)?;
        let _closing = by.closer.keys.begin();
        let request = self.requests_for(2);
        let shared = Arc::clone(&self.shared);
        let closing = tokio::task::spawn_blocking(move || {
            let pieces = std::iter::from_fn(|| content.blocking_next_piece());
            let own = |classification| reserve(&shared, request, to.clone(), classification);
            let closed = by.closer.close((&submission, key), pieces, &to, now, own)?;
            let of = (closed.closed.id, &submission.from);
            let notice = |passed_over| close_notice(&shared, &by.closer, passed_over, of, request + 1, now);
            let notice = passed_over.as_ref().map(notice).transpose()?;
            Ok((closed, notice))
        });
        let (closed, notice) = match closing.await {
            Ok(Ok(closed)) => closed,
            Ok(Err(error)) => {
                self.abandon(request).await;
                return Err(error);
            }
            Err(panic) => {
                self.abandon(request).await;
                tracing::error!(%panic, "closing a submission failed");
                return Err(DoorError::new(
                    DoorCode::Internal,
                    "closing failed",
                    "nothing was accepted; see the node's log",
                ));
            }
        };
        let (reply, answer) = oneshot::channel();
        let sent = notice.as_ref().map(ClosedNotice::sent);
        self.ask(submit(request, closed, notice, reply)).await?;
        match answer.await.map_err(|_| stopping())? {
            Answer::Submitted { index, .. } => submitted(&self.shared, index, false)
                .map(|submitted| Submitted { left_out, notice: sent, ..submitted }),
            other => Err(refusal(&other)),
        }
    }

    /// New documents are taken only while there is room.
    pub(crate) fn check_room(&self) -> Result<(), DoorError> {
        if *self.shared.room() > Room::Ample {
            let fix = "nothing was accepted; make room on the node's disk, or wait until its operator has";
            return Err(DoorError::new(DoorCode::DiskFull, "the node's disk is nearly full", fix));
        }
        Ok(())
    }

    /// So many numbers for submissions; the first.
    pub(crate) fn requests_for(&self, submissions: usize) -> u64 {
        self.next_request.fetch_add(submissions as u64, Ordering::Relaxed)
    }

    /// Marks an idempotency key as being worked on.
    pub(crate) fn busy(&self, key: Digest) -> Result<Busy, DoorError> {
        Busy::begin(&self.in_progress, key)
    }

    /// Gives up a submission and its notice.
    async fn abandon(&self, request: u64) {
        // A node that stops has nothing reserved any more.
        let both = [request, request + 1].map(|request| Ask::Abandon { request });
        self.ask(Ask::Many(both.into())).await.unwrap_or_default();
    }

    /// Knows who made and cosigned the receipts of a document, as far as that can be had now: without them they are shown as not
    /// witnessed.
    async fn know_makers(&self, id: EnvelopeId) -> Result<(), DoorError> {
        if self.shared.directory().holds_all() {
            return Ok(());
        }
        let nodes = receipts::makers(&self.shared, id).map_err(internal)?;
        knowing::know(&self.shared, &nodes, None, knowing::OFFICE_PATIENCE).await;
        Ok(())
    }

    pub(crate) async fn ask(&self, ask: Ask) -> Result<(), DoorError> {
        self.shared.inputs.send(Input::Ask(ask)).await.map_err(|_| stopping())
    }

    pub(crate) fn check_office(&self, office: &OfficeName) -> Result<OfficeAddress, DoorError> {
        let address = OfficeAddress { office: office.clone(), node: self.shared.me() };
        let directory = self.shared.directory();
        let known = directory.division(address.node).and_then(|division| division.office(office));
        match known {
            Some(_) => Ok(address),
            None => Err(DoorError::new(
                DoorCode::UnknownOffice,
                format!("this node serves no office {office}"),
                "`yizhan directory show` lists the offices",
            )),
        }
    }
}

impl NodeDoor for Door {
    fn submit(&self, submission: Submission, content: ContentStream) -> Reply<'_, Submitted> {
        Box::pin(self.submit_now(submission, content))
    }

    fn submit_many(
        &self,
        documents: Vec<(Submission, Bytes)>,
    ) -> Reply<'_, Vec<Result<Submitted, DoorError>>> {
        Box::pin(self.submit_batch(documents))
    }

    fn track(&self, id: EnvelopeId) -> Reply<'_, Track> {
        Box::pin(async move {
            self.know_makers(id).await?;
            let known = receipts::known(&self.shared, id).map_err(internal)?;
            tracking::track(id, &known).ok_or_else(|| unknown_document(id))
        })
    }

    fn recall(&self, id: EnvelopeId, request: RecallRequest) -> Reply<'_, RecallDone> {
        Box::pin(self.recall_now(id, request))
    }

    fn inbox(&self, office: OfficeName, after: u64, limit: usize) -> Reply<'_, Vec<InboxItem>> {
        Box::pin(self.inbox_now(office, after, limit))
    }

    fn take(&self, office: OfficeName, id: EnvelopeId) -> Reply<'_, Taken> {
        Box::pin(self.take_now(office, id))
    }

    fn act(&self, office: OfficeName, id: EnvelopeId, request: ActRequest) -> Reply<'_, ActDone> {
        Box::pin(self.act_now(office, id, request))
    }

    fn receipts(&self, id: EnvelopeId) -> Reply<'_, Vec<ExportedReceipt>> {
        Box::pin(async move {
            self.know_makers(id).await?;
            let exported = receipts::exported(&self.shared, id).map_err(internal)?;
            if exported.is_empty() { Err(unknown_document(id)) } else { Ok(exported) }
        })
    }

    fn certificate(&self, id: EnvelopeId) -> Reply<'_, DeliveryCertificate> {
        let shared = Arc::clone(&self.shared);
        // Thousands of receipts are read for the circular of a country.
        let certifying = tokio::task::spawn_blocking(move || certifying::certificate(&shared, id));
        Box::pin(async move { certifying.await.map_err(internal)? })
    }

    fn group(&self, group: Group) -> Reply<'_, GroupView> {
        Box::pin(async move {
            let nodes = self.shared.directory().absent_of([], std::slice::from_ref(&group));
            // Of too many none: that is what is answered.
            let nodes: Vec<NodeId> = nodes.unwrap_or_default().into_iter().collect();
            knowing::know(&self.shared, &nodes, None, knowing::OFFICE_PATIENCE).await;
            addressing::view(&self.shared.directory(), group)
        })
    }

    fn route(&self, to: NodeId) -> Reply<'_, Vec<RouteStep>> {
        Box::pin(async move { crate::views::route(&self.shared, to) })
    }

    fn status(&self) -> Reply<'_, NodeStatus> {
        Box::pin(async move {
            let seen = self.look(crate::views::Seen::of).await?;
            Ok(crate::views::status(&self.shared, seen))
        })
    }

    fn queue(&self, limit: usize) -> Reply<'_, Vec<QueueItem>> {
        Box::pin(async move {
            let waiting = self.look(move |node| crate::views::queue(node, limit)).await?;
            let since = |holding| {
                let entry = self.shared.keeper().entry(holding).map_err(internal)?;
                Ok(yizhan_ledger::Entry::from_bytes(&entry).map_err(internal)?.time)
            };
            let dated = |(holding, item)| Ok(QueueItem { since: since(holding)?, ..item });
            waiting.into_iter().map(dated).collect()
        })
    }

    fn directory(&self) -> Reply<'_, DirectoryView> {
        Box::pin(async move {
            Ok(crate::views::directory_view(&self.shared.directory(), self.shared.clock.wall()))
        })
    }

    fn publish(&self, archive: Vec<u8>) -> Reply<'_, PublishedDirectory> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            let matter = Matter::Publish { archive, reply };
            self.shared.versions.send(matter).await.map_err(|_| stopping())?;
            answer.await.map_err(|_| stopping())?
        })
    }

    fn events(&self, after: u64) -> Reply<'_, BoxStream<'static, NodeEvent>> {
        let (past, live) = self.shared.feed.after(after);
        Box::pin(async move {
            // A listener that falls behind is ended: it comes back with the last number it saw.
            let live = tokio_stream::wrappers::BroadcastStream::new(live)
                .take_while(|event| std::future::ready(event.is_ok()))
                .filter_map(|event| std::future::ready(event.ok()));
            Ok(stream::iter(past).chain(live).boxed())
        })
    }
}

/// Marks an idempotency key as being worked on, for as long as this lives.
pub(crate) struct Busy {
    keys: Arc<Mutex<HashSet<Digest>>>,
    key: Digest,
}

impl Busy {
    fn begin(keys: &Arc<Mutex<HashSet<Digest>>>, key: Digest) -> Result<Self, DoorError> {
        if !keys.lock().unwrap_or_else(PoisonError::into_inner).insert(key) {
            let detail = "a submission with this idempotency key is being worked on";
            return Err(DoorError::new(
                DoorCode::InProgress,
                detail,
                "wait a moment, then ask again with the same key",
            ));
        }
        Ok(Self { keys: Arc::clone(keys), key })
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// The answer to a submission that is durable.
pub(crate) fn submitted(shared: &Shared, index: u64, duplicate: bool) -> Result<Submitted, DoorError> {
    let (receipt, about) = receipts::own_about(shared, index).map_err(internal)?;
    let id = about.ok_or_else(|| internal("the entry names no envelope"))?;
    Ok(Submitted::new(id, receipt, duplicate))
}

pub(crate) fn key_reused() -> DoorError {
    let detail = "another document was handed in under this idempotency key";
    let fix = "nothing was accepted; give each document a key of its own";
    DoorError::new(DoorCode::KeyReused, detail, fix)
}

pub(crate) fn stopping() -> DoorError {
    DoorError::new(DoorCode::Stopping, "the node is stopping", "try again once it runs; nothing was lost")
}

pub(crate) fn internal(error: impl std::fmt::Display) -> DoorError {
    tracing::error!(%error, "a request could not be answered");
    DoorError::new(DoorCode::Internal, error.to_string(), "see the node's log, then try again")
}

pub(crate) fn unknown_document(id: EnvelopeId) -> DoorError {
    DoorError::new(
        DoorCode::UnknownDocument,
        format!("no document {id} is known here"),
        "check the id and the node",
    )
}
