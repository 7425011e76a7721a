//! The load: office software that hands documents in, and the clock that runs until all of them lie in the inbox.

use crate::Case;
use crate::nodes::{TwoNodes, own_cpu_ms};
use anyhow::Context;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use yizhan_desk::limits::PAGE_ITEMS_MAX;
use yizhan_desk::{DeskClient, Stage, Submission};
use yizhan_document::{EnvelopeId, Label, OfficeAddress, PartName};
use yizhan_node::Clock;

/// How often the inbox is counted. The node counts by walking through it, so not too often.
const LOOK: Duration = Duration::from_millis(20);
/// How long a submitter waits before it tries again what was refused for now.
const PAUSE: Duration = Duration::from_millis(5);
/// How long nothing may arrive before the run counts as failed.
const STANDSTILL_MS: u64 = 60_000;

/// What was measured of one case.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    /// From the first submission to the last answer that one was durable.
    pub(crate) accepted_ms: u64,
    /// From the first submission to the last document in the inbox.
    pub(crate) delivered_ms: u64,
    /// From the first submission until the origin held the receipts of everything and had nothing left to pass on.
    pub(crate) at_rest_ms: u64,
    /// How long one submission took until it was answered: the median, and that of the slowest hundredth.
    pub(crate) submit_p50_ms: u64,
    /// See above.
    pub(crate) submit_p99_ms: u64,
    /// The slowest of all.
    pub(crate) submit_max_ms: u64,
    /// How often a submission was refused for now and tried again.
    pub(crate) tried_again: u64,
    /// Processor time until all was at rest, in milliseconds: the county, the prefecture, the submitters.
    pub(crate) cpu_ms: [u64; 3],
    /// Peak resident memory in bytes: the county, the prefecture.
    pub(crate) peak_bytes: [u64; 2],
}

/// What the submitters share.
struct Work {
    desk: DeskClient,
    from: OfficeAddress,
    to: OfficeAddress,
    file: PathBuf,
    documents: u64,
    next: AtomicU64,
    tried_again: AtomicU64,
    clock: Clock,
}

/// What one submitter did.
#[derive(Default)]
struct Done {
    ids: Vec<EnvelopeId>,
    took_ms: Vec<u64>,
}

/// Hands the documents of a case in, and measures until they are there.
pub(crate) async fn measure(nodes: &mut TwoNodes, case: Case) -> anyhow::Result<Figures> {
    let file = nodes.place("content");
    write_content(&file, case.bytes)?;
    let office = |node: &str| format!("gov-office@{node}").parse::<OfficeAddress>();
    let (from, to) = (office(nodes.county.id.as_str())?, office(nodes.prefecture.id.as_str())?);
    let before = cpu(nodes)?;
    // The clock starts here, and nothing but submitting happens after.
    let clock = Clock::start();
    let work = Arc::new(Work {
        desk: nodes.county.desk.clone(),
        from,
        to: to.clone(),
        file,
        documents: case.documents,
        next: AtomicU64::new(0),
        tried_again: AtomicU64::new(0),
        clock,
    });
    let submitters: Vec<_> =
        (0..case.concurrency).map(|_| tokio::spawn(submit_until_done(Arc::clone(&work)))).collect();
    let submitting = async {
        let mut done = Done::default();
        for submitter in submitters {
            let Done { ids, took_ms } = submitter.await??;
            done.ids.extend(ids);
            done.took_ms.extend(took_ms);
        }
        anyhow::Ok((done, clock.uptime_ms()))
    };
    let arriving = until_delivered(nodes, case.documents, clock);
    let ((done, accepted_ms), delivered_ms) = tokio::try_join!(submitting, arriving)?;
    until_at_rest(nodes, &done.ids).await?;
    let at_rest_ms = clock.uptime_ms();
    let after = cpu(nodes)?;
    let peak_bytes = [nodes.county.peak_bytes()?, nodes.prefecture.peak_bytes()?];
    check_inbox(&nodes.prefecture.desk, &to, &done.ids).await?;

    let mut took_ms = done.took_ms;
    took_ms.sort_unstable();
    let [county, prefecture, submitters] = after;
    let [county_before, prefecture_before, submitters_before] = before;
    Ok(Figures {
        accepted_ms,
        delivered_ms,
        at_rest_ms,
        submit_p50_ms: percentile(&took_ms, 50),
        submit_p99_ms: percentile(&took_ms, 99),
        submit_max_ms: percentile(&took_ms, 100),
        tried_again: work.tried_again.load(Ordering::Relaxed),
        cpu_ms: [county - county_before, prefecture - prefecture_before, submitters - submitters_before],
        peak_bytes,
    })
}

/// One submitter: one document after another, each until it is durable at the county.
async fn submit_until_done(work: Arc<Work>) -> anyhow::Result<Done> {
    let name: PartName = "content.bin".parse()?;
    let mut done = Done::default();
    loop {
        let number = work.next.fetch_add(1, Ordering::Relaxed);
        if number >= work.documents {
            return Ok(done);
        }
        let submission = Submission {
            from: work.from.clone(),
            to: vec![work.to.clone()],
            cc: Vec::new(),
            groups: yizhan_document::Groups::default(),
            label: Label { title: format!("关于测试的第{number}号通知"), ..Label::default() },
            deadline: None,
            files: Vec::new(),
            // As office software does it: trying again makes no second document.
            key: Some(format!("bench-{number}")),
        };
        let began = work.clock.uptime_ms();
        let submitted = loop {
            let files = vec![(name.clone(), work.file.clone())];
            match work.desk.send(submission.clone(), files).await {
                Ok(submitted) => break submitted,
                Err(error) if error.retryable() => {
                    work.tried_again.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(error).context(format!("document {number} was refused")),
            }
        };
        done.ids.push(submitted.id);
        done.took_ms.push(work.clock.uptime_ms() - began);
    }
}

/// Waits until the inbox holds all of them, and tells when that was.
async fn until_delivered(nodes: &mut TwoNodes, documents: u64, clock: Clock) -> anyhow::Result<u64> {
    let (mut last, mut changed) = (0, clock.uptime_ms());
    loop {
        nodes.check()?;
        let there = nodes.prefecture.desk.status().await?.inbox;
        let now = clock.uptime_ms();
        if there >= documents {
            return Ok(now);
        }
        if there != last {
            (last, changed) = (there, now);
        }
        anyhow::ensure!(
            now - changed < STANDSTILL_MS,
            "{there} of {documents} documents arrived, then nothing for {STANDSTILL_MS} ms"
        );
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until the county has nothing to pass on and knows that the last documents are delivered: the work that follows
/// the delivery belongs to the document too.
async fn until_at_rest(nodes: &mut TwoNodes, ids: &[EnvelopeId]) -> anyhow::Result<()> {
    let resting = async {
        let last = ids.iter().max().context("nothing was sent")?;
        while nodes.county.desk.status().await?.held > 0 {
            tokio::time::sleep(LOOK).await;
        }
        loop {
            let track = nodes.county.desk.track(*last).await?;
            if track.destinations.iter().all(|destination| destination.state == Stage::Delivered) {
                return anyhow::Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(Duration::from_millis(STANDSTILL_MS), resting)
        .await
        .context("the receipts did not come home")?
}

/// Whether the inbox holds exactly what was sent, each document once.
async fn check_inbox(desk: &DeskClient, to: &OfficeAddress, sent: &[EnvelopeId]) -> anyhow::Result<()> {
    let sent: BTreeSet<EnvelopeId> = sent.iter().copied().collect();
    let (mut there, mut count, mut after) = (BTreeSet::new(), 0, 0);
    loop {
        let page = desk.inbox(&to.office, after, PAGE_ITEMS_MAX).await?;
        let Some(last) = page.last() else { break };
        after = last.sequence;
        count += page.len();
        there.extend(page.iter().map(|item| item.id));
    }
    anyhow::ensure!(
        there == sent && count == sent.len(),
        "{} documents were accepted, {count} lie in the inbox, {} of them different",
        sent.len(),
        there.len()
    );
    Ok(())
}

fn cpu(nodes: &TwoNodes) -> anyhow::Result<[u64; 3]> {
    Ok([nodes.county.cpu_ms()?, nodes.prefecture.cpu_ms()?, own_cpu_ms()?])
}

/// Content that does not repeat, so that nothing could make it smaller.
fn write_content(path: &Path, bytes: u64) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(std::fs::File::create(path)?);
    crate::reference::pieces(bytes, |piece| std::io::Write::write_all(&mut out, piece))?;
    Ok(std::io::Write::flush(&mut out)?)
}

fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).copied().unwrap_or_default()
}
