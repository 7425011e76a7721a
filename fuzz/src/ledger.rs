//! The ledger as others hand it out: entries, receipts, checkpoints, cosignatures, and whole folders of tiles.

use crate::{parts, text};
use std::sync::OnceLock;
use yizhan_document::{Digest, merkle};
use yizhan_identity::{Cosigner, NoteSignature, NoteSigner, NoteVerifier, SignedNote, SigningKey};
use yizhan_ledger::tiles::{CHECKPOINT_PATH, MemoryTiles, TileStore, tile_path};
use yizhan_ledger::{
    Checkpoint, Entry, Head, Log, Receipt, SignedCheckpoint, check_advance, ledger_of, parse_verifier_keys,
    sign_checkpoint, verifier_keys_text, verify_ledger,
};

fn signer() -> &'static NoteSigner {
    static SIGNER: OnceLock<NoteSigner> = OnceLock::new();
    SIGNER.get_or_init(|| {
        let key = SigningKey::generate().expect("random bytes");
        NoteSigner::new("xinjiang.example/652301.0", key).expect("a good name")
    })
}

fn witness() -> &'static Cosigner {
    static WITNESS: OnceLock<Cosigner> = OnceLock::new();
    WITNESS.get_or_init(|| {
        let key = SigningKey::generate().expect("random bytes");
        Cosigner::new("xinjiang.example/65", key).expect("a good name")
    })
}

/// An entry.
pub(crate) fn entry(data: &[u8]) -> bool {
    let Ok(entry) = Entry::from_bytes(data) else { return false };
    // The bytes are kept and never written again, but what is read must stay the same in the own writing.
    if let Ok(bytes) = entry.to_bytes() {
        assert_eq!(Entry::from_bytes(&bytes).as_ref(), Ok(&entry));
    }
    let event = &entry.event;
    let _ = (event.kind(), event.envelope_id(), event.header_digest(), event.rests_on());
    let _ = event.units("653101".parse().expect("a node"));
    true
}

/// First byte: what the rest is. `p`: a receipt and its entry; `c`: a note and a line of a cosigner; `k`: verifier keys;
/// `a`: two heads and a consistency path.
pub(crate) fn proof(data: &[u8]) -> bool {
    match data.split_first() {
        Some((b'p', rest)) => receipt(rest),
        Some((b'c', rest)) => checkpoint(rest),
        Some((b'k', rest)) => keys(rest),
        Some((b'a', rest)) => advance(rest),
        _ => false,
    }
}

fn receipt(data: &[u8]) -> bool {
    let parts = parts(data);
    let entry = parts.get(1).copied().unwrap_or_default().to_vec();
    let Ok(mut receipt) = Receipt::from_proof(parts[0], entry) else { return false };
    assert_eq!(
        Receipt::from_proof(receipt.to_proof().as_bytes(), receipt.entry.clone()).as_ref(),
        Ok(&receipt)
    );
    assert!(receipt.verify(&signer().verifier()).is_err(), "a receipt passes that nobody signed");
    let _ = (receipt.read_entry(), receipt.leaf(), receipt.witnessed_at(&witness().verifier()));
    // The checkpoint signed anew: the path is what is left to refuse it by.
    if let Ok(old) = Checkpoint::from_unverified_note(receipt.checkpoint.as_bytes()) {
        receipt.checkpoint = sign_checkpoint(signer(), old.size, old.root).to_text();
        if receipt.verify(&signer().verifier()).is_ok() {
            receipt.entry.push(b' ');
            assert!(receipt.verify(&signer().verifier()).is_err(), "a receipt holds for another entry");
            return true;
        }
    }
    false
}

fn checkpoint(data: &[u8]) -> bool {
    let parts = parts(data);
    let note = SignedNote::parse(parts[0]);
    if let Ok(note) = &note {
        assert_eq!(note.to_text().as_bytes(), parts[0], "a note is written otherwise than it was read");
        assert!(!note.verified_by(&signer().verifier()) && note.cosigned_by(&witness().verifier()).is_none());
    }
    let line = parts.get(1).and_then(|line| text(line)).unwrap_or_default();
    let _ = NoteSignature::parse(line);
    let Ok(checkpoint) = Checkpoint::from_unverified_note(parts[0]) else { return false };
    assert_eq!(Checkpoint::from_text(&checkpoint.to_text()).as_ref(), Ok(&checkpoint));
    assert_eq!(checkpoint.ledger(), ledger_of(&checkpoint.origin).map(|(_, ledger)| ledger));
    // The same head under a key that is believed, the line as it came and with one that holds.
    let signed = sign_checkpoint(signer(), checkpoint.size, checkpoint.root).to_text();
    let mut signed = SignedCheckpoint::verify(signed.as_bytes(), &signer().verifier()).expect("just signed");
    let witnesses = [witness().verifier()];
    assert!(signed.add_cosignature(line, &witnesses).is_err(), "a cosignature passes that nobody made");
    let own = witness().cosign(signed.signed_text(), 1_795_161_600);
    assert!(signed.add_cosignature(&own, &witnesses).is_ok());
    true
}

fn keys(data: &[u8]) -> bool {
    if let Some(key) = text(data).and_then(|text| text.trim_end().parse::<NoteVerifier>().ok()) {
        assert_eq!(
            key.to_string().parse::<NoteVerifier>().as_ref().map(NoteVerifier::key_id),
            Ok(key.key_id())
        );
    }
    let Ok(keys) = parse_verifier_keys(data) else { return false };
    let again =
        parse_verifier_keys(verifier_keys_text(&keys).as_bytes()).expect("keys that were written read");
    assert_eq!(again.len(), keys.len());
    !keys.is_empty()
}

/// Sizes as two bytes each, then the leaves of a tree; the path is taken from the tree, then spoilt by the last byte.
fn advance(data: &[u8]) -> bool {
    let Some((sizes, rest)) = data.split_first_chunk::<3>() else { return false };
    let leaves: Vec<_> = rest.chunks(3).take(64).map(merkle::leaf_hash).collect();
    let new_size = leaves.len();
    let old_size = usize::from(sizes[0]).min(new_size);
    let ledger = "652301.0".parse().expect("a ledger");
    let head = |size: usize| Head { ledger, size: size as u64, root: merkle::root(&leaves[..size]) };
    let Some(mut path) = merkle::consistency_path(&leaves, old_size) else { return false };
    assert_eq!(check_advance(&head(old_size), &head(new_size), &path), Ok(()));
    if let Some(step) = path.get_mut(usize::from(sizes[1])) {
        step.0[usize::from(sizes[2]) % 32] ^= 1;
        assert!(check_advance(&head(old_size), &head(new_size), &path).is_err(), "a spoilt path leads");
    }
    let index = usize::from(sizes[1]);
    if let (Some(path), Some(leaf)) = (merkle::inclusion_path(&leaves, index), leaves.get(index)) {
        let root = merkle::root(&leaves);
        assert!(merkle::verify_inclusion(&root, new_size as u64, index as u64, leaf, &path));
        assert!(!merkle::verify_inclusion(&root, new_size as u64, index as u64, &Digest([0; 32]), &path));
    }
    let free: Vec<Digest> = rest.chunks_exact(32).map(Digest::of).collect();
    let size =
        |at: usize| rest.get(at..at + 8).map_or(0, |b| b.iter().fold(0, |n, b| n << 8 | u64::from(*b)));
    let _ = merkle::verify_inclusion(&Digest([0; 32]), size(0), size(8), &Digest([0; 32]), &free);
    let _ = merkle::verify_consistency(size(0), &Digest([0; 32]), size(8), &Digest([1; 32]), &free);
    true
}

/// How many entries (one byte), the entry bundle (empty: as a node writes it), the entries, the file `vkey` (empty: the true one).
/// Tile and checkpoint are made for the entries, or everything would end at the root.
pub(crate) fn folder(data: &[u8]) -> bool {
    let parts = parts(data);
    let mut tiles = MemoryTiles::new();
    let width = usize::from(parts[0].first().copied().unwrap_or(0));
    let bundle = parts.get(1).copied().unwrap_or_default();
    let entries: Vec<&[u8]> = parts.iter().skip(2).copied().take(width).collect();
    let leaves: Vec<_> = entries.iter().map(|entry| merkle::leaf_hash(entry)).collect();
    let partial = (width > 0).then_some(width);
    let root = merkle::root(&leaves);
    let note = sign_checkpoint(signer(), width as u64, root).to_text();
    let hashes: Vec<u8> = leaves.iter().flat_map(|leaf| leaf.0).collect();
    // The entry bundle as a node writes it, or the bytes that came.
    let honest: Vec<u8> = entries
        .iter()
        .flat_map(|entry| {
            [u16::try_from(entry.len()).unwrap_or(u16::MAX).to_be_bytes().as_slice(), entry].concat()
        })
        .collect();
    let bundle = if bundle.is_empty() { honest.as_slice() } else { bundle };
    let own_keys = verifier_keys_text(&[signer().verifier()]);
    let keys = parts.last().copied().filter(|keys| !keys.is_empty()).unwrap_or(own_keys.as_bytes());
    let files = [
        (CHECKPOINT_PATH.to_owned(), note.as_bytes()),
        (tile_path(Some(0), 0, partial), hashes.as_slice()),
        (tile_path(None, 0, partial), bundle),
        ("vkey".to_owned(), keys),
    ];
    for (path, bytes) in &files {
        tiles.write(path, bytes).expect("memory takes everything");
    }
    let mut problems = 0;
    let verified = verify_ledger(&tiles, &[signer().verifier()], &mut |problem| {
        problems += 1;
        assert!(!problem.to_string().is_empty());
    });
    assert_eq!(verified.problems, problems);
    let _ = verify_ledger(&tiles, &[], &mut |_| {});
    let opened = Log::open(tiles.clone());
    if let Ok((log, found)) = &opened {
        assert_eq!((log.size(), log.root(), found.size), (width as u64, root, width as u64));
        for index in 0..log.size() {
            assert_eq!(log.entry(index).ok().as_deref(), entries.get(index as usize).copied());
        }
    }
    // Whatever the note is: one that nobody signed opens nothing as verified.
    tiles.write(CHECKPOINT_PATH, bundle).expect("memory takes everything");
    let _ = Log::open(tiles.clone());
    let _ = Log::open_at(tiles, 0);
    opened.is_ok() && verified.problems == 0
}
