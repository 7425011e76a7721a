//! The paths of the API and who answers them.

use super::{batch, documents, events, network, offices, operation};
use crate::{DoorCode, DoorError, NodeDoor};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// What every request is answered with.
#[derive(Clone)]
pub(super) struct Desk {
    /// The node behind the door.
    pub(super) door: Arc<dyn NodeDoor>,
    /// Becomes true when the server stops.
    pub(super) stopping: watch::Receiver<bool>,
    /// Room for batches that are being read.
    pub(super) batches: Arc<Semaphore>,
}

/// All paths.
pub(super) fn router(desk: Desk) -> Router {
    Router::new()
        .route("/live", get(operation::live))
        .route("/v1/documents", post(documents::submit))
        .route("/v1/documents/batch", post(batch::submit))
        .route("/v1/documents/{id}", get(documents::track))
        .route("/v1/documents/{id}/recall", post(documents::recall))
        .route("/v1/documents/{id}/receipts", get(documents::receipts))
        .route("/v1/documents/{id}/certificate", get(documents::certificate))
        .route("/v1/offices/{office}/inbox", get(offices::inbox))
        .route("/v1/offices/{office}/inbox/{id}/take", post(offices::take))
        .route("/v1/offices/{office}/inbox/{id}/acts", post(offices::act))
        .route("/v1/route/{node}", get(network::route))
        .route("/v1/groups/{group}", get(network::group))
        .route("/v1/directory", get(network::directory).post(network::publish))
        .route("/v1/status", get(operation::status))
        .route("/v1/queue", get(operation::queue))
        .route("/v1/events", get(events::events))
        .fallback(no_such_path)
        .method_not_allowed_fallback(method_not_allowed)
        // Each handler that reads a body does so with a limit of its own from `limits`.
        .layer(DefaultBodyLimit::disable())
        .with_state(desk)
}

async fn no_such_path() -> DoorError {
    DoorError::new(
        DoorCode::NoSuchPath,
        "the API has no such path",
        "see the list of paths; all but /live begin with /v1",
    )
}

async fn method_not_allowed() -> DoorError {
    DoorError::new(
        DoorCode::MethodNotAllowed,
        "this path is not used with this method",
        "see the header `Allow`",
    )
}
