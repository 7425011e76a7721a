//! `/v1/documents`: handing a document in, following it, recalling it, its receipts and its delivery certificate.

use super::input::{self, Segments};
use super::routes::Desk;
use super::upload::Upload;
use crate::submission::check_key;
use crate::{
    ContentError, DoorCode, DoorError, ExportedReceipt, RecallDone, RecallRequest, Submission, Submitted,
    Track, content_channel,
};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use yizhan_ledger::DeliveryCertificate;
use yizhan_planted::{Bug, on};

/// `POST /v1/documents`: multipart/form-data, first the field `submission` (JSON), then one field `file` for each declared file.
pub(super) async fn submit(State(desk): State<Desk>, request: Request) -> Result<Response, DoorError> {
    let key = idempotency_key(request.headers())?;
    let mut upload = Upload::open(request).await?;
    let answer = receive(&desk, &mut upload, key).await;
    upload.discard_rest();
    let submitted = answer?;
    let location = HeaderValue::try_from(&submitted.url)
        .map_err(|_| DoorError::new(DoorCode::Internal, "the state's path is none", "report this fault"))?;
    Ok((StatusCode::ACCEPTED, [(LOCATION, location)], Json(submitted)).into_response())
}

/// `GET /v1/documents/{id}`
pub(super) async fn track(State(desk): State<Desk>, id: Segments<String>) -> Result<Json<Track>, DoorError> {
    let id = input::segment(&input::segments(id)?)?;
    desk.door.track(id).await.map(Json)
}

/// `POST /v1/documents/{id}/recall`
pub(super) async fn recall(
    State(desk): State<Desk>,
    id: Segments<String>,
    request: Request,
) -> Result<Json<RecallDone>, DoorError> {
    let id = input::segment(&input::segments(id)?)?;
    let request: RecallRequest = input::json(request).await?;
    request.check()?;
    // A task of its own: the client's leaving must not stop the node half-way.
    tokio::spawn(async move { desk.door.recall(id, request).await }).await.map_err(fault)?.map(Json)
}

/// `GET /v1/documents/{id}/receipts`
pub(super) async fn receipts(
    State(desk): State<Desk>,
    id: Segments<String>,
) -> Result<Json<Vec<ExportedReceipt>>, DoorError> {
    let id = input::segment(&input::segments(id)?)?;
    desk.door.receipts(id).await.map(Json)
}

/// `GET /v1/documents/{id}/certificate`
pub(super) async fn certificate(
    State(desk): State<Desk>,
    id: Segments<String>,
) -> Result<Json<DeliveryCertificate>, DoorError> {
    let id = input::segment(&input::segments(id)?)?;
    desk.door.certificate(id).await.map(Json)
}

async fn receive(desk: &Desk, upload: &mut Upload, key: Option<String>) -> Result<Submitted, DoorError> {
    let mut submission: Submission = input::from_json(&upload.submission().await?, "the field `submission`")?;
    submission.key = match (submission.key, key) {
        (Some(inside), Some(outside)) if inside != outside && !on(Bug::KeysMayDiffer) => {
            let detail = "the header `Idempotency-Key` and `key` of the submission differ";
            return Err(DoorError::new(DoorCode::Malformed, detail, "give the key once"));
        }
        (inside, outside) => inside.or(outside),
    };
    submission.check()?;
    let files = submission.files.clone();
    let (sender, content) = content_channel();
    let door = desk.door.clone();
    // A task of its own: once all content is with the node, the client's leaving must not stop it half-way.
    let mut task = tokio::spawn(async move { door.submit(submission, content).await });
    let pumped = tokio::select! {
        // Refused, or known already, before all was read; dropping `sender` ends the content.
        early = &mut task => return early.map_err(fault)?,
        pumped = upload.pump(&files, &sender) => pumped,
    };
    let refusal = match pumped {
        Ok(()) => {
            sender.finish();
            None
        }
        Err(None) => {
            drop(sender);
            None
        }
        Err(Some(refusal)) => {
            let gone = upload.is_broken_off();
            sender.fail(if gone { ContentError::BrokenOff } else { ContentError::Refused });
            Some(refusal)
        }
    };
    // The answer waits until the node is done, so that trying again at once does not meet the failed try.
    match (task.await.map_err(fault)?, refusal) {
        (Err(_), Some(refusal)) => Err(refusal),
        (answer, _) => answer,
    }
}

pub(super) fn fault(error: tokio::task::JoinError) -> DoorError {
    tracing::error!(%error, "a request of the desk ended in a fault");
    DoorError::new(
        DoorCode::Internal,
        "the node failed at this request",
        "try again; if it persists, report it",
    )
}

/// The header as draft-ietf-httpapi-idempotency-key-header-07 has it, a quoted string, or bare as most clients send it.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, DoorError> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    check_key(bare)?;
    if values.next().is_some() {
        let detail = "there are several headers `Idempotency-Key`";
        return Err(DoorError::new(DoorCode::Malformed, detail, "give the key once"));
    }
    Ok(Some(bare.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&'static str]) -> Result<Option<String>, DoorCode> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("idempotency-key", HeaderValue::from_static(value));
        }
        idempotency_key(&headers).map_err(|error| error.code)
    }

    #[test]
    fn a_key_is_read_quoted_or_bare_and_only_once() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["\"a-1\""]), Ok(Some("a-1".into())));
        assert_eq!(read(&["a-1"]), Ok(Some("a-1".into())));
        assert_eq!(read(&["a-1", "a-1"]), Err(DoorCode::Malformed));
        assert_eq!(read(&[""]), Err(DoorCode::Malformed));
        assert_eq!(read(&["a b"]), Err(DoorCode::Malformed));
    }
}
