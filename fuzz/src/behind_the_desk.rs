//! The node behind the desk: takes everything, and holds what it is given to what the door promises of it.

use std::sync::atomic::{AtomicUsize, Ordering};
use yizhan_desk::limits::{DIRECTORY_BYTES_MAX, PAGE_ITEMS_MAX, PIECE_BYTES_MAX};
use yizhan_desk::{
    ActDone, ActRequest, Answer, ContentStream, DirectoryView, DoorCode, DoorError, ExportedReceipt,
    GroupView, InboxItem, NodeDoor, NodeEvent, NodeStatus, PublishedDirectory, QueueItem, RecallDone,
    RecallRequest, RouteStep, Submission, Submitted, Taken, Track, content_channel,
};
use yizhan_document::{Digest, EnvelopeId, Group, NodeId, OfficeName, Statement, Unit, WallTime};
use yizhan_ledger::DeliveryCertificate;

use bytes::Bytes;
use futures_util::future::ready;
use futures_util::stream::{self, BoxStream, StreamExt};

/// The node, and how much that it must run to its end it began and ended.
#[derive(Default)]
pub(crate) struct Behind {
    begun: AtomicUsize,
    ended: AtomicUsize,
}

impl Behind {
    /// Whether everything that is run to its end though its client goes away has come to it.
    pub(crate) fn is_done(&self) -> bool {
        self.begun.load(Ordering::Relaxed) == self.ended.load(Ordering::Relaxed)
    }

    async fn to_its_end<T>(&self, work: impl Future<Output = T>) -> T {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let done = work.await;
        self.ended.fetch_add(1, Ordering::Relaxed);
        done
    }

    /// Reads content, whose pieces, borders and length must be those declared unless it is broken off.
    async fn swallow(submission: Submission, mut content: ContentStream) -> Result<Submitted, DoorError> {
        sound(&submission);
        let mut files = submission.files.iter().map(|file| file.size).filter(|size| *size > 0);
        let mut left = files.next().unwrap_or(0);
        while let Some(piece) = content.next_piece().await {
            let Ok(piece) = piece else { return Err(unknown()) };
            assert!((1..=PIECE_BYTES_MAX).contains(&piece.len()));
            left = left.checked_sub(piece.len() as u64).expect("a piece crosses the border of two files");
            if left == 0 {
                left = files.next().unwrap_or(0);
            }
        }
        assert!(left == 0 && files.next().is_none(), "content came to its end before all of it was there");
        Ok(Submitted::new(envelope(), receipt("SubmissionAcceptance"), false))
    }
}

/// What stands its check reads back as it was.
fn sound(submission: &Submission) {
    assert_eq!(submission.check(), Ok(()));
    let json = serde_json::to_vec(submission).expect("what was read can be written");
    assert_eq!(&serde_json::from_slice::<Submission>(&json).expect("and reads again"), submission);
}

fn envelope() -> EnvelopeId {
    "652301.0.42".parse().expect("an id")
}

fn unknown() -> DoorError {
    DoorError::new(DoorCode::UnknownDocument, "it is not known here", "check the id")
}

fn receipt(kind: &str) -> ExportedReceipt {
    ExportedReceipt {
        kind: kind.into(),
        ledger: "652301.0".parse().expect("a ledger"),
        index: 7,
        time: WallTime::EPOCH,
        witnessed: false,
        entry: "{}".into(),
        proof: String::new(),
        statement: None,
        cms: None,
    }
}

fn is_page(limit: usize) {
    assert!((1..=PAGE_ITEMS_MAX).contains(&limit));
}

fn answer<T: Send + 'static>(what: Result<T, DoorError>) -> Answer<'static, T> {
    Box::pin(ready(what))
}

impl NodeDoor for Behind {
    fn submit(&self, submission: Submission, content: ContentStream) -> Answer<'_, Submitted> {
        Box::pin(self.to_its_end(Self::swallow(submission, content)))
    }

    fn submit_many(
        &self,
        documents: Vec<(Submission, Bytes)>,
    ) -> Answer<'_, Vec<Result<Submitted, DoorError>>> {
        let outcome = |(submission, content): (Submission, Bytes)| {
            sound(&submission);
            assert_eq!(submission.content_bytes(), Some(content.len() as u64));
            Ok(Submitted::new(envelope(), receipt("SubmissionAcceptance"), false))
        };
        let outcomes = documents.into_iter().map(outcome).collect();
        Box::pin(self.to_its_end(ready(Ok(outcomes))))
    }

    fn track(&self, _: EnvelopeId) -> Answer<'_, Track> {
        answer(Err(unknown()))
    }

    fn recall(&self, _: EnvelopeId, request: RecallRequest) -> Answer<'_, RecallDone> {
        assert_eq!(request.check(), Ok(()));
        let done =
            RecallDone { receipt: receipt("RecallRequested"), duplicate: false, destinations: Vec::new() };
        Box::pin(self.to_its_end(ready(Ok(done))))
    }

    fn inbox(&self, _: OfficeName, _: u64, limit: usize) -> Answer<'_, Vec<InboxItem>> {
        is_page(limit);
        answer(Ok(Vec::new()))
    }

    fn take(&self, _: OfficeName, _: EnvelopeId) -> Answer<'_, Taken> {
        let (sender, content) = content_channel();
        tokio::spawn(async move {
            // Whoever goes away in the middle wants no more.
            if sender.send(Bytes::from_static(&[0; 1024])).await.is_ok() {
                sender.finish();
            }
        });
        answer(Ok(Taken { size: Some(1024), content }))
    }

    fn act(&self, office: OfficeName, id: EnvelopeId, request: ActRequest) -> Answer<'_, ActDone> {
        assert_eq!(request.check(), Ok(()));
        let destination: NodeId = "652301".parse().expect("a node");
        // The node makes a statement of it, which has one text.
        let statement = Statement {
            act: request.act,
            unit: Unit { envelope: id, destination, attempt: 0 },
            manifest: Digest::of(b"manifest"),
            office: yizhan_document::OfficeAddress { office, node: destination },
            person: request.person,
            time: WallTime::EPOCH,
            reason: request.reason,
        };
        let text = statement.to_text().expect("what stands its check can be stated");
        assert_eq!(Statement::from_text(&text).as_ref(), Ok(&statement));
        Box::pin(self.to_its_end(ready(Ok(ActDone { receipt: receipt("SignedFor"), duplicate: false }))))
    }

    fn receipts(&self, _: EnvelopeId) -> Answer<'_, Vec<ExportedReceipt>> {
        answer(Ok(vec![receipt("SubmissionAcceptance")]))
    }

    fn certificate(&self, _: EnvelopeId) -> Answer<'_, DeliveryCertificate> {
        answer(Err(unknown()))
    }

    fn group(&self, group: Group) -> Answer<'_, GroupView> {
        assert_eq!(group.to_string().parse().as_ref(), Ok(&group));
        answer(Ok(GroupView { group, directory: 1, offices: Vec::new(), left_out: Vec::new() }))
    }

    fn route(&self, to: NodeId) -> Answer<'_, Vec<RouteStep>> {
        answer(Ok(vec![RouteStep { node: to, why: "here".into() }]))
    }

    fn status(&self) -> Answer<'_, NodeStatus> {
        answer(Err(unknown()))
    }

    fn queue(&self, limit: usize) -> Answer<'_, Vec<QueueItem>> {
        is_page(limit);
        answer(Ok(Vec::new()))
    }

    fn directory(&self) -> Answer<'_, DirectoryView> {
        answer(Err(unknown()))
    }

    fn publish(&self, archive: Vec<u8>) -> Answer<'_, PublishedDirectory> {
        assert!(archive.len() <= DIRECTORY_BYTES_MAX);
        let root = Digest::of(&archive);
        answer(Ok(PublishedDirectory {
            version: 2,
            root,
            delegated: Vec::new(),
            previous: 1,
            duplicate: false,
        }))
    }

    fn events(&self, after: u64) -> Answer<'_, BoxStream<'static, NodeEvent>> {
        let event = move |number: u64| NodeEvent {
            sequence: after.saturating_add(number),
            time: WallTime::EPOCH,
            envelope: envelope(),
            kind: "ContentConsignment".into(),
            node: "652301".parse().expect("a node"),
            unit: None,
        };
        answer(Ok(stream::iter((1..=3).map(event)).boxed()))
    }
}
