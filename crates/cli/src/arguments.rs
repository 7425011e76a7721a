//! All that can be typed: the commands, and which of them runs where.

use crate::commands::{
    agreement, bench, certificate, directory, group, inbox, ledger, network, node, queue, recall, receipts,
    route, send, status, track,
};
use crate::demo;
use crate::failure::{EXIT_CODES, Failure};
use crate::output::Output;
use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

/// The command line as typed.
#[derive(Debug, Parser)]
#[command(
    name = "yizhan",
    version,
    about = "Yizhan 驿站: official documents from office to office, over many hops, with a receipt (回执) from each",
    after_help = EXIT_CODES,
    arg_required_else_help = true,
    propagate_version = true
)]
pub(crate) struct Typed {
    /// Show JSON instead of tables (and logs as JSON where there are only logs)
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show everything at once: seven nodes, five documents, a killed node, receipts, an audit
    Demo(demo::Typed),
    /// Measure this machine with real node processes: throughput, latency, backlog, memory, what a slow neighbour costs
    Bench(bench::Typed),
    /// Make a network (建网): authority, certificates, signed directory, node folders
    #[command(subcommand)]
    Network(network::Typed),
    /// Run a node (驿站)
    #[command(subcommand)]
    Node(node::Typed),
    /// Hand in a document (发文) for one or many offices
    Send(Box<send::Typed>),
    /// Show where a document is, and every receipt (回执) so far, hop by hop
    Track(track::Typed),
    /// Take back (撤回) what an office handed in, from everybody who has not signed for it
    Recall(recall::Typed),
    /// What came for an office (收文): list, take, sign for (签收), refuse (拒收), return (退回)
    #[command(subcommand)]
    Inbox(inbox::Typed),
    /// Take receipts (回执) away from the node, to be checked elsewhere
    #[command(subcommand)]
    Receipts(receipts::Typed),
    /// The delivery certificate (送达证明) of a document: how many have it, how many signed for it, who is missing and where it is
    Certificate(certificate::Typed),
    /// Show what waits at a node, and why
    Queue(queue::Typed),
    /// Show how a node fares
    Status(status::Typed),
    /// The signed register (名录) of nodes and offices
    #[command(subcommand)]
    Directory(directory::Typed),
    /// What two networks agree on to join their trees (互通协议): drafted, signed by both, named in both directories
    #[command(subcommand)]
    Agreement(agreement::Typed),
    /// Show whom a group (群组), such as `counties of 65`, means
    Group(group::Typed),
    /// Show the way (路由) that a document to an office would take
    Route(route::Typed),
    /// A node's ledger (台账) on disk: show and verify it
    #[command(subcommand)]
    Ledger(ledger::Typed),
}

/// Does what was typed.
pub(crate) fn run(typed: Typed) -> Result<(), Failure> {
    let output = Output::new(typed.json);
    match typed.command {
        Command::Demo(typed) => threads()?.block_on(demo::run(typed, output)),
        Command::Bench(typed) => threads()?.block_on(bench::run(typed, output)),
        Command::Node(typed) => threads()?.block_on(node::run(typed, output)),
        Command::Network(typed) => network::run(typed, output),
        Command::Agreement(typed) => agreement::run(typed, output),
        Command::Ledger(typed) => ledger::run(typed, output),
        Command::Send(typed) => one_thread()?.block_on(send::run(*typed, output)),
        Command::Track(typed) => one_thread()?.block_on(track::run(typed, output)),
        Command::Recall(typed) => one_thread()?.block_on(recall::run(typed, output)),
        Command::Inbox(typed) => one_thread()?.block_on(inbox::run(typed, output)),
        Command::Receipts(typed) => one_thread()?.block_on(receipts::run(typed, output)),
        Command::Certificate(typed) => one_thread()?.block_on(certificate::run(typed, output)),
        Command::Queue(typed) => one_thread()?.block_on(queue::run(typed, output)),
        Command::Status(typed) => one_thread()?.block_on(status::run(typed, output)),
        Command::Directory(typed) => one_thread()?.block_on(directory::run(typed, output)),
        Command::Group(typed) => one_thread()?.block_on(group::run(typed, output)),
        Command::Route(typed) => one_thread()?.block_on(route::run(typed, output)),
    }
}

/// For what has much to do at once.
fn threads() -> Result<Runtime, Failure> {
    Builder::new_multi_thread().enable_all().build().map_err(Failure::Runtime)
}

/// For one question and its answer.
fn one_thread() -> Result<Runtime, Failure> {
    Builder::new_current_thread().enable_all().build().map_err(Failure::Runtime)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_of_all_arguments_is_sound() {
        Typed::command().debug_assert();
    }

    #[test]
    fn the_commands_of_the_manual_are_understood() {
        for line in [
            "demo --json --keep kept --file a.pdf --file b.txt",
            "bench --hops 2 --size 4KiB --concurrency 16 --batch 1 --documents 100 --folder f --json",
            "bench throughput --rate 5000/s --seconds 20 --no-audit",
            "bench neighbours --children 4 --neighbour silent",
            "bench backlog --documents 1000",
            "network create net --root 65 --prefecture 6523 --prefecture 6531 --county 652301=6523 --base-port 7000",
            "network create net --plan plan.toml --json",
            "node run --config nodes/65/node.toml --log debug",
            "send --from a@65 --to b@6523 --to c@6531 --cc d@652301 --label l.json --deadline +3d --key k f.pdf g.txt",
            "send --network net --from a@65 --to b@6523 --title T --urgency most-urgent --deadline 2026-11-21T08:00:00Z f",
            "track 652301.0.0 --follow --json --network net",
            "recall 652301.0.0 --from a@652301 --reason wrong --json",
            "inbox list gov-office@65 --node net/nodes/65",
            "inbox take gov-office@65 652301.0.0 --out taken",
            "inbox sign gov-office@65 652301.0.0 --person 阿依古丽",
            "inbox refuse gov-office@65 652301.0.0 --reason wrong",
            "inbox return gov-office@65 652301.0.0 --reason wrong --socket s",
            "receipts export 652301.0.0 --out receipts",
            "certificate 65.0.0 --out certificate.json --json --network net",
            "group 65各县市 --network net --json",
            "queue --node net/nodes/65 --limit 5",
            "status --network net --node 65",
            "directory show --network net",
            "directory diff 1 2 --node net/nodes/65",
            "directory edit next --network net --parent 652301=6531 --backup-parents 652301=65 --endpoint 65=a:1,b:2",
            "directory edit next --name 65:kk=X --new-office archives@65=档案局 --suspend a@65 --remove-node 653130 --days 30",
            "directory edit next --delegate 6523 --network net --endpoint 652301=a:1",
            "directory delegate next 6523 --to a+b+c --threshold 1 --codes 6523,6524 --delegation-days 30 --network net",
            "directory delegate next 6523 --take-back --network net",
            "directory edit next --network net --agreement a --other party/directory",
            "directory edit next --network net --end-agreement party.example --drop-agreement x.example",
            "agreement sign a --key k",
            "agreement show a --json",
            "agreement verify a",
            "directory sign next --key net/authority/authority.pem --name a/b",
            "directory sign next --key delegate.pem --delegate 6523",
            "directory publish next --network net",
            "directory verify next --authority a+b+c --threshold 1",
            "directory history --network net --node 65 --json",
            "directory new-authority second.pem --name x/second",
            "route gov-office@653101 --from 652301 --network net",
            "ledger show net/nodes/65/data/ledger",
            "ledger verify net/nodes/65/data --json",
        ] {
            let words = std::iter::once("yizhan").chain(line.split(' '));
            if let Err(error) = Typed::try_parse_from(words) {
                panic!("{line}: {error}");
            }
        }
    }

    #[test]
    fn groups_are_one_word_of_the_shell_and_stand_in_for_recipients() {
        let send = ["yizhan", "send", "--from", "a@65", "--title", "T", "--except", "652301", "f.pdf"];
        for more in
            [&["--to-group", "counties of 65"][..], &["--to", "b@65", "--copy-group", "children of 65"]]
        {
            let words = send.iter().chain(more);
            assert!(Typed::try_parse_from(words).is_ok(), "{more:?}");
        }
        for more in [&["--to", "b@65"][..], &["--to-group", "villages of 65"], &["--copy", "b@65"]] {
            let words = send.iter().chain(more);
            assert!(Typed::try_parse_from(words).is_err(), "{more:?}");
        }
    }

    #[test]
    fn an_agreement_is_drafted_with_lines_of_several_words() {
        let draft = "agreement draft a --join g=65 --join p=p-65 --authority g=k --authority p=k --threshold g=1 --days 9";
        let words = |line| std::iter::once("yizhan").chain(draft.split(' ')).chain(["--cross", line]);
        assert!(Typed::try_parse_from(words("g below 65 to p-65 upto internal")).is_ok());
        assert!(Typed::try_parse_from(words("g below 65")).is_err());
    }

    #[test]
    fn what_leaves_no_choice_open_is_refused() {
        for line in [
            "send --from a@65 f.pdf --title T",
            "send --from a@65 --to b@65 --title T",
            "send --from a@65 --to b@65 f.pdf",
            "send --from a@65 --to b@65 --title T --label l.json f.pdf",
            "send --from nobody --to b@65 --title T f.pdf",
            "recall 652301.0.0 --from a@652301",
            "inbox refuse a@65 652301.0.0",
            "inbox return a@65 652301.0.0",
            "bench --documents 5 --seconds 5",
            "bench --size 4kib",
            "bench sideways",
            "network create net",
            "network create net --root 65 --plan plan.toml",
            "track 652301",
        ] {
            let words = std::iter::once("yizhan").chain(line.split(' '));
            assert!(Typed::try_parse_from(words).is_err(), "{line}");
        }
    }
}
