//! Tests of hostile archives inside well-encrypted bodies: what a malicious origin could send.

use crate::example::{CMS, header, manifest};
use crate::limits::{CMS_BYTES_MAX, body_bytes};
use crate::member::{END, MANIFEST, SIGNATURE, header_block, padding};
use crate::stream::Encryptor;
use crate::{Body, FileKey, NullSink, OpenError, Opened, open_body};
use yizhan_document::limits::{CONTENT_BYTES_MAX, MANIFEST_BYTES_MAX, PARTS_MAX};
use yizhan_document::{Digest, Manifest};

fn open(archive: &[u8]) -> Result<Opened, OpenError> {
    let key = FileKey::generate().unwrap();
    let mut encryptor = Encryptor::new(Vec::new(), &key).unwrap();
    encryptor.write_all(archive).unwrap();
    let body = encryptor.finish().unwrap();
    assert_eq!(body.len() as u64, body_bytes(archive.len() as u64));
    let nothing = Digest::of(b"");
    let header = header(Body { size: body.len() as u64, pieces: nothing }, nothing, key.commitment(), 1);
    open_body(body.as_slice(), &key, &header, &mut NullSink)
}

fn member(name: &str, content: &[u8]) -> Vec<u8> {
    let size = content.len() as u64;
    [&header_block(name, size).unwrap(), content, padding(size)].concat()
}

fn text() -> String {
    manifest(&[(3, Digest::of(b"abc"))], 1).to_text().unwrap()
}

fn good() -> [Vec<u8>; 4] {
    [member("1", b"abc"), member(MANIFEST, text().as_bytes()), member(SIGNATURE, CMS), END.to_vec()]
}

fn place(archive: &[u8]) -> &'static str {
    match open(archive) {
        Err(OpenError::Archive { place }) => place,
        other => panic!("{other:?}"),
    }
}

/// The good archive with the header block of its first file changed, and its checksum set right again.
fn first_header(change: impl Fn(&mut tar::Header)) -> Vec<u8> {
    let mut archive = good().concat();
    let mut header = tar::Header::from_byte_slice(&archive[..512]).clone();
    change(&mut header);
    header.set_cksum();
    archive[..512].copy_from_slice(header.as_bytes());
    archive
}

#[test]
fn the_good_archive_opens() {
    let opened = open(&good().concat()).unwrap();
    assert_eq!(opened.manifest, Manifest::from_text(&text()).unwrap());
    assert!(open(&first_header(|_| ())).is_ok());
}

#[test]
fn links_devices_sparse_files_and_extensions_are_refused() {
    for kind in *b"\x00123456789LKxgSV" {
        let archive = first_header(|header| header.as_mut_bytes()[156] = kind);
        assert_eq!(place(&archive), "the header of a file", "{kind}");
    }
}

#[test]
fn names_that_are_not_the_next_number_are_refused() {
    for name in ["", "2", "0", "01", "/1", "../1", "./1", "1/", "通知.pdf", MANIFEST, SIGNATURE] {
        let archive = first_header(|header| {
            header.as_mut_bytes()[..100].fill(0);
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        });
        assert_eq!(place(&archive), "the header of a file", "{name}");
    }
}

#[test]
fn owners_modes_times_and_second_spellings_of_a_size_are_refused() {
    assert_eq!(place(&first_header(|header| header.set_mode(0o4755))), "the header of a file");
    assert_eq!(place(&first_header(|header| header.set_uid(1))), "the header of a file");
    assert_eq!(place(&first_header(|header| header.set_mtime(1))), "the header of a file");
    assert_eq!(place(&first_header(|header| header.set_username("root").unwrap())), "the header of a file");
    assert_eq!(place(&first_header(|header| header.as_mut_bytes()[500] = 1)), "the header of a file");
    let spaces = first_header(|header| header.as_old_mut().size = *b"          3\0");
    assert_eq!(place(&spaces), "the header of a file");
    assert_eq!(
        place(&first_header(|header| header.as_old_mut().size = *b"three bytes!")),
        "the header of a file"
    );
    let mut checksum = good().concat();
    checksum[148] ^= 1;
    assert_eq!(place(&checksum), "the header of a file");
}

#[test]
fn bytes_hidden_after_a_file_or_after_the_end_are_refused() {
    let mut hidden = good().concat();
    hidden[512 + 3] = 1;
    assert_eq!(place(&hidden), "the end of a file");
    let mut end = good();
    end[3][700] = 1;
    assert_eq!(place(&end.concat()), "its end");
    for more in [vec![0; 1], vec![0; 512], member("2", b"hidden")] {
        assert_eq!(place(&[good().concat(), more].concat()), "what follows its end");
    }
}

#[test]
fn missing_and_exchanged_members_are_refused() {
    let [file, manifest, signature, end] = good();
    assert_eq!(place(&[&*manifest, &*signature, &*end].concat()), "the header of a file");
    assert_eq!(place(&[&*file, &*signature, &*manifest, &*end].concat()), "the header of a file");
    assert_eq!(place(&[&*file, &*manifest, &*end].concat()), "the header of the signature");
    assert_eq!(place(&[&*file, &*manifest, &*manifest, &*end].concat()), "the header of the signature");
    assert_eq!(
        place(&[&*file, &*manifest, &member(SIGNATURE, b""), &*end].concat()),
        "the header of the signature"
    );
    assert_eq!(place(&[&*file, &*manifest, &*signature].concat()), "its early end");
    assert_eq!(place(&[&*file, &*manifest, &*signature, &end[..512]].concat()), "its early end");
    assert_eq!(place(&file[..514]), "its early end");
    assert_eq!(place(b""), "its early end");
}

#[test]
fn files_other_than_the_signed_ones_are_refused() {
    let [_, manifest, signature, end] = good();
    let other = |files: &[Vec<u8>]| match open(&[&files.concat(), &*manifest, &*signature, &*end].concat()) {
        Err(OpenError::OtherPart { number }) => number,
        other => panic!("{other:?}"),
    };
    assert_eq!(other(&[member("1", b"abd")]), 1);
    assert_eq!(other(&[member("1", b"abcd")]), 1);
    assert_eq!(other(&[member("1", b"abc"), member("2", b"")]), 2);
}

#[test]
fn more_than_a_document_may_hold_is_refused_before_it_is_read() {
    let [file, manifest, ..] = good();
    let limit = |archive: &[u8]| assert!(matches!(open(archive), Err(OpenError::Limit)));
    limit(&header_block("1", CONTENT_BYTES_MAX + 1).unwrap());
    limit(&header_block("1", u64::MAX).unwrap());
    limit(&[&file, header_block("2", u64::MAX).unwrap().as_slice()].concat());
    let large = header_block(MANIFEST, MANIFEST_BYTES_MAX as u64 + 1).unwrap();
    limit(&[&file, large.as_slice()].concat());
    let large = header_block(SIGNATURE, CMS_BYTES_MAX as u64 + 1).unwrap();
    limit(&[&file, &manifest, large.as_slice()].concat());
    let many: Vec<u8> = (1..=PARTS_MAX + 1).flat_map(|number| member(&number.to_string(), b"")).collect();
    limit(&many);
}

#[test]
fn a_manifest_that_is_no_text_or_none_is_refused() {
    let [file, _, signature, end] = good();
    let with = |manifest: &[u8]| [&*file, &member(MANIFEST, manifest), &*signature, &*end].concat();
    assert_eq!(place(&with(b"\xff")), "the text of the manifest");
    assert!(matches!(open(&with(b"")), Err(OpenError::Manifest(_))));
    assert!(matches!(open(&with(text().trim_end().as_bytes())), Err(OpenError::Manifest(_))));
}
