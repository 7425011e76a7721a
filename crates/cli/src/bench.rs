//! `yizhan bench`: real node processes in a network of their own, under load, and what they can do.

mod arrivals;
mod backlog;
mod content;
mod fault;
mod figures;
mod flow;
mod gauge;
mod handing_in;
mod idle;
mod measure;
mod neighbours;
mod net;
pub(crate) mod quantity;
mod shown;
mod terrain;
mod verdict;

pub(crate) use handing_in::Amount;
pub(crate) use neighbours::Illness;
pub(crate) use terrain::{CHILDREN_MAX, HOPS_MAX};

use crate::failure::Failure;
use crate::output::{Output, say};
use fault::BenchFault;
use figures::Figures;
use handing_in::Load;
use net::Net;
use std::path::PathBuf;
use terrain::Terrain;
use verdict::Verdict;
use yizhan_document::{NodeId, OfficeAddress};

/// What is measured, and how.
#[derive(Clone, Debug)]
pub(crate) struct Meant {
    /// What is played.
    pub(crate) scenario: Scenario,
    /// Transfers from node to node.
    pub(crate) hops: u64,
    /// Bytes of content of each document.
    pub(crate) size: u64,
    /// Submitters at the same time.
    pub(crate) concurrency: u64,
    /// Documents in one request.
    pub(crate) batch: u64,
    /// How much is handed in.
    pub(crate) amount: Amount,
    /// Documents a second, if not as fast as they are taken.
    pub(crate) rate: Option<f64>,
    /// Nodes below the sending one, for scenarios with many neighbours.
    pub(crate) children: u64,
    /// Where the network is made.
    pub(crate) folder: Option<PathBuf>,
    /// Whether all chains are verified.
    pub(crate) audited: bool,
}

/// What is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// Submit to inbox.
    Throughput,
    /// Submit to inbox, of what is large.
    Large,
    /// One document at a time.
    Rest,
    /// Documents wait, their holder is killed, then all is drained.
    Backlog,
    /// One neighbour is not well.
    Neighbours(Illness),
    /// Nothing to do.
    Start {
        /// How long.
        seconds: u64,
    },
    /// Each document to many.
    Circular,
}

impl Scenario {
    fn name(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Large => "large",
            Self::Rest => "rest",
            Self::Backlog => "backlog",
            Self::Neighbours(_) => "neighbours",
            Self::Start { .. } => "start",
            Self::Circular => "circular",
        }
    }

    fn terrain(self, meant: &Meant) -> Result<Terrain, BenchFault> {
        match self {
            Self::Neighbours(_) => Terrain::star(meant.children + 1),
            Self::Circular => Terrain::star(meant.children),
            _ => Terrain::line(meant.hops),
        }
    }
}

/// Measures, shows the figures, and fails if anything is not as it should be.
pub(crate) async fn run(meant: Meant, output: Output) -> Result<(), Failure> {
    if cfg!(debug_assertions) {
        say("this is a debug build: its figures say nothing");
    }
    let terrain = meant.scenario.terrain(&meant).map_err(failure)?;
    let mut net = Net::create(terrain, meant.folder.as_deref()).map_err(failure)?;
    if !net.on_disk() {
        say(
            "the network lies on a tmpfs, where an fsync means nothing: name a folder on a disk with --folder",
        );
    }
    net.follow();
    let outcome = tokio::select! {
        outcome = play(&net, &meant) => outcome,
        fault = net.watch() => Err(fault),
        signal = tokio::signal::ctrl_c() => match signal {
            Ok(()) => Err(Failure::Interrupted.into()),
            Err(error) => Err(Failure::Runtime(error).into()),
        },
    };
    // Whatever happened, no process is left behind; those that were stopped already are passed over.
    let stopped = net.processes.lock().await.stop().await;
    let outcome = outcome.and_then(|outcome| stopped.map(|()| outcome).map_err(BenchFault::from));
    end(&mut net, outcome, output)
}

/// Shows the figures, and clears up.
fn end(
    net: &mut Net,
    outcome: Result<(Figures, Verdict), BenchFault>,
    output: Output,
) -> Result<(), Failure> {
    match outcome {
        Ok((figures, verdict)) => {
            output.show(&figures, shown::words)?;
            if verdict.good() {
                return Ok(());
            }
            let (documents, delivered) = verdict.documents();
            Err(Failure::NotAsItShouldBe(format!(
                "{delivered} of {documents} documents lie where they should, {} are too many, audit: {}; everything is left in {}",
                verdict.too_many,
                verdict.audit,
                net.keep().display()
            )))
        }
        Err(BenchFault::Step(Failure::Interrupted)) => Err(Failure::Interrupted),
        Err(fault) => {
            say(&format!("Everything is left in {} to be looked into.", net.keep().display()));
            Err(failure(fault))
        }
    }
}

fn failure(fault: BenchFault) -> Failure {
    match fault {
        BenchFault::Step(failure) => failure,
        BenchFault::Network(error) => error.into(),
        other => Failure::NotAsItShouldBe(other.to_string()),
    }
}

async fn play(net: &Net, meant: &Meant) -> Result<(Figures, Verdict), BenchFault> {
    match meant.scenario {
        Scenario::Throughput | Scenario::Large | Scenario::Circular => flow::throughput(net, meant).await,
        Scenario::Rest => flow::rest(net, meant).await,
        Scenario::Backlog => backlog::play(net, meant).await,
        Scenario::Neighbours(illness) => neighbours::play(net, meant, illness).await,
        Scenario::Start { seconds } => idle::play(net, meant, seconds).await,
    }
}

impl Meant {
    /// Figures that know only what was meant so far.
    fn figures(&self, net: &Net) -> Figures {
        Figures {
            scenario: self.scenario.name(),
            hops: self.hops,
            size: self.size,
            concurrency: self.concurrency,
            batch: self.batch,
            rate: self.rate,
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            on_disk: net.on_disk(),
            audit: "left out".to_owned(),
            ..Figures::default()
        }
    }

    /// The load as meant, handed in at the origin for each of these groups of nodes in turns.
    async fn load(&self, net: &Net, name: &str, to: &[Vec<NodeId>]) -> Result<Load, BenchFault> {
        let file = net.beside("content");
        if !file.exists() {
            content::write(&file, self.size).map_err(BenchFault::file(&file))?;
        }
        let offices = |nodes: &Vec<NodeId>| nodes.iter().map(|node| net.office(*node)).collect();
        let targets: Vec<Vec<OfficeAddress>> = to.iter().map(offices).collect::<Result<_, _>>()?;
        Ok(Load {
            desk: net.client(net.origin).await?,
            from: net.office(net.origin)?,
            targets,
            file,
            name: name.to_owned(),
            amount: self.amount,
            concurrency: self.concurrency,
            batch: self.batch,
            rate: self.rate,
        })
    }
}
