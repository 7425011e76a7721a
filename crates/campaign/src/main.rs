//! `yizhan-campaign`: runs a campaign of faults against real nodes, and tells what was tried and what broke.

use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use yizhan_campaign::failure::{Doing, Failure};
use yizhan_campaign::faults;
use yizhan_campaign::planted::{self, Wanted};
use yizhan_campaign::programs::Programs;
use yizhan_campaign::tally::{Setup, Tally};
use yizhan_planted::Bug;

/// Real nodes on real disks, with faults of every kind, and every promise held against them afterwards.
#[derive(Parser)]
#[command(name = "yizhan-campaign", version)]
#[command(
    after_help = "Exit codes: 0 every promise was kept; 1 one was broken; 2 the campaign could not be run. Where one was \
                        broken, seed and trial are printed and the folder of the network stays."
)]
struct Arguments {
    #[command(subcommand)]
    asked: Asked,
}

#[derive(Subcommand)]
enum Asked {
    #[command(flatten)]
    Faults(Campaign),
    /// The tests tried: bugs planted on purpose, each with the test that catches it
    Planted(PlantedArguments),
}

#[derive(Subcommand)]
enum Campaign {
    /// Kill -9 at random moments under load
    Kills(Common),
    /// Power cuts under load: each node's data lies on a file system that loses what was not synced
    PowerCuts(Common),
    /// Kill -9 before the n-th system call of each kind, for every n
    Boundaries(Sampled),
    /// EIO and ENOSPC at the n-th system call of each kind, for every n
    Errors {
        #[command(flatten)]
        sampled: Sampled,
        /// Only this error: EIO or ENOSPC
        #[arg(long, value_name = "ERROR", value_parser = faults::errors::ERRORS)]
        error: Option<String>,
    },
    /// One changed bit in any file of a node at rest
    Flips(Common),
    /// No fault: how much larger folders are than what they need after so many small documents
    Retention(Common),
    /// Disks that are read-only, full or stand still; files deleted, blocks zeroed
    Disk(Common),
}

#[derive(Args)]
struct PlantedArguments {
    /// Only this bug; may be given again
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Lists the bugs and who is to catch each, and tries nothing
    #[arg(long)]
    list: bool,
    /// The sources of the project
    #[arg(long, value_name = "DIR", default_value = ".")]
    sources: PathBuf,
    /// Where tests and programs with the bugs are built [default: `target/planted` in the sources]
    #[arg(long, value_name = "DIR")]
    target_dir: Option<PathBuf>,
    /// One JSON array instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Sampled {
    #[command(flatten)]
    common: Common,
    /// Strike only one call in so many
    #[arg(long, default_value_t = 1, value_name = "K")]
    every: u64,
}

#[derive(Args)]
struct Common {
    /// How many trials [default: those of the campaign]
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// The seed of all that is random
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// The folder of `yizhan` [default: where this program is]
    #[arg(long, value_name = "DIR")]
    bin_dir: Option<PathBuf>,
    /// Where networks are made; keep its path short [default: where temporary files go]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// What was tried, and what came of it.
#[derive(Serialize)]
struct Summary<'a> {
    campaign: &'static str,
    seed: u64,
    held: bool,
    #[serde(flatten)]
    tally: &'a Tally,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

fn main() -> ExitCode {
    match Arguments::parse().asked {
        Asked::Faults(campaign) => faults(&campaign),
        Asked::Planted(arguments) => match bugs(&arguments) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(failure) => {
                drop(writeln!(io::stderr(), "{failure}"));
                ExitCode::from(2)
            }
        },
    }
}

/// Tries the tests with planted bugs; says whether each bug was caught.
fn bugs(asked: &PlantedArguments) -> Result<bool, Failure> {
    let mut out = io::stdout();
    if asked.list {
        planted::write_table(&mut out).doing("listing")?;
        return Ok(true);
    }
    let known = |name: &String| Bug::ALL.iter().any(|bug| bug.name() == name);
    if let Some(unknown) = asked.only.iter().find(|name| !known(name)) {
        return Err(Failure::unable(
            "looking for a bug",
            format!("there is none named {unknown}; see --list"),
        ));
    }
    let among = |bug: &Bug| asked.only.is_empty() || asked.only.iter().any(|name| name == bug.name());
    let wanted = Wanted {
        sources: asked.sources.clone(),
        // cargo runs in the sources.
        target: asked.target_dir.clone().unwrap_or_else(|| PathBuf::from("target/planted")),
        bugs: Bug::ALL.into_iter().filter(among).collect(),
    };
    let mut written = Ok(());
    let found = planted::try_all(&wanted, |found| {
        if !asked.json && written.is_ok() {
            written = planted::write_found(&mut out, found);
        }
    })?;
    written.doing("telling")?;
    let caught = found.iter().filter(|found| found.caught_by.is_some()).count();
    if asked.json {
        serde_json::to_writer(&mut out, &found).doing("telling")?;
        writeln!(out).doing("telling")?;
    } else {
        writeln!(out, "planted: {caught} of {} bugs caught", found.len()).doing("telling")?;
    }
    Ok(caught == found.len())
}

fn faults(campaign: &Campaign) -> ExitCode {
    let (name, common, count) = match campaign {
        Campaign::Kills(common) => ("kills", common, 2_000),
        Campaign::PowerCuts(common) => ("power-cuts", common, 1_000),
        Campaign::Boundaries(Sampled { common, .. }) => ("boundaries", common, u64::MAX),
        Campaign::Flips(common) => ("flips", common, 20_000),
        Campaign::Retention(common) => ("retention", common, 10_000),
        // One turn through everything.
        Campaign::Disk(common) => ("disk", common, 150),
        Campaign::Errors { sampled: Sampled { common, .. }, .. } => ("errors", common, u64::MAX),
    };
    let mut tally = Tally::default();
    let outcome = run(campaign, common, count, &mut tally);
    // Some promises are broken without ending a campaign.
    let outcome = outcome.and_then(|()| match tally.findings.first() {
        Some(first) => Err(Failure::broken("the first of the findings", first.clone())),
        None => Ok(()),
    });
    let summary = Summary {
        campaign: name,
        seed: common.seed,
        held: outcome.is_ok(),
        tally: &tally,
        failure: outcome.as_ref().err().map(ToString::to_string),
    };
    match (write(&summary, common.json), outcome) {
        (Ok(()), Ok(())) => ExitCode::SUCCESS,
        (Ok(()), Err(failure)) if failure.is_broken() => ExitCode::FAILURE,
        _ => ExitCode::from(2),
    }
}

fn run(campaign: &Campaign, common: &Common, count: u64, tally: &mut Tally) -> Result<(), Failure> {
    let programs = match &common.bin_dir {
        Some(folder) => Programs::within(folder),
        None => Programs::beside_this_one()?,
    };
    let setup = Setup {
        programs,
        folder: common.folder.clone(),
        seed: common.seed,
        count: common.count.unwrap_or(count),
        tell: true,
    };
    *tally = Tally::new(&setup);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::unable("starting", error))?;
    runtime.block_on(async {
        match campaign {
            Campaign::Kills(_) => faults::kills::run(&setup, tally).await,
            Campaign::PowerCuts(_) => faults::power_cuts::run(&setup, tally).await,
            Campaign::Boundaries(sampled) => faults::boundaries::run(&setup, sampled.every, tally).await,
            Campaign::Disk(_) => faults::disk::run(&setup, tally).await,
            Campaign::Retention(_) => yizhan_campaign::retention::run(&setup, tally).await,
            Campaign::Flips(_) => faults::flips::run(&setup, tally).await,
            Campaign::Errors { sampled, error } => {
                let wanted = |known: &&str| error.as_deref().is_none_or(|error| error == *known);
                let errors: Vec<&'static str> = faults::errors::ERRORS.into_iter().filter(wanted).collect();
                faults::errors::run(&setup, sampled.every, &errors, tally).await
            }
        }
    })
}

fn write(summary: &Summary<'_>, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, summary)?;
        return writeln!(out);
    }
    let Summary { campaign, seed, tally, .. } = summary;
    for finding in &tally.findings {
        writeln!(out, "FOUND: {finding}")?;
    }
    if let Some(failure) = &summary.failure {
        writeln!(out, "BROKEN in trial {} of {campaign} --seed {seed}: {failure}", tally.trials)?;
        for folder in &tally.kept {
            writeln!(out, "everything is left in {}", folder.display())?;
        }
    }
    writeln!(out, "{campaign}: {} trials; {}", tally.trials, tally.counted())
}
