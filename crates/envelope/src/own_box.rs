//! What a node closes to itself, to be stored: no key agreement, since nobody else has to open it.
//!
//! ChaCha20-Poly1305 (RFC 8439) with a random nonce of 96 bits under a key that follows from the node's opening key:
//! HKDF-SHA256 over the X25519 agreement of the key with its own public key. 2^32 boxes under one key keep the risk of a
//! repeated nonce below 2^-32; ten years of a busy node are 50 million.

use crate::file_key::{chacha20_poly1305, derive};
use crate::{AttachmentError, RandomError};
use ring::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};
use ring::rand::{SecureRandom, SystemRandom};
use yizhan_identity::OpeningKey;
use zeroize::Zeroizing;

/// The first byte of a box. An age file, as cards were closed before, begins with `a`.
const VERSION: u8 = 1;
const INFO: &[u8] = b"yizhan/own-box/v1";

/// Closes and opens a node's own boxes.
pub struct OwnBox(LessSafeKey);

impl OwnBox {
    /// For the node with this opening key.
    pub fn new(key: &OpeningKey) -> Result<Self, AttachmentError> {
        // Only a key of low order agrees on nothing, and clamping leaves none.
        let shared = key.agree(&key.public().0).ok_or(AttachmentError::Recipient)?;
        Ok(Self(chacha20_poly1305(&derive(&[], shared.as_slice(), INFO))))
    }

    /// Closes `plaintext`: version, nonce, ciphertext and tag.
    pub fn close(&self, plaintext: &[u8]) -> Result<Vec<u8>, AttachmentError> {
        let random = |_| AttachmentError::Random(RandomError);
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(random)?;
        let mut sealed = plaintext.to_vec();
        let tag = self
            .0
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from([VERSION]),
                &mut sealed,
            )
            .map_err(random)?;
        Ok([&[VERSION], nonce.as_slice(), &sealed, tag.as_ref()].concat())
    }

    /// Opens what [`Self::close`] closed; `None` if it is no box, so that the caller may know it for something older.
    pub fn open(&self, closed: &[u8]) -> Option<Result<Zeroizing<Vec<u8>>, AttachmentError>> {
        let rest = closed.strip_prefix(&[VERSION])?;
        let opened = rest.split_first_chunk::<NONCE_LEN>().and_then(|(nonce, sealed)| {
            let mut plain = Zeroizing::new(sealed.to_vec());
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let length = self.0.open_in_place(nonce, Aad::from([VERSION]), &mut plain).ok()?.len();
            plain.truncate(length);
            Some(plain)
        });
        Some(opened.ok_or(AttachmentError::Damaged))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_opens_for_its_own_node_and_no_changed_byte_passes() {
        let key = OpeningKey::generate().unwrap();
        let own = OwnBox::new(&key).unwrap();
        for plain in [&b""[..], b"card", &[7; 5000]] {
            let closed = own.close(plain).unwrap();
            assert_ne!(closed, own.close(plain).unwrap());
            assert_eq!(own.open(&closed).unwrap().unwrap().as_slice(), plain);
            let other = OwnBox::new(&OpeningKey::generate().unwrap()).unwrap();
            assert_eq!(other.open(&closed).unwrap(), Err(AttachmentError::Damaged));
            for at in 1..closed.len().min(40) {
                let mut changed = closed.clone();
                changed[at] ^= 1;
                assert_eq!(own.open(&changed).unwrap(), Err(AttachmentError::Damaged));
            }
            assert_eq!(own.open(&closed[..12]).unwrap(), Err(AttachmentError::Damaged));
        }
        assert!(own.open(b"age-encryption.org/v1\n").is_none() && own.open(b"").is_none());
    }
}
