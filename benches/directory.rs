//! The directory at the size of the country: next hop, loading from its folder, and what both cost in time and memory.
//!
//! `cargo bench --bench directory` runs all of it; what is measured, and how to read it, stands in `benches/README.md`.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "directory/country.rs"]
mod country;
#[path = "directory/loading.rs"]
mod loading;
#[path = "directory/look_up.rs"]
mod look_up;
#[path = "directory/stopwatch.rs"]
mod stopwatch;

use clap::Parser;
use std::path::PathBuf;

/// The size of the country with its towns.
const NODES: usize = 45_000;

#[derive(Parser)]
#[command(about = "Look-up and loading of the directory of the whole country")]
struct Options {
    /// Look-ups of each kind
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    look_ups: Option<u64>,
    /// How often the directory is loaded, each time by a new process
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    loads: Option<u64>,
    /// Where the directory is written [default: cargo's target folder]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// One JSON object instead of lines
    #[arg(long)]
    json: bool,
    /// Only load the directory there, and print what it cost; what the processes that load are started with
    #[arg(long, value_name = "DIR", hide = true)]
    load: Option<PathBuf>,
    /// The same with the part that is kept there
    #[arg(long, value_name = "DIR", hide = true)]
    load_part: Option<PathBuf>,
    /// Given by `cargo bench`. Without it, as under `cargo test --benches`, everything is tiny and proves only that it runs
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    if let Some(folder) = &options.load {
        println!("{}", serde_json::to_string(&loading::load_here(folder)?)?);
        return Ok(());
    }
    if let Some(folder) = &options.load_part {
        println!("{}", serde_json::to_string(&loading::load_part_here(folder)?)?);
        return Ok(());
    }
    let look_ups = options.look_ups.unwrap_or(if options.bench { 2_000_000 } else { 1_000 });
    let loads = options.loads.unwrap_or(if options.bench { 7 } else { 1 });
    let folder = options.folder.clone().unwrap_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")));
    let selection = if options.bench { "all" } else { "64" };

    let real = country::real(selection)?;
    let made_up = country::with_towns(&country::real("all")?, if options.bench { NODES } else { 4_000 })?;
    let trees = [
        look_up::measure("provinces, prefectures, counties", &real, look_ups)?,
        look_up::measure("with made-up towns", &made_up, look_ups)?,
    ];
    let with_towns = if options.bench { made_up } else { country::with_towns(&real, real.len() + 30)? };
    let loads = [loading::measure(&folder, &real, loads)?, loading::measure(&folder, &with_towns, loads)?];
    if options.json {
        println!("{}", serde_json::json!({ "look_up": trees, "load": loads }));
    } else {
        trees.iter().for_each(|tree| print!("{}", tree.lines()));
        loads.iter().for_each(|load| print!("{}", load.lines()));
    }
    Ok(())
}
