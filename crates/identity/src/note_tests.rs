//! Tests of signed notes and cosignatures, against the `signed_note` crate and the examples of the specifications.

use super::*;
use proptest::prelude::*;

const TEXT: &str = "yizhan.example/652301/0\n7\n\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

fn signer(name: &str) -> NoteSigner {
    NoteSigner::new(name, SigningKey::generate().unwrap()).unwrap()
}

fn cosigner(name: &str) -> Cosigner {
    Cosigner::new(name, SigningKey::generate().unwrap()).unwrap()
}

fn note(lines: &[String]) -> SignedNote {
    SignedNote::parse(format!("{TEXT}\n{}", lines.concat()).as_bytes()).unwrap()
}

#[test]
fn a_signed_note_is_verified_by_its_key_only() {
    let (ours, other) = (signer("node-652301"), signer("node-652301"));
    let note = note(&[ours.sign(TEXT)]);
    assert_eq!(note.text, TEXT);
    assert!(note.verified_by(&ours.verifier()));
    assert!(!note.verified_by(&other.verifier()));
    assert!(!note.verified_by(&signer("node-6523").verifier()));
}

#[test]
fn another_text_is_not_verified() {
    let ours = signer("a");
    let mut note = note(&[ours.sign(TEXT)]);
    note.text = TEXT.replace('7', "8");
    assert!(!note.verified_by(&ours.verifier()));
}

#[test]
fn a_wrong_signature_of_a_known_key_spoils_the_note() {
    let ours = signer("a");
    let wrong = ours.sign("another text\n");
    let unknown = signer("b").sign(TEXT);
    assert!(note(&[unknown.clone(), ours.sign(TEXT)]).verified_by(&ours.verifier()));
    assert!(!note(&[ours.sign(TEXT), wrong.clone()]).verified_by(&ours.verifier()));
    assert!(!note(&[wrong, ours.sign(TEXT)]).verified_by(&ours.verifier()));
    assert!(!note(&[unknown]).verified_by(&ours.verifier()));
}

#[test]
fn a_cosignature_carries_its_time() {
    let witness = cosigner("node-6523");
    let cosigned = note(&[witness.cosign(TEXT, 1_790_000_000)]);
    assert_eq!(cosigned.cosigned_by(&witness.verifier()), Some(1_790_000_000));
    assert_eq!(cosigned.cosigned_by(&cosigner("node-6523").verifier()), None);
    let mut backdated = cosigned.clone();
    backdated.signatures[0].bytes[7] ^= 1;
    assert_eq!(backdated.cosigned_by(&witness.verifier()), None);
    let mut other = cosigned;
    other.text.push_str("more\n");
    assert_eq!(other.cosigned_by(&witness.verifier()), None);
}

#[test]
fn of_several_cosignatures_the_earliest_counts_and_a_wrong_one_spoils_all() {
    let witness = cosigner("w");
    let (early, late) = (witness.cosign(TEXT, 100), witness.cosign(TEXT, 200));
    assert_eq!(note(&[late.clone(), early.clone()]).cosigned_by(&witness.verifier()), Some(100));
    let wrong = witness.cosign("another\n", 50);
    assert_eq!(note(&[late, early, wrong]).cosigned_by(&witness.verifier()), None);
}

#[test]
fn a_cosignature_without_a_time_proves_none() {
    let witness = cosigner("w");
    assert_eq!(note(&[witness.cosign(TEXT, 0)]).cosigned_by(&witness.verifier()), None);
}

#[test]
fn one_key_in_two_roles_is_not_taken_for_the_other() {
    let key = SigningKey::generate().unwrap();
    let log = NoteSigner::new("n", key.clone()).unwrap();
    let witness = Cosigner::new("n", key).unwrap();
    assert_ne!(log.verifier().key_id(), witness.verifier().key_id());
    let both = note(&[log.sign(TEXT), witness.cosign(TEXT, 5)]);
    assert!(both.verified_by(&log.verifier()));
    assert!(!both.verified_by(&witness.verifier()));
    assert_eq!(both.cosigned_by(&witness.verifier()), Some(5));
    assert_eq!(both.cosigned_by(&log.verifier()), None);
}

#[test]
fn a_verifier_has_one_text() {
    for verifier in [signer("yizhan.example/65").verifier(), cosigner("驿站").verifier()] {
        let again: NoteVerifier = verifier.to_string().parse().unwrap();
        assert_eq!(again, verifier);
        assert_eq!(again.is_cosigner(), verifier.is_cosigner());
    }
    // A key whose base64 contains `+` (the public key is 32 bytes of 0xfb).
    let plus = NoteVerifier::new("n".to_owned(), PublicKey([0xfb; 32]), ED25519).unwrap();
    assert!(plus.to_string().matches('+').count() > 2);
    assert_eq!(plus.to_string().parse::<NoteVerifier>().unwrap(), plus);
}

#[test]
fn the_example_of_the_go_module_is_read_and_verified() {
    let verifier: NoteVerifier =
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".parse().unwrap();
    let note = "If you think cryptography is the answer to your problem,\n\
                then you don't know what your problem is.\n\
                \n\
                \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    assert!(SignedNote::parse(note.as_bytes()).unwrap().verified_by(&verifier));
}

#[test]
fn damaged_verifiers_are_refused() {
    let text = signer("node").verifier().to_string();
    // The key is base64 and may have a `+` of its own.
    let key = text.splitn(3, '+').nth(2).unwrap();
    let rest = text.strip_suffix(&format!("+{key}")).unwrap();
    let mut ml_dsa = STANDARD.decode(key).unwrap();
    ml_dsa[0] = 6;
    for wrong in [
        String::new(),
        "node".to_owned(),
        rest.to_owned(),
        text.replace("node", "edon"),
        text.replace("node", "no de"),
        format!("{rest}+{}", STANDARD.encode(ml_dsa)),
        format!("{text}="),
        format!("{rest}+AQ=="),
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".to_owned(),
    ] {
        assert!(wrong.parse::<NoteVerifier>().is_err(), "{wrong}");
    }
}

#[test]
fn names_that_would_break_a_line_are_refused() {
    for name in ["", "a b", "a+b", "a\u{3000}b", "a\nb", "a\u{7}b", &"n".repeat(256)] {
        assert!(NoteSigner::new(name, SigningKey::generate().unwrap()).is_err(), "{name:?}");
    }
}

#[test]
fn notes_out_of_form_are_refused() {
    let line = signer("a").sign(TEXT);
    let many = line.repeat(NOTE_SIGNATURES_MAX + 1);
    let long = format!("{LINE_PREFIX}a {}\n", STANDARD.encode(vec![0; NOTE_SIGNATURE_BYTES_MAX + 5]));
    let cases = [
        ("no empty line", format!("{TEXT}{line}").replace("\n\n", "\n")),
        ("no signature", format!("{TEXT}\n")),
        ("no final newline", format!("{TEXT}\n{}", line.trim_end())),
        ("a hyphen for the dash", format!("{TEXT}\n{}", line.replace('\u{2014}', "-"))),
        ("a carriage return", format!("{TEXT}\r\n{line}")),
        ("a line without padding", format!("{TEXT}\n{}", line.replace('=', ""))),
        ("an empty signature", format!("{TEXT}\n{LINE_PREFIX}a AAAAAA==\n")),
        ("two spaces", format!("{TEXT}\n{}", line.replace(" a ", " a  "))),
        ("something after", format!("{TEXT}\n{line}tail\n")),
        ("too many", format!("{TEXT}\n{many}")),
        ("too long a signature", format!("{TEXT}\n{long}")),
        ("too long a note", format!("{}\n\n{line}", "x".repeat(NOTE_BYTES_MAX))),
    ];
    for (what, bytes) in cases {
        assert!(SignedNote::parse(bytes.as_bytes()).is_err(), "{what}");
    }
    assert!(SignedNote::parse(b"\xff\n\n").is_err());
    assert!(SignedNote::parse(format!("{TEXT}\n{}", line.repeat(NOTE_SIGNATURES_MAX)).as_bytes()).is_ok());
}

#[test]
fn the_signed_note_crate_verifies_what_is_signed_here() {
    let ours = signer("yizhan.example/652301");
    let text = note(&[ours.sign(TEXT)]).to_text();
    let theirs = signed_note::StandardVerifier::new(&ours.verifier().to_string()).unwrap();
    let read = signed_note::Note::from_bytes(text.as_bytes()).unwrap();
    let (verified, _) = read.verify(&signed_note::VerifierList::new(vec![Box::new(theirs)])).unwrap();
    assert_eq!(verified.len(), 1);
}

#[test]
fn what_the_signed_note_crate_signs_is_verified_here() {
    // The key of its documentation.
    let theirs = signed_note::StandardSigner::new(
        "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz",
    )
    .unwrap();
    let mut note = signed_note::Note::new(TEXT.as_bytes(), &[]).unwrap();
    note.add_sigs(&[&theirs]).unwrap();
    let verifier = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".parse().unwrap();
    assert!(SignedNote::parse(&note.to_bytes()).unwrap().verified_by(&verifier));
}

proptest! {
    #[test]
    fn what_is_accepted_is_written_again_byte_for_byte(at: prop::sample::Index, with: u8) {
        let text = note(&[signer("a").sign(TEXT), cosigner("b").cosign(TEXT, 9)]).to_text();
        let mut changed = text.into_bytes();
        let at = at.index(changed.len());
        changed[at] = with;
        if let Ok(read) = SignedNote::parse(&changed) {
            prop_assert_eq!(read.to_text().into_bytes(), changed);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        if let Ok(read) = SignedNote::parse(&bytes) {
            prop_assert_eq!(read.to_text().into_bytes(), bytes);
        }
    }

    #[test]
    fn arbitrary_texts_with_signatures_agree_with_the_signed_note_crate(text in "[a-z \\n—]{0,40}") {
        let whole = format!("{text}\n\n{}", signer("a").sign("x\n"));
        let ours = SignedNote::parse(whole.as_bytes());
        let theirs = signed_note::Note::from_bytes(whole.as_bytes());
        prop_assert_eq!(ours.is_ok(), theirs.is_ok());
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            prop_assert_eq!(ours.text.as_bytes(), theirs.text());
        }
    }
}
