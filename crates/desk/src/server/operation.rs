//! `/live`, `/v1/status` and `/v1/queue`: for the operator.

use super::input::{self, Page};
use super::routes::Desk;
use crate::{DoorError, NodeStatus, QueueItem};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};

/// `GET /live`: the process answers. Whether it may promise anything is in the status.
pub(super) async fn live() -> &'static str {
    "live\n"
}

/// `GET /v1/status`
pub(super) async fn status(State(desk): State<Desk>) -> Result<Json<NodeStatus>, DoorError> {
    desk.door.status().await.map(Json)
}

/// `GET /v1/queue?limit=`
pub(super) async fn queue(
    State(desk): State<Desk>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Vec<QueueItem>>, DoorError> {
    let page = input::page(page)?;
    desk.door.queue(page.limit()).await.map(Json)
}
