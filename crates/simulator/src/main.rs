//! `yizhan-sim`: runs the worlds of many seeds on all cores, and tells what was tried and what broke.

mod summary;

use clap::Parser;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use summary::{Failed, Summary};
use yizhan_simulator::{
    CountryPlan, CountryReport, Outcome, Plan, Transport, Trees, World, run, run_country,
};

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
    /// Worlds of one kind alone, whatever kind each seed would be [default: of sixteen seeds twelve are mixed, two hostile, one loses
    /// disks, and one gets new versions of the directory]
    #[arg(long, value_name = "KIND")]
    only: Option<Kind>,
    /// How many nodes each network has, 3 to 500 [default: random trees of 3 to 40, the median 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(3..=500))]
    nodes: Option<u16>,
    /// How many run at once [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Print everything that happens in the world of --seed, and nothing else
    #[arg(long, conflicts_with_all = ["json", "seeds"])]
    trace: bool,
    /// Run the whole country once: 1 node, 31 provinces, 333 prefectures, 2850 counties; one circular of 1 MiB to all counties
    /// and --documents others, some nodes down at any time
    #[arg(long, conflicts_with_all = ["trace", "seeds", "nodes", "threads"])]
    country: bool,
    /// With --country: how many documents besides the circular
    #[arg(long, default_value_t = 10_000, value_name = "N", requires = "country")]
    documents: u64,
    /// With --country: of a thousand nodes so many are down at any time
    #[arg(long, default_value_t = 10, value_name = "N", requires = "country", value_parser = clap::value_parser!(u64).range(0..=200))]
    down_per_mille: u64,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// A kind of worlds.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Kind {
    /// Faults of network, disk, clock and process
    Mixed,
    /// Something is not to be trusted
    Hostile,
    /// Disks are lost for good
    LostDisk,
    /// The directory changes
    NewDirectory,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.trace {
        return trace(&arguments);
    }
    if arguments.country {
        return country(&arguments);
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
    let plan = plan(arguments, seed);
    let outcome = World::new(seed, &plan, trees(arguments).of_seed(seed), usize::MAX).run();
    match writeln!(io::stdout().lock(), "{outcome}") {
        Ok(()) if outcome.failures.is_empty() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(_) => ExitCode::from(2),
    }
}

/// Runs the country and tells what came of it.
fn country(arguments: &Arguments) -> ExitCode {
    let Arguments { seed, documents, down_per_mille, json, .. } = *arguments;
    let report = run_country(&CountryPlan { seed, documents, down_per_mille });
    match write_country(&report, json) {
        Ok(()) if report.failures.is_empty() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(_) => ExitCode::from(2),
    }
}

fn write_country(report: &CountryReport, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let peak = peak_memory_bytes();
    if json {
        let value = serde_json::json!({ "report": report, "peak_memory_bytes": peak });
        serde_json::to_writer(&mut out, &value)?;
        return writeln!(out);
    }
    let CountryReport { nodes, links, outages, down_per_mille, virtual_ms, happenings, .. } = report;
    let CountryReport { entries, certified, .. } = report;
    for failure in &report.failures {
        writeln!(out, "BROKEN {} at {} ms: {}", failure.check, failure.at_ms, failure.what)?;
    }
    writeln!(
        out,
        "{nodes} nodes, {links} links, {outages} outages ({down_per_mille} of 1000 nodes down at any time), {virtual_ms} virtual ms"
    )?;
    writeln!(out, "{happenings} happenings, {entries} ledger entries, {} failures", report.failures.len())?;
    for (name, carried) in [("circular", &report.circular), ("documents", &report.documents)] {
        let Transport { documents, destinations, delivered, hops_median, hops_most, .. } = carried;
        writeln!(out, "{name}: {documents} to {destinations} destinations, {delivered} delivered")?;
        let Transport { crossings, body_bytes, ideal_crossings, ideal_bytes, .. } = carried;
        let per_link = |bytes: &u64, links: &u64| bytes / (*links).max(1);
        writeln!(
            out,
            "  bodies {body_bytes} bytes on {crossings} links, {} a link; ideal {ideal_bytes} on {ideal_crossings}, {} a link",
            per_link(body_bytes, crossings),
            per_link(ideal_bytes, ideal_crossings)
        )?;
        let Transport { crossings_again, most_bodies_on_a_link, ms_50, ms_99, ms_100, .. } = carried;
        writeln!(
            out,
            "  more than once on {crossings_again} links, at most {most_bodies_on_a_link} times; hops median {hops_median}, most {hops_most}"
        )?;
        writeln!(out, "  virtual ms to 50 % {ms_50}, 99 % {ms_99}, 100 % {ms_100}")?;
    }
    writeln!(out, "the circular's delivery certificate: {certified} delivered")?;
    match peak {
        Some(peak) => writeln!(out, "peak memory {} MiB", peak / (1 << 20)),
        None => writeln!(out, "peak memory unknown"),
    }
}

/// The most memory this process ever had, where the system tells (Linux: VmHWM in /proc/self/status, in KiB).
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024)
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
                    let outcome = run(seed, &plan(arguments, seed), &trees.of_seed(seed));
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

/// What the world of a seed is made of.
fn plan(arguments: &Arguments, seed: u64) -> Plan {
    match arguments.only {
        None => Plan::of_seed(seed),
        Some(Kind::Mixed) => Plan::mixed(seed),
        Some(Kind::Hostile) => Plan::hostile(seed),
        Some(Kind::LostDisk) => Plan::lost_disk(seed),
        Some(Kind::NewDirectory) => Plan::new_directory(seed),
    }
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
