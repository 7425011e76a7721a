//! Offline verification: every damage is found and named, and nothing else is.

use super::*;
use crate::fixture::{checkpoint_of, cosigner, entry, published, signer};
use crate::limits::MISSING_IN_A_ROW_MAX;
use crate::tiles::MemoryTiles;
use crate::{Log, sign_checkpoint};
use yizhan_document::merkle;

fn problems(tiles: &MemoryTiles, trusted: &[NoteVerifier]) -> (Verified, Vec<Problem>) {
    let mut problems = Vec::new();
    let verified = verify_ledger(tiles, trusted, &mut |problem| problems.push(problem));
    assert_eq!(verified.problems, problems.len() as u64);
    (verified, problems)
}

#[test]
fn a_sound_ledger_of_any_size_has_no_problems() {
    let signer = signer();
    for sizes in [&[0][..], &[1], &[3, 255], &[256], &[257, 700, 768], &[100, 300, 301]] {
        let (log, tiles) = published(sizes, &signer);
        let (verified, problems) = problems(&tiles, &[signer.verifier()]);
        assert_eq!(problems, [], "{sizes:?}");
        assert_eq!(verified.entries, log.size());
        assert_eq!(verified.checkpoint.unwrap().root, log.root());
    }
}

#[test]
fn every_flipped_byte_is_found_and_its_file_named() {
    let signer = signer();
    let (_, good) = published(&[3, 257, 259], &signer); // leaves partial tiles of the checkpoint before the last
    assert!(good.paths().contains(&"tile/entries/001.p/1".to_owned()));
    for path in good.paths() {
        let bytes = good.read(&path).unwrap().unwrap();
        // The two full files are long: every byte of their first and last entries, and every 61st between.
        let places = (0..bytes.len())
            .filter(|at| bytes.len() < 3000 || *at < 300 || at % 61 == 0 || at + 300 > bytes.len());
        for place in places {
            let mut tiles = good.snapshot();
            let mut flipped = bytes.clone();
            flipped[place] ^= 1 << (place % 8);
            tiles.write(&path, &flipped).unwrap();
            let (_, problems) = problems(&tiles, &[]);
            let named = problems.iter().any(|problem| problem.to_string().contains(&path));
            assert!(named, "{path} byte {place}: {problems:?}");
            assert!(problems.len() <= 8, "{path} byte {place}: {problems:?}");
        }
    }
}

#[test]
fn every_lost_file_is_named_and_the_rest_still_looked_at() {
    let signer = signer();
    let (_, good) = published(&[3, 255, 259], &signer);
    for path in good.paths() {
        let tiles = good.snapshot();
        tiles.lose(&path);
        let (verified, problems) = problems(&tiles, &[]);
        assert!(problems.contains(&Problem::Missing { path: path.clone() }), "{path}: {problems:?}");
        if path.starts_with("tile") {
            assert_eq!(problems.len(), 1, "{path}: {problems:?}");
            assert!(verified.entries >= 3);
        }
    }
}

#[test]
fn several_problems_are_all_reported_at_their_places() {
    let signer = signer();
    let (_, mut tiles) = published(&[600], &signer);
    let mut tile = tiles.read("tile/0/000").unwrap().unwrap();
    tile[32 * 7] ^= 1;
    tiles.write("tile/0/000", &tile).unwrap();
    let mut bundle = tiles.read("tile/entries/002.p/88").unwrap().unwrap();
    bundle[40] ^= 1;
    tiles.write("tile/entries/002.p/88", &bundle).unwrap();
    let mut upper = tiles.read("tile/1/000.p/2").unwrap().unwrap();
    upper[32] ^= 1;
    tiles.write("tile/1/000.p/2", &upper).unwrap();
    let (verified, problems) = problems(&tiles, &[]);
    assert_eq!(verified.entries, 600);
    assert!(matches!(&problems[0], Problem::Leaf { index: 7, tile, .. } if tile == "tile/0/000"));
    let leaf = problems.iter().find(|p| matches!(p, Problem::Leaf { index: 512, .. }));
    assert!(leaf.is_some_and(|problem| problem.to_string().starts_with("tile/entries/002.p/88")));
    assert!(
        problems.iter().any(|p| matches!(p, Problem::Hash { place: 1, below, .. } if below == "tile/0/001"))
    );
}

#[test]
fn a_ledger_rewritten_consistently_fails_by_its_signature_alone() {
    let (signer, thief) = (signer(), signer());
    let (_, tiles) = published(&[300], &thief);
    assert_eq!(problems(&tiles, &[]).1, []);
    let (_, problems) = problems(&tiles, &[signer.verifier()]);
    assert!(matches!(
        &problems[..],
        [Problem::Key { .. }, Problem::Checkpoint(CheckpointError::Unsigned { .. })]
    ));
}

#[test]
fn entries_that_say_nothing_known_and_a_wrong_beginning_are_problems() {
    let signer = signer();
    let beginnings = [(entry(1), "EpochOpened"), (b"{}".to_vec(), "no ledger entry")];
    for (first, said) in beginnings {
        let mut tiles = MemoryTiles::new();
        let (mut log, _) = Log::open(tiles.clone()).unwrap();
        log.append(&first).unwrap();
        log.publish(&checkpoint_of(&log, &signer).to_text()).unwrap();
        tiles.write(VKEY_PATH, crate::verifier_keys_text(&[signer.verifier()]).as_bytes()).unwrap();
        let (_, problems) = problems(&tiles, &[]);
        assert!(
            matches!(&problems[..], [Problem::Entry { index: 0, reason, .. }] if reason.contains(said)),
            "{problems:?}"
        );
    }
}

#[test]
fn cosignatures_of_witnesses_with_known_keys_are_checked() {
    let (signer, parent) = (signer(), cosigner("65.0"));
    let (log, mut tiles) = published(&[5], &signer);
    let mut signed = checkpoint_of(&log, &signer);
    let line = parent.cosign(signed.signed_text(), 77);
    signed.add_cosignature(&line, &[parent.verifier()]).unwrap();
    tiles.write(CHECKPOINT_PATH, signed.to_text().as_bytes()).unwrap();
    let keys = [signer.verifier(), parent.verifier()];
    let (verified, found) = problems(&tiles, &keys);
    assert_eq!((verified.witnesses, found), (vec![(parent.name().to_owned(), 77)], vec![]));
    let wrong = checkpoint_of(&log, &signer).to_text() + &parent.cosign("other\n", 77);
    tiles.write(CHECKPOINT_PATH, wrong.as_bytes()).unwrap();
    assert_eq!(problems(&tiles, &keys).1, [Problem::Cosignature { name: parent.name().to_owned() }]);
}

#[test]
fn a_forged_size_does_not_make_the_verification_walk_for_ever() {
    let signer = signer();
    let (_, mut tiles) = published(&[300], &signer);
    for size in [u64::MAX, 1 << 40] {
        let forged = sign_checkpoint(&signer, size, merkle::root(&[])).to_text();
        tiles.write(CHECKPOINT_PATH, forged.as_bytes()).unwrap();
        let (verified, problems) = problems(&tiles, &[]);
        let index = (MISSING_IN_A_ROW_MAX + 1) * 256;
        assert_eq!(problems.last(), Some(&Problem::GaveUp { index }));
        assert_eq!(verified.entries, 256);
        let opened = Log::open(tiles.clone());
        assert!(matches!(opened, Err(crate::LogError::Damaged { .. })));
    }
}

#[test]
fn an_empty_folder_and_nonsense_are_reported() {
    let mut tiles = MemoryTiles::new();
    assert_eq!(problems(&tiles, &[]).1.len(), 2);
    tiles.write(CHECKPOINT_PATH, b"nonsense").unwrap();
    tiles.write(VKEY_PATH, b"nonsense\n").unwrap();
    let (verified, problems) = problems(&tiles, &[]);
    assert!(matches!(problems[..], [Problem::Keys(_), Problem::Checkpoint(_)]));
    assert_eq!(verified.checkpoint, None);
}
