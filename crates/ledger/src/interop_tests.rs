//! Our files and proofs read by programs nobody here wrote: the crates `tlog_tiles` and `signed_note`, and a script that uses
//! only Python's standard library and `openssl`.

use crate::fixture::{checkpoint_of, cosigner, entries, ledger, published, signer};
use crate::tiles::{FolderTiles, MemoryTiles, TileStore, tile_path};
use crate::{Bundle, Log, Receipt, verifier_keys_text};
use signed_note::{Note, StandardVerifier, VerifierList};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tlog_tiles::{
    Checkpoint, Error, Hash, Tile, TileHashReader, TileReader, check_record, check_tree, prove_record,
    prove_tree, record_hash,
};
use yizhan_document::Digest;

/// Gives `tlog_tiles` our files at our paths; its own paths are those of Go's sumdb, which name the tile height too.
struct OurTiles(MemoryTiles);

impl TileReader for OurTiles {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let read = |tile: &Tile| {
            let path = tile.path().replacen("tile/8/", "tile/", 1);
            let width = Some(tile.width() as usize).filter(|width| *width < 256);
            assert_eq!(path, tile_path(Some(u32::from(tile.level())), tile.level_index(), width));
            self.0.read(&path).unwrap().ok_or(Error::InvalidInput(path))
        };
        tiles.iter().map(read).collect()
    }

    fn save_tiles(&self, _tiles: &[Tile], _data: &[Vec<u8>]) {}
}

fn theirs(path: Vec<Digest>) -> Vec<Hash> {
    path.into_iter().map(|digest| Hash(digest.0)).collect()
}

#[test]
fn signed_note_and_tlog_tiles_accept_our_checkpoints() {
    let (signer, parent) = (signer(), cosigner("65.0"));
    let (log, _) = published(&[300], &signer);
    let mut signed = checkpoint_of(&log, &signer);
    let line = parent.cosign(signed.signed_text(), 1_795_161_600);
    signed.add_cosignature(&line, &[parent.verifier()]).unwrap();
    let key = StandardVerifier::new(&signer.verifier().to_string()).unwrap();
    let note = Note::from_bytes(signed.to_text().as_bytes()).unwrap();
    let (verified, unknown) = note.verify(&VerifierList::new(vec![Box::new(key)])).unwrap();
    assert_eq!((verified.len(), unknown.len()), (1, 1)); // it does not know cosignatures, and must pass them over
    let checkpoint = Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!(checkpoint.origin(), signer.name());
    assert_eq!((checkpoint.size(), checkpoint.hash().0), (300, log.root().0));
    assert_eq!(checkpoint.to_bytes(), signed.signed_text().as_bytes());
}

#[test]
fn tlog_tiles_reads_our_tiles_and_makes_and_takes_the_same_proofs() {
    let signer = signer();
    for sizes in [&[1][..], &[5, 256], &[300, 700]] {
        let (log, tiles) = published(sizes, &signer);
        let (size, root) = (log.size(), Hash(log.root().0));
        let tiles = OurTiles(tiles);
        let reader = TileHashReader::new(size, root, &tiles);
        for (index, entry) in (0..size).zip(entries(size)).step_by(13) {
            let ours = theirs(log.inclusion(index, size).unwrap());
            check_record(&ours, size, root, index, record_hash(&entry)).unwrap();
            assert_eq!(prove_record(size, index, &reader).unwrap(), ours);
            let old = index + 1;
            let ours = theirs(log.consistency(old, size).unwrap());
            check_tree(&ours, size, root, old, Hash(log.root_at(old).unwrap().0)).unwrap();
            assert_eq!(prove_tree(size, old, &reader).unwrap(), ours);
        }
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/independent/verify_ledger.py")
}

fn tools_are_missing() -> bool {
    let missing = [("python3", "--version"), ("openssl", "version")]
        .iter()
        .any(|(tool, ask)| !Command::new(tool).arg(ask).output().is_ok_and(|output| output.status.success()));
    if missing {
        assert!(std::env::var_os("CI").is_none(), "a tool is missing, and CI must not skip");
        eprintln!("skipped: python3 or openssl is not installed");
    }
    missing
}

fn run(folder: &Path, more: &[&Path]) -> (bool, String) {
    let mut command = Command::new("python3");
    command.arg(script()).arg(folder);
    for (option, path) in ["--proof", "--entry"].iter().zip(more) {
        command.arg(option).arg(path);
    }
    let output = command.output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn an_independent_script_accepts_our_ledger_and_proof_and_names_damage() {
    if tools_are_missing() {
        return;
    }
    let (folder, signer, parent) = (tempfile::tempdir().unwrap(), signer(), cosigner("65.0"));
    let root = folder.path().join("ledger");
    let (mut log, _) = Log::open(FolderTiles::new(&root)).unwrap();
    log.write_verifier_keys(&[signer.verifier(), parent.verifier()]).unwrap();
    entries(70_000).iter().for_each(|entry| {
        log.append(entry).unwrap();
    });
    let mut signed = checkpoint_of(&log, &signer);
    let line = parent.cosign(signed.signed_text(), 1_795_161_600);
    signed.add_cosignature(&line, &[parent.verifier()]).unwrap();
    log.publish(&signed.to_text()).unwrap();
    assert_eq!(
        fs::read_to_string(root.join("vkey")).unwrap(),
        verifier_keys_text(&[signer.verifier(), parent.verifier()])
    );

    let bundle = Bundle::collect(&log, ledger(), &signed.to_text(), [4711]).unwrap();
    let receipt: Receipt = bundle.into_receipts().next().unwrap();
    let (proof, entry) = (folder.path().join("receipt.tlog-proof"), folder.path().join("receipt.json"));
    fs::write(&proof, receipt.to_proof()).unwrap();
    fs::write(&entry, &receipt.entry).unwrap();
    let (good, said) = run(&root, &[&proof, &entry]);
    assert!(good, "{said}");
    assert!(
        said.contains("70000 entries") && said.contains(parent.name()) && said.contains("entry 4711"),
        "{said}"
    );

    fs::write(&entry, b"{}").unwrap();
    let (good, said) = run(&root, &[&proof, &entry]);
    assert!(!good && said.contains("receipt.tlog-proof"), "{said}");
    for path in [
        "tile/0/017",
        "tile/1/000",
        "tile/2/000.p/1",
        "tile/entries/003",
        "tile/0/273.p/112",
        "checkpoint",
        "vkey",
    ] {
        let file = root.join(path);
        let bytes = fs::read(&file).unwrap();
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 3] ^= 1;
        fs::write(&file, &flipped).unwrap();
        let (good, said) = run(&root, &[]);
        assert!(!good && said.contains(path), "{path}: {said}");
        fs::remove_file(&file).unwrap();
        let (good, said) = run(&root, &[]);
        assert!(!good && said.contains(path), "{path}: {said}");
        fs::write(&file, &bytes).unwrap();
    }
    assert!(run(&root, &[]).0);
}
