//! What it takes to know ten years of ids: memory, and the time of taking one in and of asking for one.
//!
//! `cargo bench --bench known_ids` runs all of it; how to read it stands in `benches/README.md`.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "directory/stopwatch.rs"]
mod stopwatch;

use anyhow::Context;
use clap::Parser;
use serde::Serialize;
use std::hint::black_box;
use stopwatch::Stopwatch;
use yizhan_document::IntervalSet;

/// Ids of ten years at the busiest node.
const KNOWN: u64 = 50_000_000;
/// The ledgers that they are of.
const LEDGERS: u64 = 100;

#[derive(Parser)]
#[command(about = "Memory and time of known ids")]
struct Options {
    /// So many ids are known
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(LEDGERS..))]
    known: Option<u64>,
    /// One JSON object instead of lines
    #[arg(long)]
    json: bool,
    /// Given by `cargo bench`. Without it, as under `cargo test --benches`, everything is tiny and proves only that it runs
    #[arg(long, hide = true)]
    bench: bool,
}

/// What was seen with one pattern of gaps.
#[derive(Serialize)]
struct Seen {
    /// One of so many ids of each ledger came here, as if by lot; all of them if 1.
    one_of: u64,
    known: u64,
    resident_mb: f64,
    take_in_ns: f64,
    ask_ns: f64,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let known = options.known.unwrap_or(if options.bench { KNOWN } else { 100_000 });
    let seen = [1, 2, 8].map(|one_of| measure(known, one_of)).into_iter().collect::<Result<Vec<_>, _>>()?;
    if options.json {
        println!("{}", serde_json::json!({ "known_ids": seen }));
        return Ok(());
    }
    for Seen { one_of, known, resident_mb, take_in_ns, ask_ns } in seen {
        println!(
            "{known} ids, one of {one_of} came here: {resident_mb:.1} MB, {take_in_ns:.0} ns to take one in, {ask_ns:.0} ns to ask"
        );
    }
    Ok(())
}

fn measure(known: u64, one_of: u64) -> anyhow::Result<Seen> {
    let before = resident_bytes()?;
    let watch = Stopwatch::begin()?;
    let mut sets = vec![IntervalSet::new(); usize::try_from(LEDGERS)?];
    let mut taken: u64 = 0;
    // Ledgers in turn, as documents come.
    for number in 0.. {
        if taken >= known {
            break;
        }
        for (ledger, set) in (0..).zip(&mut sets) {
            if comes(ledger, number, one_of) {
                taken += u64::from(set.insert(number));
            }
        }
    }
    let took = watch.passed()?;
    let resident = resident_bytes()?.saturating_sub(before);
    let asked = known.min(2_000_000);
    let watch = Stopwatch::begin()?;
    for number in 0..asked {
        let scattered = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 8;
        let set = sets.get(usize::try_from(scattered % LEDGERS)?).context("a ledger")?;
        black_box(set.contains(scattered % (known * one_of / LEDGERS)));
    }
    let asking = watch.passed()?;
    Ok(Seen {
        one_of,
        known: taken,
        resident_mb: resident as f64 / 1e6,
        take_in_ns: took.cpu_ms * 1e6 / taken as f64,
        ask_ns: asking.cpu_ms * 1e6 / asked as f64,
    })
}

/// By lot, and the same each time.
fn comes(ledger: u64, number: u64, one_of: u64) -> bool {
    let lot = (number ^ (ledger << 40)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (lot ^ (lot >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 32 & (one_of - 1) == 0
}

/// Memory that this process has in use, in bytes (proc_pid_status(5)).
fn resident_bytes() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.split_whitespace().next().context("no number")?.parse()?;
    Ok(kib * 1024)
}
