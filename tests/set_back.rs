//! A node that is set back: old copies of a data folder, moved folders, and a disk that was not mounted.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "this is test code in a file of its own"
)]

mod harness;

use harness::waiting::until;
use harness::{Network, flag, path_text, said, yizhan};
use std::path::{Path, PathBuf};
use std::process::Command;

const COUNTY: &str = "652301";
const RELAY: &str = "6523";
const REGION: &str = "65";
/// The exit codes of `yizhan send` where it is to be tried later, and of a node whose operator must change something.
const TRY_LATER: i32 = 4;
const CHANGE_SOMETHING: i32 = 78;

/// Sends a document from the county and waits until the region has it.
fn sent(network: &Network, file: &Path, title: &str) -> String {
    let id = network.send(COUNTY, &[REGION], title, &[file]);
    network.await_inbox(REGION, &id);
    id
}

/// Copies a folder as `cp -a` does.
fn copy(from: &Path, to: &Path) {
    let copied = said(Command::new("cp").arg("-a").arg(from).arg(to));
    assert_eq!(copied.code, 0, "{copied:?}");
}

/// A county that was backed up, went on, and is stopped; gives the backup.
fn backed_up(network: &Network, file: &Path) -> PathBuf {
    sent(network, file, "关于防火的通知");
    network.stop(COUNTY);
    let backup = network.beside("backup");
    copy(&network.data(COUNTY), &backup);
    network.start(COUNTY);
    network.await_linked(COUNTY);
    sent(network, file, "关于防汛的通知");
    // The relay has seen what the county has said since, and writes it down at the latest when it stops.
    network.stop(COUNTY);
    backup
}

/// Waits until the county has ended by itself; gives its exit code.
fn ended_by_itself(network: &Network) -> Option<i32> {
    until("the county has ended", || network.ended(COUNTY).unwrap()).code()
}

#[test]
fn a_restored_old_copy_promises_nothing_and_ends_at_first_contact() {
    let (network, file) = Network::running();
    let backup = backed_up(&network, &file);
    network.stop(RELAY);
    std::fs::remove_dir_all(network.data(COUNTY)).unwrap();
    copy(&backup, &network.data(COUNTY));
    network.start(COUNTY);
    let refused = until("the county answers", || {
        let said = network.send_with(COUNTY, &[REGION], &["--title", "T"], &[&file]);
        (!said.err.contains("no node is running")).then_some(said)
    });
    assert_eq!(refused.code, TRY_LATER, "{refused:?}");
    assert!(refused.err.contains("not confirmed yet that it is the newest"), "{refused:?}");
    assert!(!flag(&network.status(COUNTY).unwrap(), "/ready"));
    network.start(RELAY);
    assert_eq!(ended_by_itself(&network), Some(CHANGE_SOMETHING));
    let log = network.log(COUNTY);
    assert!(log.contains("was restored from an old copy"), "{log}");
    network.stop(RELAY);
    network.stop(REGION);
}

#[test]
fn a_folder_set_back_in_place_is_found_out_by_its_own_signature() {
    let (network, file) = Network::running();
    let backup = backed_up(&network, &file);
    // As a snapshot would do it: the same inodes, older content. The mark of place fits.
    for part in ["journal", "ledger", "queue", "bodies"] {
        let there = network.data(COUNTY).join(part);
        for entry in std::fs::read_dir(&there).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }.unwrap();
        }
        for entry in std::fs::read_dir(backup.join(part)).unwrap() {
            let path = entry.unwrap().path();
            copy(&path, &there.join(path.file_name().unwrap()));
        }
    }
    network.start(COUNTY);
    assert_eq!(ended_by_itself(&network), Some(CHANGE_SOMETHING));
    let log = network.log(COUNTY);
    assert!(log.contains("this node signed"), "{log}");
    network.stop(RELAY);
    network.stop(REGION);
}

#[test]
fn an_empty_folder_in_place_of_a_used_one_does_not_begin_a_second_history() {
    let (network, file) = Network::running();
    sent(&network, &file, "关于防火的通知");
    network.stop(COUNTY);
    std::fs::remove_dir_all(network.data(COUNTY)).unwrap();
    std::fs::create_dir(network.data(COUNTY)).unwrap();
    network.start(COUNTY);
    assert_eq!(ended_by_itself(&network), Some(CHANGE_SOMETHING));
    network.stop(RELAY);
    network.stop(REGION);
}

#[test]
fn a_newest_folder_that_was_moved_goes_on_once_its_neighbours_confirm_it() {
    let (network, file) = Network::running();
    sent(&network, &file, "关于防火的通知");
    // Something is under way both ways: from the relay down, and from the county up.
    network.stop(RELAY);
    let up = network.send(COUNTY, &[REGION], "关于防汛的通知", &[&file]);
    network.stop(COUNTY);
    network.start(RELAY);
    network.await_ready(RELAY);
    let down = network.send(REGION, &[COUNTY], "关于值班的通知", &[&file]);
    let moved = network.beside("moved");
    copy(&network.data(COUNTY), &moved);
    std::fs::remove_dir_all(network.data(COUNTY)).unwrap();
    std::fs::rename(&moved, network.data(COUNTY)).unwrap();
    network.start(COUNTY);
    network.await_inbox(REGION, &up);
    network.await_inbox(COUNTY, &down);
    network.stop(COUNTY);
    // From now on it is known where it lies: no neighbour is needed.
    network.stop(RELAY);
    network.start(COUNTY);
    network.await_ready(COUNTY);
    network.stop(COUNTY);
    network.stop(REGION);
}

#[test]
fn an_operator_who_vouches_for_a_moved_folder_need_not_wait() {
    let (network, file) = Network::running();
    sent(&network, &file, "关于防火的通知");
    network.stop_all();
    let moved = network.beside("moved");
    copy(&network.data(COUNTY), &moved);
    std::fs::remove_dir_all(network.data(COUNTY)).unwrap();
    std::fs::rename(&moved, network.data(COUNTY)).unwrap();
    let config = network.node(COUNTY).join("node.toml");
    let mut node =
        yizhan().args(["node", "run", "--newest", "--config", path_text(&config)]).spawn().unwrap();
    network.await_ready(COUNTY);
    node.kill().unwrap();
    node.wait().unwrap();
}
