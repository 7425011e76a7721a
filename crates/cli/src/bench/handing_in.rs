//! The load: office software that hands documents in, many at a time, and tries again what is refused for now.

use super::fault::BenchFault;
use bytes::Bytes;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use yizhan_desk::{BatchOutcome, ClientError, DeskClient, FileDeclaration, Problem, Submission};
use yizhan_document::{EnvelopeId, Label, OfficeAddress, PartName};
use yizhan_node::Clock;

/// How long a submitter waits before it tries again what was refused for now.
const PAUSE: Duration = Duration::from_millis(5);
const US_PER_SECOND: f64 = 1_000_000.0;

/// How much is handed in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Amount {
    /// So many documents.
    Documents(u64),
    /// As many as go in so many seconds.
    Seconds(u64),
}

/// What is handed in, and how.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// Where it is handed in.
    pub(crate) desk: DeskClient,
    /// By which office.
    pub(crate) from: OfficeAddress,
    /// For whom: document `n` goes to all of number `n` of these, in turns.
    pub(crate) targets: Vec<Vec<OfficeAddress>>,
    /// The content of every document.
    pub(crate) file: PathBuf,
    /// What sets the keys of this load apart from those of others.
    pub(crate) name: String,
    /// How much.
    pub(crate) amount: Amount,
    /// Submitters at the same time.
    pub(crate) concurrency: u64,
    /// Documents in one request.
    pub(crate) batch: u64,
    /// Documents a second, evenly, whatever becomes of them; as fast as they are taken where there is none.
    pub(crate) rate: Option<f64>,
}

/// A document that was accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handed {
    /// Its id.
    pub(crate) id: EnvelopeId,
    /// Its number in the load.
    pub(crate) number: u64,
    /// When it was handed in, or should have been where the load has a rate: a submitter that is late does not make the node look
    /// quick. Microseconds of the clock, as the others.
    pub(crate) began_us: u64,
    /// How long its submission took, all tries together.
    pub(crate) took_us: u64,
}

/// Everything that was handed in.
#[derive(Debug, Default)]
pub(crate) struct HandedIn {
    /// The documents.
    pub(crate) documents: Vec<Handed>,
    /// How often a submission was refused for now and tried again.
    pub(crate) tried_again: u64,
    /// When the first submission began.
    pub(crate) began_us: u64,
    /// When the last one was answered.
    pub(crate) ended_us: u64,
}

struct Work {
    load: Load,
    part: PartName,
    /// The content in memory, for batches.
    content: Bytes,
    clock: Clock,
    began_us: u64,
    next: AtomicU64,
    tried_again: AtomicU64,
}

/// Hands all of a load in.
pub(crate) async fn hand_in(load: Load, clock: Clock) -> Result<HandedIn, BenchFault> {
    let part = "content.bin".parse().map_err(|_| BenchFault::Itself("a part has no name".to_owned()))?;
    let (concurrency, node) = (load.concurrency, load.from.node);
    let began_us = clock.uptime_us();
    let content = match load.batch {
        1 => Bytes::new(),
        _ => tokio::fs::read(&load.file).await.map_err(BenchFault::file(&load.file))?.into(),
    };
    let work = Work {
        load,
        part,
        content,
        clock,
        began_us,
        next: AtomicU64::new(0),
        tried_again: AtomicU64::new(0),
    };
    let work = Arc::new(work);
    // Dropped with this future if it is given up, and then they end.
    let mut submitters: JoinSet<Result<Vec<Handed>, ClientError>> =
        (0..concurrency).map(|_| submit_until_done(Arc::clone(&work))).collect();
    let mut handed = HandedIn { began_us, ..HandedIn::default() };
    while let Some(ended) = submitters.join_next().await {
        handed.documents.extend(ended?.map_err(BenchFault::of(node))?);
    }
    handed.ended_us = clock.uptime_us();
    handed.tried_again = work.tried_again.load(Ordering::Relaxed);
    handed.documents.sort_unstable_by_key(|document| document.number);
    Ok(handed)
}

/// One submitter: one request after another, each until it is durable at the node.
async fn submit_until_done(work: Arc<Work>) -> Result<Vec<Handed>, ClientError> {
    let mut done = Vec::new();
    loop {
        let first = work.next.fetch_add(work.load.batch, Ordering::Relaxed);
        let numbers = first..first + work.load.batch;
        let numbers = match work.load.amount {
            Amount::Documents(documents) => numbers.start..numbers.end.min(documents),
            Amount::Seconds(seconds) if !work.within(seconds, first) => return Ok(done),
            Amount::Seconds(_) => numbers,
        };
        if numbers.is_empty() {
            return Ok(done);
        }
        if let Some(due) = work.due_us(numbers.end - 1) {
            let wait = due.saturating_sub(work.clock.uptime_us());
            tokio::time::sleep(Duration::from_micros(wait)).await;
        }
        let began = work.clock.uptime_us();
        let ids = work.submit(numbers.clone()).await?;
        let took_us = work.clock.uptime_us() - began;
        done.extend(numbers.zip(ids).map(|(number, id)| {
            let began_us = work.due_us(number).unwrap_or(began);
            Handed { id, number, began_us, took_us }
        }));
    }
}

impl Work {
    /// When a document is to be handed in, if the load has a rate.
    fn due_us(&self, number: u64) -> Option<u64> {
        self.load.rate.map(|rate| self.began_us + (number as f64 / rate * US_PER_SECOND) as u64)
    }

    /// Whether a document still belongs to a load of so many seconds.
    fn within(&self, seconds: u64, number: u64) -> bool {
        let end = self.began_us + seconds * US_PER_SECOND as u64;
        self.due_us(number).unwrap_or_else(|| self.clock.uptime_us()) < end
    }

    /// One request: hands these documents in, and gives their ids in the same order.
    async fn submit(&self, numbers: std::ops::Range<u64>) -> Result<Vec<EnvelopeId>, ClientError> {
        if self.load.batch > 1 {
            return self.submit_batch(numbers).await;
        }
        let mut ids = Vec::new();
        for number in numbers {
            ids.push(self.submit_one(number).await?);
        }
        Ok(ids)
    }

    /// Many documents in one request. If one of them is refused for now, all are handed in again: those that were taken before are
    /// known by their keys.
    async fn submit_batch(&self, numbers: std::ops::Range<u64>) -> Result<Vec<EnvelopeId>, ClientError> {
        let document = |number| {
            let file = FileDeclaration { name: self.part.clone(), size: self.content.len() as u64 };
            (Submission { files: vec![file], ..self.submission(number) }, vec![self.content.clone()])
        };
        let documents: Vec<_> = numbers.map(document).collect();
        loop {
            let refusal = match self.load.desk.send_batch(documents.clone()).await {
                Ok(outcomes) => match all_taken(outcomes) {
                    Ok(ids) => return Ok(ids),
                    Err(problem) => ClientError::Problem(problem),
                },
                Err(error) => error,
            };
            if !refusal.retryable() {
                return Err(refusal);
            }
            self.tried_again.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn submit_one(&self, number: u64) -> Result<EnvelopeId, ClientError> {
        let submission = self.submission(number);
        loop {
            let files = vec![(self.part.clone(), self.load.file.clone())];
            match self.load.desk.send(submission.clone(), files).await {
                Ok(submitted) => return Ok(submitted.id),
                Err(error) if error.retryable() => {
                    self.tried_again.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn submission(&self, number: u64) -> Submission {
        let target = self.load.target(number);
        Submission {
            from: self.load.from.clone(),
            to: target.to_vec(),
            cc: Vec::new(),
            groups: yizhan_document::Groups::default(),
            label: Label { title: format!("关于测试的第{number}号通知"), ..Label::default() },
            deadline: None,
            files: Vec::new(),
            // As office software does it: trying again makes no second document.
            key: Some(format!("{}-{number}", self.load.name)),
        }
    }
}

/// The ids of a batch, or the gravest refusal in it: one that trying again does not help before one that it does.
fn all_taken(outcomes: Vec<BatchOutcome>) -> Result<Vec<EnvelopeId>, Box<Problem>> {
    let (mut ids, mut refused) = (Vec::new(), None);
    for outcome in outcomes {
        match outcome {
            BatchOutcome::Submitted(submitted) => ids.push(submitted.id),
            BatchOutcome::Problem(problem) if !problem.retryable => return Err(problem),
            BatchOutcome::Problem(problem) => refused = Some(problem),
        }
    }
    refused.map_or(Ok(ids), Err)
}

impl Load {
    /// For whom a document is.
    pub(crate) fn target(&self, number: u64) -> &[OfficeAddress] {
        let turn = number % (self.targets.len() as u64).max(1);
        usize::try_from(turn).ok().and_then(|turn| self.targets.get(turn)).map_or(&[], Vec::as_slice)
    }
}
