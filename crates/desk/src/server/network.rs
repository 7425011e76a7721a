//! `/v1/route`, `/v1/groups` and `/v1/directory`: the network as the node knows it, and a new version of its directory.

use super::input::{self, Segments};
use super::routes::Desk;
use crate::{DirectoryView, DoorError, GroupView, PublishedDirectory, RouteStep};
use axum::Json;
use axum::extract::{Request, State};

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

/// `POST /v1/directory`
pub(super) async fn publish(
    State(desk): State<Desk>,
    request: Request,
) -> Result<Json<PublishedDirectory>, DoorError> {
    let archive = input::archive(request).await?;
    desk.door.publish(archive).await.map(Json)
}

/// `GET /v1/directory`
pub(super) async fn directory(State(desk): State<Desk>) -> Result<Json<DirectoryView>, DoorError> {
    desk.door.directory().await.map(Json)
}
