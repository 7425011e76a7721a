//! Each campaign of `yizhan-campaign`, in short: kills, power cuts, strikes at single system calls, flipped bits, failing disks.
#![allow(clippy::panic, clippy::print_stderr, reason = "this is test code in a file of its own")]

mod harness;

use harness::programs::nothing_is_missing;
use harness::random::Random;
use harness::{good, programs_here};
use yizhan_campaign::failure::Failure;
use yizhan_campaign::faults;
use yizhan_campaign::injection::missing_strace;
use yizhan_campaign::programs::missing_for_mounts;
use yizhan_campaign::tally::{Setup, Tally};

/// Runs a campaign from the seed of this run, and holds it to having done what it was asked for, and found nothing.
fn run(count: u64, campaign: impl AsyncFnOnce(&Setup, &mut Tally) -> Result<(), Failure>) -> Tally {
    let seed = Random::of_this_run().next();
    let setup = Setup { programs: programs_here(), folder: None, seed, count, tell: true };
    let mut tally = Tally::new(&setup);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.unwrap_or_else(|error| panic!("{error}"));
    let outcome = runtime.block_on(campaign(&setup, &mut tally));
    eprintln!("{}", tally.counted());
    good(outcome);
    assert!(tally.findings.is_empty(), "{:#?}", tally.findings);
    assert!(tally.trials >= count, "only {} of {count} trials", tally.trials);
    tally
}

#[test]
fn kills_under_load_break_no_promise() {
    let tally = run(16, faults::kills::run);
    assert!(tally.count("documents") > 0 && tally.count("kills with documents under way") > 0);
}

#[test]
fn power_cuts_under_load_break_no_promise() {
    if !nothing_is_missing(missing_for_mounts()) {
        return;
    }
    let tally = run(12, faults::power_cuts::run);
    assert!(tally.count("documents") > 0 && tally.count("cuts with documents under way") > 0);
}

#[test]
fn kills_before_single_system_calls_break_no_promise() {
    if !nothing_is_missing(missing_strace()) {
        return;
    }
    let tally = run(36, async |setup, tally| faults::boundaries::run(setup, 7, tally).await);
    assert!(tally.count("killed at a call") > 0, "no call was struck");
}

#[test]
fn errors_of_the_disk_at_single_system_calls_break_no_promise() {
    if !nothing_is_missing(missing_strace()) {
        return;
    }
    let tally =
        run(24, async |setup, tally| faults::errors::run(setup, 4, &faults::errors::ERRORS, tally).await);
    assert!(tally.count("ended with code 75") > 0, "no disk failed");
}

#[test]
fn one_flipped_bit_anywhere_is_named_or_harmless() {
    let tally = run(300, faults::flips::run);
    assert!(tally.count("noticed") > 100, "too little was noticed");
}

#[test]
fn disks_that_fail_and_files_that_are_lost_break_no_promise() {
    if !nothing_is_missing(missing_for_mounts()) {
        return;
    }
    run(160, faults::disk::run);
}
