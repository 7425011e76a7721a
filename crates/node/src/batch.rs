//! Takes many small documents of one office in one request: looked up, reserved, closed and submitted together, answered one by one.

use crate::closing::{ClosedSubmission, Reserved, submission_key};
use crate::closing_batch::Document;
use crate::dispatching::ClosedNotice;
use crate::door::{Door, internal, stopping, submitted};
use crate::input::{Ask, Input};
use crate::refusals::refusal;
use crate::shared::Shared;
use crate::submitting::{close_notice, submit};
use crate::{addressing, knowing};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::oneshot;
use yizhan_desk::{DoorCode, DoorError, Submission, Submitted};
use yizhan_document::{LeftOut, NodeId, WallTime};
use yizhan_exchange::{Answer, SubmissionKey};

/// What became of one document.
type Outcome = Result<Submitted, DoorError>;

impl Door {
    /// Many documents in one request: what becomes of them [`Self::submit_many_now`] tells.
    pub(crate) async fn submit_batch(
        &self,
        documents: Vec<(Submission, Bytes)>,
    ) -> Result<Vec<Outcome>, DoorError> {
        self.check_room()?;
        self.know_recipients(documents.iter().map(|(submission, _)| submission)).await?;
        self.submit_many_now(documents).await
    }

    /// Waits for the files of recipients' nodes that are not held. Whatever was handed in before under its key waits for nobody: it stays
    /// accepted, whoever is known by now.
    pub(crate) async fn know_recipients(
        &self,
        submissions: impl Iterator<Item = &Submission>,
    ) -> Result<(), DoorError> {
        let mut nodes = BTreeSet::new();
        for submission in submissions {
            let unknown = knowing::unknown_recipients(&self.shared, submission);
            if unknown.is_empty() {
                continue;
            }
            let key = submission_key(submission);
            let before = key.map(|key| self.shared.index.submission_by_key(key.key)).transpose();
            if before.map_err(internal)?.flatten().is_none() {
                nodes.extend(unknown);
            }
        }
        let nodes: Vec<NodeId> = nodes.into_iter().collect();
        knowing::know(&self.shared, &nodes, None, knowing::OFFICE_PATIENCE).await;
        Ok(())
    }

    /// Each document is taken or refused by itself, in the order in which they came.
    pub(crate) async fn submit_many_now(
        &self,
        documents: Vec<(Submission, Bytes)>,
    ) -> Result<Vec<Outcome>, DoorError> {
        self.check_room()?;
        let now = self.shared.clock.wall();
        // One each for the document, and after all of these one each for its notice.
        let first_request = self.requests_for(2 * documents.len());
        let mut candidates = Vec::with_capacity(documents.len());
        let mut busy = Vec::with_capacity(documents.len());
        for (submission, content) in documents {
            let key = submission_key(&submission);
            // First the mark, then the look: what another request ends meanwhile is seen.
            let marked = key.map(|key| self.busy(key.key)).transpose();
            let refused = marked.map(|mark| busy.push(mark)).err();
            candidates.push(Candidate {
                submission,
                content,
                key,
                left_out: Vec::new(),
                outcome: refused.map(Err),
            });
        }
        let requests = first_request..first_request.saturating_add(2 * candidates.len() as u64);
        let shared = Arc::clone(&self.shared);
        let taking = tokio::task::spawn_blocking(move || take(&shared, candidates, first_request, now));
        let outcome = taking.await;
        drop(busy);
        match outcome {
            Ok(outcome) => outcome,
            Err(fault) => {
                // What was submitted before the fault stands; only ids that nobody will use are given back.
                let abandoned = requests.map(|request| Ask::Abandon { request }).collect();
                self.ask(Ask::Many(abandoned)).await.unwrap_or_default();
                Err(in_doubt(fault))
            }
        }
    }
}

/// A fault of this node after which nobody here knows whether documents were accepted: handed in anew without a key, they could go out
/// twice.
pub(crate) fn in_doubt(fault: impl std::fmt::Display) -> DoorError {
    tracing::error!(%fault, "documents that were handed in have no answer");
    let fix = "it may have been accepted: hand it in again under the same idempotency key, or look for it before; see the node's log";
    DoorError::new(DoorCode::Internal, fault.to_string(), fix)
}

/// A document on its way in.
struct Candidate {
    submission: Submission,
    content: Bytes,
    key: Option<SubmissionKey>,
    /// Who of its groups gets nothing.
    left_out: Vec<LeftOut>,
    /// Once it is known.
    outcome: Option<Outcome>,
}

/// Runs on a worker thread.
fn take(
    shared: &Shared,
    mut candidates: Vec<Candidate>,
    first_request: u64,
    now: WallTime,
) -> Result<Vec<Outcome>, DoorError> {
    look_up(shared, &mut candidates)?;
    // One version of the directory for all of them.
    let by = shared.by();
    let notices = first_request.saturating_add(candidates.len() as u64);
    let mut documents = Vec::with_capacity(candidates.len());
    let mut requests = Vec::with_capacity(candidates.len());
    let mut passed_over = Vec::with_capacity(candidates.len());
    for (candidate, request) in candidates.iter_mut().zip(first_request..) {
        if candidate.outcome.is_some() {
            continue;
        }
        // Only now: what was accepted once stays accepted, though its deadline has passed or a recipient has left since.
        let addressed = addressing::resolve(&by.directory, candidate.submission.clone());
        let looked_up = addressed.and_then(|(submission, left_out)| {
            Ok((by.closer.destinations(&submission, now)?, submission, left_out))
        });
        match looked_up {
            Ok((addressed, submission, left_out)) => {
                let to = addressed.to;
                passed_over.push(addressed.passed_over);
                candidate.left_out = left_out;
                let content = std::mem::take(&mut candidate.content);
                documents.push(Document { submission, content, to, key: candidate.key });
                requests.push(request);
            }
            Err(error) => candidate.outcome = Some(Err(error)),
        }
    }
    let _closing = by.closer.keys.begin();
    let closed = by.closer.close_many(&documents, now, |wanted| {
        let wanted = wanted.into_iter().map(|(number, classification)| {
            let request = requests.get(number).copied().unwrap_or_default();
            let to = documents.get(number).map(|document| document.to.clone()).unwrap_or_default();
            move |reply| Ask::Reserve { request, to, classification, reply }
        });
        let reserved = |answer| match answer {
            Answer::Reserved { id, numbers } => Ok(Reserved { id, numbers }),
            other => Err(refusal(&other)),
        };
        ask_all(shared, wanted).into_iter().map(|answer| answer.and_then(reserved)).collect()
    });
    let mut ready = Vec::with_capacity(closed.len());
    for (((closed, document), passed_over), request) in
        closed.into_iter().zip(&documents).zip(&passed_over).zip(requests)
    {
        let notice = notices.saturating_add(request.saturating_sub(first_request));
        let with_notice = closed.and_then(|closed| {
            let of = (closed.closed.id, &document.submission.from);
            let close = |passed_over| close_notice(shared, &by.closer, passed_over, of, notice, now);
            Ok((closed, passed_over.as_ref().map(close).transpose()?))
        });
        ready.push((request, notice, with_notice));
    }
    let mut outcomes = submit_all(shared, ready).into_iter();
    let lost = || Err(internal("a document of a batch has no outcome"));
    let outcome = |candidate: Candidate| match candidate.outcome {
        Some(outcome) => outcome,
        None => {
            let outcome = outcomes.next().unwrap_or_else(lost);
            outcome.map(|submitted| Submitted { left_out: candidate.left_out, ..submitted })
        }
    };
    Ok(candidates.into_iter().map(outcome).collect())
}

/// What was handed in before under its key gets its answer of that time.
fn look_up(shared: &Shared, candidates: &mut [Candidate]) -> Result<(), DoorError> {
    let keys: Vec<_> = candidates.iter().filter_map(|candidate| candidate.key.map(|key| key.key)).collect();
    let mut before = shared.index.submissions_by_keys(&keys).map_err(internal)?.into_iter();
    for candidate in candidates.iter_mut() {
        let Some(key) = candidate.key else { continue };
        let Some((index, submission)) = before.next().flatten() else { continue };
        if candidate.outcome.is_none() {
            candidate.outcome = Some(if submission == key.submission {
                submitted(shared, index, true)
            } else {
                Err(crate::door::key_reused())
            });
        }
    }
    Ok(())
}

/// A document of a batch, closed with its notice or not, under the numbers of both.
type Ready = (u64, u64, Result<(ClosedSubmission, Option<ClosedNotice>), DoorError>);

/// Submits what was closed and gives up what was not; the outcomes in their order.
fn submit_all(shared: &Shared, closed: Vec<Ready>) -> Vec<Outcome> {
    let mut submitting = Vec::with_capacity(closed.len());
    let mut refused = Vec::with_capacity(closed.len());
    let mut abandoned = Vec::new();
    let mut sent = Vec::with_capacity(closed.len());
    for (request, notice_request, closed) in closed {
        match closed {
            Ok((closed, notice)) => {
                sent.push(notice.as_ref().map(ClosedNotice::sent));
                submitting.push(move |reply| submit(request, closed, notice, reply));
                refused.push(None);
            }
            Err(error) => {
                abandoned.extend([request, notice_request].map(|request| Ask::Abandon { request }));
                refused.push(Some(error));
            }
        }
    }
    if !abandoned.is_empty() {
        // A node that stops has nothing reserved any more.
        shared.inputs.blocking_send(Input::Ask(Ask::Many(abandoned))).unwrap_or_default();
    }
    let mut answers = ask_all(shared, submitting.into_iter()).into_iter().zip(sent);
    let taken = |(answer, notice): (Result<Answer, DoorError>, _)| match answer? {
        Answer::Submitted { index, .. } => {
            submitted(shared, index, false).map(|submitted| Submitted { notice, ..submitted })
        }
        other => Err(refusal(&other)),
    };
    let outcome = |refused: Option<DoorError>| match refused {
        Some(error) => Err(error),
        None => answers.next().map_or_else(|| Err(stopping()), taken),
    };
    refused.into_iter().map(outcome).collect()
}

/// Asks the event loop all of it at once, and waits for the answers.
fn ask_all<A: FnOnce(oneshot::Sender<Answer>) -> Ask>(
    shared: &Shared,
    asks: impl Iterator<Item = A>,
) -> Vec<Result<Answer, DoorError>> {
    let (asks, answers): (Vec<_>, Vec<_>) = asks
        .map(|ask| {
            let (reply, answer) = oneshot::channel();
            (ask(reply), answer)
        })
        .unzip();
    // Where the loop is gone, the replies are gone with what was sent, and every answer says so.
    shared.inputs.blocking_send(Input::Ask(Ask::Many(asks))).unwrap_or_default();
    answers.into_iter().map(|answer| answer.blocking_recv().map_err(|_| stopping())).collect()
}
