//! The file key of an envelope, and the keys that the age format derives from it.

use ring::rand::{SecureRandom, SystemRandom};
use ring::{aead, hkdf, hmac};
use std::fmt;
use yizhan_document::Digest;
use yizhan_planted::{Bug, on};
use zeroize::Zeroizing;

const COMMITMENT_INFO: &[u8] = b"yizhan/file-key-commitment/v1";

/// The 16 random bytes that a body is encrypted with and that every slip wraps. Zeroized when dropped, never shown.
pub struct FileKey(Zeroizing<[u8; 16]>);

/// The operating system gave no random bytes. The machine is to blame; stop the node, and do not try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes; nothing can be encrypted on this machine")]
pub struct RandomError;

impl FileKey {
    /// A fresh key.
    pub fn generate() -> Result<Self, RandomError> {
        let mut bytes = Zeroizing::new([0; 16]);
        if !on(Bug::FileKeyReused) {
            SystemRandom::new().fill(bytes.as_mut_slice()).map_err(|_| RandomError)?;
        }
        Ok(Self(bytes))
    }

    /// What the header says of the key: HKDF-SHA256 of it with the info `yizhan/file-key-commitment/v1`. ChaCha20-Poly1305
    /// does not commit to its key, so without this a sender could make one body that opens differently for two recipients.
    pub fn commitment(&self) -> Digest {
        Digest(*derive(&[], self.0.as_slice(), COMMITMENT_INFO))
    }

    /// The file key in unwrapped form; `None` unless it has 16 bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The key of the age header's MAC.
    pub(crate) fn mac_key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, derive(&[], self.0.as_slice(), b"header").as_slice())
    }

    /// The key of the age payload with this nonce.
    pub(crate) fn payload_key(&self, nonce: &[u8]) -> aead::LessSafeKey {
        chacha20_poly1305(&derive(nonce, self.0.as_slice(), b"payload"))
    }
}

impl fmt::Debug for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileKey(..)")
    }
}

/// HKDF-SHA256 (RFC 5869) with 32 bytes of output.
pub(crate) fn derive(salt: &[u8], secret: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    let filled = hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(secret)
        .expand(&[info], hkdf::HKDF_SHA256)
        .and_then(|material| material.fill(out.as_mut_slice()));
    #[expect(
        clippy::expect_used,
        reason = "only more than 8,160 bytes, or another length than asked for, can fail"
    )]
    filled.expect("32 bytes were asked for and 32 are filled");
    out
}

/// The cipher of age with this key.
pub(crate) fn chacha20_poly1305(key: &[u8; 32]) -> aead::LessSafeKey {
    #[expect(clippy::expect_used, reason = "only another length can fail, and the type fixes it")]
    let key = aead::UnboundKey::new(&aead::CHACHA20_POLY1305, key).expect("the key has 32 bytes");
    aead::LessSafeKey::new(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commitment_depends_on_the_key_alone() {
        let key = FileKey::from_bytes(&[7; 16]).unwrap();
        assert_eq!(key.commitment(), FileKey::from_bytes(&[7; 16]).unwrap().commitment());
        assert_ne!(key.commitment(), FileKey::from_bytes(&[8; 16]).unwrap().commitment());
        assert_ne!(FileKey::generate().unwrap().commitment(), FileKey::generate().unwrap().commitment());
    }

    #[test]
    fn the_derivation_is_that_of_rfc_5869_test_case_1() {
        let info = [0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9];
        let salt: Vec<u8> = (0..=0x0c).collect();
        let start =
            [0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a, 0x90, 0x43, 0x4f, 0x64, 0xd0, 0x36, 0x2f, 0x2a];
        assert_eq!(derive(&salt, &[0x0b; 22], &info)[..16], start);
    }

    #[test]
    fn a_key_is_never_shown() {
        assert_eq!(format!("{:?}", FileKey::from_bytes(&[7; 16]).unwrap()), "FileKey(..)");
        assert!(FileKey::from_bytes(&[7; 15]).is_none());
    }
}
