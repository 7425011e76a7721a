//! Receipts and bundles: the file form, every flipped byte, other ledgers and checkpoints.

use super::*;
use crate::Bundle;
use crate::fixture::{checkpoint_of, cosigner, entry, ledger, published, signer};
use proptest::prelude::*;
use yizhan_identity::NoteSigner;

fn receipt(size: u64, index: u64, signer: &NoteSigner) -> Receipt {
    let (log, _) = published(&[size], signer);
    let note = checkpoint_of(&log, signer).to_text();
    let mut receipts = Bundle::collect(&log, ledger(), &note, [index]).unwrap().into_receipts();
    receipts.next().unwrap()
}

#[test]
fn a_proof_file_reads_back_and_verifies() {
    let signer = signer();
    for (size, index) in [(1, 0), (2, 1), (7, 6), (300, 17)] {
        let receipt = receipt(size, index, &signer);
        let proof = receipt.to_proof();
        let read = Receipt::from_proof(proof.as_bytes(), receipt.entry.clone()).unwrap();
        assert_eq!(read, receipt);
        assert_eq!(read.verify(&signer.verifier()).unwrap().size, size);
        assert_eq!(read.read_entry().unwrap().to_bytes().unwrap(), entry(index));
        assert_eq!(read.leaf(), merkle::leaf_hash(&entry(index)));
    }
}

#[test]
fn every_flipped_bit_of_proof_or_entry_is_refused() {
    let signer = signer();
    let receipt = receipt(7, 6, &signer);
    let (proof, key) = (receipt.to_proof().into_bytes(), signer.verifier());
    let accepted = |proof: &[u8], entry: &[u8]| {
        Receipt::from_proof(proof, entry.to_vec()).is_ok_and(|receipt| receipt.verify(&key).is_ok())
    };
    assert!(accepted(&proof, &receipt.entry));
    for bit in 0..proof.len() * 8 {
        let mut flipped = proof.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!accepted(&flipped, &receipt.entry), "bit {bit} of the proof");
    }
    for bit in 0..receipt.entry.len() * 8 {
        let mut flipped = receipt.entry.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!accepted(&proof, &flipped), "bit {bit} of the entry");
    }
    for cut in 0..proof.len() {
        assert!(!accepted(&proof[..cut], &receipt.entry), "cut at {cut}");
    }
}

#[test]
fn extra_data_is_passed_over_and_other_lines_are_not() {
    let signer = signer();
    let receipt = receipt(7, 3, &signer);
    let proof = receipt.to_proof();
    let with = |line: &str| proof.replacen("index 3\n", line, 1);
    let read = |proof: String| Receipt::from_proof(proof.as_bytes(), receipt.entry.clone());
    assert_eq!(read(with("extra aGVsbG8=\nindex 3\n")).unwrap(), receipt);
    let too_much = format!("extra {}\nindex 3\n", "AAAA".repeat(EXTRA_BYTES_MAX / 4 + 1));
    for line in [
        "extra a\nindex 3\n",
        "extra aGVsbG8=\nextra aGVsbG8=\nindex 3\n",
        "index 03\n",
        "index 3 \n",
        "index\n",
        "",
        "note aGVsbG8=\nindex 3\n",
        &too_much,
    ] {
        assert!(read(with(line)).is_err(), "{}", &line[..line.len().min(40)]);
    }
    let long_path = format!("index 3\n{}", format!("{}\n", STANDARD.encode([0; 32])).repeat(PATH_MAX + 1));
    assert!(read(with(&long_path)).is_err());
    assert!(Receipt::from_proof(proof.as_bytes(), vec![0; ENTRY_BYTES_MAX + 1]).is_err());
}

#[test]
fn a_receipt_says_who_witnessed_it() {
    let (signer, parent, sibling) = (signer(), cosigner("65.0"), cosigner("6531.0"));
    let (log, _) = published(&[5], &signer);
    let mut signed = checkpoint_of(&log, &signer);
    let line = parent.cosign(signed.signed_text(), 1_795_161_600);
    signed.add_cosignature(&line, &[parent.verifier()]).unwrap();
    let bundle = Bundle::collect(&log, ledger(), &signed.to_text(), [2]).unwrap();
    let receipt = bundle.into_receipts().next().unwrap();
    let read = Receipt::from_proof(receipt.to_proof().as_bytes(), receipt.entry.clone()).unwrap();
    read.verify(&signer.verifier()).unwrap();
    assert_eq!(read.witnessed_at(&parent.verifier()), Some(1_795_161_600));
    assert!(read.is_witnessed_by(&parent.verifier()) && !read.is_witnessed_by(&sibling.verifier()));
}

#[test]
fn a_bundle_counts_only_for_its_own_ledger_and_checkpoint() {
    let signer = signer();
    let (log, _) = published(&[5, 9], &signer);
    let note = |size| crate::sign_checkpoint(&signer, size, log.root_at(size).unwrap());
    let bundle = Bundle::collect(&log, ledger(), &note(9).to_text(), 0..9).unwrap();
    bundle.verify_against(note(9).checkpoint()).unwrap();
    assert_eq!(bundle.verify_against(note(5).checkpoint()), Err(ProofError::OtherCheckpoint));

    let claimed = Bundle { ledger: "653101.0".parse().unwrap(), ..bundle.clone() };
    assert!(matches!(claimed.verify(&signer.verifier()), Err(ProofError::OtherLedger { .. })));
    let mut swapped = bundle.clone();
    swapped.receipts[3].index = 4;
    assert!(matches!(swapped.verify(&signer.verifier()), Err(ProofError::NotIncluded { index: 4, .. })));
    let mut changed = bundle.clone();
    changed.receipts[8].entry.push(b' ');
    assert!(matches!(changed.verify(&signer.verifier()), Err(ProofError::NotIncluded { index: 8, .. })));
    let stranger = crate::fixture::signer();
    assert!(matches!(bundle.verify(&stranger.verifier()), Err(ProofError::Checkpoint(_))));
    let json = serde_json::to_vec(&bundle).unwrap();
    assert_eq!(serde_json::from_slice::<Bundle>(&json).unwrap(), bundle);
}

proptest! {
    #[test]
    fn any_bytes_are_taken_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), lines in "[a-z0-9 \n=+/—]{0,200}") {
        for bytes in [bytes, format!("{HEADER}index 1\n{lines}").into_bytes()] {
            if let Ok(receipt) = Receipt::from_proof(&bytes, Vec::new()) {
                prop_assert_eq!(receipt.to_proof().into_bytes(), bytes);
            }
        }
    }
}
