//! `yizhan node run`: the daemon in the foreground, until it is told to stop.

use crate::failure::Failure;
use crate::output::Output;
use clap::{Args, Subcommand};
use std::io::Read;
use std::path::PathBuf;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;
use yizhan_node::Config;

#[derive(Debug, Subcommand)]
pub(crate) enum Typed {
    /// Run a node (驿站) until Ctrl-C or SIGTERM; what it accepted stays in its data folder
    ///
    /// Logs go to standard error, as JSON with --json. Exit codes of the daemon: 70 a fault of the program, 75 the disk or the
    /// system failed (start again once it is well), 78 the configuration has to be changed.
    Run(Run),
}

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Run {
    /// The node's configuration, node.toml
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// What is logged, such as `debug` or `warn,yizhan_link=trace` [default: $RUST_LOG, else info]
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
    /// The data folder is the newest there is, though it was moved or copied: do not wait for the neighbours to confirm it
    ///
    /// A node on a folder that was restored from an old copy would tell a second history of its ledger.
    #[arg(long)]
    newest: bool,
    /// Stop also when standard input ends, so that the node does not outlive the program that started it
    #[arg(long, hide = true)]
    stop_with_stdin: bool,
}

pub(crate) async fn run(typed: Typed, output: Output) -> Result<(), Failure> {
    let Typed::Run(run) = typed;
    start_log(run.log.as_deref(), output)?;
    let mut config = Config::load(&run.config)?;
    config.newest = run.newest;
    let mut signals = [SignalKind::interrupt(), SignalKind::terminate()]
        .into_iter()
        .map(signal)
        .collect::<Result<Vec<Signal>, _>>()
        .map_err(Failure::Runtime)?;
    let stdin_ended = run.stop_with_stdin.then(stdin_ended);
    let stop = async move {
        let signalled =
            futures_util::future::select_all(signals.iter_mut().map(|signal| Box::pin(signal.recv())));
        tokio::select! {
            _ = signalled => {}
            () = ended(stdin_ended) => {}
        }
    };
    Ok(yizhan_node::run(config, stop).await?)
}

fn start_log(typed: Option<&str>, output: Output) -> Result<(), Failure> {
    let environment = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    let filter = typed.or(environment.as_deref()).unwrap_or("info");
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        Failure::Usage(format!("--log `{filter}`: {error}; write for example info or warn,yizhan_link=debug"))
    })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Only a second logger in one process can fail; then the first one goes on.
    drop(if output.is_json() { log.json().try_init() } else { log.with_ansi(false).try_init() });
    Ok(())
}

/// Told when standard input ends. A thread of its own, since a read of the runtime's could not be given up at the end.
fn stdin_ended() -> oneshot::Receiver<()> {
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 64];
        while std::io::stdin().read(&mut bytes).is_ok_and(|count| count > 0) {}
        drop(tell);
    });
    told
}

async fn ended(stdin: Option<oneshot::Receiver<()>>) {
    match stdin {
        // The sender only ever goes away.
        Some(stdin) => drop(stdin.await),
        None => std::future::pending().await,
    }
}
