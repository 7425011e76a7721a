//! Damaged copies: every flipped byte is found, and costs nothing but what it lies in.

use crate::world::{World, faults, node, only_chain};
use std::fs;
use std::path::{Path, PathBuf};
use yizhan_audit::{Fault, Severity, Verdict, verify_network};

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_in(&path)) } else { files.push(path) }
    }
    files
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn no_flipped_byte_of_a_ledger_goes_unseen() {
    let mut world = World::new();
    world.deliver(0);
    world.scribes.get_mut(&node("6523")).unwrap().witnesses = vec![node("65")];
    let folders = world.publish();
    let good = verify_network(&world.directory, &folders, None);
    assert!(good.ok(), "{good:#?}");
    for path in files_in(&world.ledger_folder("6523")) {
        let length = fs::read(&path).unwrap().len();
        for at in (0..length).step_by(23) {
            flip(&path, at);
            let report = verify_network(&world.directory, &folders, None);
            assert_ne!(report, good, "byte {at} of {}", path.display());
            flip(&path, at);
        }
    }
    assert_eq!(verify_network(&world.directory, &folders, None), good);
}

#[test]
fn a_damaged_entry_is_named_and_loses_no_other_document() {
    let mut world = World::new();
    for counter in 0..100 {
        world.deliver(counter);
    }
    let folders = world.publish();
    // In the middle of the first full bundle of the region's ledger.
    let bundle = world.ledger_folder("65").join("tile/entries/000.p/201");
    flip(&bundle, fs::read(&bundle).unwrap().len() / 2);
    let report = verify_network(&world.directory, &folders, None);
    let damaged: Vec<_> = report.ledgers.iter().filter(|ledger| !ledger.problems.is_empty()).collect();
    assert_eq!(damaged.len(), 1);
    assert_eq!((damaged[0].ledger.unwrap().node, damaged[0].checkpoint_ok), (node("65"), true));
    assert!(damaged[0].problems.iter().any(|problem| problem.fault == Fault::LedgerDamaged));
    assert!(damaged[0].problems.iter().any(|problem| problem.text.contains("tile/entries/000.p/201")));
    assert_eq!(report.severity(), Severity::Forged);
    assert!(report.chains_verified >= 98, "{}", report.chains_verified);
    // Nobody is accused, and what passed through the damaged entry is still known from both sides of it.
    assert!(report.documents.iter().all(|document| document.destinations[0].verdict == Verdict::Complete));
}

#[test]
fn damaged_hash_tiles_lose_nothing() {
    let mut world = World::new();
    for counter in 0..140 {
        world.deliver(counter);
    }
    let folders = world.publish();
    let ledger = world.ledger_folder("65");
    for tile in
        files_in(&ledger.join("tile")).iter().filter(|tile| !tile.starts_with(ledger.join("tile/entries")))
    {
        flip(tile, 40.min(fs::read(tile).unwrap().len() - 1));
        let report = verify_network(&world.directory, &folders, None);
        assert!(faults(&report).contains(&Fault::LedgerDamaged), "{}", tile.display());
        assert_eq!(report.chains_verified, 140, "{}", tile.display());
        flip(tile, 40.min(fs::read(tile).unwrap().len() - 1));
    }
}

#[test]
fn a_folder_cut_below_its_cosigned_checkpoint_is_damaged_and_not_believed() {
    let mut world = World::new();
    world.deliver(0);
    let scribe = world.scribes.get_mut(&node("65")).unwrap();
    scribe.witnesses = vec![node("6531")];
    let folders = world.publish();
    let ledger = world.ledger_folder("65");
    let checkpoint = fs::read(ledger.join("checkpoint")).unwrap();
    world.scribes.get_mut(&node("65")).unwrap().entries.truncate(2);
    world.publish_into("65", ledger.clone());
    fs::write(ledger.join("checkpoint"), checkpoint).unwrap();
    let report = verify_network(&world.directory, &folders, None);
    let finding = report.ledgers.iter().find(|ledger| ledger.ledger.unwrap().node == node("65")).unwrap();
    assert_eq!((finding.size, finding.checkpoint_ok), (3, false));
    assert_eq!(finding.witnessed_by.len(), 1, "a witness holds the node to its three entries");
    assert!(faults(&report).contains(&Fault::LedgerDamaged));
    assert!(!only_chain(&report).proven);
}

#[test]
fn folders_that_hold_no_ledger_are_said_to_hold_none() {
    let world = World::new();
    let empty = world.folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let garbage = world.folder.path().join("garbage");
    fs::create_dir(&garbage).unwrap();
    fs::write(garbage.join("checkpoint"), b"\xff\xff").unwrap();
    let report = verify_network(&world.directory, &[empty, garbage], None);
    assert_eq!(faults(&report), [Fault::NoLedger]);
    assert_eq!(report.ledgers.len(), 2);
}

#[test]
fn a_copy_without_the_key_beside_it_is_as_good() {
    let mut world = World::new();
    world.deliver(0);
    let folders = world.publish();
    fs::remove_file(world.ledger_folder("65").join("vkey")).unwrap();
    let report = verify_network(&world.directory, &folders, None);
    assert_eq!((report.ok(), report.chains_verified, faults(&report)), (true, 1, vec![Fault::KeyInFolder]));
}
