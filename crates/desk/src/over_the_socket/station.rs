//! A door implementation for tests: one county that keeps digests of what it was given.

use crate::{
    ActDone, ActRequest, Answer, ContentError, ContentStream, DestinationTrack, DirectoryNode,
    DirectoryOffice, DirectoryView, DoorCode, DoorError, ExportedReceipt, GroupView, Holding, InboxItem,
    InboxPart, InboxState, NeighbourStatus, NodeDoor, NodeEvent, NodeStatus, PublishedDirectory, QueueItem,
    RecallDone, RecallRequest, RecallState, RouteStep, Stage, Submission, Submitted, Taken, Track,
    TrackReceipt, content_channel,
};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;
use yizhan_document::{
    Act, Digest, EnvelopeId, Group, Hasher, LeftOut, LeftOutWhy, NodeId, OfficeName, Urgency, WallTime,
};
use yizhan_ledger::{CertifiedReceipt, DeliveryCertificate};

/// The only envelope the station knows.
pub(super) const ENVELOPE: &str = "652301.0.42";
/// A key that was used before.
pub(super) const USED_KEY: &str = "used-before";
/// An act by this person fails inside the node.
pub(super) const PANICKER: &str = "panic";

/// What became of a submission's content.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// The first piece is here.
    Begun,
    /// All of it came: how many bytes, and their digest.
    Whole(Box<Submission>, u64, Digest),
    /// It was broken off.
    Broken(ContentError),
}

/// The station.
#[derive(Clone)]
pub(super) struct Station {
    seen: mpsc::UnboundedSender<Seen>,
    /// What a document holds that is taken.
    archive: Bytes,
    /// Whether it breaks off half-way.
    breaks: bool,
    acts: Arc<Mutex<Vec<ActRequest>>>,
}

impl Station {
    /// A station, and what it sees.
    pub(super) fn new(archive: impl Into<Bytes>) -> (Self, mpsc::UnboundedReceiver<Seen>) {
        let (seen, sight) = mpsc::unbounded_channel();
        (Self { seen, archive: archive.into(), breaks: false, acts: Arc::default() }, sight)
    }

    /// One whose archives break off.
    pub(super) fn that_breaks(archive: impl Into<Bytes>) -> Self {
        Self { breaks: true, ..Self::new(archive).0 }
    }

    async fn swallow(
        &self,
        submission: Submission,
        mut content: ContentStream,
    ) -> Result<Submitted, DoorError> {
        if submission.key.as_deref() == Some(USED_KEY) {
            return Ok(Submitted::new(envelope(), receipt("SubmissionAcceptance"), true));
        }
        if submission.to.iter().any(|to| to.node == node("999999")) {
            let fix = "look the recipient up with `yizhan directory show`";
            return Err(DoorError::new(DoorCode::UnknownRecipient, "the directory has no 999999", fix));
        }
        let (mut hasher, mut size) = (Hasher::new(), 0);
        while let Some(piece) = content.next_piece().await {
            match piece {
                Ok(bytes) => {
                    if size == 0 {
                        self.tell(Seen::Begun);
                    }
                    size += bytes.len() as u64;
                    hasher.update(&bytes);
                }
                Err(error) => {
                    self.tell(Seen::Broken(error));
                    return Err(DoorError::new(DoorCode::Internal, "broken off", "none"));
                }
            }
        }
        self.tell(Seen::Whole(Box::new(submission), size, hasher.finish()));
        Ok(Submitted::new(envelope(), receipt("SubmissionAcceptance"), false))
    }

    fn tell(&self, seen: Seen) {
        // A test that does not look drops its end.
        drop(self.seen.send(seen));
    }

    fn hand_out(&self) -> Taken {
        let (sender, content) = content_channel();
        let (archive, breaks) = (self.archive.clone(), self.breaks);
        tokio::spawn(async move {
            let half = archive.slice(..archive.len() / 2);
            sender.send(if breaks { half } else { archive }).await.unwrap();
            if breaks {
                sender.fail(ContentError::Unreadable("a damaged piece".into()));
            } else {
                sender.finish();
            }
        });
        Taken { size: None, content }
    }
}

pub(super) fn envelope() -> EnvelopeId {
    ENVELOPE.parse().unwrap()
}

pub(super) fn node(id: &str) -> NodeId {
    id.parse().unwrap()
}

pub(super) fn noon() -> WallTime {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

pub(super) fn receipt(kind: &str) -> ExportedReceipt {
    ExportedReceipt {
        kind: kind.into(),
        ledger: "652301.0".parse().unwrap(),
        index: 7,
        time: noon(),
        witnessed: false,
        entry: format!("{{\"kind\":\"{kind}\"}}"),
        proof: "c2sp.org/tlog-proof@v1\nindex 7\n".into(),
        statement: None,
        cms: None,
    }
}

pub(super) fn certificate() -> DeliveryCertificate {
    let receipt = receipt("ContentConsignment");
    let certified = CertifiedReceipt { entry: receipt.entry, proof: receipt.proof };
    DeliveryCertificate { certificate: "a signed note\n".into(), receipts: vec![certified] }
}

pub(super) fn inbox_item(sequence: u64) -> InboxItem {
    InboxItem {
        sequence,
        id: envelope(),
        from: "gov-office@653101".parse().unwrap(),
        title: "通知".into(),
        urgency: Urgency::Urgent,
        arrived: noon(),
        state: InboxState::Waiting,
        parts: vec![InboxPart { name: "通知.pdf".into(), size: 3, digest: Digest::of(b"abc") }],
    }
}

pub(super) fn event(sequence: u64) -> NodeEvent {
    let kind = "ContentConsignment".to_owned();
    NodeEvent { sequence, time: noon(), envelope: envelope(), kind, node: node("652301"), unit: None }
}

fn known(id: EnvelopeId) -> Result<(), DoorError> {
    let unknown =
        || DoorError::new(DoorCode::UnknownDocument, format!("{id} is not known here"), "check the id");
    if id == envelope() { Ok(()) } else { Err(unknown()) }
}

fn serves(office: &OfficeName) -> Result<(), DoorError> {
    let unknown =
        || DoorError::new(DoorCode::UnknownOffice, format!("no office {office} here"), "check the name");
    if office.as_str() == "gov-office" { Ok(()) } else { Err(unknown()) }
}

impl NodeDoor for Station {
    fn submit(&self, submission: Submission, content: ContentStream) -> Answer<'_, Submitted> {
        self.swallow(submission, content).boxed()
    }

    fn submit_many(
        &self,
        documents: Vec<(Submission, Bytes)>,
    ) -> Answer<'_, Vec<Result<Submitted, DoorError>>> {
        async move {
            let mut outcomes = Vec::new();
            for (submission, content) in documents {
                let (sender, stream) = content_channel();
                sender.send(content).await.unwrap();
                sender.finish();
                outcomes.push(self.swallow(submission, stream).await);
            }
            Ok(outcomes)
        }
        .boxed()
    }

    fn track(&self, id: EnvelopeId) -> Answer<'_, Track> {
        let destination = DestinationTrack {
            node: node("653101"),
            state: Stage::AtNode,
            where_now: node("6523"),
            since: noon(),
            attempt: 0,
            recall: None,
        };
        let line = TrackReceipt {
            kind: "RelayAcceptance".into(),
            ledger: "6523.0".parse().unwrap(),
            index: 9,
            time: noon(),
            node: node("6523"),
            witnessed: true,
            note: String::new(),
        };
        async move {
            known(id)?;
            let (destinations, receipts) = (vec![destination], vec![line]);
            Ok(Track {
                id,
                submitted: noon(),
                urgency: Urgency::Urgent,
                deadline: noon(),
                destinations,
                receipts,
            })
        }
        .boxed()
    }

    fn inbox(&self, office: OfficeName, after: u64, limit: usize) -> Answer<'_, Vec<InboxItem>> {
        async move {
            serves(&office)?;
            Ok((after + 1..=20).take(limit).map(inbox_item).collect())
        }
        .boxed()
    }

    fn take(&self, office: OfficeName, id: EnvelopeId) -> Answer<'_, Taken> {
        async move {
            serves(&office)?;
            known(id)?;
            Ok(self.hand_out())
        }
        .boxed()
    }

    fn act(&self, office: OfficeName, id: EnvelopeId, request: ActRequest) -> Answer<'_, ActDone> {
        async move {
            serves(&office)?;
            known(id)?;
            assert_ne!(request.person, PANICKER);
            let mut acts = self.acts.lock().unwrap();
            if acts.iter().any(|done| done.act != request.act) {
                return Err(DoorError::new(DoorCode::WrongState, "it was answered for", "look at its state"));
            }
            let kind = if request.act == Act::SignedFor { "SignedFor" } else { "Returned" };
            let (statement, cms) = (Some(request.reason.clone()), Some(vec![0x30, 0, 0xff]));
            let done = ActDone {
                receipt: ExportedReceipt { statement, cms, ..receipt(kind) },
                duplicate: acts.contains(&request),
            };
            acts.push(request);
            Ok(done)
        }
        .boxed()
    }

    fn recall(&self, id: EnvelopeId, request: RecallRequest) -> Answer<'_, RecallDone> {
        async move {
            known(id)?;
            serves(&request.from.office)?;
            let mut destinations = self.track(id).await?.destinations;
            destinations.iter_mut().for_each(|to| to.recall = Some(RecallState::Requested));
            Ok(RecallDone { receipt: receipt("RecallRequested"), duplicate: false, destinations })
        }
        .boxed()
    }

    fn receipts(&self, id: EnvelopeId) -> Answer<'_, Vec<ExportedReceipt>> {
        async move { known(id).map(|()| vec![receipt("SubmissionAcceptance"), receipt("RelayAcceptance")]) }
            .boxed()
    }

    fn certificate(&self, id: EnvelopeId) -> Answer<'_, DeliveryCertificate> {
        async move { known(id).map(|()| certificate()) }.boxed()
    }

    fn group(&self, group: Group) -> Answer<'_, GroupView> {
        let office = |node: &str| format!("gov-office@{node}").parse().unwrap();
        let left_out = vec![LeftOut { office: office("652302"), why: LeftOutWhy::Suspended }];
        async move { Ok(GroupView { group, directory: 1, offices: vec![office("652301")], left_out }) }
            .boxed()
    }

    fn route(&self, to: NodeId) -> Answer<'_, Vec<RouteStep>> {
        async move {
            if to == node("999999") {
                return Err(DoorError::new(
                    DoorCode::UnknownNode,
                    "the directory has no 999999",
                    "check the code",
                ));
            }
            let step = |id: &str, why: &str| RouteStep { node: node(id), why: why.into() };
            let last = RouteStep { node: to, why: "child".into() };
            Ok(vec![step("652301", "here"), step("6523", "parent"), last])
        }
        .boxed()
    }

    fn status(&self) -> Answer<'_, NodeStatus> {
        let up = NeighbourStatus {
            node: node("6523"),
            up: true,
            waiting: 3,
            in_flight: 1,
            body_bytes_sent: 7,
            body_bytes_received: 8,
        };
        let status = NodeStatus {
            node: node("652301"),
            version: "0.1.0".into(),
            started: noon(),
            ready: true,
            ledger: "652301.0".parse().unwrap(),
            ledger_size: 43,
            checkpoint: "yizhan/652301.0\n43\n".into(),
            neighbours: vec![up],
            held: 3,
            inbox: 2,
            directory_version: 1,
            directory_lists: Vec::new(),
            directory_joined: Vec::new(),
            directory_expires: None,
            new_epochs: Vec::new(),
            directory_alarms: Vec::new(),
            room: crate::DiskRoom::Ample,
            journal_bytes: 70_000_000,
            resident_bytes: Some(9_000_000),
        };
        async move { Ok(status) }.boxed()
    }

    fn queue(&self, limit: usize) -> Answer<'_, Vec<QueueItem>> {
        let item = |attempt| QueueItem {
            unit: format!("{ENVELOPE}/653101/{attempt}").parse().unwrap(),
            next: Some(node("6523")),
            urgency: Urgency::Normal,
            deadline: noon(),
            size: 4096,
            since: noon(),
            tries: 2,
            next_try: None,
            why: "6523 does not answer".into(),
        };
        let items = (0..5).take(limit).map(item).collect();
        async move { Ok(items) }.boxed()
    }

    fn directory(&self) -> Answer<'_, DirectoryView> {
        let office = DirectoryOffice {
            office: "gov-office".parse().unwrap(),
            name: "昌吉市人民政府办公室".into(),
            suspended: false,
        };
        let county = DirectoryNode {
            node: node("652301"),
            name: "昌吉市".into(),
            parent: Some(node("6523")),
            address: Some("127.0.0.1:7001".into()),
            offices: vec![office],
        };
        let (network, nodes, delegated, joined) = ("test".into(), vec![county], Vec::new(), Vec::new());
        let holding = Holding::default();
        let view = DirectoryView { network, version: 1, nodes, holding, delegated, policy: None, joined };
        async move { Ok(view) }.boxed()
    }

    fn publish(&self, archive: Vec<u8>) -> Answer<'_, PublishedDirectory> {
        let published = PublishedDirectory {
            version: 2,
            root: Digest::of(&archive),
            delegated: Vec::new(),
            previous: 1,
            duplicate: false,
        };
        let refused =
            DoorError::new(DoorCode::DirectoryRefused, "rollback: version 1", "publish a later one");
        let answer = if archive == b"old" { Err(refused) } else { Ok(published) };
        async move { answer }.boxed()
    }

    fn events(&self, after: u64) -> Answer<'_, BoxStream<'static, NodeEvent>> {
        // Three are held; then nothing happens any more.
        let held = futures_util::stream::iter((after + 1..=3).map(event));
        async move { Ok(held.chain(futures_util::stream::pending()).boxed()) }.boxed()
    }
}
