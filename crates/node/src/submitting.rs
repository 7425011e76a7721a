//! What a worker thread asks of the rules while it closes a submission: an id, and that what was closed is taken.

use crate::closing::{ClosedSubmission, Closer, Reserved};
use crate::dispatching::ClosedNotice;
use crate::door::stopping;
use crate::input::{Ask, Input};
use crate::refusals::refusal;
use crate::shared::Shared;
use tokio::sync::oneshot;
use yizhan_desk::DoorError;
use yizhan_document::{Classification, EnvelopeId, NodeId, OfficeAddress, WallTime};
use yizhan_exchange::Answer;
use yizhan_hierarchy::PassedOver;

/// An id and numbers for what is being closed on this worker thread.
pub(crate) fn reserve(
    shared: &Shared,
    request: u64,
    to: Vec<NodeId>,
    classification: Classification,
) -> Result<Reserved, DoorError> {
    let (reply, answer) = oneshot::channel();
    let ask = Ask::Reserve { request, to, classification, reply };
    shared.inputs.blocking_send(Input::Ask(ask)).map_err(|_| stopping())?;
    match answer.blocking_recv().map_err(|_| stopping())? {
        Answer::Reserved { id, numbers } => Ok(Reserved { id, numbers }),
        other => Err(refusal(&other)),
    }
}

/// Closes the notice of a document that was just closed on this worker thread.
pub(crate) fn close_notice(
    shared: &Shared,
    closer: &Closer,
    passed_over: &PassedOver,
    of: (EnvelopeId, &OfficeAddress),
    request: u64,
    now: WallTime,
) -> Result<ClosedNotice, DoorError> {
    let reserve = |to| reserve(shared, request, to, Classification::Unclassified);
    closer.close_notice(passed_over, of, request, now, reserve)
}

/// What submits a closed document, and its notice with it.
pub(crate) fn submit(
    request: u64,
    document: ClosedSubmission,
    notice: Option<ClosedNotice>,
    reply: oneshot::Sender<Answer>,
) -> Ask {
    let (closed, stored) = (Box::new(document.closed), Box::new(document.stored));
    let document = Ask::Submit { request, closed, stored, reply };
    match notice {
        Some(notice) => notice.before(request, document),
        None => document,
    }
}
