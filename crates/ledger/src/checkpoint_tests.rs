//! Checkpoints: one form only, the right key, cosignatures of known witnesses.

use super::*;
use crate::fixture::{NETWORK, cosigner, ledger, signer};

fn root() -> Digest {
    Digest::of(b"root")
}

#[test]
fn the_text_has_the_three_lines_of_the_specification() {
    // The example of C2SP tlog-checkpoint.
    let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    let checkpoint = Checkpoint::from_text(text).unwrap();
    assert_eq!((checkpoint.origin.as_str(), checkpoint.size), ("example.com/behind-the-sofa", 20_852_163));
    assert_eq!(checkpoint.to_text(), text);
    assert_eq!(checkpoint.ledger(), None);
}

#[test]
fn an_origin_names_network_and_ledger() {
    let origin = origin_of(NETWORK, ledger());
    assert_eq!(origin, "xinjiang.example/652301.0");
    assert_eq!(ledger_of(&origin), Some((NETWORK, ledger())));
    for other in ["652301.0", "/652301.0", "xinjiang.example/652301", "xinjiang.example/652301.00", ""] {
        assert_eq!(ledger_of(other), None, "{other}");
    }
}

#[test]
fn texts_of_another_form_are_refused() {
    let good = Checkpoint { origin: "a/b".to_owned(), size: 10, root: root() }.to_text();
    assert!(Checkpoint::from_text(&good).is_ok());
    let hash = STANDARD.encode(root().as_bytes());
    let texts = [
        good.trim_end().to_owned(),
        format!("{good}\n"),
        format!("{good}extension\n"),
        format!("\n10\n{hash}\n"),
        format!("a/b\n010\n{hash}\n"),
        format!("a/b\n+10\n{hash}\n"),
        format!("a/b\n\n{hash}\n"),
        format!("a/b\n18446744073709551616\n{hash}\n"),
        format!("a/b\n10\n{}\n", &hash[..hash.len() - 1]),
        format!("a/b\n10\n{}\n", STANDARD.encode([0; 31])),
        "a/b\n10\n".to_owned(),
        String::new(),
    ];
    for text in texts {
        assert!(Checkpoint::from_text(&text).is_err(), "{text:?}");
    }
}

#[test]
fn only_the_key_named_like_the_ledger_signs_for_it() {
    let signer = signer();
    let signed = sign_checkpoint(&signer, 7, root());
    let note = signed.to_text();
    assert_eq!(&verify_checkpoint(note.as_bytes(), &signer.verifier()).unwrap(), signed.checkpoint());
    let namesake = crate::fixture::signer();
    let unsigned = verify_checkpoint(note.as_bytes(), &namesake.verifier());
    assert!(matches!(unsigned, Err(CheckpointError::Unsigned { .. })));
    let elsewhere =
        NoteSigner::new("other.example/652301.0", yizhan_identity::SigningKey::generate().unwrap());
    let other = verify_checkpoint(note.as_bytes(), &elsewhere.unwrap().verifier());
    assert!(matches!(other, Err(CheckpointError::OtherLedger { .. })));
}

#[test]
fn every_flipped_byte_of_a_note_is_refused() {
    let signer = signer();
    let note = sign_checkpoint(&signer, 7, root()).to_text().into_bytes();
    for place in 0..note.len() {
        for bit in 0..8 {
            let mut flipped = note.clone();
            flipped[place] ^= 1 << bit;
            assert!(verify_checkpoint(&flipped, &signer.verifier()).is_err(), "byte {place} bit {bit}");
        }
    }
    assert!(verify_checkpoint(&vec![b'a'; CHECKPOINT_BYTES_MAX + 1], &signer.verifier()).is_err());
}

#[test]
fn a_cosignature_is_added_only_if_a_known_witness_made_it_for_this_checkpoint() {
    let (signer, parent, stranger) = (signer(), cosigner("65.0"), cosigner("6523.0"));
    let mut signed = sign_checkpoint(&signer, 7, root());
    let known = [parent.verifier()];
    let text = signed.signed_text().to_owned();
    let line = parent.cosign(&text, 1_795_161_600);
    assert_eq!(signed.add_cosignature(&line, &known).unwrap(), 1_795_161_600);
    assert_eq!(signed.cosigned_by(&parent.verifier()), Some(1_795_161_600));
    let note = signed.to_text();
    let again = SignedCheckpoint::verify(note.as_bytes(), &signer.verifier()).unwrap();
    assert_eq!(again, signed);

    // A later cosignature changes nothing: the earlier time says more.
    assert_eq!(signed.add_cosignature(&parent.cosign(&text, 1_795_161_700), &known).unwrap(), 1_795_161_600);
    assert_eq!(signed.to_text(), note);

    let by_stranger = signed.add_cosignature(&stranger.cosign(&text, 1), &known);
    assert!(matches!(by_stranger, Err(CheckpointError::UnknownWitness { .. })));
    let other = sign_checkpoint(&signer, 8, root());
    let mut fresh = sign_checkpoint(&signer, 7, root());
    let elsewhere = fresh.add_cosignature(&parent.cosign(other.signed_text(), 1), &known);
    assert!(matches!(elsewhere, Err(CheckpointError::BadCosignature { .. })));
    assert!(matches!(fresh.add_cosignature("no line", &known), Err(CheckpointError::Note(_))));
    // The ledger's own signature line is no cosignature.
    let own = signer.sign(&text);
    assert!(fresh.add_cosignature(&own, &[signer.verifier()]).is_err());
}

#[test]
fn a_wrong_line_under_a_witness_name_gives_way_to_the_right_one() {
    let (signer, parent) = (signer(), cosigner("65.0"));
    let signed = sign_checkpoint(&signer, 7, root());
    let wrong = parent.cosign("other text\n", 5);
    let note = signed.to_text() + &wrong;
    let mut signed = SignedCheckpoint::verify(note.as_bytes(), &signer.verifier()).unwrap();
    assert_eq!(signed.cosigned_by(&parent.verifier()), None);
    let line = parent.cosign(signed.signed_text(), 6);
    assert_eq!(signed.add_cosignature(&line, &[parent.verifier()]).unwrap(), 6);
    assert_eq!(signed.cosigned_by(&parent.verifier()), Some(6));
}
