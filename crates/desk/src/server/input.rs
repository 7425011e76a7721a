//! Reading what a client wrote (path, query, JSON body): in bounds, and every refusal a problem.

use crate::limits::{DIRECTORY_BYTES_MAX, JSON_BYTES_MAX, JSON_TIMEOUT, PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX};
use crate::{DoorCode, DoorError};
use axum::extract::Request;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::str::FromStr;

/// How much of a library's message about bad input is passed on, in characters: it may quote the input.
const MESSAGE_CHARS_MAX: usize = 300;

/// The segments of a path as they came.
pub(super) type Segments<T> = Result<Path<T>, PathRejection>;

/// Which part of a list is wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    after: Option<u64>,
    limit: Option<usize>,
}

impl Page {
    /// The number after which to begin.
    pub(super) fn after(&self) -> u64 {
        self.after.unwrap_or(0)
    }

    /// The number of items, within the limits.
    pub(super) fn limit(&self) -> usize {
        self.limit.unwrap_or(PAGE_ITEMS_DEFAULT).clamp(1, PAGE_ITEMS_MAX)
    }
}

/// A refusal for bad form, with the reason as a library gave it.
pub(super) fn malformed(what: &str, reason: impl Display, fix: &str) -> DoorError {
    let reason: String =
        reason.to_string().chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS_MAX).collect();
    DoorError::new(DoorCode::Malformed, format!("{what}: {reason}"), fix)
}

/// The segments of the path, percent-decoded.
pub(super) fn segments<T>(given: Segments<T>) -> Result<T, DoorError> {
    given
        .map(|Path(segments)| segments)
        .map_err(|error| malformed("the path", error.body_text(), "correct the path"))
}

/// One segment as what it stands for. Its type decides what may stand there, so that no path can be smuggled in.
pub(super) fn segment<T: FromStr<Err: Display>>(text: &str) -> Result<T, DoorError> {
    text.parse().map_err(|error| malformed("the path", error, "correct the path"))
}

/// Which part of a list is wanted.
pub(super) fn page(given: Result<Query<Page>, QueryRejection>) -> Result<Page, DoorError> {
    given.map(|Query(page)| page).map_err(|error| {
        malformed("the query", error.body_text(), "use `after` and `limit`, each a whole number")
    })
}

/// The JSON body of a request, read within limits of size and time.
pub(super) async fn json<T: DeserializeOwned>(request: Request) -> Result<T, DoorError> {
    if !is_media(request.headers(), "application/json") {
        let fix = "send JSON with `Content-Type: application/json`";
        return Err(DoorError::new(DoorCode::MediaType, "the body is not said to be JSON", fix));
    }
    let bytes = body(request, JSON_BYTES_MAX).await?;
    from_json(&bytes, "the body")
}

/// The tar archive that a request brings, read within limits of size and time.
pub(super) async fn archive(request: Request) -> Result<Vec<u8>, DoorError> {
    if !is_media(request.headers(), "application/x-tar") {
        let fix = "send a tar archive with `Content-Type: application/x-tar`";
        return Err(DoorError::new(DoorCode::MediaType, "the body is not said to be a tar archive", fix));
    }
    body(request, DIRECTORY_BYTES_MAX).await.map(Into::into)
}

async fn body(request: Request, most: usize) -> Result<Bytes, DoorError> {
    // Whatever the header promises, the body itself is counted.
    let reading = axum::body::to_bytes(request.into_body(), most);
    match tokio::time::timeout(JSON_TIMEOUT, reading).await {
        Err(_) => Err(DoorError::new(DoorCode::TooSlow, "the body did not arrive in time", "send it again")),
        Ok(Err(_)) => {
            let detail = format!("the body is larger than {most} bytes or was broken off");
            Err(DoorError::new(DoorCode::TooLarge, detail, "shorten it"))
        }
        Ok(Ok(bytes)) => Ok(bytes),
    }
}

/// JSON as what it stands for.
pub(super) fn from_json<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, DoorError> {
    serde_json::from_slice(bytes)
        .map_err(|error| malformed(what, error, "correct the JSON as the API documentation shows it"))
}

fn is_media(headers: &HeaderMap, wanted: &str) -> bool {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_keeps_within_its_limits() {
        let page = |after, limit| Page { after, limit };
        assert_eq!((page(None, None).after(), page(None, None).limit()), (0, PAGE_ITEMS_DEFAULT));
        assert_eq!((page(Some(7), Some(0)).after(), page(None, Some(0)).limit()), (7, 1));
        assert_eq!(page(None, Some(usize::MAX)).limit(), PAGE_ITEMS_MAX);
    }

    #[test]
    fn a_message_about_bad_input_is_short_and_one_line() {
        let error = malformed("the body", format!("bad\n{}", "x".repeat(5000)), "mend it");
        assert!(error.detail.chars().count() < 400 && !error.detail.contains('\n'));
    }
}
