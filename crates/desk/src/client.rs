//! The client library: the API of a node on this machine, as methods.

mod fault;
mod feed;
mod upload;

pub use fault::ClientError;

use crate::limits::ANSWER_BYTES_MAX;
use crate::{
    ActDone, ActRequest, BatchOutcome, DirectoryView, ExportedReceipt, GroupView, InboxItem, NodeEvent,
    NodeStatus, Problem, PublishedDirectory, QueueItem, RecallDone, RecallRequest, RouteStep, Submission,
    Submitted, Track,
};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use reqwest::{RequestBuilder, Response};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use yizhan_document::{EnvelopeId, Group, NodeId, OfficeName, PartName};
use yizhan_ledger::DeliveryCertificate;

/// The host of every request: the socket leads to one node only, so the name says nothing.
const BASE: &str = "http://desk";

/// A node's API, reached through the socket in its data folder. Cheap to clone; connections are kept and shared.
#[derive(Clone, Debug)]
pub struct DeskClient {
    http: reqwest::Client,
    socket: PathBuf,
}

impl DeskClient {
    /// Reaches the node behind `socket`, and makes sure that it answers.
    pub async fn connect(socket: &Path) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder().unix_socket(socket).no_proxy().build();
        let client =
            Self { http: http.map_err(|error| ClientError::of(error, socket))?, socket: socket.to_owned() };
        client.answered(client.http.get(client.url("/live"))).await?;
        Ok(client)
    }

    /// Hands a document in. The files are streamed from disk; `submission.files` is filled in from them. Answered when the document
    /// is durable. If the answer is lost, the same submission with the same key gets it again.
    pub async fn send(
        &self,
        submission: Submission,
        files: Vec<(PartName, PathBuf)>,
    ) -> Result<Submitted, ClientError> {
        let form = upload::form(submission, files).await?;
        self.read(self.http.post(self.url("/v1/documents")).multipart(form)).await
    }

    /// Hands many small documents of one office in at once, each with its files. `submission.files` names them; their sizes are filled
    /// in. The answers are in the order of the documents, each durable where it is no problem. If the answer is lost, the same
    /// documents with the same keys get it again.
    pub async fn send_batch(
        &self,
        documents: Vec<(Submission, Vec<Bytes>)>,
    ) -> Result<Vec<BatchOutcome>, ClientError> {
        let form = upload::batch(documents)?;
        self.read(self.http.post(self.url("/v1/documents/batch")).multipart(form)).await
    }

    /// How a document fares.
    pub async fn track(&self, id: EnvelopeId) -> Result<Track, ClientError> {
        self.get(&format!("/v1/documents/{id}")).await
    }

    /// Every receipt known at the node about a document.
    pub async fn receipts(&self, id: EnvelopeId) -> Result<Vec<ExportedReceipt>, ClientError> {
        self.get(&format!("/v1/documents/{id}/receipts")).await
    }

    /// The delivery certificate of a document, as of now.
    pub async fn certificate(&self, id: EnvelopeId) -> Result<DeliveryCertificate, ClientError> {
        self.get(&format!("/v1/documents/{id}/certificate")).await
    }

    /// Recalls a document that was handed in at the node.
    pub async fn recall(&self, id: EnvelopeId, request: &RecallRequest) -> Result<RecallDone, ClientError> {
        let url = self.url(&format!("/v1/documents/{id}/recall"));
        self.read(self.http.post(url).json(request)).await
    }

    /// What came into an office's inbox after number `after`, `limit` items at the most.
    pub async fn inbox(
        &self,
        office: &OfficeName,
        after: u64,
        limit: usize,
    ) -> Result<Vec<InboxItem>, ClientError> {
        self.get(&format!("/v1/offices/{office}/inbox?after={after}&limit={limit}")).await
    }

    /// Takes a document out of an inbox into `sink`: a tar archive of its files by number, `manifest` and `manifest.p7s`. Gives the
    /// number of bytes. After an error, what was written is not the document and must be thrown away.
    pub async fn take(
        &self,
        office: &OfficeName,
        id: EnvelopeId,
        mut sink: impl AsyncWrite + Unpin,
    ) -> Result<u64, ClientError> {
        let url = self.url(&format!("/v1/offices/{office}/inbox/{id}/take"));
        let mut response = self.answered(self.http.post(url)).await?;
        let mut bytes = 0;
        while let Some(piece) = response.chunk().await.map_err(|error| self.fault(error))? {
            sink.write_all(&piece).await.map_err(ClientError::Sink)?;
            bytes += piece.len() as u64;
        }
        sink.flush().await.map_err(ClientError::Sink)?;
        Ok(bytes)
    }

    /// Acts on a document in an inbox: signs for it, refuses or returns it.
    pub async fn act(
        &self,
        office: &OfficeName,
        id: EnvelopeId,
        request: &ActRequest,
    ) -> Result<ActDone, ClientError> {
        let url = self.url(&format!("/v1/offices/{office}/inbox/{id}/acts"));
        self.read(self.http.post(url).json(request)).await
    }

    /// Whom a group means.
    pub async fn group(&self, group: &Group) -> Result<GroupView, ClientError> {
        // A group has letters, digits, spaces, `-` and `@`; only spaces cannot stand in a path.
        self.get(&format!("/v1/groups/{}", group.to_string().replace(' ', "%20"))).await
    }

    /// The way a document would take from the node to another.
    pub async fn route(&self, to: NodeId) -> Result<Vec<RouteStep>, ClientError> {
        self.get(&format!("/v1/route/{to}")).await
    }

    /// How the node fares.
    pub async fn status(&self) -> Result<NodeStatus, ClientError> {
        self.get("/v1/status").await
    }

    /// What waits at the node, `limit` items at the most.
    pub async fn queue(&self, limit: usize) -> Result<Vec<QueueItem>, ClientError> {
        self.get(&format!("/v1/queue?limit={limit}")).await
    }

    /// The directory that the node goes by.
    pub async fn directory(&self) -> Result<DirectoryView, ClientError> {
        self.get("/v1/directory").await
    }

    /// Publishes a version of the directory at the node: a tar archive of its folder.
    pub async fn publish(&self, archive: Vec<u8>) -> Result<PublishedDirectory, ClientError> {
        let request = self.http.post(self.url("/v1/directory"));
        self.read(request.header("content-type", "application/x-tar").body(archive)).await
    }

    /// Events with numbers above `after`, as they happen. The stream ends when the node stops; come back with the last number seen.
    pub async fn events(
        &self,
        after: u64,
    ) -> Result<BoxStream<'static, Result<NodeEvent, ClientError>>, ClientError> {
        let url = self.url(&format!("/v1/events?after={after}"));
        let response = self.answered(self.http.get(url)).await?;
        Ok(Box::pin(feed::events(response, self.socket.clone())))
    }

    fn url(&self, path: &str) -> String {
        format!("{BASE}{path}")
    }

    fn fault(&self, error: reqwest::Error) -> ClientError {
        ClientError::of(error, &self.socket)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.read(self.http.get(self.url(path))).await
    }

    async fn read<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let response = self.answered(request).await?;
        let body = self.body(response).await?;
        serde_json::from_slice(&body).map_err(ClientError::Unreadable)
    }

    /// The answer, if it is not a problem.
    async fn answered(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let response = request.send().await.map_err(|error| self.fault(error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let body = self.body(response).await?;
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => Err(ClientError::Problem(Box::new(problem))),
            Err(_) => Err(ClientError::Status(status)),
        }
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, ClientError> {
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| self.fault(error))? {
            if body.len() + piece.len() > ANSWER_BYTES_MAX {
                return Err(ClientError::TooLarge);
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }
}
