//! `yizhan bench`: real node processes under load on this machine, and what they can do.

use crate::bench::{self, Amount, CHILDREN_MAX, HOPS_MAX, Illness, Meant, Scenario, quantity};
use crate::failure::Failure;
use crate::output::Output;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use yizhan_desk::limits::{BATCH_CONTENT_BYTES_MAX, BATCH_DOCUMENTS_MAX};

const KIB: u64 = 1024;
/// Bytes that one load carries together where no number is said, about: keeps a run short.
const LOAD_BYTES: u64 = 512 * KIB * KIB;
/// Documents of a load where no number is said, at the most.
const DOCUMENTS_MAX: u64 = 20_000;
/// The desk serves 256 connections; further ones would wait where nothing measures it.
const CONCURRENCY_MAX: u64 = 240;

/// What is measured
#[derive(Debug, Args)]
#[command(after_help = "\
Every fsync, signature, encryption and receipt is real. Every accepted document must lie in its inbox exactly once, and every chain
must verify offline; else the exit code is 1 and the network is left to be looked into. Data goes to --folder, which must be a disk:
on a tmpfs an fsync means nothing. Machines are noisy: compare ratios of one run.")]
pub(crate) struct Typed {
    #[arg(value_enum, default_value_t = Played::Throughput)]
    scenario: Played,
    /// Transfers from node to node: 1 is county to prefecture, 2 to the region, 3 and 4 down on the other side
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=HOPS_MAX))]
    hops: Option<u64>,
    /// Content of each document: 4096, 4KiB, 100KiB, 1GB [default: 4KiB; of `large` 1GB]
    #[arg(long, value_name = "SIZE", value_parser = quantity::size)]
    size: Option<u64>,
    /// Submitters at the same time [default: 64; 4 with --batch, of `circular` 4, of `large` 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=CONCURRENCY_MAX))]
    concurrency: Option<u64>,
    /// Documents in one request, under one signature of their office
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=BATCH_DOCUMENTS_MAX as u64))]
    batch: u64,
    /// Documents [default: 20000, less where they are large]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "seconds")]
    documents: Option<u64>,
    /// Hand documents in for so long, instead of a number; how long `start` watches [default there: 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: Option<u64>,
    /// Hand documents in at this rate whatever becomes of them, such as 5000/s, and count latency from when each was due
    #[arg(long, value_name = "RATE", value_parser = quantity::rate)]
    rate: Option<f64>,
    /// Nodes below the sending one [default: of `neighbours` 4 beside the one that is ill, of `circular` 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=CHILDREN_MAX))]
    children: Option<u64>,
    /// What is the matter with the one neighbour [default: dead]
    #[arg(long, value_enum, value_name = "HOW")]
    neighbour: Option<Matter>,
    /// Make the network in a new folder below this one, on the disk that is meant [default: where temporary files go]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Leave out the auditor, who takes a while for many documents
    #[arg(long)]
    no_audit: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Played {
    /// Submit to inbox, as fast as it goes, or at a rate
    Throughput,
    /// One document at a time, with rest between them: latency
    Rest,
    /// One large body
    Large,
    /// Documents wait for a destination that is down, their holder is killed and started again, then all is drained
    Backlog,
    /// One neighbour is dead, silent or slow, or floods: what it costs the others
    Neighbours,
    /// Starting, and nothing to do: time, memory, processor
    Start,
    /// Each document to all nodes below
    Circular,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Matter {
    /// Its process is gone
    Dead,
    /// Its process stands still, and its connection seems alive at first
    Silent,
    /// Its process runs a tenth of the time
    Slow,
    /// It sends as many documents as it can
    Flooding,
}

pub(crate) async fn run(typed: Typed, output: Output) -> Result<(), Failure> {
    bench::run(meant(&typed)?, output).await
}

/// What was typed, as it is meant.
fn meant(typed: &Typed) -> Result<Meant, Failure> {
    use Played::{Backlog, Circular, Large, Neighbours, Rest, Start, Throughput};
    let scenario = match typed.scenario {
        Throughput => Scenario::Throughput,
        Large => Scenario::Large,
        Rest => Scenario::Rest,
        Backlog => Scenario::Backlog,
        Neighbours => Scenario::Neighbours(match typed.neighbour.unwrap_or(Matter::Dead) {
            Matter::Dead => Illness::Dead,
            Matter::Silent => Illness::Silent,
            Matter::Slow => Illness::Slow,
            Matter::Flooding => Illness::Flooding,
        }),
        Start => Scenario::Start { seconds: typed.seconds.unwrap_or(10) },
        Circular => Scenario::Circular,
    };
    let only = |given: bool, option: &str, of: &[Played]| match given && !of.contains(&typed.scenario) {
        true => Err(Failure::Usage(format!("{option} means nothing for this scenario"))),
        false => Ok(()),
    };
    only(typed.hops.is_some(), "--hops", &[Throughput, Rest, Large, Backlog, Start])?;
    only(typed.rate.is_some(), "--rate", &[Throughput])?;
    only(typed.seconds.is_some(), "--seconds", &[Throughput, Start])?;
    only(typed.children.is_some(), "--children", &[Neighbours, Circular])?;
    only(typed.neighbour.is_some(), "--neighbour", &[Neighbours])?;
    only(typed.concurrency.is_some(), "--concurrency", &[Throughput, Large, Backlog, Neighbours, Circular])?;
    only(typed.batch > 1, "--batch", &[Throughput, Backlog, Neighbours])?;
    let size = typed.size.unwrap_or(if typed.scenario == Large { 1_000_000_000 } else { 4 * KIB });
    if typed.batch > 1 && typed.batch.saturating_mul(size) > BATCH_CONTENT_BYTES_MAX as u64 {
        let text = format!(
            "--batch: a batch holds {BATCH_CONTENT_BYTES_MAX} bytes of content at the most; take fewer or smaller documents"
        );
        return Err(Failure::Usage(text));
    }
    let fitting = (LOAD_BYTES / size).clamp(1, DOCUMENTS_MAX);
    let documents = match typed.scenario {
        Large => 1,
        Rest => 500,
        Circular => 50,
        Throughput | Backlog | Neighbours | Start => fitting,
    };
    let amount = match (typed.seconds, typed.documents) {
        (Some(seconds), _) => Amount::Seconds(seconds),
        (None, Some(documents)) => Amount::Documents(documents),
        (None, None) => Amount::Documents(documents),
    };
    Ok(Meant {
        scenario,
        hops: typed.hops.unwrap_or(1),
        size,
        concurrency: typed.concurrency.unwrap_or(match typed.scenario {
            Circular => 4,
            // As many documents in flight as a broker is given.
            _ if typed.batch > 1 => 4,
            Large => 1,
            _ => 64,
        }),
        batch: typed.batch,
        amount,
        rate: typed.rate,
        children: typed.children.unwrap_or(if typed.scenario == Circular { 20 } else { 4 }),
        folder: typed.folder.clone(),
        audited: !typed.no_audit,
    })
}
