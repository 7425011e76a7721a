//! Small documents that are handed in one by one while others of their office are being closed: closed together with the next.
//!
//! One that comes alone is closed alone and at once. Under load, many share one signature, one look-up of their keys and one
//! hand-over to the event loop, as if they had come in one request (decision 0013).

use crate::batch::in_doubt;
use crate::closing::broken;
use crate::door::Door;
use bytes::{Bytes, BytesMut};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;
use yizhan_desk::{ContentStream, DoorError, Submission, Submitted};
use yizhan_document::OfficeAddress;

/// Content of a document that is gathered, in bytes, at the most. Larger ones stream by themselves.
const CONTENT_BYTES_MAX: u64 = 128 * 1024;
/// Documents closed together, at the most: what a worker is given at once.
const TOGETHER_MAX: usize = 64;
/// Groups of one office that are closed at the same time: while one waits for the disk, another uses the processor.
const LANES: usize = 2;

type Outcome = Result<Submitted, DoorError>;
/// A document that waits, and where its outcome goes.
type Document = (Submission, Bytes, oneshot::Sender<Outcome>);
/// What waits, by office.
type Offices = HashMap<OfficeAddress, Waiting>;

/// The documents that wait, by their office.
#[derive(Clone, Default)]
pub(crate) struct Gathering {
    offices: Arc<Mutex<Offices>>,
}

#[derive(Default)]
struct Waiting {
    documents: Vec<Document>,
    lanes: usize,
}

impl Gathering {
    /// Whether this document is gathered.
    pub(crate) fn takes(submission: &Submission) -> bool {
        let sizes = submission.files.iter().map(|file| file.size);
        sizes.fold(0, u64::saturating_add) <= CONTENT_BYTES_MAX
    }

    /// Hands a document in together with whatever comes at the same time.
    pub(crate) async fn submit(
        &self,
        door: &Door,
        submission: Submission,
        content: ContentStream,
    ) -> Outcome {
        let content = whole(content).await?;
        // By itself: in a lane all others would wait with it.
        door.know_recipients(std::iter::once(&submission)).await?;
        let office = submission.from.clone();
        let (reply, outcome) = oneshot::channel();
        let begins = {
            let mut offices = self.offices();
            let waiting = offices.entry(office.clone()).or_default();
            waiting.documents.push((submission, content, reply));
            let begins = waiting.lanes < LANES;
            waiting.lanes += usize::from(begins);
            begins
        };
        if begins {
            // A task of its own: it works for others as well, who must not depend on this client.
            tokio::spawn(work_through(Lane { gathering: self.clone(), office, ended: false }, door.clone()));
        }
        outcome.await.map_err(|_| in_doubt("a fault ended the closing of this document"))?
    }

    fn offices(&self) -> MutexGuard<'_, Offices> {
        // Nothing that holds this lock can leave it half done.
        self.offices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that closes documents of an office until none wait.
struct Lane {
    gathering: Gathering,
    office: OfficeAddress,
    ended: bool,
}

impl Lane {
    /// The next documents; where there are none, the lane has ended.
    fn next(&mut self) -> Option<Vec<Document>> {
        let mut offices = self.gathering.offices();
        let waiting = offices.get_mut(&self.office)?;
        if !waiting.documents.is_empty() {
            let count = waiting.documents.len().min(TOGETHER_MAX);
            return Some(waiting.documents.drain(..count).collect());
        }
        self.ended = true;
        end_lane(&mut offices, &self.office);
        None
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if !self.ended {
            // A fault ended it: what waits is for the other lane, or is answered by being dropped.
            end_lane(&mut self.gathering.offices(), &self.office);
        }
    }
}

/// An office has a lane less; without one it is forgotten.
fn end_lane(offices: &mut Offices, office: &OfficeAddress) {
    if let Some(waiting) = offices.get_mut(office) {
        waiting.lanes -= 1;
        if waiting.lanes == 0 {
            offices.remove(office);
        }
    }
}

async fn work_through(mut lane: Lane, door: Door) {
    while let Some(documents) = lane.next() {
        let (documents, replies): (Vec<_>, Vec<_>) =
            documents.into_iter().map(|(submission, content, reply)| ((submission, content), reply)).unzip();
        // Whoever has gone asks again with the key of the submission.
        match door.submit_many_now(documents).await {
            Ok(outcomes) => {
                let told = replies.into_iter().zip(outcomes);
                told.for_each(|(reply, outcome)| reply.send(outcome).unwrap_or_default());
            }
            Err(error) => {
                replies.into_iter().for_each(|reply| reply.send(Err(error.clone())).unwrap_or_default());
            }
        }
    }
}

/// All of the content, which the door holds to its declared size.
async fn whole(mut content: ContentStream) -> Result<Bytes, DoorError> {
    let Some(first) = content.next_piece().await else { return Ok(Bytes::new()) };
    let first = first.map_err(|error| broken(&error))?;
    let mut all: Option<BytesMut> = None;
    while let Some(piece) = content.next_piece().await {
        let piece = piece.map_err(|error| broken(&error))?;
        all.get_or_insert_with(|| BytesMut::from(first.as_ref())).extend_from_slice(&piece);
        if all.as_ref().is_some_and(|all| all.len() as u64 > CONTENT_BYTES_MAX) {
            return Err(broken(&"it is longer than declared"));
        }
    }
    Ok(all.map_or(first, BytesMut::freeze))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::county::{COUNTY, County};
    use yizhan_desk::{ContentError, DoorCode, content_channel};
    use yizhan_document::{Groups, Label, WallTime};

    #[tokio::test]
    async fn content_in_many_pieces_is_gathered_whole_and_broken_content_is_refused() {
        for pieces in [vec![], vec!["one"], vec!["one", "two", "three"]] {
            let (sender, content) = content_channel();
            let sent = pieces.concat();
            let sending = async move {
                for piece in pieces {
                    sender.send(Bytes::from(piece)).await.unwrap();
                }
                sender.finish();
            };
            let (whole, ()) = tokio::join!(whole(content), sending);
            assert_eq!(whole.unwrap(), sent.as_bytes());
        }
        let (sender, content) = content_channel();
        sender.send(Bytes::from("half")).await.unwrap();
        sender.fail(ContentError::BrokenOff);
        assert!(whole(content).await.is_err());
    }

    /// Hands a document in that is late, for the government office of a node.
    async fn hand_in((gathering, door): (Gathering, Door), to: &str) -> Outcome {
        let (sender, content) = content_channel();
        sender.finish();
        let submission = Submission {
            from: format!("gov-office@{COUNTY}").parse().unwrap(),
            to: vec![format!("gov-office@{to}").parse().unwrap()],
            cc: Vec::new(),
            groups: Groups::default(),
            label: Label { title: "T".into(), ..Label::default() },
            deadline: Some(WallTime::EPOCH),
            files: Vec::new(),
            key: None,
        };
        gathering.submit(&door, submission, content).await
    }

    #[tokio::test]
    async fn nobody_waits_behind_documents_whose_recipients_are_not_known() {
        let mut county = County::that_met(&["653101"]);
        let door = (Gathering::default(), Door::new(Arc::clone(&county.shared)));
        let (mut waiting, mut asks) = (Vec::new(), Vec::new());
        for _ in 0..LANES {
            waiting.push(tokio::spawn(hand_in(door.clone(), "653130")));
            asks.push(county.need().await);
        }
        // Judged at once: it is late, and its recipient is known.
        assert_eq!(hand_in(door.clone(), "653101").await.unwrap_err().code, DoorCode::Deadline);
        assert!(waiting.iter().all(|waiting| !waiting.is_finished()), "the others were answered before");
        drop(asks);
        for waiting in waiting {
            assert_eq!(waiting.await.unwrap().unwrap_err().code, DoorCode::NotHeldYet);
        }
    }
}
