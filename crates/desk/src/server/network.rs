//! `/v1/route`, `/v1/groups` and `/v1/directory`: the network as the node knows it.

use super::input::{self, Segments};
use super::routes::Desk;
use crate::{DirectoryView, DoorError, GroupView, RouteStep};
use axum::Json;
use axum::extract::State;

/// `GET /v1/route/{node}`
pub(super) async fn route(
    State(desk): State<Desk>,
    node: Segments<String>,
) -> Result<Json<Vec<RouteStep>>, DoorError> {
    let node = input::segment(&input::segments(node)?)?;
    desk.door.route(node).await.map(Json)
}

/// `GET /v1/groups/{group}`, the group as text, percent-encoded
pub(super) async fn group(
    State(desk): State<Desk>,
    group: Segments<String>,
) -> Result<Json<GroupView>, DoorError> {
    let group = input::segment(&input::segments(group)?)?;
    desk.door.group(group).await.map(Json)
}

/// `GET /v1/directory`
pub(super) async fn directory(State(desk): State<Desk>) -> Result<Json<DirectoryView>, DoorError> {
    desk.door.directory().await.map(Json)
}
