//! `yizhan demo`: the whole road on this machine, from an empty folder to an audit, and what came of it.

mod conduct;
mod errands;
mod fault;
mod follow;
mod outcome;
mod recipients;
mod samples;
mod show;
mod world;

pub use samples::{Samples, SamplesError, write_samples};

use crate::commands::network::check_sockets;
use crate::failure::Failure;
use crate::output::{Output, say};
use crate::processes::Processes;
use clap::Args;
use errands::Files;
use fault::DemoFault;
use outcome::Outcome;
use show::Show;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::{Mutex, watch};
use world::{Tally, World};
use yizhan_hierarchy::NetworkPlan;
use yizhan_node::{Clock, create_network};

/// How long the whole may take, on the slowest machine that is worth running it on.
const PATIENCE: Duration = Duration::from_secs(600);

#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// Send these files instead of the samples; may be given many times
    #[arg(long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Leave the network in this folder, new or empty, ready to be run by hand
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// The folder of a demonstration.
enum Place {
    Kept(PathBuf),
    Temporary(TempDir),
}

impl Place {
    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

pub(crate) async fn run(typed: Typed, output: Output) -> Result<(), Failure> {
    for file in &typed.files {
        let found = file.metadata().map_err(Failure::file(file, "cannot be read"))?;
        if !found.is_file() || file.file_name().and_then(|name| name.to_str()).is_none() {
            return Err(Failure::Usage(format!("{} is no file that could be sent", file.display())));
        }
    }
    let place = match typed.keep {
        Some(folder) => Place::Kept(folder),
        None => {
            let made = tempfile::Builder::new().prefix("yizhan-").tempdir();
            Place::Temporary(made.map_err(Failure::file(&std::env::temp_dir(), "takes no new folder"))?)
        }
    };
    let world = match world(&place, typed.files, output) {
        Ok(world) => world,
        Err(DemoFault::Step(failure)) => return Err(failure),
        Err(DemoFault::Network(error)) => return Err(error.into()),
        Err(fault) => return Err(Failure::NotAsItShouldBe(fault.to_string())),
    };
    let report = tokio::select! {
        report = conduct::conduct(&world) => report,
        fault = conduct::watch(&world) => Err(fault),
        () = tokio::time::sleep(PATIENCE) => Err(DemoFault::Deadline(PATIENCE)),
        signal = tokio::signal::ctrl_c() => {
            signal.map_err(Failure::Runtime)?;
            Err(DemoFault::Interrupted)
        }
    };
    // Whatever happened, no process is left behind; those that were stopped already are passed over.
    let stopped = world.processes.lock().await.stop().await;
    let report = report.and_then(|report| stopped.map(|()| report).map_err(DemoFault::from));
    end(&world, place, report, output)
}

/// Says what came of it, and clears up.
fn end(
    world: &World,
    place: Place,
    report: Result<yizhan_audit::Report, DemoFault>,
    output: Output,
) -> Result<(), Failure> {
    let interrupted = matches!(report, Err(DemoFault::Interrupted));
    let outcome = Outcome::of(world, &report);
    output.show(&outcome, |outcome| outcome.words(world))?;
    match place {
        Place::Kept(folder) => say(&format!(
            "The network is in {0}; run its nodes with `yizhan node run --config {0}/nodes/ID/node.toml`.",
            folder.display()
        )),
        // What went wrong is looked for in the logs.
        Place::Temporary(folder) if !outcome.good() && !interrupted => {
            say(&format!("Everything is left in {} to be looked into.", folder.keep().display()));
        }
        Place::Temporary(_) => {}
    }
    match (interrupted, outcome.good()) {
        (true, _) => Err(Failure::Interrupted),
        (false, true) => Ok(()),
        (false, false) => Err(Failure::AlreadySaid),
    }
}

/// Makes the network and the documents.
fn world(place: &Place, given: Vec<PathBuf>, output: Output) -> Result<World, DemoFault> {
    let folder = std::path::absolute(place.path()).map_err(Failure::file(place.path(), "is no folder"))?;
    // Whatever ports are free: the demonstration stands in nobody's way.
    let plan = NetworkPlan { base_port: 0, ..NetworkPlan::demo() };
    check_sockets(&plan, &folder)?;
    let clock = Clock::start();
    let show = Show::new(clock, output.is_json());
    show.step("A network 建网: authority, certificates, signed directory, seven nodes");
    let network = create_network(&plan, &folder, clock.wall())?;
    show.line(&format!("{} in {}", plan.network, folder.display()));
    let files = match given.is_empty() {
        true => Files::Samples(write_samples(&folder.join("samples"))?),
        false => Files::Given(given),
    };
    let program = std::env::current_exe().map_err(Failure::Runtime)?;
    let sockets: BTreeMap<_, _> =
        network.nodes.iter().map(|created| (created.node, created.socket.clone())).collect();
    Ok(World {
        show,
        folder,
        sockets,
        processes: Mutex::new(Processes::new(program, &network)),
        errands: errands::errands(&plan, &files)?,
        tally: watch::channel(Tally::default()).0,
    })
}
