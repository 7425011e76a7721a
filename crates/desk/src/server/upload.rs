//! An upload as it streams in: fields in their order, sizes as declared, memory bounded, and a rest thrown away.

use crate::limits::{
    DISCARD_TIMEOUT, DISCARDED_BYTES_MAX, SUBMISSION_BYTES_MAX, UNPARSED_BYTES_MAX, UPLOAD_IDLE_TIMEOUT,
};
use crate::{ContentSender, DoorCode, DoorError, FileDeclaration};
use axum::body::{Body, BodyDataStream};
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

/// A `multipart/form-data` request under way.
pub(super) struct Upload {
    multipart: Multipart,
    body: Arc<Mutex<BodyDataStream>>,
    meter: Arc<Meter>,
}

/// What is known of the body beside its bytes.
#[derive(Default)]
struct Meter {
    /// Bytes given to the multipart reader since it last handed something out.
    unparsed: AtomicUsize,
    /// Whether the connection failed before the body's end.
    broken_off: AtomicBool,
}

impl Upload {
    /// Begins to read a request.
    pub(super) async fn open(request: Request) -> Result<Self, DoorError> {
        let (head, body) = request.into_parts();
        let body = Arc::new(Mutex::new(body.into_data_stream()));
        let meter = Arc::new(Meter::default());
        let metered = Metered { body: body.clone(), meter: meter.clone(), resting: false };
        let request = Request::from_parts(head, Body::from_stream(metered));
        match Multipart::from_request(request, &()).await {
            Ok(multipart) => Ok(Self { multipart, body, meter }),
            Err(_) => {
                discard(body);
                let fix = "send `multipart/form-data` with a boundary";
                Err(DoorError::new(DoorCode::MediaType, "the body is no multipart form", fix))
            }
        }
    }

    /// The first field, which must be `submission`.
    pub(super) async fn submission(&mut self) -> Result<Vec<u8>, DoorError> {
        self.whole("submission", SUBMISSION_BYTES_MAX).await
    }

    /// The next field, which must be the one called `name`, whole; `bytes_max` bytes at the most.
    pub(super) async fn whole(&mut self, name: &str, bytes_max: usize) -> Result<Vec<u8>, DoorError> {
        let meter = self.meter.clone();
        let mut field = self.field(name).await?.ok_or_else(|| {
            let (detail, fix) =
                (format!("the form has no field `{name}`"), format!("add the field `{name}`"));
            DoorError::new(DoorCode::Malformed, detail, fix)
        })?;
        let mut whole = Vec::new();
        while let Some(bytes) = chunk(&mut field, &meter).await? {
            if whole.len() + bytes.len() > bytes_max {
                let detail = format!("the field `{name}` is larger than {bytes_max} bytes");
                return Err(DoorError::new(DoorCode::TooLarge, detail, "send less at once"));
            }
            whole.extend_from_slice(&bytes);
        }
        Ok(whole)
    }

    /// Checks that no field follows.
    pub(super) async fn end(&mut self) -> Result<(), DoorError> {
        match self.field("").await? {
            None => Ok(()),
            Some(_) => Err(mismatch("more fields came than belong here".to_owned())),
        }
    }

    /// Passes the declared files on. The error is `None` where the node wants no more content.
    pub(super) async fn pump(
        &mut self,
        files: &[FileDeclaration],
        sender: &ContentSender,
    ) -> Result<(), Option<DoorError>> {
        let meter = self.meter.clone();
        for (number, file) in (1..).zip(files) {
            let mut field = self.field("file").await?.ok_or_else(|| {
                mismatch(format!("{} files are declared, {} came", files.len(), number - 1))
            })?;
            let mut missing = file.size;
            while let Some(bytes) = chunk(&mut field, &meter).await? {
                missing = missing.checked_sub(bytes.len() as u64).ok_or_else(|| {
                    mismatch(format!("file {number} is larger than the {} bytes declared", file.size))
                })?;
                sender.send(bytes).await.map_err(|_| None::<DoorError>)?;
            }
            if missing > 0 {
                return Err(Some(mismatch(format!(
                    "file {number} is {missing} bytes shorter than the {} declared",
                    file.size
                ))));
            }
        }
        match self.field("file").await? {
            Some(_) => Err(Some(mismatch(format!("more than the {} declared files came", files.len())))),
            None => Ok(()),
        }
    }

    /// Whether the client went away before all came.
    pub(super) fn is_broken_off(&self) -> bool {
        self.meter.broken_off.load(Ordering::Relaxed)
    }

    /// Lets the client finish sending, within limits, after its answer is known: many read it only then. Does nothing where all
    /// was read.
    pub(super) fn discard_rest(self) {
        drop(self.multipart);
        discard(self.body);
    }

    async fn field(&mut self, name: &str) -> Result<Option<Field<'_>>, DoorError> {
        let next = tokio::time::timeout(UPLOAD_IDLE_TIMEOUT, self.multipart.next_field()).await;
        self.meter.unparsed.store(0, Ordering::Relaxed);
        let Some(field) = next.map_err(|_| too_slow())?.map_err(|error| broken(&error))? else {
            return Ok(None);
        };
        if field.name() == Some(name) {
            return Ok(Some(field));
        }
        let detail = format!("a field other than `{name}` stands where `{name}` should");
        Err(DoorError::new(
            DoorCode::Malformed,
            detail,
            "send `submission` first, then one field `file` for each declared file, in order",
        ))
    }
}

async fn chunk(field: &mut Field<'_>, meter: &Meter) -> Result<Option<Bytes>, DoorError> {
    let next = tokio::time::timeout(UPLOAD_IDLE_TIMEOUT, field.chunk()).await;
    meter.unparsed.store(0, Ordering::Relaxed);
    next.map_err(|_| too_slow())?.map_err(|error| broken(&error))
}

fn mismatch(detail: String) -> DoorError {
    DoorError::new(
        DoorCode::ContentMismatch,
        detail,
        "declare every file with its size and send exactly these",
    )
}

fn too_slow() -> DoorError {
    let detail = format!("nothing came for {} seconds", UPLOAD_IDLE_TIMEOUT.as_secs());
    DoorError::new(DoorCode::TooSlow, detail, "send it again")
}

fn broken(error: &MultipartError) -> DoorError {
    super::input::malformed("the form", error.body_text(), "send a form that ends with its boundary")
}

fn discard(body: Arc<Mutex<BodyDataStream>>) {
    let reading = async move {
        let mut left = DISCARDED_BYTES_MAX;
        while let Some(Ok(bytes)) = poll_fn(|context| poll_body(&body, context)).await {
            match left.checked_sub(bytes.len()) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    };
    // Out of time is as good as done: dropping the body closes the connection.
    tokio::spawn(async { drop(tokio::time::timeout(DISCARD_TIMEOUT, reading).await) });
}

fn poll_body(
    body: &Mutex<BodyDataStream>,
    context: &mut Context<'_>,
) -> Poll<Option<Result<Bytes, axum::Error>>> {
    body.lock().unwrap_or_else(PoisonError::into_inner).poll_next_unpin(context)
}

/// The body as the multipart reader gets it: one piece a poll, because the reader buffers all it can get, and with an error
/// where it has taken in much without handing anything out, because it has no limit of its own for headers and preamble.
struct Metered {
    body: Arc<Mutex<BodyDataStream>>,
    meter: Arc<Meter>,
    resting: bool,
}

/// The form has an endless preamble, padding or field header.
#[derive(Debug, thiserror::Error)]
enum MeteredError {
    #[error("more than {UNPARSED_BYTES_MAX} bytes hold neither a field nor content")]
    Unparsed,
    #[error(transparent)]
    Body(axum::Error),
}

impl Stream for Metered {
    type Item = Result<Bytes, MeteredError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.resting) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(piece) = ready!(poll_body(&self.body, context)) else { return Poll::Ready(None) };
        let piece = piece.map_err(|error| {
            self.meter.broken_off.store(true, Ordering::Relaxed);
            MeteredError::Body(error)
        })?;
        let before = self.meter.unparsed.fetch_add(piece.len(), Ordering::Relaxed);
        if before.saturating_add(piece.len()) > UNPARSED_BYTES_MAX {
            return Poll::Ready(Some(Err(MeteredError::Unparsed)));
        }
        self.resting = true;
        Poll::Ready(Some(Ok(piece)))
    }
}
