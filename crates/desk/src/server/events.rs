//! `/v1/events`: what happens at the node, as server-sent events.

use super::input::{self, Page};
use super::routes::Desk;
use super::stopped;
use crate::DoorError;
use crate::limits::KEEP_ALIVE_INTERVAL;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt};

/// `GET /v1/events?after=`: each event with its number as id and itself as JSON. The header `Last-Event-ID`, which a browser
/// sends when it comes back, counts before `after`.
pub(super) async fn events(
    State(desk): State<Desk>,
    headers: HeaderMap,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Sse<impl Stream<Item = Result<Event, axum::Error>>>, DoorError> {
    let mut after = input::page(page)?.after();
    if let Some(last) = headers.get("last-event-id") {
        after = last.to_str().ok().and_then(|text| text.parse().ok()).ok_or_else(|| {
            input::malformed(
                "the header `Last-Event-ID`",
                "it is no number",
                "send the id of the last event seen",
            )
        })?;
    }
    let events = desk.door.events(after).await?;
    let events = events.map(|event| Event::default().id(event.sequence.to_string()).json_data(&event));
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE_INTERVAL);
    Ok(Sse::new(events.take_until(stopped(desk.stopping))).keep_alive(keep_alive))
}
