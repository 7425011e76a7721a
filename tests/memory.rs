//! A file of 1 GB passes through three nodes, each of which stays small.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "this is test code in a file of its own"
)]

mod harness;

use harness::Network;
use harness::random::Random;
use harness::waiting::until_at_most;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

const COUNTY: &str = "652301";
const RELAY: &str = "6523";
const REGION: &str = "65";
/// The size of the file, in bytes.
const FILE_BYTES: u64 = 1_000_000_000;
/// How much memory a node may ever have had, in KiB: 64 MiB.
const RESIDENT_KIB_MAX: u64 = 64 * 1024;
/// How often to look whether it has arrived.
const LOOKS_MAX: usize = 40_000;
/// What is random in it, in bytes; the rest is a hole in the file system. On the wire and at the nodes all of it is encrypted.
const ISLAND_BYTES: usize = 1 << 20;
const ISLANDS: u64 = 16;
const STEP_BYTES: usize = 1 << 20;

#[test]
fn one_gigabyte_passes_through_three_nodes_of_less_than_64_mebibytes_each() {
    let mut random = Random::of_this_run();
    let network = Network::of_three();
    let file = network.beside("map.bin");
    write_islands(&mut random, &file);
    network.start_all();
    let id = network.send(COUNTY, &[REGION], "关于印发影像图的通知", &[&file]);
    until_at_most(LOOKS_MAX, "the file has arrived", || {
        (network.stage(&id, REGION) == "delivered").then_some(())
    });
    let taken = network.take(REGION, &id);
    assert!(same_bytes(&file, &taken.join("map.bin")), "other bytes arrived");
    let most: Vec<(&str, u64)> =
        [COUNTY, RELAY, REGION].map(|node| (node, most_resident_kib(&network, node))).into();
    eprintln!("the most memory that each node had, in KiB: {most:?}");
    for (node, kib) in most {
        assert!(kib > 0 && kib < RESIDENT_KIB_MAX, "node {node} had {kib} KiB");
    }
    assert!(stored_bytes(&network, REGION) > FILE_BYTES, "all of it lies where its inbox is");
    for node in [COUNTY, RELAY] {
        until_at_most(LOOKS_MAX, &format!("{node} has given the space back"), || {
            (stored_bytes(&network, node) == 0).then_some(())
        });
    }
    network.stop_all();
}

/// How many bytes of bodies a node stores.
fn stored_bytes(network: &Network, node: &str) -> u64 {
    let stored = std::fs::read_dir(network.data(node).join("bodies")).unwrap();
    // A file may go between the look at its name and the one at its length.
    stored.filter_map(|entry| entry.unwrap().metadata().ok()).map(|found| found.len()).sum()
}

fn write_islands(random: &mut Random, path: &Path) {
    let mut file = File::create(path).unwrap();
    file.set_len(FILE_BYTES).unwrap();
    for island in 0..ISLANDS {
        file.seek(SeekFrom::Start(island * (FILE_BYTES / ISLANDS) + random.next() % ISLAND_BYTES as u64))
            .unwrap();
        file.write_all(&random.bytes(ISLAND_BYTES)).unwrap();
    }
}

/// The most memory that a process ever had, as Linux counts it.
fn most_resident_kib(network: &Network, node: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", network.pid(node))).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

fn same_bytes(one: &Path, other: &Path) -> bool {
    let (mut one, mut other) =
        (BufReader::new(File::open(one).unwrap()), BufReader::new(File::open(other).unwrap()));
    let (mut a, mut b) = (Vec::new(), Vec::new());
    loop {
        a.clear();
        b.clear();
        (&mut one).take(STEP_BYTES as u64).read_to_end(&mut a).unwrap();
        (&mut other).take(STEP_BYTES as u64).read_to_end(&mut b).unwrap();
        if a != b || a.is_empty() {
            return a == b;
        }
    }
}
