//! `/v1/offices/{office}/inbox`: what lies in an office's inbox, taking it, acting on it.

use super::documents::fault;
use super::input::{self, Page, Segments};
use super::routes::Desk;
use crate::{ActDone, ActRequest, DoorError, InboxItem};
use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::Response;

/// `GET /v1/offices/{office}/inbox?after=&limit=`
pub(super) async fn inbox(
    State(desk): State<Desk>,
    office: Segments<String>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Vec<InboxItem>>, DoorError> {
    let office = input::segment(&input::segments(office)?)?;
    let page = input::page(page)?;
    desk.door.inbox(office, page.after(), page.limit()).await.map(Json)
}

/// `POST /v1/offices/{office}/inbox/{id}/take`: the document as `application/x-tar`. An archive that is broken off was not handed
/// over.
pub(super) async fn take(
    State(desk): State<Desk>,
    ids: Segments<(String, String)>,
) -> Result<Response, DoorError> {
    let (office, id) = input::segments(ids)?;
    let taken = desk.door.take(input::segment(&office)?, input::segment(&id)?).await?;
    let mut response = Response::new(Body::from_stream(taken.content));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-tar"));
    if let Some(size) = taken.size {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(size));
    }
    Ok(response)
}

/// `POST /v1/offices/{office}/inbox/{id}/acts`
pub(super) async fn act(
    State(desk): State<Desk>,
    ids: Segments<(String, String)>,
    request: Request,
) -> Result<Json<ActDone>, DoorError> {
    let (office, id) = input::segments(ids)?;
    let (office, id) = (input::segment(&office)?, input::segment(&id)?);
    let request: ActRequest = input::json(request).await?;
    request.check()?;
    // A task of its own: the client's leaving must not stop the node half-way.
    tokio::spawn(async move { desk.door.act(office, id, request).await }).await.map_err(fault)?.map(Json)
}
