//! A guard against large regressions: what a hop costs, as a ratio to a fixed loop that is measured in the same run.
//!
//! `cargo bench --bench guard` fails if the processor time of both nodes for one document of 4 KiB has grown far beyond what is
//! committed here, measured in units of a plain loop that hashes, signs, verifies and writes the same bytes. No absolute time is judged:
//! a slow or busy machine slows both. The best of several rounds counts, since whatever disturbs only makes slower.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use anyhow::Context;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// A kind of load with its committed cost: processor time of both nodes by that of the loop.
struct Case {
    batch: u64,
    documents: u64,
    ratio: f64,
}

/// Whoever makes the engine quicker lowers these; whoever has to make it dearer raises them, and says why in the commit.
const CASES: [Case; 2] =
    [Case { batch: 1, documents: 5_000, ratio: 4.9 }, Case { batch: 64, documents: 10_000, ratio: 3.8 }];
/// How far above the committed ratio a run may lie: a busy machine shifts it, caches and neighbours on the same core.
const TOLERANCE: f64 = 2.0;
/// Rounds of loop and hop in turns.
const ROUNDS: usize = 3;
/// Rounds of the loop, and of these one in so many writes to disk with fdatasync.
const LOOPS: u64 = 5_000;
const GROUP: u64 = 64;
const BYTES: usize = 4096;

fn main() -> anyhow::Result<()> {
    // Given by `cargo bench`. Without it, as under `cargo test --benches`, it proves only that it runs.
    let judged = std::env::args().any(|argument| argument == "--bench");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for case in &CASES {
        let (mut plain, mut hop) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..if judged { ROUNDS } else { 1 } {
            plain = plain.min(loop_us(folder)?);
            hop = hop.min(hop_us(folder, case, if judged { case.documents } else { 20 })?);
        }
        let Case { batch, ratio: committed, .. } = case;
        let ratio = hop / plain;
        println!(
            "batch {batch}: both nodes {hop:.1} µs a document, the loop {plain:.1} µs: ratio {ratio:.2}, committed {committed:.2}"
        );
        if judged && ratio * TOLERANCE < *committed {
            println!("the hop has become much cheaper: commit {ratio:.1} in benches/guard.rs");
        }
        anyhow::ensure!(
            !judged || ratio <= committed * TOLERANCE,
            "a hop costs {ratio:.2} times the loop; committed is {committed:.2}, tolerated {TOLERANCE} times that"
        );
    }
    Ok(())
}

/// Processor time of both nodes for one document, in microseconds.
fn hop_us(folder: &Path, case: &Case, documents: u64) -> anyhow::Result<f64> {
    let output = Command::new(env!("CARGO_BIN_EXE_yizhan"))
        .args(["bench", "--json", "--no-audit", "--hops", "1", "--size", "4096"])
        .args(["--documents", &documents.to_string(), "--batch", &case.batch.to_string(), "--folder"])
        .arg(folder)
        .output()?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let figures: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let figure = |name: &str| {
        figures
            .get(name)
            .and_then(serde_json::Value::as_f64)
            .with_context(|| format!("the figures have no {name}"))
    };
    anyhow::ensure!(figure("delivered")? == figure("documents")?, "not everything was delivered");
    Ok(figure("cpu_us_per_doc")? - figure("tool_cpu_us_per_doc")?)
}

/// Processor time of one round of the loop, in microseconds: hash, sign, verify, append; a sync now and then. It uses `ring` alone
/// and none of our code, so that nothing here can change it.
fn loop_us(folder: &Path) -> anyhow::Result<f64> {
    let key = Ed25519KeyPair::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())?.as_ref())
        .ok()
        .context("no key")?;
    let public = UnparsedPublicKey::new(&ED25519, key.public_key().as_ref());
    let record = [0x5a; BYTES];
    let mut file = tempfile::tempfile_in(folder)?;
    let before = own_cpu_ns()?;
    for number in 0..LOOPS {
        let mut signed = digest(&SHA256, &record).as_ref().to_vec();
        signed.extend_from_slice(&number.to_le_bytes());
        let signature = key.sign(&signed);
        public.verify(&signed, signature.as_ref()).ok().context("a signature did not verify")?;
        file.write_all(&signed)?;
        file.write_all(&record)?;
        if number % GROUP == 0 {
            file.sync_data()?;
        }
    }
    Ok((own_cpu_ns()? - before) as f64 / 1000.0 / LOOPS as f64)
}

/// Processor time of this thread, in nanoseconds: the first field of its schedstat.
fn own_cpu_ns() -> anyhow::Result<u64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split_whitespace().next().context("an unknown form of schedstat")?.parse()?)
}
