//! `/v1/documents/batch`: many small documents of one office handed in at once.

use super::documents::fault;
use super::input;
use super::routes::Desk;
use super::upload::Upload;
use crate::limits::{BATCH_CONTENT_BYTES_MAX, BATCH_DOCUMENTS_MAX, BATCH_SUBMISSIONS_BYTES_MAX};
use crate::{BatchOutcome, DoorCode, DoorError, Submission};
use axum::Json;
use axum::extract::{Request, State};
use bytes::Bytes;

/// `POST /v1/documents/batch`: multipart/form-data, first the field `submissions` (a JSON array of what `/v1/documents` takes, all
/// of one office, each with its own `key`), then the field `content`: the files of all documents, one after the other. The answer
/// has the outcome of each document, in their order.
pub(super) async fn submit(
    State(desk): State<Desk>,
    request: Request,
) -> Result<Json<Vec<BatchOutcome>>, DoorError> {
    if request.headers().contains_key("idempotency-key") {
        let detail = "one `Idempotency-Key` stands for many documents";
        return Err(DoorError::new(DoorCode::Malformed, detail, "give each submission a `key` of its own"));
    }
    let mut upload = Upload::open(request).await?;
    let answer = receive(&desk, &mut upload).await;
    upload.discard_rest();
    answer.map(Json)
}

async fn receive(desk: &Desk, upload: &mut Upload) -> Result<Vec<BatchOutcome>, DoorError> {
    // A batch is held in memory. The semaphore is never closed.
    let place = desk.batches.clone().acquire_owned().await.ok();
    let submissions = upload.whole("submissions", BATCH_SUBMISSIONS_BYTES_MAX).await?;
    let submissions: Vec<Submission> = input::from_json(&submissions, "the field `submissions`")?;
    check(&submissions)?;
    let content = Bytes::from(upload.whole("content", BATCH_CONTENT_BYTES_MAX).await?);
    upload.end().await?;
    let (sound, mut outcomes) = divide(submissions, content)?;
    let door = desk.door.clone();
    // A task of its own: the client's leaving must not stop the node half-way.
    let task = tokio::spawn(async move {
        let _place = place;
        door.submit_many(sound).await
    });
    let mut taken = task.await.map_err(fault)??.into_iter();
    for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_none()) {
        *outcome = taken.next().map(BatchOutcome::from);
    }
    outcomes.into_iter().collect::<Option<_>>().ok_or_else(|| {
        DoorError::new(DoorCode::Internal, "an outcome is missing", "ask again with the same keys")
    })
}

/// What must hold of the batch as a whole.
fn check(submissions: &[Submission]) -> Result<(), DoorError> {
    if !(1..=BATCH_DOCUMENTS_MAX).contains(&submissions.len()) {
        let detail =
            format!("a batch has 1 to {BATCH_DOCUMENTS_MAX} documents, this one has {}", submissions.len());
        return Err(DoorError::new(DoorCode::Malformed, detail, "hand them in as several batches"));
    }
    let from = submissions.first().map(|submission| &submission.from);
    if submissions.iter().any(|submission| Some(&submission.from) != from) {
        let detail = "the documents of the batch are of several offices";
        return Err(DoorError::new(DoorCode::Malformed, detail, "hand in a batch for each office"));
    }
    Ok(())
}

/// Those that are sound, each with its files, and the outcome of each that is not.
#[expect(clippy::type_complexity, reason = "two lists that exist here only")]
fn divide(
    submissions: Vec<Submission>,
    mut content: Bytes,
) -> Result<(Vec<(Submission, Bytes)>, Vec<Option<BatchOutcome>>), DoorError> {
    let mut sound = Vec::with_capacity(submissions.len());
    let mut outcomes = Vec::with_capacity(submissions.len());
    for submission in submissions {
        let size = submission.content_bytes().and_then(|size| usize::try_from(size).ok());
        let size = size.filter(|size| *size <= content.len()).ok_or_else(|| mismatch("fewer"))?;
        let files = content.split_to(size);
        match submission.check() {
            Ok(()) => {
                sound.push((submission, files));
                outcomes.push(None);
            }
            Err(error) => outcomes.push(Some(Err(error).into())),
        }
    }
    if content.is_empty() { Ok((sound, outcomes)) } else { Err(mismatch("more")) }
}

fn mismatch(which: &str) -> DoorError {
    DoorError::new(
        DoorCode::ContentMismatch,
        format!("`content` has {which} bytes than the files that are declared"),
        "declare every file with its size and send exactly these; nothing was accepted",
    )
}
