//! `yizhan node run`: the daemon in the foreground, until it is told to stop; and `yizhan node new-epoch`, where its folder is lost.

use crate::failure::Failure;
use crate::output::Output;
use clap::{Args, Subcommand};
use std::io::Read;
use std::path::PathBuf;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;
use yizhan_document::LedgerId;
use yizhan_node::Config;

#[derive(Debug, Subcommand)]
pub(crate) enum Typed {
    /// Run a node (驿站) until Ctrl-C or SIGTERM; what it accepted stays in its data folder
    ///
    /// Logs go to standard error, as JSON with --json. Exit codes of the daemon: 70 a fault of the program, 75 the disk or the
    /// system failed (start again once it is well), 78 the configuration has to be changed.
    Run(Run),
    /// Give the ledger of a node up whose data folder is lost for good, and prepare a new one (台账重启); the node must not run
    ///
    /// Waits until every neighbour has said what it remembers, and refuses where the folder still has all of that. Sets what is in the
    /// folder aside and deletes nothing; the next `yizhan node run` opens the new epoch. What it costs: documents that were only
    /// here are gone, those in inboxes and those handed in and not passed on yet; idempotency keys and recalls decided here are
    /// forgotten. What others handed over to this node is tried again by its origins. It cannot be taken back.
    NewEpoch(NewEpoch),
}

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct NewEpoch {
    /// The node's configuration, node.toml
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The ledger that is lost for good, such as 652301.0: the newest that anybody knows of this node
    #[arg(long, value_name = "LEDGER")]
    give_up: LedgerId,
    /// What is logged, as for `run`
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
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
    let run = match typed {
        Typed::Run(run) => run,
        Typed::NewEpoch(typed) => return new_epoch(typed, output).await,
    };
    start_log(run.log.as_deref(), output)?;
    let mut config = Config::load(&run.config)?;
    config.newest = run.newest;
    let mut signals = signals()?;
    let stdin_ended = run.stop_with_stdin.then(stdin_ended);
    let stop = async move {
        tokio::select! {
            () = signalled(&mut signals) => {}
            () = ended(stdin_ended) => {}
        }
    };
    Ok(yizhan_node::run(config, stop).await?)
}

async fn new_epoch(typed: NewEpoch, output: Output) -> Result<(), Failure> {
    start_log(typed.log.as_deref(), output)?;
    let config = Config::load(&typed.config)?;
    let mut signals = signals()?;
    let prepared = yizhan_node::new_epoch(config, typed.give_up, signalled(&mut signals)).await?;
    let Some(prepared) = prepared else {
        return Err(Failure::Usage(
            "stopped before every neighbour had answered; nothing was changed".to_owned(),
        ));
    };
    output.show(&prepared, words)
}

fn words(prepared: &yizhan_node::NewEpoch) -> String {
    let aside = prepared.set_aside.as_ref().map_or_else(String::new, |folder| {
        format!("\nWhat was in the data folder lies in {}; nothing reads it any more", folder.display())
    });
    format!(
        "{} is given up 已放弃; the next start begins {} 新台账, whose first entry names {} remembered heads{aside}\n\
         Now start the node: yizhan node run --config …",
        prepared.given_up,
        prepared.ledger,
        prepared.previous.len(),
    )
}

fn signals() -> Result<Vec<Signal>, Failure> {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
    kinds.into_iter().map(signal).collect::<Result<_, _>>().map_err(Failure::Runtime)
}

async fn signalled(signals: &mut [Signal]) {
    futures_util::future::select_all(signals.iter_mut().map(|signal| Box::pin(signal.recv()))).await;
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
