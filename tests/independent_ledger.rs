//! A ledger that was copied away is verified by code that shares nothing with ours: the root, the signature, a receipt.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "this is test code in a file of its own"
)]

mod harness;

use harness::programs::is_there;
use harness::random::Random;
use harness::{Network, Said, path_text, said};
use signed_note::{Note, StandardVerifier, VerifierList};
use std::path::{Path, PathBuf};
use std::process::Command;
use tlog_tiles::{
    Checkpoint, Hash, HashReader, check_record, record_hash, stored_hash_count, stored_hashes, tree_hash,
};

const COUNTY: &str = "652301";
const REGION: &str = "65";
/// Each makes four entries at the region: more than one tile is full in the end.
const DOCUMENTS: usize = 70;
/// Entries in a full bundle.
const WIDTH: u64 = 256;

/// Hashes as `tlog_tiles` numbers them.
struct Hashes(Vec<Hash>);

impl HashReader for Hashes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
    }
}

/// A copy of the region's ledger, taken away from its node, with the key that the directory names, and exported receipts.
struct TakenAway {
    /// Keeps the folder.
    network: Network,
    ledger: PathBuf,
    receipts: PathBuf,
    key: String,
}

fn taken_away() -> TakenAway {
    let network = Network::of_three();
    network.start_all();
    let file = network.beside("通知.txt");
    std::fs::write(&file, "各县市人民政府：\n").unwrap();
    let ids: Vec<String> = (0..DOCUMENTS)
        .map(|number| network.send(COUNTY, &[REGION], &format!("第{number}号"), &[&file]))
        .collect();
    for id in &ids {
        network.await_inbox(REGION, id);
        network.take(REGION, id);
        network.json(&["inbox", "sign", &harness::documents::office(REGION), id]);
    }
    ids.iter().for_each(|id| network.await_stage(id, REGION, "signed-for"));
    network.await_rest();
    let receipts = network.beside("receipts");
    network.json(&["receipts", "export", ids.last().unwrap(), "--out", path_text(&receipts)]);
    network.stop_all();
    let ledger = network.beside("copy of the ledger");
    let from = network.data(REGION).join("ledger");
    assert_eq!(said(Command::new("cp").arg("-r").arg(from).arg(&ledger)).code, 0);
    let key = network.ledger_key(REGION);
    TakenAway { network, ledger, receipts, key }
}

/// The entries in the bundles, as C2SP tlog-tiles lays them out: each after two bytes of length.
fn entries(ledger: &Path, size: u64) -> Vec<Vec<u8>> {
    assert!(size < 1000 * WIDTH, "this test reads names of three digits");
    let mut entries = Vec::new();
    for number in 0..size.div_ceil(WIDTH) {
        let width = (size - number * WIDTH).min(WIDTH);
        let name = if width == WIDTH { format!("{number:03}") } else { format!("{number:03}.p/{width}") };
        let bytes = std::fs::read(ledger.join("tile/entries").join(name)).unwrap();
        let mut rest = bytes.as_slice();
        while let Some((length, after)) = rest.split_first_chunk::<2>() {
            let (entry, after) = after.split_at(usize::from(u16::from_be_bytes(*length)));
            entries.push(entry.to_owned());
            rest = after;
        }
        assert!(rest.is_empty(), "a bundle ends within an entry");
    }
    entries
}

/// The text of a note, if the key of this ledger signed it.
fn signed_by(key: &str, note: &[u8]) -> Option<Checkpoint> {
    let key = StandardVerifier::new(key).unwrap();
    let note = Note::from_bytes(note).ok()?;
    let (verified, _) = note.verify(&VerifierList::new(vec![Box::new(key)])).ok()?;
    (!verified.is_empty()).then(|| Checkpoint::from_bytes(note.text()).unwrap())
}

/// What the crates `signed_note` and `tlog_tiles` make of a ledger: all entries, if their root is the one that was signed.
fn believed(ledger: &Path, key: &str) -> Option<Vec<Vec<u8>>> {
    let checkpoint = signed_by(key, &std::fs::read(ledger.join("checkpoint")).unwrap())?;
    let entries = entries(ledger, checkpoint.size());
    let mut hashes = Hashes(Vec::new());
    for (number, entry) in (0..).zip(&entries) {
        assert_eq!(hashes.0.len() as u64, stored_hash_count(number));
        let further = stored_hashes(number, entry, &hashes).unwrap();
        hashes.0.extend(further);
    }
    let root = tree_hash(checkpoint.size(), &hashes).unwrap();
    (entries.len() as u64 == checkpoint.size() && root.0 == checkpoint.hash().0).then_some(entries)
}

/// What they make of a receipt: its index, if the key signed the checkpoint and the path leads to its root.
fn proven(proof: &Path, key: &str) -> Option<u64> {
    let entry = std::fs::read(proof.with_extension("json")).unwrap();
    let text = std::fs::read_to_string(proof).unwrap();
    let (head, note) = text.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    assert_eq!(lines.next(), Some("c2sp.org/tlog-proof@v1"));
    let index: u64 = lines.next().unwrap().strip_prefix("index ").unwrap().parse().unwrap();
    let path: Vec<Hash> = lines.map(|line| Hash::parse_hash(line).unwrap()).collect();
    let checkpoint = signed_by(key, note.as_bytes())?;
    check_record(&path, checkpoint.size(), *checkpoint.hash(), index, record_hash(&entry))
        .ok()
        .map(|()| index)
}

/// What the script of this repository makes of it, which uses nothing but Python and `openssl`.
fn script(taken: &TakenAway, proof: &Path) -> Said {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/independent/verify_ledger.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(&taken.ledger).args(["--key", &taken.key]);
    command.arg("--proof").arg(proof).arg("--entry").arg(proof.with_extension("json"));
    said(&mut command)
}

fn proofs(taken: &TakenAway) -> Vec<PathBuf> {
    let files = std::fs::read_dir(&taken.receipts).unwrap().map(|entry| entry.unwrap().path());
    // The others are receipts of other ledgers, under other keys.
    let own = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("65.0-") && name.ends_with(".tlog-proof")
    };
    files.filter(own).collect()
}

#[test]
fn a_ledger_and_its_receipts_are_believed_by_code_of_others_and_refused_once_one_byte_changed() {
    let mut random = Random::of_this_run();
    let taken = taken_away();
    let entries = believed(&taken.ledger, &taken.key).expect("the crates believe the ledger");
    assert!(entries.len() as u64 > WIDTH, "one bundle is full, one is not: {} entries", entries.len());
    let proofs = proofs(&taken);
    assert_eq!(proofs.len(), 4, "accepted, consigned, handed over, signed for: {proofs:?}");
    for proof in &proofs {
        let index = proven(proof, &taken.key).expect("the crates believe the receipt");
        let entry = std::fs::read(proof.with_extension("json")).unwrap();
        assert!(entries[usize::try_from(index).unwrap()] == entry, "the ledger has another entry at {index}");
    }
    let python = is_there("python3", "--version") && is_there("openssl", "version");
    if python {
        for proof in &proofs {
            let said = script(&taken, proof);
            assert_eq!(said.code, 0, "{said:?}");
            assert!(said.out.contains(&format!("that of the {} entries", entries.len())), "{said:?}");
        }
    }
    assert!(
        believed(&taken.ledger, &taken.network.ledger_key(COUNTY)).is_none(),
        "it is another one's ledger"
    );

    for name in ["checkpoint", "tile/entries/000"] {
        let path = taken.ledger.join(name);
        let kept = std::fs::read(&path).unwrap();
        let mut changed = kept.clone();
        // In an entry the length before it is left alone: what is read then is as many entries, one of them another.
        let at = if name == "checkpoint" { 25 } else { 2 + random.below(60) };
        changed[at] ^= 1;
        std::fs::write(&path, changed).unwrap();
        assert!(believed(&taken.ledger, &taken.key).is_none(), "byte {at} of {name} is another");
        if python {
            let said = script(&taken, &proofs[0]);
            assert!(said.code == 1 && said.out.contains("BAD "), "{said:?}");
        }
        std::fs::write(&path, kept).unwrap();
    }
    let entry = proofs[0].with_extension("json");
    let mut changed = std::fs::read(&entry).unwrap();
    let at = random.below(changed.len());
    changed[at] ^= 1;
    std::fs::write(&entry, changed).unwrap();
    assert_eq!(proven(&proofs[0], &taken.key), None);
    if python {
        let said = script(&taken, &proofs[0]);
        assert!(said.code == 1 && said.out.contains("does not hold this entry"), "{said:?}");
    }
    assert!(believed(&taken.ledger, &taken.key).is_some(), "what was put back is good again");
}
