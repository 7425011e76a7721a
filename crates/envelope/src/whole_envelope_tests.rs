//! Tests over whole envelopes: what was closed opens, and nothing else does.

use crate::example::{Example, Files, close, header, manifest, signature};
use crate::limits::PIECE_BYTES;
use crate::{
    BodyCloser, CloseError, FileKey, Header, HeaderMismatch, NullSink, OfficeSignature, OpenError, PartSink,
    PieceHasher, SignedTree, Slip, SlipError, StreamError, close_slips, open_body, piece_count,
};
use proptest::prelude::*;
use std::io;
use std::sync::LazyLock;
use yizhan_document::{Digest, Manifest, ManifestTree, merkle};
use yizhan_identity::OpeningKey;

static EXAMPLE: LazyLock<Example> = LazyLock::new(|| close(&[b"one".to_vec(), vec![], vec![5; 70_000]], 3));

fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i % 249) as u8).collect()
}

#[test]
fn every_destination_gets_the_files_as_they_were() {
    for files in [
        vec![bytes(0)],
        vec![bytes(1)],
        vec![bytes(65_535)],
        vec![bytes(65_536)],
        vec![bytes(65_537)],
        vec![bytes(131_072)],
        vec![bytes(512), bytes(0), bytes(513), bytes(200_000), bytes(511)],
        vec![bytes(3 * PIECE_BYTES as usize)],
    ] {
        let example = close(&files, 3);
        for (index, (slip, opener)) in example.slips.iter().zip(&example.openers).enumerate() {
            assert_eq!(slip.check(&example.header), Ok(example.header.to[index].node));
            let key = slip.open(&example.header, opener).unwrap();
            let mut found = Files::default();
            let opened = open_body(example.body.as_slice(), &key, &example.header, &mut found).unwrap();
            assert!(found.0 == files);
            assert_eq!(opened.manifest_text, example.manifest_text);
            assert_eq!(opened.manifest, Manifest::from_text(&example.manifest_text).unwrap());
            assert_eq!(opened.signature, signature());
        }
    }
}

#[test]
fn the_header_commits_to_size_and_pieces_of_the_body() {
    let example = close(&[bytes(2 * PIECE_BYTES as usize + 5)], 1);
    assert_eq!(example.header.body.size, example.body.len() as u64);
    assert_eq!(piece_count(example.header.body.size), 3);
    let mut hasher = PieceHasher::new();
    hasher.update(&example.body);
    assert_eq!(hasher.finish(), example.pieces);
    assert!(example.header.has_pieces(&example.pieces));
    assert!(!example.header.has_pieces(&example.pieces[..2]));
    let mut swapped = example.pieces.clone();
    swapped.swap(0, 1);
    assert!(!example.header.has_pieces(&swapped));
    // The root alone does not tell three pieces from the two subtrees above them; the count does.
    let above = [merkle::node_hash(&example.pieces[0], &example.pieces[1]), example.pieces[2]];
    assert!(!example.header.has_pieces(&above));
}

#[test]
fn a_slip_of_another_destination_or_of_another_envelope_is_refused() {
    let example = &*EXAMPLE;
    let other = close(&[b"x".to_vec()], 3);
    assert_eq!(
        example.slips[0].open(&example.header, &example.openers[1]).unwrap_err(),
        SlipError::NotForThisKey
    );
    assert_eq!(other.slips[0].check(&example.header), Err(SlipError::NotCommitted));
    // Made with the right file key for the right node, but not one that the header commits to.
    let again = close_slips(&example.key, &[example.openers[0].public()]).unwrap();
    let again = Slip { header: again.header(0).unwrap().to_vec(), ..example.slips[0].clone() };
    assert_eq!(again.open(&example.header, &example.openers[0]).unwrap_err(), SlipError::NotCommitted);
    let mut moved = example.slips[0].clone();
    moved.index = 1;
    assert_eq!(moved.check(&example.header), Err(SlipError::NotCommitted));
    moved.index = 3;
    assert_eq!(moved.check(&example.header), Err(SlipError::NotCommitted));
    let mut short = example.slips[0].clone();
    short.path.pop();
    assert_eq!(short.check(&example.header), Err(SlipError::NotCommitted));
    short.path = vec![Digest::of(b""); 13];
    assert_eq!(short.check(&example.header), Err(SlipError::Form));
}

#[test]
fn a_sender_that_gives_destinations_different_file_keys_is_caught() {
    let example = &*EXAMPLE;
    let theirs: Vec<_> = example.openers.iter().map(OpeningKey::public).collect();
    let second = FileKey::generate().unwrap();
    let mut slips = example.slips.clone();
    slips[1].header = close_slips(&second, &theirs[1..2]).unwrap().header(0).unwrap().to_vec();
    // The cheat commits to what it made; everything but the file key is in order.
    let leaves: Vec<_> = slips.iter().map(|slip| merkle::leaf_hash(&slip.header)).collect();
    for (index, slip) in slips.iter_mut().enumerate() {
        slip.path = merkle::inclusion_path(&leaves, index).unwrap();
    }
    let cheating = Header { slips: merkle::root(&leaves), ..example.header.clone() };
    assert!(slips[0].open(&cheating, &example.openers[0]).is_ok());
    assert_eq!(slips[1].check(&cheating), Ok(cheating.to[1].node));
    assert_eq!(slips[1].open(&cheating, &example.openers[1]).unwrap_err(), SlipError::OtherFileKey);
}

#[test]
fn a_body_under_another_file_key_or_cut_short_is_refused() {
    let example = &*EXAMPLE;
    let other = FileKey::generate().unwrap();
    let refused = open_body(example.body.as_slice(), &other, &example.header, &mut NullSink).unwrap_err();
    assert!(matches!(refused, OpenError::Stream(StreamError::Damaged { chunk: 0 })));
    let boundary = 16 + 65_536 + 16;
    for end in [0, 15, 16, 32, boundary, boundary + 16, example.body.len() - 1] {
        let cut = open_body(&example.body[..end], &example.key, &example.header, &mut NullSink).unwrap_err();
        assert!(matches!(cut, OpenError::Stream(StreamError::Damaged { .. })), "{end}: {cut}");
    }
}

#[test]
fn a_header_that_contradicts_the_manifest_is_refused() {
    use yizhan_document::{Classification, Urgency};
    let example = &*EXAMPLE;
    let refused = |change: fn(&mut Header)| {
        let mut header = example.header.clone();
        change(&mut header);
        match open_body(example.body.as_slice(), &example.key, &header, &mut NullSink) {
            Err(OpenError::OtherHeader(mismatch)) => mismatch,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(|h| h.id.counter = 43), HeaderMismatch::Envelope);
    assert_eq!(refused(|h| h.directory = 2), HeaderMismatch::Directory);
    assert_eq!(refused(|h| h.to.truncate(2)), HeaderMismatch::Destinations);
    assert_eq!(refused(|h| h.urgency = Urgency::Flash), HeaderMismatch::Urgency);
    assert_eq!(refused(|h| h.classification = Classification::Secret), HeaderMismatch::Classification);
    let mut foreign = Manifest::from_text(&example.manifest_text).unwrap();
    foreign.from = "gov-office@653101".parse().unwrap();
    assert_eq!(example.header.check_manifest(&foreign), Err(HeaderMismatch::Origin));
}

#[test]
fn a_manifest_for_other_files_or_no_signature_is_not_closed() {
    let closer = || {
        let mut closer = BodyCloser::new(Vec::new(), &FileKey::generate().unwrap()).unwrap();
        closer.begin_part(3).unwrap();
        closer.write_part(b"abc").unwrap();
        (closer.end_part().unwrap(), closer)
    };
    let (part, good) = closer();
    let text = |parts: &[(u64, Digest)]| manifest(parts, 1).to_text().unwrap();
    assert!(good.finish(&text(&[part]), &signature()).is_ok());
    for wrong in [vec![(3, Digest::of(b"abd"))], vec![(4, part.1)], vec![part, part]] {
        assert!(matches!(closer().1.finish(&text(&wrong), &signature()), Err(CloseError::OtherParts)));
    }
    assert!(matches!(closer().1.finish("manifest", &signature()), Err(CloseError::Manifest(_))));
    for bytes in [0, crate::limits::CMS_BYTES_MAX + 1] {
        let cms = OfficeSignature::alone(vec![0; bytes]);
        assert!(matches!(closer().1.finish(&text(&[part]), &cms), Err(CloseError::Signature(_))));
    }
}

#[test]
fn a_sink_that_fails_stops_the_opening() {
    struct Full;
    impl PartSink for Full {
        fn begin(&mut self, _number: u32, _size: u64) -> io::Result<()> {
            Ok(())
        }
        fn write(&mut self, _bytes: &[u8]) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn end(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let refused = open_body(EXAMPLE.body.as_slice(), &EXAMPLE.key, &EXAMPLE.header, &mut Full).unwrap_err();
    assert!(matches!(refused, OpenError::Sink(error) if error.kind() == io::ErrorKind::StorageFull));
}

#[test]
fn titles_offices_and_keys_do_not_show_in_debug_output() {
    let opened = open_body(EXAMPLE.body.as_slice(), &EXAMPLE.key, &EXAMPLE.header, &mut NullSink).unwrap();
    assert_eq!(format!("{opened:?}"), "Opened { envelope: 652301.0.42, .. }");
}

#[test]
fn two_bodies_under_one_file_key_differ_in_every_byte_string() {
    let key = FileKey::generate().unwrap();
    let close = || {
        let mut closer = BodyCloser::new(Vec::new(), &key).unwrap();
        closer.begin_part(3).unwrap();
        closer.write_part(b"abc").unwrap();
        let part = closer.end_part().unwrap();
        closer.finish(&manifest(&[part], 1).to_text().unwrap(), &signature()).unwrap()
    };
    let (one, two) = (close(), close());
    assert_ne!(one.out[..16], two.out[..16]);
    assert_ne!(one.out[16..64], two.out[16..64]);
    for closed in [one, two] {
        let body = crate::Body { size: closed.size, pieces: closed.root() };
        let header = header(body, Digest::of(b""), key.commitment(), 1);
        assert!(open_body(closed.out.as_slice(), &key, &header, &mut NullSink).is_ok());
    }
}

proptest! {
    #[test]
    fn any_changed_byte_of_a_slip_is_refused(at in 0usize..168, flip in 1u8..=255) {
        let mut slip = EXAMPLE.slips[1].clone();
        slip.header[at] ^= flip;
        prop_assert_eq!(slip.check(&EXAMPLE.header), Err(SlipError::NotCommitted));
        prop_assert!(slip.open(&EXAMPLE.header, &EXAMPLE.openers[1]).is_err());
    }

    #[test]
    fn any_changed_byte_of_a_body_is_refused(at in any::<proptest::sample::Index>(), flip in 1u8..=255) {
        let mut body = EXAMPLE.body.clone();
        let at = at.index(body.len());
        body[at] ^= flip;
        prop_assert!(open_body(body.as_slice(), &EXAMPLE.key, &EXAMPLE.header, &mut NullSink).is_err());
        let mut hasher = PieceHasher::new();
        hasher.update(&body);
        prop_assert!(!EXAMPLE.header.has_pieces(&hasher.finish()));
    }

    #[test]
    fn any_changed_byte_of_a_header_is_refused_or_makes_another_digest(
        at in any::<proptest::sample::Index>(), flip in 1u8..=255
    ) {
        let mut bytes = EXAMPLE.header.to_bytes().unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(header) = Header::from_bytes(&bytes) {
            prop_assert_ne!(header.digest().unwrap(), EXAMPLE.header.digest().unwrap());
        }
    }

    #[test]
    fn files_of_any_sizes_read_back(sizes in proptest::collection::vec(0usize..3000, 1..6)) {
        let files: Vec<_> = sizes.into_iter().map(bytes).collect();
        let example = close(&files, 1);
        let mut found = Files::default();
        let key = example.slips[0].open(&example.header, &example.openers[0]).unwrap();
        open_body(example.body.as_slice(), &key, &example.header, &mut found).unwrap();
        prop_assert_eq!(found.0, files);
    }
}

#[test]
fn a_document_signed_in_a_batch_opens_with_what_was_signed_and_only_at_its_own_place() {
    let key = FileKey::generate().unwrap();
    let opener = OpeningKey::generate().unwrap();
    let slips = close_slips(&key, &[opener.public()]).unwrap();
    let begun = |content: &[u8]| {
        let mut closer = BodyCloser::new(Vec::new(), &key).unwrap();
        closer.begin_part(content.len() as u64).unwrap();
        closer.write_part(content).unwrap();
        let part = closer.end_part().unwrap();
        (closer, manifest(&[part], 1).to_text().unwrap())
    };
    let (first, second) = (begun(b"one"), begun(b"two"));
    let texts = [first.1.as_str(), second.1.as_str()];
    let of = Manifest::from_text(texts[0]).unwrap();
    let (tree, paths) = ManifestTree::over(&texts, &of.suite, of.time, of.from).unwrap();
    let signed = |index: usize| OfficeSignature {
        cms: b"cms".to_vec(),
        batch: Some(SignedTree { tree: tree.to_text(), path: paths[index].to_text() }),
    };
    assert!(matches!(begun(b"one").0.finish(texts[0], &signed(1)), Err(CloseError::Signature(_))));
    for (index, (closer, text)) in [begun(b"one"), begun(b"two")].into_iter().enumerate() {
        let text = text.as_str();
        let closed = closer.finish(text, &signed(index)).unwrap();
        let body = crate::Body { size: closed.size, pieces: closed.root() };
        let header = header(body, slips.root(), key.commitment(), 1);
        let opened = open_body(closed.out.as_slice(), &key, &header, &mut NullSink).unwrap();
        assert_eq!(opened.signature, signed(index));
        assert_eq!(opened.signature.signed_text(&opened.manifest_text), tree.to_text());
    }
}
