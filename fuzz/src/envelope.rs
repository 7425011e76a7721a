//! Envelopes: the outer header, slips with their age headers, bodies with the archive inside, attachments.

use crate::{parts, text};
use std::io::Read;
use std::sync::OnceLock;
use yizhan_document::{Digest, Manifest, merkle};
use yizhan_envelope::{
    FileKey, Header, NullSink, Slip, close_attachment, fuzzing, open_archive, open_attachment, open_body,
};
use yizhan_identity::OpeningKey;

/// An age identity that opens nothing but seeds, and no secret: its bytes are 1 to 32.
pub(crate) fn opening_key() -> &'static OpeningKey {
    static KEY: OnceLock<OpeningKey> = OnceLock::new();
    KEY.get_or_init(|| {
        let bytes: Vec<u8> = (1..=32).collect();
        let text =
            bech32::encode_upper::<bech32::Bech32>(bech32::Hrp::parse_unchecked("age-secret-key-"), &bytes);
        OpeningKey::from_text(&text.expect("32 bytes have a text")).expect("the key of the seeds reads")
    })
}

fn file_key() -> &'static FileKey {
    static KEY: OnceLock<FileKey> = OnceLock::new();
    KEY.get_or_init(|| FileKey::generate().expect("random bytes"))
}

/// A header, then the age headers of its slips.
pub(crate) fn header_and_slips(data: &[u8]) -> bool {
    let parts = parts(data);
    let Ok(mut header) = Header::from_bytes(parts[0]) else { return false };
    assert_eq!(header.to_bytes().as_deref(), Ok(parts[0]), "a header is written otherwise than it was read");
    assert_eq!(header.digest(), Ok(Digest::of(parts[0])));
    for (index, to) in (0u32..).zip(&header.to) {
        assert_eq!(header.index_of(&to.node), Some(index));
    }
    let slips = &parts[1..];
    let leaves: Vec<_> = slips.iter().map(|slip| merkle::leaf_hash(slip)).collect();
    let mut good = slips.is_empty();
    for (index, slip) in (0u32..).zip(slips) {
        let slip = |path| Slip { index, header: slip.to_vec(), path };
        // As it came, and with the commitment to it put right.
        let _ = slip(Vec::new()).open(&header, opening_key());
        header.slips = merkle::root(&leaves);
        let path = merkle::inclusion_path(&leaves, index as usize).unwrap_or_default();
        good |= slip(path).open(&header, opening_key()).is_ok();
    }
    good
}

/// An envelope's header, then the plaintext of a body; and the same bytes as ciphertext.
pub(crate) fn body(data: &[u8]) -> bool {
    let parts = parts(data);
    let Ok(header) = Header::from_bytes(parts[0]) else { return false };
    let plain = data.get(parts[0].len() + crate::BETWEEN.len()..).unwrap_or_default();
    assert!(open_body(plain, file_key(), &header, &mut NullSink).is_err(), "bytes passed for ciphertext");
    let closed = fuzzing::close_anything(plain, file_key()).expect("memory takes everything");
    let mut read = Vec::new();
    let archive =
        open_archive(closed.as_slice(), file_key()).map(|mut archive| archive.read_to_end(&mut read));
    assert!(matches!(archive, Ok(Ok(len)) if len == plain.len()) && read == plain);
    match open_body(closed.as_slice(), file_key(), &header, &mut NullSink) {
        Ok(opened) => {
            assert_eq!(opened.manifest.to_text().as_deref(), Ok(opened.manifest_text.as_str()));
            assert_eq!(header.check_manifest(&opened.manifest), Ok(()));
            true
        }
        Err(_) => {
            if let Some(manifest) = text(plain).and_then(|text| Manifest::from_text(text).ok()) {
                let _ = header.check_manifest(&manifest);
            }
            false
        }
    }
}

/// An attachment as it came; and one with these bytes inside.
pub(crate) fn attachment(data: &[u8]) -> bool {
    let opened = open_attachment(data, opening_key());
    if let Ok(closed) = close_attachment(data, &opening_key().public()) {
        let again = open_attachment(&closed, opening_key()).expect("what was closed opens");
        assert_eq!(again.as_slice(), data);
    }
    opened.is_ok()
}
