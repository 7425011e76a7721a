//! The log: proofs against the definition, publishing, taking up again, damage.

use super::*;
use crate::checkpoint::sign_checkpoint;
use crate::fixture::{checkpoint_of, entries, entry, ledger, published, signer};
use crate::tiles::{FolderTiles, MemoryTiles, TileStore};
use crate::{Bundle, verify_ledger};
use proptest::prelude::*;

fn leaves(count: u64) -> Vec<Digest> {
    entries(count).iter().map(|entry| merkle::leaf_hash(entry)).collect()
}

fn check_everything(log: &Log, leaves: &[Digest], indexes: impl Iterator<Item = u64>) {
    let size = leaves.len() as u64;
    assert_eq!((log.size(), log.root()), (size, merkle::root(leaves)));
    let tree = merkle::Tree::new(leaves.to_vec());
    for index in indexes {
        assert_eq!(log.leaf(index).unwrap(), leaves[index as usize]);
        assert_eq!(log.entry(index).unwrap(), entry(index));
        assert_eq!(log.inclusion(index, size).unwrap(), tree.inclusion_path(index as usize).unwrap());
        assert_eq!(log.root_at(index).unwrap(), merkle::root(&leaves[..index as usize]));
        let path = merkle::consistency_path(leaves, index as usize).unwrap();
        assert_eq!(log.consistency(index, size).unwrap(), path);
    }
}

#[test]
fn every_proof_agrees_with_the_definition_in_memory_and_from_tiles() {
    let leaves = leaves(600);
    let signer = signer();
    let (log, tiles) = published(&[600], &signer);
    check_everything(&log, &leaves, (0..600).step_by(7));
    let (reopened, found) = Log::open(tiles).unwrap();
    assert_eq!((found.size, reopened.published()), (600, 600));
    check_everything(&reopened, &leaves, (0..600).step_by(7));
}

#[test]
fn a_log_that_has_forgotten_its_old_hashes_reads_them_from_tiles() {
    let size = (RECENT_TILES + 300) * 256 + 17; // more than one tile on level 1
    let tiles = MemoryTiles::new();
    let (mut log, _) = Log::open(tiles.clone()).unwrap();
    let entry = |index: u64| index.to_be_bytes();
    for index in 0..size {
        log.append(&entry(index)).unwrap();
    }
    let leaves: Vec<Digest> = (0..size).map(|index| merkle::leaf_hash(&entry(index))).collect();
    let tree = merkle::Tree::new(leaves.clone());
    assert_eq!(log.root(), tree.root());
    let note = checkpoint_of(&log, &signer()).to_text();
    log.publish(&note).unwrap();
    assert_eq!(log.recent.node(0, 0), None);
    let (reopened, _) = Log::open(tiles.clone()).unwrap();
    for log in [&log, &reopened] {
        for index in (0..size).step_by(997).chain([size - 1]) {
            assert_eq!(log.inclusion(index, size).unwrap(), tree.inclusion_path(index as usize).unwrap());
            assert_eq!(log.entry(index).unwrap(), entry(index));
        }
        for old in (0..size).step_by(9973) {
            let path = merkle::consistency_path(&leaves, old as usize).unwrap();
            assert_eq!(log.consistency(old, size).unwrap(), path);
        }
    }
    let at = Log::open_at(tiles, size - 17).unwrap();
    assert_eq!(at.root(), merkle::root(&leaves[..leaves.len() - 17]));
}

#[test]
fn what_is_not_there_is_refused() {
    let (log, _) = published(&[10], &signer());
    assert!(matches!(log.entry(10), Err(LogError::NoSuchEntry { index: 10, size: 10 })));
    assert!(matches!(log.leaf(10), Err(LogError::NoSuchEntry { .. })));
    assert!(matches!(log.inclusion(9, 9), Err(LogError::NoSuchEntry { .. })));
    assert!(matches!(log.inclusion(0, 11), Err(LogError::NoSuchSize { asked: 11, size: 10 })));
    assert!(matches!(log.consistency(6, 5), Err(LogError::NoSuchSize { .. })));
    assert!(matches!(log.root_at(11), Err(LogError::NoSuchSize { .. })));
    let (mut log, _) = published(&[], &signer());
    assert!(matches!(log.append(&vec![0; 65_536]), Err(LogError::EntryTooLong { bytes: 65_536 })));
    assert_eq!((log.size(), log.root()), (0, merkle::root(&[])));
    assert!(log.append(&vec![0; 65_535]).is_ok());
}

#[test]
fn only_a_checkpoint_of_this_log_that_goes_forward_is_published() {
    let signer = signer();
    let (mut log, tiles) = published(&[5, 9], &signer);
    let before = tiles.snapshot();
    let forged = sign_checkpoint(&signer, 9, Digest::of(b"other")).to_text();
    assert!(matches!(log.publish(&forged), Err(LogError::OtherRoot { size: 9 })));
    let old = sign_checkpoint(&signer, 5, log.root_at(5).unwrap()).to_text();
    assert!(matches!(log.publish(&old), Err(LogError::Backwards { published: 9, offered: 5 })));
    let ahead = sign_checkpoint(&signer, 10, Digest::of(b"other")).to_text();
    assert!(matches!(log.publish(&ahead), Err(LogError::NoSuchSize { .. })));
    assert!(matches!(log.publish("nonsense"), Err(LogError::Checkpoint(_))));
    assert_eq!(tiles.paths(), before.paths());
    log.append(&entry(9)).unwrap();
    let same = sign_checkpoint(&signer, 9, log.root_at(9).unwrap()).to_text();
    log.publish(&same).unwrap(); // a checkpoint may be older than the log, and cosigned anew
}

#[test]
fn partial_tiles_stay_until_the_full_tile_replaces_them() {
    let signer = signer();
    let (_, tiles) = published(&[3, 200], &signer);
    let partials = ["tile/0/000.p/200", "tile/0/000.p/3", "tile/entries/000.p/200", "tile/entries/000.p/3"];
    assert_eq!(tiles.paths(), [&["checkpoint"][..], &partials, &["vkey"]].concat());
    let (_, tiles) = published(&[3, 200, 257], &signer);
    let paths = [
        "checkpoint",
        "tile/0/000",
        "tile/0/001.p/1",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/1",
        "vkey",
    ];
    assert_eq!(tiles.paths(), paths);
}

#[test]
fn a_stop_before_the_checkpoint_leaves_the_old_one_readable() {
    let signer = signer();
    let (mut log, mut tiles) = published(&[200], &signer);
    for index in 200..300 {
        log.append(&entry(index)).unwrap();
    }
    let mut publication = log.publication(&checkpoint_of(&log, &signer).to_text()).unwrap();
    let old = tiles.read("checkpoint").unwrap().unwrap();
    publication.write(&mut tiles).unwrap();
    tiles.write("checkpoint", &old).unwrap();
    let (mut reopened, found) = Log::open(tiles.clone()).unwrap();
    assert_eq!(found.size, 200);
    check_everything(&reopened, &leaves(200), 0..200);
    for index in 200..300 {
        reopened.append(&entry(index)).unwrap();
    }
    publication = reopened.publication(&checkpoint_of(&reopened, &signer).to_text()).unwrap();
    publication.write(&mut tiles).unwrap();
    reopened.written(&publication);
    check_everything(&reopened, &leaves(300), 0..300);
    assert_eq!(verify_ledger(&tiles, &[], &mut |problem| panic!("{problem}")).entries, 300);
}

#[test]
fn a_damaged_file_is_named_and_never_gives_a_wrong_proof() {
    let signer = signer();
    let (_, tiles) = published(&[600], &signer);
    let good = tiles.snapshot();
    for path in good.paths().iter().filter(|path| *path != "vkey") {
        for lost in [false, true] {
            let mut tiles = good.snapshot();
            let mut bytes = tiles.read(path).unwrap().unwrap();
            // Opening does not check signatures, so of the checkpoint it is the root that is flipped.
            let place = if path == "checkpoint" { 40 } else { bytes.len() / 2 };
            bytes[place] ^= 1;
            tiles.write(path, &bytes).unwrap();
            if lost {
                tiles.lose(path);
            }
            let damage = |error| match error {
                LogError::Damaged { path, .. } => path,
                other => panic!("{other}"),
            };
            let at_edge = path.contains(".p/") || path == "checkpoint";
            match Log::open(tiles) {
                Err(error) => {
                    let named = damage(error);
                    assert!(
                        named == *path || path.starts_with("tile/0/") && named.contains("entries"),
                        "{named} {path}"
                    );
                    assert!(at_edge);
                }
                Ok((log, found)) if path == "checkpoint" => {
                    assert!(lost && log.size() == 0 && found.checkpoint.is_none())
                }
                Ok((log, _)) => {
                    assert!(!at_edge, "{path} was not looked at");
                    let errors: Vec<String> = (0..600)
                        .flat_map(|index| {
                            [log.inclusion(index, 600).map(|_| ()), log.entry(index).map(|_| ())]
                        })
                        .filter_map(|result| result.err().map(damage))
                        .collect();
                    assert!(
                        !errors.is_empty() && errors.iter().all(|named| named == path),
                        "{path} {errors:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_rebuild_repairs_every_damage_and_never_shrinks_or_forks() {
    let signer = signer();
    let (_, good) = published(&[600], &signer);
    for settled in [0, 256, 512] {
        let mut tiles = good.snapshot();
        for path in good.paths().iter().filter(|path| *path != "vkey") {
            let kept = path.ends_with("/000") && settled > 0 || path.ends_with("/001") && settled > 256;
            if !kept {
                tiles.write(path, b"torn").unwrap();
            }
        }
        let mut log = Log::rebuild(tiles.clone(), settled, &entries(600)[settled as usize..]).unwrap();
        log.publish(&checkpoint_of(&log, &signer).to_text()).unwrap();
        for path in good.paths() {
            let same = path == "checkpoint" || tiles.read(&path).unwrap() == good.read(&path).unwrap();
            assert!(same, "{path} after {settled}");
        }
    }
    let shrunk = Log::rebuild(good.snapshot(), 512, &entries(599)[512..]);
    assert!(matches!(shrunk, Err(LogError::Shrunk { published: 600, found: 599 })));
    let mut other = entries(601);
    other[599] = b"another history".to_vec();
    assert!(matches!(Log::rebuild(good.snapshot(), 0, &other), Err(LogError::OtherRoot { size: 600 })));
    assert!(matches!(Log::open_at(good.snapshot(), 1), Err(LogError::OffBundle { size: 1 })));
    assert!(matches!(Log::open_at(good, 1024), Err(LogError::Damaged { .. })));
}

#[test]
fn settled_entries_were_read_back_from_a_real_folder() {
    let folder = tempfile::tempdir().unwrap();
    let signer = signer();
    let (mut log, _) = Log::open(FolderTiles::new(folder.path())).unwrap();
    for index in 0..600 {
        log.append(&entry(index)).unwrap();
    }
    assert_eq!(log.settle().unwrap(), 0);
    log.publish(&checkpoint_of(&log, &signer).to_text()).unwrap();
    let bundle = folder.path().join("tile/entries/001");
    let bytes = std::fs::read(&bundle).unwrap();
    std::fs::write(&bundle, &bytes[..bytes.len() - 1]).unwrap();
    assert!(matches!(log.settle(), Err(LogError::Damaged { path, .. }) if path == "tile/entries/001"));
    std::fs::write(&bundle, &bytes).unwrap();
    for path in ["tile/entries/001", "tile/0/000"] {
        let file = folder.path().join(path);
        let bytes = std::fs::read(&file).unwrap();
        let mut flipped = bytes.clone();
        flipped[100] ^= 1;
        std::fs::write(&file, &flipped).unwrap();
        assert!(matches!(log.settle(), Err(LogError::Damaged { path: named, .. }) if named == path));
        std::fs::write(&file, &bytes).unwrap();
    }
    assert_eq!(log.settle().unwrap(), 512);

    let (mut reopened, found) = Log::open(FolderTiles::new(folder.path())).unwrap();
    assert_eq!(found.size, 600);
    reopened.believe_settled(512);
    std::fs::remove_file(&bundle).unwrap();
    assert_eq!(reopened.settle().unwrap(), 512); // not read again
    reopened.believe_settled(0);
    assert!(reopened.settle().is_err());
}

#[test]
fn bundles_of_receipts_come_out_of_the_log_and_verify() {
    let signer = signer();
    let (log, _) = published(&[300], &signer);
    let note = checkpoint_of(&log, &signer).to_text();
    let bundle = Bundle::collect(&log, ledger(), &note, [0, 255, 299]).unwrap();
    let checkpoint = bundle.verify(&signer.verifier()).unwrap();
    bundle.verify_against(&checkpoint).unwrap();
    assert!(Bundle::collect(&log, ledger(), &note, [300]).is_err());
    for receipt in bundle.into_receipts() {
        assert_eq!(receipt.verify(&signer.verifier()).unwrap(), checkpoint);
        assert_eq!(receipt.entry, entry(receipt.index));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn proofs_between_any_two_sizes_agree_with_the_definition(
        sizes in prop::collection::btree_set(1..900u64, 1..4), places in prop::collection::vec(any::<prop::sample::Index>(), 8)
    ) {
        let sizes: Vec<u64> = sizes.into_iter().collect();
        let (log, tiles) = published(&sizes, &signer());
        let (reopened, _) = Log::open(tiles).unwrap();
        let all = leaves(log.size());
        for log in [&log, &reopened] {
            for pair in places.chunks(2) {
                let size = pair[0].index(all.len()) + 1;
                let at = pair[1].index(size);
                let (root, leaf) = (log.root_at(size as u64).unwrap(), all[at]);
                prop_assert_eq!(root, merkle::root(&all[..size]));
                let path = log.inclusion(at as u64, size as u64).unwrap();
                prop_assert_eq!(&path, &merkle::inclusion_path(&all[..size], at).unwrap());
                prop_assert!(merkle::verify_inclusion(&root, size as u64, at as u64, &leaf, &path));
                let path = log.consistency(at as u64, size as u64).unwrap();
                let old = merkle::root(&all[..at]);
                prop_assert!(merkle::verify_consistency(at as u64, &old, size as u64, &root, &path));
            }
        }
    }
}
