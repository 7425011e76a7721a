//! `yizhan-sim`: runs the worlds of many seeds on all cores, and tells what was tried and what broke.

mod summary;

use clap::Parser;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use summary::{Failed, Summary};
use yizhan_simulator::{Outcome, Plan, Trees, World, run};

/// Failed seeds that are told in full, at the most.
const TOLD_MAX: usize = 3;
/// How often progress is told, in seeds.
const PROGRESS: u64 = 1000;

/// Whole networks with the real rules in virtual time, with faults of every kind, each run from one seed.
#[derive(Parser)]
#[command(name = "yizhan-sim", version)]
#[command(
    after_help = "Exit codes: 0 every promise was kept; 1 one was broken; 2 wrong arguments. A seed that broke one is \
                        printed; --seeds 1 --seed N runs it alone, with the last lines of what happened."
)]
struct Arguments {
    /// How many seeds
    #[arg(long, default_value_t = 200, value_name = "N")]
    seeds: u64,
    /// The first seed; the others follow it
    #[arg(long, default_value_t = 0, value_name = "S")]
    seed: u64,
    /// How many nodes each network has, 3 to 500 [default: random trees of 3 to 40, the median 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(3..=500))]
    nodes: Option<u16>,
    /// How many run at once [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Print everything that happens in the world of --seed, and nothing else
    #[arg(long, conflicts_with_all = ["json", "seeds"])]
    trace: bool,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.trace {
        return trace(&arguments);
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = arguments.threads.unwrap_or(cores).max(1);
    let outcomes = run_all(&arguments, threads);
    let summary = Summary::of(&outcomes);
    let written = write(&arguments, &summary, &outcomes);
    match (written, summary.failures) {
        (Err(_), _) => ExitCode::from(2),
        (Ok(()), 0) => ExitCode::SUCCESS,
        (Ok(()), _) => ExitCode::FAILURE,
    }
}

/// Runs one seed and prints everything that happens in it.
fn trace(arguments: &Arguments) -> ExitCode {
    let seed = arguments.seed;
    let outcome = World::new(seed, &Plan::of_seed(seed), trees(arguments).of_seed(seed), usize::MAX).run();
    match writeln!(io::stdout().lock(), "{outcome}") {
        Ok(()) if outcome.failures.is_empty() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(_) => ExitCode::from(2),
    }
}

/// Runs all seeds; of good worlds only the counts are kept.
fn run_all(arguments: &Arguments, threads: usize) -> Vec<Outcome> {
    let trees = trees(arguments);
    let next = AtomicU64::new(0);
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= arguments.seeds {
                        return;
                    }
                    let seed = arguments.seed.wrapping_add(number);
                    let outcome = run(seed, &Plan::of_seed(seed), &trees.of_seed(seed));
                    if let Ok(mut outcomes) = outcomes.lock() {
                        outcomes.push(outcome);
                    }
                    if number > 0 && number.is_multiple_of(PROGRESS) && !arguments.json {
                        // Progress is for whoever looks; it may as well not be seen.
                        drop(writeln!(io::stderr(), "{number} of {} seeds", arguments.seeds));
                    }
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_default();
    outcomes.sort_by_key(|outcome| outcome.seed);
    outcomes
}

fn trees(arguments: &Arguments) -> Trees {
    Trees::new(arguments.nodes.map(usize::from))
}

fn write(arguments: &Arguments, summary: &Summary, outcomes: &[Outcome]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if arguments.json {
        serde_json::to_writer(&mut out, summary)?;
        return writeln!(out);
    }
    let failed = outcomes.iter().filter(|outcome| !outcome.failures.is_empty());
    for outcome in failed.take(TOLD_MAX) {
        writeln!(out, "{outcome}\n")?;
    }
    for Failed { seed, check, what } in &summary.failed {
        writeln!(out, "BROKEN seed {seed}: {check}: {what}")?;
    }
    let Summary { seeds, failures, documents, faults, virtual_seconds, happenings, entries, .. } = summary;
    writeln!(
        out,
        "{seeds} seeds, {failures} broke a promise; {documents} documents, {faults} faults, {happenings} happenings, {entries} \
         ledger entries, {virtual_seconds} virtual seconds"
    )?;
    writeln!(out, "{}", summary.distribution)
}
