//! What the door asks of the node behind it. The daemon implements it; the door knows nothing else of the daemon.

use crate::{
    ActDone, ActRequest, ContentStream, DirectoryView, DoorError, ExportedReceipt, GroupView, InboxItem,
    NodeEvent, NodeStatus, PublishedDirectory, QueueItem, RecallDone, RecallRequest, RouteStep, Submission,
    Submitted, Taken, Track,
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use yizhan_document::{EnvelopeId, Group, NodeId, OfficeName};
use yizhan_ledger::DeliveryCertificate;

/// The answer of the node to one request.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, DoorError>>;

/// A node as its door sees it. Every `Ok` that promises something is durable when it is given.
pub trait NodeDoor: Send + Sync + 'static {
    /// Takes a document. `submission` has passed [`Submission::check`]; `content` is all files in the declared order, one after
    /// the other, exactly of the declared sizes; no piece crosses the border of two files, and an empty file has none.
    ///
    /// Nothing may be accepted before `content` has come to its end (`None`), even if all declared bytes are there: only then has
    /// the door seen that no more files follow. If it ends in an error, nothing may be accepted at all. The answer may come before the content is read, for a refusal
    /// or a duplicate. The future is run to its end even if the client goes away.
    fn submit(&self, submission: Submission, content: ContentStream) -> Answer<'_, Submitted>;

    /// Takes many small documents of one office. Each submission has passed [`Submission::check`] and comes with all its files, one
    /// after the other, of the declared sizes. Each is taken or refused by itself; the outcomes are in the order of the documents.
    /// The future is run to its end even if the client goes away.
    fn submit_many(
        &self,
        documents: Vec<(Submission, Bytes)>,
    ) -> Answer<'_, Vec<Result<Submitted, DoorError>>>;

    /// How a document fares that was handed in here.
    fn track(&self, id: EnvelopeId) -> Answer<'_, Track>;

    /// Recalls a document that was handed in here. `request` has passed [`RecallRequest::check`]. Again it gets the stored receipt.
    /// The future is run to its end even if the client goes away.
    fn recall(&self, id: EnvelopeId, request: RecallRequest) -> Answer<'_, RecallDone>;

    /// What came into an office's inbox after number `after`, in order, `limit` items (1 to
    /// [`PAGE_ITEMS_MAX`](crate::limits::PAGE_ITEMS_MAX)) at the most.
    fn inbox(&self, office: OfficeName, after: u64, limit: usize) -> Answer<'_, Vec<InboxItem>>;

    /// Hands a document to an office; it may be taken again, unless it is [`DoorCode::Recalled`](crate::DoorCode::Recalled).
    fn take(&self, office: OfficeName, id: EnvelopeId) -> Answer<'_, Taken>;

    /// Enters what an office does with a document. `request` has passed [`ActRequest::check`]. The same act again gets the
    /// stored receipt; another one is [`DoorCode::WrongState`](crate::DoorCode::WrongState). The future is run to its end even
    /// if the client goes away.
    fn act(&self, office: OfficeName, id: EnvelopeId, request: ActRequest) -> Answer<'_, ActDone>;

    /// Every receipt known here about a document, by time.
    fn receipts(&self, id: EnvelopeId) -> Answer<'_, Vec<ExportedReceipt>>;

    /// The delivery certificate of a document that was handed in here, as of now.
    fn certificate(&self, id: EnvelopeId) -> Answer<'_, DeliveryCertificate>;

    /// Whom a group means.
    fn group(&self, group: Group) -> Answer<'_, GroupView>;

    /// The way a document would take from here to a node, this node first.
    fn route(&self, to: NodeId) -> Answer<'_, Vec<RouteStep>>;

    /// How the node fares.
    fn status(&self) -> Answer<'_, NodeStatus>;

    /// What waits here, the oldest first, `limit` items (1 to [`PAGE_ITEMS_MAX`](crate::limits::PAGE_ITEMS_MAX)) at the most.
    fn queue(&self, limit: usize) -> Answer<'_, Vec<QueueItem>>;

    /// The directory that the node goes by.
    fn directory(&self) -> Answer<'_, DirectoryView>;

    /// Takes a new version of the directory: a tar archive of `root`, `ca.pem` and `divisions/<node>.json`, of
    /// [`DIRECTORY_BYTES_MAX`](crate::limits::DIRECTORY_BYTES_MAX) bytes at the most. The answer comes once the version is durable and
    /// gone by. A version that may not take the place of the held one is
    /// [`DoorCode::DirectoryRefused`](crate::DoorCode::DirectoryRefused); the detail begins with a code of the reason.
    fn publish(&self, archive: Vec<u8>) -> Answer<'_, PublishedDirectory>;

    /// Events with numbers above `after`, first those that the node still holds, then each as it happens. A stream that falls
    /// behind what the node holds is ended; its reader comes back with the last number it saw.
    fn events(&self, after: u64) -> Answer<'_, BoxStream<'static, NodeEvent>>;
}
