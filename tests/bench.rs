//! `yizhan bench` measures what was really delivered: its scenarios in short, and what it refuses. No figure is judged.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "this is test code in a file of its own"
)]

mod harness;

use harness::waiting::until;
use harness::{flag, list, number, path_text, said, text, yizhan};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a run says of itself, and that it left nothing behind.
fn measured(words: &str) -> Value {
    let place = tempfile::Builder::new().prefix("yz").tempdir().unwrap();
    let words = words.split(' ').chain(["--json", "--folder", path_text(place.path())]);
    let said = said(yizhan().arg("bench").args(words));
    assert_eq!(said.code, 0, "{said:?}");
    let left: Vec<_> = std::fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
    said.json()
}

fn figure(of: &Value, name: &str) -> f64 {
    of.pointer(name).and_then(Value::as_f64).unwrap_or_else(|| panic!("no {name}: {of}"))
}

#[test]
fn everything_that_was_accepted_is_counted_in_its_inbox_and_every_chain_verifies() {
    let figures = measured("throughput --hops 2 --documents 40 --concurrency 8 --size 5KiB");
    for name in ["/documents", "/delivered", "/chains_verified", "/chains"] {
        assert_eq!(number(&figures, name), 40, "{name}: {figures}");
    }
    assert_eq!((number(&figures, "/hops"), number(&figures, "/size")), (2, 5120));
    assert_eq!(list(&figures, "/nodes").len(), 3);
    for name in ["/docs_per_s", "/mb_per_s", "/cpu_us_per_doc", "/rss_mb", "/ready_ms", "/p50_ms"] {
        assert!(figure(&figures, name) > 0.0, "{name}: {figures}");
    }
    assert!(figure(&figures, "/p99_ms") >= figure(&figures, "/p50_ms"), "{figures}");
    let largest = list(&figures, "/nodes").iter().map(|node| figure(node, "/rss_mb")).fold(0.0, f64::max);
    assert_eq!(figure(&figures, "/rss_mb"), largest, "the memory is that of the largest node");
    assert!(text(&figures, "/audit") == "ok");
}

#[test]
fn a_batch_is_many_documents_and_a_load_need_not_be_a_multiple_of_it() {
    let figures = measured("throughput --batch 16 --documents 40");
    for name in ["/documents", "/delivered", "/chains_verified"] {
        assert_eq!(number(&figures, name), 40, "{name}: {figures}");
    }
    assert_eq!(number(&figures, "/batch"), 16);
}

#[test]
fn a_backlog_outlives_the_kill_of_its_holder() {
    let figures = measured("backlog --documents 30 --concurrency 4");
    assert_eq!(number(&figures, "/delivered"), 30, "{figures}");
    assert_eq!(number(&figures, "/backlog/waiting"), 30);
    assert_eq!(number(&figures, "/chains_verified"), 60, "the load before the backlog is verified too");
    assert!(figure(&figures, "/backlog/ready_ms") > 0.0 && figure(&figures, "/backlog/drain_ratio") > 0.0);
}

#[test]
fn a_circular_is_counted_at_every_destination_and_an_ill_neighbour_gets_everything_in_the_end() {
    let circular = measured("circular --children 3 --documents 5");
    assert_eq!((number(&circular, "/documents"), number(&circular, "/delivered")), (5, 5), "{circular}");
    assert_eq!(number(&circular, "/chains_verified"), 15, "{circular}");
    for how in ["dead", "silent", "slow"] {
        let ill = measured(&format!("neighbours --children 2 --documents 20 --neighbour {how}"));
        assert_eq!((number(&ill, "/delivered"), number(&ill, "/neighbours/waiting")), (20, 10), "{ill}");
        assert_eq!(number(&ill, "/chains_verified"), 70, "three loads and what waited: {ill}");
    }
}

#[test]
fn one_document_at_a_time_and_nothing_to_do_are_measured_as_well() {
    let rest = measured("rest --documents 5");
    assert_eq!((number(&rest, "/delivered"), number(&rest, "/concurrency")), (5, 1), "{rest}");
    assert!(figure(&rest, "/p50_ms") > 0.0);
    let idle = measured("start --seconds 1");
    assert_eq!(list(&idle, "/idle/nodes").len(), 2, "{idle}");
    assert!(list(&idle, "/idle/nodes").iter().all(|node| figure(node, "/rss_mb") > 1.0), "{idle}");
}

#[test]
fn a_rate_is_kept_where_it_can_be() {
    let figures = measured("throughput --rate 20/s --documents 20 --no-audit");
    assert_eq!(number(&figures, "/delivered"), 20);
    assert!(figure(&figures, "/seconds") >= 0.95, "the twentieth is due after 0.95 s: {figures}");
    assert!(
        !flag(&figures, "/on_disk") || figures["chains_verified"].is_null(),
        "nothing was verified: {figures}"
    );
}

#[test]
fn options_that_mean_nothing_for_a_scenario_are_refused_before_anything_is_made() {
    for words in ["rest --concurrency 2", "start --rate 5", "throughput --children 3", "circular --hops 2"] {
        let said = said(yizhan().arg("bench").args(words.split(' ')));
        assert_eq!((said.code, said.out.is_empty()), (2, true), "{words}: {said:?}");
        assert!(said.err.contains("--"), "it does not name the option: {said:?}");
    }
}

#[test]
fn an_interrupted_benchmark_leaves_no_process_and_no_network() {
    let place = tempfile::Builder::new().prefix("yz").tempdir().unwrap();
    let mut bench = yizhan();
    bench.args(["bench", "--seconds", "600", "--folder", path_text(place.path())]);
    let mut bench = bench.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let running = until("both nodes run", || {
        let running = processes_below(place.path());
        (running.len() == 2).then_some(running)
    });
    // Ctrl-C, as a terminal would send it to the program in the foreground.
    assert_eq!(said(Command::new("kill").args(["-INT", &bench.id().to_string()])).code, 0);
    assert_eq!(bench.wait().unwrap().code(), Some(130));
    for process in running {
        assert!(!Path::new("/proc").join(&process).exists(), "process {process} was left behind");
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

/// The processes that hold the data folders of the network in a folder.
fn processes_below(place: &Path) -> Vec<String> {
    let networks = std::fs::read_dir(place).into_iter().flatten().filter_map(Result::ok);
    let nodes =
        networks.flat_map(|network| std::fs::read_dir(network.path().join("n/nodes")).into_iter().flatten());
    let locks = nodes.filter_map(|node| std::fs::read_to_string(node.ok()?.path().join("data/lock")).ok());
    locks.filter_map(|lock| Some(lock.trim().strip_prefix("process ")?.to_owned())).collect()
}
