//! Throughput of one hop: two real node processes, county to prefecture, from the first submission to the last inbox entry.
//!
//! `cargo bench --bench one_hop` runs three cases; `cargo bench --bench one_hop -- --help` lists the options. What is
//! measured, and how to read it, stands in `benches/README.md`.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "one_hop/load.rs"]
mod load;
#[path = "one_hop/nodes.rs"]
mod nodes;
#[path = "one_hop/reference.rs"]
mod reference;
#[path = "one_hop/report.rs"]
mod report;

use anyhow::Context;
use clap::Parser;
use load::Figures;
use nodes::TwoNodes;
use reference::Reference;
use std::path::{Path, PathBuf};

/// The sizes of the first two cases, in bytes.
const SMALL_BYTES: u64 = 4 * 1024;
const MIDDLE_BYTES: u64 = 100 * 1024;
/// Bytes that one case of many documents carries together, about: keeps the whole run short.
const CASE_BYTES: u64 = 512 * 1024 * 1024;
/// Documents of one case where nothing else is said, at the most.
const DOCUMENTS_MAX: u64 = 20_000;

#[derive(Parser)]
#[command(about = "Throughput of one hop between two node processes")]
struct Options {
    /// Documents in a case of many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    documents: Option<u64>,
    /// One case of many documents of this size, instead of 4 KiB and 100 KiB
    #[arg(long, value_name = "BYTES")]
    size: Option<u64>,
    /// Submitters at the same time
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=256))]
    concurrency: u64,
    /// The size of the one large body, 0 for none [default: 1 GB, none with --size]
    #[arg(long, value_name = "N")]
    big_bytes: Option<u64>,
    /// Where the nodes keep their data; must be on a disk for fsync to mean anything [default: cargo's target folder]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// Given by `cargo bench`. Without it, as under `cargo test --benches`, every case is tiny and proves only that it runs
    #[arg(long, hide = true)]
    bench: bool,
}

/// What is measured once, with nodes of its own.
#[derive(Clone, Copy, Debug)]
struct Case {
    documents: u64,
    bytes: u64,
    concurrency: u64,
}

/// A case with what came of it, and what the same disk does without any node.
struct Measured {
    case: Case,
    figures: Figures,
    reference: Reference,
}

impl Options {
    fn cases(&self) -> Vec<Case> {
        let sizes = self.size.map_or(vec![SMALL_BYTES, MIDDLE_BYTES], |size| vec![size]);
        let many = sizes.into_iter().map(|bytes| {
            let fitting = (CASE_BYTES / bytes.max(1)).clamp(1, DOCUMENTS_MAX);
            let documents = self.documents.unwrap_or(if self.bench { fitting } else { 20 });
            Case { documents, bytes, concurrency: self.concurrency.min(documents) }
        });
        let big = match (self.big_bytes, self.size) {
            (Some(bytes), _) => bytes,
            (None, Some(_)) => 0,
            (None, None) if self.bench => 1_000_000_000,
            (None, None) => 1_000_000,
        };
        let big = (big > 0).then_some(Case { documents: 1, bytes: big, concurrency: 1 });
        many.chain(big).collect()
    }
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let folder = options.folder.clone().unwrap_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")));
    std::fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut measured = Vec::new();
    for case in options.cases() {
        // Before and after: the machine may be busy with other things, and the disk's best is its limit.
        let before = reference::measure(&folder, case)?;
        let figures = runtime.block_on(run(&folder, case))?;
        let reference = before.best_of(reference::measure(&folder, case)?);
        measured.push(Measured { case, figures, reference });
    }
    if options.json {
        println!("{}", report::json(&measured));
    } else {
        print!("{}", report::table(&measured));
    }
    Ok(())
}

/// One case from an empty folder to stopped nodes. If it fails, the folder stays and is named.
async fn run(folder: &Path, case: Case) -> anyhow::Result<Figures> {
    let mut nodes = TwoNodes::start(folder).await?;
    let outcome = load::measure(&mut nodes, case).await;
    let stopped = nodes.stop().await;
    match outcome.and_then(|figures| stopped.map(|()| figures)) {
        Ok(figures) => Ok(figures),
        Err(error) => {
            let kept = nodes.keep();
            Err(error
                .context(format!("{case:?} failed; the nodes' folders and logs are in {}", kept.display())))
        }
    }
}
